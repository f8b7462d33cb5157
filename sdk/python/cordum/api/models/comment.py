from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Comment")


@_attrs_define
class Comment:
    """
    Attributes:
        comment (str | Unset):
        expect_hash (str | Unset):
        reason (str | Unset): The same as comment
    """

    comment: str | Unset = UNSET
    expect_hash: str | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        comment = self.comment

        expect_hash = self.expect_hash

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if comment is not UNSET:
            field_dict["comment"] = comment
        if expect_hash is not UNSET:
            field_dict["expect_hash"] = expect_hash
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        comment = d.pop("comment", UNSET)

        expect_hash = d.pop("expect_hash", UNSET)

        reason = d.pop("reason", UNSET)

        comment = cls(
            comment=comment,
            expect_hash=expect_hash,
            reason=reason,
        )

        return comment

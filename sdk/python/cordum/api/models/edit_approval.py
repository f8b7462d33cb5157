from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="EditApproval")


@_attrs_define
class EditApproval:
    """
    Attributes:
        input_ (Any): Any JSON value: what the worker would get instead
        comment (str | Unset): Why; kept in the record
        expect_hash (str | Unset): hash of the approval as it was shown; anything else by now is a conflict
    """

    input_: Any
    comment: str | Unset = UNSET
    expect_hash: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        input_ = self.input_

        comment = self.comment

        expect_hash = self.expect_hash

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "input": input_,
            }
        )
        if comment is not UNSET:
            field_dict["comment"] = comment
        if expect_hash is not UNSET:
            field_dict["expect_hash"] = expect_hash

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        input_ = d.pop("input")

        comment = d.pop("comment", UNSET)

        expect_hash = d.pop("expect_hash", UNSET)

        edit_approval = cls(
            input_=input_,
            comment=comment,
            expect_hash=expect_hash,
        )

        return edit_approval

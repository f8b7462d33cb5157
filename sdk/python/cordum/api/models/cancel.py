from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Cancel")


@_attrs_define
class Cancel:
    """
    Attributes:
        force (bool | Unset): End a faulted run without deciding anything
        reason (str | Unset): Why; recorded with what is done
        rollback (bool | Unset): Undo what the run did
    """

    force: bool | Unset = UNSET
    reason: str | Unset = UNSET
    rollback: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        force = self.force

        reason = self.reason

        rollback = self.rollback

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if force is not UNSET:
            field_dict["force"] = force
        if reason is not UNSET:
            field_dict["reason"] = reason
        if rollback is not UNSET:
            field_dict["rollback"] = rollback

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        force = d.pop("force", UNSET)

        reason = d.pop("reason", UNSET)

        rollback = d.pop("rollback", UNSET)

        cancel = cls(
            force=force,
            reason=reason,
            rollback=rollback,
        )

        return cancel

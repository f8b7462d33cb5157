from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PolicyRollback")


@_attrs_define
class PolicyRollback:
    """
    Attributes:
        to (str): A version's number, or the digest of a snapshot
        break_glass (bool | Unset): Go past what the policy says of its own change; needs a reason
        reason (str | Unset): Why; kept with the version. X-Reason by default
    """

    to: str
    break_glass: bool | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        to = self.to

        break_glass = self.break_glass

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "to": to,
            }
        )
        if break_glass is not UNSET:
            field_dict["break_glass"] = break_glass
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        to = d.pop("to")

        break_glass = d.pop("break_glass", UNSET)

        reason = d.pop("reason", UNSET)

        policy_rollback = cls(
            to=to,
            break_glass=break_glass,
            reason=reason,
        )

        return policy_rollback

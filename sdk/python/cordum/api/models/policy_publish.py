from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PolicyPublish")


@_attrs_define
class PolicyPublish:
    """
    Attributes:
        break_glass (bool | Unset): Go past what the policy says of its own change, and past approvals that nobody could
            give; needs a reason
        bundles (list[str] | Unset): Only these; without any, all drafts, which are then all there is beside the policy
            file
        max_newly_denied (int | Unset): Refuse when more recorded decisions than this would be denied
        reason (str | Unset): Why; kept with the version. X-Reason by default
    """

    break_glass: bool | Unset = UNSET
    bundles: list[str] | Unset = UNSET
    max_newly_denied: int | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        break_glass = self.break_glass

        bundles: list[str] | Unset = UNSET
        if not isinstance(self.bundles, Unset):
            bundles = self.bundles

        max_newly_denied = self.max_newly_denied

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if break_glass is not UNSET:
            field_dict["break_glass"] = break_glass
        if bundles is not UNSET:
            field_dict["bundles"] = bundles
        if max_newly_denied is not UNSET:
            field_dict["max_newly_denied"] = max_newly_denied
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        break_glass = d.pop("break_glass", UNSET)

        bundles = cast(list[str], d.pop("bundles", UNSET))

        max_newly_denied = d.pop("max_newly_denied", UNSET)

        reason = d.pop("reason", UNSET)

        policy_publish = cls(
            break_glass=break_glass,
            bundles=bundles,
            max_newly_denied=max_newly_denied,
            reason=reason,
        )

        return policy_publish

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ShadowInfo")


@_attrs_define
class ShadowInfo:
    """
    Attributes:
        at (datetime.datetime):
        by (str):
        rules (int):
        snapshot (str):
        reason (str | Unset):
    """

    at: datetime.datetime
    by: str
    rules: int
    snapshot: str
    reason: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        by = self.by

        rules = self.rules

        snapshot = self.snapshot

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "by": by,
                "rules": rules,
                "snapshot": snapshot,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        by = d.pop("by")

        rules = d.pop("rules")

        snapshot = d.pop("snapshot")

        reason = d.pop("reason", UNSET)

        shadow_info = cls(
            at=at,
            by=by,
            rules=rules,
            snapshot=snapshot,
            reason=reason,
        )

        shadow_info.additional_properties = d
        return shadow_info

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties

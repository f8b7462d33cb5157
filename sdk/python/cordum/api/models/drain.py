from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.drain_of import DrainOf
from ..types import UNSET, Unset

T = TypeVar("T", bound="Drain")


@_attrs_define
class Drain:
    """
    Attributes:
        name (str):
        of (DrainOf):
        set_at (datetime.datetime):
        set_by (str):
        reason (str | Unset):
    """

    name: str
    of: DrainOf
    set_at: datetime.datetime
    set_by: str
    reason: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        of = self.of.value

        set_at = self.set_at.isoformat()

        set_by = self.set_by

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "of": of,
                "set_at": set_at,
                "set_by": set_by,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        of = DrainOf(d.pop("of"))

        set_at = datetime.datetime.fromisoformat(d.pop("set_at"))

        set_by = d.pop("set_by")

        reason = d.pop("reason", UNSET)

        drain = cls(
            name=name,
            of=of,
            set_at=set_at,
            set_by=set_by,
            reason=reason,
        )

        drain.additional_properties = d
        return drain

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ConfigSource")


@_attrs_define
class ConfigSource:
    """
    Attributes:
        read_at (datetime.datetime):
        source (str): pools file, pools document, …
        empty (bool | Unset): It says nothing, or is not there
        problem (str | Unset): Why what it says now is not in force; what it said before is
    """

    read_at: datetime.datetime
    source: str
    empty: bool | Unset = UNSET
    problem: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        read_at = self.read_at.isoformat()

        source = self.source

        empty = self.empty

        problem = self.problem

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "read_at": read_at,
                "source": source,
            }
        )
        if empty is not UNSET:
            field_dict["empty"] = empty
        if problem is not UNSET:
            field_dict["problem"] = problem

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        read_at = datetime.datetime.fromisoformat(d.pop("read_at"))

        source = d.pop("source")

        empty = d.pop("empty", UNSET)

        problem = d.pop("problem", UNSET)

        config_source = cls(
            read_at=read_at,
            source=source,
            empty=empty,
            problem=problem,
        )

        config_source.additional_properties = d
        return config_source

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

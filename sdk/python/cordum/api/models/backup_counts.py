from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="BackupCounts")


@_attrs_define
class BackupCounts:
    """
    Attributes:
        blobs (int):
        facts (int):
        live (int): Of these, those that have not ended
        runs (int): Runs and single jobs, ended or not
    """

    blobs: int
    facts: int
    live: int
    runs: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        blobs = self.blobs

        facts = self.facts

        live = self.live

        runs = self.runs

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "blobs": blobs,
                "facts": facts,
                "live": live,
                "runs": runs,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        blobs = d.pop("blobs")

        facts = d.pop("facts")

        live = d.pop("live")

        runs = d.pop("runs")

        backup_counts = cls(
            blobs=blobs,
            facts=facts,
            live=live,
            runs=runs,
        )

        backup_counts.additional_properties = d
        return backup_counts

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.retention_part_kind import RetentionPartKind
from ..models.retention_part_why import RetentionPartWhy

T = TypeVar("T", bound="RetentionPart")


@_attrs_define
class RetentionPart:
    """
    Attributes:
        examples (list[str]): Ids of some
        kind (RetentionPartKind):
        newest (datetime.datetime): When the last of them ended
        oldest (datetime.datetime): When the first of them ended
        runs (int):
        tenant (str):
        why (RetentionPartWhy):
    """

    examples: list[str]
    kind: RetentionPartKind
    newest: datetime.datetime
    oldest: datetime.datetime
    runs: int
    tenant: str
    why: RetentionPartWhy
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        examples = self.examples

        kind = self.kind.value

        newest = self.newest.isoformat()

        oldest = self.oldest.isoformat()

        runs = self.runs

        tenant = self.tenant

        why = self.why.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "examples": examples,
                "kind": kind,
                "newest": newest,
                "oldest": oldest,
                "runs": runs,
                "tenant": tenant,
                "why": why,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        examples = cast(list[str], d.pop("examples"))

        kind = RetentionPartKind(d.pop("kind"))

        newest = datetime.datetime.fromisoformat(d.pop("newest"))

        oldest = datetime.datetime.fromisoformat(d.pop("oldest"))

        runs = d.pop("runs")

        tenant = d.pop("tenant")

        why = RetentionPartWhy(d.pop("why"))

        retention_part = cls(
            examples=examples,
            kind=kind,
            newest=newest,
            oldest=oldest,
            runs=runs,
            tenant=tenant,
            why=why,
        )

        retention_part.additional_properties = d
        return retention_part

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.retention_rule_kind import RetentionRuleKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="RetentionRule")


@_attrs_define
class RetentionRule:
    """
    Attributes:
        kind (RetentionRuleKind):
        age (str | Unset): Since the end; absent: for ever
        count (int | Unset): Those that began last; absent: any number
    """

    kind: RetentionRuleKind
    age: str | Unset = UNSET
    count: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind.value

        age = self.age

        count = self.count

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
            }
        )
        if age is not UNSET:
            field_dict["age"] = age
        if count is not UNSET:
            field_dict["count"] = count

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        kind = RetentionRuleKind(d.pop("kind"))

        age = d.pop("age", UNSET)

        count = d.pop("count", UNSET)

        retention_rule = cls(
            kind=kind,
            age=age,
            count=count,
        )

        retention_rule.additional_properties = d
        return retention_rule

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

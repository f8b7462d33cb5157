from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.retention_part import RetentionPart
    from ..models.retention_rule import RetentionRule


T = TypeVar("T", bound="RetentionPlan")


@_attrs_define
class RetentionPlan:
    """
    Attributes:
        at (datetime.datetime):
        goes (list[RetentionPart]): What would be removed
        more (bool): There is more than was looked at: every number is one of at least
        rules (list[RetentionRule]): One for each kind of run
        stays (list[RetentionPart]): What is too old or too many, and is kept all the same
    """

    at: datetime.datetime
    goes: list[RetentionPart]
    more: bool
    rules: list[RetentionRule]
    stays: list[RetentionPart]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        goes = []
        for goes_item_data in self.goes:
            goes_item = goes_item_data.to_dict()
            goes.append(goes_item)

        more = self.more

        rules = []
        for rules_item_data in self.rules:
            rules_item = rules_item_data.to_dict()
            rules.append(rules_item)

        stays = []
        for stays_item_data in self.stays:
            stays_item = stays_item_data.to_dict()
            stays.append(stays_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "goes": goes,
                "more": more,
                "rules": rules,
                "stays": stays,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.retention_part import RetentionPart
        from ..models.retention_rule import RetentionRule

        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        goes = []
        _goes = d.pop("goes")
        for goes_item_data in _goes:
            goes_item = RetentionPart.from_dict(goes_item_data)

            goes.append(goes_item)

        more = d.pop("more")

        rules = []
        _rules = d.pop("rules")
        for rules_item_data in _rules:
            rules_item = RetentionRule.from_dict(rules_item_data)

            rules.append(rules_item)

        stays = []
        _stays = d.pop("stays")
        for stays_item_data in _stays:
            stays_item = RetentionPart.from_dict(stays_item_data)

            stays.append(stays_item)

        retention_plan = cls(
            at=at,
            goes=goes,
            more=more,
            rules=rules,
            stays=stays,
        )

        retention_plan.additional_properties = d
        return retention_plan

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

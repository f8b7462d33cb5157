from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_condition import PlanCondition


T = TypeVar("T", bound="PlanReach")


@_attrs_define
class PlanReach:
    """
    Attributes:
        is_ (str):
        conditions (list[PlanCondition] | Unset):
        reason (str | Unset):
    """

    is_: str
    conditions: list[PlanCondition] | Unset = UNSET
    reason: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        is_ = self.is_

        conditions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.conditions, Unset):
            conditions = []
            for conditions_item_data in self.conditions:
                conditions_item = conditions_item_data.to_dict()
                conditions.append(conditions_item)

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "is": is_,
            }
        )
        if conditions is not UNSET:
            field_dict["conditions"] = conditions
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_condition import PlanCondition

        d = dict(src_dict)
        is_ = d.pop("is")

        _conditions = d.pop("conditions", UNSET)
        conditions: list[PlanCondition] | Unset = UNSET
        if _conditions is not UNSET:
            conditions = []
            for conditions_item_data in _conditions:
                conditions_item = PlanCondition.from_dict(conditions_item_data)

                conditions.append(conditions_item)

        reason = d.pop("reason", UNSET)

        plan_reach = cls(
            is_=is_,
            conditions=conditions,
            reason=reason,
        )

        plan_reach.additional_properties = d
        return plan_reach

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

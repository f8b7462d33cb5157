from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PlanFanOut")


@_attrs_define
class PlanFanOut:
    """
    Attributes:
        expression (str):
        depends_on (list[str] | Unset):
        items (int | Unset):
        max_parallel (int | Unset):
    """

    expression: str
    depends_on: list[str] | Unset = UNSET
    items: int | Unset = UNSET
    max_parallel: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        expression = self.expression

        depends_on: list[str] | Unset = UNSET
        if not isinstance(self.depends_on, Unset):
            depends_on = self.depends_on

        items = self.items

        max_parallel = self.max_parallel

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "expression": expression,
            }
        )
        if depends_on is not UNSET:
            field_dict["depends_on"] = depends_on
        if items is not UNSET:
            field_dict["items"] = items
        if max_parallel is not UNSET:
            field_dict["max_parallel"] = max_parallel

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        expression = d.pop("expression")

        depends_on = cast(list[str], d.pop("depends_on", UNSET))

        items = d.pop("items", UNSET)

        max_parallel = d.pop("max_parallel", UNSET)

        plan_fan_out = cls(
            expression=expression,
            depends_on=depends_on,
            items=items,
            max_parallel=max_parallel,
        )

        plan_fan_out.additional_properties = d
        return plan_fan_out

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

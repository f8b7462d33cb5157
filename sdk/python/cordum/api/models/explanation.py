from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_reason import PlanReason


T = TypeVar("T", bound="Explanation")


@_attrs_define
class Explanation:
    """
    Attributes:
        run (str):
        state (str):
        why (list[PlanReason]):
        advice (list[str] | Unset): What a person can do about it
        step (str | Unset): Path: step, each[2], poll[0]/ask, undo:NAME
    """

    run: str
    state: str
    why: list[PlanReason]
    advice: list[str] | Unset = UNSET
    step: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        run = self.run

        state = self.state

        why = []
        for why_item_data in self.why:
            why_item = why_item_data.to_dict()
            why.append(why_item)

        advice: list[str] | Unset = UNSET
        if not isinstance(self.advice, Unset):
            advice = self.advice

        step = self.step

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "run": run,
                "state": state,
                "why": why,
            }
        )
        if advice is not UNSET:
            field_dict["advice"] = advice
        if step is not UNSET:
            field_dict["step"] = step

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_reason import PlanReason

        d = dict(src_dict)
        run = d.pop("run")

        state = d.pop("state")

        why = []
        _why = d.pop("why")
        for why_item_data in _why:
            why_item = PlanReason.from_dict(why_item_data)

            why.append(why_item)

        advice = cast(list[str], d.pop("advice", UNSET))

        step = d.pop("step", UNSET)

        explanation = cls(
            run=run,
            state=state,
            why=why,
            advice=advice,
            step=step,
        )

        explanation.additional_properties = d
        return explanation

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PlanUndoStep")


@_attrs_define
class PlanUndoStep:
    """
    Attributes:
        if_ (str):
        step (str):
        each (str | Unset):
        items (int | Unset):
        items_depend_on (list[str] | Unset):
        round_ (list[list[PlanUndoStep]] | Unset):
        unless (list[str] | Unset):
        when_unknown (str | Unset):
    """

    if_: str
    step: str
    each: str | Unset = UNSET
    items: int | Unset = UNSET
    items_depend_on: list[str] | Unset = UNSET
    round_: list[list[PlanUndoStep]] | Unset = UNSET
    unless: list[str] | Unset = UNSET
    when_unknown: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        if_ = self.if_

        step = self.step

        each = self.each

        items = self.items

        items_depend_on: list[str] | Unset = UNSET
        if not isinstance(self.items_depend_on, Unset):
            items_depend_on = self.items_depend_on

        round_: list[list[dict[str, Any]]] | Unset = UNSET
        if not isinstance(self.round_, Unset):
            round_ = []
            for round_item_data in self.round_:
                round_item = []
                for round_item_item_data in round_item_data:
                    round_item_item = round_item_item_data.to_dict()
                    round_item.append(round_item_item)

                round_.append(round_item)

        unless: list[str] | Unset = UNSET
        if not isinstance(self.unless, Unset):
            unless = self.unless

        when_unknown = self.when_unknown

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "if": if_,
                "step": step,
            }
        )
        if each is not UNSET:
            field_dict["each"] = each
        if items is not UNSET:
            field_dict["items"] = items
        if items_depend_on is not UNSET:
            field_dict["items_depend_on"] = items_depend_on
        if round_ is not UNSET:
            field_dict["round"] = round_
        if unless is not UNSET:
            field_dict["unless"] = unless
        if when_unknown is not UNSET:
            field_dict["when_unknown"] = when_unknown

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        if_ = d.pop("if")

        step = d.pop("step")

        each = d.pop("each", UNSET)

        items = d.pop("items", UNSET)

        items_depend_on = cast(list[str], d.pop("items_depend_on", UNSET))

        _round_ = d.pop("round", UNSET)
        round_: list[list[PlanUndoStep]] | Unset = UNSET
        if _round_ is not UNSET:
            round_ = []
            for round_item_data in _round_:
                round_item = []
                _round_item = round_item_data
                for round_item_item_data in _round_item:
                    round_item_item = PlanUndoStep.from_dict(round_item_item_data)

                    round_item.append(round_item_item)

                round_.append(round_item)

        unless = cast(list[str], d.pop("unless", UNSET))

        when_unknown = d.pop("when_unknown", UNSET)

        plan_undo_step = cls(
            if_=if_,
            step=step,
            each=each,
            items=items,
            items_depend_on=items_depend_on,
            round_=round_,
            unless=unless,
            when_unknown=when_unknown,
        )

        plan_undo_step.additional_properties = d
        return plan_undo_step

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

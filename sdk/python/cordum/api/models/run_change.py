from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="RunChange")


@_attrs_define
class RunChange:
    """
    Attributes:
        run (str):
        workflow (str):
        asks (list[str] | Unset): Steps before it that would have needed an approval and had none
        never (list[str] | Unset): Steps behind that, which would not have been
        rule (str | Unset): By this rule
        stops_at (str | Unset): The first step that would be denied
    """

    run: str
    workflow: str
    asks: list[str] | Unset = UNSET
    never: list[str] | Unset = UNSET
    rule: str | Unset = UNSET
    stops_at: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        run = self.run

        workflow = self.workflow

        asks: list[str] | Unset = UNSET
        if not isinstance(self.asks, Unset):
            asks = self.asks

        never: list[str] | Unset = UNSET
        if not isinstance(self.never, Unset):
            never = self.never

        rule = self.rule

        stops_at = self.stops_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "run": run,
                "workflow": workflow,
            }
        )
        if asks is not UNSET:
            field_dict["asks"] = asks
        if never is not UNSET:
            field_dict["never"] = never
        if rule is not UNSET:
            field_dict["rule"] = rule
        if stops_at is not UNSET:
            field_dict["stops_at"] = stops_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        run = d.pop("run")

        workflow = d.pop("workflow")

        asks = cast(list[str], d.pop("asks", UNSET))

        never = cast(list[str], d.pop("never", UNSET))

        rule = d.pop("rule", UNSET)

        stops_at = d.pop("stops_at", UNSET)

        run_change = cls(
            run=run,
            workflow=workflow,
            asks=asks,
            never=never,
            rule=rule,
            stops_at=stops_at,
        )

        run_change.additional_properties = d
        return run_change

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

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_ruling import PlanRuling


T = TypeVar("T", bound="PlanUndo")


@_attrs_define
class PlanUndo:
    """
    Attributes:
        topic (str):
        when_unknown (str):
        input_depends_on (list[str] | Unset):
        pack (str | Unset):
        policy (list[PlanRuling] | Unset):
        pools (list[str] | Unset):
        tool (str | Unset):
    """

    topic: str
    when_unknown: str
    input_depends_on: list[str] | Unset = UNSET
    pack: str | Unset = UNSET
    policy: list[PlanRuling] | Unset = UNSET
    pools: list[str] | Unset = UNSET
    tool: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        topic = self.topic

        when_unknown = self.when_unknown

        input_depends_on: list[str] | Unset = UNSET
        if not isinstance(self.input_depends_on, Unset):
            input_depends_on = self.input_depends_on

        pack = self.pack

        policy: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.policy, Unset):
            policy = []
            for policy_item_data in self.policy:
                policy_item = policy_item_data.to_dict()
                policy.append(policy_item)

        pools: list[str] | Unset = UNSET
        if not isinstance(self.pools, Unset):
            pools = self.pools

        tool = self.tool

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "topic": topic,
                "when_unknown": when_unknown,
            }
        )
        if input_depends_on is not UNSET:
            field_dict["input_depends_on"] = input_depends_on
        if pack is not UNSET:
            field_dict["pack"] = pack
        if policy is not UNSET:
            field_dict["policy"] = policy
        if pools is not UNSET:
            field_dict["pools"] = pools
        if tool is not UNSET:
            field_dict["tool"] = tool

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_ruling import PlanRuling

        d = dict(src_dict)
        topic = d.pop("topic")

        when_unknown = d.pop("when_unknown")

        input_depends_on = cast(list[str], d.pop("input_depends_on", UNSET))

        pack = d.pop("pack", UNSET)

        _policy = d.pop("policy", UNSET)
        policy: list[PlanRuling] | Unset = UNSET
        if _policy is not UNSET:
            policy = []
            for policy_item_data in _policy:
                policy_item = PlanRuling.from_dict(policy_item_data)

                policy.append(policy_item)

        pools = cast(list[str], d.pop("pools", UNSET))

        tool = d.pop("tool", UNSET)

        plan_undo = cls(
            topic=topic,
            when_unknown=when_unknown,
            input_depends_on=input_depends_on,
            pack=pack,
            policy=policy,
            pools=pools,
            tool=tool,
        )

        plan_undo.additional_properties = d
        return plan_undo

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

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_ruling import PlanRuling


T = TypeVar("T", bound="PlanJob")


@_attrs_define
class PlanJob:
    """
    Attributes:
        topic (str):
        pack (str | Unset):
        policy (list[PlanRuling] | Unset):
        pools (list[str] | Unset):
        tool (str | Unset):
    """

    topic: str
    pack: str | Unset = UNSET
    policy: list[PlanRuling] | Unset = UNSET
    pools: list[str] | Unset = UNSET
    tool: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        topic = self.topic

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
            }
        )
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

        plan_job = cls(
            topic=topic,
            pack=pack,
            policy=policy,
            pools=pools,
            tool=tool,
        )

        plan_job.additional_properties = d
        return plan_job

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

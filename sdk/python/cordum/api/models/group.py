from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Group")


@_attrs_define
class Group:
    """
    Attributes:
        decisions (int): How many were compared
        newly_allowed (int): Would start without anybody, and were denied or needed an approval
        newly_constrained (int): Would start under constraints, and started under none
        newly_denied (int): Would be denied, and were not
        newly_gated (int): Would need an approval, and started without one
        same (int):
        step (str):
        workflow (str):
        example (str | Unset): A job that would go another way
        reason (str | Unset):
        rule (str | Unset): The rule that decides the newest of those that would go another way
    """

    decisions: int
    newly_allowed: int
    newly_constrained: int
    newly_denied: int
    newly_gated: int
    same: int
    step: str
    workflow: str
    example: str | Unset = UNSET
    reason: str | Unset = UNSET
    rule: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        decisions = self.decisions

        newly_allowed = self.newly_allowed

        newly_constrained = self.newly_constrained

        newly_denied = self.newly_denied

        newly_gated = self.newly_gated

        same = self.same

        step = self.step

        workflow = self.workflow

        example = self.example

        reason = self.reason

        rule = self.rule

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "decisions": decisions,
                "newly_allowed": newly_allowed,
                "newly_constrained": newly_constrained,
                "newly_denied": newly_denied,
                "newly_gated": newly_gated,
                "same": same,
                "step": step,
                "workflow": workflow,
            }
        )
        if example is not UNSET:
            field_dict["example"] = example
        if reason is not UNSET:
            field_dict["reason"] = reason
        if rule is not UNSET:
            field_dict["rule"] = rule

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        decisions = d.pop("decisions")

        newly_allowed = d.pop("newly_allowed")

        newly_constrained = d.pop("newly_constrained")

        newly_denied = d.pop("newly_denied")

        newly_gated = d.pop("newly_gated")

        same = d.pop("same")

        step = d.pop("step")

        workflow = d.pop("workflow")

        example = d.pop("example", UNSET)

        reason = d.pop("reason", UNSET)

        rule = d.pop("rule", UNSET)

        group = cls(
            decisions=decisions,
            newly_allowed=newly_allowed,
            newly_constrained=newly_constrained,
            newly_denied=newly_denied,
            newly_gated=newly_gated,
            same=same,
            step=step,
            workflow=workflow,
            example=example,
            reason=reason,
            rule=rule,
        )

        group.additional_properties = d
        return group

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

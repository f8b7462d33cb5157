from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan import Plan
    from ..models.problem_item import ProblemItem
    from ..models.simulated_verdict import SimulatedVerdict


T = TypeVar("T", bound="PolicySimulation")


@_attrs_define
class PolicySimulation:
    """
    Attributes:
        decisions (list[SimulatedVerdict]):
        snapshot (str): Digest of the policy that was asked
        findings (list[ProblemItem] | Unset):
        plan (Plan | Unset):
    """

    decisions: list[SimulatedVerdict]
    snapshot: str
    findings: list[ProblemItem] | Unset = UNSET
    plan: Plan | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        decisions = []
        for decisions_item_data in self.decisions:
            decisions_item = decisions_item_data.to_dict()
            decisions.append(decisions_item)

        snapshot = self.snapshot

        findings: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.findings, Unset):
            findings = []
            for findings_item_data in self.findings:
                findings_item = findings_item_data.to_dict()
                findings.append(findings_item)

        plan: dict[str, Any] | Unset = UNSET
        if not isinstance(self.plan, Unset):
            plan = self.plan.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "decisions": decisions,
                "snapshot": snapshot,
            }
        )
        if findings is not UNSET:
            field_dict["findings"] = findings
        if plan is not UNSET:
            field_dict["plan"] = plan

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan import Plan
        from ..models.problem_item import ProblemItem
        from ..models.simulated_verdict import SimulatedVerdict

        d = dict(src_dict)
        decisions = []
        _decisions = d.pop("decisions")
        for decisions_item_data in _decisions:
            decisions_item = SimulatedVerdict.from_dict(decisions_item_data)

            decisions.append(decisions_item)

        snapshot = d.pop("snapshot")

        _findings = d.pop("findings", UNSET)
        findings: list[ProblemItem] | Unset = UNSET
        if _findings is not UNSET:
            findings = []
            for findings_item_data in _findings:
                findings_item = ProblemItem.from_dict(findings_item_data)

                findings.append(findings_item)

        _plan = d.pop("plan", UNSET)
        plan: Plan | Unset
        if isinstance(_plan, Unset):
            plan = UNSET
        else:
            plan = Plan.from_dict(_plan)

        policy_simulation = cls(
            decisions=decisions,
            snapshot=snapshot,
            findings=findings,
            plan=plan,
        )

        policy_simulation.additional_properties = d
        return policy_simulation

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

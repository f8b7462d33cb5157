from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.simulated_verdict_decision_verdict import SimulatedVerdictDecisionVerdict
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.simulated_verdict_decision_approvals_item import (
        SimulatedVerdictDecisionApprovalsItem,
    )
    from ..models.simulated_verdict_decision_constraints_item import (
        SimulatedVerdictDecisionConstraintsItem,
    )
    from ..models.simulated_verdict_decision_failures_item import (
        SimulatedVerdictDecisionFailuresItem,
    )


T = TypeVar("T", bound="SimulatedVerdictDecision")


@_attrs_define
class SimulatedVerdictDecision:
    """
    Attributes:
        rule (str): The rule that gave the verdict, or default
        rules (list[str]): All rules that match
        snapshot (str): Digest of the policy that decided
        verdict (SimulatedVerdictDecisionVerdict):
        approvals (list[SimulatedVerdictDecisionApprovalsItem] | Unset): Approvals that are all required
        constraints (list[SimulatedVerdictDecisionConstraintsItem] | Unset): Constraints of all matching rules, merged
            to the tightest
        expires (str | Unset): How long there is for them
        failures (list[SimulatedVerdictDecisionFailuresItem] | Unset): Rules that could not be evaluated, which deny
        reason (str | Unset): What the rule says of why
    """

    rule: str
    rules: list[str]
    snapshot: str
    verdict: SimulatedVerdictDecisionVerdict
    approvals: list[SimulatedVerdictDecisionApprovalsItem] | Unset = UNSET
    constraints: list[SimulatedVerdictDecisionConstraintsItem] | Unset = UNSET
    expires: str | Unset = UNSET
    failures: list[SimulatedVerdictDecisionFailuresItem] | Unset = UNSET
    reason: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        rule = self.rule

        rules = self.rules

        snapshot = self.snapshot

        verdict = self.verdict.value

        approvals: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.approvals, Unset):
            approvals = []
            for approvals_item_data in self.approvals:
                approvals_item = approvals_item_data.to_dict()
                approvals.append(approvals_item)

        constraints: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.constraints, Unset):
            constraints = []
            for constraints_item_data in self.constraints:
                constraints_item = constraints_item_data.to_dict()
                constraints.append(constraints_item)

        expires = self.expires

        failures: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.failures, Unset):
            failures = []
            for failures_item_data in self.failures:
                failures_item = failures_item_data.to_dict()
                failures.append(failures_item)

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rule": rule,
                "rules": rules,
                "snapshot": snapshot,
                "verdict": verdict,
            }
        )
        if approvals is not UNSET:
            field_dict["approvals"] = approvals
        if constraints is not UNSET:
            field_dict["constraints"] = constraints
        if expires is not UNSET:
            field_dict["expires"] = expires
        if failures is not UNSET:
            field_dict["failures"] = failures
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.simulated_verdict_decision_approvals_item import (
            SimulatedVerdictDecisionApprovalsItem,
        )
        from ..models.simulated_verdict_decision_constraints_item import (
            SimulatedVerdictDecisionConstraintsItem,
        )
        from ..models.simulated_verdict_decision_failures_item import (
            SimulatedVerdictDecisionFailuresItem,
        )

        d = dict(src_dict)
        rule = d.pop("rule")

        rules = cast(list[str], d.pop("rules"))

        snapshot = d.pop("snapshot")

        verdict = SimulatedVerdictDecisionVerdict(d.pop("verdict"))

        _approvals = d.pop("approvals", UNSET)
        approvals: list[SimulatedVerdictDecisionApprovalsItem] | Unset = UNSET
        if _approvals is not UNSET:
            approvals = []
            for approvals_item_data in _approvals:
                approvals_item = SimulatedVerdictDecisionApprovalsItem.from_dict(
                    approvals_item_data
                )

                approvals.append(approvals_item)

        _constraints = d.pop("constraints", UNSET)
        constraints: list[SimulatedVerdictDecisionConstraintsItem] | Unset = UNSET
        if _constraints is not UNSET:
            constraints = []
            for constraints_item_data in _constraints:
                constraints_item = SimulatedVerdictDecisionConstraintsItem.from_dict(
                    constraints_item_data
                )

                constraints.append(constraints_item)

        expires = d.pop("expires", UNSET)

        _failures = d.pop("failures", UNSET)
        failures: list[SimulatedVerdictDecisionFailuresItem] | Unset = UNSET
        if _failures is not UNSET:
            failures = []
            for failures_item_data in _failures:
                failures_item = SimulatedVerdictDecisionFailuresItem.from_dict(
                    failures_item_data
                )

                failures.append(failures_item)

        reason = d.pop("reason", UNSET)

        simulated_verdict_decision = cls(
            rule=rule,
            rules=rules,
            snapshot=snapshot,
            verdict=verdict,
            approvals=approvals,
            constraints=constraints,
            expires=expires,
            failures=failures,
            reason=reason,
        )

        simulated_verdict_decision.additional_properties = d
        return simulated_verdict_decision

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

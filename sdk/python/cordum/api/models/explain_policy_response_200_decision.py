from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.explain_policy_response_200_decision_verdict import (
    ExplainPolicyResponse200DecisionVerdict,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.explain_policy_response_200_decision_approvals_item import (
        ExplainPolicyResponse200DecisionApprovalsItem,
    )
    from ..models.explain_policy_response_200_decision_constraints_item import (
        ExplainPolicyResponse200DecisionConstraintsItem,
    )
    from ..models.explain_policy_response_200_decision_failures_item import (
        ExplainPolicyResponse200DecisionFailuresItem,
    )


T = TypeVar("T", bound="ExplainPolicyResponse200Decision")


@_attrs_define
class ExplainPolicyResponse200Decision:
    """
    Attributes:
        rule (str): The rule that gave the verdict, or default
        rules (list[str]): All rules that match
        snapshot (str): Digest of the policy that decided
        verdict (ExplainPolicyResponse200DecisionVerdict):
        approvals (list[ExplainPolicyResponse200DecisionApprovalsItem] | Unset): Approvals that are all required
        constraints (list[ExplainPolicyResponse200DecisionConstraintsItem] | Unset): Constraints of all matching rules,
            merged to the tightest
        expires (str | Unset): How long there is for them
        failures (list[ExplainPolicyResponse200DecisionFailuresItem] | Unset): Rules that could not be evaluated, which
            deny
        reason (str | Unset): What the rule says of why
    """

    rule: str
    rules: list[str]
    snapshot: str
    verdict: ExplainPolicyResponse200DecisionVerdict
    approvals: list[ExplainPolicyResponse200DecisionApprovalsItem] | Unset = UNSET
    constraints: list[ExplainPolicyResponse200DecisionConstraintsItem] | Unset = UNSET
    expires: str | Unset = UNSET
    failures: list[ExplainPolicyResponse200DecisionFailuresItem] | Unset = UNSET
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
        from ..models.explain_policy_response_200_decision_approvals_item import (
            ExplainPolicyResponse200DecisionApprovalsItem,
        )
        from ..models.explain_policy_response_200_decision_constraints_item import (
            ExplainPolicyResponse200DecisionConstraintsItem,
        )
        from ..models.explain_policy_response_200_decision_failures_item import (
            ExplainPolicyResponse200DecisionFailuresItem,
        )

        d = dict(src_dict)
        rule = d.pop("rule")

        rules = cast(list[str], d.pop("rules"))

        snapshot = d.pop("snapshot")

        verdict = ExplainPolicyResponse200DecisionVerdict(d.pop("verdict"))

        _approvals = d.pop("approvals", UNSET)
        approvals: list[ExplainPolicyResponse200DecisionApprovalsItem] | Unset = UNSET
        if _approvals is not UNSET:
            approvals = []
            for approvals_item_data in _approvals:
                approvals_item = (
                    ExplainPolicyResponse200DecisionApprovalsItem.from_dict(
                        approvals_item_data
                    )
                )

                approvals.append(approvals_item)

        _constraints = d.pop("constraints", UNSET)
        constraints: list[ExplainPolicyResponse200DecisionConstraintsItem] | Unset = (
            UNSET
        )
        if _constraints is not UNSET:
            constraints = []
            for constraints_item_data in _constraints:
                constraints_item = (
                    ExplainPolicyResponse200DecisionConstraintsItem.from_dict(
                        constraints_item_data
                    )
                )

                constraints.append(constraints_item)

        expires = d.pop("expires", UNSET)

        _failures = d.pop("failures", UNSET)
        failures: list[ExplainPolicyResponse200DecisionFailuresItem] | Unset = UNSET
        if _failures is not UNSET:
            failures = []
            for failures_item_data in _failures:
                failures_item = ExplainPolicyResponse200DecisionFailuresItem.from_dict(
                    failures_item_data
                )

                failures.append(failures_item)

        reason = d.pop("reason", UNSET)

        explain_policy_response_200_decision = cls(
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

        explain_policy_response_200_decision.additional_properties = d
        return explain_policy_response_200_decision

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

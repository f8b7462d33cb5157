from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.explain_policy_response_200_changes_item import (
        ExplainPolicyResponse200ChangesItem,
    )
    from ..models.explain_policy_response_200_constraints_item import (
        ExplainPolicyResponse200ConstraintsItem,
    )
    from ..models.explain_policy_response_200_decision import (
        ExplainPolicyResponse200Decision,
    )
    from ..models.explain_policy_response_200_rules_item import (
        ExplainPolicyResponse200RulesItem,
    )


T = TypeVar("T", bound="ExplainPolicyResponse200")


@_attrs_define
class ExplainPolicyResponse200:
    """
    Attributes:
        changes (list[ExplainPolicyResponse200ChangesItem]): Single changes of the rules or of the request that would
            change the verdict
        combined (list[str]): How the verdict came of the rules' answers
        constraints (list[ExplainPolicyResponse200ConstraintsItem]): Each constraint, and the rules it comes from
        decision (ExplainPolicyResponse200Decision):
        rules (list[ExplainPolicyResponse200RulesItem]): Every rule, and the first thing in its match that did not hold
    """

    changes: list[ExplainPolicyResponse200ChangesItem]
    combined: list[str]
    constraints: list[ExplainPolicyResponse200ConstraintsItem]
    decision: ExplainPolicyResponse200Decision
    rules: list[ExplainPolicyResponse200RulesItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        changes = []
        for changes_item_data in self.changes:
            changes_item = changes_item_data.to_dict()
            changes.append(changes_item)

        combined = self.combined

        constraints = []
        for constraints_item_data in self.constraints:
            constraints_item = constraints_item_data.to_dict()
            constraints.append(constraints_item)

        decision = self.decision.to_dict()

        rules = []
        for rules_item_data in self.rules:
            rules_item = rules_item_data.to_dict()
            rules.append(rules_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "changes": changes,
                "combined": combined,
                "constraints": constraints,
                "decision": decision,
                "rules": rules,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.explain_policy_response_200_changes_item import (
            ExplainPolicyResponse200ChangesItem,
        )
        from ..models.explain_policy_response_200_constraints_item import (
            ExplainPolicyResponse200ConstraintsItem,
        )
        from ..models.explain_policy_response_200_decision import (
            ExplainPolicyResponse200Decision,
        )
        from ..models.explain_policy_response_200_rules_item import (
            ExplainPolicyResponse200RulesItem,
        )

        d = dict(src_dict)
        changes = []
        _changes = d.pop("changes")
        for changes_item_data in _changes:
            changes_item = ExplainPolicyResponse200ChangesItem.from_dict(
                changes_item_data
            )

            changes.append(changes_item)

        combined = cast(list[str], d.pop("combined"))

        constraints = []
        _constraints = d.pop("constraints")
        for constraints_item_data in _constraints:
            constraints_item = ExplainPolicyResponse200ConstraintsItem.from_dict(
                constraints_item_data
            )

            constraints.append(constraints_item)

        decision = ExplainPolicyResponse200Decision.from_dict(d.pop("decision"))

        rules = []
        _rules = d.pop("rules")
        for rules_item_data in _rules:
            rules_item = ExplainPolicyResponse200RulesItem.from_dict(rules_item_data)

            rules.append(rules_item)

        explain_policy_response_200 = cls(
            changes=changes,
            combined=combined,
            constraints=constraints,
            decision=decision,
            rules=rules,
        )

        explain_policy_response_200.additional_properties = d
        return explain_policy_response_200

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

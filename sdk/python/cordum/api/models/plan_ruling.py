from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_approval import PlanApproval
    from ..models.plan_constraint import PlanConstraint


T = TypeVar("T", bound="PlanRuling")


@_attrs_define
class PlanRuling:
    """
    Attributes:
        approvals (list[PlanApproval] | Unset):
        constraints (list[PlanConstraint] | Unset):
        depends_on (list[str] | Unset):
        items (int | Unset):
        reason (str | Unset):
        rule (str | Unset):
        rules (list[str] | Unset):
        undecided (list[str] | Unset):
        verdict (str | Unset):
    """

    approvals: list[PlanApproval] | Unset = UNSET
    constraints: list[PlanConstraint] | Unset = UNSET
    depends_on: list[str] | Unset = UNSET
    items: int | Unset = UNSET
    reason: str | Unset = UNSET
    rule: str | Unset = UNSET
    rules: list[str] | Unset = UNSET
    undecided: list[str] | Unset = UNSET
    verdict: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
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

        depends_on: list[str] | Unset = UNSET
        if not isinstance(self.depends_on, Unset):
            depends_on = self.depends_on

        items = self.items

        reason = self.reason

        rule = self.rule

        rules: list[str] | Unset = UNSET
        if not isinstance(self.rules, Unset):
            rules = self.rules

        undecided: list[str] | Unset = UNSET
        if not isinstance(self.undecided, Unset):
            undecided = self.undecided

        verdict = self.verdict

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if approvals is not UNSET:
            field_dict["approvals"] = approvals
        if constraints is not UNSET:
            field_dict["constraints"] = constraints
        if depends_on is not UNSET:
            field_dict["depends_on"] = depends_on
        if items is not UNSET:
            field_dict["items"] = items
        if reason is not UNSET:
            field_dict["reason"] = reason
        if rule is not UNSET:
            field_dict["rule"] = rule
        if rules is not UNSET:
            field_dict["rules"] = rules
        if undecided is not UNSET:
            field_dict["undecided"] = undecided
        if verdict is not UNSET:
            field_dict["verdict"] = verdict

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_approval import PlanApproval
        from ..models.plan_constraint import PlanConstraint

        d = dict(src_dict)
        _approvals = d.pop("approvals", UNSET)
        approvals: list[PlanApproval] | Unset = UNSET
        if _approvals is not UNSET:
            approvals = []
            for approvals_item_data in _approvals:
                approvals_item = PlanApproval.from_dict(approvals_item_data)

                approvals.append(approvals_item)

        _constraints = d.pop("constraints", UNSET)
        constraints: list[PlanConstraint] | Unset = UNSET
        if _constraints is not UNSET:
            constraints = []
            for constraints_item_data in _constraints:
                constraints_item = PlanConstraint.from_dict(constraints_item_data)

                constraints.append(constraints_item)

        depends_on = cast(list[str], d.pop("depends_on", UNSET))

        items = d.pop("items", UNSET)

        reason = d.pop("reason", UNSET)

        rule = d.pop("rule", UNSET)

        rules = cast(list[str], d.pop("rules", UNSET))

        undecided = cast(list[str], d.pop("undecided", UNSET))

        verdict = d.pop("verdict", UNSET)

        plan_ruling = cls(
            approvals=approvals,
            constraints=constraints,
            depends_on=depends_on,
            items=items,
            reason=reason,
            rule=rule,
            rules=rules,
            undecided=undecided,
            verdict=verdict,
        )

        plan_ruling.additional_properties = d
        return plan_ruling

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

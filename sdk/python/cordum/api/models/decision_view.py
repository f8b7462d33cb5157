from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="DecisionView")


@_attrs_define
class DecisionView:
    """
    Attributes:
        at (datetime.datetime):
        attempt (int):
        decision (str):
        job_hash (str): Of what was decided about
        snapshot (str):
        constraints (Any | Unset):
        reason (str | Unset):
        rule_id (str | Unset):
        rules (list[str] | Unset): All that matched or failed to evaluate
    """

    at: datetime.datetime
    attempt: int
    decision: str
    job_hash: str
    snapshot: str
    constraints: Any | Unset = UNSET
    reason: str | Unset = UNSET
    rule_id: str | Unset = UNSET
    rules: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        attempt = self.attempt

        decision = self.decision

        job_hash = self.job_hash

        snapshot = self.snapshot

        constraints = self.constraints

        reason = self.reason

        rule_id = self.rule_id

        rules: list[str] | Unset = UNSET
        if not isinstance(self.rules, Unset):
            rules = self.rules

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "attempt": attempt,
                "decision": decision,
                "job_hash": job_hash,
                "snapshot": snapshot,
            }
        )
        if constraints is not UNSET:
            field_dict["constraints"] = constraints
        if reason is not UNSET:
            field_dict["reason"] = reason
        if rule_id is not UNSET:
            field_dict["rule_id"] = rule_id
        if rules is not UNSET:
            field_dict["rules"] = rules

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        attempt = d.pop("attempt")

        decision = d.pop("decision")

        job_hash = d.pop("job_hash")

        snapshot = d.pop("snapshot")

        constraints = d.pop("constraints", UNSET)

        reason = d.pop("reason", UNSET)

        rule_id = d.pop("rule_id", UNSET)

        rules = cast(list[str], d.pop("rules", UNSET))

        decision_view = cls(
            at=at,
            attempt=attempt,
            decision=decision,
            job_hash=job_hash,
            snapshot=snapshot,
            constraints=constraints,
            reason=reason,
            rule_id=rule_id,
            rules=rules,
        )

        decision_view.additional_properties = d
        return decision_view

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

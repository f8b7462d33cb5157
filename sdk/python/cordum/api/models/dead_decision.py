from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeadDecision")


@_attrs_define
class DeadDecision:
    """
    Attributes:
        constraints (Any | Unset):
        job_hash (str | Unset): SHA-256 of the job as it was decided about: a retry with the same input has the same
        rule (str | Unset):
        snapshot (str | Unset): Digest of the policy
    """

    constraints: Any | Unset = UNSET
    job_hash: str | Unset = UNSET
    rule: str | Unset = UNSET
    snapshot: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        constraints = self.constraints

        job_hash = self.job_hash

        rule = self.rule

        snapshot = self.snapshot

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if constraints is not UNSET:
            field_dict["constraints"] = constraints
        if job_hash is not UNSET:
            field_dict["job_hash"] = job_hash
        if rule is not UNSET:
            field_dict["rule"] = rule
        if snapshot is not UNSET:
            field_dict["snapshot"] = snapshot

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        constraints = d.pop("constraints", UNSET)

        job_hash = d.pop("job_hash", UNSET)

        rule = d.pop("rule", UNSET)

        snapshot = d.pop("snapshot", UNSET)

        dead_decision = cls(
            constraints=constraints,
            job_hash=job_hash,
            rule=rule,
            snapshot=snapshot,
        )

        dead_decision.additional_properties = d
        return dead_decision

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

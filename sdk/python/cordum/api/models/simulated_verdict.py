from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.simulated_verdict_decision import SimulatedVerdictDecision


T = TypeVar("T", bound="SimulatedVerdict")


@_attrs_define
class SimulatedVerdict:
    """
    Attributes:
        decision (SimulatedVerdictDecision):
        id (str):
    """

    decision: SimulatedVerdictDecision
    id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        decision = self.decision.to_dict()

        id = self.id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "decision": decision,
                "id": id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.simulated_verdict_decision import SimulatedVerdictDecision

        d = dict(src_dict)
        decision = SimulatedVerdictDecision.from_dict(d.pop("decision"))

        id = d.pop("id")

        simulated_verdict = cls(
            decision=decision,
            id=id,
        )

        simulated_verdict.additional_properties = d
        return simulated_verdict

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.audit_evidence_effect_outcome import AuditEvidenceEffectOutcome
from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditEvidenceEffect")


@_attrs_define
class AuditEvidenceEffect:
    """
    Attributes:
        attempts (int):
        effect (str): As the definition says: read, write, irreversible, …
        outcome (AuditEvidenceEffectOutcome):
        state (str):
        step (str):
        idempotency_key (str | Unset): What its worker was given to do it once by
        job_id (str | Unset):
        undoes (str | Unset):
        worker (str | Unset): Who had its last attempt
    """

    attempts: int
    effect: str
    outcome: AuditEvidenceEffectOutcome
    state: str
    step: str
    idempotency_key: str | Unset = UNSET
    job_id: str | Unset = UNSET
    undoes: str | Unset = UNSET
    worker: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempts = self.attempts

        effect = self.effect

        outcome = self.outcome.value

        state = self.state

        step = self.step

        idempotency_key = self.idempotency_key

        job_id = self.job_id

        undoes = self.undoes

        worker = self.worker

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempts": attempts,
                "effect": effect,
                "outcome": outcome,
                "state": state,
                "step": step,
            }
        )
        if idempotency_key is not UNSET:
            field_dict["idempotency_key"] = idempotency_key
        if job_id is not UNSET:
            field_dict["job_id"] = job_id
        if undoes is not UNSET:
            field_dict["undoes"] = undoes
        if worker is not UNSET:
            field_dict["worker"] = worker

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        attempts = d.pop("attempts")

        effect = d.pop("effect")

        outcome = AuditEvidenceEffectOutcome(d.pop("outcome"))

        state = d.pop("state")

        step = d.pop("step")

        idempotency_key = d.pop("idempotency_key", UNSET)

        job_id = d.pop("job_id", UNSET)

        undoes = d.pop("undoes", UNSET)

        worker = d.pop("worker", UNSET)

        audit_evidence_effect = cls(
            attempts=attempts,
            effect=effect,
            outcome=outcome,
            state=state,
            step=step,
            idempotency_key=idempotency_key,
            job_id=job_id,
            undoes=undoes,
            worker=worker,
        )

        audit_evidence_effect.additional_properties = d
        return audit_evidence_effect

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

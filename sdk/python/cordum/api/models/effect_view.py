from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.effect_view_effect import EffectViewEffect
from ..models.effect_view_state import EffectViewState
from ..types import UNSET, Unset

T = TypeVar("T", bound="EffectView")


@_attrs_define
class EffectView:
    """
    Attributes:
        attempt (int):
        effect (EffectViewEffect): As the definition says
        idempotency_key (str): The worker has it: the same over attempts, another one when the step runs again after it
            was undone
        intent_at (datetime.datetime): When it was recorded that the worker may begin
        intent_seq (int): The fact that says so
        job_id (str):
        sent_as (str): What the attempt is called on the wire
        state (EffectViewState):
        step (str):
        ended_at (datetime.datetime | Unset):
        receipt_seq (int | Unset): The fact that holds the worker's answer; absent when there is none
        undoes (str | Unset): The step that it compensates
        worker (str | Unset): Absent when whoever listened on the topic got it
    """

    attempt: int
    effect: EffectViewEffect
    idempotency_key: str
    intent_at: datetime.datetime
    intent_seq: int
    job_id: str
    sent_as: str
    state: EffectViewState
    step: str
    ended_at: datetime.datetime | Unset = UNSET
    receipt_seq: int | Unset = UNSET
    undoes: str | Unset = UNSET
    worker: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempt = self.attempt

        effect = self.effect.value

        idempotency_key = self.idempotency_key

        intent_at = self.intent_at.isoformat()

        intent_seq = self.intent_seq

        job_id = self.job_id

        sent_as = self.sent_as

        state = self.state.value

        step = self.step

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        receipt_seq = self.receipt_seq

        undoes = self.undoes

        worker = self.worker

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempt": attempt,
                "effect": effect,
                "idempotency_key": idempotency_key,
                "intent_at": intent_at,
                "intent_seq": intent_seq,
                "job_id": job_id,
                "sent_as": sent_as,
                "state": state,
                "step": step,
            }
        )
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at
        if receipt_seq is not UNSET:
            field_dict["receipt_seq"] = receipt_seq
        if undoes is not UNSET:
            field_dict["undoes"] = undoes
        if worker is not UNSET:
            field_dict["worker"] = worker

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        attempt = d.pop("attempt")

        effect = EffectViewEffect(d.pop("effect"))

        idempotency_key = d.pop("idempotency_key")

        intent_at = datetime.datetime.fromisoformat(d.pop("intent_at"))

        intent_seq = d.pop("intent_seq")

        job_id = d.pop("job_id")

        sent_as = d.pop("sent_as")

        state = EffectViewState(d.pop("state"))

        step = d.pop("step")

        _ended_at = d.pop("ended_at", UNSET)
        ended_at: datetime.datetime | Unset
        if isinstance(_ended_at, Unset):
            ended_at = UNSET
        else:
            ended_at = datetime.datetime.fromisoformat(_ended_at)

        receipt_seq = d.pop("receipt_seq", UNSET)

        undoes = d.pop("undoes", UNSET)

        worker = d.pop("worker", UNSET)

        effect_view = cls(
            attempt=attempt,
            effect=effect,
            idempotency_key=idempotency_key,
            intent_at=intent_at,
            intent_seq=intent_seq,
            job_id=job_id,
            sent_as=sent_as,
            state=state,
            step=step,
            ended_at=ended_at,
            receipt_seq=receipt_seq,
            undoes=undoes,
            worker=worker,
        )

        effect_view.additional_properties = d
        return effect_view

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

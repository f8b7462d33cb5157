from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.dead_letter_ended import DeadLetterEnded
from ..models.dead_letter_kind import DeadLetterKind
from ..models.dead_letter_state import DeadLetterState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.dead_decision import DeadDecision
    from ..models.dead_letter_labels import DeadLetterLabels


T = TypeVar("T", bound="DeadLetter")


@_attrs_define
class DeadLetter:
    """
    Attributes:
        attempts (int):
        died_at (datetime.datetime):
        ended (DeadLetterEnded):
        expires_at (datetime.datetime): When the entry is removed
        fingerprint (str): The same for deaths of the same kind
        first_at (datetime.datetime): When it died for the first time
        id (str): Of the job
        job_id (str): The same
        kind (DeadLetterKind):
        reason (str): As the runbook has it: timeout: dispatched exceeded, safety: denied, failed: CODE, …
        retryable (bool): What its worker said of the last failure
        run_id (str):
        state (DeadLetterState): Whether it waits for somebody, or is being done again
        timeline (str): Path of the run's timeline
        times (int): How often it has died, retries of it included
        code (str | Unset): Of the error
        created_at (datetime.datetime | Unset):
        decision (DeadDecision | Unset):
        details (Any | Unset): Of the error, without secrets
        input_bytes (int | Unset): Size of the input; the input itself is the run's
        input_ptr (str | Unset): Digest of a large input
        labels (DeadLetterLabels | Unset):
        message (str | Unset): Of the error, without secrets; shortened in lists
        outcome_unknown (bool | Unset): Nobody knows whether it had its effect
        pack (str | Unset):
        preferred_pool (str | Unset):
        preferred_worker_id (str | Unset):
        priority (str | Unset):
        requires (list[str] | Unset):
        step (str | Unset): Path of the step: ship, each[2], undo:ship
        tool (str | Unset):
        topic (str | Unset):
        worker (str | Unset): That had it last
        workflow (str | Unset): Absent of a job that was submitted alone
    """

    attempts: int
    died_at: datetime.datetime
    ended: DeadLetterEnded
    expires_at: datetime.datetime
    fingerprint: str
    first_at: datetime.datetime
    id: str
    job_id: str
    kind: DeadLetterKind
    reason: str
    retryable: bool
    run_id: str
    state: DeadLetterState
    timeline: str
    times: int
    code: str | Unset = UNSET
    created_at: datetime.datetime | Unset = UNSET
    decision: DeadDecision | Unset = UNSET
    details: Any | Unset = UNSET
    input_bytes: int | Unset = UNSET
    input_ptr: str | Unset = UNSET
    labels: DeadLetterLabels | Unset = UNSET
    message: str | Unset = UNSET
    outcome_unknown: bool | Unset = UNSET
    pack: str | Unset = UNSET
    preferred_pool: str | Unset = UNSET
    preferred_worker_id: str | Unset = UNSET
    priority: str | Unset = UNSET
    requires: list[str] | Unset = UNSET
    step: str | Unset = UNSET
    tool: str | Unset = UNSET
    topic: str | Unset = UNSET
    worker: str | Unset = UNSET
    workflow: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempts = self.attempts

        died_at = self.died_at.isoformat()

        ended = self.ended.value

        expires_at = self.expires_at.isoformat()

        fingerprint = self.fingerprint

        first_at = self.first_at.isoformat()

        id = self.id

        job_id = self.job_id

        kind = self.kind.value

        reason = self.reason

        retryable = self.retryable

        run_id = self.run_id

        state = self.state.value

        timeline = self.timeline

        times = self.times

        code = self.code

        created_at: str | Unset = UNSET
        if not isinstance(self.created_at, Unset):
            created_at = self.created_at.isoformat()

        decision: dict[str, Any] | Unset = UNSET
        if not isinstance(self.decision, Unset):
            decision = self.decision.to_dict()

        details = self.details

        input_bytes = self.input_bytes

        input_ptr = self.input_ptr

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        message = self.message

        outcome_unknown = self.outcome_unknown

        pack = self.pack

        preferred_pool = self.preferred_pool

        preferred_worker_id = self.preferred_worker_id

        priority = self.priority

        requires: list[str] | Unset = UNSET
        if not isinstance(self.requires, Unset):
            requires = self.requires

        step = self.step

        tool = self.tool

        topic = self.topic

        worker = self.worker

        workflow = self.workflow

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempts": attempts,
                "died_at": died_at,
                "ended": ended,
                "expires_at": expires_at,
                "fingerprint": fingerprint,
                "first_at": first_at,
                "id": id,
                "job_id": job_id,
                "kind": kind,
                "reason": reason,
                "retryable": retryable,
                "run_id": run_id,
                "state": state,
                "timeline": timeline,
                "times": times,
            }
        )
        if code is not UNSET:
            field_dict["code"] = code
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if decision is not UNSET:
            field_dict["decision"] = decision
        if details is not UNSET:
            field_dict["details"] = details
        if input_bytes is not UNSET:
            field_dict["input_bytes"] = input_bytes
        if input_ptr is not UNSET:
            field_dict["input_ptr"] = input_ptr
        if labels is not UNSET:
            field_dict["labels"] = labels
        if message is not UNSET:
            field_dict["message"] = message
        if outcome_unknown is not UNSET:
            field_dict["outcome_unknown"] = outcome_unknown
        if pack is not UNSET:
            field_dict["pack"] = pack
        if preferred_pool is not UNSET:
            field_dict["preferred_pool"] = preferred_pool
        if preferred_worker_id is not UNSET:
            field_dict["preferred_worker_id"] = preferred_worker_id
        if priority is not UNSET:
            field_dict["priority"] = priority
        if requires is not UNSET:
            field_dict["requires"] = requires
        if step is not UNSET:
            field_dict["step"] = step
        if tool is not UNSET:
            field_dict["tool"] = tool
        if topic is not UNSET:
            field_dict["topic"] = topic
        if worker is not UNSET:
            field_dict["worker"] = worker
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.dead_decision import DeadDecision
        from ..models.dead_letter_labels import DeadLetterLabels

        d = dict(src_dict)
        attempts = d.pop("attempts")

        died_at = datetime.datetime.fromisoformat(d.pop("died_at"))

        ended = DeadLetterEnded(d.pop("ended"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        fingerprint = d.pop("fingerprint")

        first_at = datetime.datetime.fromisoformat(d.pop("first_at"))

        id = d.pop("id")

        job_id = d.pop("job_id")

        kind = DeadLetterKind(d.pop("kind"))

        reason = d.pop("reason")

        retryable = d.pop("retryable")

        run_id = d.pop("run_id")

        state = DeadLetterState(d.pop("state"))

        timeline = d.pop("timeline")

        times = d.pop("times")

        code = d.pop("code", UNSET)

        _created_at = d.pop("created_at", UNSET)
        created_at: datetime.datetime | Unset
        if isinstance(_created_at, Unset):
            created_at = UNSET
        else:
            created_at = datetime.datetime.fromisoformat(_created_at)

        _decision = d.pop("decision", UNSET)
        decision: DeadDecision | Unset
        if isinstance(_decision, Unset):
            decision = UNSET
        else:
            decision = DeadDecision.from_dict(_decision)

        details = d.pop("details", UNSET)

        input_bytes = d.pop("input_bytes", UNSET)

        input_ptr = d.pop("input_ptr", UNSET)

        _labels = d.pop("labels", UNSET)
        labels: DeadLetterLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = DeadLetterLabels.from_dict(_labels)

        message = d.pop("message", UNSET)

        outcome_unknown = d.pop("outcome_unknown", UNSET)

        pack = d.pop("pack", UNSET)

        preferred_pool = d.pop("preferred_pool", UNSET)

        preferred_worker_id = d.pop("preferred_worker_id", UNSET)

        priority = d.pop("priority", UNSET)

        requires = cast(list[str], d.pop("requires", UNSET))

        step = d.pop("step", UNSET)

        tool = d.pop("tool", UNSET)

        topic = d.pop("topic", UNSET)

        worker = d.pop("worker", UNSET)

        workflow = d.pop("workflow", UNSET)

        dead_letter = cls(
            attempts=attempts,
            died_at=died_at,
            ended=ended,
            expires_at=expires_at,
            fingerprint=fingerprint,
            first_at=first_at,
            id=id,
            job_id=job_id,
            kind=kind,
            reason=reason,
            retryable=retryable,
            run_id=run_id,
            state=state,
            timeline=timeline,
            times=times,
            code=code,
            created_at=created_at,
            decision=decision,
            details=details,
            input_bytes=input_bytes,
            input_ptr=input_ptr,
            labels=labels,
            message=message,
            outcome_unknown=outcome_unknown,
            pack=pack,
            preferred_pool=preferred_pool,
            preferred_worker_id=preferred_worker_id,
            priority=priority,
            requires=requires,
            step=step,
            tool=tool,
            topic=topic,
            worker=worker,
            workflow=workflow,
        )

        dead_letter.additional_properties = d
        return dead_letter

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

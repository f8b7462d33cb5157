from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.job_submit_priority import JobSubmitPriority
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.job_submit_labels import JobSubmitLabels


T = TypeVar("T", bound="JobSubmit")


@_attrs_define
class JobSubmit:
    """
    Attributes:
        context (Any | Unset): Object; requires, preferred_worker_id and preferred_pool in it place the job,
            resource_lock is the lock that it holds
        idempotent (bool | Unset): A second execution does no harm; true by default
        input_ (Any | Unset): Any JSON value; {} by default
        labels (JobSubmitLabels | Unset):
        max_attempts (int | Unset):
        pack (str | Unset): With tool: the topic is job.PACK.TOOL
        preferred_pool (str | Unset):
        preferred_worker_id (str | Unset):
        priority (JobSubmitPriority | Unset):
        prompt (str | Unset): Short for the input {"prompt": …}
        requires (list[str] | Unset): Capabilities the worker must have
        resource_lock (Any | Unset): The lock that the job holds while it runs: its name, or {name, mode: exclusive or
            shared}
        timeout_sec (int | Unset): Seconds one attempt may take
        tool (str | Unset):
        topic (str | Unset): Instead of pack and tool
    """

    context: Any | Unset = UNSET
    idempotent: bool | Unset = UNSET
    input_: Any | Unset = UNSET
    labels: JobSubmitLabels | Unset = UNSET
    max_attempts: int | Unset = UNSET
    pack: str | Unset = UNSET
    preferred_pool: str | Unset = UNSET
    preferred_worker_id: str | Unset = UNSET
    priority: JobSubmitPriority | Unset = UNSET
    prompt: str | Unset = UNSET
    requires: list[str] | Unset = UNSET
    resource_lock: Any | Unset = UNSET
    timeout_sec: int | Unset = UNSET
    tool: str | Unset = UNSET
    topic: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        context = self.context

        idempotent = self.idempotent

        input_ = self.input_

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        max_attempts = self.max_attempts

        pack = self.pack

        preferred_pool = self.preferred_pool

        preferred_worker_id = self.preferred_worker_id

        priority: str | Unset = UNSET
        if not isinstance(self.priority, Unset):
            priority = self.priority.value

        prompt = self.prompt

        requires: list[str] | Unset = UNSET
        if not isinstance(self.requires, Unset):
            requires = self.requires

        resource_lock = self.resource_lock

        timeout_sec = self.timeout_sec

        tool = self.tool

        topic = self.topic

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if context is not UNSET:
            field_dict["context"] = context
        if idempotent is not UNSET:
            field_dict["idempotent"] = idempotent
        if input_ is not UNSET:
            field_dict["input"] = input_
        if labels is not UNSET:
            field_dict["labels"] = labels
        if max_attempts is not UNSET:
            field_dict["max_attempts"] = max_attempts
        if pack is not UNSET:
            field_dict["pack"] = pack
        if preferred_pool is not UNSET:
            field_dict["preferred_pool"] = preferred_pool
        if preferred_worker_id is not UNSET:
            field_dict["preferred_worker_id"] = preferred_worker_id
        if priority is not UNSET:
            field_dict["priority"] = priority
        if prompt is not UNSET:
            field_dict["prompt"] = prompt
        if requires is not UNSET:
            field_dict["requires"] = requires
        if resource_lock is not UNSET:
            field_dict["resource_lock"] = resource_lock
        if timeout_sec is not UNSET:
            field_dict["timeout_sec"] = timeout_sec
        if tool is not UNSET:
            field_dict["tool"] = tool
        if topic is not UNSET:
            field_dict["topic"] = topic

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.job_submit_labels import JobSubmitLabels

        d = dict(src_dict)
        context = d.pop("context", UNSET)

        idempotent = d.pop("idempotent", UNSET)

        input_ = d.pop("input", UNSET)

        _labels = d.pop("labels", UNSET)
        labels: JobSubmitLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = JobSubmitLabels.from_dict(_labels)

        max_attempts = d.pop("max_attempts", UNSET)

        pack = d.pop("pack", UNSET)

        preferred_pool = d.pop("preferred_pool", UNSET)

        preferred_worker_id = d.pop("preferred_worker_id", UNSET)

        _priority = d.pop("priority", UNSET)
        priority: JobSubmitPriority | Unset
        if isinstance(_priority, Unset):
            priority = UNSET
        else:
            priority = JobSubmitPriority(_priority)

        prompt = d.pop("prompt", UNSET)

        requires = cast(list[str], d.pop("requires", UNSET))

        resource_lock = d.pop("resource_lock", UNSET)

        timeout_sec = d.pop("timeout_sec", UNSET)

        tool = d.pop("tool", UNSET)

        topic = d.pop("topic", UNSET)

        job_submit = cls(
            context=context,
            idempotent=idempotent,
            input_=input_,
            labels=labels,
            max_attempts=max_attempts,
            pack=pack,
            preferred_pool=preferred_pool,
            preferred_worker_id=preferred_worker_id,
            priority=priority,
            prompt=prompt,
            requires=requires,
            resource_lock=resource_lock,
            timeout_sec=timeout_sec,
            tool=tool,
            topic=topic,
        )

        return job_submit

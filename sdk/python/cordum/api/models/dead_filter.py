from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeadFilter")


@_attrs_define
class DeadFilter:
    """
    Attributes:
        fingerprint (str | Unset): Of a group
        reason (str | Unset): Whole, or what stands before its colon: timeout, failed
        since (datetime.datetime | Unset): Died then or later
        state (str | Unset): dead or retrying
        step (str | Unset): Id of a step, or the path of one job
        topic (str | Unset):
        until (datetime.datetime | Unset): Died before then
        workflow (str | Unset): Id of a workflow
    """

    fingerprint: str | Unset = UNSET
    reason: str | Unset = UNSET
    since: datetime.datetime | Unset = UNSET
    state: str | Unset = UNSET
    step: str | Unset = UNSET
    topic: str | Unset = UNSET
    until: datetime.datetime | Unset = UNSET
    workflow: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        fingerprint = self.fingerprint

        reason = self.reason

        since: str | Unset = UNSET
        if not isinstance(self.since, Unset):
            since = self.since.isoformat()

        state = self.state

        step = self.step

        topic = self.topic

        until: str | Unset = UNSET
        if not isinstance(self.until, Unset):
            until = self.until.isoformat()

        workflow = self.workflow

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if fingerprint is not UNSET:
            field_dict["fingerprint"] = fingerprint
        if reason is not UNSET:
            field_dict["reason"] = reason
        if since is not UNSET:
            field_dict["since"] = since
        if state is not UNSET:
            field_dict["state"] = state
        if step is not UNSET:
            field_dict["step"] = step
        if topic is not UNSET:
            field_dict["topic"] = topic
        if until is not UNSET:
            field_dict["until"] = until
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        fingerprint = d.pop("fingerprint", UNSET)

        reason = d.pop("reason", UNSET)

        _since = d.pop("since", UNSET)
        since: datetime.datetime | Unset
        if isinstance(_since, Unset):
            since = UNSET
        else:
            since = datetime.datetime.fromisoformat(_since)

        state = d.pop("state", UNSET)

        step = d.pop("step", UNSET)

        topic = d.pop("topic", UNSET)

        _until = d.pop("until", UNSET)
        until: datetime.datetime | Unset
        if isinstance(_until, Unset):
            until = UNSET
        else:
            until = datetime.datetime.fromisoformat(_until)

        workflow = d.pop("workflow", UNSET)

        dead_filter = cls(
            fingerprint=fingerprint,
            reason=reason,
            since=since,
            state=state,
            step=step,
            topic=topic,
            until=until,
            workflow=workflow,
        )

        return dead_filter

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeadGroup")


@_attrs_define
class DeadGroup:
    """
    Attributes:
        count (int):
        example (str): Id of the newest
        fingerprint (str):
        first_seen (datetime.datetime):
        last_seen (datetime.datetime):
        reason (str):
        code (str | Unset):
        message (str | Unset): Of the example
        retrying (int | Unset): How many of them are being done again
        step (str | Unset): Id of the step
        topic (str | Unset):
        workflow (str | Unset):
    """

    count: int
    example: str
    fingerprint: str
    first_seen: datetime.datetime
    last_seen: datetime.datetime
    reason: str
    code: str | Unset = UNSET
    message: str | Unset = UNSET
    retrying: int | Unset = UNSET
    step: str | Unset = UNSET
    topic: str | Unset = UNSET
    workflow: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        count = self.count

        example = self.example

        fingerprint = self.fingerprint

        first_seen = self.first_seen.isoformat()

        last_seen = self.last_seen.isoformat()

        reason = self.reason

        code = self.code

        message = self.message

        retrying = self.retrying

        step = self.step

        topic = self.topic

        workflow = self.workflow

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "count": count,
                "example": example,
                "fingerprint": fingerprint,
                "first_seen": first_seen,
                "last_seen": last_seen,
                "reason": reason,
            }
        )
        if code is not UNSET:
            field_dict["code"] = code
        if message is not UNSET:
            field_dict["message"] = message
        if retrying is not UNSET:
            field_dict["retrying"] = retrying
        if step is not UNSET:
            field_dict["step"] = step
        if topic is not UNSET:
            field_dict["topic"] = topic
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        count = d.pop("count")

        example = d.pop("example")

        fingerprint = d.pop("fingerprint")

        first_seen = datetime.datetime.fromisoformat(d.pop("first_seen"))

        last_seen = datetime.datetime.fromisoformat(d.pop("last_seen"))

        reason = d.pop("reason")

        code = d.pop("code", UNSET)

        message = d.pop("message", UNSET)

        retrying = d.pop("retrying", UNSET)

        step = d.pop("step", UNSET)

        topic = d.pop("topic", UNSET)

        workflow = d.pop("workflow", UNSET)

        dead_group = cls(
            count=count,
            example=example,
            fingerprint=fingerprint,
            first_seen=first_seen,
            last_seen=last_seen,
            reason=reason,
            code=code,
            message=message,
            retrying=retrying,
            step=step,
            topic=topic,
            workflow=workflow,
        )

        dead_group.additional_properties = d
        return dead_group

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

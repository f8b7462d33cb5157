from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.log_line_stream import LogLineStream
from ..types import UNSET, Unset

T = TypeVar("T", bound="LogLine")


@_attrs_define
class LogLine:
    """
    Attributes:
        attempt (int):
        job_id (str):
        n (int): Number of the line within its attempt, from 1; of lines left out, of the last one
        step (str):
        text (str):
        ts (datetime.datetime):
        dropped (int | Unset): In the place of this many lines that were left out: they came too fast, were too many, or
            were lost
        stream (LogLineStream | Unset):
    """

    attempt: int
    job_id: str
    n: int
    step: str
    text: str
    ts: datetime.datetime
    dropped: int | Unset = UNSET
    stream: LogLineStream | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempt = self.attempt

        job_id = self.job_id

        n = self.n

        step = self.step

        text = self.text

        ts = self.ts.isoformat()

        dropped = self.dropped

        stream: str | Unset = UNSET
        if not isinstance(self.stream, Unset):
            stream = self.stream.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempt": attempt,
                "job_id": job_id,
                "n": n,
                "step": step,
                "text": text,
                "ts": ts,
            }
        )
        if dropped is not UNSET:
            field_dict["dropped"] = dropped
        if stream is not UNSET:
            field_dict["stream"] = stream

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        attempt = d.pop("attempt")

        job_id = d.pop("job_id")

        n = d.pop("n")

        step = d.pop("step")

        text = d.pop("text")

        ts = datetime.datetime.fromisoformat(d.pop("ts"))

        dropped = d.pop("dropped", UNSET)

        _stream = d.pop("stream", UNSET)
        stream: LogLineStream | Unset
        if isinstance(_stream, Unset):
            stream = UNSET
        else:
            stream = LogLineStream(_stream)

        log_line = cls(
            attempt=attempt,
            job_id=job_id,
            n=n,
            step=step,
            text=text,
            ts=ts,
            dropped=dropped,
            stream=stream,
        )

        log_line.additional_properties = d
        return log_line

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.event_data import EventData


T = TypeVar("T", bound="Event")


@_attrs_define
class Event:
    """
    Attributes:
        prev (int): Seq of the event before it in this view
        run_id (str):
        seq (int):
        ts (datetime.datetime):
        type_ (str): run_started, step_started, step_succeeded, job_decided, …
        v (int):
        actor (str | Unset):
        data (EventData | Unset):
        step (str | Unset):
    """

    prev: int
    run_id: str
    seq: int
    ts: datetime.datetime
    type_: str
    v: int
    actor: str | Unset = UNSET
    data: EventData | Unset = UNSET
    step: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prev = self.prev

        run_id = self.run_id

        seq = self.seq

        ts = self.ts.isoformat()

        type_ = self.type_

        v = self.v

        actor = self.actor

        data: dict[str, Any] | Unset = UNSET
        if not isinstance(self.data, Unset):
            data = self.data.to_dict()

        step = self.step

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "prev": prev,
                "run_id": run_id,
                "seq": seq,
                "ts": ts,
                "type": type_,
                "v": v,
            }
        )
        if actor is not UNSET:
            field_dict["actor"] = actor
        if data is not UNSET:
            field_dict["data"] = data
        if step is not UNSET:
            field_dict["step"] = step

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.event_data import EventData

        d = dict(src_dict)
        prev = d.pop("prev")

        run_id = d.pop("run_id")

        seq = d.pop("seq")

        ts = datetime.datetime.fromisoformat(d.pop("ts"))

        type_ = d.pop("type")

        v = d.pop("v")

        actor = d.pop("actor", UNSET)

        _data = d.pop("data", UNSET)
        data: EventData | Unset
        if isinstance(_data, Unset):
            data = UNSET
        else:
            data = EventData.from_dict(_data)

        step = d.pop("step", UNSET)

        event = cls(
            prev=prev,
            run_id=run_id,
            seq=seq,
            ts=ts,
            type_=type_,
            v=v,
            actor=actor,
            data=data,
            step=step,
        )

        event.additional_properties = d
        return event

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

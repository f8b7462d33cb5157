from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status_mode import StatusMode

T = TypeVar("T", bound="Status")


@_attrs_define
class Status:
    """
    Attributes:
        actor (str): You, as what you do is recorded
        holds (int): Holds that keep jobs of your tenant from being sent; GET /holds lists them
        mode (StatusMode):
        ready (bool):
        started_at (datetime.datetime):
        tenant (str): Yours
        version (str):
        viewers (int): Open live streams
        workers (int): Workers that are alive
    """

    actor: str
    holds: int
    mode: StatusMode
    ready: bool
    started_at: datetime.datetime
    tenant: str
    version: str
    viewers: int
    workers: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        actor = self.actor

        holds = self.holds

        mode = self.mode.value

        ready = self.ready

        started_at = self.started_at.isoformat()

        tenant = self.tenant

        version = self.version

        viewers = self.viewers

        workers = self.workers

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "actor": actor,
                "holds": holds,
                "mode": mode,
                "ready": ready,
                "started_at": started_at,
                "tenant": tenant,
                "version": version,
                "viewers": viewers,
                "workers": workers,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        actor = d.pop("actor")

        holds = d.pop("holds")

        mode = StatusMode(d.pop("mode"))

        ready = d.pop("ready")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        tenant = d.pop("tenant")

        version = d.pop("version")

        viewers = d.pop("viewers")

        workers = d.pop("workers")

        status = cls(
            actor=actor,
            holds=holds,
            mode=mode,
            ready=ready,
            started_at=started_at,
            tenant=tenant,
            version=version,
            viewers=viewers,
            workers=workers,
        )

        status.additional_properties = d
        return status

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditEvidenceRun")


@_attrs_define
class AuditEvidenceRun:
    """
    Attributes:
        compensation (str):
        digest (str): SHA-256 of the definition
        id (str):
        seq (int): Number of the run's newest fact
        started_at (datetime.datetime):
        started_by (str):
        state (str):
        tenant (str):
        workflow (str):
        ended_at (datetime.datetime | Unset):
    """

    compensation: str
    digest: str
    id: str
    seq: int
    started_at: datetime.datetime
    started_by: str
    state: str
    tenant: str
    workflow: str
    ended_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        compensation = self.compensation

        digest = self.digest

        id = self.id

        seq = self.seq

        started_at = self.started_at.isoformat()

        started_by = self.started_by

        state = self.state

        tenant = self.tenant

        workflow = self.workflow

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "compensation": compensation,
                "digest": digest,
                "id": id,
                "seq": seq,
                "started_at": started_at,
                "started_by": started_by,
                "state": state,
                "tenant": tenant,
                "workflow": workflow,
            }
        )
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        compensation = d.pop("compensation")

        digest = d.pop("digest")

        id = d.pop("id")

        seq = d.pop("seq")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        started_by = d.pop("started_by")

        state = d.pop("state")

        tenant = d.pop("tenant")

        workflow = d.pop("workflow")

        _ended_at = d.pop("ended_at", UNSET)
        ended_at: datetime.datetime | Unset
        if isinstance(_ended_at, Unset):
            ended_at = UNSET
        else:
            ended_at = datetime.datetime.fromisoformat(_ended_at)

        audit_evidence_run = cls(
            compensation=compensation,
            digest=digest,
            id=id,
            seq=seq,
            started_at=started_at,
            started_by=started_by,
            state=state,
            tenant=tenant,
            workflow=workflow,
            ended_at=ended_at,
        )

        audit_evidence_run.additional_properties = d
        return audit_evidence_run

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditRecord")


@_attrs_define
class AuditRecord:
    """
    Attributes:
        act (str):
        actor (str): user:ann, key:ci, system
        hash_ (str):
        partition (int):
        prev (str): Hash of the record before it
        seq (int):
        ts (datetime.datetime):
        detail (str | Unset): What came of it, in a few words
        fact_hash (str | Unset): SHA-256 of the fact's bytes, or of what was written
        fact_seq (int | Unset): Number of the fact in the run's log
        run (str | Unset):
        subject (str | Unset): What it was done to: a job, a step, a policy, a key
        tenant (str | Unset):
    """

    act: str
    actor: str
    hash_: str
    partition: int
    prev: str
    seq: int
    ts: datetime.datetime
    detail: str | Unset = UNSET
    fact_hash: str | Unset = UNSET
    fact_seq: int | Unset = UNSET
    run: str | Unset = UNSET
    subject: str | Unset = UNSET
    tenant: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        act = self.act

        actor = self.actor

        hash_ = self.hash_

        partition = self.partition

        prev = self.prev

        seq = self.seq

        ts = self.ts.isoformat()

        detail = self.detail

        fact_hash = self.fact_hash

        fact_seq = self.fact_seq

        run = self.run

        subject = self.subject

        tenant = self.tenant

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "act": act,
                "actor": actor,
                "hash": hash_,
                "partition": partition,
                "prev": prev,
                "seq": seq,
                "ts": ts,
            }
        )
        if detail is not UNSET:
            field_dict["detail"] = detail
        if fact_hash is not UNSET:
            field_dict["fact_hash"] = fact_hash
        if fact_seq is not UNSET:
            field_dict["fact_seq"] = fact_seq
        if run is not UNSET:
            field_dict["run"] = run
        if subject is not UNSET:
            field_dict["subject"] = subject
        if tenant is not UNSET:
            field_dict["tenant"] = tenant

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        act = d.pop("act")

        actor = d.pop("actor")

        hash_ = d.pop("hash")

        partition = d.pop("partition")

        prev = d.pop("prev")

        seq = d.pop("seq")

        ts = datetime.datetime.fromisoformat(d.pop("ts"))

        detail = d.pop("detail", UNSET)

        fact_hash = d.pop("fact_hash", UNSET)

        fact_seq = d.pop("fact_seq", UNSET)

        run = d.pop("run", UNSET)

        subject = d.pop("subject", UNSET)

        tenant = d.pop("tenant", UNSET)

        audit_record = cls(
            act=act,
            actor=actor,
            hash_=hash_,
            partition=partition,
            prev=prev,
            seq=seq,
            ts=ts,
            detail=detail,
            fact_hash=fact_hash,
            fact_seq=fact_seq,
            run=run,
            subject=subject,
            tenant=tenant,
        )

        audit_record.additional_properties = d
        return audit_record

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

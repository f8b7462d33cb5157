from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditChainHead")


@_attrs_define
class AuditChainHead:
    """
    Attributes:
        partition (int):
        digest (str | Unset): Stands for all of it where the chain is another tenant's
        first (int | Unset): Number of its first record that retention has left
        hash_ (str | Unset): Hash of its last record
        seq (int | Unset): Number of its last record
        tenant (str | Unset):
    """

    partition: int
    digest: str | Unset = UNSET
    first: int | Unset = UNSET
    hash_: str | Unset = UNSET
    seq: int | Unset = UNSET
    tenant: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        partition = self.partition

        digest = self.digest

        first = self.first

        hash_ = self.hash_

        seq = self.seq

        tenant = self.tenant

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "partition": partition,
            }
        )
        if digest is not UNSET:
            field_dict["digest"] = digest
        if first is not UNSET:
            field_dict["first"] = first
        if hash_ is not UNSET:
            field_dict["hash"] = hash_
        if seq is not UNSET:
            field_dict["seq"] = seq
        if tenant is not UNSET:
            field_dict["tenant"] = tenant

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        partition = d.pop("partition")

        digest = d.pop("digest", UNSET)

        first = d.pop("first", UNSET)

        hash_ = d.pop("hash", UNSET)

        seq = d.pop("seq", UNSET)

        tenant = d.pop("tenant", UNSET)

        audit_chain_head = cls(
            partition=partition,
            digest=digest,
            first=first,
            hash_=hash_,
            seq=seq,
            tenant=tenant,
        )

        audit_chain_head.additional_properties = d
        return audit_chain_head

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

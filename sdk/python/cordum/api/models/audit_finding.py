from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditFinding")


@_attrs_define
class AuditFinding:
    """
    Attributes:
        kind (str):
        partition (int):
        says (str):
        seq (int | Unset): Number of the first record it is about
        tenant (str | Unset):
    """

    kind: str
    partition: int
    says: str
    seq: int | Unset = UNSET
    tenant: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        partition = self.partition

        says = self.says

        seq = self.seq

        tenant = self.tenant

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
                "partition": partition,
                "says": says,
            }
        )
        if seq is not UNSET:
            field_dict["seq"] = seq
        if tenant is not UNSET:
            field_dict["tenant"] = tenant

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        kind = d.pop("kind")

        partition = d.pop("partition")

        says = d.pop("says")

        seq = d.pop("seq", UNSET)

        tenant = d.pop("tenant", UNSET)

        audit_finding = cls(
            kind=kind,
            partition=partition,
            says=says,
            seq=seq,
            tenant=tenant,
        )

        audit_finding.additional_properties = d
        return audit_finding

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

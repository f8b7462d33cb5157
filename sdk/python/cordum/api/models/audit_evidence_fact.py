from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditEvidenceFact")


@_attrs_define
class AuditEvidenceFact:
    """
    Attributes:
        event (Any): As the timeline has it, without outputs
        seq (int):
        encoded (str | Unset): The fact's bytes, where no payload is in them: their SHA-256 is the record's fact_hash
    """

    event: Any
    seq: int
    encoded: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        event = self.event

        seq = self.seq

        encoded = self.encoded

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event": event,
                "seq": seq,
            }
        )
        if encoded is not UNSET:
            field_dict["encoded"] = encoded

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        event = d.pop("event")

        seq = d.pop("seq")

        encoded = d.pop("encoded", UNSET)

        audit_evidence_fact = cls(
            event=event,
            seq=seq,
            encoded=encoded,
        )

        audit_evidence_fact.additional_properties = d
        return audit_evidence_fact

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

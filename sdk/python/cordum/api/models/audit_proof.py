from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audit_step import AuditStep


T = TypeVar("T", bound="AuditProof")


@_attrs_define
class AuditProof:
    """
    Attributes:
        first (int): Number of the first link
        links (list[AuditStep]):
        partition (int):
        prev (str): What the first link follows
        tenant (str | Unset):
    """

    first: int
    links: list[AuditStep]
    partition: int
    prev: str
    tenant: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        first = self.first

        links = []
        for links_item_data in self.links:
            links_item = links_item_data.to_dict()
            links.append(links_item)

        partition = self.partition

        prev = self.prev

        tenant = self.tenant

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "first": first,
                "links": links,
                "partition": partition,
                "prev": prev,
            }
        )
        if tenant is not UNSET:
            field_dict["tenant"] = tenant

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.audit_step import AuditStep

        d = dict(src_dict)
        first = d.pop("first")

        links = []
        _links = d.pop("links")
        for links_item_data in _links:
            links_item = AuditStep.from_dict(links_item_data)

            links.append(links_item)

        partition = d.pop("partition")

        prev = d.pop("prev")

        tenant = d.pop("tenant", UNSET)

        audit_proof = cls(
            first=first,
            links=links,
            partition=partition,
            prev=prev,
            tenant=tenant,
        )

        audit_proof.additional_properties = d
        return audit_proof

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

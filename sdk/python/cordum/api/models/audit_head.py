from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audit_chain_head import AuditChainHead


T = TypeVar("T", bound="AuditHead")


@_attrs_define
class AuditHead:
    """
    Attributes:
        at (datetime.datetime):
        chains (list[AuditChainHead]):
        number (int): Rises by one with each head
        previous (str): SHA-256 of the head before
        version (int):
        key (str | Unset): Fingerprint of the public key; absent when nobody signed
        signature (str | Unset): Ed25519, in base64
        store (str | Unset): Random name that the store got when it was made
    """

    at: datetime.datetime
    chains: list[AuditChainHead]
    number: int
    previous: str
    version: int
    key: str | Unset = UNSET
    signature: str | Unset = UNSET
    store: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        chains = []
        for chains_item_data in self.chains:
            chains_item = chains_item_data.to_dict()
            chains.append(chains_item)

        number = self.number

        previous = self.previous

        version = self.version

        key = self.key

        signature = self.signature

        store = self.store

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "chains": chains,
                "number": number,
                "previous": previous,
                "version": version,
            }
        )
        if key is not UNSET:
            field_dict["key"] = key
        if signature is not UNSET:
            field_dict["signature"] = signature
        if store is not UNSET:
            field_dict["store"] = store

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.audit_chain_head import AuditChainHead

        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        chains = []
        _chains = d.pop("chains")
        for chains_item_data in _chains:
            chains_item = AuditChainHead.from_dict(chains_item_data)

            chains.append(chains_item)

        number = d.pop("number")

        previous = d.pop("previous")

        version = d.pop("version")

        key = d.pop("key", UNSET)

        signature = d.pop("signature", UNSET)

        store = d.pop("store", UNSET)

        audit_head = cls(
            at=at,
            chains=chains,
            number=number,
            previous=previous,
            version=version,
            key=key,
            signature=signature,
            store=store,
        )

        audit_head.additional_properties = d
        return audit_head

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

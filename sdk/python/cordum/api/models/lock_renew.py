from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LockRenew")


@_attrs_define
class LockRenew:
    """
    Attributes:
        name (str):
        fencing_token (int | Unset): Of the grant that is meant: another one is lock_lost
        owner (str | Unset): As it was acquired
        ttl_sec (int | Unset): From now; 30 by default
    """

    name: str
    fencing_token: int | Unset = UNSET
    owner: str | Unset = UNSET
    ttl_sec: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        fencing_token = self.fencing_token

        owner = self.owner

        ttl_sec = self.ttl_sec

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if fencing_token is not UNSET:
            field_dict["fencing_token"] = fencing_token
        if owner is not UNSET:
            field_dict["owner"] = owner
        if ttl_sec is not UNSET:
            field_dict["ttl_sec"] = ttl_sec

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        fencing_token = d.pop("fencing_token", UNSET)

        owner = d.pop("owner", UNSET)

        ttl_sec = d.pop("ttl_sec", UNSET)

        lock_renew = cls(
            name=name,
            fencing_token=fencing_token,
            owner=owner,
            ttl_sec=ttl_sec,
        )

        return lock_renew

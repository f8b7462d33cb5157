from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="KeyCreate")


@_attrs_define
class KeyCreate:
    """
    Attributes:
        name (str): What it is for
        roles (list[str]): viewer, operator, approver, author, admin, and names that policies and approvals know
        expires_at (datetime.datetime | Unset): When it stops being good; never by default
        groups (list[str] | Unset): Groups as approvals name them
        owner (str | Unset): Whose it is, as user:ann: who owns it does not approve what it asks for, and both count as
            one. You by default
        scopes (list[str] | Unset): Verbs that it is good for, such as read, run.start or run.*; all that its roles
            allow when there are none
        tenant (str | Unset): Yours by default; another only where the key or the mode of the caller comes from the
            server's own configuration
    """

    name: str
    roles: list[str]
    expires_at: datetime.datetime | Unset = UNSET
    groups: list[str] | Unset = UNSET
    owner: str | Unset = UNSET
    scopes: list[str] | Unset = UNSET
    tenant: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        roles = self.roles

        expires_at: str | Unset = UNSET
        if not isinstance(self.expires_at, Unset):
            expires_at = self.expires_at.isoformat()

        groups: list[str] | Unset = UNSET
        if not isinstance(self.groups, Unset):
            groups = self.groups

        owner = self.owner

        scopes: list[str] | Unset = UNSET
        if not isinstance(self.scopes, Unset):
            scopes = self.scopes

        tenant = self.tenant

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "roles": roles,
            }
        )
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if groups is not UNSET:
            field_dict["groups"] = groups
        if owner is not UNSET:
            field_dict["owner"] = owner
        if scopes is not UNSET:
            field_dict["scopes"] = scopes
        if tenant is not UNSET:
            field_dict["tenant"] = tenant

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        roles = cast(list[str], d.pop("roles"))

        _expires_at = d.pop("expires_at", UNSET)
        expires_at: datetime.datetime | Unset
        if isinstance(_expires_at, Unset):
            expires_at = UNSET
        else:
            expires_at = datetime.datetime.fromisoformat(_expires_at)

        groups = cast(list[str], d.pop("groups", UNSET))

        owner = d.pop("owner", UNSET)

        scopes = cast(list[str], d.pop("scopes", UNSET))

        tenant = d.pop("tenant", UNSET)

        key_create = cls(
            name=name,
            roles=roles,
            expires_at=expires_at,
            groups=groups,
            owner=owner,
            scopes=scopes,
            tenant=tenant,
        )

        return key_create

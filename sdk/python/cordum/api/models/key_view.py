from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.key_view_state import KeyViewState
from ..types import UNSET, Unset

T = TypeVar("T", bound="KeyView")


@_attrs_define
class KeyView:
    """
    Attributes:
        created_at (datetime.datetime):
        created_by (str):
        id (str):
        name (str):
        roles (list[str]):
        state (KeyViewState):
        tenant (str):
        expires_at (datetime.datetime | Unset):
        groups (list[str] | Unset):
        last_used_at (datetime.datetime | Unset): As far as this process saw since it started
        owner (str | Unset):
        revoked_at (datetime.datetime | Unset):
        revoked_by (str | Unset):
        scopes (list[str] | Unset):
    """

    created_at: datetime.datetime
    created_by: str
    id: str
    name: str
    roles: list[str]
    state: KeyViewState
    tenant: str
    expires_at: datetime.datetime | Unset = UNSET
    groups: list[str] | Unset = UNSET
    last_used_at: datetime.datetime | Unset = UNSET
    owner: str | Unset = UNSET
    revoked_at: datetime.datetime | Unset = UNSET
    revoked_by: str | Unset = UNSET
    scopes: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        created_by = self.created_by

        id = self.id

        name = self.name

        roles = self.roles

        state = self.state.value

        tenant = self.tenant

        expires_at: str | Unset = UNSET
        if not isinstance(self.expires_at, Unset):
            expires_at = self.expires_at.isoformat()

        groups: list[str] | Unset = UNSET
        if not isinstance(self.groups, Unset):
            groups = self.groups

        last_used_at: str | Unset = UNSET
        if not isinstance(self.last_used_at, Unset):
            last_used_at = self.last_used_at.isoformat()

        owner = self.owner

        revoked_at: str | Unset = UNSET
        if not isinstance(self.revoked_at, Unset):
            revoked_at = self.revoked_at.isoformat()

        revoked_by = self.revoked_by

        scopes: list[str] | Unset = UNSET
        if not isinstance(self.scopes, Unset):
            scopes = self.scopes

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "created_by": created_by,
                "id": id,
                "name": name,
                "roles": roles,
                "state": state,
                "tenant": tenant,
            }
        )
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if groups is not UNSET:
            field_dict["groups"] = groups
        if last_used_at is not UNSET:
            field_dict["last_used_at"] = last_used_at
        if owner is not UNSET:
            field_dict["owner"] = owner
        if revoked_at is not UNSET:
            field_dict["revoked_at"] = revoked_at
        if revoked_by is not UNSET:
            field_dict["revoked_by"] = revoked_by
        if scopes is not UNSET:
            field_dict["scopes"] = scopes

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        created_by = d.pop("created_by")

        id = d.pop("id")

        name = d.pop("name")

        roles = cast(list[str], d.pop("roles"))

        state = KeyViewState(d.pop("state"))

        tenant = d.pop("tenant")

        _expires_at = d.pop("expires_at", UNSET)
        expires_at: datetime.datetime | Unset
        if isinstance(_expires_at, Unset):
            expires_at = UNSET
        else:
            expires_at = datetime.datetime.fromisoformat(_expires_at)

        groups = cast(list[str], d.pop("groups", UNSET))

        _last_used_at = d.pop("last_used_at", UNSET)
        last_used_at: datetime.datetime | Unset
        if isinstance(_last_used_at, Unset):
            last_used_at = UNSET
        else:
            last_used_at = datetime.datetime.fromisoformat(_last_used_at)

        owner = d.pop("owner", UNSET)

        _revoked_at = d.pop("revoked_at", UNSET)
        revoked_at: datetime.datetime | Unset
        if isinstance(_revoked_at, Unset):
            revoked_at = UNSET
        else:
            revoked_at = datetime.datetime.fromisoformat(_revoked_at)

        revoked_by = d.pop("revoked_by", UNSET)

        scopes = cast(list[str], d.pop("scopes", UNSET))

        key_view = cls(
            created_at=created_at,
            created_by=created_by,
            id=id,
            name=name,
            roles=roles,
            state=state,
            tenant=tenant,
            expires_at=expires_at,
            groups=groups,
            last_used_at=last_used_at,
            owner=owner,
            revoked_at=revoked_at,
            revoked_by=revoked_by,
            scopes=scopes,
        )

        key_view.additional_properties = d
        return key_view

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.credential_made_state import CredentialMadeState
from ..types import UNSET, Unset

T = TypeVar("T", bound="CredentialMade")


@_attrs_define
class CredentialMade:
    """
    Attributes:
        connected (bool): Somebody is on the bus with it now
        created_at (datetime.datetime):
        created_by (str):
        state (CredentialMadeState):
        token (str): The token itself. Nobody can read it again
        topics (list[str]):
        worker_id (str):
        cap (bool | Unset): It may also speak on the subjects that all CAP workers share
        capabilities (list[str] | Unset):
        description (str | Unset):
        pools (list[str] | Unset):
        revoked_at (datetime.datetime | Unset):
        revoked_by (str | Unset):
        rotated_at (datetime.datetime | Unset):
        rotated_by (str | Unset):
    """

    connected: bool
    created_at: datetime.datetime
    created_by: str
    state: CredentialMadeState
    token: str
    topics: list[str]
    worker_id: str
    cap: bool | Unset = UNSET
    capabilities: list[str] | Unset = UNSET
    description: str | Unset = UNSET
    pools: list[str] | Unset = UNSET
    revoked_at: datetime.datetime | Unset = UNSET
    revoked_by: str | Unset = UNSET
    rotated_at: datetime.datetime | Unset = UNSET
    rotated_by: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        connected = self.connected

        created_at = self.created_at.isoformat()

        created_by = self.created_by

        state = self.state.value

        token = self.token

        topics = self.topics

        worker_id = self.worker_id

        cap = self.cap

        capabilities: list[str] | Unset = UNSET
        if not isinstance(self.capabilities, Unset):
            capabilities = self.capabilities

        description = self.description

        pools: list[str] | Unset = UNSET
        if not isinstance(self.pools, Unset):
            pools = self.pools

        revoked_at: str | Unset = UNSET
        if not isinstance(self.revoked_at, Unset):
            revoked_at = self.revoked_at.isoformat()

        revoked_by = self.revoked_by

        rotated_at: str | Unset = UNSET
        if not isinstance(self.rotated_at, Unset):
            rotated_at = self.rotated_at.isoformat()

        rotated_by = self.rotated_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "connected": connected,
                "created_at": created_at,
                "created_by": created_by,
                "state": state,
                "token": token,
                "topics": topics,
                "worker_id": worker_id,
            }
        )
        if cap is not UNSET:
            field_dict["cap"] = cap
        if capabilities is not UNSET:
            field_dict["capabilities"] = capabilities
        if description is not UNSET:
            field_dict["description"] = description
        if pools is not UNSET:
            field_dict["pools"] = pools
        if revoked_at is not UNSET:
            field_dict["revoked_at"] = revoked_at
        if revoked_by is not UNSET:
            field_dict["revoked_by"] = revoked_by
        if rotated_at is not UNSET:
            field_dict["rotated_at"] = rotated_at
        if rotated_by is not UNSET:
            field_dict["rotated_by"] = rotated_by

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        connected = d.pop("connected")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        created_by = d.pop("created_by")

        state = CredentialMadeState(d.pop("state"))

        token = d.pop("token")

        topics = cast(list[str], d.pop("topics"))

        worker_id = d.pop("worker_id")

        cap = d.pop("cap", UNSET)

        capabilities = cast(list[str], d.pop("capabilities", UNSET))

        description = d.pop("description", UNSET)

        pools = cast(list[str], d.pop("pools", UNSET))

        _revoked_at = d.pop("revoked_at", UNSET)
        revoked_at: datetime.datetime | Unset
        if isinstance(_revoked_at, Unset):
            revoked_at = UNSET
        else:
            revoked_at = datetime.datetime.fromisoformat(_revoked_at)

        revoked_by = d.pop("revoked_by", UNSET)

        _rotated_at = d.pop("rotated_at", UNSET)
        rotated_at: datetime.datetime | Unset
        if isinstance(_rotated_at, Unset):
            rotated_at = UNSET
        else:
            rotated_at = datetime.datetime.fromisoformat(_rotated_at)

        rotated_by = d.pop("rotated_by", UNSET)

        credential_made = cls(
            connected=connected,
            created_at=created_at,
            created_by=created_by,
            state=state,
            token=token,
            topics=topics,
            worker_id=worker_id,
            cap=cap,
            capabilities=capabilities,
            description=description,
            pools=pools,
            revoked_at=revoked_at,
            revoked_by=revoked_by,
            rotated_at=rotated_at,
            rotated_by=rotated_by,
        )

        credential_made.additional_properties = d
        return credential_made

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

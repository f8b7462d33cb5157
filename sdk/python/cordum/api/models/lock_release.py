from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LockRelease")


@_attrs_define
class LockRelease:
    """
    Attributes:
        name (str):
        fencing_token (int | Unset): Of the grant that is meant: another one is lock_lost
        force (bool | Unset): Take it from who holds it, whoever that is; for admins, with a reason
        holder (str | Unset): With force: from this holder only, a job's id or an owner; from all by default
        owner (str | Unset): As it was acquired
        reason (str | Unset): Why; recorded with what is done
    """

    name: str
    fencing_token: int | Unset = UNSET
    force: bool | Unset = UNSET
    holder: str | Unset = UNSET
    owner: str | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        fencing_token = self.fencing_token

        force = self.force

        holder = self.holder

        owner = self.owner

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if fencing_token is not UNSET:
            field_dict["fencing_token"] = fencing_token
        if force is not UNSET:
            field_dict["force"] = force
        if holder is not UNSET:
            field_dict["holder"] = holder
        if owner is not UNSET:
            field_dict["owner"] = owner
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        fencing_token = d.pop("fencing_token", UNSET)

        force = d.pop("force", UNSET)

        holder = d.pop("holder", UNSET)

        owner = d.pop("owner", UNSET)

        reason = d.pop("reason", UNSET)

        lock_release = cls(
            name=name,
            fencing_token=fencing_token,
            force=force,
            holder=holder,
            owner=owner,
            reason=reason,
        )

        return lock_release

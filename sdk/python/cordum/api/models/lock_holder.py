from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.lock_holder_kind import LockHolderKind
from ..models.lock_holder_mode import LockHolderMode
from ..types import UNSET, Unset

T = TypeVar("T", bound="LockHolder")


@_attrs_define
class LockHolder:
    """
    Attributes:
        holder (str): The id of a job, or the owner outside
        kind (LockHolderKind):
        mode (LockHolderMode):
        since (datetime.datetime): When it was granted; of who waits, since when
        by (str | Unset): Whose key took it
        expires_at (datetime.datetime | Unset): When it lets go by itself unless it is renewed; a job holds until its
            end
        fencing_token (int | Unset): Grows with every grant: who guards the resource refuses what comes with a smaller
            one than it has seen
        run_id (str | Unset):
    """

    holder: str
    kind: LockHolderKind
    mode: LockHolderMode
    since: datetime.datetime
    by: str | Unset = UNSET
    expires_at: datetime.datetime | Unset = UNSET
    fencing_token: int | Unset = UNSET
    run_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        holder = self.holder

        kind = self.kind.value

        mode = self.mode.value

        since = self.since.isoformat()

        by = self.by

        expires_at: str | Unset = UNSET
        if not isinstance(self.expires_at, Unset):
            expires_at = self.expires_at.isoformat()

        fencing_token = self.fencing_token

        run_id = self.run_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "holder": holder,
                "kind": kind,
                "mode": mode,
                "since": since,
            }
        )
        if by is not UNSET:
            field_dict["by"] = by
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if fencing_token is not UNSET:
            field_dict["fencing_token"] = fencing_token
        if run_id is not UNSET:
            field_dict["run_id"] = run_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        holder = d.pop("holder")

        kind = LockHolderKind(d.pop("kind"))

        mode = LockHolderMode(d.pop("mode"))

        since = datetime.datetime.fromisoformat(d.pop("since"))

        by = d.pop("by", UNSET)

        _expires_at = d.pop("expires_at", UNSET)
        expires_at: datetime.datetime | Unset
        if isinstance(_expires_at, Unset):
            expires_at = UNSET
        else:
            expires_at = datetime.datetime.fromisoformat(_expires_at)

        fencing_token = d.pop("fencing_token", UNSET)

        run_id = d.pop("run_id", UNSET)

        lock_holder = cls(
            holder=holder,
            kind=kind,
            mode=mode,
            since=since,
            by=by,
            expires_at=expires_at,
            fencing_token=fencing_token,
            run_id=run_id,
        )

        lock_holder.additional_properties = d
        return lock_holder

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

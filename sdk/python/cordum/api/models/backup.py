from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.backup_state import BackupState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.backup_counts import BackupCounts


T = TypeVar("T", bound="Backup")


@_attrs_define
class Backup:
    """
    Attributes:
        begun_at (datetime.datetime): Everything that was acknowledged before is in it
        name (str): And of its folder below the one for backups
        state (BackupState):
        by (str | Unset):
        bytes_ (int | Unset): Of all its files
        counts (BackupCounts | Unset):
        digest (str | Unset): SHA-256 of its manifest, which names every file's: note it elsewhere
        error (str | Unset): Why it failed
        generation (int | Unset): Rises each time the store is restored
        level (int | Unset): Of the stored format
        reason (str | Unset):
        store (str | Unset): Random name that the store got when it was made
    """

    begun_at: datetime.datetime
    name: str
    state: BackupState
    by: str | Unset = UNSET
    bytes_: int | Unset = UNSET
    counts: BackupCounts | Unset = UNSET
    digest: str | Unset = UNSET
    error: str | Unset = UNSET
    generation: int | Unset = UNSET
    level: int | Unset = UNSET
    reason: str | Unset = UNSET
    store: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        begun_at = self.begun_at.isoformat()

        name = self.name

        state = self.state.value

        by = self.by

        bytes_ = self.bytes_

        counts: dict[str, Any] | Unset = UNSET
        if not isinstance(self.counts, Unset):
            counts = self.counts.to_dict()

        digest = self.digest

        error = self.error

        generation = self.generation

        level = self.level

        reason = self.reason

        store = self.store

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "begun_at": begun_at,
                "name": name,
                "state": state,
            }
        )
        if by is not UNSET:
            field_dict["by"] = by
        if bytes_ is not UNSET:
            field_dict["bytes"] = bytes_
        if counts is not UNSET:
            field_dict["counts"] = counts
        if digest is not UNSET:
            field_dict["digest"] = digest
        if error is not UNSET:
            field_dict["error"] = error
        if generation is not UNSET:
            field_dict["generation"] = generation
        if level is not UNSET:
            field_dict["level"] = level
        if reason is not UNSET:
            field_dict["reason"] = reason
        if store is not UNSET:
            field_dict["store"] = store

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.backup_counts import BackupCounts

        d = dict(src_dict)
        begun_at = datetime.datetime.fromisoformat(d.pop("begun_at"))

        name = d.pop("name")

        state = BackupState(d.pop("state"))

        by = d.pop("by", UNSET)

        bytes_ = d.pop("bytes", UNSET)

        _counts = d.pop("counts", UNSET)
        counts: BackupCounts | Unset
        if isinstance(_counts, Unset):
            counts = UNSET
        else:
            counts = BackupCounts.from_dict(_counts)

        digest = d.pop("digest", UNSET)

        error = d.pop("error", UNSET)

        generation = d.pop("generation", UNSET)

        level = d.pop("level", UNSET)

        reason = d.pop("reason", UNSET)

        store = d.pop("store", UNSET)

        backup = cls(
            begun_at=begun_at,
            name=name,
            state=state,
            by=by,
            bytes_=bytes_,
            counts=counts,
            digest=digest,
            error=error,
            generation=generation,
            level=level,
            reason=reason,
            store=store,
        )

        backup.additional_properties = d
        return backup

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

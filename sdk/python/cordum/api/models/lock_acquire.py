from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.lock_acquire_mode import LockAcquireMode
from ..types import UNSET, Unset

T = TypeVar("T", bound="LockAcquire")


@_attrs_define
class LockAcquire:
    """
    Attributes:
        name (str): As resource_lock names it
        mode (LockAcquireMode | Unset): exclusive by default; others that share it may hold it too
        owner (str | Unset): Who holds it: each name holds it for itself. You by default
        reason (str | Unset): Why; recorded with what is done
        ttl_sec (int | Unset): How long it is held unless it is renewed; 30 by default
        wait_sec (int | Unset): How long to wait for it when it is not free; not at all by default
    """

    name: str
    mode: LockAcquireMode | Unset = UNSET
    owner: str | Unset = UNSET
    reason: str | Unset = UNSET
    ttl_sec: int | Unset = UNSET
    wait_sec: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        mode: str | Unset = UNSET
        if not isinstance(self.mode, Unset):
            mode = self.mode.value

        owner = self.owner

        reason = self.reason

        ttl_sec = self.ttl_sec

        wait_sec = self.wait_sec

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if mode is not UNSET:
            field_dict["mode"] = mode
        if owner is not UNSET:
            field_dict["owner"] = owner
        if reason is not UNSET:
            field_dict["reason"] = reason
        if ttl_sec is not UNSET:
            field_dict["ttl_sec"] = ttl_sec
        if wait_sec is not UNSET:
            field_dict["wait_sec"] = wait_sec

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        _mode = d.pop("mode", UNSET)
        mode: LockAcquireMode | Unset
        if isinstance(_mode, Unset):
            mode = UNSET
        else:
            mode = LockAcquireMode(_mode)

        owner = d.pop("owner", UNSET)

        reason = d.pop("reason", UNSET)

        ttl_sec = d.pop("ttl_sec", UNSET)

        wait_sec = d.pop("wait_sec", UNSET)

        lock_acquire = cls(
            name=name,
            mode=mode,
            owner=owner,
            reason=reason,
            ttl_sec=ttl_sec,
            wait_sec=wait_sec,
        )

        return lock_acquire

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.rollback_run_then import RollbackRunThen
from ..types import UNSET, Unset

T = TypeVar("T", bound="RollbackRun")


@_attrs_define
class RollbackRun:
    """
    Attributes:
        reason (str | Unset): Why; recorded with what is done
        then (RollbackRunThen | Unset): With to: what follows; pause by default
        to (str | Unset): A checkpoint: only what came after it is undone, and the run goes on from there; everything by
            default
    """

    reason: str | Unset = UNSET
    then: RollbackRunThen | Unset = UNSET
    to: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        then: str | Unset = UNSET
        if not isinstance(self.then, Unset):
            then = self.then.value

        to = self.to

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if reason is not UNSET:
            field_dict["reason"] = reason
        if then is not UNSET:
            field_dict["then"] = then
        if to is not UNSET:
            field_dict["to"] = to

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        reason = d.pop("reason", UNSET)

        _then = d.pop("then", UNSET)
        then: RollbackRunThen | Unset
        if isinstance(_then, Unset):
            then = UNSET
        else:
            then = RollbackRunThen(_then)

        to = d.pop("to", UNSET)

        rollback_run = cls(
            reason=reason,
            then=then,
            to=to,
        )

        return rollback_run

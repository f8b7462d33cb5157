from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.batch_action import BatchAction
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_filter import BatchFilter


T = TypeVar("T", bound="Batch")


@_attrs_define
class Batch:
    """
    Attributes:
        action (BatchAction):
        filter_ (BatchFilter):
        cursor (str | Unset): cursor of the batch before: go on behind it
        dry_run (bool | Unset): Only count the runs
        limit (int | Unset): How many runs at most; 1000 by default
        reason (str | Unset): Why; recorded with what is done
        rollback (bool | Unset): With cancel: undo what the runs did
    """

    action: BatchAction
    filter_: BatchFilter
    cursor: str | Unset = UNSET
    dry_run: bool | Unset = UNSET
    limit: int | Unset = UNSET
    reason: str | Unset = UNSET
    rollback: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        action = self.action.value

        filter_ = self.filter_.to_dict()

        cursor = self.cursor

        dry_run = self.dry_run

        limit = self.limit

        reason = self.reason

        rollback = self.rollback

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "action": action,
                "filter": filter_,
            }
        )
        if cursor is not UNSET:
            field_dict["cursor"] = cursor
        if dry_run is not UNSET:
            field_dict["dry_run"] = dry_run
        if limit is not UNSET:
            field_dict["limit"] = limit
        if reason is not UNSET:
            field_dict["reason"] = reason
        if rollback is not UNSET:
            field_dict["rollback"] = rollback

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.batch_filter import BatchFilter

        d = dict(src_dict)
        action = BatchAction(d.pop("action"))

        filter_ = BatchFilter.from_dict(d.pop("filter"))

        cursor = d.pop("cursor", UNSET)

        dry_run = d.pop("dry_run", UNSET)

        limit = d.pop("limit", UNSET)

        reason = d.pop("reason", UNSET)

        rollback = d.pop("rollback", UNSET)

        batch = cls(
            action=action,
            filter_=filter_,
            cursor=cursor,
            dry_run=dry_run,
            limit=limit,
            reason=reason,
            rollback=rollback,
        )

        return batch

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.dead_filter import DeadFilter


T = TypeVar("T", bound="DeadRedrive")


@_attrs_define
class DeadRedrive:
    """
    Attributes:
        filter_ (DeadFilter):
        dry_run (bool | Unset): Only count them
        rate (float | Unset): Retries a second; 10 by default
        reason (str | Unset): Why; recorded with what is done
    """

    filter_: DeadFilter
    dry_run: bool | Unset = UNSET
    rate: float | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        filter_ = self.filter_.to_dict()

        dry_run = self.dry_run

        rate = self.rate

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "filter": filter_,
            }
        )
        if dry_run is not UNSET:
            field_dict["dry_run"] = dry_run
        if rate is not UNSET:
            field_dict["rate"] = rate
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.dead_filter import DeadFilter

        d = dict(src_dict)
        filter_ = DeadFilter.from_dict(d.pop("filter"))

        dry_run = d.pop("dry_run", UNSET)

        rate = d.pop("rate", UNSET)

        reason = d.pop("reason", UNSET)

        dead_redrive = cls(
            filter_=filter_,
            dry_run=dry_run,
            rate=rate,
            reason=reason,
        )

        return dead_redrive

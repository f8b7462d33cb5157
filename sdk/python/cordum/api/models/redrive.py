from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.redrive_state import RedriveState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.dead_filter import DeadFilter
    from ..models.dead_refusal import DeadRefusal
    from ..models.redrive_reasons import RedriveReasons


T = TypeVar("T", bound="Redrive")


@_attrs_define
class Redrive:
    """
    Attributes:
        filter_ (DeadFilter):
        matched (int): Entries that fitted when it began, without those that were being done again
        rate (float): Retries a second
        refused (int): Cannot be retried
        retried (int):
        skipped (int): Were gone, or being done again, when their turn came. Includes one that was retried right before
            the server was killed, and not counted
        state (RedriveState):
        ended_at (datetime.datetime | Unset):
        id (str | Unset): Absent in a dry run
        reason (str | Unset):
        reasons (RedriveReasons | Unset): How many of them by reason
        refusals (list[DeadRefusal] | Unset): The first of them
        started_at (datetime.datetime | Unset):
        started_by (str | Unset):
    """

    filter_: DeadFilter
    matched: int
    rate: float
    refused: int
    retried: int
    skipped: int
    state: RedriveState
    ended_at: datetime.datetime | Unset = UNSET
    id: str | Unset = UNSET
    reason: str | Unset = UNSET
    reasons: RedriveReasons | Unset = UNSET
    refusals: list[DeadRefusal] | Unset = UNSET
    started_at: datetime.datetime | Unset = UNSET
    started_by: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        filter_ = self.filter_.to_dict()

        matched = self.matched

        rate = self.rate

        refused = self.refused

        retried = self.retried

        skipped = self.skipped

        state = self.state.value

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        id = self.id

        reason = self.reason

        reasons: dict[str, Any] | Unset = UNSET
        if not isinstance(self.reasons, Unset):
            reasons = self.reasons.to_dict()

        refusals: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.refusals, Unset):
            refusals = []
            for refusals_item_data in self.refusals:
                refusals_item = refusals_item_data.to_dict()
                refusals.append(refusals_item)

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        started_by = self.started_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "filter": filter_,
                "matched": matched,
                "rate": rate,
                "refused": refused,
                "retried": retried,
                "skipped": skipped,
                "state": state,
            }
        )
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at
        if id is not UNSET:
            field_dict["id"] = id
        if reason is not UNSET:
            field_dict["reason"] = reason
        if reasons is not UNSET:
            field_dict["reasons"] = reasons
        if refusals is not UNSET:
            field_dict["refusals"] = refusals
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if started_by is not UNSET:
            field_dict["started_by"] = started_by

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.dead_filter import DeadFilter
        from ..models.dead_refusal import DeadRefusal
        from ..models.redrive_reasons import RedriveReasons

        d = dict(src_dict)
        filter_ = DeadFilter.from_dict(d.pop("filter"))

        matched = d.pop("matched")

        rate = d.pop("rate")

        refused = d.pop("refused")

        retried = d.pop("retried")

        skipped = d.pop("skipped")

        state = RedriveState(d.pop("state"))

        _ended_at = d.pop("ended_at", UNSET)
        ended_at: datetime.datetime | Unset
        if isinstance(_ended_at, Unset):
            ended_at = UNSET
        else:
            ended_at = datetime.datetime.fromisoformat(_ended_at)

        id = d.pop("id", UNSET)

        reason = d.pop("reason", UNSET)

        _reasons = d.pop("reasons", UNSET)
        reasons: RedriveReasons | Unset
        if isinstance(_reasons, Unset):
            reasons = UNSET
        else:
            reasons = RedriveReasons.from_dict(_reasons)

        _refusals = d.pop("refusals", UNSET)
        refusals: list[DeadRefusal] | Unset = UNSET
        if _refusals is not UNSET:
            refusals = []
            for refusals_item_data in _refusals:
                refusals_item = DeadRefusal.from_dict(refusals_item_data)

                refusals.append(refusals_item)

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        started_by = d.pop("started_by", UNSET)

        redrive = cls(
            filter_=filter_,
            matched=matched,
            rate=rate,
            refused=refused,
            retried=retried,
            skipped=skipped,
            state=state,
            ended_at=ended_at,
            id=id,
            reason=reason,
            reasons=reasons,
            refusals=refusals,
            started_at=started_at,
            started_by=started_by,
        )

        redrive.additional_properties = d
        return redrive

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

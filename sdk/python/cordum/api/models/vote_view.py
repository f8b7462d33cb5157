from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="VoteView")


@_attrs_define
class VoteView:
    """
    Attributes:
        at (datetime.datetime):
        by (str):
        decision (str):
        channel (str | Unset):
        comment (str | Unset):
        for_ (str | Unset):
        void (bool | Unset): It was given to something that is not asked any more
    """

    at: datetime.datetime
    by: str
    decision: str
    channel: str | Unset = UNSET
    comment: str | Unset = UNSET
    for_: str | Unset = UNSET
    void: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        by = self.by

        decision = self.decision

        channel = self.channel

        comment = self.comment

        for_ = self.for_

        void = self.void

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "by": by,
                "decision": decision,
            }
        )
        if channel is not UNSET:
            field_dict["channel"] = channel
        if comment is not UNSET:
            field_dict["comment"] = comment
        if for_ is not UNSET:
            field_dict["for"] = for_
        if void is not UNSET:
            field_dict["void"] = void

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        by = d.pop("by")

        decision = d.pop("decision")

        channel = d.pop("channel", UNSET)

        comment = d.pop("comment", UNSET)

        for_ = d.pop("for", UNSET)

        void = d.pop("void", UNSET)

        vote_view = cls(
            at=at,
            by=by,
            decision=decision,
            channel=channel,
            comment=comment,
            for_=for_,
            void=void,
        )

        vote_view.additional_properties = d
        return vote_view

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

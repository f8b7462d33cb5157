from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_channel import DeliveryChannel
from ..models.delivery_state import DeliveryState
from ..types import UNSET, Unset

T = TypeVar("T", bound="Delivery")


@_attrs_define
class Delivery:
    """
    Attributes:
        at (datetime.datetime): Of the last attempt
        attempts (int):
        channel (DeliveryChannel):
        round_ (int): Which asking it told of
        state (DeliveryState):
        error (str | Unset): Why the last attempt failed
        to (str | Unset): The person it went to; empty: whomever the channel leads to
    """

    at: datetime.datetime
    attempts: int
    channel: DeliveryChannel
    round_: int
    state: DeliveryState
    error: str | Unset = UNSET
    to: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        attempts = self.attempts

        channel = self.channel.value

        round_ = self.round_

        state = self.state.value

        error = self.error

        to = self.to

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "attempts": attempts,
                "channel": channel,
                "round": round_,
                "state": state,
            }
        )
        if error is not UNSET:
            field_dict["error"] = error
        if to is not UNSET:
            field_dict["to"] = to

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        attempts = d.pop("attempts")

        channel = DeliveryChannel(d.pop("channel"))

        round_ = d.pop("round")

        state = DeliveryState(d.pop("state"))

        error = d.pop("error", UNSET)

        to = d.pop("to", UNSET)

        delivery = cls(
            at=at,
            attempts=attempts,
            channel=channel,
            round_=round_,
            state=state,
            error=error,
            to=to,
        )

        delivery.additional_properties = d
        return delivery

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

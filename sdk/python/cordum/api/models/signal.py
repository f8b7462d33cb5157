from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Signal")


@_attrs_define
class Signal:
    """
    Attributes:
        name (str):
        payload (Any | Unset): Any JSON value
        reason (str | Unset): Why; recorded with what is done
    """

    name: str
    payload: Any | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        payload = self.payload

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if payload is not UNSET:
            field_dict["payload"] = payload
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        payload = d.pop("payload", UNSET)

        reason = d.pop("reason", UNSET)

        signal = cls(
            name=name,
            payload=payload,
            reason=reason,
        )

        return signal

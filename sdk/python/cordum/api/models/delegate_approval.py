from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DelegateApproval")


@_attrs_define
class DelegateApproval:
    """
    Attributes:
        to (str): Who, as user:bob
        until (datetime.datetime): Until when
        reason (str | Unset): Why; kept in the record
    """

    to: str
    until: datetime.datetime
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        to = self.to

        until = self.until.isoformat()

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "to": to,
                "until": until,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        to = d.pop("to")

        until = datetime.datetime.fromisoformat(d.pop("until"))

        reason = d.pop("reason", UNSET)

        delegate_approval = cls(
            to=to,
            until=until,
            reason=reason,
        )

        return delegate_approval

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LegalHoldSet")


@_attrs_define
class LegalHoldSet:
    """
    Attributes:
        reason (str):
        run (str | Unset): Only this run's records; all of the tenant by default
    """

    reason: str
    run: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        run = self.run

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
            }
        )
        if run is not UNSET:
            field_dict["run"] = run

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        reason = d.pop("reason")

        run = d.pop("run", UNSET)

        legal_hold_set = cls(
            reason=reason,
            run=run,
        )

        return legal_hold_set

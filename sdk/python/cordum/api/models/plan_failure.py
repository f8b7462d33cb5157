from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.rollback import Rollback


T = TypeVar("T", bound="PlanFailure")


@_attrs_define
class PlanFailure:
    """
    Attributes:
        rollback (Rollback):
        step (str):
        then (str):
    """

    rollback: Rollback
    step: str
    then: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        rollback = self.rollback.to_dict()

        step = self.step

        then = self.then

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rollback": rollback,
                "step": step,
                "then": then,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.rollback import Rollback

        d = dict(src_dict)
        rollback = Rollback.from_dict(d.pop("rollback"))

        step = d.pop("step")

        then = d.pop("then")

        plan_failure = cls(
            rollback=rollback,
            step=step,
            then=then,
        )

        plan_failure.additional_properties = d
        return plan_failure

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

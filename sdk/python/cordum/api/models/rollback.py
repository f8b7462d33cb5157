from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_left import PlanLeft
    from ..models.plan_undo_step import PlanUndoStep


T = TypeVar("T", bound="Rollback")


@_attrs_define
class Rollback:
    """
    Attributes:
        groups (list[list[PlanUndoStep]]):
        checkpoint (str | Unset):
        left (list[PlanLeft] | Unset):
        reached (str | Unset):
    """

    groups: list[list[PlanUndoStep]]
    checkpoint: str | Unset = UNSET
    left: list[PlanLeft] | Unset = UNSET
    reached: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        groups = []
        for groups_item_data in self.groups:
            groups_item = []
            for groups_item_item_data in groups_item_data:
                groups_item_item = groups_item_item_data.to_dict()
                groups_item.append(groups_item_item)

            groups.append(groups_item)

        checkpoint = self.checkpoint

        left: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.left, Unset):
            left = []
            for left_item_data in self.left:
                left_item = left_item_data.to_dict()
                left.append(left_item)

        reached = self.reached

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "groups": groups,
            }
        )
        if checkpoint is not UNSET:
            field_dict["checkpoint"] = checkpoint
        if left is not UNSET:
            field_dict["left"] = left
        if reached is not UNSET:
            field_dict["reached"] = reached

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_left import PlanLeft
        from ..models.plan_undo_step import PlanUndoStep

        d = dict(src_dict)
        groups = []
        _groups = d.pop("groups")
        for groups_item_data in _groups:
            groups_item = []
            _groups_item = groups_item_data
            for groups_item_item_data in _groups_item:
                groups_item_item = PlanUndoStep.from_dict(groups_item_item_data)

                groups_item.append(groups_item_item)

            groups.append(groups_item)

        checkpoint = d.pop("checkpoint", UNSET)

        _left = d.pop("left", UNSET)
        left: list[PlanLeft] | Unset = UNSET
        if _left is not UNSET:
            left = []
            for left_item_data in _left:
                left_item = PlanLeft.from_dict(left_item_data)

                left.append(left_item)

        reached = d.pop("reached", UNSET)

        rollback = cls(
            groups=groups,
            checkpoint=checkpoint,
            left=left,
            reached=reached,
        )

        rollback.additional_properties = d
        return rollback

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

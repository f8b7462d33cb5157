from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.coverage_change import CoverageChange
    from ..models.edge_changes import EdgeChanges
    from ..models.effect_change import EffectChange
    from ..models.step_change import StepChange
    from ..models.step_summary import StepSummary


T = TypeVar("T", bound="WorkflowDiff")


@_attrs_define
class WorkflowDiff:
    """
    Attributes:
        edges (EdgeChanges):
        effects (list[EffectChange]):
        from_ (str):
        same (bool): Both mean the same
        steps_added (list[StepSummary]):
        steps_changed (list[StepChange]):
        steps_removed (list[StepSummary]):
        to (str):
        undo (CoverageChange):
        workflow_id (str):
    """

    edges: EdgeChanges
    effects: list[EffectChange]
    from_: str
    same: bool
    steps_added: list[StepSummary]
    steps_changed: list[StepChange]
    steps_removed: list[StepSummary]
    to: str
    undo: CoverageChange
    workflow_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        edges = self.edges.to_dict()

        effects = []
        for effects_item_data in self.effects:
            effects_item = effects_item_data.to_dict()
            effects.append(effects_item)

        from_ = self.from_

        same = self.same

        steps_added = []
        for steps_added_item_data in self.steps_added:
            steps_added_item = steps_added_item_data.to_dict()
            steps_added.append(steps_added_item)

        steps_changed = []
        for steps_changed_item_data in self.steps_changed:
            steps_changed_item = steps_changed_item_data.to_dict()
            steps_changed.append(steps_changed_item)

        steps_removed = []
        for steps_removed_item_data in self.steps_removed:
            steps_removed_item = steps_removed_item_data.to_dict()
            steps_removed.append(steps_removed_item)

        to = self.to

        undo = self.undo.to_dict()

        workflow_id = self.workflow_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "edges": edges,
                "effects": effects,
                "from": from_,
                "same": same,
                "steps_added": steps_added,
                "steps_changed": steps_changed,
                "steps_removed": steps_removed,
                "to": to,
                "undo": undo,
                "workflow_id": workflow_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.coverage_change import CoverageChange
        from ..models.edge_changes import EdgeChanges
        from ..models.effect_change import EffectChange
        from ..models.step_change import StepChange
        from ..models.step_summary import StepSummary

        d = dict(src_dict)
        edges = EdgeChanges.from_dict(d.pop("edges"))

        effects = []
        _effects = d.pop("effects")
        for effects_item_data in _effects:
            effects_item = EffectChange.from_dict(effects_item_data)

            effects.append(effects_item)

        from_ = d.pop("from")

        same = d.pop("same")

        steps_added = []
        _steps_added = d.pop("steps_added")
        for steps_added_item_data in _steps_added:
            steps_added_item = StepSummary.from_dict(steps_added_item_data)

            steps_added.append(steps_added_item)

        steps_changed = []
        _steps_changed = d.pop("steps_changed")
        for steps_changed_item_data in _steps_changed:
            steps_changed_item = StepChange.from_dict(steps_changed_item_data)

            steps_changed.append(steps_changed_item)

        steps_removed = []
        _steps_removed = d.pop("steps_removed")
        for steps_removed_item_data in _steps_removed:
            steps_removed_item = StepSummary.from_dict(steps_removed_item_data)

            steps_removed.append(steps_removed_item)

        to = d.pop("to")

        undo = CoverageChange.from_dict(d.pop("undo"))

        workflow_id = d.pop("workflow_id")

        workflow_diff = cls(
            edges=edges,
            effects=effects,
            from_=from_,
            same=same,
            steps_added=steps_added,
            steps_changed=steps_changed,
            steps_removed=steps_removed,
            to=to,
            undo=undo,
            workflow_id=workflow_id,
        )

        workflow_diff.additional_properties = d
        return workflow_diff

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

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.batch_filter_compensation import BatchFilterCompensation
from ..models.batch_filter_state import BatchFilterState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_filter_labels import BatchFilterLabels


T = TypeVar("T", bound="BatchFilter")


@_attrs_define
class BatchFilter:
    """
    Attributes:
        compensation (BatchFilterCompensation | Unset):
        labels (BatchFilterLabels | Unset):
        started_by (str | Unset):
        state (BatchFilterState | Unset):
        workflow (str | Unset):
    """

    compensation: BatchFilterCompensation | Unset = UNSET
    labels: BatchFilterLabels | Unset = UNSET
    started_by: str | Unset = UNSET
    state: BatchFilterState | Unset = UNSET
    workflow: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        compensation: str | Unset = UNSET
        if not isinstance(self.compensation, Unset):
            compensation = self.compensation.value

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        started_by = self.started_by

        state: str | Unset = UNSET
        if not isinstance(self.state, Unset):
            state = self.state.value

        workflow = self.workflow

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if compensation is not UNSET:
            field_dict["compensation"] = compensation
        if labels is not UNSET:
            field_dict["labels"] = labels
        if started_by is not UNSET:
            field_dict["started_by"] = started_by
        if state is not UNSET:
            field_dict["state"] = state
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.batch_filter_labels import BatchFilterLabels

        d = dict(src_dict)
        _compensation = d.pop("compensation", UNSET)
        compensation: BatchFilterCompensation | Unset
        if isinstance(_compensation, Unset):
            compensation = UNSET
        else:
            compensation = BatchFilterCompensation(_compensation)

        _labels = d.pop("labels", UNSET)
        labels: BatchFilterLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = BatchFilterLabels.from_dict(_labels)

        started_by = d.pop("started_by", UNSET)

        _state = d.pop("state", UNSET)
        state: BatchFilterState | Unset
        if isinstance(_state, Unset):
            state = UNSET
        else:
            state = BatchFilterState(_state)

        workflow = d.pop("workflow", UNSET)

        batch_filter = cls(
            compensation=compensation,
            labels=labels,
            started_by=started_by,
            state=state,
            workflow=workflow,
        )

        return batch_filter

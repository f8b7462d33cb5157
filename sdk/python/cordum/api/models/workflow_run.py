from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.error_view import ErrorView
    from ..models.workflow_run_labels import WorkflowRunLabels
    from ..models.workflow_run_steps import WorkflowRunSteps


T = TypeVar("T", bound="WorkflowRun")


@_attrs_define
class WorkflowRun:
    """
    Attributes:
        id (str):
        started_at (datetime.datetime):
        status (str):
        steps (WorkflowRunSteps):
        workflow_id (str):
        completed_at (datetime.datetime | Unset):
        error (ErrorView | Unset):
        input_ (Any | Unset):
        labels (WorkflowRunLabels | Unset):
        output (Any | Unset):
        rerun_of (str | Unset):
    """

    id: str
    started_at: datetime.datetime
    status: str
    steps: WorkflowRunSteps
    workflow_id: str
    completed_at: datetime.datetime | Unset = UNSET
    error: ErrorView | Unset = UNSET
    input_: Any | Unset = UNSET
    labels: WorkflowRunLabels | Unset = UNSET
    output: Any | Unset = UNSET
    rerun_of: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        started_at = self.started_at.isoformat()

        status = self.status

        steps = self.steps.to_dict()

        workflow_id = self.workflow_id

        completed_at: str | Unset = UNSET
        if not isinstance(self.completed_at, Unset):
            completed_at = self.completed_at.isoformat()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        input_ = self.input_

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        output = self.output

        rerun_of = self.rerun_of

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "started_at": started_at,
                "status": status,
                "steps": steps,
                "workflow_id": workflow_id,
            }
        )
        if completed_at is not UNSET:
            field_dict["completed_at"] = completed_at
        if error is not UNSET:
            field_dict["error"] = error
        if input_ is not UNSET:
            field_dict["input"] = input_
        if labels is not UNSET:
            field_dict["labels"] = labels
        if output is not UNSET:
            field_dict["output"] = output
        if rerun_of is not UNSET:
            field_dict["rerun_of"] = rerun_of

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.error_view import ErrorView
        from ..models.workflow_run_labels import WorkflowRunLabels
        from ..models.workflow_run_steps import WorkflowRunSteps

        d = dict(src_dict)
        id = d.pop("id")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        status = d.pop("status")

        steps = WorkflowRunSteps.from_dict(d.pop("steps"))

        workflow_id = d.pop("workflow_id")

        _completed_at = d.pop("completed_at", UNSET)
        completed_at: datetime.datetime | Unset
        if isinstance(_completed_at, Unset):
            completed_at = UNSET
        else:
            completed_at = datetime.datetime.fromisoformat(_completed_at)

        _error = d.pop("error", UNSET)
        error: ErrorView | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = ErrorView.from_dict(_error)

        input_ = d.pop("input", UNSET)

        _labels = d.pop("labels", UNSET)
        labels: WorkflowRunLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = WorkflowRunLabels.from_dict(_labels)

        output = d.pop("output", UNSET)

        rerun_of = d.pop("rerun_of", UNSET)

        workflow_run = cls(
            id=id,
            started_at=started_at,
            status=status,
            steps=steps,
            workflow_id=workflow_id,
            completed_at=completed_at,
            error=error,
            input_=input_,
            labels=labels,
            output=output,
            rerun_of=rerun_of,
        )

        workflow_run.additional_properties = d
        return workflow_run

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

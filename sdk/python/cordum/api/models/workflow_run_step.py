from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.error_view import ErrorView


T = TypeVar("T", bound="WorkflowRunStep")


@_attrs_define
class WorkflowRunStep:
    """
    Attributes:
        status (str):
        step_id (str):
        attempts (int | Unset):
        completed_at (datetime.datetime | Unset):
        error (ErrorView | Unset):
        job_id (str | Unset):
        output (Any | Unset):
        started_at (datetime.datetime | Unset):
    """

    status: str
    step_id: str
    attempts: int | Unset = UNSET
    completed_at: datetime.datetime | Unset = UNSET
    error: ErrorView | Unset = UNSET
    job_id: str | Unset = UNSET
    output: Any | Unset = UNSET
    started_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status

        step_id = self.step_id

        attempts = self.attempts

        completed_at: str | Unset = UNSET
        if not isinstance(self.completed_at, Unset):
            completed_at = self.completed_at.isoformat()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        job_id = self.job_id

        output = self.output

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
                "step_id": step_id,
            }
        )
        if attempts is not UNSET:
            field_dict["attempts"] = attempts
        if completed_at is not UNSET:
            field_dict["completed_at"] = completed_at
        if error is not UNSET:
            field_dict["error"] = error
        if job_id is not UNSET:
            field_dict["job_id"] = job_id
        if output is not UNSET:
            field_dict["output"] = output
        if started_at is not UNSET:
            field_dict["started_at"] = started_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.error_view import ErrorView

        d = dict(src_dict)
        status = d.pop("status")

        step_id = d.pop("step_id")

        attempts = d.pop("attempts", UNSET)

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

        job_id = d.pop("job_id", UNSET)

        output = d.pop("output", UNSET)

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        workflow_run_step = cls(
            status=status,
            step_id=step_id,
            attempts=attempts,
            completed_at=completed_at,
            error=error,
            job_id=job_id,
            output=output,
            started_at=started_at,
        )

        workflow_run_step.additional_properties = d
        return workflow_run_step

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.error_view import ErrorView


T = TypeVar("T", bound="HeldView")


@_attrs_define
class HeldView:
    """
    Attributes:
        error (ErrorView):
        held_at (datetime.datetime):
        job_id (str):
        run_id (str):
        step (str): Path of what is to be undone: charge, each[2], poll[0]/ask
        workflow (str):
    """

    error: ErrorView
    held_at: datetime.datetime
    job_id: str
    run_id: str
    step: str
    workflow: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        error = self.error.to_dict()

        held_at = self.held_at.isoformat()

        job_id = self.job_id

        run_id = self.run_id

        step = self.step

        workflow = self.workflow

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "error": error,
                "held_at": held_at,
                "job_id": job_id,
                "run_id": run_id,
                "step": step,
                "workflow": workflow,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.error_view import ErrorView

        d = dict(src_dict)
        error = ErrorView.from_dict(d.pop("error"))

        held_at = datetime.datetime.fromisoformat(d.pop("held_at"))

        job_id = d.pop("job_id")

        run_id = d.pop("run_id")

        step = d.pop("step")

        workflow = d.pop("workflow")

        held_view = cls(
            error=error,
            held_at=held_at,
            job_id=job_id,
            run_id=run_id,
            step=step,
            workflow=workflow,
        )

        held_view.additional_properties = d
        return held_view

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.job_accepted_state import JobAcceptedState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.error_view import ErrorView
    from ..models.placement_view import PlacementView


T = TypeVar("T", bound="JobAccepted")


@_attrs_define
class JobAccepted:
    """
    Attributes:
        attempt (int):
        created_at (datetime.datetime):
        id (str):
        job_id (str): The same as id
        run_id (str):
        state (JobAcceptedState):
        topic (str):
        ended_at (datetime.datetime | Unset):
        error (ErrorView | Unset):
        output (Any | Unset):
        pack (str | Unset):
        placement (PlacementView | Unset):
        step (str | Unset):
        tool (str | Unset):
        worker (str | Unset):
        workflow (str | Unset):
    """

    attempt: int
    created_at: datetime.datetime
    id: str
    job_id: str
    run_id: str
    state: JobAcceptedState
    topic: str
    ended_at: datetime.datetime | Unset = UNSET
    error: ErrorView | Unset = UNSET
    output: Any | Unset = UNSET
    pack: str | Unset = UNSET
    placement: PlacementView | Unset = UNSET
    step: str | Unset = UNSET
    tool: str | Unset = UNSET
    worker: str | Unset = UNSET
    workflow: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempt = self.attempt

        created_at = self.created_at.isoformat()

        id = self.id

        job_id = self.job_id

        run_id = self.run_id

        state = self.state.value

        topic = self.topic

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        output = self.output

        pack = self.pack

        placement: dict[str, Any] | Unset = UNSET
        if not isinstance(self.placement, Unset):
            placement = self.placement.to_dict()

        step = self.step

        tool = self.tool

        worker = self.worker

        workflow = self.workflow

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempt": attempt,
                "created_at": created_at,
                "id": id,
                "job_id": job_id,
                "run_id": run_id,
                "state": state,
                "topic": topic,
            }
        )
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at
        if error is not UNSET:
            field_dict["error"] = error
        if output is not UNSET:
            field_dict["output"] = output
        if pack is not UNSET:
            field_dict["pack"] = pack
        if placement is not UNSET:
            field_dict["placement"] = placement
        if step is not UNSET:
            field_dict["step"] = step
        if tool is not UNSET:
            field_dict["tool"] = tool
        if worker is not UNSET:
            field_dict["worker"] = worker
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.error_view import ErrorView
        from ..models.placement_view import PlacementView

        d = dict(src_dict)
        attempt = d.pop("attempt")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        job_id = d.pop("job_id")

        run_id = d.pop("run_id")

        state = JobAcceptedState(d.pop("state"))

        topic = d.pop("topic")

        _ended_at = d.pop("ended_at", UNSET)
        ended_at: datetime.datetime | Unset
        if isinstance(_ended_at, Unset):
            ended_at = UNSET
        else:
            ended_at = datetime.datetime.fromisoformat(_ended_at)

        _error = d.pop("error", UNSET)
        error: ErrorView | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = ErrorView.from_dict(_error)

        output = d.pop("output", UNSET)

        pack = d.pop("pack", UNSET)

        _placement = d.pop("placement", UNSET)
        placement: PlacementView | Unset
        if isinstance(_placement, Unset):
            placement = UNSET
        else:
            placement = PlacementView.from_dict(_placement)

        step = d.pop("step", UNSET)

        tool = d.pop("tool", UNSET)

        worker = d.pop("worker", UNSET)

        workflow = d.pop("workflow", UNSET)

        job_accepted = cls(
            attempt=attempt,
            created_at=created_at,
            id=id,
            job_id=job_id,
            run_id=run_id,
            state=state,
            topic=topic,
            ended_at=ended_at,
            error=error,
            output=output,
            pack=pack,
            placement=placement,
            step=step,
            tool=tool,
            worker=worker,
            workflow=workflow,
        )

        job_accepted.additional_properties = d
        return job_accepted

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

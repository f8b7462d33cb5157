from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.counts_view import CountsView
    from ..models.error_view import ErrorView
    from ..models.placement_view import PlacementView
    from ..models.progress_view import ProgressView


T = TypeVar("T", bound="StepView")


@_attrs_define
class StepView:
    """
    Attributes:
        id (str):
        path (str): What people call it: step, each[2], poll[0]/ask, undo:NAME
        state (str): pending, ready, running, waiting, retrying, inside, held, succeeded, failed, timed_out, denied,
            rejected, cancelled or skipped
        type_ (str):
        attempt (int | Unset):
        child_run (str | Unset): Run of a sub-workflow step
        ended_at (datetime.datetime | Unset):
        error (ErrorView | Unset):
        item (int | Unset):
        iterations (CountsView | Unset):
        job_id (str | Unset):
        job_state (str | Unset):
        name (str | Unset):
        output (Any | Unset):
        parent (str | Unset): Path of the fan-out or loop it is part of
        placement (PlacementView | Unset):
        progress (ProgressView | Unset):
        reason (str | Unset): Why a step was skipped, or what it waits for
        round_ (int | Unset):
        started_at (datetime.datetime | Unset):
        undoes (str | Unset): Path of what this compensation undoes
        worker (str | Unset):
    """

    id: str
    path: str
    state: str
    type_: str
    attempt: int | Unset = UNSET
    child_run: str | Unset = UNSET
    ended_at: datetime.datetime | Unset = UNSET
    error: ErrorView | Unset = UNSET
    item: int | Unset = UNSET
    iterations: CountsView | Unset = UNSET
    job_id: str | Unset = UNSET
    job_state: str | Unset = UNSET
    name: str | Unset = UNSET
    output: Any | Unset = UNSET
    parent: str | Unset = UNSET
    placement: PlacementView | Unset = UNSET
    progress: ProgressView | Unset = UNSET
    reason: str | Unset = UNSET
    round_: int | Unset = UNSET
    started_at: datetime.datetime | Unset = UNSET
    undoes: str | Unset = UNSET
    worker: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        path = self.path

        state = self.state

        type_ = self.type_

        attempt = self.attempt

        child_run = self.child_run

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        item = self.item

        iterations: dict[str, Any] | Unset = UNSET
        if not isinstance(self.iterations, Unset):
            iterations = self.iterations.to_dict()

        job_id = self.job_id

        job_state = self.job_state

        name = self.name

        output = self.output

        parent = self.parent

        placement: dict[str, Any] | Unset = UNSET
        if not isinstance(self.placement, Unset):
            placement = self.placement.to_dict()

        progress: dict[str, Any] | Unset = UNSET
        if not isinstance(self.progress, Unset):
            progress = self.progress.to_dict()

        reason = self.reason

        round_ = self.round_

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        undoes = self.undoes

        worker = self.worker

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "path": path,
                "state": state,
                "type": type_,
            }
        )
        if attempt is not UNSET:
            field_dict["attempt"] = attempt
        if child_run is not UNSET:
            field_dict["child_run"] = child_run
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at
        if error is not UNSET:
            field_dict["error"] = error
        if item is not UNSET:
            field_dict["item"] = item
        if iterations is not UNSET:
            field_dict["iterations"] = iterations
        if job_id is not UNSET:
            field_dict["job_id"] = job_id
        if job_state is not UNSET:
            field_dict["job_state"] = job_state
        if name is not UNSET:
            field_dict["name"] = name
        if output is not UNSET:
            field_dict["output"] = output
        if parent is not UNSET:
            field_dict["parent"] = parent
        if placement is not UNSET:
            field_dict["placement"] = placement
        if progress is not UNSET:
            field_dict["progress"] = progress
        if reason is not UNSET:
            field_dict["reason"] = reason
        if round_ is not UNSET:
            field_dict["round"] = round_
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if undoes is not UNSET:
            field_dict["undoes"] = undoes
        if worker is not UNSET:
            field_dict["worker"] = worker

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.counts_view import CountsView
        from ..models.error_view import ErrorView
        from ..models.placement_view import PlacementView
        from ..models.progress_view import ProgressView

        d = dict(src_dict)
        id = d.pop("id")

        path = d.pop("path")

        state = d.pop("state")

        type_ = d.pop("type")

        attempt = d.pop("attempt", UNSET)

        child_run = d.pop("child_run", UNSET)

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

        item = d.pop("item", UNSET)

        _iterations = d.pop("iterations", UNSET)
        iterations: CountsView | Unset
        if isinstance(_iterations, Unset):
            iterations = UNSET
        else:
            iterations = CountsView.from_dict(_iterations)

        job_id = d.pop("job_id", UNSET)

        job_state = d.pop("job_state", UNSET)

        name = d.pop("name", UNSET)

        output = d.pop("output", UNSET)

        parent = d.pop("parent", UNSET)

        _placement = d.pop("placement", UNSET)
        placement: PlacementView | Unset
        if isinstance(_placement, Unset):
            placement = UNSET
        else:
            placement = PlacementView.from_dict(_placement)

        _progress = d.pop("progress", UNSET)
        progress: ProgressView | Unset
        if isinstance(_progress, Unset):
            progress = UNSET
        else:
            progress = ProgressView.from_dict(_progress)

        reason = d.pop("reason", UNSET)

        round_ = d.pop("round", UNSET)

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        undoes = d.pop("undoes", UNSET)

        worker = d.pop("worker", UNSET)

        step_view = cls(
            id=id,
            path=path,
            state=state,
            type_=type_,
            attempt=attempt,
            child_run=child_run,
            ended_at=ended_at,
            error=error,
            item=item,
            iterations=iterations,
            job_id=job_id,
            job_state=job_state,
            name=name,
            output=output,
            parent=parent,
            placement=placement,
            progress=progress,
            reason=reason,
            round_=round_,
            started_at=started_at,
            undoes=undoes,
            worker=worker,
        )

        step_view.additional_properties = d
        return step_view

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.run_view_compensation import RunViewCompensation
from ..models.run_view_kind import RunViewKind
from ..models.run_view_state import RunViewState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.error_view import ErrorView
    from ..models.held_view import HeldView
    from ..models.parent_view import ParentView
    from ..models.run_view_labels import RunViewLabels
    from ..models.step_view import StepView


T = TypeVar("T", bound="RunView")


@_attrs_define
class RunView:
    """
    Attributes:
        compensation (RunViewCompensation):
        digest (str):
        id (str):
        kind (RunViewKind):
        seq (int): Number of the newest fact: where a stream begins behind this view
        started_at (datetime.datetime):
        started_by (str):
        state (RunViewState):
        workflow (str):
        context (Any | Unset):
        ended_at (datetime.datetime | Unset):
        error (ErrorView | Unset):
        fork_of (str | Unset):
        held (list[HeldView] | Unset): Compensations that wait for a person
        input_ (Any | Unset):
        kept (list[str] | Unset): Steps that a passed pivot kept from the last rollback
        labels (RunViewLabels | Unset):
        output (Any | Unset):
        parent (ParentView | Unset):
        rerun_of (str | Unset):
        steps (list[StepView] | Unset):
        version (str | Unset):
    """

    compensation: RunViewCompensation
    digest: str
    id: str
    kind: RunViewKind
    seq: int
    started_at: datetime.datetime
    started_by: str
    state: RunViewState
    workflow: str
    context: Any | Unset = UNSET
    ended_at: datetime.datetime | Unset = UNSET
    error: ErrorView | Unset = UNSET
    fork_of: str | Unset = UNSET
    held: list[HeldView] | Unset = UNSET
    input_: Any | Unset = UNSET
    kept: list[str] | Unset = UNSET
    labels: RunViewLabels | Unset = UNSET
    output: Any | Unset = UNSET
    parent: ParentView | Unset = UNSET
    rerun_of: str | Unset = UNSET
    steps: list[StepView] | Unset = UNSET
    version: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        compensation = self.compensation.value

        digest = self.digest

        id = self.id

        kind = self.kind.value

        seq = self.seq

        started_at = self.started_at.isoformat()

        started_by = self.started_by

        state = self.state.value

        workflow = self.workflow

        context = self.context

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        fork_of = self.fork_of

        held: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.held, Unset):
            held = []
            for held_item_data in self.held:
                held_item = held_item_data.to_dict()
                held.append(held_item)

        input_ = self.input_

        kept: list[str] | Unset = UNSET
        if not isinstance(self.kept, Unset):
            kept = self.kept

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        output = self.output

        parent: dict[str, Any] | Unset = UNSET
        if not isinstance(self.parent, Unset):
            parent = self.parent.to_dict()

        rerun_of = self.rerun_of

        steps: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.steps, Unset):
            steps = []
            for steps_item_data in self.steps:
                steps_item = steps_item_data.to_dict()
                steps.append(steps_item)

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "compensation": compensation,
                "digest": digest,
                "id": id,
                "kind": kind,
                "seq": seq,
                "started_at": started_at,
                "started_by": started_by,
                "state": state,
                "workflow": workflow,
            }
        )
        if context is not UNSET:
            field_dict["context"] = context
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at
        if error is not UNSET:
            field_dict["error"] = error
        if fork_of is not UNSET:
            field_dict["fork_of"] = fork_of
        if held is not UNSET:
            field_dict["held"] = held
        if input_ is not UNSET:
            field_dict["input"] = input_
        if kept is not UNSET:
            field_dict["kept"] = kept
        if labels is not UNSET:
            field_dict["labels"] = labels
        if output is not UNSET:
            field_dict["output"] = output
        if parent is not UNSET:
            field_dict["parent"] = parent
        if rerun_of is not UNSET:
            field_dict["rerun_of"] = rerun_of
        if steps is not UNSET:
            field_dict["steps"] = steps
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.error_view import ErrorView
        from ..models.held_view import HeldView
        from ..models.parent_view import ParentView
        from ..models.run_view_labels import RunViewLabels
        from ..models.step_view import StepView

        d = dict(src_dict)
        compensation = RunViewCompensation(d.pop("compensation"))

        digest = d.pop("digest")

        id = d.pop("id")

        kind = RunViewKind(d.pop("kind"))

        seq = d.pop("seq")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        started_by = d.pop("started_by")

        state = RunViewState(d.pop("state"))

        workflow = d.pop("workflow")

        context = d.pop("context", UNSET)

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

        fork_of = d.pop("fork_of", UNSET)

        _held = d.pop("held", UNSET)
        held: list[HeldView] | Unset = UNSET
        if _held is not UNSET:
            held = []
            for held_item_data in _held:
                held_item = HeldView.from_dict(held_item_data)

                held.append(held_item)

        input_ = d.pop("input", UNSET)

        kept = cast(list[str], d.pop("kept", UNSET))

        _labels = d.pop("labels", UNSET)
        labels: RunViewLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = RunViewLabels.from_dict(_labels)

        output = d.pop("output", UNSET)

        _parent = d.pop("parent", UNSET)
        parent: ParentView | Unset
        if isinstance(_parent, Unset):
            parent = UNSET
        else:
            parent = ParentView.from_dict(_parent)

        rerun_of = d.pop("rerun_of", UNSET)

        _steps = d.pop("steps", UNSET)
        steps: list[StepView] | Unset = UNSET
        if _steps is not UNSET:
            steps = []
            for steps_item_data in _steps:
                steps_item = StepView.from_dict(steps_item_data)

                steps.append(steps_item)

        version = d.pop("version", UNSET)

        run_view = cls(
            compensation=compensation,
            digest=digest,
            id=id,
            kind=kind,
            seq=seq,
            started_at=started_at,
            started_by=started_by,
            state=state,
            workflow=workflow,
            context=context,
            ended_at=ended_at,
            error=error,
            fork_of=fork_of,
            held=held,
            input_=input_,
            kept=kept,
            labels=labels,
            output=output,
            parent=parent,
            rerun_of=rerun_of,
            steps=steps,
            version=version,
        )

        run_view.additional_properties = d
        return run_view

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

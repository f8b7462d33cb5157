from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_approval import PlanApproval
    from ..models.plan_child import PlanChild
    from ..models.plan_fan_out import PlanFanOut
    from ..models.plan_job import PlanJob
    from ..models.plan_reach import PlanReach
    from ..models.plan_step_timeouts import PlanStepTimeouts
    from ..models.plan_undo import PlanUndo


T = TypeVar("T", bound="PlanStep")


@_attrs_define
class PlanStep:
    """
    Attributes:
        attempts (int):
        effect (str):
        id (str):
        on_failure (str):
        reach (PlanReach):
        type_ (str):
        approval (PlanApproval | Unset):
        checkpoint (str | Unset):
        child (PlanChild | Unset):
        error (str | Unset):
        for_each (PlanFanOut | Unset):
        input_ (Any | Unset):
        input_depends_on (list[str] | Unset):
        job (PlanJob | Unset):
        loop (str | Unset):
        output (Any | Unset):
        pivot (bool | Unset):
        timeouts (PlanStepTimeouts | Unset):
        undo (PlanUndo | Unset):
    """

    attempts: int
    effect: str
    id: str
    on_failure: str
    reach: PlanReach
    type_: str
    approval: PlanApproval | Unset = UNSET
    checkpoint: str | Unset = UNSET
    child: PlanChild | Unset = UNSET
    error: str | Unset = UNSET
    for_each: PlanFanOut | Unset = UNSET
    input_: Any | Unset = UNSET
    input_depends_on: list[str] | Unset = UNSET
    job: PlanJob | Unset = UNSET
    loop: str | Unset = UNSET
    output: Any | Unset = UNSET
    pivot: bool | Unset = UNSET
    timeouts: PlanStepTimeouts | Unset = UNSET
    undo: PlanUndo | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempts = self.attempts

        effect = self.effect

        id = self.id

        on_failure = self.on_failure

        reach = self.reach.to_dict()

        type_ = self.type_

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        checkpoint = self.checkpoint

        child: dict[str, Any] | Unset = UNSET
        if not isinstance(self.child, Unset):
            child = self.child.to_dict()

        error = self.error

        for_each: dict[str, Any] | Unset = UNSET
        if not isinstance(self.for_each, Unset):
            for_each = self.for_each.to_dict()

        input_ = self.input_

        input_depends_on: list[str] | Unset = UNSET
        if not isinstance(self.input_depends_on, Unset):
            input_depends_on = self.input_depends_on

        job: dict[str, Any] | Unset = UNSET
        if not isinstance(self.job, Unset):
            job = self.job.to_dict()

        loop = self.loop

        output = self.output

        pivot = self.pivot

        timeouts: dict[str, Any] | Unset = UNSET
        if not isinstance(self.timeouts, Unset):
            timeouts = self.timeouts.to_dict()

        undo: dict[str, Any] | Unset = UNSET
        if not isinstance(self.undo, Unset):
            undo = self.undo.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempts": attempts,
                "effect": effect,
                "id": id,
                "on_failure": on_failure,
                "reach": reach,
                "type": type_,
            }
        )
        if approval is not UNSET:
            field_dict["approval"] = approval
        if checkpoint is not UNSET:
            field_dict["checkpoint"] = checkpoint
        if child is not UNSET:
            field_dict["child"] = child
        if error is not UNSET:
            field_dict["error"] = error
        if for_each is not UNSET:
            field_dict["for_each"] = for_each
        if input_ is not UNSET:
            field_dict["input"] = input_
        if input_depends_on is not UNSET:
            field_dict["input_depends_on"] = input_depends_on
        if job is not UNSET:
            field_dict["job"] = job
        if loop is not UNSET:
            field_dict["loop"] = loop
        if output is not UNSET:
            field_dict["output"] = output
        if pivot is not UNSET:
            field_dict["pivot"] = pivot
        if timeouts is not UNSET:
            field_dict["timeouts"] = timeouts
        if undo is not UNSET:
            field_dict["undo"] = undo

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_approval import PlanApproval
        from ..models.plan_child import PlanChild
        from ..models.plan_fan_out import PlanFanOut
        from ..models.plan_job import PlanJob
        from ..models.plan_reach import PlanReach
        from ..models.plan_step_timeouts import PlanStepTimeouts
        from ..models.plan_undo import PlanUndo

        d = dict(src_dict)
        attempts = d.pop("attempts")

        effect = d.pop("effect")

        id = d.pop("id")

        on_failure = d.pop("on_failure")

        reach = PlanReach.from_dict(d.pop("reach"))

        type_ = d.pop("type")

        _approval = d.pop("approval", UNSET)
        approval: PlanApproval | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = PlanApproval.from_dict(_approval)

        checkpoint = d.pop("checkpoint", UNSET)

        _child = d.pop("child", UNSET)
        child: PlanChild | Unset
        if isinstance(_child, Unset):
            child = UNSET
        else:
            child = PlanChild.from_dict(_child)

        error = d.pop("error", UNSET)

        _for_each = d.pop("for_each", UNSET)
        for_each: PlanFanOut | Unset
        if isinstance(_for_each, Unset):
            for_each = UNSET
        else:
            for_each = PlanFanOut.from_dict(_for_each)

        input_ = d.pop("input", UNSET)

        input_depends_on = cast(list[str], d.pop("input_depends_on", UNSET))

        _job = d.pop("job", UNSET)
        job: PlanJob | Unset
        if isinstance(_job, Unset):
            job = UNSET
        else:
            job = PlanJob.from_dict(_job)

        loop = d.pop("loop", UNSET)

        output = d.pop("output", UNSET)

        pivot = d.pop("pivot", UNSET)

        _timeouts = d.pop("timeouts", UNSET)
        timeouts: PlanStepTimeouts | Unset
        if isinstance(_timeouts, Unset):
            timeouts = UNSET
        else:
            timeouts = PlanStepTimeouts.from_dict(_timeouts)

        _undo = d.pop("undo", UNSET)
        undo: PlanUndo | Unset
        if isinstance(_undo, Unset):
            undo = UNSET
        else:
            undo = PlanUndo.from_dict(_undo)

        plan_step = cls(
            attempts=attempts,
            effect=effect,
            id=id,
            on_failure=on_failure,
            reach=reach,
            type_=type_,
            approval=approval,
            checkpoint=checkpoint,
            child=child,
            error=error,
            for_each=for_each,
            input_=input_,
            input_depends_on=input_depends_on,
            job=job,
            loop=loop,
            output=output,
            pivot=pivot,
            timeouts=timeouts,
            undo=undo,
        )

        plan_step.additional_properties = d
        return plan_step

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

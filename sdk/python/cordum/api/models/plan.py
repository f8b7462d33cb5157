from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_failure import PlanFailure
    from ..models.plan_step import PlanStep


T = TypeVar("T", bound="Plan")


@_attrs_define
class Plan:
    """
    Attributes:
        definition (str):
        digest (str):
        failures (list[PlanFailure]):
        steps (list[PlanStep]):
        workflow (str):
        more_failures (int | Unset):
        policy (str | Unset):
        unknown (list[str] | Unset):
    """

    definition: str
    digest: str
    failures: list[PlanFailure]
    steps: list[PlanStep]
    workflow: str
    more_failures: int | Unset = UNSET
    policy: str | Unset = UNSET
    unknown: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        definition = self.definition

        digest = self.digest

        failures = []
        for failures_item_data in self.failures:
            failures_item = failures_item_data.to_dict()
            failures.append(failures_item)

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        workflow = self.workflow

        more_failures = self.more_failures

        policy = self.policy

        unknown: list[str] | Unset = UNSET
        if not isinstance(self.unknown, Unset):
            unknown = self.unknown

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "definition": definition,
                "digest": digest,
                "failures": failures,
                "steps": steps,
                "workflow": workflow,
            }
        )
        if more_failures is not UNSET:
            field_dict["more_failures"] = more_failures
        if policy is not UNSET:
            field_dict["policy"] = policy
        if unknown is not UNSET:
            field_dict["unknown"] = unknown

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.plan_failure import PlanFailure
        from ..models.plan_step import PlanStep

        d = dict(src_dict)
        definition = d.pop("definition")

        digest = d.pop("digest")

        failures = []
        _failures = d.pop("failures")
        for failures_item_data in _failures:
            failures_item = PlanFailure.from_dict(failures_item_data)

            failures.append(failures_item)

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = PlanStep.from_dict(steps_item_data)

            steps.append(steps_item)

        workflow = d.pop("workflow")

        more_failures = d.pop("more_failures", UNSET)

        policy = d.pop("policy", UNSET)

        unknown = cast(list[str], d.pop("unknown", UNSET))

        plan = cls(
            definition=definition,
            digest=digest,
            failures=failures,
            steps=steps,
            workflow=workflow,
            more_failures=more_failures,
            policy=policy,
            unknown=unknown,
        )

        plan.additional_properties = d
        return plan

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

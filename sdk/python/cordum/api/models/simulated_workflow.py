from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.simulated_workflow_labels import SimulatedWorkflowLabels


T = TypeVar("T", bound="SimulatedWorkflow")


@_attrs_define
class SimulatedWorkflow:
    """
    Attributes:
        id (str):
        context (Any | Unset): Object laid over the definition's context
        digest (str | Unset):
        fail_at (str | Unset): Id of a step: only its failure's rollback plan
        input_ (Any | Unset): Any JSON value; left out, nothing is known of it
        labels (SimulatedWorkflowLabels | Unset):
    """

    id: str
    context: Any | Unset = UNSET
    digest: str | Unset = UNSET
    fail_at: str | Unset = UNSET
    input_: Any | Unset = UNSET
    labels: SimulatedWorkflowLabels | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        context = self.context

        digest = self.digest

        fail_at = self.fail_at

        input_ = self.input_

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
            }
        )
        if context is not UNSET:
            field_dict["context"] = context
        if digest is not UNSET:
            field_dict["digest"] = digest
        if fail_at is not UNSET:
            field_dict["fail_at"] = fail_at
        if input_ is not UNSET:
            field_dict["input"] = input_
        if labels is not UNSET:
            field_dict["labels"] = labels

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.simulated_workflow_labels import SimulatedWorkflowLabels

        d = dict(src_dict)
        id = d.pop("id")

        context = d.pop("context", UNSET)

        digest = d.pop("digest", UNSET)

        fail_at = d.pop("fail_at", UNSET)

        input_ = d.pop("input", UNSET)

        _labels = d.pop("labels", UNSET)
        labels: SimulatedWorkflowLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = SimulatedWorkflowLabels.from_dict(_labels)

        simulated_workflow = cls(
            id=id,
            context=context,
            digest=digest,
            fail_at=fail_at,
            input_=input_,
            labels=labels,
        )

        return simulated_workflow

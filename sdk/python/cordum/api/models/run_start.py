from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.run_start_labels import RunStartLabels


T = TypeVar("T", bound="RunStart")


@_attrs_define
class RunStart:
    """
    Attributes:
        workflow (str): Id of a stored workflow
        context (Any | Unset): Object laid over the definition's context
        digest (str | Unset): A version; the newest by default
        input_ (Any | Unset): Any JSON value; {} by default
        labels (RunStartLabels | Unset):
    """

    workflow: str
    context: Any | Unset = UNSET
    digest: str | Unset = UNSET
    input_: Any | Unset = UNSET
    labels: RunStartLabels | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        workflow = self.workflow

        context = self.context

        digest = self.digest

        input_ = self.input_

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "workflow": workflow,
            }
        )
        if context is not UNSET:
            field_dict["context"] = context
        if digest is not UNSET:
            field_dict["digest"] = digest
        if input_ is not UNSET:
            field_dict["input"] = input_
        if labels is not UNSET:
            field_dict["labels"] = labels

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.run_start_labels import RunStartLabels

        d = dict(src_dict)
        workflow = d.pop("workflow")

        context = d.pop("context", UNSET)

        digest = d.pop("digest", UNSET)

        input_ = d.pop("input", UNSET)

        _labels = d.pop("labels", UNSET)
        labels: RunStartLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = RunStartLabels.from_dict(_labels)

        run_start = cls(
            workflow=workflow,
            context=context,
            digest=digest,
            input_=input_,
            labels=labels,
        )

        return run_start

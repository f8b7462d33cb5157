from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.dry_run_labels import DryRunLabels


T = TypeVar("T", bound="DryRun")


@_attrs_define
class DryRun:
    """
    Attributes:
        context (Any | Unset): Object laid over the definition's context
        fail_at (str | Unset): Id of a step: only its failure's rollback plan
        input_ (Any | Unset): Any JSON value; left out, nothing is known of it
        labels (DryRunLabels | Unset):
    """

    context: Any | Unset = UNSET
    fail_at: str | Unset = UNSET
    input_: Any | Unset = UNSET
    labels: DryRunLabels | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        context = self.context

        fail_at = self.fail_at

        input_ = self.input_

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if context is not UNSET:
            field_dict["context"] = context
        if fail_at is not UNSET:
            field_dict["fail_at"] = fail_at
        if input_ is not UNSET:
            field_dict["input"] = input_
        if labels is not UNSET:
            field_dict["labels"] = labels

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.dry_run_labels import DryRunLabels

        d = dict(src_dict)
        context = d.pop("context", UNSET)

        fail_at = d.pop("fail_at", UNSET)

        input_ = d.pop("input", UNSET)

        _labels = d.pop("labels", UNSET)
        labels: DryRunLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = DryRunLabels.from_dict(_labels)

        dry_run = cls(
            context=context,
            fail_at=fail_at,
            input_=input_,
            labels=labels,
        )

        return dry_run

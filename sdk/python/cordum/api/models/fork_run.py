from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.fork_run_outputs import ForkRunOutputs


T = TypeVar("T", bound="ForkRun")


@_attrs_define
class ForkRun:
    """
    Attributes:
        from_ (str): Id of the step to begin at: it and what is behind it run again
        context (Any | Unset): Object; the other run's by default
        digest (str | Unset): A version of the definition; the other run's by default
        input_ (Any | Unset): Any JSON value; the other run's by default
        outputs (ForkRunOutputs | Unset): By id of a step that is reused: another output than it had
        preview (bool | Unset): Only say what would be reused and what would run
        reason (str | Unset): Why; recorded with what is done
    """

    from_: str
    context: Any | Unset = UNSET
    digest: str | Unset = UNSET
    input_: Any | Unset = UNSET
    outputs: ForkRunOutputs | Unset = UNSET
    preview: bool | Unset = UNSET
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_

        context = self.context

        digest = self.digest

        input_ = self.input_

        outputs: dict[str, Any] | Unset = UNSET
        if not isinstance(self.outputs, Unset):
            outputs = self.outputs.to_dict()

        preview = self.preview

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "from": from_,
            }
        )
        if context is not UNSET:
            field_dict["context"] = context
        if digest is not UNSET:
            field_dict["digest"] = digest
        if input_ is not UNSET:
            field_dict["input"] = input_
        if outputs is not UNSET:
            field_dict["outputs"] = outputs
        if preview is not UNSET:
            field_dict["preview"] = preview
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.fork_run_outputs import ForkRunOutputs

        d = dict(src_dict)
        from_ = d.pop("from")

        context = d.pop("context", UNSET)

        digest = d.pop("digest", UNSET)

        input_ = d.pop("input", UNSET)

        _outputs = d.pop("outputs", UNSET)
        outputs: ForkRunOutputs | Unset
        if isinstance(_outputs, Unset):
            outputs = UNSET
        else:
            outputs = ForkRunOutputs.from_dict(_outputs)

        preview = d.pop("preview", UNSET)

        reason = d.pop("reason", UNSET)

        fork_run = cls(
            from_=from_,
            context=context,
            digest=digest,
            input_=input_,
            outputs=outputs,
            preview=preview,
            reason=reason,
        )

        return fork_run

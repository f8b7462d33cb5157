from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.verdict_decision import VerdictDecision
from ..types import UNSET, Unset

T = TypeVar("T", bound="Verdict")


@_attrs_define
class Verdict:
    """
    Attributes:
        decision (VerdictDecision):
        comment (str | Unset): Why; kept with the decision
        expect_hash (str | Unset): hash of the approval as it was shown; anything else by now is a conflict
        for_ (str | Unset): In whose place, of somebody who delegated to you, as user:ann
        to (str | Unset): With send_back: the step to do again from, upstream of the approval
        values (Any | Unset): What the approval's form asks for
    """

    decision: VerdictDecision
    comment: str | Unset = UNSET
    expect_hash: str | Unset = UNSET
    for_: str | Unset = UNSET
    to: str | Unset = UNSET
    values: Any | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        decision = self.decision.value

        comment = self.comment

        expect_hash = self.expect_hash

        for_ = self.for_

        to = self.to

        values = self.values

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "decision": decision,
            }
        )
        if comment is not UNSET:
            field_dict["comment"] = comment
        if expect_hash is not UNSET:
            field_dict["expect_hash"] = expect_hash
        if for_ is not UNSET:
            field_dict["for"] = for_
        if to is not UNSET:
            field_dict["to"] = to
        if values is not UNSET:
            field_dict["values"] = values

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        decision = VerdictDecision(d.pop("decision"))

        comment = d.pop("comment", UNSET)

        expect_hash = d.pop("expect_hash", UNSET)

        for_ = d.pop("for", UNSET)

        to = d.pop("to", UNSET)

        values = d.pop("values", UNSET)

        verdict = cls(
            decision=decision,
            comment=comment,
            expect_hash=expect_hash,
            for_=for_,
            to=to,
            values=values,
        )

        return verdict

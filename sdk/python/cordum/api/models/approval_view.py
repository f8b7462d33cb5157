from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.approval_view_source import ApprovalViewSource
from ..models.approval_view_state import ApprovalViewState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.delegation_view import DelegationView
    from ..models.need_view import NeedView
    from ..models.vote_view import VoteView


T = TypeVar("T", bound="ApprovalView")


@_attrs_define
class ApprovalView:
    """
    Attributes:
        hash_ (str): SHA-256 of what is asked about; send it back as expect_hash
        id (str):
        requested_at (datetime.datetime):
        requested_by (str):
        round_ (int): How often it was asked anew, from 1
        run_id (str):
        source (ApprovalViewSource): Who asks: a step of the workflow, the policy about a job, or the output policy
            about a result
        state (ApprovalViewState):
        step (str):
        title (str):
        workflow (str):
        comment (str | Unset):
        context (Any | Unset): What the step shows
        decided_at (datetime.datetime | Unset):
        decided_by (str | Unset): Everybody whose answers decided it
        delegations (list[DelegationView] | Unset):
        edited_by (list[str] | Unset):
        expires_at (datetime.datetime | Unset):
        form (Any | Unset): JSON Schema of the values that go with an answer
        input_ (Any | Unset): Of a job: exactly what the worker would get
        may_decide (bool | Unset): Whether the caller could approve it now
        needs (list[NeedView] | Unset): All must be met
        on_expiry (str | Unset):
        snapshot (str | Unset): Digest of the policy that asks
        values (Any | Unset):
        votes (list[VoteView] | Unset):
        why_again (str | Unset): Why it was asked anew
        why_not (str | Unset): Why the caller could not
    """

    hash_: str
    id: str
    requested_at: datetime.datetime
    requested_by: str
    round_: int
    run_id: str
    source: ApprovalViewSource
    state: ApprovalViewState
    step: str
    title: str
    workflow: str
    comment: str | Unset = UNSET
    context: Any | Unset = UNSET
    decided_at: datetime.datetime | Unset = UNSET
    decided_by: str | Unset = UNSET
    delegations: list[DelegationView] | Unset = UNSET
    edited_by: list[str] | Unset = UNSET
    expires_at: datetime.datetime | Unset = UNSET
    form: Any | Unset = UNSET
    input_: Any | Unset = UNSET
    may_decide: bool | Unset = UNSET
    needs: list[NeedView] | Unset = UNSET
    on_expiry: str | Unset = UNSET
    snapshot: str | Unset = UNSET
    values: Any | Unset = UNSET
    votes: list[VoteView] | Unset = UNSET
    why_again: str | Unset = UNSET
    why_not: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        hash_ = self.hash_

        id = self.id

        requested_at = self.requested_at.isoformat()

        requested_by = self.requested_by

        round_ = self.round_

        run_id = self.run_id

        source = self.source.value

        state = self.state.value

        step = self.step

        title = self.title

        workflow = self.workflow

        comment = self.comment

        context = self.context

        decided_at: str | Unset = UNSET
        if not isinstance(self.decided_at, Unset):
            decided_at = self.decided_at.isoformat()

        decided_by = self.decided_by

        delegations: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.delegations, Unset):
            delegations = []
            for delegations_item_data in self.delegations:
                delegations_item = delegations_item_data.to_dict()
                delegations.append(delegations_item)

        edited_by: list[str] | Unset = UNSET
        if not isinstance(self.edited_by, Unset):
            edited_by = self.edited_by

        expires_at: str | Unset = UNSET
        if not isinstance(self.expires_at, Unset):
            expires_at = self.expires_at.isoformat()

        form = self.form

        input_ = self.input_

        may_decide = self.may_decide

        needs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.needs, Unset):
            needs = []
            for needs_item_data in self.needs:
                needs_item = needs_item_data.to_dict()
                needs.append(needs_item)

        on_expiry = self.on_expiry

        snapshot = self.snapshot

        values = self.values

        votes: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.votes, Unset):
            votes = []
            for votes_item_data in self.votes:
                votes_item = votes_item_data.to_dict()
                votes.append(votes_item)

        why_again = self.why_again

        why_not = self.why_not

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "hash": hash_,
                "id": id,
                "requested_at": requested_at,
                "requested_by": requested_by,
                "round": round_,
                "run_id": run_id,
                "source": source,
                "state": state,
                "step": step,
                "title": title,
                "workflow": workflow,
            }
        )
        if comment is not UNSET:
            field_dict["comment"] = comment
        if context is not UNSET:
            field_dict["context"] = context
        if decided_at is not UNSET:
            field_dict["decided_at"] = decided_at
        if decided_by is not UNSET:
            field_dict["decided_by"] = decided_by
        if delegations is not UNSET:
            field_dict["delegations"] = delegations
        if edited_by is not UNSET:
            field_dict["edited_by"] = edited_by
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if form is not UNSET:
            field_dict["form"] = form
        if input_ is not UNSET:
            field_dict["input"] = input_
        if may_decide is not UNSET:
            field_dict["may_decide"] = may_decide
        if needs is not UNSET:
            field_dict["needs"] = needs
        if on_expiry is not UNSET:
            field_dict["on_expiry"] = on_expiry
        if snapshot is not UNSET:
            field_dict["snapshot"] = snapshot
        if values is not UNSET:
            field_dict["values"] = values
        if votes is not UNSET:
            field_dict["votes"] = votes
        if why_again is not UNSET:
            field_dict["why_again"] = why_again
        if why_not is not UNSET:
            field_dict["why_not"] = why_not

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.delegation_view import DelegationView
        from ..models.need_view import NeedView
        from ..models.vote_view import VoteView

        d = dict(src_dict)
        hash_ = d.pop("hash")

        id = d.pop("id")

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        requested_by = d.pop("requested_by")

        round_ = d.pop("round")

        run_id = d.pop("run_id")

        source = ApprovalViewSource(d.pop("source"))

        state = ApprovalViewState(d.pop("state"))

        step = d.pop("step")

        title = d.pop("title")

        workflow = d.pop("workflow")

        comment = d.pop("comment", UNSET)

        context = d.pop("context", UNSET)

        _decided_at = d.pop("decided_at", UNSET)
        decided_at: datetime.datetime | Unset
        if isinstance(_decided_at, Unset):
            decided_at = UNSET
        else:
            decided_at = datetime.datetime.fromisoformat(_decided_at)

        decided_by = d.pop("decided_by", UNSET)

        _delegations = d.pop("delegations", UNSET)
        delegations: list[DelegationView] | Unset = UNSET
        if _delegations is not UNSET:
            delegations = []
            for delegations_item_data in _delegations:
                delegations_item = DelegationView.from_dict(delegations_item_data)

                delegations.append(delegations_item)

        edited_by = cast(list[str], d.pop("edited_by", UNSET))

        _expires_at = d.pop("expires_at", UNSET)
        expires_at: datetime.datetime | Unset
        if isinstance(_expires_at, Unset):
            expires_at = UNSET
        else:
            expires_at = datetime.datetime.fromisoformat(_expires_at)

        form = d.pop("form", UNSET)

        input_ = d.pop("input", UNSET)

        may_decide = d.pop("may_decide", UNSET)

        _needs = d.pop("needs", UNSET)
        needs: list[NeedView] | Unset = UNSET
        if _needs is not UNSET:
            needs = []
            for needs_item_data in _needs:
                needs_item = NeedView.from_dict(needs_item_data)

                needs.append(needs_item)

        on_expiry = d.pop("on_expiry", UNSET)

        snapshot = d.pop("snapshot", UNSET)

        values = d.pop("values", UNSET)

        _votes = d.pop("votes", UNSET)
        votes: list[VoteView] | Unset = UNSET
        if _votes is not UNSET:
            votes = []
            for votes_item_data in _votes:
                votes_item = VoteView.from_dict(votes_item_data)

                votes.append(votes_item)

        why_again = d.pop("why_again", UNSET)

        why_not = d.pop("why_not", UNSET)

        approval_view = cls(
            hash_=hash_,
            id=id,
            requested_at=requested_at,
            requested_by=requested_by,
            round_=round_,
            run_id=run_id,
            source=source,
            state=state,
            step=step,
            title=title,
            workflow=workflow,
            comment=comment,
            context=context,
            decided_at=decided_at,
            decided_by=decided_by,
            delegations=delegations,
            edited_by=edited_by,
            expires_at=expires_at,
            form=form,
            input_=input_,
            may_decide=may_decide,
            needs=needs,
            on_expiry=on_expiry,
            snapshot=snapshot,
            values=values,
            votes=votes,
            why_again=why_again,
            why_not=why_not,
        )

        approval_view.additional_properties = d
        return approval_view

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PolicyReplay")


@_attrs_define
class PolicyReplay:
    """
    Attributes:
        all_drafts (bool | Unset): What a publish of all drafts would make active
        alone (bool | Unset): These bundles are all there is
        bundle (Any | Unset): A bundle that is not stored, as an object or as text, laid over what is in force
        bundles (list[Any] | Unset): Several of them
        drafts (list[str] | Unset): Names of drafts, laid over what is in force
        limit (int | Unset): How many decisions, the newest runs first; 100,000 by default
        overlays (list[Any] | Unset): Bundles that can only tighten
        snapshot (str | Unset): A version's number, or the digest of a snapshot
        workflow (str | Unset): Only runs of this workflow
    """

    all_drafts: bool | Unset = UNSET
    alone: bool | Unset = UNSET
    bundle: Any | Unset = UNSET
    bundles: list[Any] | Unset = UNSET
    drafts: list[str] | Unset = UNSET
    limit: int | Unset = UNSET
    overlays: list[Any] | Unset = UNSET
    snapshot: str | Unset = UNSET
    workflow: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        all_drafts = self.all_drafts

        alone = self.alone

        bundle = self.bundle

        bundles: list[Any] | Unset = UNSET
        if not isinstance(self.bundles, Unset):
            bundles = self.bundles

        drafts: list[str] | Unset = UNSET
        if not isinstance(self.drafts, Unset):
            drafts = self.drafts

        limit = self.limit

        overlays: list[Any] | Unset = UNSET
        if not isinstance(self.overlays, Unset):
            overlays = self.overlays

        snapshot = self.snapshot

        workflow = self.workflow

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if all_drafts is not UNSET:
            field_dict["all_drafts"] = all_drafts
        if alone is not UNSET:
            field_dict["alone"] = alone
        if bundle is not UNSET:
            field_dict["bundle"] = bundle
        if bundles is not UNSET:
            field_dict["bundles"] = bundles
        if drafts is not UNSET:
            field_dict["drafts"] = drafts
        if limit is not UNSET:
            field_dict["limit"] = limit
        if overlays is not UNSET:
            field_dict["overlays"] = overlays
        if snapshot is not UNSET:
            field_dict["snapshot"] = snapshot
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        all_drafts = d.pop("all_drafts", UNSET)

        alone = d.pop("alone", UNSET)

        bundle = d.pop("bundle", UNSET)

        bundles = cast(list[Any], d.pop("bundles", UNSET))

        drafts = cast(list[str], d.pop("drafts", UNSET))

        limit = d.pop("limit", UNSET)

        overlays = cast(list[Any], d.pop("overlays", UNSET))

        snapshot = d.pop("snapshot", UNSET)

        workflow = d.pop("workflow", UNSET)

        policy_replay = cls(
            all_drafts=all_drafts,
            alone=alone,
            bundle=bundle,
            bundles=bundles,
            drafts=drafts,
            limit=limit,
            overlays=overlays,
            snapshot=snapshot,
            workflow=workflow,
        )

        return policy_replay

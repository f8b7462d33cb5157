from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.simulated_request import SimulatedRequest
    from ..models.simulated_workflow import SimulatedWorkflow


T = TypeVar("T", bound="PolicySimulate")


@_attrs_define
class PolicySimulate:
    """
    Attributes:
        all_drafts (bool | Unset): What a publish of all drafts would make active
        alone (bool | Unset): These bundles are all there is
        bundle (Any | Unset): A bundle that is not stored, as an object or as text, laid over what is in force
        bundles (list[Any] | Unset): Several of them
        drafts (list[str] | Unset): Names of drafts, laid over what is in force
        overlays (list[Any] | Unset): Bundles that can only tighten
        requests (list[SimulatedRequest] | Unset):
        snapshot (str | Unset): A version's number, or the digest of a snapshot
        workflow (SimulatedWorkflow | Unset):
    """

    all_drafts: bool | Unset = UNSET
    alone: bool | Unset = UNSET
    bundle: Any | Unset = UNSET
    bundles: list[Any] | Unset = UNSET
    drafts: list[str] | Unset = UNSET
    overlays: list[Any] | Unset = UNSET
    requests: list[SimulatedRequest] | Unset = UNSET
    snapshot: str | Unset = UNSET
    workflow: SimulatedWorkflow | Unset = UNSET

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

        overlays: list[Any] | Unset = UNSET
        if not isinstance(self.overlays, Unset):
            overlays = self.overlays

        requests: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.requests, Unset):
            requests = []
            for requests_item_data in self.requests:
                requests_item = requests_item_data.to_dict()
                requests.append(requests_item)

        snapshot = self.snapshot

        workflow: dict[str, Any] | Unset = UNSET
        if not isinstance(self.workflow, Unset):
            workflow = self.workflow.to_dict()

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
        if overlays is not UNSET:
            field_dict["overlays"] = overlays
        if requests is not UNSET:
            field_dict["requests"] = requests
        if snapshot is not UNSET:
            field_dict["snapshot"] = snapshot
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.simulated_request import SimulatedRequest
        from ..models.simulated_workflow import SimulatedWorkflow

        d = dict(src_dict)
        all_drafts = d.pop("all_drafts", UNSET)

        alone = d.pop("alone", UNSET)

        bundle = d.pop("bundle", UNSET)

        bundles = cast(list[Any], d.pop("bundles", UNSET))

        drafts = cast(list[str], d.pop("drafts", UNSET))

        overlays = cast(list[Any], d.pop("overlays", UNSET))

        _requests = d.pop("requests", UNSET)
        requests: list[SimulatedRequest] | Unset = UNSET
        if _requests is not UNSET:
            requests = []
            for requests_item_data in _requests:
                requests_item = SimulatedRequest.from_dict(requests_item_data)

                requests.append(requests_item)

        snapshot = d.pop("snapshot", UNSET)

        _workflow = d.pop("workflow", UNSET)
        workflow: SimulatedWorkflow | Unset
        if isinstance(_workflow, Unset):
            workflow = UNSET
        else:
            workflow = SimulatedWorkflow.from_dict(_workflow)

        policy_simulate = cls(
            all_drafts=all_drafts,
            alone=alone,
            bundle=bundle,
            bundles=bundles,
            drafts=drafts,
            overlays=overlays,
            requests=requests,
            snapshot=snapshot,
            workflow=workflow,
        )

        return policy_simulate

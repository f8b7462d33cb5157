from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audit_evidence_effect import AuditEvidenceEffect
    from ..models.audit_evidence_fact import AuditEvidenceFact
    from ..models.audit_evidence_run import AuditEvidenceRun
    from ..models.audit_head import AuditHead
    from ..models.audit_proof import AuditProof


T = TypeVar("T", bound="AuditEvidence")


@_attrs_define
class AuditEvidence:
    """
    Attributes:
        approvals (list[AuditEvidenceFact]):
        at (datetime.datetime):
        decisions (list[AuditEvidenceFact]):
        definition (str): Canonical JSON, as text: its SHA-256 is the run's digest
        effects (list[AuditEvidenceEffect]):
        head (AuditHead):
        overrides (list[AuditEvidenceFact]): What people did to the run's course
        proof (AuditProof):
        results (list[AuditEvidenceFact]):
        run (AuditEvidenceRun):
        version (int):
        public_key (str | Unset): PEM; compare its fingerprint with one from elsewhere
        signature (str | Unset): Ed25519 over all of the above, in base64
        store (str | Unset):
    """

    approvals: list[AuditEvidenceFact]
    at: datetime.datetime
    decisions: list[AuditEvidenceFact]
    definition: str
    effects: list[AuditEvidenceEffect]
    head: AuditHead
    overrides: list[AuditEvidenceFact]
    proof: AuditProof
    results: list[AuditEvidenceFact]
    run: AuditEvidenceRun
    version: int
    public_key: str | Unset = UNSET
    signature: str | Unset = UNSET
    store: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        approvals = []
        for approvals_item_data in self.approvals:
            approvals_item = approvals_item_data.to_dict()
            approvals.append(approvals_item)

        at = self.at.isoformat()

        decisions = []
        for decisions_item_data in self.decisions:
            decisions_item = decisions_item_data.to_dict()
            decisions.append(decisions_item)

        definition = self.definition

        effects = []
        for effects_item_data in self.effects:
            effects_item = effects_item_data.to_dict()
            effects.append(effects_item)

        head = self.head.to_dict()

        overrides = []
        for overrides_item_data in self.overrides:
            overrides_item = overrides_item_data.to_dict()
            overrides.append(overrides_item)

        proof = self.proof.to_dict()

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        run = self.run.to_dict()

        version = self.version

        public_key = self.public_key

        signature = self.signature

        store = self.store

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "approvals": approvals,
                "at": at,
                "decisions": decisions,
                "definition": definition,
                "effects": effects,
                "head": head,
                "overrides": overrides,
                "proof": proof,
                "results": results,
                "run": run,
                "version": version,
            }
        )
        if public_key is not UNSET:
            field_dict["public_key"] = public_key
        if signature is not UNSET:
            field_dict["signature"] = signature
        if store is not UNSET:
            field_dict["store"] = store

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.audit_evidence_effect import AuditEvidenceEffect
        from ..models.audit_evidence_fact import AuditEvidenceFact
        from ..models.audit_evidence_run import AuditEvidenceRun
        from ..models.audit_head import AuditHead
        from ..models.audit_proof import AuditProof

        d = dict(src_dict)
        approvals = []
        _approvals = d.pop("approvals")
        for approvals_item_data in _approvals:
            approvals_item = AuditEvidenceFact.from_dict(approvals_item_data)

            approvals.append(approvals_item)

        at = datetime.datetime.fromisoformat(d.pop("at"))

        decisions = []
        _decisions = d.pop("decisions")
        for decisions_item_data in _decisions:
            decisions_item = AuditEvidenceFact.from_dict(decisions_item_data)

            decisions.append(decisions_item)

        definition = d.pop("definition")

        effects = []
        _effects = d.pop("effects")
        for effects_item_data in _effects:
            effects_item = AuditEvidenceEffect.from_dict(effects_item_data)

            effects.append(effects_item)

        head = AuditHead.from_dict(d.pop("head"))

        overrides = []
        _overrides = d.pop("overrides")
        for overrides_item_data in _overrides:
            overrides_item = AuditEvidenceFact.from_dict(overrides_item_data)

            overrides.append(overrides_item)

        proof = AuditProof.from_dict(d.pop("proof"))

        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = AuditEvidenceFact.from_dict(results_item_data)

            results.append(results_item)

        run = AuditEvidenceRun.from_dict(d.pop("run"))

        version = d.pop("version")

        public_key = d.pop("public_key", UNSET)

        signature = d.pop("signature", UNSET)

        store = d.pop("store", UNSET)

        audit_evidence = cls(
            approvals=approvals,
            at=at,
            decisions=decisions,
            definition=definition,
            effects=effects,
            head=head,
            overrides=overrides,
            proof=proof,
            results=results,
            run=run,
            version=version,
            public_key=public_key,
            signature=signature,
            store=store,
        )

        audit_evidence.additional_properties = d
        return audit_evidence

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audit_finding import AuditFinding


T = TypeVar("T", bound="AuditReport")


@_attrs_define
class AuditReport:
    """
    Attributes:
        chains (int):
        doubts (list[str]): What this check cannot tell
        findings (list[AuditFinding]): What is wrong; at most 1,000
        heads (int): How many signed heads were compared
        ok (bool): Nothing is wrong
        proven (int): How many of them a signed head vouches for
        records (int): How many were read
        from_ (datetime.datetime | Unset): Time of the oldest record
        more_findings (int | Unset): How many findings are left out
        to (datetime.datetime | Unset): Time of the newest record
    """

    chains: int
    doubts: list[str]
    findings: list[AuditFinding]
    heads: int
    ok: bool
    proven: int
    records: int
    from_: datetime.datetime | Unset = UNSET
    more_findings: int | Unset = UNSET
    to: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chains = self.chains

        doubts = self.doubts

        findings = []
        for findings_item_data in self.findings:
            findings_item = findings_item_data.to_dict()
            findings.append(findings_item)

        heads = self.heads

        ok = self.ok

        proven = self.proven

        records = self.records

        from_: str | Unset = UNSET
        if not isinstance(self.from_, Unset):
            from_ = self.from_.isoformat()

        more_findings = self.more_findings

        to: str | Unset = UNSET
        if not isinstance(self.to, Unset):
            to = self.to.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chains": chains,
                "doubts": doubts,
                "findings": findings,
                "heads": heads,
                "ok": ok,
                "proven": proven,
                "records": records,
            }
        )
        if from_ is not UNSET:
            field_dict["from"] = from_
        if more_findings is not UNSET:
            field_dict["more_findings"] = more_findings
        if to is not UNSET:
            field_dict["to"] = to

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.audit_finding import AuditFinding

        d = dict(src_dict)
        chains = d.pop("chains")

        doubts = cast(list[str], d.pop("doubts"))

        findings = []
        _findings = d.pop("findings")
        for findings_item_data in _findings:
            findings_item = AuditFinding.from_dict(findings_item_data)

            findings.append(findings_item)

        heads = d.pop("heads")

        ok = d.pop("ok")

        proven = d.pop("proven")

        records = d.pop("records")

        _from_ = d.pop("from", UNSET)
        from_: datetime.datetime | Unset
        if isinstance(_from_, Unset):
            from_ = UNSET
        else:
            from_ = datetime.datetime.fromisoformat(_from_)

        more_findings = d.pop("more_findings", UNSET)

        _to = d.pop("to", UNSET)
        to: datetime.datetime | Unset
        if isinstance(_to, Unset):
            to = UNSET
        else:
            to = datetime.datetime.fromisoformat(_to)

        audit_report = cls(
            chains=chains,
            doubts=doubts,
            findings=findings,
            heads=heads,
            ok=ok,
            proven=proven,
            records=records,
            from_=from_,
            more_findings=more_findings,
            to=to,
        )

        audit_report.additional_properties = d
        return audit_report

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.part import Part
    from ..models.problem_item import ProblemItem
    from ..models.report import Report


T = TypeVar("T", bound="PolicyPublished")


@_attrs_define
class PolicyPublished:
    """
    Attributes:
        act (str):
        active (bool): It was published last
        at (datetime.datetime):
        by (str):
        default (str):
        default_from (str):
        digest (str):
        parts (list[Part]):
        rules (int):
        version (int):
        break_glass (bool | Unset):
        findings (list[ProblemItem] | Unset): Warnings, with their places
        of (int | Unset):
        previous (str | Unset): Digest of what was in force before
        reason (str | Unset):
        replay (Report | Unset):
        unchanged (bool | Unset): It was in force already; nothing was written
        warnings (list[str] | Unset):
    """

    act: str
    active: bool
    at: datetime.datetime
    by: str
    default: str
    default_from: str
    digest: str
    parts: list[Part]
    rules: int
    version: int
    break_glass: bool | Unset = UNSET
    findings: list[ProblemItem] | Unset = UNSET
    of: int | Unset = UNSET
    previous: str | Unset = UNSET
    reason: str | Unset = UNSET
    replay: Report | Unset = UNSET
    unchanged: bool | Unset = UNSET
    warnings: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        act = self.act

        active = self.active

        at = self.at.isoformat()

        by = self.by

        default = self.default

        default_from = self.default_from

        digest = self.digest

        parts = []
        for parts_item_data in self.parts:
            parts_item = parts_item_data.to_dict()
            parts.append(parts_item)

        rules = self.rules

        version = self.version

        break_glass = self.break_glass

        findings: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.findings, Unset):
            findings = []
            for findings_item_data in self.findings:
                findings_item = findings_item_data.to_dict()
                findings.append(findings_item)

        of = self.of

        previous = self.previous

        reason = self.reason

        replay: dict[str, Any] | Unset = UNSET
        if not isinstance(self.replay, Unset):
            replay = self.replay.to_dict()

        unchanged = self.unchanged

        warnings: list[str] | Unset = UNSET
        if not isinstance(self.warnings, Unset):
            warnings = self.warnings

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "act": act,
                "active": active,
                "at": at,
                "by": by,
                "default": default,
                "default_from": default_from,
                "digest": digest,
                "parts": parts,
                "rules": rules,
                "version": version,
            }
        )
        if break_glass is not UNSET:
            field_dict["break_glass"] = break_glass
        if findings is not UNSET:
            field_dict["findings"] = findings
        if of is not UNSET:
            field_dict["of"] = of
        if previous is not UNSET:
            field_dict["previous"] = previous
        if reason is not UNSET:
            field_dict["reason"] = reason
        if replay is not UNSET:
            field_dict["replay"] = replay
        if unchanged is not UNSET:
            field_dict["unchanged"] = unchanged
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.part import Part
        from ..models.problem_item import ProblemItem
        from ..models.report import Report

        d = dict(src_dict)
        act = d.pop("act")

        active = d.pop("active")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        by = d.pop("by")

        default = d.pop("default")

        default_from = d.pop("default_from")

        digest = d.pop("digest")

        parts = []
        _parts = d.pop("parts")
        for parts_item_data in _parts:
            parts_item = Part.from_dict(parts_item_data)

            parts.append(parts_item)

        rules = d.pop("rules")

        version = d.pop("version")

        break_glass = d.pop("break_glass", UNSET)

        _findings = d.pop("findings", UNSET)
        findings: list[ProblemItem] | Unset = UNSET
        if _findings is not UNSET:
            findings = []
            for findings_item_data in _findings:
                findings_item = ProblemItem.from_dict(findings_item_data)

                findings.append(findings_item)

        of = d.pop("of", UNSET)

        previous = d.pop("previous", UNSET)

        reason = d.pop("reason", UNSET)

        _replay = d.pop("replay", UNSET)
        replay: Report | Unset
        if isinstance(_replay, Unset):
            replay = UNSET
        else:
            replay = Report.from_dict(_replay)

        unchanged = d.pop("unchanged", UNSET)

        warnings = cast(list[str], d.pop("warnings", UNSET))

        policy_published = cls(
            act=act,
            active=active,
            at=at,
            by=by,
            default=default,
            default_from=default_from,
            digest=digest,
            parts=parts,
            rules=rules,
            version=version,
            break_glass=break_glass,
            findings=findings,
            of=of,
            previous=previous,
            reason=reason,
            replay=replay,
            unchanged=unchanged,
            warnings=warnings,
        )

        policy_published.additional_properties = d
        return policy_published

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Finding")


@_attrs_define
class Finding:
    """
    Attributes:
        code (str):
        message (str):
        rule (str):
        severity (str):
        column (int | Unset):
        docs (str | Unset):
        file (str | Unset):
        hint (str | Unset):
        line (int | Unset):
        location (str | Unset):
        snippet (str | Unset):
    """

    code: str
    message: str
    rule: str
    severity: str
    column: int | Unset = UNSET
    docs: str | Unset = UNSET
    file: str | Unset = UNSET
    hint: str | Unset = UNSET
    line: int | Unset = UNSET
    location: str | Unset = UNSET
    snippet: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        message = self.message

        rule = self.rule

        severity = self.severity

        column = self.column

        docs = self.docs

        file = self.file

        hint = self.hint

        line = self.line

        location = self.location

        snippet = self.snippet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "message": message,
                "rule": rule,
                "severity": severity,
            }
        )
        if column is not UNSET:
            field_dict["column"] = column
        if docs is not UNSET:
            field_dict["docs"] = docs
        if file is not UNSET:
            field_dict["file"] = file
        if hint is not UNSET:
            field_dict["hint"] = hint
        if line is not UNSET:
            field_dict["line"] = line
        if location is not UNSET:
            field_dict["location"] = location
        if snippet is not UNSET:
            field_dict["snippet"] = snippet

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        code = d.pop("code")

        message = d.pop("message")

        rule = d.pop("rule")

        severity = d.pop("severity")

        column = d.pop("column", UNSET)

        docs = d.pop("docs", UNSET)

        file = d.pop("file", UNSET)

        hint = d.pop("hint", UNSET)

        line = d.pop("line", UNSET)

        location = d.pop("location", UNSET)

        snippet = d.pop("snippet", UNSET)

        finding = cls(
            code=code,
            message=message,
            rule=rule,
            severity=severity,
            column=column,
            docs=docs,
            file=file,
            hint=hint,
            line=line,
            location=location,
            snippet=snippet,
        )

        finding.additional_properties = d
        return finding

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

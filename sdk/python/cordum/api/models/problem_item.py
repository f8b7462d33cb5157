from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.problem_item_severity import ProblemItemSeverity
from ..types import UNSET, Unset

T = TypeVar("T", bound="ProblemItem")


@_attrs_define
class ProblemItem:
    """
    Attributes:
        message (str):
        code (str | Unset): Code of the rule in docs/lint.md
        column (int | Unset): From 1
        hint (str | Unset): What was probably meant
        line (int | Unset): From 1
        location (str | Unset): JSON pointer into the body, or query.NAME, path.NAME, header.NAME
        rule (str | Unset): Stable name of the rule that was broken
        severity (ProblemItemSeverity | Unset):
    """

    message: str
    code: str | Unset = UNSET
    column: int | Unset = UNSET
    hint: str | Unset = UNSET
    line: int | Unset = UNSET
    location: str | Unset = UNSET
    rule: str | Unset = UNSET
    severity: ProblemItemSeverity | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        message = self.message

        code = self.code

        column = self.column

        hint = self.hint

        line = self.line

        location = self.location

        rule = self.rule

        severity: str | Unset = UNSET
        if not isinstance(self.severity, Unset):
            severity = self.severity.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "message": message,
            }
        )
        if code is not UNSET:
            field_dict["code"] = code
        if column is not UNSET:
            field_dict["column"] = column
        if hint is not UNSET:
            field_dict["hint"] = hint
        if line is not UNSET:
            field_dict["line"] = line
        if location is not UNSET:
            field_dict["location"] = location
        if rule is not UNSET:
            field_dict["rule"] = rule
        if severity is not UNSET:
            field_dict["severity"] = severity

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        message = d.pop("message")

        code = d.pop("code", UNSET)

        column = d.pop("column", UNSET)

        hint = d.pop("hint", UNSET)

        line = d.pop("line", UNSET)

        location = d.pop("location", UNSET)

        rule = d.pop("rule", UNSET)

        _severity = d.pop("severity", UNSET)
        severity: ProblemItemSeverity | Unset
        if isinstance(_severity, Unset):
            severity = UNSET
        else:
            severity = ProblemItemSeverity(_severity)

        problem_item = cls(
            message=message,
            code=code,
            column=column,
            hint=hint,
            line=line,
            location=location,
            rule=rule,
            severity=severity,
        )

        problem_item.additional_properties = d
        return problem_item

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

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.finding import Finding


T = TypeVar("T", bound="LintReport")


@_attrs_define
class LintReport:
    """
    Attributes:
        diagnostics (list[Finding]): In the order of the file; docs/lint.md explains each code
        errors (int):
        valid (bool): It would be stored; warnings do not matter
        warnings (int):
        digest (str | Unset):
        id (str | Unset):
        steps (int | Unset):
    """

    diagnostics: list[Finding]
    errors: int
    valid: bool
    warnings: int
    digest: str | Unset = UNSET
    id: str | Unset = UNSET
    steps: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        diagnostics = []
        for diagnostics_item_data in self.diagnostics:
            diagnostics_item = diagnostics_item_data.to_dict()
            diagnostics.append(diagnostics_item)

        errors = self.errors

        valid = self.valid

        warnings = self.warnings

        digest = self.digest

        id = self.id

        steps = self.steps

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "diagnostics": diagnostics,
                "errors": errors,
                "valid": valid,
                "warnings": warnings,
            }
        )
        if digest is not UNSET:
            field_dict["digest"] = digest
        if id is not UNSET:
            field_dict["id"] = id
        if steps is not UNSET:
            field_dict["steps"] = steps

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.finding import Finding

        d = dict(src_dict)
        diagnostics = []
        _diagnostics = d.pop("diagnostics")
        for diagnostics_item_data in _diagnostics:
            diagnostics_item = Finding.from_dict(diagnostics_item_data)

            diagnostics.append(diagnostics_item)

        errors = d.pop("errors")

        valid = d.pop("valid")

        warnings = d.pop("warnings")

        digest = d.pop("digest", UNSET)

        id = d.pop("id", UNSET)

        steps = d.pop("steps", UNSET)

        lint_report = cls(
            diagnostics=diagnostics,
            errors=errors,
            valid=valid,
            warnings=warnings,
            digest=digest,
            id=id,
            steps=steps,
        )

        lint_report.additional_properties = d
        return lint_report

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

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.report import Report
    from ..models.shadow_info import ShadowInfo


T = TypeVar("T", bound="PolicyShadowResults")


@_attrs_define
class PolicyShadowResults:
    """
    Attributes:
        results (Report):
        shadow (ShadowInfo):
    """

    results: Report
    shadow: ShadowInfo
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        results = self.results.to_dict()

        shadow = self.shadow.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "results": results,
                "shadow": shadow,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.report import Report
        from ..models.shadow_info import ShadowInfo

        d = dict(src_dict)
        results = Report.from_dict(d.pop("results"))

        shadow = ShadowInfo.from_dict(d.pop("shadow"))

        policy_shadow_results = cls(
            results=results,
            shadow=shadow,
        )

        policy_shadow_results.additional_properties = d
        return policy_shadow_results

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

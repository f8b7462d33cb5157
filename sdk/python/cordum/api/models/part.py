from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Part")


@_attrs_define
class Part:
    """
    Attributes:
        from_ (str):
        name (str):
        sha256 (str):
        overlay (bool | Unset):
        signed_by (str | Unset):
        version (int | Unset):
    """

    from_: str
    name: str
    sha256: str
    overlay: bool | Unset = UNSET
    signed_by: str | Unset = UNSET
    version: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_

        name = self.name

        sha256 = self.sha256

        overlay = self.overlay

        signed_by = self.signed_by

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "from": from_,
                "name": name,
                "sha256": sha256,
            }
        )
        if overlay is not UNSET:
            field_dict["overlay"] = overlay
        if signed_by is not UNSET:
            field_dict["signed_by"] = signed_by
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        from_ = d.pop("from")

        name = d.pop("name")

        sha256 = d.pop("sha256")

        overlay = d.pop("overlay", UNSET)

        signed_by = d.pop("signed_by", UNSET)

        version = d.pop("version", UNSET)

        part = cls(
            from_=from_,
            name=name,
            sha256=sha256,
            overlay=overlay,
            signed_by=signed_by,
            version=version,
        )

        part.additional_properties = d
        return part

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

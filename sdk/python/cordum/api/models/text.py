from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Text")


@_attrs_define
class Text:
    """
    Attributes:
        at (datetime.datetime):
        from_ (str):
        name (str):
        text (str):
        by (str | Unset):
        overlay (bool | Unset):
        signature (str | Unset):
        signed_by (str | Unset):
        version (int | Unset):
    """

    at: datetime.datetime
    from_: str
    name: str
    text: str
    by: str | Unset = UNSET
    overlay: bool | Unset = UNSET
    signature: str | Unset = UNSET
    signed_by: str | Unset = UNSET
    version: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        from_ = self.from_

        name = self.name

        text = self.text

        by = self.by

        overlay = self.overlay

        signature = self.signature

        signed_by = self.signed_by

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "from": from_,
                "name": name,
                "text": text,
            }
        )
        if by is not UNSET:
            field_dict["by"] = by
        if overlay is not UNSET:
            field_dict["overlay"] = overlay
        if signature is not UNSET:
            field_dict["signature"] = signature
        if signed_by is not UNSET:
            field_dict["signed_by"] = signed_by
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        from_ = d.pop("from")

        name = d.pop("name")

        text = d.pop("text")

        by = d.pop("by", UNSET)

        overlay = d.pop("overlay", UNSET)

        signature = d.pop("signature", UNSET)

        signed_by = d.pop("signed_by", UNSET)

        version = d.pop("version", UNSET)

        text = cls(
            at=at,
            from_=from_,
            name=name,
            text=text,
            by=by,
            overlay=overlay,
            signature=signature,
            signed_by=signed_by,
            version=version,
        )

        text.additional_properties = d
        return text

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

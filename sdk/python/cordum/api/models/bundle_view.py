from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.bundle_view_state import BundleViewState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.problem_item import ProblemItem


T = TypeVar("T", bound="BundleView")


@_attrs_define
class BundleView:
    """
    Attributes:
        at (datetime.datetime):
        by (str):
        name (str):
        overlay (bool): It can only tighten
        sha256 (str): Of the text
        state (BundleViewState): draft: never published; changed: another text is in force; deleted: in force until the
            next publish of all
        etag (str | Unset): Of the draft; send it as If-Match
        in_force (str | Unset): The text that is in force, where it is another; only when one is read
        signature (str | Unset):
        signed_by (str | Unset): Id of the public key that verified it
        text (str | Unset): As it was written; only when one is read
        version (int | Unset): What a signed bundle says of itself
        warnings (list[ProblemItem] | Unset): Of the bundle by itself; only when it was just written
    """

    at: datetime.datetime
    by: str
    name: str
    overlay: bool
    sha256: str
    state: BundleViewState
    etag: str | Unset = UNSET
    in_force: str | Unset = UNSET
    signature: str | Unset = UNSET
    signed_by: str | Unset = UNSET
    text: str | Unset = UNSET
    version: int | Unset = UNSET
    warnings: list[ProblemItem] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        by = self.by

        name = self.name

        overlay = self.overlay

        sha256 = self.sha256

        state = self.state.value

        etag = self.etag

        in_force = self.in_force

        signature = self.signature

        signed_by = self.signed_by

        text = self.text

        version = self.version

        warnings: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.warnings, Unset):
            warnings = []
            for warnings_item_data in self.warnings:
                warnings_item = warnings_item_data.to_dict()
                warnings.append(warnings_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "by": by,
                "name": name,
                "overlay": overlay,
                "sha256": sha256,
                "state": state,
            }
        )
        if etag is not UNSET:
            field_dict["etag"] = etag
        if in_force is not UNSET:
            field_dict["in_force"] = in_force
        if signature is not UNSET:
            field_dict["signature"] = signature
        if signed_by is not UNSET:
            field_dict["signed_by"] = signed_by
        if text is not UNSET:
            field_dict["text"] = text
        if version is not UNSET:
            field_dict["version"] = version
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.problem_item import ProblemItem

        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        by = d.pop("by")

        name = d.pop("name")

        overlay = d.pop("overlay")

        sha256 = d.pop("sha256")

        state = BundleViewState(d.pop("state"))

        etag = d.pop("etag", UNSET)

        in_force = d.pop("in_force", UNSET)

        signature = d.pop("signature", UNSET)

        signed_by = d.pop("signed_by", UNSET)

        text = d.pop("text", UNSET)

        version = d.pop("version", UNSET)

        _warnings = d.pop("warnings", UNSET)
        warnings: list[ProblemItem] | Unset = UNSET
        if _warnings is not UNSET:
            warnings = []
            for warnings_item_data in _warnings:
                warnings_item = ProblemItem.from_dict(warnings_item_data)

                warnings.append(warnings_item)

        bundle_view = cls(
            at=at,
            by=by,
            name=name,
            overlay=overlay,
            sha256=sha256,
            state=state,
            etag=etag,
            in_force=in_force,
            signature=signature,
            signed_by=signed_by,
            text=text,
            version=version,
            warnings=warnings,
        )

        bundle_view.additional_properties = d
        return bundle_view

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

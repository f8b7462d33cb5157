from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.create_bundle_json_body_rules_item import (
        CreateBundleJsonBodyRulesItem,
    )


T = TypeVar("T", bound="CreateBundleJsonBody")


@_attrs_define
class CreateBundleJsonBody:
    """A bundle {name, rules}, or an object with the bundle as object or text and its signature beside it

    Attributes:
        bundle (Any | Unset): The bundle, as an object or as text
        name (str | Unset):
        overlay (bool | Unset):
        rules (list[CreateBundleJsonBodyRulesItem] | Unset):
        signature (str | Unset): Over exactly the bytes of bundle, in base64 or hex
        version (Any | Unset): A whole number; a signed bundle needs it
    """

    bundle: Any | Unset = UNSET
    name: str | Unset = UNSET
    overlay: bool | Unset = UNSET
    rules: list[CreateBundleJsonBodyRulesItem] | Unset = UNSET
    signature: str | Unset = UNSET
    version: Any | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bundle = self.bundle

        name = self.name

        overlay = self.overlay

        rules: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.rules, Unset):
            rules = []
            for rules_item_data in self.rules:
                rules_item = rules_item_data.to_dict()
                rules.append(rules_item)

        signature = self.signature

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if bundle is not UNSET:
            field_dict["bundle"] = bundle
        if name is not UNSET:
            field_dict["name"] = name
        if overlay is not UNSET:
            field_dict["overlay"] = overlay
        if rules is not UNSET:
            field_dict["rules"] = rules
        if signature is not UNSET:
            field_dict["signature"] = signature
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.create_bundle_json_body_rules_item import (
            CreateBundleJsonBodyRulesItem,
        )

        d = dict(src_dict)
        bundle = d.pop("bundle", UNSET)

        name = d.pop("name", UNSET)

        overlay = d.pop("overlay", UNSET)

        _rules = d.pop("rules", UNSET)
        rules: list[CreateBundleJsonBodyRulesItem] | Unset = UNSET
        if _rules is not UNSET:
            rules = []
            for rules_item_data in _rules:
                rules_item = CreateBundleJsonBodyRulesItem.from_dict(rules_item_data)

                rules.append(rules_item)

        signature = d.pop("signature", UNSET)

        version = d.pop("version", UNSET)

        create_bundle_json_body = cls(
            bundle=bundle,
            name=name,
            overlay=overlay,
            rules=rules,
            signature=signature,
            version=version,
        )

        create_bundle_json_body.additional_properties = d
        return create_bundle_json_body

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

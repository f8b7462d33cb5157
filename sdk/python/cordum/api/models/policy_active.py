from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.alert import Alert
    from ..models.part import Part
    from ..models.shadow_info import ShadowInfo


T = TypeVar("T", bound="PolicyActive")


@_attrs_define
class PolicyActive:
    """
    Attributes:
        act (str):
        active (bool): It was published last
        at (datetime.datetime):
        by (str):
        default (str):
        default_from (str):
        digest (str):
        in_force (bool): When it is not, no job starts
        keys (list[str]): Ids of the public keys of who may sign
        max_bytes (int): The largest bundle
        parts (list[Part]):
        rules (int):
        signature_required (bool):
        version (int):
        alert (Alert | Unset):
        base (str | Unset): The policy file or address of the server
        break_glass (bool | Unset):
        of (int | Unset):
        reason (str | Unset):
        shadow (ShadowInfo | Unset):
        warnings (list[str] | Unset):
    """

    act: str
    active: bool
    at: datetime.datetime
    by: str
    default: str
    default_from: str
    digest: str
    in_force: bool
    keys: list[str]
    max_bytes: int
    parts: list[Part]
    rules: int
    signature_required: bool
    version: int
    alert: Alert | Unset = UNSET
    base: str | Unset = UNSET
    break_glass: bool | Unset = UNSET
    of: int | Unset = UNSET
    reason: str | Unset = UNSET
    shadow: ShadowInfo | Unset = UNSET
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

        in_force = self.in_force

        keys = self.keys

        max_bytes = self.max_bytes

        parts = []
        for parts_item_data in self.parts:
            parts_item = parts_item_data.to_dict()
            parts.append(parts_item)

        rules = self.rules

        signature_required = self.signature_required

        version = self.version

        alert: dict[str, Any] | Unset = UNSET
        if not isinstance(self.alert, Unset):
            alert = self.alert.to_dict()

        base = self.base

        break_glass = self.break_glass

        of = self.of

        reason = self.reason

        shadow: dict[str, Any] | Unset = UNSET
        if not isinstance(self.shadow, Unset):
            shadow = self.shadow.to_dict()

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
                "in_force": in_force,
                "keys": keys,
                "max_bytes": max_bytes,
                "parts": parts,
                "rules": rules,
                "signature_required": signature_required,
                "version": version,
            }
        )
        if alert is not UNSET:
            field_dict["alert"] = alert
        if base is not UNSET:
            field_dict["base"] = base
        if break_glass is not UNSET:
            field_dict["break_glass"] = break_glass
        if of is not UNSET:
            field_dict["of"] = of
        if reason is not UNSET:
            field_dict["reason"] = reason
        if shadow is not UNSET:
            field_dict["shadow"] = shadow
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.alert import Alert
        from ..models.part import Part
        from ..models.shadow_info import ShadowInfo

        d = dict(src_dict)
        act = d.pop("act")

        active = d.pop("active")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        by = d.pop("by")

        default = d.pop("default")

        default_from = d.pop("default_from")

        digest = d.pop("digest")

        in_force = d.pop("in_force")

        keys = cast(list[str], d.pop("keys"))

        max_bytes = d.pop("max_bytes")

        parts = []
        _parts = d.pop("parts")
        for parts_item_data in _parts:
            parts_item = Part.from_dict(parts_item_data)

            parts.append(parts_item)

        rules = d.pop("rules")

        signature_required = d.pop("signature_required")

        version = d.pop("version")

        _alert = d.pop("alert", UNSET)
        alert: Alert | Unset
        if isinstance(_alert, Unset):
            alert = UNSET
        else:
            alert = Alert.from_dict(_alert)

        base = d.pop("base", UNSET)

        break_glass = d.pop("break_glass", UNSET)

        of = d.pop("of", UNSET)

        reason = d.pop("reason", UNSET)

        _shadow = d.pop("shadow", UNSET)
        shadow: ShadowInfo | Unset
        if isinstance(_shadow, Unset):
            shadow = UNSET
        else:
            shadow = ShadowInfo.from_dict(_shadow)

        warnings = cast(list[str], d.pop("warnings", UNSET))

        policy_active = cls(
            act=act,
            active=active,
            at=at,
            by=by,
            default=default,
            default_from=default_from,
            digest=digest,
            in_force=in_force,
            keys=keys,
            max_bytes=max_bytes,
            parts=parts,
            rules=rules,
            signature_required=signature_required,
            version=version,
            alert=alert,
            base=base,
            break_glass=break_glass,
            of=of,
            reason=reason,
            shadow=shadow,
            warnings=warnings,
        )

        policy_active.additional_properties = d
        return policy_active

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.part import Part
    from ..models.text import Text


T = TypeVar("T", bound="PolicySnapshot")


@_attrs_define
class PolicySnapshot:
    """
    Attributes:
        act (str):
        active (bool): It was published last
        at (datetime.datetime):
        by (str):
        canonical (Any): The canonical form; the SHA-256 of exactly these bytes is the digest
        default (str):
        default_from (str):
        digest (str):
        parts (list[Part]):
        rules (int):
        texts (list[Text]): What it was made of, as it was written
        version (int):
        break_glass (bool | Unset):
        of (int | Unset):
        reason (str | Unset):
        warnings (list[str] | Unset):
    """

    act: str
    active: bool
    at: datetime.datetime
    by: str
    canonical: Any
    default: str
    default_from: str
    digest: str
    parts: list[Part]
    rules: int
    texts: list[Text]
    version: int
    break_glass: bool | Unset = UNSET
    of: int | Unset = UNSET
    reason: str | Unset = UNSET
    warnings: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        act = self.act

        active = self.active

        at = self.at.isoformat()

        by = self.by

        canonical = self.canonical

        default = self.default

        default_from = self.default_from

        digest = self.digest

        parts = []
        for parts_item_data in self.parts:
            parts_item = parts_item_data.to_dict()
            parts.append(parts_item)

        rules = self.rules

        texts = []
        for texts_item_data in self.texts:
            texts_item = texts_item_data.to_dict()
            texts.append(texts_item)

        version = self.version

        break_glass = self.break_glass

        of = self.of

        reason = self.reason

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
                "canonical": canonical,
                "default": default,
                "default_from": default_from,
                "digest": digest,
                "parts": parts,
                "rules": rules,
                "texts": texts,
                "version": version,
            }
        )
        if break_glass is not UNSET:
            field_dict["break_glass"] = break_glass
        if of is not UNSET:
            field_dict["of"] = of
        if reason is not UNSET:
            field_dict["reason"] = reason
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.part import Part
        from ..models.text import Text

        d = dict(src_dict)
        act = d.pop("act")

        active = d.pop("active")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        by = d.pop("by")

        canonical = d.pop("canonical")

        default = d.pop("default")

        default_from = d.pop("default_from")

        digest = d.pop("digest")

        parts = []
        _parts = d.pop("parts")
        for parts_item_data in _parts:
            parts_item = Part.from_dict(parts_item_data)

            parts.append(parts_item)

        rules = d.pop("rules")

        texts = []
        _texts = d.pop("texts")
        for texts_item_data in _texts:
            texts_item = Text.from_dict(texts_item_data)

            texts.append(texts_item)

        version = d.pop("version")

        break_glass = d.pop("break_glass", UNSET)

        of = d.pop("of", UNSET)

        reason = d.pop("reason", UNSET)

        warnings = cast(list[str], d.pop("warnings", UNSET))

        policy_snapshot = cls(
            act=act,
            active=active,
            at=at,
            by=by,
            canonical=canonical,
            default=default,
            default_from=default_from,
            digest=digest,
            parts=parts,
            rules=rules,
            texts=texts,
            version=version,
            break_glass=break_glass,
            of=of,
            reason=reason,
            warnings=warnings,
        )

        policy_snapshot.additional_properties = d
        return policy_snapshot

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

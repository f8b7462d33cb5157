from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.schema_version import SchemaVersion


T = TypeVar("T", bound="SchemaView")


@_attrs_define
class SchemaView:
    """
    Attributes:
        created_at (datetime.datetime):
        created_by (str):
        digest (str): SHA-256 of the canonical schema: its version
        id (str):
        description (str | Unset):
        schema (Any | Unset): Only when one schema is read
        topics (list[str] | Unset): Topics that name it; only when one schema is read
        versions (list[SchemaVersion] | Unset): Newest first
    """

    created_at: datetime.datetime
    created_by: str
    digest: str
    id: str
    description: str | Unset = UNSET
    schema: Any | Unset = UNSET
    topics: list[str] | Unset = UNSET
    versions: list[SchemaVersion] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        created_by = self.created_by

        digest = self.digest

        id = self.id

        description = self.description

        schema = self.schema

        topics: list[str] | Unset = UNSET
        if not isinstance(self.topics, Unset):
            topics = self.topics

        versions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.versions, Unset):
            versions = []
            for versions_item_data in self.versions:
                versions_item = versions_item_data.to_dict()
                versions.append(versions_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "created_by": created_by,
                "digest": digest,
                "id": id,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
        if schema is not UNSET:
            field_dict["schema"] = schema
        if topics is not UNSET:
            field_dict["topics"] = topics
        if versions is not UNSET:
            field_dict["versions"] = versions

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.schema_version import SchemaVersion

        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        created_by = d.pop("created_by")

        digest = d.pop("digest")

        id = d.pop("id")

        description = d.pop("description", UNSET)

        schema = d.pop("schema", UNSET)

        topics = cast(list[str], d.pop("topics", UNSET))

        _versions = d.pop("versions", UNSET)
        versions: list[SchemaVersion] | Unset = UNSET
        if _versions is not UNSET:
            versions = []
            for versions_item_data in _versions:
                versions_item = SchemaVersion.from_dict(versions_item_data)

                versions.append(versions_item)

        schema_view = cls(
            created_at=created_at,
            created_by=created_by,
            digest=digest,
            id=id,
            description=description,
            schema=schema,
            topics=topics,
            versions=versions,
        )

        schema_view.additional_properties = d
        return schema_view

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

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="TopicView")


@_attrs_define
class TopicView:
    """
    Attributes:
        created_at (datetime.datetime):
        created_by (str):
        name (str):
        description (str | Unset):
        input_schema (str | Unset): Id of the registered schema that inputs of its jobs fit
        max_input_bytes (int | Unset):
        output_schema (str | Unset): Id of the registered schema that outputs of its jobs fit
        pool (str | Unset): Whose workers serve it, where pools.yaml or its document does not say
        updated_at (datetime.datetime | Unset):
        updated_by (str | Unset):
    """

    created_at: datetime.datetime
    created_by: str
    name: str
    description: str | Unset = UNSET
    input_schema: str | Unset = UNSET
    max_input_bytes: int | Unset = UNSET
    output_schema: str | Unset = UNSET
    pool: str | Unset = UNSET
    updated_at: datetime.datetime | Unset = UNSET
    updated_by: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        created_by = self.created_by

        name = self.name

        description = self.description

        input_schema = self.input_schema

        max_input_bytes = self.max_input_bytes

        output_schema = self.output_schema

        pool = self.pool

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        updated_by = self.updated_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "created_by": created_by,
                "name": name,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
        if input_schema is not UNSET:
            field_dict["input_schema"] = input_schema
        if max_input_bytes is not UNSET:
            field_dict["max_input_bytes"] = max_input_bytes
        if output_schema is not UNSET:
            field_dict["output_schema"] = output_schema
        if pool is not UNSET:
            field_dict["pool"] = pool
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at
        if updated_by is not UNSET:
            field_dict["updated_by"] = updated_by

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        created_by = d.pop("created_by")

        name = d.pop("name")

        description = d.pop("description", UNSET)

        input_schema = d.pop("input_schema", UNSET)

        max_input_bytes = d.pop("max_input_bytes", UNSET)

        output_schema = d.pop("output_schema", UNSET)

        pool = d.pop("pool", UNSET)

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        updated_by = d.pop("updated_by", UNSET)

        topic_view = cls(
            created_at=created_at,
            created_by=created_by,
            name=name,
            description=description,
            input_schema=input_schema,
            max_input_bytes=max_input_bytes,
            output_schema=output_schema,
            pool=pool,
            updated_at=updated_at,
            updated_by=updated_by,
        )

        topic_view.additional_properties = d
        return topic_view

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

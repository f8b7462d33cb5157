from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SchemaCreate")


@_attrs_define
class SchemaCreate:
    """
    Attributes:
        id (str): Letters, digits, '.', '_' and '-'
        schema (Any): A JSON Schema (2020-12) that refers to nothing outside itself
        description (str | Unset):
    """

    id: str
    schema: Any
    description: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        schema = self.schema

        description = self.description

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "schema": schema,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = d.pop("id")

        schema = d.pop("schema")

        description = d.pop("description", UNSET)

        schema_create = cls(
            id=id,
            schema=schema,
            description=description,
        )

        return schema_create

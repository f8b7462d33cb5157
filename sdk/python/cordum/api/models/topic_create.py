from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="TopicCreate")


@_attrs_define
class TopicCreate:
    """
    Attributes:
        name (str):
        description (str | Unset):
        input_schema (str | Unset): Id of the registered schema that inputs of its jobs fit
        max_input_bytes (int | Unset):
        output_schema (str | Unset): Id of the registered schema that outputs of its jobs fit
        pool (str | Unset): Whose workers serve it, where pools.yaml or its document does not say
    """

    name: str
    description: str | Unset = UNSET
    input_schema: str | Unset = UNSET
    max_input_bytes: int | Unset = UNSET
    output_schema: str | Unset = UNSET
    pool: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        description = self.description

        input_schema = self.input_schema

        max_input_bytes = self.max_input_bytes

        output_schema = self.output_schema

        pool = self.pool

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
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

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        description = d.pop("description", UNSET)

        input_schema = d.pop("input_schema", UNSET)

        max_input_bytes = d.pop("max_input_bytes", UNSET)

        output_schema = d.pop("output_schema", UNSET)

        pool = d.pop("pool", UNSET)

        topic_create = cls(
            name=name,
            description=description,
            input_schema=input_schema,
            max_input_bytes=max_input_bytes,
            output_schema=output_schema,
            pool=pool,
        )

        return topic_create

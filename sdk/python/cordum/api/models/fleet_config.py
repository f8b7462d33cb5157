from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.fleet_config_name import FleetConfigName
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.config_source import ConfigSource


T = TypeVar("T", bound="FleetConfig")


@_attrs_define
class FleetConfig:
    """
    Attributes:
        document (str): The text of the document, laid over the file's; empty when there is none
        name (FleetConfigName):
        sources (list[ConfigSource]):
        etag (str | Unset): Of the document: what If-Match takes
    """

    document: str
    name: FleetConfigName
    sources: list[ConfigSource]
    etag: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        document = self.document

        name = self.name.value

        sources = []
        for sources_item_data in self.sources:
            sources_item = sources_item_data.to_dict()
            sources.append(sources_item)

        etag = self.etag

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "document": document,
                "name": name,
                "sources": sources,
            }
        )
        if etag is not UNSET:
            field_dict["etag"] = etag

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.config_source import ConfigSource

        d = dict(src_dict)
        document = d.pop("document")

        name = FleetConfigName(d.pop("name"))

        sources = []
        _sources = d.pop("sources")
        for sources_item_data in _sources:
            sources_item = ConfigSource.from_dict(sources_item_data)

            sources.append(sources_item)

        etag = d.pop("etag", UNSET)

        fleet_config = cls(
            document=document,
            name=name,
            sources=sources,
            etag=etag,
        )

        fleet_config.additional_properties = d
        return fleet_config

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

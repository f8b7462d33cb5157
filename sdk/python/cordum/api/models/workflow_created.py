from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.finding import Finding
    from ..models.graph_view import GraphView


T = TypeVar("T", bound="WorkflowCreated")


@_attrs_define
class WorkflowCreated:
    """
    Attributes:
        created_at (datetime.datetime):
        created_by (str):
        digest (str): SHA-256 of the canonical definition: its identity
        id (str):
        steps (int):
        definition (Any | Unset): Canonical JSON; only when one workflow is read
        graph (GraphView | Unset):
        name (str | Unset):
        run_id (str | Unset): The run, when one was started
        version (str | Unset): The author's label
        warnings (list[Finding] | Unset): What is probably not meant; the definition was stored all the same
    """

    created_at: datetime.datetime
    created_by: str
    digest: str
    id: str
    steps: int
    definition: Any | Unset = UNSET
    graph: GraphView | Unset = UNSET
    name: str | Unset = UNSET
    run_id: str | Unset = UNSET
    version: str | Unset = UNSET
    warnings: list[Finding] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        created_by = self.created_by

        digest = self.digest

        id = self.id

        steps = self.steps

        definition = self.definition

        graph: dict[str, Any] | Unset = UNSET
        if not isinstance(self.graph, Unset):
            graph = self.graph.to_dict()

        name = self.name

        run_id = self.run_id

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
                "created_at": created_at,
                "created_by": created_by,
                "digest": digest,
                "id": id,
                "steps": steps,
            }
        )
        if definition is not UNSET:
            field_dict["definition"] = definition
        if graph is not UNSET:
            field_dict["graph"] = graph
        if name is not UNSET:
            field_dict["name"] = name
        if run_id is not UNSET:
            field_dict["run_id"] = run_id
        if version is not UNSET:
            field_dict["version"] = version
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.finding import Finding
        from ..models.graph_view import GraphView

        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        created_by = d.pop("created_by")

        digest = d.pop("digest")

        id = d.pop("id")

        steps = d.pop("steps")

        definition = d.pop("definition", UNSET)

        _graph = d.pop("graph", UNSET)
        graph: GraphView | Unset
        if isinstance(_graph, Unset):
            graph = UNSET
        else:
            graph = GraphView.from_dict(_graph)

        name = d.pop("name", UNSET)

        run_id = d.pop("run_id", UNSET)

        version = d.pop("version", UNSET)

        _warnings = d.pop("warnings", UNSET)
        warnings: list[Finding] | Unset = UNSET
        if _warnings is not UNSET:
            warnings = []
            for warnings_item_data in _warnings:
                warnings_item = Finding.from_dict(warnings_item_data)

                warnings.append(warnings_item)

        workflow_created = cls(
            created_at=created_at,
            created_by=created_by,
            digest=digest,
            id=id,
            steps=steps,
            definition=definition,
            graph=graph,
            name=name,
            run_id=run_id,
            version=version,
            warnings=warnings,
        )

        workflow_created.additional_properties = d
        return workflow_created

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

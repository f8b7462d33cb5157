from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.worker_view_state import WorkerViewState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.worker_view_labels import WorkerViewLabels


T = TypeVar("T", bound="WorkerView")


@_attrs_define
class WorkerView:
    """
    Attributes:
        active_jobs (int):
        cpu_load (float):
        gpu_utilization (float):
        id (str):
        last_seen (datetime.datetime):
        max_parallel_jobs (int):
        reserved_jobs (int):
        state (WorkerViewState):
        capabilities (list[str] | Unset):
        labels (WorkerViewLabels | Unset):
        pool (str | Unset):
        topics (list[str] | Unset):
    """

    active_jobs: int
    cpu_load: float
    gpu_utilization: float
    id: str
    last_seen: datetime.datetime
    max_parallel_jobs: int
    reserved_jobs: int
    state: WorkerViewState
    capabilities: list[str] | Unset = UNSET
    labels: WorkerViewLabels | Unset = UNSET
    pool: str | Unset = UNSET
    topics: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active_jobs = self.active_jobs

        cpu_load = self.cpu_load

        gpu_utilization = self.gpu_utilization

        id = self.id

        last_seen = self.last_seen.isoformat()

        max_parallel_jobs = self.max_parallel_jobs

        reserved_jobs = self.reserved_jobs

        state = self.state.value

        capabilities: list[str] | Unset = UNSET
        if not isinstance(self.capabilities, Unset):
            capabilities = self.capabilities

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        pool = self.pool

        topics: list[str] | Unset = UNSET
        if not isinstance(self.topics, Unset):
            topics = self.topics

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "active_jobs": active_jobs,
                "cpu_load": cpu_load,
                "gpu_utilization": gpu_utilization,
                "id": id,
                "last_seen": last_seen,
                "max_parallel_jobs": max_parallel_jobs,
                "reserved_jobs": reserved_jobs,
                "state": state,
            }
        )
        if capabilities is not UNSET:
            field_dict["capabilities"] = capabilities
        if labels is not UNSET:
            field_dict["labels"] = labels
        if pool is not UNSET:
            field_dict["pool"] = pool
        if topics is not UNSET:
            field_dict["topics"] = topics

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.worker_view_labels import WorkerViewLabels

        d = dict(src_dict)
        active_jobs = d.pop("active_jobs")

        cpu_load = d.pop("cpu_load")

        gpu_utilization = d.pop("gpu_utilization")

        id = d.pop("id")

        last_seen = datetime.datetime.fromisoformat(d.pop("last_seen"))

        max_parallel_jobs = d.pop("max_parallel_jobs")

        reserved_jobs = d.pop("reserved_jobs")

        state = WorkerViewState(d.pop("state"))

        capabilities = cast(list[str], d.pop("capabilities", UNSET))

        _labels = d.pop("labels", UNSET)
        labels: WorkerViewLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = WorkerViewLabels.from_dict(_labels)

        pool = d.pop("pool", UNSET)

        topics = cast(list[str], d.pop("topics", UNSET))

        worker_view = cls(
            active_jobs=active_jobs,
            cpu_load=cpu_load,
            gpu_utilization=gpu_utilization,
            id=id,
            last_seen=last_seen,
            max_parallel_jobs=max_parallel_jobs,
            reserved_jobs=reserved_jobs,
            state=state,
            capabilities=capabilities,
            labels=labels,
            pool=pool,
            topics=topics,
        )

        worker_view.additional_properties = d
        return worker_view

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

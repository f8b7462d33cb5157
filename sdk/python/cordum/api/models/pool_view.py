from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PoolView")


@_attrs_define
class PoolView:
    """
    Attributes:
        active_jobs (int):
        name (str):
        queued_jobs (int): Jobs that wait and that it may serve; with others, when they may as well
        slots (int): Jobs at once that its workers take together
        workers (int): Those alive
        draining (bool | Unset):
        max_jobs (int | Unset): Jobs at once that the configuration allows; absent: as many as they take
        requires (list[str] | Unset): Capabilities that all its workers have
        topics (list[str] | Unset): Topics and patterns that it may serve by configuration
    """

    active_jobs: int
    name: str
    queued_jobs: int
    slots: int
    workers: int
    draining: bool | Unset = UNSET
    max_jobs: int | Unset = UNSET
    requires: list[str] | Unset = UNSET
    topics: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active_jobs = self.active_jobs

        name = self.name

        queued_jobs = self.queued_jobs

        slots = self.slots

        workers = self.workers

        draining = self.draining

        max_jobs = self.max_jobs

        requires: list[str] | Unset = UNSET
        if not isinstance(self.requires, Unset):
            requires = self.requires

        topics: list[str] | Unset = UNSET
        if not isinstance(self.topics, Unset):
            topics = self.topics

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "active_jobs": active_jobs,
                "name": name,
                "queued_jobs": queued_jobs,
                "slots": slots,
                "workers": workers,
            }
        )
        if draining is not UNSET:
            field_dict["draining"] = draining
        if max_jobs is not UNSET:
            field_dict["max_jobs"] = max_jobs
        if requires is not UNSET:
            field_dict["requires"] = requires
        if topics is not UNSET:
            field_dict["topics"] = topics

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        active_jobs = d.pop("active_jobs")

        name = d.pop("name")

        queued_jobs = d.pop("queued_jobs")

        slots = d.pop("slots")

        workers = d.pop("workers")

        draining = d.pop("draining", UNSET)

        max_jobs = d.pop("max_jobs", UNSET)

        requires = cast(list[str], d.pop("requires", UNSET))

        topics = cast(list[str], d.pop("topics", UNSET))

        pool_view = cls(
            active_jobs=active_jobs,
            name=name,
            queued_jobs=queued_jobs,
            slots=slots,
            workers=workers,
            draining=draining,
            max_jobs=max_jobs,
            requires=requires,
            topics=topics,
        )

        pool_view.additional_properties = d
        return pool_view

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

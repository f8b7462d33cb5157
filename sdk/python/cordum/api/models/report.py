from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.group import Group
    from ..models.run_change import RunChange


T = TypeVar("T", bound="Report")


@_attrs_define
class Report:
    """
    Attributes:
        changed_runs (list[RunChange]): Runs that would have gone another way, newest first
        decisions (int): How many were compared
        groups (list[Group]): By workflow and step, those with differences first
        newly_allowed (int): Would start without anybody, and were denied or needed an approval
        newly_constrained (int): Would start under constraints, and started under none
        newly_denied (int): Would be denied, and were not
        newly_gated (int): Would need an approval, and started without one
        runs (int): Runs that were compared
        runs_stopped (int): Runs that would have been stopped by a denial
        same (int):
        snapshot (str): Digest of the other snapshot
        clipped (bool | Unset): There are more groups or runs than are listed
    """

    changed_runs: list[RunChange]
    decisions: int
    groups: list[Group]
    newly_allowed: int
    newly_constrained: int
    newly_denied: int
    newly_gated: int
    runs: int
    runs_stopped: int
    same: int
    snapshot: str
    clipped: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        changed_runs = []
        for changed_runs_item_data in self.changed_runs:
            changed_runs_item = changed_runs_item_data.to_dict()
            changed_runs.append(changed_runs_item)

        decisions = self.decisions

        groups = []
        for groups_item_data in self.groups:
            groups_item = groups_item_data.to_dict()
            groups.append(groups_item)

        newly_allowed = self.newly_allowed

        newly_constrained = self.newly_constrained

        newly_denied = self.newly_denied

        newly_gated = self.newly_gated

        runs = self.runs

        runs_stopped = self.runs_stopped

        same = self.same

        snapshot = self.snapshot

        clipped = self.clipped

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "changed_runs": changed_runs,
                "decisions": decisions,
                "groups": groups,
                "newly_allowed": newly_allowed,
                "newly_constrained": newly_constrained,
                "newly_denied": newly_denied,
                "newly_gated": newly_gated,
                "runs": runs,
                "runs_stopped": runs_stopped,
                "same": same,
                "snapshot": snapshot,
            }
        )
        if clipped is not UNSET:
            field_dict["clipped"] = clipped

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.group import Group
        from ..models.run_change import RunChange

        d = dict(src_dict)
        changed_runs = []
        _changed_runs = d.pop("changed_runs")
        for changed_runs_item_data in _changed_runs:
            changed_runs_item = RunChange.from_dict(changed_runs_item_data)

            changed_runs.append(changed_runs_item)

        decisions = d.pop("decisions")

        groups = []
        _groups = d.pop("groups")
        for groups_item_data in _groups:
            groups_item = Group.from_dict(groups_item_data)

            groups.append(groups_item)

        newly_allowed = d.pop("newly_allowed")

        newly_constrained = d.pop("newly_constrained")

        newly_denied = d.pop("newly_denied")

        newly_gated = d.pop("newly_gated")

        runs = d.pop("runs")

        runs_stopped = d.pop("runs_stopped")

        same = d.pop("same")

        snapshot = d.pop("snapshot")

        clipped = d.pop("clipped", UNSET)

        report = cls(
            changed_runs=changed_runs,
            decisions=decisions,
            groups=groups,
            newly_allowed=newly_allowed,
            newly_constrained=newly_constrained,
            newly_denied=newly_denied,
            newly_gated=newly_gated,
            runs=runs,
            runs_stopped=runs_stopped,
            same=same,
            snapshot=snapshot,
            clipped=clipped,
        )

        report.additional_properties = d
        return report

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

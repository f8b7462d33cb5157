from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.lock_view_mode import LockViewMode
from ..models.lock_view_state import LockViewState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.lock_holder import LockHolder


T = TypeVar("T", bound="LockView")


@_attrs_define
class LockView:
    """
    Attributes:
        holders (list[LockHolder]):
        holding (int): How many hold it
        name (str):
        state (LockViewState):
        waiters (list[LockHolder]): In the order in which they get it
        waiting (int): How many wait for it
        mode (LockViewMode | Unset):
    """

    holders: list[LockHolder]
    holding: int
    name: str
    state: LockViewState
    waiters: list[LockHolder]
    waiting: int
    mode: LockViewMode | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        holders = []
        for holders_item_data in self.holders:
            holders_item = holders_item_data.to_dict()
            holders.append(holders_item)

        holding = self.holding

        name = self.name

        state = self.state.value

        waiters = []
        for waiters_item_data in self.waiters:
            waiters_item = waiters_item_data.to_dict()
            waiters.append(waiters_item)

        waiting = self.waiting

        mode: str | Unset = UNSET
        if not isinstance(self.mode, Unset):
            mode = self.mode.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "holders": holders,
                "holding": holding,
                "name": name,
                "state": state,
                "waiters": waiters,
                "waiting": waiting,
            }
        )
        if mode is not UNSET:
            field_dict["mode"] = mode

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.lock_holder import LockHolder

        d = dict(src_dict)
        holders = []
        _holders = d.pop("holders")
        for holders_item_data in _holders:
            holders_item = LockHolder.from_dict(holders_item_data)

            holders.append(holders_item)

        holding = d.pop("holding")

        name = d.pop("name")

        state = LockViewState(d.pop("state"))

        waiters = []
        _waiters = d.pop("waiters")
        for waiters_item_data in _waiters:
            waiters_item = LockHolder.from_dict(waiters_item_data)

            waiters.append(waiters_item)

        waiting = d.pop("waiting")

        _mode = d.pop("mode", UNSET)
        mode: LockViewMode | Unset
        if isinstance(_mode, Unset):
            mode = UNSET
        else:
            mode = LockViewMode(_mode)

        lock_view = cls(
            holders=holders,
            holding=holding,
            name=name,
            state=state,
            waiters=waiters,
            waiting=waiting,
            mode=mode,
        )

        lock_view.additional_properties = d
        return lock_view

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

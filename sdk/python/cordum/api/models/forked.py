from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Forked")


@_attrs_define
class Forked:
    """
    Attributes:
        digest (str):
        edited (list[str]):
        fork_of (str):
        rerun (list[str]):
        reused (list[str]):
        run_id (str | Unset): Absent in a preview
    """

    digest: str
    edited: list[str]
    fork_of: str
    rerun: list[str]
    reused: list[str]
    run_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        digest = self.digest

        edited = self.edited

        fork_of = self.fork_of

        rerun = self.rerun

        reused = self.reused

        run_id = self.run_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "digest": digest,
                "edited": edited,
                "fork_of": fork_of,
                "rerun": rerun,
                "reused": reused,
            }
        )
        if run_id is not UNSET:
            field_dict["run_id"] = run_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        digest = d.pop("digest")

        edited = cast(list[str], d.pop("edited"))

        fork_of = d.pop("fork_of")

        rerun = cast(list[str], d.pop("rerun"))

        reused = cast(list[str], d.pop("reused"))

        run_id = d.pop("run_id", UNSET)

        forked = cls(
            digest=digest,
            edited=edited,
            fork_of=fork_of,
            rerun=rerun,
            reused=reused,
            run_id=run_id,
        )

        forked.additional_properties = d
        return forked

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

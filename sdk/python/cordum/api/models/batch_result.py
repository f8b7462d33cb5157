from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_failed import BatchFailed


T = TypeVar("T", bound="BatchResult")


@_attrs_define
class BatchResult:
    """
    Attributes:
        done (int): How many of them took the command; none in a dry run
        failed (list[BatchFailed]): Those that did not
        matched (int): How many runs the filter named
        runs (list[str]): Their ids, newest first
        cursor (str | Unset): Send it for the runs that are left; absent when there are none
    """

    done: int
    failed: list[BatchFailed]
    matched: int
    runs: list[str]
    cursor: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        done = self.done

        failed = []
        for failed_item_data in self.failed:
            failed_item = failed_item_data.to_dict()
            failed.append(failed_item)

        matched = self.matched

        runs = self.runs

        cursor = self.cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "done": done,
                "failed": failed,
                "matched": matched,
                "runs": runs,
            }
        )
        if cursor is not UNSET:
            field_dict["cursor"] = cursor

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.batch_failed import BatchFailed

        d = dict(src_dict)
        done = d.pop("done")

        failed = []
        _failed = d.pop("failed")
        for failed_item_data in _failed:
            failed_item = BatchFailed.from_dict(failed_item_data)

            failed.append(failed_item)

        matched = d.pop("matched")

        runs = cast(list[str], d.pop("runs"))

        cursor = d.pop("cursor", UNSET)

        batch_result = cls(
            done=done,
            failed=failed,
            matched=matched,
            runs=runs,
            cursor=cursor,
        )

        batch_result.additional_properties = d
        return batch_result

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

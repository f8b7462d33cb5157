from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="NeedView")


@_attrs_define
class NeedView:
    """
    Attributes:
        quorum (int):
        approvers (list[str] | Unset): Empty: whoever may decide approvals
        exclude_author (bool | Unset):
        four_eyes (bool | Unset): Who asked, or edited, may not approve
        reason (str | Unset):
        rule (str | Unset):
    """

    quorum: int
    approvers: list[str] | Unset = UNSET
    exclude_author: bool | Unset = UNSET
    four_eyes: bool | Unset = UNSET
    reason: str | Unset = UNSET
    rule: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        quorum = self.quorum

        approvers: list[str] | Unset = UNSET
        if not isinstance(self.approvers, Unset):
            approvers = self.approvers

        exclude_author = self.exclude_author

        four_eyes = self.four_eyes

        reason = self.reason

        rule = self.rule

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "quorum": quorum,
            }
        )
        if approvers is not UNSET:
            field_dict["approvers"] = approvers
        if exclude_author is not UNSET:
            field_dict["exclude_author"] = exclude_author
        if four_eyes is not UNSET:
            field_dict["four_eyes"] = four_eyes
        if reason is not UNSET:
            field_dict["reason"] = reason
        if rule is not UNSET:
            field_dict["rule"] = rule

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        quorum = d.pop("quorum")

        approvers = cast(list[str], d.pop("approvers", UNSET))

        exclude_author = d.pop("exclude_author", UNSET)

        four_eyes = d.pop("four_eyes", UNSET)

        reason = d.pop("reason", UNSET)

        rule = d.pop("rule", UNSET)

        need_view = cls(
            quorum=quorum,
            approvers=approvers,
            exclude_author=exclude_author,
            four_eyes=four_eyes,
            reason=reason,
            rule=rule,
        )

        need_view.additional_properties = d
        return need_view

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

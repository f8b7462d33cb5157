from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PlanApproval")


@_attrs_define
class PlanApproval:
    """
    Attributes:
        quorum (int):
        approvers (list[str] | Unset):
        expires (str | Unset):
        on_expiry (str | Unset):
        rule (str | Unset):
        title (str | Unset):
    """

    quorum: int
    approvers: list[str] | Unset = UNSET
    expires: str | Unset = UNSET
    on_expiry: str | Unset = UNSET
    rule: str | Unset = UNSET
    title: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        quorum = self.quorum

        approvers: list[str] | Unset = UNSET
        if not isinstance(self.approvers, Unset):
            approvers = self.approvers

        expires = self.expires

        on_expiry = self.on_expiry

        rule = self.rule

        title = self.title

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "quorum": quorum,
            }
        )
        if approvers is not UNSET:
            field_dict["approvers"] = approvers
        if expires is not UNSET:
            field_dict["expires"] = expires
        if on_expiry is not UNSET:
            field_dict["on_expiry"] = on_expiry
        if rule is not UNSET:
            field_dict["rule"] = rule
        if title is not UNSET:
            field_dict["title"] = title

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        quorum = d.pop("quorum")

        approvers = cast(list[str], d.pop("approvers", UNSET))

        expires = d.pop("expires", UNSET)

        on_expiry = d.pop("on_expiry", UNSET)

        rule = d.pop("rule", UNSET)

        title = d.pop("title", UNSET)

        plan_approval = cls(
            quorum=quorum,
            approvers=approvers,
            expires=expires,
            on_expiry=on_expiry,
            rule=rule,
            title=title,
        )

        plan_approval.additional_properties = d
        return plan_approval

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

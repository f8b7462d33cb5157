from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PolicyMCP")


@_attrs_define
class PolicyMCP:
    """
    Attributes:
        action (str | Unset):
        resource (str | Unset):
        server (str | Unset):
        tool (str | Unset):
    """

    action: str | Unset = UNSET
    resource: str | Unset = UNSET
    server: str | Unset = UNSET
    tool: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        action = self.action

        resource = self.resource

        server = self.server

        tool = self.tool

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if action is not UNSET:
            field_dict["action"] = action
        if resource is not UNSET:
            field_dict["resource"] = resource
        if server is not UNSET:
            field_dict["server"] = server
        if tool is not UNSET:
            field_dict["tool"] = tool

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        action = d.pop("action", UNSET)

        resource = d.pop("resource", UNSET)

        server = d.pop("server", UNSET)

        tool = d.pop("tool", UNSET)

        policy_mcp = cls(
            action=action,
            resource=resource,
            server=server,
            tool=tool,
        )

        return policy_mcp

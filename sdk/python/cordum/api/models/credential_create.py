from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CredentialCreate")


@_attrs_define
class CredentialCreate:
    """
    Attributes:
        topics (list[str]): Topics whose jobs it may get, or patterns such as job.orders.*
        worker_id (str): Letters, digits, '_' and '-': one word of a subject
        cap (bool | Unset): It may also speak on the subjects that all CAP workers share
        capabilities (list[str] | Unset): Capabilities that it may say it has
        description (str | Unset):
        pools (list[str] | Unset): Pools that it may say it is in
    """

    topics: list[str]
    worker_id: str
    cap: bool | Unset = UNSET
    capabilities: list[str] | Unset = UNSET
    description: str | Unset = UNSET
    pools: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        topics = self.topics

        worker_id = self.worker_id

        cap = self.cap

        capabilities: list[str] | Unset = UNSET
        if not isinstance(self.capabilities, Unset):
            capabilities = self.capabilities

        description = self.description

        pools: list[str] | Unset = UNSET
        if not isinstance(self.pools, Unset):
            pools = self.pools

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "topics": topics,
                "worker_id": worker_id,
            }
        )
        if cap is not UNSET:
            field_dict["cap"] = cap
        if capabilities is not UNSET:
            field_dict["capabilities"] = capabilities
        if description is not UNSET:
            field_dict["description"] = description
        if pools is not UNSET:
            field_dict["pools"] = pools

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        topics = cast(list[str], d.pop("topics"))

        worker_id = d.pop("worker_id")

        cap = d.pop("cap", UNSET)

        capabilities = cast(list[str], d.pop("capabilities", UNSET))

        description = d.pop("description", UNSET)

        pools = cast(list[str], d.pop("pools", UNSET))

        credential_create = cls(
            topics=topics,
            worker_id=worker_id,
            cap=cap,
            capabilities=capabilities,
            description=description,
            pools=pools,
        )

        return credential_create

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.hold_scope import HoldScope
from ..types import UNSET, Unset

T = TypeVar("T", bound="Hold")


@_attrs_define
class Hold:
    """
    Attributes:
        id (str):
        reason (str):
        scope (HoldScope):
        set_at (datetime.datetime):
        set_by (str):
        except_undo (bool | Unset): Compensations go on
        name (str | Unset): The tenant, the workflow or the topic; a topic may have * in it
        tenant (str | Unset): Of a workflow or a topic: only this tenant's. Empty: every one's
    """

    id: str
    reason: str
    scope: HoldScope
    set_at: datetime.datetime
    set_by: str
    except_undo: bool | Unset = UNSET
    name: str | Unset = UNSET
    tenant: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        reason = self.reason

        scope = self.scope.value

        set_at = self.set_at.isoformat()

        set_by = self.set_by

        except_undo = self.except_undo

        name = self.name

        tenant = self.tenant

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "reason": reason,
                "scope": scope,
                "set_at": set_at,
                "set_by": set_by,
            }
        )
        if except_undo is not UNSET:
            field_dict["except_undo"] = except_undo
        if name is not UNSET:
            field_dict["name"] = name
        if tenant is not UNSET:
            field_dict["tenant"] = tenant

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = d.pop("id")

        reason = d.pop("reason")

        scope = HoldScope(d.pop("scope"))

        set_at = datetime.datetime.fromisoformat(d.pop("set_at"))

        set_by = d.pop("set_by")

        except_undo = d.pop("except_undo", UNSET)

        name = d.pop("name", UNSET)

        tenant = d.pop("tenant", UNSET)

        hold = cls(
            id=id,
            reason=reason,
            scope=scope,
            set_at=set_at,
            set_by=set_by,
            except_undo=except_undo,
            name=name,
            tenant=tenant,
        )

        hold.additional_properties = d
        return hold

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

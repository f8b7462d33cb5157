from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.hold_set_scope import HoldSetScope
from ..types import UNSET, Unset

T = TypeVar("T", bound="HoldSet")


@_attrs_define
class HoldSet:
    """
    Attributes:
        reason (str):
        scope (HoldSetScope):
        everywhere (bool | Unset): Of a workflow or a topic: every tenant's, not only yours
        except_undo (bool | Unset): Compensations go on
        name (str | Unset): The tenant, the workflow or the topic; a topic may have * in it
    """

    reason: str
    scope: HoldSetScope
    everywhere: bool | Unset = UNSET
    except_undo: bool | Unset = UNSET
    name: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        scope = self.scope.value

        everywhere = self.everywhere

        except_undo = self.except_undo

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
                "scope": scope,
            }
        )
        if everywhere is not UNSET:
            field_dict["everywhere"] = everywhere
        if except_undo is not UNSET:
            field_dict["except_undo"] = except_undo
        if name is not UNSET:
            field_dict["name"] = name

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        reason = d.pop("reason")

        scope = HoldSetScope(d.pop("scope"))

        everywhere = d.pop("everywhere", UNSET)

        except_undo = d.pop("except_undo", UNSET)

        name = d.pop("name", UNSET)

        hold_set = cls(
            reason=reason,
            scope=scope,
            everywhere=everywhere,
            except_undo=except_undo,
            name=name,
        )

        return hold_set

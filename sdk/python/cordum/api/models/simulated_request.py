from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.simulated_request_source import SimulatedRequestSource
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.policy_mcp import PolicyMCP
    from ..models.simulated_request_derived_tags import SimulatedRequestDerivedTags
    from ..models.simulated_request_tags import SimulatedRequestTags


T = TypeVar("T", bound="SimulatedRequest")


@_attrs_define
class SimulatedRequest:
    """
    Attributes:
        actor_type (str | Unset): human or service
        capability (str | Unset):
        cost (float | Unset): Estimated, in the tenant's unit
        derived_tags (SimulatedRequestDerivedTags | Unset): Tags that the server would derive; they win
        effect (str | Unset): none, read, write, irreversible
        id (str | Unset): Repeated in the answer; its number by default
        input_ (Any | Unset): The job's input, any JSON value
        mcp (PolicyMCP | Unset):
        pack (str | Unset):
        principal (str | Unset): Who it is for, as user:ann; you by default
        priority (str | Unset):
        requires (list[str] | Unset):
        risk_tags (list[str] | Unset):
        roles (list[str] | Unset): Of the principal; yours when the principal is you
        source (SimulatedRequestSource | Unset):  Default: SimulatedRequestSource.API.
        step (str | Unset):
        tags (SimulatedRequestTags | Unset): Labels of the run and the step
        tenant (str | Unset): Yours by default
        tool (str | Unset):
        topic (str | Unset):
        workflow (str | Unset):
    """

    actor_type: str | Unset = UNSET
    capability: str | Unset = UNSET
    cost: float | Unset = UNSET
    derived_tags: SimulatedRequestDerivedTags | Unset = UNSET
    effect: str | Unset = UNSET
    id: str | Unset = UNSET
    input_: Any | Unset = UNSET
    mcp: PolicyMCP | Unset = UNSET
    pack: str | Unset = UNSET
    principal: str | Unset = UNSET
    priority: str | Unset = UNSET
    requires: list[str] | Unset = UNSET
    risk_tags: list[str] | Unset = UNSET
    roles: list[str] | Unset = UNSET
    source: SimulatedRequestSource | Unset = SimulatedRequestSource.API
    step: str | Unset = UNSET
    tags: SimulatedRequestTags | Unset = UNSET
    tenant: str | Unset = UNSET
    tool: str | Unset = UNSET
    topic: str | Unset = UNSET
    workflow: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        actor_type = self.actor_type

        capability = self.capability

        cost = self.cost

        derived_tags: dict[str, Any] | Unset = UNSET
        if not isinstance(self.derived_tags, Unset):
            derived_tags = self.derived_tags.to_dict()

        effect = self.effect

        id = self.id

        input_ = self.input_

        mcp: dict[str, Any] | Unset = UNSET
        if not isinstance(self.mcp, Unset):
            mcp = self.mcp.to_dict()

        pack = self.pack

        principal = self.principal

        priority = self.priority

        requires: list[str] | Unset = UNSET
        if not isinstance(self.requires, Unset):
            requires = self.requires

        risk_tags: list[str] | Unset = UNSET
        if not isinstance(self.risk_tags, Unset):
            risk_tags = self.risk_tags

        roles: list[str] | Unset = UNSET
        if not isinstance(self.roles, Unset):
            roles = self.roles

        source: str | Unset = UNSET
        if not isinstance(self.source, Unset):
            source = self.source.value

        step = self.step

        tags: dict[str, Any] | Unset = UNSET
        if not isinstance(self.tags, Unset):
            tags = self.tags.to_dict()

        tenant = self.tenant

        tool = self.tool

        topic = self.topic

        workflow = self.workflow

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if actor_type is not UNSET:
            field_dict["actor_type"] = actor_type
        if capability is not UNSET:
            field_dict["capability"] = capability
        if cost is not UNSET:
            field_dict["cost"] = cost
        if derived_tags is not UNSET:
            field_dict["derived_tags"] = derived_tags
        if effect is not UNSET:
            field_dict["effect"] = effect
        if id is not UNSET:
            field_dict["id"] = id
        if input_ is not UNSET:
            field_dict["input"] = input_
        if mcp is not UNSET:
            field_dict["mcp"] = mcp
        if pack is not UNSET:
            field_dict["pack"] = pack
        if principal is not UNSET:
            field_dict["principal"] = principal
        if priority is not UNSET:
            field_dict["priority"] = priority
        if requires is not UNSET:
            field_dict["requires"] = requires
        if risk_tags is not UNSET:
            field_dict["risk_tags"] = risk_tags
        if roles is not UNSET:
            field_dict["roles"] = roles
        if source is not UNSET:
            field_dict["source"] = source
        if step is not UNSET:
            field_dict["step"] = step
        if tags is not UNSET:
            field_dict["tags"] = tags
        if tenant is not UNSET:
            field_dict["tenant"] = tenant
        if tool is not UNSET:
            field_dict["tool"] = tool
        if topic is not UNSET:
            field_dict["topic"] = topic
        if workflow is not UNSET:
            field_dict["workflow"] = workflow

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.policy_mcp import PolicyMCP
        from ..models.simulated_request_derived_tags import SimulatedRequestDerivedTags
        from ..models.simulated_request_tags import SimulatedRequestTags

        d = dict(src_dict)
        actor_type = d.pop("actor_type", UNSET)

        capability = d.pop("capability", UNSET)

        cost = d.pop("cost", UNSET)

        _derived_tags = d.pop("derived_tags", UNSET)
        derived_tags: SimulatedRequestDerivedTags | Unset
        if isinstance(_derived_tags, Unset):
            derived_tags = UNSET
        else:
            derived_tags = SimulatedRequestDerivedTags.from_dict(_derived_tags)

        effect = d.pop("effect", UNSET)

        id = d.pop("id", UNSET)

        input_ = d.pop("input", UNSET)

        _mcp = d.pop("mcp", UNSET)
        mcp: PolicyMCP | Unset
        if isinstance(_mcp, Unset):
            mcp = UNSET
        else:
            mcp = PolicyMCP.from_dict(_mcp)

        pack = d.pop("pack", UNSET)

        principal = d.pop("principal", UNSET)

        priority = d.pop("priority", UNSET)

        requires = cast(list[str], d.pop("requires", UNSET))

        risk_tags = cast(list[str], d.pop("risk_tags", UNSET))

        roles = cast(list[str], d.pop("roles", UNSET))

        _source = d.pop("source", UNSET)
        source: SimulatedRequestSource | Unset
        if isinstance(_source, Unset):
            source = UNSET
        else:
            source = SimulatedRequestSource(_source)

        step = d.pop("step", UNSET)

        _tags = d.pop("tags", UNSET)
        tags: SimulatedRequestTags | Unset
        if isinstance(_tags, Unset):
            tags = UNSET
        else:
            tags = SimulatedRequestTags.from_dict(_tags)

        tenant = d.pop("tenant", UNSET)

        tool = d.pop("tool", UNSET)

        topic = d.pop("topic", UNSET)

        workflow = d.pop("workflow", UNSET)

        simulated_request = cls(
            actor_type=actor_type,
            capability=capability,
            cost=cost,
            derived_tags=derived_tags,
            effect=effect,
            id=id,
            input_=input_,
            mcp=mcp,
            pack=pack,
            principal=principal,
            priority=priority,
            requires=requires,
            risk_tags=risk_tags,
            roles=roles,
            source=source,
            step=step,
            tags=tags,
            tenant=tenant,
            tool=tool,
            topic=topic,
            workflow=workflow,
        )

        return simulated_request

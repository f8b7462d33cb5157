from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.explain_policy_response_200 import ExplainPolicyResponse200
from ...models.policy_request import PolicyRequest
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: PolicyRequest,
    snapshot: str | Unset = UNSET,
    drafts: bool | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    params: dict[str, Any] = {}

    params["snapshot"] = snapshot

    params["drafts"] = drafts

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/policy/explain",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ExplainPolicyResponse200 | Problem | None:
    if response.status_code == 200:
        response_200 = ExplainPolicyResponse200.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 408:
        response_408 = Problem.from_dict(response.json())

        return response_408

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = Problem.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if response.status_code == 504:
        response_504 = Problem.from_dict(response.json())

        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ExplainPolicyResponse200 | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: PolicyRequest,
    snapshot: str | Unset = UNSET,
    drafts: bool | Unset = UNSET,
) -> Response[ExplainPolicyResponse200 | Problem]:
    """Ask why: each rule, and what would change the verdict

    Args:
        snapshot (str | Unset): An older policy; the one in force by default
        drafts (bool | Unset): By what a publish of all drafts would make active
        body (PolicyRequest):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExplainPolicyResponse200 | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        snapshot=snapshot,
        drafts=drafts,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: PolicyRequest,
    snapshot: str | Unset = UNSET,
    drafts: bool | Unset = UNSET,
) -> ExplainPolicyResponse200 | Problem | None:
    """Ask why: each rule, and what would change the verdict

    Args:
        snapshot (str | Unset): An older policy; the one in force by default
        drafts (bool | Unset): By what a publish of all drafts would make active
        body (PolicyRequest):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExplainPolicyResponse200 | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        snapshot=snapshot,
        drafts=drafts,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: PolicyRequest,
    snapshot: str | Unset = UNSET,
    drafts: bool | Unset = UNSET,
) -> Response[ExplainPolicyResponse200 | Problem]:
    """Ask why: each rule, and what would change the verdict

    Args:
        snapshot (str | Unset): An older policy; the one in force by default
        drafts (bool | Unset): By what a publish of all drafts would make active
        body (PolicyRequest):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExplainPolicyResponse200 | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        snapshot=snapshot,
        drafts=drafts,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: PolicyRequest,
    snapshot: str | Unset = UNSET,
    drafts: bool | Unset = UNSET,
) -> ExplainPolicyResponse200 | Problem | None:
    """Ask why: each rule, and what would change the verdict

    Args:
        snapshot (str | Unset): An older policy; the one in force by default
        drafts (bool | Unset): By what a publish of all drafts would make active
        body (PolicyRequest):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExplainPolicyResponse200 | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            snapshot=snapshot,
            drafts=drafts,
        )
    ).parsed

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.approval_link import ApprovalLink
from ...models.link_approval import LinkApproval
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id: str,
    *,
    body: LinkApproval,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(x_reason, Unset):
        headers["X-Reason"] = x_reason

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/approvals/{id}/links".format(
            id=quote(str(id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ApprovalLink | Problem | None:
    if response.status_code == 201:
        response_201 = ApprovalLink.from_dict(response.json())

        return response_201

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 410:
        response_410 = Problem.from_dict(response.json())

        return response_410

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
) -> Response[ApprovalLink | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    body: LinkApproval,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> Response[ApprovalLink | Problem]:
    """Make a link with which one person can answer without a key

     Whoever has the link answers as the person it names, once, with the roles that the server's
    configuration gives them: send it to nobody else. Opening it shows what is asked; only the form on
    its page decides.

    Args:
        id (str):
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (LinkApproval):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApprovalLink | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: str,
    *,
    client: AuthenticatedClient,
    body: LinkApproval,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> ApprovalLink | Problem | None:
    """Make a link with which one person can answer without a key

     Whoever has the link answers as the person it names, once, with the roles that the server's
    configuration gives them: send it to nobody else. Opening it shows what is asked; only the form on
    its page decides.

    Args:
        id (str):
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (LinkApproval):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApprovalLink | Problem
    """

    return sync_detailed(
        id=id,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
    ).parsed


async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    body: LinkApproval,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> Response[ApprovalLink | Problem]:
    """Make a link with which one person can answer without a key

     Whoever has the link answers as the person it names, once, with the roles that the server's
    configuration gives them: send it to nobody else. Opening it shows what is asked; only the form on
    its page decides.

    Args:
        id (str):
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (LinkApproval):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApprovalLink | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    *,
    client: AuthenticatedClient,
    body: LinkApproval,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> ApprovalLink | Problem | None:
    """Make a link with which one person can answer without a key

     Whoever has the link answers as the person it names, once, with the roles that the server's
    configuration gives them: send it to nobody else. Opening it shows what is asked; only the form on
    its page decides.

    Args:
        id (str):
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (LinkApproval):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApprovalLink | Problem
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            x_reason=x_reason,
        )
    ).parsed

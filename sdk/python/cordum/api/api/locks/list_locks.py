from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.page_lock_view import PageLockView
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    prefix: str | Unset = UNSET,
    name: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["cursor"] = cursor

    params["limit"] = limit

    params["prefix"] = prefix

    params["name"] = name

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/locks",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> PageLockView | Problem | None:
    if response.status_code == 200:
        response_200 = PageLockView.from_dict(response.json())

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

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[PageLockView | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    prefix: str | Unset = UNSET,
    name: str | Unset = UNSET,
) -> Response[PageLockView | Problem]:
    """List the resource locks that somebody holds or waits for

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        prefix (str | Unset): Only locks whose name begins so
        name (str | Unset): Only this lock, held or free: for names that no path can have, such as
            those with a slash

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageLockView | Problem]
    """

    kwargs = _get_kwargs(
        cursor=cursor,
        limit=limit,
        prefix=prefix,
        name=name,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    prefix: str | Unset = UNSET,
    name: str | Unset = UNSET,
) -> PageLockView | Problem | None:
    """List the resource locks that somebody holds or waits for

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        prefix (str | Unset): Only locks whose name begins so
        name (str | Unset): Only this lock, held or free: for names that no path can have, such as
            those with a slash

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageLockView | Problem
    """

    return sync_detailed(
        client=client,
        cursor=cursor,
        limit=limit,
        prefix=prefix,
        name=name,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    prefix: str | Unset = UNSET,
    name: str | Unset = UNSET,
) -> Response[PageLockView | Problem]:
    """List the resource locks that somebody holds or waits for

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        prefix (str | Unset): Only locks whose name begins so
        name (str | Unset): Only this lock, held or free: for names that no path can have, such as
            those with a slash

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageLockView | Problem]
    """

    kwargs = _get_kwargs(
        cursor=cursor,
        limit=limit,
        prefix=prefix,
        name=name,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    prefix: str | Unset = UNSET,
    name: str | Unset = UNSET,
) -> PageLockView | Problem | None:
    """List the resource locks that somebody holds or waits for

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        prefix (str | Unset): Only locks whose name begins so
        name (str | Unset): Only this lock, held or free: for names that no path can have, such as
            those with a slash

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageLockView | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            cursor=cursor,
            limit=limit,
            prefix=prefix,
            name=name,
        )
    ).parsed

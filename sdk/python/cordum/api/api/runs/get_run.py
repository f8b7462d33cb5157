from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.run_view import RunView
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id: str,
    *,
    wait: str | Unset = UNSET,
    since: int | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["wait"] = wait

    params["since"] = since

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/runs/{id}".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | RunView | None:
    if response.status_code == 200:
        response_200 = RunView.from_dict(response.json())

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
) -> Response[Problem | RunView]:
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
    wait: str | Unset = UNSET,
    since: int | Unset = UNSET,
) -> Response[Problem | RunView]:
    """Read a run, or wait until it changes

     With wait, the answer comes when the run has a fact newer than since, is settled, or the time is
    over.

    Args:
        id (str):
        wait (str | Unset): How long to wait for news, like 30s; at most 60s
        since (int | Unset): News is what has a higher seq than this

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RunView]
    """

    kwargs = _get_kwargs(
        id=id,
        wait=wait,
        since=since,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: str,
    *,
    client: AuthenticatedClient,
    wait: str | Unset = UNSET,
    since: int | Unset = UNSET,
) -> Problem | RunView | None:
    """Read a run, or wait until it changes

     With wait, the answer comes when the run has a fact newer than since, is settled, or the time is
    over.

    Args:
        id (str):
        wait (str | Unset): How long to wait for news, like 30s; at most 60s
        since (int | Unset): News is what has a higher seq than this

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RunView
    """

    return sync_detailed(
        id=id,
        client=client,
        wait=wait,
        since=since,
    ).parsed


async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    wait: str | Unset = UNSET,
    since: int | Unset = UNSET,
) -> Response[Problem | RunView]:
    """Read a run, or wait until it changes

     With wait, the answer comes when the run has a fact newer than since, is settled, or the time is
    over.

    Args:
        id (str):
        wait (str | Unset): How long to wait for news, like 30s; at most 60s
        since (int | Unset): News is what has a higher seq than this

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RunView]
    """

    kwargs = _get_kwargs(
        id=id,
        wait=wait,
        since=since,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    *,
    client: AuthenticatedClient,
    wait: str | Unset = UNSET,
    since: int | Unset = UNSET,
) -> Problem | RunView | None:
    """Read a run, or wait until it changes

     With wait, the answer comes when the run has a fact newer than since, is settled, or the time is
    over.

    Args:
        id (str):
        wait (str | Unset): How long to wait for news, like 30s; at most 60s
        since (int | Unset): News is what has a higher seq than this

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RunView
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            wait=wait,
            since=since,
        )
    ).parsed

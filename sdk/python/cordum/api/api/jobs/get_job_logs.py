from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.log_lines import LogLines
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id: str,
    *,
    attempt: int | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = 1000,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["attempt"] = attempt

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/jobs/{id}/logs".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> LogLines | Problem | None:
    if response.status_code == 200:
        response_200 = LogLines.from_dict(response.json())

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
) -> Response[LogLines | Problem]:
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
    attempt: int | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = 1000,
) -> Response[LogLines | Problem]:
    """Read what a job wrote

     Lines are in the order of jobs, attempts and their numbers. What was left out (too fast, too much,
    lost) is an item that says how many lines it stands for. Lines of a running attempt are there as
    they come; the live stream has them, too.

    Args:
        id (str):
        attempt (int | Unset): Only this attempt's
        after (str | Unset): next_after of the page before; or a number: of each attempt the lines
            behind that one
        limit (int | Unset):  Default: 1000.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[LogLines | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        attempt=attempt,
        after=after,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: str,
    *,
    client: AuthenticatedClient,
    attempt: int | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = 1000,
) -> LogLines | Problem | None:
    """Read what a job wrote

     Lines are in the order of jobs, attempts and their numbers. What was left out (too fast, too much,
    lost) is an item that says how many lines it stands for. Lines of a running attempt are there as
    they come; the live stream has them, too.

    Args:
        id (str):
        attempt (int | Unset): Only this attempt's
        after (str | Unset): next_after of the page before; or a number: of each attempt the lines
            behind that one
        limit (int | Unset):  Default: 1000.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        LogLines | Problem
    """

    return sync_detailed(
        id=id,
        client=client,
        attempt=attempt,
        after=after,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    attempt: int | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = 1000,
) -> Response[LogLines | Problem]:
    """Read what a job wrote

     Lines are in the order of jobs, attempts and their numbers. What was left out (too fast, too much,
    lost) is an item that says how many lines it stands for. Lines of a running attempt are there as
    they come; the live stream has them, too.

    Args:
        id (str):
        attempt (int | Unset): Only this attempt's
        after (str | Unset): next_after of the page before; or a number: of each attempt the lines
            behind that one
        limit (int | Unset):  Default: 1000.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[LogLines | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        attempt=attempt,
        after=after,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    *,
    client: AuthenticatedClient,
    attempt: int | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = 1000,
) -> LogLines | Problem | None:
    """Read what a job wrote

     Lines are in the order of jobs, attempts and their numbers. What was left out (too fast, too much,
    lost) is an item that says how many lines it stands for. Lines of a running attempt are there as
    they come; the live stream has them, too.

    Args:
        id (str):
        attempt (int | Unset): Only this attempt's
        after (str | Unset): next_after of the page before; or a number: of each attempt the lines
            behind that one
        limit (int | Unset):  Default: 1000.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        LogLines | Problem
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            attempt=attempt,
            after=after,
            limit=limit,
        )
    ).parsed

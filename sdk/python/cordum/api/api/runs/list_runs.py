from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.list_runs_kind import ListRunsKind
from ...models.list_runs_state import ListRunsState
from ...models.page_run_header import PageRunHeader
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    workflow: str | Unset = UNSET,
    state: ListRunsState | Unset = UNSET,
    kind: ListRunsKind | Unset = ListRunsKind.WORKFLOW,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["cursor"] = cursor

    params["limit"] = limit

    params["workflow"] = workflow

    json_state: str | Unset = UNSET
    if not isinstance(state, Unset):
        json_state = state.value

    params["state"] = json_state

    json_kind: str | Unset = UNSET
    if not isinstance(kind, Unset):
        json_kind = kind.value

    params["kind"] = json_kind

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/runs",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> PageRunHeader | Problem | None:
    if response.status_code == 200:
        response_200 = PageRunHeader.from_dict(response.json())

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
) -> Response[PageRunHeader | Problem]:
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
    workflow: str | Unset = UNSET,
    state: ListRunsState | Unset = UNSET,
    kind: ListRunsKind | Unset = ListRunsKind.WORKFLOW,
) -> Response[PageRunHeader | Problem]:
    """List runs, newest first

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        state (ListRunsState | Unset):
        kind (ListRunsKind | Unset):  Default: ListRunsKind.WORKFLOW.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageRunHeader | Problem]
    """

    kwargs = _get_kwargs(
        cursor=cursor,
        limit=limit,
        workflow=workflow,
        state=state,
        kind=kind,
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
    workflow: str | Unset = UNSET,
    state: ListRunsState | Unset = UNSET,
    kind: ListRunsKind | Unset = ListRunsKind.WORKFLOW,
) -> PageRunHeader | Problem | None:
    """List runs, newest first

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        state (ListRunsState | Unset):
        kind (ListRunsKind | Unset):  Default: ListRunsKind.WORKFLOW.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageRunHeader | Problem
    """

    return sync_detailed(
        client=client,
        cursor=cursor,
        limit=limit,
        workflow=workflow,
        state=state,
        kind=kind,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    workflow: str | Unset = UNSET,
    state: ListRunsState | Unset = UNSET,
    kind: ListRunsKind | Unset = ListRunsKind.WORKFLOW,
) -> Response[PageRunHeader | Problem]:
    """List runs, newest first

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        state (ListRunsState | Unset):
        kind (ListRunsKind | Unset):  Default: ListRunsKind.WORKFLOW.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageRunHeader | Problem]
    """

    kwargs = _get_kwargs(
        cursor=cursor,
        limit=limit,
        workflow=workflow,
        state=state,
        kind=kind,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    workflow: str | Unset = UNSET,
    state: ListRunsState | Unset = UNSET,
    kind: ListRunsKind | Unset = ListRunsKind.WORKFLOW,
) -> PageRunHeader | Problem | None:
    """List runs, newest first

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        state (ListRunsState | Unset):
        kind (ListRunsKind | Unset):  Default: ListRunsKind.WORKFLOW.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageRunHeader | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            cursor=cursor,
            limit=limit,
            workflow=workflow,
            state=state,
            kind=kind,
        )
    ).parsed

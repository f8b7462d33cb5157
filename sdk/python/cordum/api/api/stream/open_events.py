from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.open_events_logs import OpenEventsLogs
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    run: str | Unset = UNSET,
    workflow: str | Unset = UNSET,
    after_seq: int | Unset = UNSET,
    logs: OpenEventsLogs | Unset = UNSET,
    last_event_id: int | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["Last-Event-ID"] = str(last_event_id)

    params: dict[str, Any] = {}

    params["run"] = run

    params["workflow"] = workflow

    params["after_seq"] = after_seq

    json_logs: str | Unset = UNSET
    if not isinstance(logs, Unset):
        json_logs = logs.value

    params["logs"] = json_logs

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/stream/sse",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | str | None:
    if response.status_code == 200:
        response_200 = response.text
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
) -> Response[Problem | str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    run: str | Unset = UNSET,
    workflow: str | Unset = UNSET,
    after_seq: int | Unset = UNSET,
    logs: OpenEventsLogs | Unset = UNSET,
    last_event_id: int | Unset = UNSET,
) -> Response[Problem | str]:
    """Follow one run, or a workflow's runs, as server-sent events

     The same feed as the WebSocket's. The id of an event is its seq; resume with Last-Event-ID or
    after_seq.

    Args:
        run (str | Unset):
        workflow (str | Unset):
        after_seq (int | Unset):
        logs (OpenEventsLogs | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | str]
    """

    kwargs = _get_kwargs(
        run=run,
        workflow=workflow,
        after_seq=after_seq,
        logs=logs,
        last_event_id=last_event_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    run: str | Unset = UNSET,
    workflow: str | Unset = UNSET,
    after_seq: int | Unset = UNSET,
    logs: OpenEventsLogs | Unset = UNSET,
    last_event_id: int | Unset = UNSET,
) -> Problem | str | None:
    """Follow one run, or a workflow's runs, as server-sent events

     The same feed as the WebSocket's. The id of an event is its seq; resume with Last-Event-ID or
    after_seq.

    Args:
        run (str | Unset):
        workflow (str | Unset):
        after_seq (int | Unset):
        logs (OpenEventsLogs | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | str
    """

    return sync_detailed(
        client=client,
        run=run,
        workflow=workflow,
        after_seq=after_seq,
        logs=logs,
        last_event_id=last_event_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    run: str | Unset = UNSET,
    workflow: str | Unset = UNSET,
    after_seq: int | Unset = UNSET,
    logs: OpenEventsLogs | Unset = UNSET,
    last_event_id: int | Unset = UNSET,
) -> Response[Problem | str]:
    """Follow one run, or a workflow's runs, as server-sent events

     The same feed as the WebSocket's. The id of an event is its seq; resume with Last-Event-ID or
    after_seq.

    Args:
        run (str | Unset):
        workflow (str | Unset):
        after_seq (int | Unset):
        logs (OpenEventsLogs | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | str]
    """

    kwargs = _get_kwargs(
        run=run,
        workflow=workflow,
        after_seq=after_seq,
        logs=logs,
        last_event_id=last_event_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    run: str | Unset = UNSET,
    workflow: str | Unset = UNSET,
    after_seq: int | Unset = UNSET,
    logs: OpenEventsLogs | Unset = UNSET,
    last_event_id: int | Unset = UNSET,
) -> Problem | str | None:
    """Follow one run, or a workflow's runs, as server-sent events

     The same feed as the WebSocket's. The id of an event is its seq; resume with Last-Event-ID or
    after_seq.

    Args:
        run (str | Unset):
        workflow (str | Unset):
        after_seq (int | Unset):
        logs (OpenEventsLogs | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | str
    """

    return (
        await asyncio_detailed(
            client=client,
            run=run,
            workflow=workflow,
            after_seq=after_seq,
            logs=logs,
            last_event_id=last_event_id,
        )
    ).parsed

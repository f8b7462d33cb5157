import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.list_dead_letters_state import ListDeadLettersState
from ...models.page_dead_letter import PageDeadLetter
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    workflow: str | Unset = UNSET,
    topic: str | Unset = UNSET,
    step: str | Unset = UNSET,
    reason: str | Unset = UNSET,
    fingerprint: str | Unset = UNSET,
    state: ListDeadLettersState | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["cursor"] = cursor

    params["limit"] = limit

    params["workflow"] = workflow

    params["topic"] = topic

    params["step"] = step

    params["reason"] = reason

    params["fingerprint"] = fingerprint

    json_state: str | Unset = UNSET
    if not isinstance(state, Unset):
        json_state = state.value

    params["state"] = json_state

    json_since: str | Unset = UNSET
    if not isinstance(since, Unset):
        json_since = since.isoformat()
    params["since"] = json_since

    json_until: str | Unset = UNSET
    if not isinstance(until, Unset):
        json_until = until.isoformat()
    params["until"] = json_until

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/dlq",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> PageDeadLetter | Problem | None:
    if response.status_code == 200:
        response_200 = PageDeadLetter.from_dict(response.json())

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
) -> Response[PageDeadLetter | Problem]:
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
    topic: str | Unset = UNSET,
    step: str | Unset = UNSET,
    reason: str | Unset = UNSET,
    fingerprint: str | Unset = UNSET,
    state: ListDeadLettersState | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
) -> Response[PageDeadLetter | Problem]:
    """List jobs that ended badly, newest first

     The same under /dlq/list and /dlq/page.

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        topic (str | Unset):
        step (str | Unset): Id of a step, or the path of one job, like each[2]
        reason (str | Unset): Whole, or what stands before its colon: timeout, failed
        fingerprint (str | Unset): Of a group
        state (ListDeadLettersState | Unset):
        since (datetime.datetime | Unset): Died then or later
        until (datetime.datetime | Unset): Died before then

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageDeadLetter | Problem]
    """

    kwargs = _get_kwargs(
        cursor=cursor,
        limit=limit,
        workflow=workflow,
        topic=topic,
        step=step,
        reason=reason,
        fingerprint=fingerprint,
        state=state,
        since=since,
        until=until,
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
    topic: str | Unset = UNSET,
    step: str | Unset = UNSET,
    reason: str | Unset = UNSET,
    fingerprint: str | Unset = UNSET,
    state: ListDeadLettersState | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
) -> PageDeadLetter | Problem | None:
    """List jobs that ended badly, newest first

     The same under /dlq/list and /dlq/page.

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        topic (str | Unset):
        step (str | Unset): Id of a step, or the path of one job, like each[2]
        reason (str | Unset): Whole, or what stands before its colon: timeout, failed
        fingerprint (str | Unset): Of a group
        state (ListDeadLettersState | Unset):
        since (datetime.datetime | Unset): Died then or later
        until (datetime.datetime | Unset): Died before then

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageDeadLetter | Problem
    """

    return sync_detailed(
        client=client,
        cursor=cursor,
        limit=limit,
        workflow=workflow,
        topic=topic,
        step=step,
        reason=reason,
        fingerprint=fingerprint,
        state=state,
        since=since,
        until=until,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    workflow: str | Unset = UNSET,
    topic: str | Unset = UNSET,
    step: str | Unset = UNSET,
    reason: str | Unset = UNSET,
    fingerprint: str | Unset = UNSET,
    state: ListDeadLettersState | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
) -> Response[PageDeadLetter | Problem]:
    """List jobs that ended badly, newest first

     The same under /dlq/list and /dlq/page.

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        topic (str | Unset):
        step (str | Unset): Id of a step, or the path of one job, like each[2]
        reason (str | Unset): Whole, or what stands before its colon: timeout, failed
        fingerprint (str | Unset): Of a group
        state (ListDeadLettersState | Unset):
        since (datetime.datetime | Unset): Died then or later
        until (datetime.datetime | Unset): Died before then

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageDeadLetter | Problem]
    """

    kwargs = _get_kwargs(
        cursor=cursor,
        limit=limit,
        workflow=workflow,
        topic=topic,
        step=step,
        reason=reason,
        fingerprint=fingerprint,
        state=state,
        since=since,
        until=until,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
    workflow: str | Unset = UNSET,
    topic: str | Unset = UNSET,
    step: str | Unset = UNSET,
    reason: str | Unset = UNSET,
    fingerprint: str | Unset = UNSET,
    state: ListDeadLettersState | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
) -> PageDeadLetter | Problem | None:
    """List jobs that ended badly, newest first

     The same under /dlq/list and /dlq/page.

    Args:
        cursor (str | Unset): next_cursor of the page before
        limit (int | Unset): How many items Default: 50.
        workflow (str | Unset):
        topic (str | Unset):
        step (str | Unset): Id of a step, or the path of one job, like each[2]
        reason (str | Unset): Whole, or what stands before its colon: timeout, failed
        fingerprint (str | Unset): Of a group
        state (ListDeadLettersState | Unset):
        since (datetime.datetime | Unset): Died then or later
        until (datetime.datetime | Unset): Died before then

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageDeadLetter | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            cursor=cursor,
            limit=limit,
            workflow=workflow,
            topic=topic,
            step=step,
            reason=reason,
            fingerprint=fingerprint,
            state=state,
            since=since,
            until=until,
        )
    ).parsed

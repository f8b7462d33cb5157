import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.list_audit_order import ListAuditOrder
from ...models.page_record import PageRecord
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    act: str | Unset = UNSET,
    actor: str | Unset = UNSET,
    run: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    order: ListAuditOrder | Unset = ListAuditOrder.DESC,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["act"] = act

    params["actor"] = actor

    params["run"] = run

    json_since: str | Unset = UNSET
    if not isinstance(since, Unset):
        json_since = since.isoformat()
    params["since"] = json_since

    json_until: str | Unset = UNSET
    if not isinstance(until, Unset):
        json_until = until.isoformat()
    params["until"] = json_until

    json_order: str | Unset = UNSET
    if not isinstance(order, Unset):
        json_order = order.value

    params["order"] = json_order

    params["cursor"] = cursor

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/audit",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> PageRecord | Problem | None:
    if response.status_code == 200:
        response_200 = PageRecord.from_dict(response.json())

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
) -> Response[PageRecord | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    act: str | Unset = UNSET,
    actor: str | Unset = UNSET,
    run: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    order: ListAuditOrder | Unset = ListAuditOrder.DESC,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> Response[PageRecord | Problem]:
    """List the audit records, newest first

     With order=asc the oldest come first; then every page has a cursor, and what is recorded later comes
    with it: ask again with it to follow.

    Args:
        act (str | Unset): Only this kind of act: decision, release, approval, policy.publish, …
        actor (str | Unset): Only what this one did, as user:ann
        run (str | Unset): Only of this run
        since (datetime.datetime | Unset): Not before this time
        until (datetime.datetime | Unset): Before this time
        order (ListAuditOrder | Unset): desc: the newest first; asc: the oldest first Default:
            ListAuditOrder.DESC.
        cursor (str | Unset): next_cursor of the page before, with the same order
        limit (int | Unset): How many items Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageRecord | Problem]
    """

    kwargs = _get_kwargs(
        act=act,
        actor=actor,
        run=run,
        since=since,
        until=until,
        order=order,
        cursor=cursor,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    act: str | Unset = UNSET,
    actor: str | Unset = UNSET,
    run: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    order: ListAuditOrder | Unset = ListAuditOrder.DESC,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> PageRecord | Problem | None:
    """List the audit records, newest first

     With order=asc the oldest come first; then every page has a cursor, and what is recorded later comes
    with it: ask again with it to follow.

    Args:
        act (str | Unset): Only this kind of act: decision, release, approval, policy.publish, …
        actor (str | Unset): Only what this one did, as user:ann
        run (str | Unset): Only of this run
        since (datetime.datetime | Unset): Not before this time
        until (datetime.datetime | Unset): Before this time
        order (ListAuditOrder | Unset): desc: the newest first; asc: the oldest first Default:
            ListAuditOrder.DESC.
        cursor (str | Unset): next_cursor of the page before, with the same order
        limit (int | Unset): How many items Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageRecord | Problem
    """

    return sync_detailed(
        client=client,
        act=act,
        actor=actor,
        run=run,
        since=since,
        until=until,
        order=order,
        cursor=cursor,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    act: str | Unset = UNSET,
    actor: str | Unset = UNSET,
    run: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    order: ListAuditOrder | Unset = ListAuditOrder.DESC,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> Response[PageRecord | Problem]:
    """List the audit records, newest first

     With order=asc the oldest come first; then every page has a cursor, and what is recorded later comes
    with it: ask again with it to follow.

    Args:
        act (str | Unset): Only this kind of act: decision, release, approval, policy.publish, …
        actor (str | Unset): Only what this one did, as user:ann
        run (str | Unset): Only of this run
        since (datetime.datetime | Unset): Not before this time
        until (datetime.datetime | Unset): Before this time
        order (ListAuditOrder | Unset): desc: the newest first; asc: the oldest first Default:
            ListAuditOrder.DESC.
        cursor (str | Unset): next_cursor of the page before, with the same order
        limit (int | Unset): How many items Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PageRecord | Problem]
    """

    kwargs = _get_kwargs(
        act=act,
        actor=actor,
        run=run,
        since=since,
        until=until,
        order=order,
        cursor=cursor,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    act: str | Unset = UNSET,
    actor: str | Unset = UNSET,
    run: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    order: ListAuditOrder | Unset = ListAuditOrder.DESC,
    cursor: str | Unset = UNSET,
    limit: int | Unset = 50,
) -> PageRecord | Problem | None:
    """List the audit records, newest first

     With order=asc the oldest come first; then every page has a cursor, and what is recorded later comes
    with it: ask again with it to follow.

    Args:
        act (str | Unset): Only this kind of act: decision, release, approval, policy.publish, …
        actor (str | Unset): Only what this one did, as user:ann
        run (str | Unset): Only of this run
        since (datetime.datetime | Unset): Not before this time
        until (datetime.datetime | Unset): Before this time
        order (ListAuditOrder | Unset): desc: the newest first; asc: the oldest first Default:
            ListAuditOrder.DESC.
        cursor (str | Unset): next_cursor of the page before, with the same order
        limit (int | Unset): How many items Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PageRecord | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            act=act,
            actor=actor,
            run=run,
            since=since,
            until=until,
            order=order,
            cursor=cursor,
            limit=limit,
        )
    ).parsed

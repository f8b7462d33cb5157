from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.fleet_config import FleetConfig
from ...models.problem import Problem
from ...models.put_timeouts_config_if_none_match import PutTimeoutsConfigIfNoneMatch
from ...models.put_timeouts_config_json_body import PutTimeoutsConfigJsonBody
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: PutTimeoutsConfigJsonBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutTimeoutsConfigIfNoneMatch | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(x_reason, Unset):
        headers["X-Reason"] = x_reason

    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = str(if_none_match)

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/v1/config/timeouts",
    }

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> FleetConfig | Problem | None:
    if response.status_code == 200:
        response_200 = FleetConfig.from_dict(response.json())

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

    if response.status_code == 408:
        response_408 = Problem.from_dict(response.json())

        return response_408

    if response.status_code == 412:
        response_412 = Problem.from_dict(response.json())

        return response_412

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
) -> Response[FleetConfig | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: PutTimeoutsConfigJsonBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutTimeoutsConfigIfNoneMatch | Unset = UNSET,
) -> Response[FleetConfig | Problem]:
    """Replace the document over timeouts.yaml; it is in force when the answer comes

     The body is the document as YAML or JSON. What it names goes before what the file says; an empty
    body removes it. What cannot be read changes nothing. With If-Match, nothing changes unless the
    document still has that ETag.

    Args:
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutTimeoutsConfigIfNoneMatch | Unset): *: there must be none yet
        body (PutTimeoutsConfigJsonBody | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FleetConfig | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        if_match=if_match,
        if_none_match=if_none_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: PutTimeoutsConfigJsonBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutTimeoutsConfigIfNoneMatch | Unset = UNSET,
) -> FleetConfig | Problem | None:
    """Replace the document over timeouts.yaml; it is in force when the answer comes

     The body is the document as YAML or JSON. What it names goes before what the file says; an empty
    body removes it. What cannot be read changes nothing. With If-Match, nothing changes unless the
    document still has that ETag.

    Args:
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutTimeoutsConfigIfNoneMatch | Unset): *: there must be none yet
        body (PutTimeoutsConfigJsonBody | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FleetConfig | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        if_match=if_match,
        if_none_match=if_none_match,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: PutTimeoutsConfigJsonBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutTimeoutsConfigIfNoneMatch | Unset = UNSET,
) -> Response[FleetConfig | Problem]:
    """Replace the document over timeouts.yaml; it is in force when the answer comes

     The body is the document as YAML or JSON. What it names goes before what the file says; an empty
    body removes it. What cannot be read changes nothing. With If-Match, nothing changes unless the
    document still has that ETag.

    Args:
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutTimeoutsConfigIfNoneMatch | Unset): *: there must be none yet
        body (PutTimeoutsConfigJsonBody | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FleetConfig | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        if_match=if_match,
        if_none_match=if_none_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: PutTimeoutsConfigJsonBody | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutTimeoutsConfigIfNoneMatch | Unset = UNSET,
) -> FleetConfig | Problem | None:
    """Replace the document over timeouts.yaml; it is in force when the answer comes

     The body is the document as YAML or JSON. What it names goes before what the file says; an empty
    body removes it. What cannot be read changes nothing. With If-Match, nothing changes unless the
    document still has that ETag.

    Args:
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutTimeoutsConfigIfNoneMatch | Unset): *: there must be none yet
        body (PutTimeoutsConfigJsonBody | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FleetConfig | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            x_reason=x_reason,
            if_match=if_match,
            if_none_match=if_none_match,
        )
    ).parsed

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.reason import Reason
from ...models.run_view import RunView
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id: str,
    step: str,
    *,
    body: Reason | Unset = UNSET,
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
        "url": "/api/v1/runs/{id}/compensations/{step}/done".format(
            id=quote(str(id), safe=""),
            step=quote(str(step), safe=""),
        ),
    }

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | RunView | None:
    if response.status_code == 202:
        response_202 = RunView.from_dict(response.json())

        return response_202

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
) -> Response[Problem | RunView]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: str,
    step: str,
    *,
    client: AuthenticatedClient,
    body: Reason | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> Response[Problem | RunView]:
    """Say that it was undone by hand; a reason is needed

    Args:
        id (str):
        step (str): Path of the step, like charge, each[2], poll[0].ask or undo:charge (a slash of
            a path is written as a dot here), or the id of its job
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (Reason | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RunView]
    """

    kwargs = _get_kwargs(
        id=id,
        step=step,
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
    step: str,
    *,
    client: AuthenticatedClient,
    body: Reason | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> Problem | RunView | None:
    """Say that it was undone by hand; a reason is needed

    Args:
        id (str):
        step (str): Path of the step, like charge, each[2], poll[0].ask or undo:charge (a slash of
            a path is written as a dot here), or the id of its job
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (Reason | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RunView
    """

    return sync_detailed(
        id=id,
        step=step,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
    ).parsed


async def asyncio_detailed(
    id: str,
    step: str,
    *,
    client: AuthenticatedClient,
    body: Reason | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> Response[Problem | RunView]:
    """Say that it was undone by hand; a reason is needed

    Args:
        id (str):
        step (str): Path of the step, like charge, each[2], poll[0].ask or undo:charge (a slash of
            a path is written as a dot here), or the id of its job
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (Reason | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RunView]
    """

    kwargs = _get_kwargs(
        id=id,
        step=step,
        body=body,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    step: str,
    *,
    client: AuthenticatedClient,
    body: Reason | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
) -> Problem | RunView | None:
    """Say that it was undone by hand; a reason is needed

    Args:
        id (str):
        step (str): Path of the step, like charge, each[2], poll[0].ask or undo:charge (a slash of
            a path is written as a dot here), or the id of its job
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        body (Reason | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RunView
    """

    return (
        await asyncio_detailed(
            id=id,
            step=step,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            x_reason=x_reason,
        )
    ).parsed

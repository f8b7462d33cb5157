from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.create_workflow_json_body import CreateWorkflowJsonBody
from ...models.create_workflow_run import CreateWorkflowRun
from ...models.problem import Problem
from ...models.workflow_created import WorkflowCreated
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: CreateWorkflowJsonBody,
    run: CreateWorkflowRun | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    content_type: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(x_reason, Unset):
        headers["X-Reason"] = x_reason

    if not isinstance(content_type, Unset):
        headers["Content-Type"] = content_type

    params: dict[str, Any] = {}

    json_run: str | Unset = UNSET
    if not isinstance(run, Unset):
        json_run = run.value

    params["run"] = json_run

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/workflows",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | WorkflowCreated | None:
    if response.status_code == 201:
        response_201 = WorkflowCreated.from_dict(response.json())

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
) -> Response[Problem | WorkflowCreated]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowJsonBody,
    run: CreateWorkflowRun | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    content_type: str | Unset = UNSET,
) -> Response[Problem | WorkflowCreated]:
    """Store a definition, or run it once

     A definition with an id or a name is stored; the same content twice is one version. With run=true,
    or `"run": true` in the definition, it is also started. A definition with neither id nor name is a
    one-shot: stored under a derived id and started at once, unless run=false.

    Args:
        run (CreateWorkflowRun | Unset): Start it too, or never; by default only a one-shot is
            started
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        content_type (str | Unset):
        body (CreateWorkflowJsonBody): A workflow definition, as the language describes it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | WorkflowCreated]
    """

    kwargs = _get_kwargs(
        body=body,
        run=run,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        content_type=content_type,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowJsonBody,
    run: CreateWorkflowRun | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    content_type: str | Unset = UNSET,
) -> Problem | WorkflowCreated | None:
    """Store a definition, or run it once

     A definition with an id or a name is stored; the same content twice is one version. With run=true,
    or `"run": true` in the definition, it is also started. A definition with neither id nor name is a
    one-shot: stored under a derived id and started at once, unless run=false.

    Args:
        run (CreateWorkflowRun | Unset): Start it too, or never; by default only a one-shot is
            started
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        content_type (str | Unset):
        body (CreateWorkflowJsonBody): A workflow definition, as the language describes it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | WorkflowCreated
    """

    return sync_detailed(
        client=client,
        body=body,
        run=run,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        content_type=content_type,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowJsonBody,
    run: CreateWorkflowRun | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    content_type: str | Unset = UNSET,
) -> Response[Problem | WorkflowCreated]:
    """Store a definition, or run it once

     A definition with an id or a name is stored; the same content twice is one version. With run=true,
    or `"run": true` in the definition, it is also started. A definition with neither id nor name is a
    one-shot: stored under a derived id and started at once, unless run=false.

    Args:
        run (CreateWorkflowRun | Unset): Start it too, or never; by default only a one-shot is
            started
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        content_type (str | Unset):
        body (CreateWorkflowJsonBody): A workflow definition, as the language describes it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | WorkflowCreated]
    """

    kwargs = _get_kwargs(
        body=body,
        run=run,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        content_type=content_type,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowJsonBody,
    run: CreateWorkflowRun | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    content_type: str | Unset = UNSET,
) -> Problem | WorkflowCreated | None:
    """Store a definition, or run it once

     A definition with an id or a name is stored; the same content twice is one version. With run=true,
    or `"run": true` in the definition, it is also started. A definition with neither id nor name is a
    one-shot: stored under a derived id and started at once, unless run=false.

    Args:
        run (CreateWorkflowRun | Unset): Start it too, or never; by default only a one-shot is
            started
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        content_type (str | Unset):
        body (CreateWorkflowJsonBody): A workflow definition, as the language describes it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | WorkflowCreated
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            run=run,
            idempotency_key=idempotency_key,
            x_reason=x_reason,
            content_type=content_type,
        )
    ).parsed

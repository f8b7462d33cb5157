from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.retention_plan import RetentionPlan
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    run_age: str | Unset = UNSET,
    run_count: str | Unset = UNSET,
    job_age: str | Unset = UNSET,
    job_count: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["run_age"] = run_age

    params["run_count"] = run_count

    params["job_age"] = job_age

    params["job_count"] = job_count

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/retention/plan",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | RetentionPlan | None:
    if response.status_code == 200:
        response_200 = RetentionPlan.from_dict(response.json())

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
) -> Response[Problem | RetentionPlan]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    run_age: str | Unset = UNSET,
    run_count: str | Unset = UNSET,
    job_age: str | Unset = UNSET,
    job_count: str | Unset = UNSET,
) -> Response[Problem | RetentionPlan]:
    """Say which runs that have ended would be removed, and why

     Of the caller's tenant, by the rules in force, or by those in the query: what the next look would
    remove, and what is too old or too many and would stay all the same. Nothing is removed for it. It
    looks at some thousand runs of each kind only, and says when there are more.

    Args:
        run_age (str | Unset): Runs that ended longer ago go, such as 2160h; 0 keeps them for ever
        run_count (str | Unset): How many ended runs are kept, those that began last; 0 keeps all
        job_age (str | Unset): The same as run_age for single jobs
        job_count (str | Unset): The same as run_count for single jobs

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RetentionPlan]
    """

    kwargs = _get_kwargs(
        run_age=run_age,
        run_count=run_count,
        job_age=job_age,
        job_count=job_count,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    run_age: str | Unset = UNSET,
    run_count: str | Unset = UNSET,
    job_age: str | Unset = UNSET,
    job_count: str | Unset = UNSET,
) -> Problem | RetentionPlan | None:
    """Say which runs that have ended would be removed, and why

     Of the caller's tenant, by the rules in force, or by those in the query: what the next look would
    remove, and what is too old or too many and would stay all the same. Nothing is removed for it. It
    looks at some thousand runs of each kind only, and says when there are more.

    Args:
        run_age (str | Unset): Runs that ended longer ago go, such as 2160h; 0 keeps them for ever
        run_count (str | Unset): How many ended runs are kept, those that began last; 0 keeps all
        job_age (str | Unset): The same as run_age for single jobs
        job_count (str | Unset): The same as run_count for single jobs

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RetentionPlan
    """

    return sync_detailed(
        client=client,
        run_age=run_age,
        run_count=run_count,
        job_age=job_age,
        job_count=job_count,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    run_age: str | Unset = UNSET,
    run_count: str | Unset = UNSET,
    job_age: str | Unset = UNSET,
    job_count: str | Unset = UNSET,
) -> Response[Problem | RetentionPlan]:
    """Say which runs that have ended would be removed, and why

     Of the caller's tenant, by the rules in force, or by those in the query: what the next look would
    remove, and what is too old or too many and would stay all the same. Nothing is removed for it. It
    looks at some thousand runs of each kind only, and says when there are more.

    Args:
        run_age (str | Unset): Runs that ended longer ago go, such as 2160h; 0 keeps them for ever
        run_count (str | Unset): How many ended runs are kept, those that began last; 0 keeps all
        job_age (str | Unset): The same as run_age for single jobs
        job_count (str | Unset): The same as run_count for single jobs

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RetentionPlan]
    """

    kwargs = _get_kwargs(
        run_age=run_age,
        run_count=run_count,
        job_age=job_age,
        job_count=job_count,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    run_age: str | Unset = UNSET,
    run_count: str | Unset = UNSET,
    job_age: str | Unset = UNSET,
    job_count: str | Unset = UNSET,
) -> Problem | RetentionPlan | None:
    """Say which runs that have ended would be removed, and why

     Of the caller's tenant, by the rules in force, or by those in the query: what the next look would
    remove, and what is too old or too many and would stay all the same. Nothing is removed for it. It
    looks at some thousand runs of each kind only, and says when there are more.

    Args:
        run_age (str | Unset): Runs that ended longer ago go, such as 2160h; 0 keeps them for ever
        run_count (str | Unset): How many ended runs are kept, those that began last; 0 keeps all
        job_age (str | Unset): The same as run_age for single jobs
        job_count (str | Unset): The same as run_count for single jobs

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RetentionPlan
    """

    return (
        await asyncio_detailed(
            client=client,
            run_age=run_age,
            run_count=run_count,
            job_age=job_age,
            job_count=job_count,
        )
    ).parsed

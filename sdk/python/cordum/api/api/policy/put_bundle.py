from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.bundle_view import BundleView
from ...models.problem import Problem
from ...models.put_bundle_if_none_match import PutBundleIfNoneMatch
from ...models.put_bundle_json_body import PutBundleJsonBody
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id: str,
    *,
    body: PutBundleJsonBody,
    overlay: bool | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutBundleIfNoneMatch | Unset = UNSET,
    content_type: str | Unset = UNSET,
    x_policy_signature: str | Unset = UNSET,
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

    if not isinstance(content_type, Unset):
        headers["Content-Type"] = content_type

    if not isinstance(x_policy_signature, Unset):
        headers["X-Policy-Signature"] = x_policy_signature

    params: dict[str, Any] = {}

    params["overlay"] = overlay

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/v1/policy/bundles/{id}".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> BundleView | Problem | None:
    if response.status_code == 200:
        response_200 = BundleView.from_dict(response.json())

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

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
) -> Response[BundleView | Problem]:
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
    body: PutBundleJsonBody,
    overlay: bool | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutBundleIfNoneMatch | Unset = UNSET,
    content_type: str | Unset = UNSET,
    x_policy_signature: str | Unset = UNSET,
) -> Response[BundleView | Problem]:
    """Write the draft of a bundle

    Args:
        id (str): The name of the bundle, with ~ for /
        overlay (bool | Unset): It can only tighten
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutBundleIfNoneMatch | Unset): *: there must be none yet
        content_type (str | Unset):
        x_policy_signature (str | Unset): Signature over the body, in base64 or hex
        body (PutBundleJsonBody): A bundle {name, rules}, or an object with the bundle as object
            or text and its signature beside it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BundleView | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        body=body,
        overlay=overlay,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        if_match=if_match,
        if_none_match=if_none_match,
        content_type=content_type,
        x_policy_signature=x_policy_signature,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: str,
    *,
    client: AuthenticatedClient,
    body: PutBundleJsonBody,
    overlay: bool | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutBundleIfNoneMatch | Unset = UNSET,
    content_type: str | Unset = UNSET,
    x_policy_signature: str | Unset = UNSET,
) -> BundleView | Problem | None:
    """Write the draft of a bundle

    Args:
        id (str): The name of the bundle, with ~ for /
        overlay (bool | Unset): It can only tighten
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutBundleIfNoneMatch | Unset): *: there must be none yet
        content_type (str | Unset):
        x_policy_signature (str | Unset): Signature over the body, in base64 or hex
        body (PutBundleJsonBody): A bundle {name, rules}, or an object with the bundle as object
            or text and its signature beside it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BundleView | Problem
    """

    return sync_detailed(
        id=id,
        client=client,
        body=body,
        overlay=overlay,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        if_match=if_match,
        if_none_match=if_none_match,
        content_type=content_type,
        x_policy_signature=x_policy_signature,
    ).parsed


async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    body: PutBundleJsonBody,
    overlay: bool | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutBundleIfNoneMatch | Unset = UNSET,
    content_type: str | Unset = UNSET,
    x_policy_signature: str | Unset = UNSET,
) -> Response[BundleView | Problem]:
    """Write the draft of a bundle

    Args:
        id (str): The name of the bundle, with ~ for /
        overlay (bool | Unset): It can only tighten
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutBundleIfNoneMatch | Unset): *: there must be none yet
        content_type (str | Unset):
        x_policy_signature (str | Unset): Signature over the body, in base64 or hex
        body (PutBundleJsonBody): A bundle {name, rules}, or an object with the bundle as object
            or text and its signature beside it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BundleView | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        body=body,
        overlay=overlay,
        idempotency_key=idempotency_key,
        x_reason=x_reason,
        if_match=if_match,
        if_none_match=if_none_match,
        content_type=content_type,
        x_policy_signature=x_policy_signature,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    *,
    client: AuthenticatedClient,
    body: PutBundleJsonBody,
    overlay: bool | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    x_reason: str | Unset = UNSET,
    if_match: str | Unset = UNSET,
    if_none_match: PutBundleIfNoneMatch | Unset = UNSET,
    content_type: str | Unset = UNSET,
    x_policy_signature: str | Unset = UNSET,
) -> BundleView | Problem | None:
    """Write the draft of a bundle

    Args:
        id (str): The name of the bundle, with ~ for /
        overlay (bool | Unset): It can only tighten
        idempotency_key (str | Unset):
        x_reason (str | Unset):
        if_match (str | Unset): The ETag that is replaced; another one by now is refused
        if_none_match (PutBundleIfNoneMatch | Unset): *: there must be none yet
        content_type (str | Unset):
        x_policy_signature (str | Unset): Signature over the body, in base64 or hex
        body (PutBundleJsonBody): A bundle {name, rules}, or an object with the bundle as object
            or text and its signature beside it

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BundleView | Problem
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            body=body,
            overlay=overlay,
            idempotency_key=idempotency_key,
            x_reason=x_reason,
            if_match=if_match,
            if_none_match=if_none_match,
            content_type=content_type,
            x_policy_signature=x_policy_signature,
        )
    ).parsed

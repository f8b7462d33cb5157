"""A small client of the API: what programs that start work need most. Everything else is in cordum.api, which is
generated from the description of the API; Client.api gives it this client's address and key."""

from __future__ import annotations

import asyncio
import json
import os
import typing
import urllib.parse

import httpx

# Codes of answers that say "not now".
_LATER = frozenset({429, 502, 503, 504})
_TRIES = 5
_FIRST_WAIT_SECONDS = 0.2


class APIError(Exception):
    """The API refused. Decide by code, which stays as it is; detail is for people. status is HTTP's; problem is the
    whole answer."""

    def __init__(self, status: int, problem: dict[str, typing.Any]) -> None:
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        super().__init__(f"{self.code or status}: {self.detail}")


class _NothingMore(Exception):
    """The run is settled, and all of it was told."""


class Client:
    """Talks to one server: async with cordum.Client("http://127.0.0.1:8081", key="…") as client.

    url and key are CORDUM_SERVER and CORDUM_API_KEY by default. What can be repeated without harm is tried again, up to
    five times, while the server is overloaded or away: reads, and what carries an idempotency_key.
    """

    def __init__(
        self, url: str = "", *, key: str = "", tenant: str = "", timeout: float = 30.0, transport: typing.Any = None
    ) -> None:
        self.url = (url or os.environ.get("CORDUM_SERVER") or "http://127.0.0.1:8081").rstrip("/")
        headers = {"X-API-Key": key or os.environ.get("CORDUM_API_KEY", ""), "X-Tenant-ID": tenant}
        self._headers = {k: v for k, v in headers.items() if v}
        self._timeout = timeout
        self._http = httpx.AsyncClient(base_url=self.url, headers=self._headers, timeout=timeout, transport=transport)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    @property
    def api(self) -> typing.Any:
        """A client for the functions of cordum.api, which needs Python 3.11 and cordum-worker[api]."""
        from .api.client import Client as Generated

        return Generated(base_url=self.url, headers=self._headers, timeout=httpx.Timeout(self._timeout))

    async def request(self, method: str, path: str, *, repeat: bool = False, **arguments: typing.Any) -> typing.Any:
        """Makes one request and answers its JSON, None where there is none. APIError and httpx.TransportError say
        that it failed. repeat says that it may be made several times, as a GET may."""
        tries = _TRIES if repeat or method == "GET" else 1
        wait = _FIRST_WAIT_SECONDS
        for left in range(tries - 1, -1, -1):
            try:
                answer = await self._http.request(method, path, **arguments)
            except httpx.TransportError:
                if not left:
                    raise
            else:
                if answer.status_code < 400:
                    return answer.json() if answer.content else None
                if answer.status_code not in _LATER or not left:
                    raise problem_of(answer)
                wait = max(wait, _retry_after(answer))
            await asyncio.sleep(wait)
            wait *= 2
        raise AssertionError("unreachable")

    async def _post(self, path: str, body: dict[str, typing.Any], idempotency_key: str, reason: str = "") -> typing.Any:
        headers = {"Idempotency-Key": idempotency_key, "X-Reason": reason}
        headers = {k: v for k, v in headers.items() if v}
        return await self.request("POST", path, json=body, headers=headers, repeat=bool(idempotency_key))

    async def start_run(
        self, workflow: str, input: typing.Any = None, *, idempotency_key: str = "", **fields: typing.Any
    ) -> str:
        """Starts a run of a stored workflow and answers its id. fields are the API's: context, digest, labels."""
        body = {"workflow": workflow, "input": {} if input is None else input, **fields}
        started = await self._post("/api/v1/runs", body, idempotency_key)
        return str(started["run_id"])

    async def get_run(self, run_id: str) -> dict[str, typing.Any]:
        """The run as it is."""
        return dict(await self.request("GET", f"/api/v1/runs/{_segment(run_id)}"))

    async def wait_run(self, run_id: str, timeout: float | None = None) -> dict[str, typing.Any]:
        """Waits until the run is settled, by its stream, and answers it. asyncio.TimeoutError when that takes longer
        than timeout seconds."""

        async def settled() -> dict[str, typing.Any]:
            async for _ in self.stream_run(run_id):
                pass
            return await self.get_run(run_id)

        return await asyncio.wait_for(settled(), timeout)

    async def run(
        self, workflow: str, input: typing.Any = None, *, timeout: float | None = None, **fields: typing.Any
    ) -> dict[str, typing.Any]:
        """Starts a run and waits for it."""
        return await self.wait_run(await self.start_run(workflow, input, **fields), timeout)

    async def submit_job(self, *, idempotency_key: str = "", **fields: typing.Any) -> dict[str, typing.Any]:
        """Sends one job: pack and tool, or topic, and input, requires, labels … as the API has them. It answers with
        the id."""
        return dict(await self._post("/api/v1/jobs", fields, idempotency_key))

    async def get_job(self, job_id: str) -> dict[str, typing.Any]:
        """The job as it is."""
        return dict(await self.request("GET", f"/api/v1/jobs/{_segment(job_id)}"))

    async def decide(self, approval_id: str, decision: str, comment: str = "", **fields: typing.Any) -> typing.Any:
        """Answers an approval: approve, deny or send_back. fields are the API's: expect_hash, values, to, for."""
        body = {"decision": decision, **({"comment": comment} if comment else {}), **fields}
        return await self._post(f"/api/v1/approvals/{_segment(approval_id)}/decide", body, "")

    async def stream_run(
        self, run_id: str, after_seq: int | None = None
    ) -> typing.AsyncIterator[dict[str, typing.Any]]:
        """The messages of a run's live stream (see docs/stream.md), until the run is settled. A lost connection is made
        again behind what was seen; a snapshot comes first unless after_seq is given."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            parameters: dict[str, typing.Any] = {"run": run_id}
            if after_seq is not None:
                parameters["after_seq"] = after_seq
            try:
                async for message in self._messages(parameters):
                    wait = _FIRST_WAIT_SECONDS
                    if message.get("type") == "error":
                        raise APIError(int(message["error"].get("status", 0)), message["error"])
                    yield message
                    if message.get("type") == "end":
                        return
                    if message.get("type") == "gap":
                        after_seq = None  # what is missing is in the next snapshot
                        break
                    seq = _seq(message)
                    after_seq = seq if seq is not None else after_seq
            except _NothingMore:
                return
            except httpx.TransportError:
                pass
            except APIError as e:
                if e.status not in _LATER:
                    raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _messages(self, parameters: dict[str, typing.Any]) -> typing.AsyncIterator[dict[str, typing.Any]]:
        """The messages of one connection. The server says something every 15 s, so silence means that it is gone."""
        timeout = httpx.Timeout(self._timeout, read=45.0)
        path = "/api/v1/stream/sse"
        async with self._http.stream("GET", path, params=parameters, timeout=timeout) as answer:
            if answer.status_code == 204:
                raise _NothingMore
            if answer.status_code >= 400:
                await answer.aread()
                raise problem_of(answer)
            kind, data = "", ""
            async for line in answer.aiter_lines():
                field, _, value = line.partition(":")
                if field == "event":
                    kind = value.strip()
                elif field == "data":
                    data += value
                elif not line and data:
                    yield {"type": kind, **json.loads(data)}
                    kind, data = "", ""


def problem_of(answer: httpx.Response) -> APIError:
    """The error that an answer is."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    return APIError(answer.status_code, problem if isinstance(problem, dict) else {})


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(float(answer.headers.get("Retry-After", 0)), 30.0)
    except ValueError:
        return 0.0


def _seq(message: dict[str, typing.Any]) -> int | None:
    seq = message.get("event", {}).get("seq", message.get("seq"))
    return int(seq) if seq is not None else None


def _segment(text: str) -> str:
    """An id as a part of a path: whatever it is, it stays one part."""
    return urllib.parse.quote(text, safe="~@")

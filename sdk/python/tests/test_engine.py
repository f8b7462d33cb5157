"""The worker and the client against the real engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import re
import secrets
import subprocess
import sys
import typing
import unittest

import cordum

from .case import shared_server, stop_server
from .server import PATIENCE, Server

FOLDER = pathlib.Path(__file__).parents[1]


def tearDownModule() -> None:
    stop_server()


def step(name: str, tool: str, **fields: typing.Any) -> dict[str, typing.Any]:
    """A step of a definition."""
    return {"id": name, "pack": "py", "tool": tool, **fields}


class EngineCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.server = self.make_server()
        self.client = cordum.Client(self.server.url)
        self.addAsyncCleanup(self.client.close)
        self.worker = cordum.Worker(
            self.server.nats, id="py-" + self._testMethodName[-40:], capacity=8, drain_timeout=5.0
        )

    def make_server(self) -> Server:
        """The server of the test."""
        return shared_server()

    def serve(self) -> None:
        """Runs the worker until the test is over."""
        serving = asyncio.ensure_future(self.worker.serve())

        async def end() -> None:
            self.worker.stop()
            await asyncio.wait_for(serving, PATIENCE)

        self.addAsyncCleanup(end)

    async def workflow(self, *steps: dict[str, typing.Any], **fields: typing.Any) -> str:
        """Stores a workflow and answers its id."""
        name = self._testMethodName.replace("_", "-")
        await self.client.request("POST", "/api/v1/workflows", json={"id": name, "steps": list(steps), **fields})
        return name

    async def until(self, run_id: str, holds: typing.Callable[[dict[str, typing.Any]], bool]) -> dict[str, typing.Any]:
        """Follows the run's stream until a message is what is waited for."""

        async def found() -> dict[str, typing.Any]:
            async for message in self.client.stream_run(run_id, after_seq=0):
                if holds(message):
                    return message
            raise AssertionError("the run ended without it")

        return await asyncio.wait_for(found(), PATIENCE)


class Runs(EngineCase):
    async def test_steps_of_a_workflow(self) -> None:
        states: list[typing.Any] = []

        @self.worker.tool("py", "count")
        def count(job: cordum.Job, input: dict) -> dict:
            states.append(job.last_state())
            job.progress(50, "half", {"done": 1})
            job.log.info("counting")
            if job.attempt == 1:
                raise cordum.Retryable("busy", "not yet")
            return {"n": input["n"] + 1}

        @self.worker.tool("py", "double")
        async def double(job: cordum.Job, input: dict) -> int:
            await asyncio.sleep(0)
            return 2 * int(input["n"])

        self.serve()
        name = await self.workflow(
            step("count", "count", input={"n": "${input.n}"}, retry={"max_attempts": 3}),
            step("double", "double", input={"n": "${steps.count.output.n}"}, depends_on=["count"]),
        )
        run = await self.client.run(name, {"n": 20}, timeout=PATIENCE, idempotency_key="once")
        self.assertEqual(run["state"], "succeeded", run)
        self.assertEqual({s["id"]: s["output"] for s in run["steps"]}, {"count": {"n": 21}, "double": 42})
        self.assertEqual(states, [None, {"done": 1}])
        self.assertEqual(await self.client.start_run(name, {"n": 20}, idempotency_key="once"), run["id"])

    async def test_a_cancel_reaches_the_tool(self) -> None:
        causes: list[typing.Any] = []

        @self.worker.tool("py", "long")
        async def long(job: cordum.Job) -> None:
            job.progress(1, "begun")
            try:
                await asyncio.sleep(60)
            finally:
                causes.append(job.cause)

        self.serve()
        run_id = await self.client.start_run(await self.workflow(step("long", "long")))
        await self.until(run_id, lambda m: m.get("event", {}).get("type") == "job_progress")
        await self.client.request("POST", f"/api/v1/runs/{run_id}/cancel", json={})
        run = await self.client.wait_run(run_id, PATIENCE)
        self.assertEqual(run["state"], "cancelled")
        self.assertIsInstance(causes[0], cordum.Cancelled)

    async def test_a_job_and_an_approval(self) -> None:
        self.worker.tool("py", "hello")(lambda job, input: "hello " + input["name"])
        self.serve()
        job = await self.client.submit_job(pack="py", tool="hello", input={"name": "world"}, idempotency_key="j1")
        again = await self.client.submit_job(pack="py", tool="hello", input={"name": "world"}, idempotency_key="j1")
        job_id = job.get("id") or job["job_id"]
        self.assertEqual(again.get("id") or again["job_id"], job_id)
        name = await self.workflow({"id": "ask", "type": "approval", "title": "Go on?"})
        run_id = await self.client.start_run(name)
        asked = await self.until(run_id, lambda m: m.get("event", {}).get("type") == "approval_requested")
        listed = await self.client.request("GET", "/api/v1/approvals")
        mine = [a for a in listed["items"] if a.get("run_id") == run_id]
        self.assertTrue(mine, (asked, listed))
        await self.client.decide(mine[0]["id"], "approve", "fine")
        self.assertEqual((await self.client.wait_run(run_id, PATIENCE))["state"], "succeeded")
        done = await _ended(self.client, job_id)
        self.assertEqual((done["state"].lower(), done["output"]), ("succeeded", "hello world"))

    async def test_locks_and_logs(self) -> None:
        held: list[cordum.Lock | None] = []

        @self.worker.tool("py", "guarded")
        def guarded(job: cordum.Job) -> None:
            held.append(job.lock("db:main"))
            job.redact("hunter2")
            job.log.info("the password is hunter2")

        self.serve()
        name = await self.workflow(*(step(s, "guarded", resource_lock="db:main") for s in ("first", "second")))
        run = await self.client.run(name, timeout=PATIENCE)
        self.assertEqual((run["state"], len(held)), ("succeeded", 2), run)
        tokens = [lock.fencing_token for lock in held if lock is not None and not lock.shared]
        self.assertEqual((len(set(tokens)), tokens), (2, sorted(tokens)), "the tokens grow with every grant")
        lines = await self.client.request("GET", f"/api/v1/runs/{run['id']}/logs")
        self.assertIn("the password is [redacted]", json.dumps(lines))

    async def test_problems_are_coded(self) -> None:
        with self.assertRaises(cordum.APIError) as caught:
            await self.client.get_run("../../v1/none?x#y")
        self.assertEqual((caught.exception.status, bool(caught.exception.code)), (404, True))
        with self.assertRaises(cordum.APIError) as caught:
            await self.client.start_run("no-such-workflow")
        self.assertEqual(caught.exception.status, 404)
        with self.assertRaises(cordum.APIError):
            async for _ in self.client.stream_run("none"):
                pass

    async def test_the_generated_client(self) -> None:
        from cordum.api.api.system import get_status
        from cordum.api.models import Status

        async with self.client.api as api:
            status = await get_status.asyncio(client=api)
        self.assertIsInstance(status, Status)


class Restarts(EngineCase):
    def make_server(self) -> Server:
        """A server of its own, to be killed."""
        server = Server()
        self.addCleanup(server.close)
        return server

    async def test_an_engine_that_is_killed_during_a_job(self) -> None:
        begun, release, calls = asyncio.Event(), asyncio.Event(), []

        @self.worker.tool("py", "once")
        async def once(job: cordum.Job) -> str:
            calls.append(job.attempt_id)
            begun.set()
            await release.wait()
            return "done"

        self.serve()
        run_id = await self.client.start_run(await self.workflow(step("once", "once")))
        await asyncio.wait_for(begun.wait(), PATIENCE)
        self.server.kill()
        release.set()
        self.server.start()
        run = await self.client.wait_run(run_id, PATIENCE)
        self.assertEqual((run["state"], run["steps"][0]["output"], len(calls)), ("succeeded", "done", 1))


class Credentials(unittest.IsolatedAsyncioTestCase):
    async def test_a_credential_of_its_own(self) -> None:
        key = secrets.token_hex(32)
        server = Server(key=key, policy="default: ALLOW\n")
        self.addCleanup(server.close)
        client = cordum.Client(server.url, key=key)
        self.addAsyncCleanup(client.close)
        path = "/api/v1/workers/credentials"
        body = {"worker_id": "own", "topics": ["job.py.*"], "pools": ["demo"]}
        made = await client.request("POST", path, json=body)
        worker = cordum.Worker(server.nats, id="own", user="own", password=made["token"], pool="demo", drain_timeout=2)

        @worker.tool("py", "secret")
        def secret(job: cordum.Job) -> str:
            job.progress(50, "half")
            job.log.info("at work")
            return "done"

        serving = asyncio.ensure_future(worker.serve())
        with self.assertLogs("cordum.worker", "WARNING") as said:
            job = await client.submit_job(pack="py", tool="secret", idempotent=False)  # it asks for leave to begin
            done = await _ended(client, job.get("id") or job["job_id"])
            self.assertEqual((done["state"], done.get("output")), ("succeeded", "done"), done)
            self.assertEqual(said.output, [], "the server refused something")
            await client.request("POST", f"{path}/own/revoke", json={})
            deadline = asyncio.get_running_loop().time() + PATIENCE
            while not any("Authorization" in line for line in said.output):
                self.assertLess(asyncio.get_running_loop().time(), deadline, said.output)
                await asyncio.sleep(0.02)
        self.assertFalse(serving.done(), "it gave up")
        worker.stop()
        await asyncio.wait_for(serving, PATIENCE)


async def _ended(client: cordum.Client, job_id: str) -> dict[str, typing.Any]:
    """The job when it has ended, or as it is when patience has."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        job = await client.get_job(job_id)
        if "output" in job or "error" in job or asyncio.get_running_loop().time() > deadline:
            return job
        await asyncio.sleep(0.02)


class Readme(EngineCase):
    async def test_the_worker_of_the_readme(self) -> None:
        text = (FOLDER / "README.md").read_text(encoding="utf-8")
        found = re.search(r"<!-- the test runs this -->\n```python\n(.*?)```", text, re.DOTALL)
        assert found is not None
        program = found.group(1)
        self.assertLessEqual(len([line for line in program.splitlines() if line.strip()]), 10)
        process = subprocess.Popen(
            [sys.executable, "-c", program.replace("nats://127.0.0.1:4222", self.server.nats)], cwd=FOLDER
        )
        with contextlib.ExitStack() as stack:
            stack.callback(process.wait)
            stack.callback(process.terminate)
            name = await self.workflow({"id": "greet", "pack": "demo", "tool": "greet", "input": {"name": "world"}})
            run = await self.client.run(name, timeout=PATIENCE)
        self.assertEqual((run["state"], run["steps"][0]["output"]), ("succeeded", "hello world"))
        self.assertEqual(process.returncode, 0)

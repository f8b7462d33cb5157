"""The life of a worker: connections that are lost, engines and servers that start again, and its own end."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import typing
import unittest

import cordum
from cordum import wire

from .case import WorkerCase, stop_server
from .server import PATIENCE, Chaos, Engine, Server


def tearDownModule() -> None:
    stop_server()


class Draining(WorkerCase):
    async def test_it_finishes_what_it_has_and_takes_nothing_more(self) -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            begun.set()
            await release.wait()

        await self.start(tool)
        await self.engine.send("1")
        await self.soon(begun.wait())
        self.worker.stop()
        await self.engine.beat_that(lambda b: b.draining)
        await self.engine.send("2")
        self.assertEqual((await self.engine.next("job_return")).reason, "draining")
        release.set()
        self.assertEqual((await self.engine.next("job_result")).job_id, "1")
        await self.soon(self.serving)

    async def test_results_are_sent_until_they_are_acknowledged(self) -> None:
        await self.start()
        self.engine.reply = lambda packet: wire.ACK_RETRY
        await self.engine.send("1")
        await self.engine.next("job_result")
        self.worker.stop()
        for _ in range(3):
            await self.engine.next("job_result")
        self.assertFalse(self.serving.done())
        self.engine.reply = lambda packet: wire.ACK_OK
        await self.soon(self.serving)

    async def test_the_drain_timeout(self) -> None:
        causes = []
        begun = asyncio.Queue()

        async def tool(job: cordum.Job) -> None:
            begun.put_nowait(job.id)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                causes.append(job.cause)
                raise

        await self.start(tool, drain_timeout=0.1)
        self.engine.reply = lambda p: wire.ACK_RETRY if p.WhichOneof("payload") == "job_begin" else wire.ACK_OK
        await self.engine.send("asking", ask_begin=True)
        await self.engine.send("running")
        await self.soon(begun.get())
        self.worker.stop()
        r = await self.engine.next("job_result")
        self.assertEqual(
            (r.job_id, r.error_code, r.status), ("running", "worker_stopped", wire.JOB_STATUS_FAILED_RETRYABLE)
        )
        self.assertEqual((await self.engine.next("job_return")).job_id, "asking")
        await self.soon(self.serving)
        self.assertIsInstance(causes[0], cordum.Stopped)

    async def test_a_tool_that_never_returns(self) -> None:
        release, begun = threading.Event(), threading.Event()

        def tool(job: cordum.Job) -> None:
            begun.set()
            release.wait(PATIENCE)

        await self.start(tool, drain_timeout=0.1)
        await self.engine.send("1")
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        self.worker.stop()
        with self.assertRaisesRegex(cordum.DrainTimeout, "1 tools still run"):
            await self.soon(self.serving)
        last = await self.engine.beat_that(lambda b: b.leaving)
        self.assertEqual([hold.job_id for hold in last.jobs], ["1"], "the last beat hides what was left")
        release.set()

    async def test_a_cancelled_serve_drains_too(self) -> None:
        await self.start()
        self.serving.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await self.soon(self.serving)
        await self.engine.beat_that(lambda b: b.leaving)


class Losing(WorkerCase):
    async def test_an_engine_starts_again_during_a_result(self) -> None:
        release = asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            await release.wait()

        await self.start(tool)
        await self.engine.send("1", ask_accept=True)
        await self.engine.send("2", ask_accept=True)
        for _ in range(2):
            await self.engine.next("job_progress")
        await self.engine.close()
        release.set()
        again = await Engine(self.url, self.id).start()
        self.addAsyncCleanup(again.close)
        again.reply = lambda packet: wire.ACK_RETRY
        b = await again.beat_that(lambda b: len(b.jobs) == 2)
        self.assertEqual({(j.job_id, j.token) for j in b.jobs}, {("1", b"token of 1"), ("2", b"token of 2")})
        again.reply = lambda packet: wire.ACK_OK
        ids: set[str] = set()
        while len(ids) < 2:
            ids.add((await again.next("job_result")).job_id)
        await again.idle()

    async def test_a_network_that_goes_and_comes(self) -> None:
        chaos = Chaos(self.url)
        self.addCleanup(chaos.close)
        release, calls = asyncio.Event(), []

        async def tool(job: cordum.Job) -> None:
            calls.append(job.id)
            if job.id == "1":
                await release.wait()

        await self.start(tool, url=chaos.url)
        await self.engine.send("1", ask_accept=True)
        await self.engine.next("job_progress")
        chaos.up = False
        chaos.cut()
        release.set()
        while self.worker.link.connected:
            await asyncio.sleep(0.01)
        self.assertTrue(self.engine.came["job_result"].empty())
        while not self.worker.outbox._open:
            await asyncio.sleep(0.01)
        for question in self.worker.outbox._open.values():
            question.timer.cancel()  # a new connection is reason enough to ask again
        chaos.up = True
        self.assertEqual((await self.engine.next("job_result")).job_id, "1")
        await self.engine.idle()
        await self.engine.send("2", "job.demo.echo")  # all subscriptions are back
        self.assertEqual((await self.engine.next("job_result")).job_id, "2")
        await self.engine.send("1")  # it still knows what it did
        await self.engine.send("3")
        self.assertEqual((await self.engine.next("job_result")).job_id, "3")
        self.assertEqual(calls, ["1", "2", "3"])

    async def test_a_tool_that_blocks_the_loop(self) -> None:
        async def tool(job: cordum.Job) -> None:
            time.sleep(1.6)

        with self.assertLogs("cordum.worker", "WARNING") as said:
            await self.start(tool)
            await self.engine.send("1")
            await self.engine.next("job_result")
            deadline = time.monotonic() + PATIENCE
            while not any("blocked" in line for line in said.output) and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
        self.assertTrue(any("blocked the event loop for" in line for line in said.output), said.output)


class WholeServers(unittest.IsolatedAsyncioTestCase):
    async def test_a_server_that_is_killed_and_starts_again(self) -> None:
        server = Server()
        self.addCleanup(server.close)
        worker = cordum.Worker(server.nats, id="w1", capacity=4)
        release = asyncio.Event()

        @worker.tool("demo", "echo")
        async def echo(job: cordum.Job) -> None:
            await release.wait()

        serving = asyncio.ensure_future(worker.serve())
        engine = await Engine(server.nats, "w1").start()
        await engine.beat_that(lambda b: True)
        await engine.send("1", ask_accept=True)
        await engine.next("job_progress")
        server.kill()
        release.set()
        await engine.close()
        server.start()
        engine = await Engine(server.nats, "w1").start()
        self.assertEqual((await engine.next("job_result")).job_id, "1")
        await engine.beat_that(lambda b: not b.jobs)
        await engine.close()
        worker.stop()
        await asyncio.wait_for(serving, PATIENCE)

    async def test_a_worker_waits_for_its_server(self) -> None:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        worker = cordum.Worker(f"nats://127.0.0.1:{port}", id="w1")
        worker.tool("demo", "echo")(lambda job: None)
        serving = asyncio.ensure_future(worker.serve())
        await asyncio.sleep(0)
        server = Server(nats_port=port)
        self.addCleanup(server.close)
        engine = await Engine(server.nats, "w1").start()
        await engine.beat_that(lambda b: True)
        await engine.close()
        worker.stop()
        await asyncio.wait_for(serving, PATIENCE)


PROGRAM = """
import cordum, sys, logging
logging.basicConfig(level="INFO")
worker = cordum.Worker(sys.argv[1], id="term")

@worker.tool("demo", "echo")
def echo(job):
    job.progress(1, "begun")
    job.wait(0.3)
    return "finished"

worker.run()
print("drained")
"""


class Processes(WorkerCase):
    async def test_sigterm_drains(self) -> None:
        engine = await Engine(self.url, "term").start()
        self.addAsyncCleanup(engine.close)
        folder = pathlib.Path(__file__).parents[1]
        command = [sys.executable, "-c", PROGRAM, self.url]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        await engine.beat_that(lambda b: True)
        await engine.send("1")
        await engine.next("job_progress")
        process.send_signal(signal.SIGTERM)
        self.assertEqual((await engine.next("job_result")).output, b'"finished"')
        out, err = await asyncio.get_running_loop().run_in_executor(None, process.communicate)
        self.assertEqual((process.returncode, out), (0, "drained\n"), err)


class Mistakes(unittest.TestCase):
    def test_they_are_said(self) -> None:
        bad: dict[str, typing.Any] = {
            "id": "a.b",
            "capacity": -1,
            "heartbeat": -1,
            "drain_timeout": -1,
            "pool": "\udcff",
            "labels": {"a": "\udcff"},
            "capabilities": "cuda",
            "redact": "x",
            "decision_key": b"short",
        }
        for name, value in bad.items():
            with self.assertRaises(ValueError, msg=name):
                cordum.Worker(**{name: value})
        with self.assertRaises(TypeError):
            cordum.Worker(nonsense=1)
        worker = cordum.Worker()
        worker.tool("a", "b")(lambda job: None)
        with self.assertRaisesRegex(ValueError, "two tools"):
            worker.tool("a", "b")(lambda job: None)
        for fn in (lambda: None, lambda a, b, c: None, lambda job, *, needed: None):
            with self.assertRaises(TypeError):
                worker.tool("a", "c")(fn)

        def unknown(job: cordum.Job, input: NoSuchType) -> None:  # type: ignore[name-defined]  # noqa: F821
            """Its type cannot be read."""

        with self.assertRaisesRegex(TypeError, "NoSuchType"):
            worker.tool("a", "c")(unknown)

    def test_a_worker_runs_once_and_with_tools(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "no tools"):
            asyncio.run(cordum.Worker().serve())
        worker = cordum.Worker("nats://127.0.0.1:1")
        worker.tool("a", "b")(lambda job: None)
        worker.stop()
        asyncio.run(worker.serve())
        with self.assertRaisesRegex(RuntimeError, "once"):
            asyncio.run(worker.serve())

    def test_a_tool_can_be_called_by_a_test(self) -> None:
        job = cordum.Job(id="1")
        job.progress(1, "x", {"a": 1})
        job.log.info("x")
        job.prove("X", 1)
        job.used("tokens", 1)
        job.check()
        self.assertEqual((job.last_state(3), job.lock("x"), job.cancelled), (3, None, False))

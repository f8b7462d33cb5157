"""What a worker says: progress, lines, evidence, heartbeats."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import unittest

import cordum
from cordum import limits
from cordum.load import CPULoad

from .case import WorkerCase, stop_server

# How many seconds a time may be off that was taken a moment ago.
PLAUSIBLE = 30.0


def tearDownModule() -> None:
    stop_server()


class Saying(WorkerCase):
    async def test_progress_is_capped_and_the_last_one_wins(self) -> None:
        def tool(job: cordum.Job) -> None:
            job.progress(0, "begin", {"row": 1})
            for i in range(5000):
                job.progress(i // 100, "copying")
            for bad in ("x" * limits.MAX_STATE, object()):
                with self.assertRaises(ValueError):
                    job.progress(1, "bad", bad)
            job.progress(250, "done \udcff", {"row": 2})

        await self.start(tool)
        started = time.monotonic()
        await self.engine.send("1", step_id="s")
        self.assertEqual((await self.engine.next("job_result")).error_message, "")
        most = 3 + (time.monotonic() - started) / 0.1
        said = [await self.engine.next("job_progress") for _ in range(self.engine.came["job_progress"].qsize())]
        self.assertLessEqual(len(said), most)
        self.assertEqual((said[0].message, said[0].state, said[0].step_id), ("begin", b'{"row":1}', "s"))
        self.assertEqual((said[-1].percent, said[-1].message, said[-1].state), (100, "done \ufffd", b'{"row":2}'))

    async def test_progress_of_a_slow_tool(self) -> None:
        release = asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            for message, state in (("one", None), ("two", 2), ("three", None)):
                job.progress(50, message, state)
            await release.wait()

        await self.start(tool)
        await self.engine.send("1")
        self.assertEqual((await self.engine.next("job_progress")).message, "one")
        last = await self.engine.next("job_progress")
        self.assertEqual((last.message, last.state), ("three", b"2"))
        release.set()
        await self.engine.next("job_result")

    async def test_state_of_an_earlier_attempt(self) -> None:
        await self.start(lambda job: job.last_state({"row": 0}))
        for job_id, state, want in (("1", b'{"row":7}', b'{"row":7}'), ("2", b"", b'{"row":0}'), ("3", b"{", b"")):
            await self.engine.send(job_id, progress_state=state)
            self.assertEqual((await self.engine.next("job_result")).output, want)

    async def test_log_lines(self) -> None:
        handler, logger = cordum.JobLogHandler(), logging.getLogger("test_log_lines")
        logger.addHandler(handler)
        logger.propagate = False
        self.addCleanup(logger.removeHandler, handler)

        def tool(job: cordum.Job) -> None:
            job.log.info("a\nb")
            with job.log.stream("stdout") as out:
                print("printed", end="", file=out)
            logger.warning("logged, password %s", "hunter2")

        await self.start(tool, redact=["hunter2"])
        await self.engine.send("1", log_lines=100)
        await self.engine.next("job_result")
        log = await self.engine.next("job_log")
        self.assertEqual(
            [(line.stream, line.text) for line in log.lines],
            [("info", "a"), ("info", "b"), ("stdout", "printed"), ("warn", "logged, password [redacted]")],
        )
        self.assertEqual((log.first, log.token), (1, b"token of 1"))
        self.assertAlmostEqual(log.lines[0].at_ms / 1000, time.time(), delta=PLAUSIBLE)
        logger.warning("outside of every job")

    async def test_lines_that_wait_behind_progress(self) -> None:
        release = asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            job.log.info("line")
            job.progress(1, "one")
            job.progress(2, "two")
            await release.wait()

        await self.start(tool)
        await self.engine.send("1", log_lines=10)
        self.assertEqual([(await self.engine.next("job_progress")).percent for _ in range(2)], [1, 2])
        self.assertEqual((await self.engine.next("job_log")).lines[0].text, "line")
        release.set()
        await self.engine.next("job_result")

    async def test_many_threads_that_speak(self) -> None:
        def tool(job: cordum.Job) -> None:
            for i in range(200):
                job.log.info("x" * limits.LOG_BATCH_BYTES)  # a packet each
                job.progress(i // 2)

        await self.start(tool, capacity=16)
        for i in range(16):
            await self.engine.send(str(i), log_lines=200)
        ended: set[str] = set()
        while len(ended) < 16:  # a result comes again where its acknowledgement is late
            ended.add((await self.engine.next("job_result")).job_id)
        await self.engine.idle()

    async def test_a_flood_of_lines(self) -> None:
        def tool(job: cordum.Job) -> None:
            for _ in range(1_000_000):
                job.log.info("line")

        await self.start(tool)
        started = time.monotonic()
        await self.engine.send("1", log_lines=100_000)
        await self.engine.next("job_result")
        took = time.monotonic() - started
        logs = [self.engine.came["job_log"].get_nowait() for _ in range(self.engine.came["job_log"].qsize())]
        sent = sum(len(log.lines) for log in logs)
        self.assertLessEqual(sent, limits.LOG_BURST + limits.LOG_LINES_A_SECOND * took + 1)
        self.assertEqual(sent + logs[-1].dropped, 1_000_000)
        self.assertEqual(
            [log.first for log in logs], [1 + sum(len(x.lines) for x in logs[:i]) for i in range(len(logs))]
        )

    async def test_evidence_and_usage(self) -> None:
        def tool(job: cordum.Job) -> None:
            tools = job.constraint("AllowedTools")
            assert tools is not None and tools.list == ["git"]
            job.prove("AllowedTools", ["git"])
            job.used("tokens", 7)

        await self.start(tool)
        await self.engine.send("1", constraints=b'[{"type":"AllowedTools","value":["git"],"prove":true}]')
        r = await self.engine.next("job_result")
        self.assertEqual((json.loads(r.evidence), json.loads(r.usage)), ({"AllowedTools": ["git"]}, {"tokens": 7}))
        await self.engine.send("2", constraints=b"[{")
        self.assertEqual((await self.engine.next("job_result")).error_code, "invalid_constraints")

    async def test_heartbeat_and_handshake(self) -> None:
        worker = await self.start(capacity=3, capabilities=["cuda"], labels={"zone": "a"}, pool="gpu", heartbeat=0.05)
        shake = await self.engine.next("handshake")
        self.assertEqual((shake.component_id, list(shake.ready_topics)), (self.id, ["job.demo.echo"]))
        b = await self.engine.next("heartbeat")
        again = await self.engine.next("heartbeat")  # comes by itself
        self.assertEqual((b.incarnation, bool(b.incarnation)), (again.incarnation, True))
        self.assertEqual(
            (b.worker_id, b.pool, b.max_parallel_jobs, list(b.capabilities)), (self.id, "gpu", 3, ["cuda"])
        )
        self.assertEqual((dict(b.labels), list(b.topics)), ({"zone": "a"}, ["job.demo.echo"]))
        self.assertTrue(b.direct and b.lists_jobs and not b.draining and 0 <= b.cpu_load <= 100)
        worker.stop()
        await self.soon(self.serving)
        last = None
        while not self.engine.came["heartbeat"].empty():
            last = self.engine.came["heartbeat"].get_nowait()
        self.assertTrue(last.leaving and last.draining and not last.jobs)


class Load(unittest.TestCase):
    """How busy the machine is."""

    def test_readings(self) -> None:
        # Of two heartbeats right after each other the second says what the first said.
        load = CPULoad()
        readings = [(500, 1000), (510, 1010), (550, 1200), (553, 1203), (750, 1400), (700, 1500)]
        self.assertEqual([load.note(*reading) for reading in readings], [0, 0, 25, 25, 100, 0])

    def test_where_the_system_does_not_say(self) -> None:
        self.assertEqual([CPULoad("/nowhere").percent() for _ in range(2)], [0, 0])

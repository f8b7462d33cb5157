"""A worker against an engine's side of the wire: what is taken, run once, answered, and said."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
import typing
from unittest import mock

import cordum
from cordum import limits, wire

from .case import WorkerCase, stop_server

SILENCE = 0
SUCCEEDED, FAILED, CANCELLED = wire.JOB_STATUS_SUCCEEDED, wire.JOB_STATUS_FAILED, wire.JOB_STATUS_CANCELLED


def tearDownModule() -> None:
    stop_server()


@dataclasses.dataclass
class Text:
    """The input of a tool."""

    text: str


def script(*codes: int) -> typing.Callable[[typing.Any], int]:
    """Answers the first questions as listed, the rest with OK."""
    left = list(codes)
    return lambda packet: left.pop(0) if left else wire.ACK_OK


class Taking(WorkerCase):
    async def test_a_job_reaches_its_tool(self) -> None:
        seen: list[cordum.Job] = []

        async def tool(job: cordum.Job, input: dict) -> dict:
            seen.append(job)
            return input

        await self.start(tool)
        await self.engine.send("07RUN.step~0@2", attempt=2, run_id="07RUN", step_id="step", labels={"a": "b"})
        r = await self.engine.next("job_result")
        self.assertEqual((r.status, r.output, r.worker_id), (SUCCEEDED, b'{"text":"hello"}', self.id))
        self.assertEqual((r.job_id, r.token), ("07RUN.step~0@2", b"token of 07RUN.step~0@2"))
        self.assertEqual((seen[0].id, seen[0].attempt, seen[0].labels), ("07RUN.step~0", 2, {"a": "b"}))
        await self.engine.idle()

    async def test_a_job_comes_by_topic(self) -> None:
        await self.start()
        await self.engine.send("t1", "job.demo.echo")
        self.assertEqual((await self.engine.next("job_result")).job_id, "t1")
        await self.engine.send("t2", "job.demo.echo", answer_subject="")  # CAP's way: nobody acknowledges
        self.assertEqual((await self.engine.next("job_result")).job_id, "t2")
        await self.engine.idle()

    async def test_an_attempt_runs_once(self) -> None:
        calls, begun, release = [], asyncio.Event(), asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            calls.append(job.attempt_id)
            begun.set()
            await release.wait()

        await self.start(tool)
        self.engine.reply = lambda packet: SILENCE
        await self.engine.send("1", ask_accept=True)
        await self.soon(begun.wait())
        await self.engine.next("job_progress")
        await self.engine.send("1", ask_accept=True)
        await self.engine.next("job_progress")  # it says again that it was taken
        release.set()
        await self.engine.next("job_result")
        sent = time.monotonic()
        await self.engine.send("1", ask_accept=True)
        await self.engine.next("job_result")
        self.assertLess(time.monotonic() - sent, 0.35, "the unacknowledged result was not sent again at once")
        self.engine.reply = script()
        await self.engine.next("job_result")
        await self.engine.idle()
        await self.engine.send("1")
        await self.engine.send("1", token=b"another")
        await self.engine.next("job_result")
        self.assertEqual(calls, ["1", "1"])

    async def test_what_cannot_be_taken_is_given_back(self) -> None:
        release = asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            await release.wait()

        await self.start(tool, capacity=1)
        await self.engine.send("1", ask_accept=True)
        await self.engine.next("job_progress")
        await self.engine.send("2")
        await self.engine.send("3", topic="job.demo.none")
        back = [await self.engine.next("job_return") for _ in range(2)]
        self.assertEqual(
            [(r.job_id, r.reason, r.token) for r in back],
            [("2", "full", b"token of 2"), ("3", "unknown_topic", b"token of 3")],
        )
        release.set()
        await self.engine.next("job_result")
        await self.engine.send("2")  # it was not remembered
        self.assertEqual((await self.engine.next("job_result")).job_id, "2")

    async def test_room_is_told(self) -> None:
        release = asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            await release.wait()

        await self.start(tool, capacity=1, heartbeat=3600)
        await self.engine.send("1")
        await self.engine.send("2")
        self.assertEqual((await self.engine.next("job_return")).reason, "full")
        while not self.engine.came["heartbeat"].empty():
            self.engine.came["heartbeat"].get_nowait()
        release.set()
        self.assertEqual((await self.engine.next("heartbeat")).active_jobs, 0)
        await self.engine.next("job_result")
        for job in ("3", "4"):
            await self.engine.send(job)
            await self.engine.next("job_result")
        self.assertTrue(self.engine.came["heartbeat"].empty(), "it beats for jobs that it took")

    async def test_leave_to_begin(self) -> None:
        calls: list[str] = []
        await self.start(lambda job: calls.append(job.id))
        self.engine.reply = script(99, wire.ACK_RETRY, -1, wire.ACK_OK)
        await self.engine.send("1", ask_begin=True)
        for _ in range(3):
            await self.engine.next("job_begin")
        self.assertEqual(calls, [], "it began without leave")
        await self.engine.next("job_begin")
        await self.engine.next("job_result")
        self.engine.reply = script(wire.ACK_STALE)
        await self.engine.send("2", ask_begin=True)
        await self.engine.next("job_begin")
        await self.engine.idle()
        self.assertEqual(calls, ["1"])

    async def test_typed_input(self) -> None:
        got: list[typing.Any] = []

        def tool(job: cordum.Job, input: Text) -> Text:
            got.append(input)
            return input

        await self.start(tool)
        await self.engine.send("1")
        self.assertEqual((await self.engine.next("job_result")).output, b'{"text":"hello"}')
        self.assertEqual(got, [Text("hello")])
        for i, bad in enumerate(
            [b'{"text":{"password":"hunter2"}}', b'{"text":"hunter2', b'"hunter2"', b"{}", b"\xff"]
        ):
            await self.engine.send(f"bad{i}", input=bad)
            r = await self.engine.next("job_result")
            self.assertEqual((r.status, r.error_code), (wire.JOB_STATUS_FAILED_FATAL, "invalid_input"), bad)
            self.assertNotIn("hunter2", r.error_message)

    async def test_how_attempts_fail(self) -> None:
        def fail(job: cordum.Job) -> typing.Any:
            if job.id == "panic":
                raise SystemExit("oh")
            if job.id == "stop":
                raise StopIteration("over")
            if job.id == "busy":
                raise cordum.Retryable("busy", "later")
            return {"no JSON": object(), "NaN": float("nan"), "no UTF-8": "a\udcff", "large": "x" * limits.MAX_OUTPUT}[
                job.id
            ]

        await self.start(fail)
        fatal = wire.JOB_STATUS_FAILED_FATAL
        for name, want in {
            "panic": (FAILED, "panic"),
            "stop": (FAILED, "error"),
            "busy": (wire.JOB_STATUS_FAILED_RETRYABLE, "busy"),
            "no JSON": (fatal, "invalid_output"),
            "NaN": (fatal, "invalid_output"),
            "no UTF-8": (fatal, "invalid_output"),
            "large": (fatal, "output_too_large"),
            "unknown": (FAILED, "error"),
        }.items():
            await self.engine.send(name)
            r = await self.engine.next("job_result")
            self.assertEqual((r.status, r.error_code), want, name)
            self.assertEqual(r.output, b"")

    async def test_async_tools_may_raise_anything(self) -> None:
        async def fail(job: cordum.Job) -> None:
            raise {"1": KeyboardInterrupt, "2": SystemExit, "3": asyncio.CancelledError, "4": GeneratorExit}[job.id]

        await self.start(fail)
        for job_id, code in {"1": "panic", "2": "panic", "3": "error", "4": "panic"}.items():
            await self.engine.send(job_id)
            r = await self.engine.next("job_result")
            self.assertEqual((r.status, r.error_code), (FAILED, code), job_id)

    async def test_the_largest_output(self) -> None:
        await self.start(lambda job: "x" * (limits.MAX_OUTPUT - 2))
        await self.engine.send("1")
        self.assertEqual(len((await self.engine.next("job_result")).output), limits.MAX_OUTPUT)

    async def test_hostile_packets(self) -> None:
        await self.start()
        empty = wire.BusPacket()
        empty.job_cancel.SetInParent()
        packets = [b"", b"\xff", b"\xff" * 1024, b"x" * (8 << 20), empty.SerializeToString()]
        request = wire.BusPacket()
        request.job_request.SetInParent()
        packets += [request.SerializeToString(), wire.BusPacket(sender_id="x").SerializeToString()]
        for data in packets:
            for subject in (wire.worker_jobs(self.id), "job.demo.echo", wire.SUBJECT_CANCEL, wire.SUBJECT_ASK_JOBS):
                await self.engine.publish(subject, data)
            await self.engine.publish(self.worker.outbox.inbox + ".zz", data)
            await self.engine.publish(self.worker.outbox.inbox + ".not-a-number", data)
        await self.engine.send("good")
        self.assertEqual((await self.engine.next("job_result")).job_id, "good")
        for kind in ("job_result", "job_return", "job_begin", "job_progress"):
            self.assertTrue(self.engine.came[kind].empty(), "it answered what nobody asked")

    async def test_many_at_once_on_a_lossy_wire(self) -> None:
        calls: list[str] = []
        await self.start(lambda job: calls.append(job.attempt_id), capacity=4096)
        count = [0]

        def lossy(packet: typing.Any) -> int:
            count[0] += 1
            return SILENCE if count[0] % 11 == 0 else wire.ACK_RETRY if count[0] % 5 == 0 else wire.ACK_OK

        self.engine.reply = lossy
        for i in range(200):
            for _ in range(2 if i % 3 == 0 else 1):
                await self.engine.send(str(i), ask_begin=i % 2 == 0)
        done = set()
        while len(done) < 200:
            done.add((await self.engine.next("job_result")).job_id)
        await self.engine.idle()
        self.assertEqual(sorted(calls), sorted(map(str, range(200))))


class Cancelling(WorkerCase):
    async def test_a_coroutine_is_cancelled(self) -> None:
        begun, causes = asyncio.Queue(), []

        async def tool(job: cordum.Job) -> None:
            begun.put_nowait(job)
            try:
                await asyncio.sleep(60)
            finally:
                causes.append(job.cause)

        await self.start(tool)
        await self.engine.send("1")
        await self.soon(begun.get())
        await self.engine.cancel("1", b"of another attempt")
        await self.engine.cancel("11", b"token of 1")
        await self.engine.cancel("1", b"token of 1", "not needed", "user:ann")
        r = await self.engine.next("job_result")
        self.assertEqual((r.status, r.error_code), (CANCELLED, "cancelled"))
        self.assertEqual((causes[0].reason, causes[0].by), ("not needed", "user:ann"))
        await self.engine.send("2")
        await self.soon(begun.get())
        await self.engine.cancel("2")  # CAP's cancels know no token
        self.assertEqual((await self.engine.next("job_result")).status, CANCELLED)

    async def test_a_plain_function_asks(self) -> None:
        begun = threading.Event()

        def tool(job: cordum.Job) -> None:
            begun.set()
            job.wait(60)
            job.check()

        await self.start(tool)
        await self.engine.send("1")
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        await self.engine.cancel("1")
        self.assertEqual((await self.engine.next("job_result")).status, CANCELLED)

    async def test_a_cancel_that_comes_too_late(self) -> None:
        begun = asyncio.Queue()

        async def tool(job: cordum.Job) -> str:
            begun.put_nowait(job)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if job.id == "2":
                    raise RuntimeError("half done") from None
            return "done all the same"

        await self.start(tool)
        for job_id, want in (("1", SUCCEEDED), ("2", FAILED)):
            await self.engine.send(job_id)
            await self.soon(begun.get())
            await self.engine.cancel(job_id)
            self.assertEqual((await self.engine.next("job_result")).status, want)

    async def test_a_cancel_before_leave(self) -> None:
        calls: list[str] = []
        await self.start(lambda job: calls.append(job.id))
        self.engine.reply = lambda p: wire.ACK_RETRY if p.WhichOneof("payload") == "job_begin" else wire.ACK_OK
        await self.engine.send("1", ask_begin=True)
        await self.engine.next("job_begin")
        await self.engine.cancel("1")
        self.assertEqual((await self.engine.next("job_result")).status, CANCELLED)
        await self.engine.idle()
        self.assertEqual(calls, [])

    async def test_a_cancel_that_outruns_its_job(self) -> None:
        calls: list[str] = []
        begun = asyncio.Event()

        async def tool(job: cordum.Job) -> None:
            calls.append(job.id)
            begun.set()
            if job.id == "0":
                await asyncio.sleep(60)

        await self.start(tool)
        await self.engine.send("0")
        await self.soon(begun.wait())
        await self.engine.cancel("1", b"token of 1")
        await self.engine.cancel("2")
        await self.engine.cancel("3", b"of another attempt")
        await self.engine.cancel("0")
        await self.engine.next("job_result")  # cancels are taken in order
        for job_id, want in (("1", CANCELLED), ("2", CANCELLED), ("3", SUCCEEDED)):
            await self.engine.send(job_id)
            r = await self.engine.next("job_result")
            self.assertEqual((r.job_id, r.status), (job_id, want))
        self.assertEqual(calls, ["0", "3"])

    async def test_a_cancel_right_behind_its_job(self) -> None:
        await self.start(lambda job: job.check())
        for i in range(50):
            await self.engine.send(str(i))
            await self.engine.cancel(str(i))
        results = [await self.engine.next("job_result") for _ in range(50)]
        self.assertEqual({r.job_id for r in results}, set(map(str, range(50))))
        await self.engine.idle()

    async def test_the_time_is_over(self) -> None:
        async def tool(job: cordum.Job) -> None:
            await asyncio.sleep(60)

        await self.start(tool)
        await self.engine.send("1", timeout_ms=20)
        r = await self.engine.next("job_result")
        self.assertEqual((r.status, r.error_code), (wire.JOB_STATUS_TIMEOUT, "timeout"))
        self.assertGreaterEqual(r.execution_ms, 20)
        await self.engine.send("2", constraints=b'[{"type":"MaxTimeout","value":0}]')
        self.assertEqual((await self.engine.next("job_result")).status, wire.JOB_STATUS_TIMEOUT)

    async def test_what_ran_into_its_limit_took_no_less(self) -> None:
        loop = asyncio.get_running_loop()
        on_time = loop.call_later

        def early(delay: float, *call: typing.Any, **context: typing.Any) -> asyncio.TimerHandle:
            return on_time(delay / 2, *call, **context)

        async def tool(job: cordum.Job) -> None:
            await loop.create_future()  # for ever

        await self.start(tool)
        with mock.patch.object(loop, "call_later", early):  # as a loop whose clock is coarse
            await self.engine.send("1", timeout_ms=200)
            r = await self.engine.next("job_result")
        self.assertEqual(r.status, wire.JOB_STATUS_TIMEOUT)
        self.assertGreaterEqual(r.execution_ms, 200)

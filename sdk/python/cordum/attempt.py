"""The life of one attempt that a worker took."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import inspect
import threading
import time
import typing

from . import limits, wire
from .constraint import time_limit_ms
from .errors import CODE_OUTPUT_TOO_LARGE, Cancelled, Fatal, Interrupted, TimedOut, ToolError, outcome_of
from .job import Job, job_of
from .logs import Batch, LogBatches, current_job
from .outbox import Question
from .progress import Said
from .speaker import Speaker
from .typed import decode, encode, input_type

if typing.TYPE_CHECKING:
    from .worker import Worker


class Tool:
    """A registered function. A coroutine function runs on the worker's loop, a plain one in a thread of its own."""

    def __init__(
        self, fn: typing.Callable[..., typing.Any], names: typing.Mapping[str, typing.Any] | None = None
    ) -> None:
        self.fn = fn
        self.arguments, self.input_type = input_type(fn, names)
        called = fn if inspect.isroutine(fn) else type(fn).__call__
        self.is_async = inspect.iscoroutinefunction(called)

    async def __call__(self, job: Job, raw: bytes) -> bytes:
        """Runs the function and answers its output as JSON."""
        arguments = (job,) if self.arguments == 1 else (job, decode(raw, self.input_type))
        if self.is_async:
            output = await self.fn(*arguments)
        else:
            output = await _in_thread(self.fn, arguments)
        return encode(output)


async def _in_thread(fn: typing.Callable[..., typing.Any], arguments: tuple[typing.Any, ...]) -> typing.Any:
    """Calls a plain function in a thread that does not keep the process alive. A cancel does not end the wait: only the
    function knows what it leaves behind, and it asks Job.cancelled."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[typing.Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(output: typing.Any, raised: BaseException | None) -> None:
        if done.cancelled():
            return
        if isinstance(raised, StopIteration):  # no future takes it
            raised = RuntimeError(f"the tool raised StopIteration: {raised}")
        if raised is not None:
            done.set_exception(raised)
        else:
            done.set_result(output)

    def call() -> None:
        output, raised = None, None
        try:
            output = context.run(fn, *arguments)
        except BaseException as e:  # a thread that ends by SystemExit would be waited for in vain
            raised = e
        try:
            loop.call_soon_threadsafe(settle, output, raised)
        except RuntimeError:  # the loop is closed: the tool outlived its worker
            return

    threading.Thread(target=call, name="cordum-tool", daemon=True).start()
    while True:
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                return done.result()


class Phase(enum.Enum):
    """How far an attempt is. It only moves forward: asking → running → reporting, asking → reporting when it is
    cancelled before it began, and from each of them to gone."""

    ASKING = 0  # waits for leave to begin
    RUNNING = 1  # the tool runs
    REPORTING = 2  # the result waits for its acknowledgement


class Attempt:
    """Everything here runs on the worker's loop."""

    def __init__(self, worker: Worker, key: bytes, request: typing.Any, tool: Tool | None) -> None:
        self.worker, self.key, self.request, self._tool = worker, key, request, tool
        self.phase = Phase.ASKING
        self.question: Question | None = None  # open while asking and reporting
        self.size = 0  # of the result, in bytes
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None  # the end of its time
        self._started = False
        self._cause: Interrupted | None = None
        self._ended = threading.Event()
        self._redactor = worker.redactor.copy()
        logs = LogBatches(request.log_lines, self._redactor)
        self._speaker = Speaker(logs, self._send_progress, self._send_lines)

    @property
    def answers(self) -> str:
        """Where everything about the attempt goes; empty for an attempt of CAP."""
        return str(self.request.answer_subject)

    def open(self) -> None:
        """Says that the attempt was taken, if that is asked for, and begins or asks for leave."""
        if self.request.ask_accept:
            self.say_accepted()
        if not self.request.ask_begin or not self.answers:
            self._begin()
            return
        packet = wire.BusPacket()
        begin = packet.job_begin
        begin.job_id, begin.token, begin.worker_id = self.request.job_id, self.request.token, self.worker.id
        self.question = self.worker.outbox.ask(self.answers, self.worker.encode(packet), self._on_leave)

    def say_accepted(self) -> None:
        """Says that the worker has the attempt."""
        self._send_progress(Said(0, "", None))

    def come_again(self) -> None:
        """Answers an attempt that the worker has: whoever sent it again may have missed what was said."""
        if self.phase is Phase.REPORTING and self.question is not None:
            self.worker.outbox.send(self.question)
        elif self.phase is Phase.RUNNING and self.request.ask_accept:
            self.say_accepted()

    def _on_leave(self, code: int, _message: str) -> None:
        """Begins, or drops what is another attempt's turn by now. Leave that comes while the worker drains is used: the
        engine has it on record that the attempt began."""
        if self.phase is not Phase.ASKING:
            return
        self.question = None
        if code != wire.ACK_OK:
            self.worker.active -= 1
            self.worker.release(self)
            return
        self._begin()

    def _begin(self) -> None:
        self.phase = Phase.RUNNING
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        started = time.monotonic_ns()  # before the limit begins: what ran into it took no less
        output, raised, job = b"", None, None
        self._started = True
        try:
            if self._cause is not None:  # cancelled since it was to begin
                raise self._cause
            self.worker.verify(self.request)
            job = self._job()
            limit = time_limit_ms(self.request.timeout_ms, job.constraints)
            if limit is not None:
                self._end_at(time.monotonic_ns() + limit * 1_000_000)
            current_job.set(job)
            assert self._tool is not None
            output = await self._tool(job, self.request.input)
        except BaseException as e:  # whatever a tool raises is its attempt's failure, and nobody else's
            raised = e
        if self._timer is not None:
            self._timer.cancel()
        self._speaker.end()
        took = time.monotonic_ns() - started
        result = self.result(output, raised)
        result.execution_ms = took // 1_000_000
        if job is not None:
            job._proof.attach(result, job.constraints, job.key, took / 1_000_000)
        self.report(result)

    def _end_at(self, due: int) -> None:
        """Interrupts the tool when that many nanoseconds are over on the clock that measures it."""
        rest = max(due - time.monotonic_ns(), 0) / 1_000_000_000
        self._timer = asyncio.get_running_loop().call_later(rest, self._time_up, due)

    def _time_up(self, due: int) -> None:
        """Takes the loop's word for it only where the clock agrees: a loop's own may be coarser, and call too early."""
        if time.monotonic_ns() < due:
            self._end_at(due)
        else:
            self.interrupt(TimedOut())

    def _job(self) -> Job:
        job = job_of(self.request)
        job._say, job._write, job._hide = self._speaker.say, self._speaker.write, self._redactor.add
        job._ended, job._cause = self._ended, lambda: self._cause
        return job

    def interrupt(self, cause: Interrupted) -> None:
        """Tells the tool to stop, once: the first cause counts."""
        if self._cause is not None:
            return
        self._cause = cause
        self._ended.set()
        # A task that is cancelled before its first step never gets to say so.
        if self._task is not None and self._started and self.phase is Phase.RUNNING:
            self._task.cancel()

    def stop(self, cause: Cancelled) -> None:
        """Interrupts the tool, or ends an attempt that has not begun."""
        if self.phase is not Phase.ASKING:
            self.interrupt(cause)
            return
        if self.question is not None:
            self.worker.outbox.drop(self.question)
            self.question = None
        self._cause = cause
        self.report(self.result(b"", cause))

    def result(self, output: bytes, raised: BaseException | None) -> typing.Any:
        """Says how the attempt ended in the words of the wire."""
        if raised is None and len(output) > limits.MAX_OUTPUT:
            raised = too_large(len(output), limits.MAX_OUTPUT)
        result = wire.JobResult(job_id=self.request.job_id, token=self.request.token, worker_id=self.worker.id)
        if raised is None:
            result.status, result.output = wire.JOB_STATUS_SUCCEEDED, output
            return result
        failed = outcome_of(raised, self._cause)
        result.status, result.error_code = failed.status, failed.code
        result.error_message, result.error_details = failed.message, failed.details
        return result

    def encode_result(self, result: typing.Any, max_payload: int) -> bytes:
        """Makes the packet of a result. One that the server would not take becomes a failure that says so."""
        packet = wire.BusPacket()
        packet.job_result.CopyFrom(result)
        data = self.worker.encode(packet)
        if not max_payload or len(data) <= max_payload:
            return data
        failed = self.result(b"", too_large(len(result.output), max_payload))
        failed.execution_ms = result.execution_ms
        packet.job_result.CopyFrom(failed)
        return self.worker.encode(packet)

    def report(self, result: typing.Any) -> None:
        """Hands the result to the outbox, which keeps it until it is acknowledged. The slot is free before the result
        leaves: whoever gets it may send the next job at once."""
        worker = self.worker
        data = self.encode_result(result, worker.link.max_payload)
        worker.active -= 1
        self.phase = Phase.REPORTING
        self._ended.set()
        if not self.answers:  # nobody acknowledges it
            if not worker.link.connected:
                worker.log.warning("the result of %s is lost: there is no connection", self.request.job_id)
            worker.link.post(wire.SUBJECT_RESULT, data)
            worker.release(self)
            return
        self.size = len(data)
        worker.unacknowledged += 1
        worker.unacknowledged_bytes += self.size
        worker.room_made()
        self.question = worker.outbox.ask(self.answers, data, self._on_acknowledged)

    def _on_acknowledged(self, code: int, message: str) -> None:
        """Ends the attempt: recorded, somebody else's by now, or refused for good."""
        if code == wire.ACK_INVALID:
            self.worker.log.error("result of %s refused: %s", self.request.job_id, message)
        self.worker.unacknowledged -= 1
        self.worker.unacknowledged_bytes -= self.size
        self.worker.release(self)

    def _send_progress(self, said: Said) -> None:
        packet = wire.BusPacket()
        p = packet.job_progress
        p.job_id, p.token, p.step_id = self.request.job_id, self.request.token, self.request.step_id
        p.worker_id, p.status = self.worker.id, wire.JOB_STATUS_RUNNING
        p.percent, p.message, p.state = said.percent, said.message, said.state or b""
        self.worker.link.post(self.answers or wire.SUBJECT_PROGRESS, self.worker.encode(packet))

    def _send_lines(self, batch: Batch) -> None:
        if not self.answers:
            return  # CAP has no place for them
        packet = wire.BusPacket()
        log = packet.job_log
        log.job_id, log.token, log.worker_id = self.request.job_id, self.request.token, self.worker.id
        log.first, log.dropped = batch.first, batch.dropped
        for line in batch.lines:
            log.lines.add(at_ms=line.at, stream=line.stream, text=line.text)
        self.worker.link.post(self.answers, self.worker.encode(packet))


def too_large(size: int, most: int) -> ToolError:
    """The failure of an output that cannot be taken."""
    text = f"the output is {size} bytes as JSON, at most {most} can be taken: keep it elsewhere and return where"
    return Fatal(CODE_OUTPUT_TOO_LARGE, text)

"""The worker: what it serves, what it holds, and its life from the first heartbeat to the last."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import sys
import threading
import time
import typing

from google.protobuf.message import DecodeError
from nats.aio.msg import Msg

from . import limits, wire
from .attempt import Attempt, Phase, Tool
from .config import Config
from .constraint import decision_verifier
from .errors import Cancelled, DrainTimeout, Stopped
from .link import Interest, Link
from .load import CPULoad
from .logs import Redactor
from .outbox import Outbox
from .text import Remembered, check_topic, key_of, tool_topic
from .version import __version__

_RETURN_FULL, _RETURN_DRAINING, _RETURN_UNKNOWN_TOPIC = "full", "draining", "unknown_topic"

F = typing.TypeVar("F", bound=typing.Callable[..., typing.Any])


class Worker:
    """Serves the tools registered with it. It runs once.

    url: the server, or several with commas. The worker waits for a server that is not there.
    id: its name: letters, digits, "-" and "_", at most 128; unique among those that run, best the same after a restart.
        Default: the host's name and a random part.
    pool: groups workers that are alike. capacity: how many jobs run together, by default one per CPU.
    capabilities: what steps can require. labels: describe it, for placement and people. region: where it is.
    user and password, or token: the credentials that the server wants. Of a worker's own credential they are its id and
        its token, or the token alone.
    nats_options: further arguments of nats.connect: tls, user_credentials.
    heartbeat: seconds between two; an engine believes a worker lost after 15 s without.
    drain_timeout: seconds that tools and results get once the worker is told to stop.
    decision_key: the server's Ed25519 public key, 32 bytes: a job under constraints is refused unless it comes with the
        signature of the policy's decision. Without it the connection is trusted.
    redact: texts that become [redacted] in log lines.
    """

    def __init__(self, url: str = "nats://127.0.0.1:4222", **options: typing.Any) -> None:
        self.config = Config(url=url, **options)
        self.id = self.config.id
        self.log = logging.LoggerAdapter(logging.getLogger("cordum.worker"), {"worker": self.id})
        self.verify = decision_verifier(self.config.decision_key)
        self.redactor = Redactor([*self.config.redact, self.config.password, self.config.token])
        self.tools: dict[str, Tool] = {}  # by topic
        self.active = 0  # asking and running
        self.unacknowledged = self.unacknowledged_bytes = 0  # reporting
        self._turned_away = False  # gave an attempt back for want of room, and told nobody since that there is some
        self.draining = False
        self.outbox: Outbox
        self.link: Link
        self._held: dict[bytes, Attempt] = {}
        self._past = Remembered(limits.MAX_REMEMBERED)  # attempts that ended
        self._early = Remembered(limits.MAX_EARLY_CANCELS)  # attempts that were cancelled before they came
        self._incarnation = secrets.token_hex(13)
        self._load = CPULoad()
        self._started = False
        self._stop_asked = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    # Registering tools.

    def tool(self, pack: str, name: str) -> typing.Callable[[F], F]:
        """Makes a function the tool of a pack: it serves the topic job.<pack>.<name>. See topic."""
        return self.topic(tool_topic(pack, name))

    def topic(self, topic: str) -> typing.Callable[[F], F]:
        """Makes a function the tool that serves a topic, "job.demo.echo".

        It takes a Job and, if it likes, an input, which is decoded into the type that it is annotated with; what it
        returns is encoded as the job's output. A coroutine function runs on the worker's loop, which it must not block;
        a plain function runs in a thread. When the job is cancelled, its time is over or the worker stops, a coroutine
        gets asyncio.CancelledError, and Job.cause says why. A tool that lets it pass says by that that it left nothing
        behind. A tool that finishes all the same returns its output: it counts.
        """
        check_topic(topic)

        def register(fn: F) -> F:
            if topic in self.tools:
                raise ValueError(f"two tools for the topic {topic!r}")
            self.tools[topic] = Tool(fn, sys._getframe(1).f_locals)  # a tool may speak of types beside it
            return fn

        return register

    # Running.

    def run(self) -> None:
        """Serves until the process gets SIGTERM or SIGINT, then drains. See serve."""
        asyncio.run(self._run_with_signals())

    async def _run_with_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.stop)
            except (NotImplementedError, RuntimeError):  # not the main thread, or a system without them
                break
        await self.serve()

    def stop(self) -> None:
        """Makes serve drain and return. It may be called from any thread, more than once, and before serve."""
        self._stop_asked.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def serve(self) -> None:
        """Connects and serves until stop is called, or it is cancelled. Then it drains: it takes nothing more, lets
        tools finish and sends results until they are acknowledged, at most for drain_timeout. What did not begin is
        given back. DrainTimeout says that something was left.

        A server that is away is waited for, at the start and later; tools run on meanwhile and their results are kept.
        """
        self._start()
        tasks = [asyncio.ensure_future(c) for c in (self.link.run(), self._beat_on(), self._watch())]
        for task in tasks:
            task.add_done_callback(lambda _: self._stopping.set())  # none of them ends by itself
        try:
            try:
                await self._stopping.wait()
            finally:
                await self._drain()
        finally:
            self.link.close()
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self.outbox.close()
        for e in ended:
            if e is not None and not isinstance(e, asyncio.CancelledError):
                raise e

    def _start(self) -> None:
        if self._started:
            raise RuntimeError("a worker runs once: make a new one")
        if not self.tools:
            raise RuntimeError("the worker has no tools: register some before it runs")
        self._started = True
        self._loop = asyncio.get_running_loop()
        self._stopping, self._empty, self._beat_now = asyncio.Event(), asyncio.Event(), asyncio.Event()
        if self._stop_asked.is_set():
            self._stopping.set()
        self.outbox = Outbox(f"{wire.worker_inbox(self.id)}.{secrets.token_hex(11)}")
        self.link = Link(self.config.urls, self.config.options(), self._interests(), self._on_up)
        self.outbox.use(self.link)

    def _interests(self) -> list[Interest]:
        """Answers first, then news, then jobs. The queue of a topic is the one that CAP's workers use."""
        own = [
            Interest(self.outbox.inbox + ".*", "", self.outbox.receive),
            Interest(wire.SUBJECT_CANCEL, "", self._on_cancel),
            Interest(wire.SUBJECT_ASK_JOBS, "", lambda m: self._beat_now.set()),
            Interest(wire.worker_jobs(self.id), "", self._on_job),
        ]
        return own + [Interest(topic, topic, self._on_job) for topic in sorted(self.tools)]

    def _on_up(self) -> None:
        """Says, on every new connection, what the worker is, what it has, and what was not answered."""
        packet = wire.BusPacket()
        shake = packet.handshake
        shake.component_id, shake.role, shake.sdk_version = self.id, wire.ROLE_WORKER, "cordum-python/" + __version__
        shake.supported_versions.append(wire.PROTOCOL_VERSION)
        shake.capabilities["direct"] = True
        shake.ready_topics.extend(sorted(self.tools))
        self.link.post(wire.worker_handshake(self.id), self.encode(packet))
        self.beat()
        self.outbox.send_all()

    # Beating.

    async def _beat_on(self) -> None:
        """Beats when it is time, and at once when asked."""
        loop = asyncio.get_running_loop()
        while True:
            alarm = loop.call_later(self.config.heartbeat, self._beat_now.set)
            try:
                await self._beat_now.wait()
            finally:
                alarm.cancel()
            self._beat_now.clear()
            self.beat()

    async def _watch(self) -> None:
        """Says so when the loop was away: then no heartbeat left and no cancel was heard."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(limits.BLOCKED_SECONDS / 2)
            late = time.monotonic() - before - limits.BLOCKED_SECONDS / 2
            if late > limits.BLOCKED_SECONDS / 2:
                self.log.warning("a tool blocked the event loop for %.1f s: make it a plain function", late)

    def beat(self, leaving: bool = False) -> None:
        """Says what the worker is and what it has: also finished work whose result is not acknowledged, for nobody
        should repeat it. A leaving worker's beat is its last."""
        packet = wire.BusPacket()
        b = packet.heartbeat
        b.worker_id, b.pool, b.region = self.id, self.config.pool, self.config.region
        b.active_jobs, b.max_parallel_jobs, b.cpu_load = self.active, self.config.capacity, self._load.percent()
        b.capabilities.extend(self.config.capabilities)
        b.labels.update(self.config.labels)
        b.direct, b.lists_jobs, b.draining, b.leaving = True, True, self.draining, leaving
        b.topics.extend(sorted(self.tools))
        b.incarnation = self._incarnation
        for a in self._held.values():
            b.jobs.add(job_id=a.request.job_id, token=a.request.token)
        self.link.post(wire.worker_heartbeat(self.id), self.encode(packet))

    def encode(self, packet: typing.Any) -> bytes:
        """Fills in the envelope of a packet and encodes it."""
        now = time.time_ns()
        packet.sender_id, packet.protocol_version = self.id, wire.PROTOCOL_VERSION
        packet.created_at.seconds, packet.created_at.nanos = divmod(now, 1_000_000_000)
        return bytes(packet.SerializeToString(deterministic=True))

    # Taking attempts.

    def _on_job(self, m: Msg) -> None:
        """Takes an attempt, gives it back, or drops it when it came before."""
        try:
            request = wire.BusPacket.FromString(m.data).job_request
        except DecodeError:
            self.log.warning("a packet on %s that does not decode: %d bytes", m.subject, len(m.data))
            return
        if not request.job_id:
            self.log.warning("a packet on %s that is no job", m.subject)
            return
        key = key_of(request.job_id, request.token)
        held = self._held.get(key)
        if held is not None:
            held.come_again()
        elif key not in self._past:
            self._take(key, request)

    def _take(self, key: bytes, request: typing.Any) -> None:
        reason = self.refusal(request.topic)
        if reason:
            self._turned_away = self._turned_away or reason == _RETURN_FULL
            self.give_back(request, reason)
            return
        a = Attempt(self, key, request, self.tools.get(request.topic))
        self._held[key] = a
        self.active += 1
        if key in self._early or key_of(request.job_id, b"") in self._early:
            a.stop(Cancelled("cancelled before it came"))
            return
        a.open()

    def refusal(self, topic: str) -> str:
        """Says why an attempt cannot be taken; empty when it can."""
        if self.draining:
            return _RETURN_DRAINING
        if topic not in self.tools:
            return _RETURN_UNKNOWN_TOPIC
        return _RETURN_FULL if self._full() else ""

    def _full(self) -> bool:
        if self.active >= self.config.capacity or self.unacknowledged >= limits.MAX_UNACKNOWLEDGED:
            return True
        return self.unacknowledged_bytes >= limits.MAX_UNACKNOWLEDGED_BYTES

    def room_made(self) -> None:
        """Beats at once when there is room again after an attempt was given back for want of it: who sent that one
        sends no other before it hears of room."""
        if self._turned_away and not self._full():
            self._turned_away = False
            self._beat_now.set()

    def give_back(self, request: typing.Any, reason: str) -> None:
        """Returns an attempt that did not begin. It is not remembered: it may come again."""
        if not request.answer_subject:
            self.log.warning("job %s cannot be taken (%s) and names nobody to return it to", request.job_id, reason)
            return
        packet = wire.BusPacket()
        r = packet.job_return
        r.job_id, r.token, r.worker_id, r.reason = request.job_id, request.token, self.id, reason
        self.link.post(request.answer_subject, self.encode(packet))

    def _on_cancel(self, m: Msg) -> None:
        """Stops the attempts of a job that somebody cancelled. Without a token every attempt of that id is meant. The
        cancel of one that is not here is kept for a while: it travels on another subject than the job, and may arrive
        before it."""
        try:
            packet = wire.BusPacket.FromString(m.data)
        except DecodeError:
            return
        cancel = packet.job_cancel
        if packet.WhichOneof("payload") != "job_cancel" or not cancel.job_id:
            return
        meant = [
            a
            for a in self._held.values()
            if a.request.job_id == cancel.job_id and cancel.token in (b"", a.request.token)
        ]
        if not meant:
            self._early.add(key_of(cancel.job_id, cancel.token))
        for a in meant:
            a.stop(Cancelled(cancel.reason, cancel.requested_by))

    def release(self, a: Attempt) -> None:
        """Ends an attempt."""
        self._held.pop(a.key, None)
        self._past.add(a.key)
        self.room_made()
        self._check_empty()

    # Draining.

    def _check_empty(self) -> None:
        if self.draining and not self._held:
            self._empty.set()

    async def _drain(self) -> None:
        """Takes nothing more and says so. What is on its way is given back."""
        self.draining = True
        leaving_topics = asyncio.ensure_future(self.link.leave_topics())
        self._check_empty()
        self._beat_now.set()
        left = ""
        if not await self._wait_empty(self.config.drain_timeout):
            left = await self._abandon()
        # It is not cancelled: that would make the client library deaf. Closing the connection ends it.
        await asyncio.wait([leaving_topics], timeout=limits.STOP_GRACE_SECONDS)
        if self.link.connected:  # else nobody hears it: the lease tells
            self.beat(leaving=True)
            await self.link.flush(limits.STOP_GRACE_SECONDS)
        if left:
            raise DrainTimeout(left)

    async def _wait_empty(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    async def _abandon(self) -> str:
        """Ends what the drain timeout found: it gives back what did not begin, stops the tools, and waits a moment for
        them to return and for their results. It answers what is left then."""
        for a in list(self._held.values()):
            if a.phase is Phase.ASKING:
                if a.question is not None:
                    self.outbox.drop(a.question)
                self.give_back(a.request, _RETURN_DRAINING)
                self.active -= 1
                self.release(a)
            elif a.phase is Phase.RUNNING:
                a.interrupt(Stopped())
        if await self._wait_empty(limits.STOP_GRACE_SECONDS):
            return ""
        return f"{self.active} tools still run and {self.unacknowledged} results are not acknowledged"

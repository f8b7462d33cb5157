"""The connection of a worker: one that is made again for ever, with all its subscriptions."""

from __future__ import annotations

import asyncio
import collections
import logging
import random
import typing

import nats
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from . import limits

_log = logging.getLogger("cordum.worker")


def reconnect_delay_ms(attempts: int) -> float:
    """How long to wait before a connection is tried again that was tried so often in vain. A fifth of it is random, so
    that a herd spreads."""
    wait = limits.RECONNECT_MAX
    if attempts < 5:
        wait = min(limits.RECONNECT_MIN << max(attempts - 1, 0), limits.RECONNECT_MAX)
    return wait * random.uniform(0.8, 1.0)


class Interest(typing.NamedTuple):
    """A subscription: queue is empty for a plain one. handle is called on the loop and does not wait."""

    subject: str
    queue: str
    handle: typing.Callable[[Msg], None]


class _Outgoing(typing.NamedTuple):
    subject: str
    reply: str
    data: bytes


class Link:
    """Keeps a connection up. What is posted while it is down is lost, which every message here bears: questions are
    asked again, and the rest is said anew when up is called.

    Each connection is a client of its own: the client library gives up on some refusals, this does not.
    """

    def __init__(
        self,
        urls: list[str],
        options: dict[str, typing.Any],
        interests: typing.Iterable[Interest],
        up: typing.Callable[[], None],
    ) -> None:
        self._urls, self._options, self._interests, self._up = urls, options, list(interests), up
        self._nats: Nats | None = None
        self._topics: list[typing.Any] = []  # subscriptions with a queue
        self._draining = self._closing = False
        self._out: collections.deque[_Outgoing] = collections.deque()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._woken = False  # the writer was told that there is something
        self._idle = asyncio.Event()
        self._idle.set()
        self._said = ""

    @property
    def connected(self) -> bool:
        """Whether something posted now has a chance."""
        return self._nats is not None and self._nats.is_connected

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes; 0 until the first connection."""
        return self._nats.max_payload if self._nats is not None else 0

    def post(self, subject: str, data: bytes, reply: str = "") -> None:
        """Sends, in the order of the calls. It never waits and may be called from any thread."""
        if not self.connected:
            return
        self._out.append(_Outgoing(subject, reply, data))
        if not self._woken:  # the writer clears it before it looks, so what was appended before is seen
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._wake.set)
            except RuntimeError:  # the loop is closed: a thread of a tool outlived its worker
                self._out.clear()

    async def run(self) -> None:
        """Connects, and connects again, until it is closed and cancelled."""
        writer = asyncio.ensure_future(self._write())
        try:
            attempts = 0
            while not self._closing:
                lost = asyncio.Event()
                if await self._connect(self._urls[attempts % len(self._urls)], lost):
                    attempts = 0
                    await lost.wait()
                    if not self._closing:
                        _log.warning("connection lost")
                attempts += 1
                await asyncio.sleep(reconnect_delay_ms(attempts) / 1000)
        finally:
            writer.cancel()
            if self._nats is not None:
                await _close(self._nats)

    def close(self) -> None:
        """Makes run end, together with its cancel: in Python before 3.12 a cancel may get lost in wait_for, which the
        client library uses."""
        self._closing = True

    async def _connect(self, url: str, lost: asyncio.Event) -> bool:
        async def on_closed() -> None:
            lost.set()

        async def on_error(e: Exception) -> None:
            self._complain(url, e)

        client = Nats()
        try:
            await client.connect(
                url,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # else it tries on by itself, and cannot be stopped
                reconnect_time_wait=limits.RECONNECT_MIN / 1000,
                connect_timeout=limits.CONNECT_TIMEOUT_SECONDS,
                closed_cb=on_closed,
                error_cb=on_error,
                **{"ping_interval": limits.PING_SECONDS, **self._options},
            )
            topics = []
            for subject, queue, handle in self._interests:
                if queue and self._draining:
                    continue
                sub = await client.subscribe(
                    subject,
                    queue=queue,
                    cb=_fenced(handle),
                    pending_msgs_limit=limits.PENDING_MESSAGES,
                    pending_bytes_limit=limits.PENDING_BYTES,
                )
                if queue:
                    topics.append(sub)
            await client.flush()  # the subscriptions are the server's before anybody hears of this worker
        except Exception as e:  # whatever is there, it may be a server of ours the next time
            self._complain(url, e)
            await _close(client)
            return False
        self._nats, self._topics, self._said = client, topics, ""
        if self._closing:
            return False
        _log.info(
            "connected to %s", client.connected_url.netloc.rpartition("@")[2] if client.connected_url else "the server"
        )
        self._up()
        return True

    def _complain(self, url: str, e: Exception) -> None:
        """Says why it does not work when the reason changes, not at every try."""
        text = str(e) or type(e).__name__
        if text != self._said:
            self._said = text
            _log.warning("connection to %s: %s", url.rpartition("@")[2], text)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._idle.clear()
            self._woken = False
            while self._out:
                subject, reply, data = self._out[0]
                if self.connected and self._nats is not None:
                    try:
                        await self._nats.publish(subject, data, reply=reply)
                    except (OSError, nats.errors.Error, ValueError) as e:
                        _log.warning("cannot publish on %s: %s", subject, str(e) or type(e).__name__)
                self._out.popleft()
            self._idle.set()

    async def leave_topics(self) -> None:
        """Gives up the subscriptions with a queue, for good; what came before is still handled."""
        self._draining = True
        for e in await asyncio.gather(*(sub.drain() for sub in self._topics), return_exceptions=True):
            if e is not None:
                _log.warning("cannot leave a topic: its jobs are given back: %s", e)

    async def flush(self, seconds: float) -> None:
        """Waits until what was posted has reached the server, at most so long."""
        try:
            await asyncio.wait_for(self._flush(), seconds)
        except (asyncio.TimeoutError, nats.errors.Error, OSError) as e:
            _log.warning("the last messages may be lost: %s", str(e) or type(e).__name__)

    async def _flush(self) -> None:
        while self._out and self.connected:
            await asyncio.sleep(0.005)
        await self._idle.wait()
        if self.connected and self._nats is not None:
            await self._nats.flush()


async def _close(client: Nats) -> None:
    """Closes a connection, in whatever state it is."""
    try:
        await client.close()
    except Exception as e:
        _log.debug("closing a connection: %s", e)


def _fenced(handle: typing.Callable[[Msg], None]) -> typing.Callable[[Msg], typing.Awaitable[None]]:
    """Nothing that somebody sends may end a subscription."""

    async def on_message(m: Msg) -> None:
        try:
            handle(m)
        except Exception:
            _log.exception("a packet on %s was not handled", m.subject)

    return on_message

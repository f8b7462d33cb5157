"""What tests with a worker share: one server for all, an engine's side of the wire and a worker for each."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import typing
import unittest

import cordum

from .server import PATIENCE, Engine, Server

# Tests speak of servers that go away and of packets that are no good; CORDUM_TEST_LOG=1 shows what is said of them.
for _name, _level in (
    ("asyncio", logging.ERROR),
    ("nats.aio.client", logging.CRITICAL),
    ("cordum.worker", logging.CRITICAL),
):
    if "CORDUM_TEST_LOG" not in os.environ:
        logging.getLogger(_name).setLevel(_level)

_server: Server | None = None
_numbers = itertools.count(1)


def shared_server() -> Server:
    """The server that tests share which do not harm it."""
    global _server
    if _server is None:
        _server = Server()
        unittest.addModuleCleanup(stop_server)
    return _server


def stop_server() -> None:
    """Stops it."""
    global _server
    if _server is not None:
        _server.close()
        _server = None


class WorkerCase(unittest.IsolatedAsyncioTestCase):
    """A test with a worker of its own, whose one tool is self.echo until it registers others."""

    async def asyncSetUp(self) -> None:
        self.url = shared_server().nats
        self.id = f"w{next(_numbers)}"
        self.engine = await Engine(self.url, self.id).start()
        self.addAsyncCleanup(self.engine.close)

    async def start(self, tool: typing.Callable[..., typing.Any] | None = None, **options: typing.Any) -> cordum.Worker:
        """Runs a worker until the test is over, and waits until it listens."""
        options = {"url": self.url, "id": self.id, "pool": "demo", "capacity": 8, "drain_timeout": 5.0, **options}
        self.worker = cordum.Worker(**options)
        if tool is None:
            self.worker.tool("demo", "echo")(lambda job, input: input)
        else:
            self.worker.tool("demo", "echo")(tool)
        self.serving = asyncio.ensure_future(self.worker.serve())
        self.addAsyncCleanup(self._end)
        await self.engine.beat_that(lambda b: True)
        return self.worker

    async def _end(self) -> None:
        self.worker.stop()
        self.engine.reply = lambda packet: 1
        await asyncio.wait([self.serving], timeout=PATIENCE)
        if self.serving.done() and not self.serving.cancelled():
            self.serving.exception()  # what a test wants to know of it, it asks itself

    async def soon(self, what: typing.Awaitable[typing.Any]) -> typing.Any:
        """What must come."""
        return await asyncio.wait_for(what, PATIENCE)

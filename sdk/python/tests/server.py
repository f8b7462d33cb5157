"""The real server, as a test needs it: bin/cordum in development mode on free ports, and an engine's side of the wire
for what a real engine never does."""

from __future__ import annotations

import asyncio
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import typing

from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from cordum import wire

ROOT = pathlib.Path(__file__).parents[3]
BINARY = pathlib.Path(os.environ.get("CORDUM_BIN", ROOT / "bin" / "cordum"))
# How long a test waits for what must come before it says that it did not.
PATIENCE = 20.0
# Where a fake engine is answered: no engine of the server listens there.
ANSWERS = "test.answers"


class Server:
    """One server process with a folder of its own."""

    def __init__(self, *arguments: str, nats_port: int = 0, key: str = "", policy: str = "") -> None:
        """With a key it is a server as in production, under a policy."""
        if not BINARY.exists():
            raise RuntimeError(f"{BINARY} is missing: run make build, or set CORDUM_BIN")
        self._folder = tempfile.mkdtemp(prefix="cordum-python-")
        self._arguments = list(arguments)
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("CORDUM_")}
        if key:
            self._environment.update(CORDUM_API_KEY=key, CORDUM_WORKER_TOKEN=key[::-1])
            pathlib.Path(self._folder, "policy.yaml").write_text(policy, encoding="utf-8")
            self._arguments += ["--policy", self._folder + "/policy.yaml"]
        else:
            self._arguments.append("--dev")
        self._ports = [0, nats_port]
        self.start()

    def start(self) -> None:
        """Starts it, on the ports that it had before."""
        command = [str(BINARY), "serve", "--data-dir", self._folder + "/data", *self._arguments]
        command += ["--addr", f"127.0.0.1:{self._ports[0]}", "--nats-addr", f"127.0.0.1:{self._ports[1]}"]
        self._log = open(self._folder + "/log", "w", encoding="utf-8")  # noqa: SIM115, as long as the process
        self.process = subprocess.Popen(
            command, stdout=self._log, stderr=subprocess.STDOUT, cwd=self._folder, env=self._environment
        )
        said = self._wait_said()
        self.url = _found(r"API\s+(http://[^/\s]+)/", said)
        self.nats = _found(r"workers\s+(nats://\S+)", said)
        self._ports = [int(self.url.rpartition(":")[2]), int(self.nats.rpartition(":")[2])]

    def _wait_said(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            said = pathlib.Path(self._folder, "log").read_text(encoding="utf-8")
            if '"msg":"serving"' in said:
                return said
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError("the server did not start: " + said)

    def kill(self) -> None:
        """Takes it away at once."""
        self.process.kill()
        self.process.wait()
        self._log.close()

    def close(self) -> None:
        """Stops it and removes what it left."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no {pattern} in: {text}")
    return found.group(1)


class Engine:
    """The engine's side of the wire, as small as it can be: it sends attempts, keeps what comes back by kind, and
    answers as the test says."""

    def __init__(self, url: str, worker: str) -> None:
        self._url, self._worker = url, worker
        self.came: dict[str, asyncio.Queue[typing.Any]] = {}
        for kind in ("job_begin", "job_result", "job_return", "job_progress", "job_log", "heartbeat", "handshake"):
            self.came[kind] = asyncio.Queue()
        self.reply: typing.Callable[[typing.Any], int] = lambda packet: wire.ACK_OK  # 0 is silence

    async def start(self) -> Engine:
        """Connects and listens."""
        self._nats = Nats()
        await self._nats.connect(self._url, reconnect_time_wait=0.05, max_reconnect_attempts=-1, error_cb=_quiet)
        subjects = [ANSWERS, wire.worker_heartbeat(self._worker), wire.worker_handshake(self._worker)]
        for subject in [*subjects, wire.SUBJECT_RESULT, wire.SUBJECT_PROGRESS]:
            await self._nats.subscribe(subject, cb=self._receive)
        await self._nats.flush()
        return self

    async def close(self) -> None:
        """Hangs up."""
        await self._nats.close()

    async def _receive(self, m: Msg) -> None:
        packet = wire.BusPacket.FromString(m.data)
        assert packet.sender_id and packet.protocol_version == 1 and packet.created_at.seconds
        kind = packet.WhichOneof("payload")
        payload = getattr(packet, kind)
        if self._worker not in (getattr(payload, "worker_id", ""), getattr(payload, "component_id", "")):
            return
        if m.reply:
            code = self.reply(packet)
            if code:
                answer = wire.BusPacket()
                answer.ack.code = code
                await m.respond(answer.SerializeToString())
        self.came[kind].put_nowait(payload)

    async def next(self, kind: str) -> typing.Any:
        """The next that comes of a kind."""
        return await asyncio.wait_for(self.came[kind].get(), PATIENCE)

    async def beat_that(self, says: typing.Callable[[typing.Any], bool]) -> typing.Any:
        """Waits for a heartbeat that says something, and asks for heartbeats meanwhile."""

        async def found() -> typing.Any:
            while True:
                await self.publish(wire.SUBJECT_ASK_JOBS, b"")
                try:
                    beat = await asyncio.wait_for(self.came["heartbeat"].get(), 0.05)
                except asyncio.TimeoutError:
                    continue
                if says(beat):
                    return beat

        return await asyncio.wait_for(found(), PATIENCE)

    async def idle(self) -> None:
        """Waits until the worker holds nothing."""
        await self.beat_that(lambda b: not b.jobs and b.active_jobs == 0)

    async def send(self, job_id: str, subject: str = "", **fields: typing.Any) -> None:
        """Sends an attempt, to the worker itself or to a subject."""
        packet = wire.BusPacket(protocol_version=1)
        request = packet.job_request
        given = {"topic": "job.demo.echo", "token": b"token of " + job_id.encode(), "input": b'{"text":"hello"}'}
        for name, value in {"answer_subject": ANSWERS, "attempt": 1, "tenant_id": "default", **given, **fields}.items():
            if isinstance(value, list):
                getattr(request, name).extend(value)
            elif isinstance(value, dict):
                getattr(request, name).update(value)
            else:
                setattr(request, name, value)
        request.job_id = job_id
        await self.publish(subject or wire.worker_jobs(self._worker), packet.SerializeToString())

    async def cancel(self, job_id: str, token: bytes = b"", reason: str = "", by: str = "") -> None:
        """Cancels a job."""
        packet = wire.BusPacket(protocol_version=1)
        c = packet.job_cancel
        c.job_id, c.token, c.reason, c.requested_by = job_id, token, reason, by
        await self.publish(wire.SUBJECT_CANCEL, packet.SerializeToString())

    async def publish(self, subject: str, data: bytes) -> None:
        """Sends bytes."""
        if self._nats.is_connected:
            await self._nats.publish(subject, data)
            await self._nats.flush()


async def _quiet(_: Exception) -> None:
    """A server that a test takes away is no news."""


class Chaos:
    """A TCP proxy that can drop its connections and refuse new ones: a network between worker and server."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition("//")[2].rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"nats://127.0.0.1:{self._listener.getsockname()[1]}"
        self.up = True
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(a, b), daemon=True).start()

    def cut(self) -> None:
        """Drops every connection."""
        for s in self._open:
            _shut(s)
        self._open.clear()

    def close(self) -> None:
        """Drops everything and listens no more."""
        _shut(self._listener)
        self.cut()


def _copy(a: socket.socket, b: socket.socket) -> None:
    try:
        while True:
            data = a.recv(1 << 16)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    _shut(a)
    _shut(b)


def _shut(s: socket.socket) -> None:
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    s.close()

"""What an attempt says while it works, progress and log lines, on its way from the tool's threads to the loop."""

from __future__ import annotations

import asyncio
import threading
import time
import typing

from .logs import Batch, LogBatches
from .progress import Progress, Said


class Speaker:
    """Keeps the pace of what one attempt says. say and write may be called from any thread and never wait; a flood of
    them costs the loop one timer at a time."""

    def __init__(
        self, logs: LogBatches, send_progress: typing.Callable[[Said], None], send_lines: typing.Callable[[Batch], None]
    ) -> None:
        self._progress, self._logs = Progress(), logs
        self._send_progress, self._send_lines = send_progress, send_lines
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._armed = False  # a timer is set, or asked for
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    def say(self, percent: int, message: str, state: bytes | None) -> None:
        """Takes a message of progress."""
        with self._lock:
            now = _now()
            self._progress.say(now, percent, message, state)
            said = self._progress.take_due(now)
            if said is not None:
                self._send_progress(said)
            self._arm()

    def write(self, stream: str, text: str) -> None:
        """Takes lines of the log."""
        with self._lock:
            for batch in self._logs.add(_now(), stream, text):
                self._send_lines(batch)
            self._arm()

    def end(self) -> None:
        """Sends what waits, so that it is before the result on the wire, and nothing after it. On the loop only."""
        with self._lock:
            self._ended = True
            if self._timer is not None:
                self._timer.cancel()
            said, batch = self._progress.end(), self._logs.end()
            if said is not None:
                self._send_progress(said)
            if batch is not None:
                self._send_lines(batch)

    def _due(self) -> float | None:
        dues = [due for due in (self._progress.due, self._logs.due) if due is not None]
        return min(dues) if dues else None

    def _arm(self) -> None:
        """Sees to it that what waits is sent in time. The caller holds the lock."""
        if self._armed or self._ended or self._due() is None:
            return
        self._armed = True
        try:
            self._loop.call_soon_threadsafe(self._set_timer)
        except RuntimeError:  # the loop is closed: the tool outlived its worker
            self._ended = True

    def _set_timer(self) -> None:
        with self._lock:
            due = self._due()
            if self._ended or due is None:
                self._armed = False
                return
            self._timer = self._loop.call_later(max(due - _now(), 0) / 1000, self._flush)

    def _flush(self) -> None:
        with self._lock:
            now = _now()
            said, batch = self._progress.take_due(now), self._logs.take_due(now)
            if said is not None:
                self._send_progress(said)
            if batch is not None:
                self._send_lines(batch)
            self._armed = False
            self._arm()


def _now() -> float:
    return time.monotonic() * 1000

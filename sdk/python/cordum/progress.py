"""What a tool says of its progress: one message in PROGRESS_EVERY, the last one always."""

from __future__ import annotations

import typing

from . import limits
from .text import clip


class Said(typing.NamedTuple):
    """A message of progress. state is a checkpoint as JSON, None when there is none."""

    percent: int
    message: str
    state: bytes | None


class Progress:
    """What comes too fast waits and is replaced by what comes after it, except that a checkpoint stays until a newer
    one. Times are milliseconds on any clock that only goes forward. It is for one thread at a time."""

    def __init__(self) -> None:
        self._waiting: Said | None = None
        self._sent: float | None = None
        self._ended = False

    def say(self, now: float, percent: int, message: str, state: bytes | None) -> None:
        """Takes a message; take_due gives it back when its time has come."""
        if self._ended:
            return
        if state is None and self._waiting is not None:
            state = self._waiting.state
        self._waiting = Said(min(max(int(percent), 0), 100), clip(message, limits.MAX_TEXT), state)

    @property
    def due(self) -> float | None:
        """When take_due has something to give; None when nothing waits."""
        if self._waiting is None:
            return None
        return 0.0 if self._sent is None else self._sent + limits.PROGRESS_EVERY

    def take_due(self, now: float) -> Said | None:
        """Gives the message that is to be sent now, if there is one."""
        due = self.due
        if due is None or due > now:
            return None
        self._sent, said, self._waiting = now, self._waiting, None
        return said

    def end(self) -> Said | None:
        """Gives what waits. Nothing that is said later is sent."""
        self._ended, said, self._waiting = True, self._waiting, None
        return said

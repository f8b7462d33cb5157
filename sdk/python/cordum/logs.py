"""Lines that a job writes: which are kept, and in which packets they leave. The rules are those of the README beside
the vectors; the engine has limits of its own behind them."""

from __future__ import annotations

import contextvars
import io
import logging
import re
import time
import typing

from . import limits
from .text import clip

if typing.TYPE_CHECKING:
    from .job import Job

# The job of whoever logs, for JobLogHandler. Threads of tools have it too.
current_job: contextvars.ContextVar[Job | None] = contextvars.ContextVar("cordum_job", default=None)


class Line(typing.NamedTuple):
    """One line: at is Unix time in milliseconds, stream is stdout, stderr or a level."""

    at: int
    stream: str
    text: str


class Batch(typing.NamedTuple):
    """Lines that leave together: first is the number of the first of them, from 1, dropped is how many were left out
    so far."""

    first: int
    dropped: int
    lines: list[Line]


# How texts stand between quotation marks, in JSON and in what loggers write.
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class Redactor:
    """Hides texts, the longest first. Texts shorter than MIN_REDACTED bytes are not hidden. A text is hidden also as it
    stands between quotation marks, and a long line of one that has several by itself, for keys are often written line
    by line."""

    def __init__(self, texts: typing.Iterable[str]) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(texts)

    def add(self, texts: typing.Iterable[str]) -> None:
        """Adds texts to those that are hidden."""
        least = limits.MIN_REDACTED_LINE
        for text in texts:
            if _size(text) >= limits.MIN_REDACTED:
                self._texts.update((text, text.translate(_QUOTED)))
            if "\n" in text:
                self._texts.update(line for line in map(str.strip, text.split("\n")) if _size(line) >= least)
        hidden = sorted(self._texts, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, hidden))) if hidden else None

    def hide(self, text: str) -> str:
        """Answers the text with [redacted] in place of each that is hidden."""
        return self._pattern.sub("[redacted]", text) if self._pattern else text

    def copy(self) -> Redactor:
        """One that hides the same, to add to."""
        same = Redactor(())
        same._texts, same._pattern = set(self._texts), self._pattern
        return same


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


class LogBatches:
    """The lines of one attempt on their way. Times are milliseconds on any clock that only goes forward. It is for one
    thread at a time."""

    def __init__(self, most: int, redactor: Redactor) -> None:
        self._left = most  # lines that may still be sent
        self._redactor = redactor
        self._wanted = most > 0
        self._bucket, self._filled = float(limits.LOG_BURST), 0.0
        self._lines: list[Line] = []
        self._bytes = 0
        self._since = 0.0  # when the first of the waiting lines came
        self._next = 1
        self._dropped = self._said = 0
        self._started = False

    def add(self, now: float, stream: str, text: str) -> list[Batch]:
        """Takes a text of one or more lines and gives what leaves at once."""
        if not self._wanted:
            return []
        if self._spent(now):  # a flood costs as little as can be
            self._dropped += max(text.count("\n") + (not text.endswith("\n")), 1)
            return []
        out: list[Batch] = []
        at, stream = int(time.time() * 1000), clip(stream, 64)
        for line in _lines(self._redactor.hide(text)):
            if self._spent(now):
                self._dropped += 1
                continue
            self._left -= 1
            self._bucket -= 1
            self._put(now, Line(at, stream, clip(line, limits.MAX_LINE)), out)
        return out

    def _spent(self, now: float) -> bool:
        if not self._started:
            self._started, self._filled = True, now
        gained = max(now - self._filled, 0.0) * limits.LOG_LINES_A_SECOND / 1000
        self._bucket = min(self._bucket + gained, float(limits.LOG_BURST))
        self._filled = max(now, self._filled)
        return self._left <= 0 or self._bucket < 1 - 1e-9

    def _put(self, now: float, line: Line, out: list[Batch]) -> None:
        size = len(line.text.encode())
        if self._lines and self._bytes + size > limits.LOG_BATCH_BYTES:
            out.append(self._take())
        if not self._lines:
            self._since = now
        self._lines.append(line)
        self._bytes += size
        if len(self._lines) >= limits.LOG_BATCH_LINES or self._bytes >= limits.LOG_BATCH_BYTES:
            out.append(self._take())

    def _take(self) -> Batch:
        batch = Batch(self._next, self._dropped, self._lines)
        self._next += len(self._lines)
        self._said = self._dropped
        self._lines, self._bytes = [], 0
        return batch

    @property
    def due(self) -> float | None:
        """When take_due has something to give; None when nothing waits."""
        return self._since + limits.LOG_WAIT if self._lines else None

    def take_due(self, now: float) -> Batch | None:
        """Gives the lines that have waited long enough."""
        due = self.due
        return self._take() if due is not None and due <= now else None

    def end(self) -> Batch | None:
        """Gives what waits, and what was dropped since the last packet. Nothing that comes later is sent."""
        self._wanted = False
        return self._take() if self._lines or self._dropped > self._said else None


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if len(lines) > 1 and lines[-1] == "":
        lines.pop()
    return [line[:-1] if line.endswith("\r") else line for line in lines]


class JobLog:
    """The log of one job, as its tool writes it. It never waits, and may be used from any thread."""

    def __init__(self, write: typing.Callable[[str, str], None]) -> None:
        self._write = write

    def __call__(self, stream: str, text: object) -> None:
        """Writes lines under a level or the name of a stream."""
        self._write(str(stream), str(text))

    def debug(self, text: object) -> None:
        """Writes lines of level debug."""
        self("debug", text)

    def info(self, text: object) -> None:
        """Writes lines of level info."""
        self("info", text)

    def warning(self, text: object) -> None:
        """Writes lines of level warn."""
        self("warn", text)

    def error(self, text: object) -> None:
        """Writes lines of level error."""
        self("error", text)

    def stream(self, name: str) -> LineWriter:
        """A file to write text to: print(…, file=job.log.stream("stdout")). Close it, or flush, to send a line that has
        no end yet."""
        return LineWriter(self, name)


class LineWriter(io.TextIOBase):
    """Cuts what is written into lines of a log. A line without an end waits for it, but not beyond MAX_LINE."""

    def __init__(self, log: JobLog, name: str) -> None:
        super().__init__()
        self._log, self._name, self._rest = log, name, ""

    def writable(self) -> bool:
        """It can only be written to."""
        return True

    def write(self, text: str) -> int:
        """Takes text and answers how many characters it took: all."""
        whole, end, rest = (self._rest + text).rpartition("\n")
        if end:
            self._log(self._name, whole + "\n")
        self._rest = rest
        if len(rest) >= limits.MAX_LINE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Sends a line that has no end yet."""
        if self._rest:
            rest, self._rest = self._rest, ""
            self._log(self._name, rest)

    def close(self) -> None:
        """Sends what is left."""
        if not self.closed:
            self.flush()
        super().close()


_LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warn"), (logging.INFO, "info"))


class JobLogHandler(logging.Handler):
    """Sends what a tool logs with the standard library to the log of the job it works on; what is logged outside of
    jobs it leaves alone. logging.getLogger().addHandler(cordum.JobLogHandler()) is all that is needed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one record."""
        job = current_job.get()
        if job is None or record.name.split(".", 1)[0] == "cordum":
            return
        level = next((word for least, word in _LEVELS if record.levelno >= least), "debug")
        try:
            job.log(level, self.format(record))
        except Exception:  # as every handler of the standard library: logging breaks nobody's work
            self.handleError(record)

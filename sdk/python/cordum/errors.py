"""How attempts fail: the codes of the library, what tools raise, and how that becomes the words of the wire."""

from __future__ import annotations

import asyncio
import enum
import json
import typing

from . import limits, wire
from .text import clip

# Codes that the library itself gives to failed attempts. A tool's own codes are free words in the same style.
CODE_ERROR = "error"  # the tool raised an exception without a code
CODE_PANIC = "panic"  # the tool raised what ends a program: SystemExit, KeyboardInterrupt
CODE_INVALID_INPUT = "invalid_input"  # the input is not what the tool takes; not tried again
CODE_INVALID_OUTPUT = "invalid_output"  # the output is no JSON; not tried again
CODE_OUTPUT_TOO_LARGE = "output_too_large"  # the output is larger than MAX_OUTPUT; not tried again
CODE_CANCELLED = "cancelled"  # the job was cancelled and the tool stopped
CODE_TIMEOUT = "timeout"  # the attempt's timeout passed and the tool stopped
CODE_UNSIGNED_DECISION = (
    "unsigned_decision"  # the policy's decision is not signed by the server; the tool was not called
)
CODE_INVALID_CONSTRAINTS = "invalid_constraints"  # the policy's constraints cannot be read; the tool was not called
CODE_WORKER_STOPPED = "worker_stopped"  # the worker's drain timeout passed and the tool stopped


class Kind(enum.Enum):
    """What a failure means for further attempts."""

    UNCLASSIFIED = "unclassified"  # tried again while attempts are left, as retryable ones are
    RETRYABLE = "retryable"  # another attempt may succeed
    FATAL = "fatal"  # no attempt will succeed


class ToolError(Exception):
    """A failure with a code, as a tool raises it and workflows see it (steps.<id>.error).

    code is a word that retry rules can name; empty means "error". details are encoded as JSON, at most 64 KiB; None for
    none. An object with "outcome": "unknown" says that nobody knows whether the attempt had its effect: its step's
    compensation then goes by when_unknown.
    """

    kind = Kind.UNCLASSIFIED

    def __init__(self, code: str, message: str = "", *, details: typing.Any = None) -> None:
        super().__init__(code, message)
        self.code, self.message, self.details = code, message, details

    def __str__(self) -> str:
        return self.message or self.code


class Retryable(ToolError):
    """A failure that another attempt may not meet: a busy database, a lost connection."""

    kind = Kind.RETRYABLE


class Fatal(ToolError):
    """A failure that every attempt would meet: the step fails at once."""

    kind = Kind.FATAL


class Interrupted(Exception):
    """Why a tool is to stop. A tool that gives up because of that lets it (or asyncio.CancelledError) pass, and says by
    that that it left nothing behind."""


class Cancelled(Interrupted):
    """Somebody cancelled the job. reason and by are as given; either may be empty."""

    def __init__(self, reason: str = "", by: str = "") -> None:
        super().__init__("the job was cancelled" + (": " + reason if reason else ""))
        self.reason, self.by = reason, by


class TimedOut(Interrupted):
    """The attempt's timeout passed."""

    def __init__(self) -> None:
        super().__init__("the attempt's timeout passed")


class Stopped(Interrupted):
    """The worker stops and its drain timeout passed."""

    def __init__(self) -> None:
        super().__init__("the worker stops")


class DrainTimeout(Exception):
    """The drain timeout passed before all tools had returned and all results were acknowledged. The engine resolves
    what was left."""


class Outcome(typing.NamedTuple):
    """A failed attempt in the words of the wire."""

    status: int
    code: str
    message: str
    details: bytes = b""


_STATUS_OF_KIND = {
    Kind.UNCLASSIFIED: wire.JOB_STATUS_FAILED,
    Kind.RETRYABLE: wire.JOB_STATUS_FAILED_RETRYABLE,
    Kind.FATAL: wire.JOB_STATUS_FAILED_FATAL,
}


def outcome_of(raised: BaseException, cause: Interrupted | None) -> Outcome:
    """Says how an attempt failed. cause is why it was ended, None when it was not."""
    chain = _chain(raised)
    message = clip(_message(chain), limits.MAX_TEXT)
    if cause is not None and any(isinstance(e, (Interrupted, asyncio.CancelledError)) for e in chain):
        if isinstance(cause, Cancelled):
            return Outcome(wire.JOB_STATUS_CANCELLED, CODE_CANCELLED, clip(str(cause), limits.MAX_TEXT))
        if isinstance(cause, TimedOut):
            return Outcome(wire.JOB_STATUS_TIMEOUT, CODE_TIMEOUT, str(cause))
        return Outcome(wire.JOB_STATUS_FAILED_RETRYABLE, CODE_WORKER_STOPPED, str(cause))
    for e in chain:
        if isinstance(e, ToolError):
            code = clip(str(e.code), limits.MAX_TEXT) or CODE_ERROR
            return Outcome(_STATUS_OF_KIND[e.kind], code, message, _details(e.details))
    if not isinstance(raised, (Exception, asyncio.CancelledError)):
        return Outcome(wire.JOB_STATUS_FAILED, CODE_PANIC, message)
    return Outcome(wire.JOB_STATUS_FAILED, CODE_ERROR, message)


def _chain(raised: BaseException) -> list[BaseException]:
    """The exception and what it was raised from, on purpose only: what was caught and given up does not count."""
    chain: list[BaseException] = []
    e: BaseException | None = raised
    while e is not None and e not in chain:
        chain.append(e)
        e = e.__cause__
    return chain


def _message(chain: list[BaseException]) -> str:
    """The exceptions' texts, the outermost first. A code alone, which has a field of its own, is not repeated."""
    texts = []
    for i, e in enumerate(chain):
        text = str(e) or type(e).__name__
        if i > 0 and isinstance(e, ToolError) and e.message:
            text = e.code + ": " + e.message
        texts.append(text)
    return ": ".join(texts)


def _details(details: typing.Any) -> bytes:
    """Encodes details; what cannot be kept is left out, for the failure itself counts more."""
    if details is None:
        return b""
    try:
        data = json.dumps(details, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        return b""
    return data if len(data) <= limits.MAX_DETAILS else b""

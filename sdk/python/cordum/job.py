"""What a tool is told about its job besides the input, and what it can say while it works."""

from __future__ import annotations

import dataclasses
import json
import threading
import typing

from . import limits
from .constraint import Constraint, Proof, read_constraints
from .errors import Interrupted
from .logs import JobLog


@dataclasses.dataclass(frozen=True)
class Lock:
    """A lock that the job holds from before its dispatch until its end. fencing_token grows with every grant of the
    lock: whoever guards the resource refuses what comes with a smaller one than it has seen."""

    name: str
    shared: bool
    fencing_token: int


def _silent(*_: typing.Any) -> None:
    """Speaks to nobody: a test of a tool made the job."""


@dataclasses.dataclass
class Job:
    """A job, as its tool sees it. A test of a tool makes its own; what that says goes nowhere.

    Its methods may be called from any thread, never wait, and may be called as often as wanted.
    """

    # The job's: the same for all its attempts.
    id: str = ""
    # The key of an idempotent effect: the same for all attempts, retries and restarts, and another one when the step
    # runs again after its effect was undone.
    key: str = ""
    attempt_id: str = ""
    # Counts from 1.
    attempt: int = 1
    topic: str = ""
    tenant: str = ""
    # On whose behalf; may be empty.
    principal: str = ""
    # Empty for a job sent by itself.
    workflow: str = ""
    run_id: str = ""
    step_id: str = ""
    # Of a fan-out, from 0.
    iteration: int = 0
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    # The W3C trace context; empty when the run is not traced.
    traceparent: str = ""
    # The conditions under which the job may run.
    constraints: list[Constraint] = dataclasses.field(default_factory=list)
    # What the job holds while it runs.
    locks: list[Lock] = dataclasses.field(default_factory=list)

    _state: bytes = b""
    _proof: Proof = dataclasses.field(default_factory=Proof, repr=False, compare=False)
    _say: typing.Callable[[int, str, bytes | None], None] = dataclasses.field(
        default=_silent, repr=False, compare=False
    )
    _write: typing.Callable[[str, str], None] = dataclasses.field(default=_silent, repr=False, compare=False)
    _hide: typing.Callable[[typing.Iterable[str]], None] = dataclasses.field(default=_silent, repr=False, compare=False)
    _ended: threading.Event = dataclasses.field(default_factory=threading.Event, repr=False, compare=False)
    _cause: typing.Callable[[], Interrupted | None] = dataclasses.field(default=_silent, repr=False, compare=False)  # type: ignore[assignment]

    def progress(self, percent: int, message: str = "", state: typing.Any = None) -> None:
        """Tells people how far the job is, 0 to 100 percent. state, if not None, is a checkpoint: as JSON, at most
        64 KiB, it is given to the next attempt should this one fail. Ten messages a second are sent, the last one
        always. ValueError says that the state cannot be kept; nothing is said then."""
        encoded = None
        if state is not None:
            try:
                encoded = json.dumps(state, allow_nan=False, separators=(",", ":")).encode()
            except (TypeError, RecursionError) as e:
                raise ValueError(f"progress state: {e}") from None
            if len(encoded) > limits.MAX_STATE:
                raise ValueError(f"progress state is {len(encoded)} bytes as JSON, at most {limits.MAX_STATE} are kept")
        self._say(percent, message, encoded)

    def last_state(self, default: typing.Any = None) -> typing.Any:
        """The checkpoint that an earlier attempt left; default when there is none. ValueError when it is no JSON."""
        return json.loads(self._state) if self._state else default

    @property
    def log(self) -> JobLog:
        """The job's log: job.log.info("…"), or job.log("stdout", "…")."""
        return JobLog(self._write)

    def redact(self, *texts: str) -> None:
        """Hides texts in what the job logs from now on, besides those of Worker: secrets that the tool got hold of.
        Those shorter than 4 bytes are not hidden: they would hide everything."""
        self._hide(texts)

    def lock(self, name: str) -> Lock | None:
        """The lock of that name, None when the job does not hold it."""
        return next((lock for lock in self.locks if lock.name == name), None)

    def constraint(self, kind: str) -> Constraint | None:
        """The job's first constraint of a type, None when it has none."""
        return next((c for c in self.constraints if c.type == kind), None)

    def prove(self, kind: str, evidence: typing.Any) -> None:
        """Adds evidence that a constraint held to the job's result; given again it replaces what was given before. Of a
        Max type it is the number that was reached, of an allow-list the list of what was used, of DenyPaths the list of
        paths that were touched, else whatever speaks for it. It is kept with the result: no secrets. ValueError says
        that it cannot be sent."""
        self._proof.prove(kind, evidence)

    def used(self, unit: str, amount: float) -> None:
        """Says how much of a unit the job used up, for budgets of the policy: tokens, cost. Given again, amounts add
        up. Without it what was estimated counts."""
        self._proof.use(unit, amount)

    @property
    def cancelled(self) -> bool:
        """Whether the tool is to stop: the job was cancelled, its time is over, or the worker stops. A tool that is a
        coroutine gets asyncio.CancelledError besides; one that is a plain function asks here, or calls check."""
        return self._ended.is_set()

    @property
    def cause(self) -> Interrupted | None:
        """Why the tool is to stop: Cancelled, TimedOut or Stopped; None while it is not."""
        return self._cause()

    def check(self) -> None:
        """Raises the cause when the tool is to stop. Letting it pass says that nothing was left behind."""
        cause = self.cause
        if cause is not None:
            raise cause

    def wait(self, seconds: float) -> bool:
        """Sleeps, in a plain function, until the time is over or the tool is to stop: then the answer is True."""
        return self._ended.wait(seconds)


def job_of(request: typing.Any) -> Job:
    """What a request says. Its constraints are read, which raises Fatal when they cannot be."""
    job_id = request.job_id.partition("@")[0]
    return Job(
        id=job_id,
        key=request.meta.idempotency_key or job_id,
        attempt_id=request.job_id,
        attempt=max(request.attempt, 1),
        topic=request.topic,
        tenant=request.tenant_id,
        principal=request.principal_id,
        workflow=request.workflow_id,
        run_id=request.run_id,
        step_id=request.step_id,
        iteration=request.iteration,
        labels=dict(request.labels),
        env=dict(request.env),
        traceparent=request.traceparent,
        constraints=read_constraints(request.constraints),
        locks=[Lock(held.name, held.shared, held.fencing_token) for held in request.locks],
        _state=request.progress_state,
    )

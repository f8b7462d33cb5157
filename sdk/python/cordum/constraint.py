"""Under what a job runs: the policy's constraints, its signature, and what a result says of both."""

from __future__ import annotations

import builtins
import dataclasses
import json
import math
import threading
import typing

from . import limits, wire
from .errors import CODE_INVALID_CONSTRAINTS, CODE_UNSIGNED_DECISION, Fatal

_INT64 = 1 << 63


@dataclasses.dataclass(frozen=True)
class Constraint:
    """A condition of the policy's decision under which a job runs. The engine keeps those that it can (timeouts,
    retries, concurrency, sizes of outputs, rates, budgets); the others are the tool's to keep."""

    # The word of the policy: EgressAllowlist, FsAllowlist, AllowedTools, DenyPaths, MaxDiffFiles, Sandbox …
    type: str
    # A number, a list of texts, or an object, as the policy has it; None where the type takes none.
    value: typing.Any = None
    # The job fails without evidence that the constraint held: Job.prove gives it.
    prove: bool = False

    @property
    def max(self) -> int | None:
        """The value of a constraint that is a whole number: seconds, bytes or counts. None when it is none."""
        is_number = isinstance(self.value, int) and not isinstance(self.value, bool)
        return self.value if is_number and -_INT64 <= self.value < _INT64 else None

    @property
    def list(self) -> builtins.list[str] | None:
        """The value of a constraint that is a list of texts, or None. An empty allow-list allows nothing."""
        is_list = isinstance(self.value, list) and all(isinstance(v, str) for v in self.value)
        return self.value if is_list else None


def read_constraints(raw: bytes | str) -> builtins.list[Constraint]:
    """Reads what an attempt has to keep. What cannot be read is no permission: Fatal."""
    if not raw:
        return []
    try:
        found = json.loads(raw)
        if not isinstance(found, list):
            raise ValueError("they are no list")
        return [_constraint(c) for c in found]
    except (ValueError, RecursionError) as e:
        raise Fatal(CODE_INVALID_CONSTRAINTS, f"the constraints of the job cannot be read: {e}") from None


def _constraint(c: typing.Any) -> Constraint:
    if not isinstance(c, dict):
        raise ValueError("one is no object")
    kind, prove = c.get("type", ""), c.get("prove", False)
    if not isinstance(kind, str) or not isinstance(prove, bool):
        raise ValueError("type is a text and prove is true or false")
    return Constraint(kind, c.get("value"), prove)


def time_limit_ms(timeout_ms: int, constraints: typing.Iterable[Constraint]) -> int | None:
    """How long a tool may run: the attempt's timeout, or the policy's where that is less; None is without end."""
    limit = timeout_ms if timeout_ms > 0 else None
    for c in constraints:
        seconds = c.max if c.type == "MaxTimeout" else None
        if seconds is None or seconds > limits.MAX_SECONDS:
            continue
        allowed = max(seconds, 0) * 1000
        limit = allowed if limit is None else min(limit, allowed)
    return limit


def decision_verifier(key: bytes) -> typing.Callable[[typing.Any], None]:
    """Makes the check of decisions by a server's Ed25519 public key. Raises ValueError for what is no key, and
    ImportError where the package that can check is missing: install "cordum-worker[signatures]"."""
    if not key:
        return lambda request: None
    if len(key) != 32:
        raise ValueError(f"decision_key has {len(key)} bytes, an Ed25519 public key has 32")
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as e:
        raise ImportError('decision_key needs the package cryptography: install "cordum-worker[signatures]"') from e
    public = Ed25519PublicKey.from_public_bytes(key)

    def verify(request: typing.Any) -> None:
        if not request.constraints:
            return
        try:
            public.verify(request.decision_signature, wire.decision_message(request))
        except InvalidSignature:
            message = "the constraints of the job are not signed by the server"
            raise Fatal(CODE_UNSIGNED_DECISION, message) from None

    return verify


class Proof:
    """What an attempt's result says besides its output. It may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = 0
        self._evidence: dict[str, str] = {}
        self._used: dict[str, float] = {}

    def prove(self, kind: str, evidence: typing.Any) -> None:
        """Adds evidence; given again it replaces what was given before. ValueError says that it cannot be sent."""
        if not kind:
            raise ValueError("evidence names the type of its constraint")
        try:
            text = json.dumps(evidence, allow_nan=False, separators=(",", ":"))
        except (TypeError, RecursionError) as e:
            raise ValueError(f"evidence of {kind}: {e}") from None
        with self._lock:
            size = self._size + len(text) - len(self._evidence.get(kind, ""))
            size += len(kind.encode()) + limits.PROOF_OVERHEAD
            if size > limits.MAX_PROOF:
                raise ValueError(f"the evidence of a job has at most {limits.MAX_PROOF} bytes as JSON")
            self._size, self._evidence[kind] = size, text

    def use(self, unit: str, amount: float) -> None:
        """Counts what was used up; amounts of one unit add up."""
        if not unit or not math.isfinite(amount) or amount < 0:
            raise ValueError(f"{amount!r} of {unit!r} is no amount that a budget can count")
        with self._lock:
            if unit not in self._used and len(self._used) >= limits.MAX_UNITS:
                raise ValueError(f"a job uses at most {limits.MAX_UNITS} units")
            self._used[unit] = self._used.get(unit, 0) + amount

    def attach(self, result: typing.Any, constraints: typing.Iterable[Constraint], key: str, took_ms: float) -> None:
        """Puts into a result what was said, and what the library itself knows of constraints that want a proof."""
        with self._lock:
            used, evidence = dict(self._used), dict(self._evidence)
        if used:
            result.usage = json.dumps(used).encode()
        if result.status != wire.JOB_STATUS_SUCCEEDED:
            return
        known = {"MaxTimeout": took_ms / 1000, "MaxOutputBytes": len(result.output), "RequireIdempotencyKey": key}
        for c in constraints:
            if c.prove and c.type in known and c.type not in evidence:
                evidence[c.type] = json.dumps(known[c.type])
        if evidence:
            result.evidence = ("{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in evidence.items()) + "}").encode()

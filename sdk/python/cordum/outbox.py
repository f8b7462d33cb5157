"""Questions (a JobBegin, a JobResult) that are sent again until they have a definite answer."""

from __future__ import annotations

import asyncio
import random
import typing

from google.protobuf.message import DecodeError
from nats.aio.msg import Msg

from . import limits, wire
from .link import Link

_DEFINITE = (wire.ACK_OK, wire.ACK_STALE, wire.ACK_INVALID)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def ask_again_ms(first: int, count: int) -> float:
    """How long a question waits that was asked so often before: first·2^count, at most ASK_AGAIN_MAX, up to a fifth
    sooner so that a herd spreads."""
    wait = limits.ASK_AGAIN_MAX if count > 10 else min(first << count, limits.ASK_AGAIN_MAX)
    return wait * random.uniform(0.8, 1.0)


class Question:
    """Something that wants a definite answer."""

    __slots__ = ("answered", "data", "number", "refusals", "silences", "subject", "timer")

    def __init__(self, number: int, subject: str, data: bytes, answered: typing.Callable[[int, str], None]) -> None:
        self.number, self.subject, self.data, self.answered = number, subject, data, answered
        # How often it met silence since it was last refused, and how often it was refused.
        self.silences = self.refusals = 0
        self.timer: asyncio.TimerHandle | None = None


class Outbox:
    """Belongs to the loop: every method is called on it. Answers come to <inbox>.<number of the question>."""

    def __init__(self, inbox: str) -> None:
        self.inbox = inbox
        self._last = 0
        self._open: dict[int, Question] = {}
        self._link: Link | None = None

    def use(self, link: Link) -> None:
        """Says by what is sent."""
        self._link = link

    def ask(self, subject: str, data: bytes, answered: typing.Callable[[int, str], None]) -> Question:
        """Sends a question, again and again until it is answered or dropped. answered gets the code and the message of
        the Ack, once."""
        self._last += 1
        q = Question(self._last, subject, data, answered)
        self._open[q.number] = q
        self.send(q)
        self._later(q, ask_again_ms(limits.SILENCE_MIN, 0))
        return q

    def drop(self, q: Question) -> None:
        """Forgets a question; its answer, should one come, is nobody's."""
        self._open.pop(q.number, None)
        if q.timer is not None:
            q.timer.cancel()

    def send(self, q: Question) -> None:
        """Sends a question once more, at once."""
        if self._link is not None:
            self._link.post(q.subject, q.data, f"{self.inbox}.{_base36(q.number)}")

    def send_all(self) -> None:
        """Sends every open question, for a connection that came back."""
        for q in list(self._open.values()):
            self.send(q)

    def close(self) -> None:
        """Drops everything."""
        for q in list(self._open.values()):
            self.drop(q)

    def receive(self, m: Msg) -> None:
        """Takes one answer. A definite one ends its question; everything else makes it wait longer."""
        try:
            q = self._open.get(int(m.subject.rpartition(".")[2], 36))
        except ValueError:
            return
        if q is None:
            return  # answered before
        ack = _read_ack(m.data)
        if ack is not None and ack.code in _DEFINITE:
            self.drop(q)
            q.answered(ack.code, ack.message)
            return
        self._later(q, ask_again_ms(limits.REFUSED_MIN, q.refusals))
        q.refusals += 1
        q.silences = -1  # the next sending counts as the first

    def _later(self, q: Question, ms: float) -> None:
        if q.timer is not None:
            q.timer.cancel()
        q.timer = asyncio.get_running_loop().call_later(ms / 1000, self._again, q)

    def _again(self, q: Question) -> None:
        q.silences += 1
        self.send(q)
        self._later(q, ask_again_ms(limits.SILENCE_MIN, q.silences))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _read_ack(data: bytes) -> typing.Any:
    """An answer; None for what is none."""
    try:
        packet = wire.BusPacket.FromString(data)
    except DecodeError:
        return None
    return packet.ack if packet.WhichOneof("payload") == "ack" else None

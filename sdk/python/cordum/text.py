"""Texts and ids: what is fit for the wire, and what an attempt is known by."""

from __future__ import annotations

import collections
import hashlib
import re
import struct

_LONE_SURROGATES = re.compile("[\ud800-\udfff]+")
_TOPIC = re.compile(r"job(\.[^\s.*>]+)+")
_WORKER_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def clip(text: str, most: int) -> str:
    """Makes a text fit for the wire: valid UTF-8, at most so many bytes."""
    if len(text) > most:  # a character is a byte at least
        text = text[:most]
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = _LONE_SURROGATES.sub("\ufffd", text).encode()
    return data[:most].decode(errors="ignore")


def is_text(text: object) -> bool:
    """Whether this is a text that a packet can carry."""
    return isinstance(text, str) and _LONE_SURROGATES.search(text) is None


def check_topic(topic: str) -> None:
    """Raises ValueError for what is no topic: job.<name>, without wildcards, white space and empty parts."""
    if not is_text(topic) or not _TOPIC.fullmatch(topic):
        raise ValueError(f"{topic!r} is no topic: want job.<name>, no wildcards, no white space and no empty part")


def tool_topic(pack: str, tool: str) -> str:
    """The topic of a pack's tool. Raises ValueError when there is none."""
    if not pack or not tool:
        raise ValueError(f"a tool needs a pack and a name, not {pack!r} and {tool!r}")
    topic = f"job.{pack}.{tool}"
    check_topic(topic)
    return topic


def check_worker_id(worker_id: str) -> None:
    """Raises ValueError for what no worker can be called."""
    if not _WORKER_ID.fullmatch(worker_id):
        raise ValueError(f'worker id {worker_id!r}: use 1 to 128 letters, digits, "-" and "_"')


def key_of(job_id: str, token: bytes) -> bytes:
    """What an attempt is known by: its id and its token. Only a new attempt has a new one."""
    name = job_id.encode()
    return hashlib.sha256(struct.pack(">I", len(name)) + name + token).digest()[:16]


class Remembered:
    """The newest of the keys that were added, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: collections.OrderedDict[bytes, None] = collections.OrderedDict()

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def add(self, key: bytes) -> None:
        """Adds a key; one that is known already stays as old as it is."""
        self._known.setdefault(key)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

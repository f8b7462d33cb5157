"""What a worker is told, checked."""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import socket
import typing

from . import limits
from .text import check_worker_id, is_text


@dataclasses.dataclass
class Config:
    """Where a worker connects and what it can take. See Worker, whose arguments these are."""

    url: str = "nats://127.0.0.1:4222"
    user: str = ""
    password: str = ""
    token: str = ""
    nats_options: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    id: str = ""
    pool: str = ""
    region: str = ""
    capacity: int = 0
    capabilities: typing.Sequence[str] = ()
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    heartbeat: float = limits.HEARTBEAT_SECONDS
    drain_timeout: float = limits.DRAIN_SECONDS
    decision_key: bytes = b""
    redact: typing.Sequence[str] = ()

    def __post_init__(self) -> None:
        """Fills in the defaults. ValueError says what cannot be."""
        self.id = self.id or default_id()
        self.capacity = self.capacity or os.cpu_count() or 1
        check_worker_id(self.id)
        if self.capacity < 0:
            raise ValueError(f"capacity {self.capacity} is negative")
        if self.heartbeat <= 0 or self.drain_timeout < 0:
            raise ValueError("heartbeat is to be more than 0 seconds, drain_timeout not negative")
        if isinstance(self.capabilities, str) or isinstance(self.redact, str):
            raise ValueError("capabilities and redact are lists of texts, not one")
        texts = [self.pool, self.region, *self.capabilities, *self.labels.keys(), *self.labels.values()]
        for text in texts:
            if not is_text(text):
                raise ValueError(f"pool, region, capabilities and labels are texts, {text!r} is not")

    @property
    def urls(self) -> list[str]:
        """The servers: url may name several with commas."""
        return [u.strip() for u in self.url.split(",") if u.strip()]

    def options(self) -> dict[str, typing.Any]:
        """What the connection is made with."""
        options = {"name": "cordum worker " + self.id, "inbox_prefix": "_INBOX." + self.id, **self.nats_options}
        for name in ("user", "password", "token"):
            if getattr(self, name):
                options[name] = getattr(self, name)
        return options


def default_id() -> str:
    """The host's name and a random part."""
    host = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname() or "worker")
    return f"{host[:50]}-{secrets.token_hex(4)}"

"""Reads sdk/testdata/vectors."""

from __future__ import annotations

import json
import pathlib
import typing

FOLDER = pathlib.Path(__file__).parents[2] / "testdata" / "vectors"


class Fields(dict):
    """One side of a case, which notes what was looked at: a field that nobody looked at fails the case."""

    def __init__(self, fields: dict[str, typing.Any]) -> None:
        super().__init__(fields)
        self.unread = set(fields)

    def get(self, name: str, default: typing.Any = None) -> typing.Any:
        """Reads a field."""
        self.unread.discard(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> typing.Any:
        self.unread.discard(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.unread.discard(str(name))
        return super().__contains__(name)


def load(file: pathlib.Path) -> tuple[str, list[dict[str, typing.Any]]]:
    """The kind and the cases of a file."""
    data = _written(json.loads(file.read_text(encoding="utf-8")))
    return data["kind"], data["cases"]


def _written(v: typing.Any) -> typing.Any:
    """Puts what {repeat, times, then} stands for in its place."""
    if isinstance(v, list):
        return [_written(x) for x in v]
    if not isinstance(v, dict):
        return v
    if "repeat" in v:
        repeated = _written(v["repeat"]) * v["times"]
        return repeated + v["then"] if "then" in v else repeated
    return {k: _written(x) for k, x in v.items()}

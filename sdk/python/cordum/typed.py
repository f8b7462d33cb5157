"""Typed tools: the input of a job as the types that a tool is annotated with, and its output as JSON.

Understood are dataclasses, TypedDict, models of pydantic, list, tuple, dict, Optional, Union, Literal, Enum, and plain
bool, int, float and str. What has no annotation, or another one, is taken as JSON says it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import json
import pathlib
import types
import typing
import uuid

from .errors import CODE_INVALID_INPUT, CODE_INVALID_OUTPUT, Fatal

_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


class _Mismatch(Exception):
    """Where an input is not what is wanted. It repeats none of its values."""

    def __init__(self, path: str, want: str) -> None:
        super().__init__(f'input field "{path}" {want}' if path else f"the input {want}")


def input_type(
    fn: typing.Callable[..., typing.Any], names: typing.Mapping[str, typing.Any] | None = None
) -> tuple[int, typing.Any]:
    """How many arguments a tool takes (job, or job and input) and the type of its input. names are those of the place
    where the tool is registered, which its annotations may speak of besides its module's. TypeError for other tools."""
    parameters = list(inspect.signature(fn).parameters.values())
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not positional or len(required) > 2 or any(p.kind is p.KEYWORD_ONLY for p in required):
        raise TypeError(f"a tool takes a job and an input, {getattr(fn, '__qualname__', fn)} does not")
    if len(positional) == 1:
        return 1, typing.Any
    annotated = fn if inspect.isroutine(fn) else fn.__call__  # type: ignore[operator]
    try:
        hints = typing.get_type_hints(annotated, localns=dict(names or {}))
    except (NameError, TypeError) as e:  # taking anything instead would be a tool without its checks
        raise TypeError(f"the types of tool {getattr(fn, '__qualname__', fn)} cannot be read: {e}") from None
    return 2, hints.get(positional[1].name, typing.Any)


def decode(raw: bytes, wanted: typing.Any) -> typing.Any:
    """Reads an input. Fatal with CODE_INVALID_INPUT says what is wrong with it, without repeating any of its values."""
    try:
        value = json.loads(raw) if raw else None
    except json.JSONDecodeError as e:
        raise Fatal(CODE_INVALID_INPUT, f"input is not JSON, at character {e.pos}") from None
    except (UnicodeDecodeError, RecursionError):
        raise Fatal(CODE_INVALID_INPUT, "input is not JSON") from None
    if value is None and _takes_none(wanted):
        return None
    try:
        return _convert({} if value is None and not raw else value, wanted, "")
    except _Mismatch as e:
        raise Fatal(CODE_INVALID_INPUT, str(e)) from None


def _takes_none(wanted: typing.Any) -> bool:
    return wanted in (typing.Any, None, type(None)) or type(None) in typing.get_args(wanted)


def _convert(value: typing.Any, wanted: typing.Any, path: str) -> typing.Any:
    origin = typing.get_origin(wanted)
    if wanted is typing.Any or wanted is inspect.Parameter.empty:
        return value
    if wanted is None or wanted is type(None):
        return _is(value is None, value, path, "is to be null")
    if origin in _UNIONS:
        return _union(value, wanted, path)
    if origin is typing.Literal:
        return _is(value in typing.get_args(wanted), value, path, "is none of the words that it can be")
    if origin in (list, tuple, set, frozenset, collections.abc.Sequence):
        return _sequence(value, origin, typing.get_args(wanted), path)
    if origin in (dict, collections.abc.Mapping):
        return _mapping(value, typing.get_args(wanted), path)
    if isinstance(wanted, type):
        return _class(value, wanted, path)
    return value


def _is(ok: bool, value: typing.Any, path: str, want: str) -> typing.Any:
    if not ok:
        raise _Mismatch(path, want)
    return value


def _union(value: typing.Any, wanted: typing.Any, path: str) -> typing.Any:
    options = typing.get_args(wanted)
    if value is None and type(None) in options:
        return None
    first: _Mismatch | None = None
    for option in options:
        if option is type(None):
            continue
        try:
            return _convert(value, option, path)
        except _Mismatch as e:
            first = first or e
    raise first or _Mismatch(path, "is to be null")


def _sequence(value: typing.Any, origin: typing.Any, args: tuple[typing.Any, ...], path: str) -> typing.Any:
    _is(isinstance(value, list), value, path, "is to be a list")
    fixed = origin is tuple and args and args[-1] is not Ellipsis
    if fixed:
        _is(len(value) == len(args), value, path, f"is to be a list of {len(args)}")
    items = [_convert(v, args[i] if fixed else (args or (typing.Any,))[0], f"{path}[{i}]") for i, v in enumerate(value)]
    return items if origin in (list, collections.abc.Sequence) else origin(items)


def _mapping(value: typing.Any, args: tuple[typing.Any, ...], path: str) -> typing.Any:
    _is(isinstance(value, dict), value, path, "is to be an object")
    return {k: _convert(v, args[1] if args else typing.Any, _under(path, k)) for k, v in value.items()}


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _class(value: typing.Any, wanted: type, path: str) -> typing.Any:
    if wanted is bool:
        return _is(isinstance(value, bool), value, path, "is to be true or false")
    if wanted is int:
        return _is(isinstance(value, int) and not isinstance(value, bool), value, path, "is to be a whole number")
    if wanted is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(_is(number, value, path, "is to be a number"))
    if wanted is str:
        return _is(isinstance(value, str), value, path, "is to be a text")
    if wanted in (list, dict):
        return _is(isinstance(value, wanted), value, path, "is to be " + ("a list" if wanted is list else "an object"))
    if hasattr(wanted, "model_validate"):
        return _model(value, wanted, path)
    if dataclasses.is_dataclass(wanted):
        return _record(value, wanted, path)
    if typing.is_typeddict(wanted) if hasattr(typing, "is_typeddict") else hasattr(wanted, "__total__"):
        return _typed_dict(value, wanted, path)
    if issubclass(wanted, enum.Enum):
        try:
            return wanted(value)
        except ValueError:
            raise _Mismatch(path, "is none of the words that it can be") from None
    return value


def _record(value: typing.Any, wanted: typing.Any, path: str) -> typing.Any:
    _is(isinstance(value, dict), value, path, "is to be an object")
    hints = typing.get_type_hints(wanted)
    given = {}
    for field in dataclasses.fields(wanted):
        if not field.init:
            continue
        if field.name in value:
            given[field.name] = _convert(value[field.name], hints[field.name], _under(path, field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _Mismatch(_under(path, field.name), "is missing")
    try:
        return wanted(**given)
    except (ValueError, TypeError):  # of __post_init__, whose message may have the value in it
        raise _Mismatch(path, f"is no {wanted.__name__}") from None


def _typed_dict(value: typing.Any, wanted: typing.Any, path: str) -> typing.Any:
    _is(isinstance(value, dict), value, path, "is to be an object")
    for name in wanted.__required_keys__:
        _is(name in value, value, _under(path, name), "is missing")
    hints = typing.get_type_hints(wanted)
    return {k: _convert(v, hints.get(k, typing.Any), _under(path, k)) for k, v in value.items()}


def _model(value: typing.Any, wanted: typing.Any, path: str) -> typing.Any:
    try:
        return wanted.model_validate(value)
    except ValueError as e:  # pydantic's; its text repeats the values
        errors = e.errors() if hasattr(e, "errors") else [{"loc": (), "type": "invalid"}]
        where = ".".join(str(part) for part in errors[0]["loc"])
        raise _Mismatch(_under(path, where) if where else path, f"is not as wanted: {errors[0]['type']}") from None


def encode(output: typing.Any) -> bytes:
    """Makes an output JSON. Fatal with CODE_INVALID_OUTPUT says that it is none."""
    try:
        text = json.dumps(output, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as e:
        reason = "a text in it is no UTF-8" if isinstance(e, UnicodeEncodeError) else str(e)
        raise Fatal(CODE_INVALID_OUTPUT, reason) from None


def _plain(value: typing.Any) -> typing.Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (pathlib.PurePath, uuid.UUID)):
        return str(value)
    if isinstance(value, (collections.abc.Mapping, collections.abc.Set)):
        return dict(value) if isinstance(value, collections.abc.Mapping) else sorted(value)
    raise TypeError(f"an object of type {type(value).__name__} is no JSON")

"""Frozen records to plain values and back, strictly: an unknown key is an error; from TOML too."""

from __future__ import annotations

import tomllib
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_plain(record: Any) -> dict[str, Any]:
    """Return the fields of a record as plain values, nested records as dictionaries."""
    return {f.name: _plain(getattr(record, f.name)) for f in fields(record)}


def from_plain(kind: type[Record], values: Mapping[str, Any], where: str = "") -> Record:
    """Make a record from plain values.

    Args:
        kind: a dataclass whose fields are numbers, strings, tuples of them, mappings or records.
        values: its fields; those left out take their defaults.
        where: the table's name in front of the keys, for messages.

    Raises:
        ValueError: for an unknown key or a value of the wrong type.
    """
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    unknown = [key for key in values if key not in known]
    if unknown:
        raise ValueError(f"unknown setting {where}{unknown[0]}; known: {', '.join(known)}")
    return kind(**{k: _value(hints[k], v, where + k) for k, v in values.items()})


def read_toml(path: Path, *, command: str) -> dict[str, Any]:
    """Read the plain values of a configuration file.

    Args:
        path: the file.
        command: that writes one when it is called with ``--show``, for messages.

    Raises:
        ValueError: if it is not TOML.
        OSError: if it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise type(error)(
            f"cannot read the configuration {path}: {error.strerror}; "
            f"write one with: {command} --show > FILE"
        ) from None


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_plain(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if is_dataclass(hint):
        _require(isinstance(value, Mapping), where, "a table", value)
        return from_plain(hint, value, where + ".")  # type: ignore[arg-type]
    if origin is tuple:
        _require(isinstance(value, list | tuple), where, "a list", value)
        return tuple(_value(get_args(hint)[0], item, where) for item in value)
    if origin is not None and origin is not Literal and origin is not types.UnionType:
        _require(isinstance(value, Mapping), where, "a table", value)
        item_hint = get_args(hint)[1]
        return {key: _value(item_hint, item, f"{where}.{key}") for key, item in value.items()}
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is Literal or hint is str:
        _require(isinstance(value, str), where, "text", value)
    elif hint is bool:
        _require(isinstance(value, bool), where, "true or false", value)
    elif hint is int:
        _require(isinstance(value, int) and not isinstance(value, bool), where, "an integer", value)
    elif hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        _require(number, where, "a number", value)
        return float(value)
    return value


def _require(condition: bool, where: str, what: str, value: Any) -> None:
    if not condition:
        raise ValueError(f"{where} must be {what}, got {value!r}")

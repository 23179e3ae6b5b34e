"""Frozen dataclasses from plain values (json, YAML), checked: an unknown key or a wrong type is one clear sentence.

Fields may be str, bool, int, float, ``X | None``, ``tuple[X, ...]``, tuples of fixed length, ``dict[str, X]``, ``Any``
and other dataclasses.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from dcepk.errors import InputError

_WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def from_plain(wanted: Any, value: Any, name: str) -> Any:
    """The value as the wanted type.

    Parameters
    ----------
    wanted : type
        A dataclass or one of the types above.
    value : object
        Plain values as ``json.load`` and ``yaml.safe_load`` return them.
    name : str
        What the value is called in messages, such as the name of the file.

    Raises
    ------
    InputError
        When a key is unknown or missing, or a value has another type.
    """
    if is_dataclass(wanted):
        return _record(wanted, value, name)
    if wanted is Any:
        return value
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return None if value is None else from_plain(next(t for t in inner if t is not type(None)), value, name)
    if origin is tuple:
        return _tuple(inner, value, name)
    if origin is dict:
        if not isinstance(value, dict):
            raise InputError(f"{name} must be a table of names and values, not {value!r}.")
        return {str(k): from_plain(inner[1], v, f"{name}: {k}") for k, v in value.items()}
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise InputError(f"{name} must be {_WORDS[wanted]}, not {value!r}.")
    return value


def _record(wanted: type, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise InputError(f"{name} must be a table of names and values, not {value!r}.")
    known = {f.name: f for f in fields(wanted) if f.init}
    for key in value:
        if key not in known:
            raise InputError(f"{name} has the unknown key '{key}'; known are {', '.join(known)}.")
    missing = [
        key for key, f in known.items() if key not in value and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise InputError(f"{name} lacks {', '.join(missing)}.")
    hints = get_type_hints(wanted)
    values = {key: from_plain(hints[key], v, f"{name}: {key}") for key, v in value.items()}
    try:
        return wanted(**values)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def _tuple(inner: tuple, value: Any, name: str) -> tuple:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{name} must be a list, not {value!r}.")
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(from_plain(inner[0], v, f"{name}[{i}]") for i, v in enumerate(value))
    if len(value) != len(inner):
        raise InputError(f"{name} must be a list of {len(inner)} values, not of {len(value)}.")
    return tuple(from_plain(t, v, f"{name}[{i}]") for i, (t, v) in enumerate(zip(inner, value)))

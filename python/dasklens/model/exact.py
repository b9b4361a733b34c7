"""Values as JSON that comes back to the same: tuples stay tuples, and bytes, NaN and odd keys survive.

A value that JSON can hold is written as itself. Any other is msgpack in base64, in an object with the one
key ``msgpack``: what was written is always strict JSON of well-formed Unicode, which every reader takes.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from ..wire.frames import NameBudget, pack_name, unpack_name

_PACKED = "msgpack"
#: Levels of nesting of what is written as itself: readers of JSON have a limit.
_DEEPEST = 50


def encode(value: Any) -> Any:
    """`value` as `json.dumps` takes it."""
    if _plain(value, _DEEPEST):
        return value
    return {_PACKED: base64.b64encode(pack_name(value)).decode("ascii")}


def decode(value: Any) -> Any:
    """What `encode` was given.

    Raises
    ------
    ValueError
        When it was not written by `encode`.
    """
    if isinstance(value, dict) and _PACKED in value:
        try:
            return unpack_name(base64.b64decode(value[_PACKED], validate=True), NameBudget())
        except (TypeError, binascii.Error):
            raise ValueError("it should be base64") from None
        except Exception as error:  # msgpack has many
            raise ValueError(f"it should be msgpack ({type(error).__name__})") from None
    return _tuples(value)


def dumps(value: Any) -> str:
    """`value` as JSON."""
    return json.dumps(encode(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def loads(text: str) -> Any:
    """What `dumps` was given; a ValueError when it was not written by it."""
    try:
        return decode(json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def encodable(text: str) -> bool:
    """Whether text has no half of a surrogate pair, which UTF-8 cannot hold."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any, depth: int) -> bool:
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return True
    if kind is str:
        return encodable(value)
    if kind is float:
        return math.isfinite(value)
    if not depth:
        return False
    if kind is tuple:
        return all(_plain(each, depth - 1) for each in value)
    if kind is dict:
        return _PACKED not in value and all(
            type(key) is str and encodable(key) and _plain(each, depth - 1) for key, each in value.items()
        )
    return False


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(each) for each in value)
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return value

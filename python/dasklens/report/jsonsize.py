"""How much a JSON would make of memory, told without reading it: a list of two bytes takes some sixty."""

from __future__ import annotations

import json
import re
from typing import Any

#: Lists and objects, and values in them, that a report may have outside of its frames. Its tables and logs
#: are bounded where they are made: together they come to some hundred thousand.
MOST_LISTS, MOST_VALUES = 1_000_000, 4_000_000

#: Bytes of a JSON that may be anything: so few make little.
_SMALL = 1 << 20
_STRING = re.compile(rb'"[^"]*"')


def loaded(text: str | bytes) -> Any:
    """What a JSON of a stranger says.

    Raises
    ------
    ValueError
        When it is none, or holds more than a report may.
    RecursionError
    """
    if len(text) > _SMALL and not fits(text.encode() if isinstance(text, str) else text):
        raise ValueError("it holds more lists and values than any report")
    return json.loads(text)


def fits(data: bytes) -> bool:
    """Whether a JSON has no more lists, objects and values than a report may have."""
    if _lists(data) <= MOST_LISTS and data.count(b",") <= MOST_VALUES:
        return True
    # Text has brackets and commas too: they do not count. Without escapes, strings are easy to find.
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    lists = values = at = 0
    for strings, found in enumerate(_STRING.finditer(data)):
        lists += _lists(data, at, found.start())
        values += data.count(b",", at, found.start())
        at = found.end()
        if lists > MOST_LISTS or values > MOST_VALUES or strings > 4 * MOST_VALUES:
            return False
    lists, values = lists + _lists(data, at), values + data.count(b",", at)
    return lists <= MOST_LISTS and values <= MOST_VALUES


def _lists(data: bytes, start: int = 0, stop: int | None = None) -> int:
    return data.count(b"[", start, stop) + data.count(b"{", start, stop)

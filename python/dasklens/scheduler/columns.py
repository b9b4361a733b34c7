"""Numbers of strangers as columns of frames: what is no number counts as 0, and no more bytes than needed."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any

from .said import cut

#: The narrowest first: largest value, code of `array`, dtype.
_WIDTHS = ((0xFF, "B", "u1"), (0xFFFF, "H", "u2"), (0xFFFFFFFF, "I", "u4"))
#: What f4 can hold.
_MOST = 3e38


def number(value: Any) -> float:
    """`value` as a number from 0 to 3e38; 0 if it is none."""
    kind = type(value)
    if kind is not float and kind is not int:
        if value is None or isinstance(value, str | bytes):
            return 0.0
        try:
            value = float(value)
        except Exception:
            return 0.0
    # NaN is not above 0 either.
    return float(min(value, _MOST)) if value > 0 else 0.0


def text(value: Any) -> str:
    """`value` as a string of bounded length, whatever it is."""
    try:
        return cut(value)
    except Exception:
        return f"({type(value).__name__})"


def whole(values: Sequence[Any]) -> tuple[str, bytes]:
    """Whole numbers, not negative, as a column of the narrowest dtype; what is too large is the largest."""
    most = max(values, default=0)
    for largest, code, dtype in _WIDTHS:
        if most <= largest:
            return dtype, bytes(little(array(code, values)))
    largest, code, dtype = _WIDTHS[-1]
    return dtype, bytes(little(array(code, [min(value, largest) for value in values])))


def floats(values: array[float]) -> tuple[str, bytes]:
    """An array of ``f`` or ``d`` as a column."""
    return ("f4" if values.typecode == "f" else "f8"), bytes(little(values))


def little(column: array[Any]) -> array[Any]:
    """`column` in the byte order of frames."""
    if sys.byteorder == "big":  # pragma: no cover
        column = array(column.typecode, column)
        column.byteswap()
    return column

"""Numbers that a person gave as arguments."""

from __future__ import annotations

from math import inf, nan
from numbers import Real
from typing import Any


def number(value: Any, wanted: str, most: float = inf) -> float:
    """`value` as a number from 0 to `most`.

    Parameters
    ----------
    wanted : str
        What it should be: the beginning of a sentence.

    Raises
    ------
    TypeError
        When it is no number.
    ValueError
        When it is another one.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{wanted}, got {value!r}.")
    try:
        found = float(value)
    except OverflowError:
        found = nan
    if not 0 <= found <= most:
        raise ValueError(f"{wanted}, got {value!r}.")
    return found

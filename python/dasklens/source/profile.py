"""What a person says of times and workers, as `dasklens.scheduler.profiling` asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from numbers import Number
from time import time
from typing import Any

from dask.utils import parse_timedelta

#: An instant in seconds since the epoch, or how long ago: ``"10s"``.
When = float | int | str | None
#: A brushed interval, or None.
Interval = Sequence[float] | None


def instant(when: When, what: str) -> float | None:
    """Seconds since the epoch of a start or a stop.

    Raises
    ------
    ValueError
        When it is neither an instant nor a duration.
    """
    if when is None:
        return None
    if isinstance(when, str):
        try:
            return time() - float(parse_timedelta(when, default=False))
        except (ValueError, LookupError, OverflowError, TypeError):
            raise ValueError(
                f'{what} should be how long ago, such as "10s" or "2 minutes", got {when!r}.'
            ) from None
    try:
        seconds = nan if isinstance(when, bool) or not isinstance(when, Number) else float(when)
    except (TypeError, ValueError, OverflowError):
        # Complex, or too large.
        seconds = nan
    if isnan(seconds):
        raise ValueError(
            f'{what} should be seconds since the epoch or how long ago, such as "10s", got {when!r:.80}.'
        )
    return seconds


def stretch(start: When | Interval, stop: When) -> tuple[float | None, float | None]:
    """Start and stop in seconds since the epoch; `start` may be a brushed interval, which is both."""
    if isinstance(start, Sequence) and not isinstance(start, str):
        if len(start) != 2 or stop is not None:
            raise ValueError(
                f"start should be an instant, or an interval (start, stop) without a stop, got {start!r}."
            )
        start, stop = start
    begin, end = instant(start, "start"), instant(stop, "stop")
    if begin is not None and end is not None and begin > end:
        raise ValueError(f"start should not be after stop, got {start!r} and {stop!r}.")
    return begin, end


def addresses(workers: Any) -> tuple[str, ...] | None:
    """Workers as `Client.profile` takes them: an address, several, or None for all."""
    if workers is None:
        return None
    if isinstance(workers, (str, Number)):
        return (str(workers),)
    return tuple(str(each) for each in workers)

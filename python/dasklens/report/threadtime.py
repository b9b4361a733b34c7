"""Where the time of the worker threads went.

A *lane* is one worker thread. At each moment it does one thing: it computes; or else it waits for data to
come from disk, to be deserialized, or to come from another worker, for a task that it then runs; or else it
is idle. `distributed` transfers and reads in the background, often while the thread runs another task. Such
a span costs no thread time: it is *hidden*, and only what is not covered by something further up in the list
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: What a thread does, the most important first, and the actions of spans that mean it. An action that is not
#: known is something that the task itself reported: it counts as compute.
KINDS: dict[str, tuple[str, ...]] = {
    "compute": ("compute",),
    "disk": ("disk-read", "disk-write"),
    "serialization": ("deserialize", "serialize"),
    "transfer": ("transfer",),
}
Floats = npt.NDArray[np.float64]


#: Seconds by which clocks of workers may differ from the scheduler's before somebody is told: a worker
#: estimates the difference, a fresh one badly.
MOST_WIDENED = 1.0


@dataclass
class ThreadTime:
    """Seconds of all threads together.

    Attributes
    ----------
    spent : dict of str to float
        By kind, without what was hidden behind a kind before it: at most one kind at a time and thread.
    spans : dict of str to float
        By kind, all its spans added up, hidden or not.
    active : float
        Seconds in which at least one thread did something.
    """

    spent: dict[str, float]
    spans: dict[str, float]
    active: float

    @property
    def busy(self) -> float:
        """Seconds in which threads did something, added up over the threads."""
        return sum(self.spent.values())


def thread_time(
    kind: npt.NDArray[Any], lane: npt.NDArray[Any], begin: Floats, end: Floats, start: float, stop: float
) -> ThreadTime:
    """Measure spans.

    Parameters
    ----------
    kind : ndarray of int
        Per span, its place in `KINDS`.
    lane : ndarray of int
        Per span, the thread, from 0.
    begin, end : ndarray of float64
        Per span, seconds since the epoch.
    start, stop : float
        What is before and after is cut off.
    """
    length = max(0.0, stop - start)
    # In place where it can be: of millions of spans, half the time goes into the memory of copies.
    begin, end = begin - start, end - start
    for times in (begin, end):
        np.clip(times, 0.0, length, out=times)
    # Broken clocks say NaN: of no length.
    some = end > begin
    if not some.all():
        kind, lane, begin, end = kind[some], lane[some], begin[some], end[some]
    spans = {name: _length(begin, end, kind == place) for place, name in enumerate(KINDS)}
    order = np.argsort(begin, kind="stable")
    active = _union(begin[order], end[order])
    # All lanes one behind the other, on one line: a union over them is one pass.
    offset = lane * (length + 1.0)
    begin += offset
    end += offset
    order = np.argsort(begin, kind="stable")
    kind, begin, end = kind[order], begin[order], end[order]
    spent: dict[str, float] = {}
    covered = 0.0
    for place, name in enumerate(KINDS):
        if not spans[name]:
            spent[name] = 0.0
            continue
        up_to = kind <= place
        union = _union(begin[up_to], end[up_to])
        spent[name] = max(0.0, union - covered)
        covered = max(covered, union)
    return ThreadTime(spent, spans, active)


def widened(
    begin: Floats, end: Floats, computes: npt.NDArray[np.bool_], start: float, stop: float
) -> tuple[float, float]:
    """The time that spans are cut off at: from `start` to `stop`, and what tasks stick out by mistake.

    A task is recorded when the scheduler hears that it finished. So one that ended before `start` or after
    `stop` did so by a clock that is wrong, or its news took some time; one that only began before `start` was
    running already.

    Parameters
    ----------
    begin, end : ndarray of float64
        Per span, seconds since the epoch.
    computes : ndarray of bool
        Per span, whether its task ended with it.
    """
    begin, end = begin[computes], end[computes]
    # NaN is neither.
    before = (end < start) & (end >= start - MOST_WIDENED)
    if before.any():
        # As much as it is wrong at least, twice: the first task began before it ended.
        least = start - float(end[before].min())
        from_here = max(start - 2 * least, start - MOST_WIDENED)
        start = max(from_here, min(float(begin[before].min()), start))
    behind = (end > stop) & (end <= stop + MOST_WIDENED)
    return start, float(end[behind].max()) if behind.any() else stop


def _length(begin: Floats, end: Floats, which: npt.NDArray[np.bool_]) -> float:
    return float(end.sum(where=which) - begin.sum(where=which))


def _union(begin: Floats, end: Floats) -> float:
    """Length of the union of intervals that are sorted by where they begin; it writes over `begin`."""
    reached = np.maximum.accumulate(end)
    np.maximum(begin[1:], reached[:-1], out=begin[1:])
    np.subtract(end, begin, out=reached)
    np.maximum(reached, 0.0, out=reached)
    return float(reached.sum())

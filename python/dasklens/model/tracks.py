"""Tracks: which spans of a lane can stand in one row, because none begins before another has ended.

Viewers of traces take what overlaps in one row for a call within a call, or leave it out. A thread runs one
thing at a time, but what a task waited for, a transfer, comes while the thread still runs another.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
import numpy.typing as npt

#: Tracks of a lane; what fits in none of them stands in the last.
MOST = 64


def tracks(
    lane: npt.NDArray[Any],
    start: npt.NDArray[np.int64],
    stop: npt.NDArray[np.int64],
    beside: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """The track of each span, from 0.

    Parameters
    ----------
    lane : ndarray of int
    start, stop : ndarray of int
        Times in any unit.
    beside : ndarray of bool
        Spans that give way to the others of their lane: those come first.
    """
    found = np.zeros(len(lane), "u1")
    order = np.lexsort((stop, start, lane))
    ends = np.flatnonzero(np.diff(lane[order])) + 1
    for part in np.split(order, ends) if len(order) else ():
        begins, latest = start[part], np.maximum.accumulate(stop[part])
        if (begins[1:] < latest[:-1]).any():
            found[part] = _of_lane(begins.tolist(), stop[part].tolist(), beside[part].tolist())
    return found


def _of_lane(start: list[int], stop: list[int], beside: list[bool]) -> list[int]:
    """Tracks of the spans of a lane, which are in the order of their starts."""
    found = [0] * len(start)
    #: Of each track: where what is on it starts and stops; and where what came beside it stops.
    kept: list[tuple[list[int], list[int]]] = []
    ends: list[int] = []
    for i, (begin, end) in enumerate(zip(start, stop, strict=True)):
        if not beside[i]:
            at = next((k for k, (_, stops) in enumerate(kept) if stops[-1] <= begin), len(kept))
            found[i] = at = _track(at, kept, ends)
            starts, stops = kept[at]
            starts.append(begin)
            stops.append(max(end, stops[-1]) if stops else end)
    for i, (begin, end) in enumerate(zip(start, stop, strict=True)):
        if beside[i]:
            at = next(
                (k for k, last in enumerate(ends) if last <= begin and _free(kept[k], begin, end)), len(kept)
            )
            found[i] = at = _track(at, kept, ends)
            ends[at] = max(end, ends[at])
    return found


def _track(at: int, kept: list[tuple[list[int], list[int]]], ends: list[int]) -> int:
    """The number of this track, which is made if there is not one yet."""
    at = min(at, MOST - 1)
    if at == len(kept):
        kept.append(([], []))
        ends.append(-(1 << 63))
    return at


def _free(track: tuple[list[int], list[int]], begin: int, end: int) -> bool:
    """Whether nothing that is kept on a track runs between `begin` and `end`."""
    starts, stops = track
    at = bisect_right(starts, begin)
    return (not at or stops[at - 1] <= begin) and (at == len(starts) or starts[at] >= end)

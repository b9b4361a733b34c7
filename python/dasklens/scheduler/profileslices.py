"""Call trees of a stretch of time in slices, so that whoever has the file can look at a part of it.

Workers keep what they sampled in steps of a second or so. A slice is made of whole steps, each step is in
one slice, and there are so few slices that asking for them costs little: with many workers there are fewer,
or none.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..wire.calltree import State, is_tree
from .asking import ask

#: Slices, and messages to workers, at most.
MOST_SLICES, MOST_MESSAGES = 60, 600

#: When a slice ends, in seconds since the epoch, and the call trees of its steps.
Slice = tuple[float, list[State]]


async def read_slices(
    scheduler: Any, start: float | None, cycle: float, prefixes: Sequence[str] = ()
) -> list[Slice]:
    """Ask for the call trees of the threads that run tasks, slice by slice.

    Parameters
    ----------
    scheduler : distributed.core.rpc or Here
    start : float, optional
        Seconds since the epoch: steps that ended before are not wanted.
    cycle : float
        Seconds of a step.
    prefixes : sequence of str
        The key prefixes that there are: trees are asked for by prefix where that makes few messages.

    Returns
    -------
    list of (float, list of dict)
        The earliest first; empty where it cannot be had: too many workers, too few steps, or somebody who
        did not answer.
    """
    workers = list(await scheduler.ncores())
    said = await ask(scheduler, {"op": "profile_metadata", "start": 0}, workers)
    try:
        steps = {worker: Steps(said.said[worker], start or 0.0) for worker in workers}
    except (KeyError, TypeError, ValueError, AttributeError):
        return []
    times = [time for each in steps.values() for time in each.of(None)]
    if not times:
        return []
    edges = edges_of(min(times), max(times), cycle, MOST_MESSAGES // len(workers))
    if len(edges) < 3:
        return []
    found: list[Slice] = []
    for end, asked in _asked(edges, steps, prefixes):
        trees = await asyncio.gather(*(_tree(scheduler, *each) for each in asked))
        if None in trees:
            return []
        found.append((end, [tree for tree in trees if tree is not None]))
    return found


#: What a worker is asked for: its address, a prefix or all, and from when to when.
Asked = tuple[str, "str | None", float, float]


def _asked(
    edges: Sequence[float], steps: Mapping[str, Steps], prefixes: Sequence[str]
) -> list[tuple[float, list[Asked]]]:
    """What to ask for each slice: by prefix where that makes few messages, as few prefixes run at a time."""

    def by(keys: Sequence[str | None]) -> list[tuple[float, list[Asked]]]:
        return [
            (
                end,
                [
                    (worker, key, *stretch)
                    for worker, own in steps.items()
                    for key in keys
                    if (stretch := own.between(key, begin, end)) is not None
                ],
            )
            for begin, end in pairwise(edges)
        ]

    found = by(prefixes) if 0 < len(prefixes) <= MOST_MESSAGES else []
    messages = sum(len(asked) for _, asked in found)
    return found if 0 < messages <= MOST_MESSAGES else by((None,))


async def _tree(scheduler: Any, worker: str, key: str | None, start: float, stop: float) -> State | None:
    """One worker's tree; None when it did not answer with one."""
    message = {"op": "profile", "start": start, "stop": stop, "key": key, "server": False}
    said = (await ask(scheduler, message, [worker])).said.get(worker)
    return said if is_tree(said) else None


class Steps:
    """When the steps of a worker ended, all of them and those with samples of a prefix.

    Parameters
    ----------
    metadata : dict
        As distributed's handler ``profile_metadata`` gives it; its last entry is what is sampled now.
    start : float
        Seconds since the epoch.
    """

    def __init__(self, metadata: Any, start: float):
        self._all = [float(time) for time, _ in metadata["counts"][:-1]]
        self._by_prefix: dict[str, list[float]] = {}
        for time, prefixes in metadata["keys"][:-1]:
            for prefix in prefixes:
                self._by_prefix.setdefault(prefix, []).append(float(time))
        self._start = start

    def of(self, prefix: str | None) -> list[float]:
        """Those that are wanted."""
        return [time for time in self._known(prefix) if time >= self._start]

    def between(self, prefix: str | None, begin: float, end: float) -> tuple[float, float] | None:
        """What to ask a worker for to get the steps after `begin` and up to `end`; None if there are none.

        Its handler gives the steps from the first one not before ``start`` to the one behind the last that
        is not after ``stop``; where that is none, those that come too, with what is sampled now.
        """
        known = self._known(prefix)
        first, last = bisect_right(known, begin), bisect_right(known, end) - 1
        while first <= last and known[first] < self._start:
            first += 1
        if first > last:
            return None
        before = known[last - 1] if last > 0 else known[last] - 2.0
        return known[first], (before + known[last]) / 2

    def _known(self, prefix: str | None) -> list[float]:
        return self._all if prefix is None else self._by_prefix.get(prefix, [])


def edges_of(first: float, last: float, cycle: float, most: int) -> list[float]:
    """Where slices begin and end, the last one's end included, for steps that ended from first to last."""
    begin = first - cycle
    n = min(MOST_SLICES, most, round((last - begin) / cycle))
    return [begin + (last - begin) * i / n for i in range(n)] + [last] if n > 0 else []

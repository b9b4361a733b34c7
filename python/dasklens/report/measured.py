"""What is measured of a recording before anything is said about it: by prefix, by worker and in all.

Everything is vectorised: three million tasks take about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.spans import TaskTable
from ..wire.frames import NO_NAME
from .threadtime import KINDS, ThreadTime, thread_time, widened

Floats = npt.NDArray[np.float64]
#: Prefixes, the most expensive, by which workers are compared.
COMPARED = 50
#: Tasks of a prefix that a worker, and the others, must have run to be compared by it.
FEWEST = 3


@dataclass
class Measured:
    """A recording in numbers.

    Attributes
    ----------
    start, stop : float
        Seconds since the epoch.
    available : float
        Seconds that worker threads were there, added up over the threads.
    prefixes : list of str
    tasks, seconds : ndarray
        By prefix: finished tasks, and their seconds in compute.
    task_seconds, task_prefix : ndarray
        By task: seconds in compute, and the place of its prefix.
    failures : dict of (str, str) to int
        Tasks that failed, by prefix and text of the exception.
    slowness : dict of str to tuple
        By worker that can be compared: how many times as long as others it took for the same prefixes, the
        tasks that says so, and their seconds.
    counts, system : dict of str to ndarray
        Samples between start and stop; times in seconds since the epoch.
    """

    start: float
    stop: float
    threads: int
    workers: int
    missed: int
    available: float
    time: ThreadTime
    prefixes: list[str]
    tasks: npt.NDArray[np.integer[Any]]
    seconds: Floats
    task_seconds: Floats
    task_prefix: npt.NDArray[np.integer[Any]]
    failures: dict[tuple[str, str], int] = field(default_factory=dict)
    slowness: dict[str, tuple[float, int, float]] = field(default_factory=dict)
    counts: dict[str, Floats] = field(default_factory=dict)
    system: dict[str, Floats] = field(default_factory=dict)
    #: Spans, and how many of them are of a time that was not recorded: somebody's clock is wrong.
    spans: int = 0
    outside: int = 0

    @property
    def duration(self) -> float:
        """Seconds from start to stop."""
        return max(0.0, self.stop - self.start)

    @property
    def n_tasks(self) -> int:
        """Tasks that finished, failed ones included."""
        return len(self.task_seconds)

    @property
    def n_errors(self) -> int:
        """Tasks that failed."""
        return sum(self.failures.values())

    @property
    def idle(self) -> float:
        """Seconds in which threads did nothing, added up over the threads."""
        return max(0.0, self.available - self.time.busy)


def measure(
    tasks: TaskTable,
    *,
    start: float,
    stop: float,
    threads: int,
    workers: int,
    missed: int,
    counts: Mapping[str, Sequence[float]] | None,
    system: Mapping[str, Sequence[float]] | None,
) -> Measured:
    """Measure a recording; parameters as of `summarize`."""
    columns, names = tasks.columns(), tasks.names
    record = columns["record"]
    prefix, prefixes = coded(columns["group"], names, lambda name: str(name[1]))
    lane, lanes = coded(columns["lane"], names, lambda name: (str(name[0]), name[1], str(name[2])))
    action, actions = coded(columns["action"], names, str)
    places = {each: place for place, means in enumerate(KINDS.values()) for each in means}
    kind = np.array([places.get(each, 0) for each in actions], np.int8)[action]
    begin, end = columns["start"], columns["stop"]
    window = widened(begin, end, kind == 0, start, stop)
    time = thread_time(kind, lane[record], begin, end, *window)
    took = end - begin
    # Neither a span that is no computing nor one that ends before it begins, or never, takes any.
    took[~((kind == 0) & (took > 0))] = 0.0
    task_seconds = sums(record, took, len(tasks))
    samples = within(counts, start, stop)
    available = _available(samples, start, stop, threads)
    return Measured(
        start=start,
        stop=stop,
        threads=threads,
        workers=workers,
        missed=missed or tasks.missed,
        # Whoever came and went between two samples may have done more than there was.
        available=max(available, time.busy),
        time=time,
        prefixes=prefixes,
        tasks=np.bincount(prefix, minlength=len(prefixes)),
        seconds=sums(prefix, task_seconds, len(prefixes)),
        task_seconds=task_seconds,
        task_prefix=prefix,
        failures=_failures(columns, names, prefix, prefixes),
        slowness=_slowness(task_seconds, columns["error"], prefix, len(prefixes), lane, lanes),
        counts=samples,
        system=within(system, start, stop),
        spans=int((kind == 0).sum()),
        outside=int(((kind == 0) & ((end < window[0]) | (begin > window[1]))).sum()),
    )


def coded(
    ids: npt.NDArray[Any], names: Mapping[int, Any], part: Callable[[Any], Any]
) -> tuple[npt.NDArray[np.integer[Any]], list[Any]]:
    """Distinct values of a part of names, and per id the place of its value there.

    The same value has an id per chunk of the log; sorting millions of ids to find the few that differ would
    take longer than everything else.
    """
    size = max(names, default=-1) + 1
    if len(ids) and (not size or int(ids.max()) >= size):
        raise ValueError("Expected tasks whose names are there, got ids of names that are not.")
    distinct: dict[Any, int] = {}
    place = np.zeros(size, np.int32)
    for at in np.flatnonzero(np.bincount(ids, minlength=size)).tolist():
        place[at] = distinct.setdefault(part(names[at]), len(distinct))
    return place[ids], list(distinct)


def sums(places: npt.NDArray[Any], values: Floats, n: int) -> Floats:
    """Sums of values that are of the same place, of which there are `n`."""
    return np.bincount(places, values, minlength=n).astype(np.float64, copy=False)


def within(samples: Mapping[str, Sequence[float]] | None, start: float, stop: float) -> dict[str, Floats]:
    """Columns of a history between two times."""
    columns = {name: np.asarray(values, np.float64) for name, values in (samples or {}).items()}
    time = columns.get("time")
    if time is None:
        return {}
    inside = (time >= start) & (time <= stop)
    return {name: values[inside] for name, values in columns.items() if len(values) == len(time)}


def held_for(samples: Mapping[str, Floats], what: npt.NDArray[np.bool_], stop: float) -> float:
    """Seconds for which something was so: a sample stands for the time up to the next one."""
    time = samples["time"]
    return float(np.diff(time, append=max(stop, time[-1]))[what].sum()) if len(time) else 0.0


def _available(counts: Mapping[str, Floats], start: float, stop: float, threads: int) -> float:
    time, n = counts.get("time", np.empty(0)), counts.get("threads", np.empty(0))
    if not len(n):
        return threads * max(0.0, stop - start)
    edges = np.concatenate([[start], time[1:], [stop]])
    return float((np.diff(edges) * n).sum())


def _failures(
    columns: Mapping[str, npt.NDArray[Any]],
    names: Mapping[int, Any],
    prefix: npt.NDArray[np.integer[Any]],
    prefixes: list[str],
) -> dict[tuple[str, str], int]:
    failed = np.flatnonzero(columns["error"] != NO_NAME)
    found: dict[tuple[str, str], int] = {}
    pairs: Iterable[tuple[int, int]] = zip(
        prefix[failed].tolist(), columns["error"][failed].tolist(), strict=True
    )
    for at, error in pairs:
        key = prefixes[at], str(names[error][0])
        found[key] = found.get(key, 0) + 1
    return found


def _slowness(
    seconds: Floats,
    error: npt.NDArray[Any],
    prefix: npt.NDArray[np.integer[Any]],
    n_prefixes: int,
    lane: npt.NDArray[np.integer[Any]],
    lanes: list[tuple[str, Any, str]],
) -> dict[str, tuple[float, int, float]]:
    """How slow each worker was, by the mean logarithm of what its tasks took.

    One task that took very long does not move it far, as it does the mean; and it needs no sorting, as the
    median does.
    """
    workers = list(dict.fromkeys(address for address, _, _ in lanes))
    if len(workers) < 2:
        return {}
    total = sums(prefix, seconds, n_prefixes)
    best = np.argsort(-total, kind="stable")[:COMPARED]
    rank = np.full(n_prefixes, -1)
    rank[best] = np.arange(len(best))
    places = {address: at for at, address in enumerate(workers)}
    worker_of = np.array([places[address] for address, _, _ in lanes])
    used = (rank[prefix] >= 0) & (error == NO_NAME) & (seconds > 0)
    cell = worker_of[lane[used]] * len(best) + rank[prefix[used]]
    shape = len(workers), len(best)
    took = seconds[used]
    n, log, spent = (
        sums(cell, values, shape[0] * shape[1]).reshape(shape)
        for values in (np.ones(len(took)), np.log(np.maximum(took, 1e-6)), took)
    )
    others = n.sum(0) - n
    counted = (n >= FEWEST) & (others >= FEWEST)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = log / n - (log.sum(0) - log) / others
        weight = np.where(counted, n * (spent.sum(0) / n.sum(0)), 0.0)
    found = {}
    for at, address in enumerate(workers):
        weights = weight[at]
        if weights.sum() > 0:
            slower = float(np.exp((np.where(counted[at], ratio[at], 0.0) * weights).sum() / weights.sum()))
            use = counted[at]
            found[address] = slower, int(n[at][use].sum()), float(spent[at][use].sum())
    return found

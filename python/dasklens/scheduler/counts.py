"""The stream ``counts``: totals of the whole scheduler, a record a sample, and tasks by prefix and state.

The totals are a history, bounded by bytes, so that a line over time has a past. The prefixes are a
table, as the workers are: a reader gets those whose counts changed since its last sample. Tasks are
counted by the scheduler itself (`TaskPrefix.states`); nothing here walks them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import nan
from typing import TYPE_CHECKING, Any

import dask

from ..wire.frames import pack_frame, pack_name
from .columns import number, text, whole
from .history import LIMIT, History
from .workertable import Totals

if TYPE_CHECKING:
    from distributed import Scheduler

#: States of a task on the scheduler, in the order of a task's life.
STATES = ("released", "waiting", "no-worker", "queued", "processing", "memory", "erred", "forgotten")
#: Which part of the workers has less process memory than `memory_NAME`.
QUANTILES = (0, 25, 50, 75, 100)
#: Fractions of a worker's memory limit at which it does something.
THRESHOLDS = ("target", "spill", "pause")

_BYTES = ("limit", "process", "managed", "unmanaged", "recent", "spilled")
_TASKS = tuple(f"tasks_{state.replace('-', '_')}" for state in STATES)
_PREFIX = tuple(f"prefix_{state.replace('-', '_')}" for state in STATES)
_MEMORY = tuple(f"memory_{q}" for q in QUANTILES)
#: Columns of a record and the codes of `array` they are kept in.
COLUMNS = {
    "time": "d",
    **dict.fromkeys(("workers", "running", "threads"), "I"),
    **dict.fromkeys(_TASKS, "I"),
    **dict.fromkeys(("cpu", "occupancy"), "f"),
    **dict.fromkeys(_BYTES, "d"),
    **dict.fromkeys(_MEMORY, "f"),
    **dict.fromkeys(THRESHOLDS, "f"),
}
RECORD_BYTES = sum(array(code).itemsize for code in COLUMNS.values())
#: Prefixes between two looks at the clock.
BATCH = 64
_MOST = 0xFFFFFFFF


class _Prefix:
    __slots__ = ("at", "counts", "id")

    def __init__(self, ident: int):
        self.id = ident
        self.at = 0
        self.counts: tuple[int, ...] = ()


class CountsLog:
    """Totals of one scheduler over time.

    Parameters
    ----------
    ident : str
        Id of the log that the cursors belong to.
    limit : int
        Bytes of history.
    """

    stream = "counts"

    def __init__(self, ident: str, limit: int = LIMIT):
        self.ident = ident
        self._history = History(COLUMNS, limit)
        self._prefixes: dict[str, _Prefix] = {}
        self._names: list[bytes] = []
        self._thresholds = thresholds()

    # -- sampling --------------------------------------------------------------------------------

    def sample(self, scheduler: Scheduler, totals: Totals) -> Iterator[None]:
        """Count the tasks and append a record; yields between batches of prefixes."""
        at = self.next
        tasks = [0] * len(STATES)
        for n, (name, prefix) in enumerate(list(scheduler.task_prefixes.items())):
            if n % BATCH == BATCH - 1:
                yield
            states: Any = prefix.states
            counts = tuple(min(states[state], _MOST) for state in STATES)
            known = self._prefixes.get(name)
            if known is None:
                known = self._prefixes[name] = self._come(name)
            if counts != known.counts:
                known.counts, known.at = counts, at
            tasks = [a + b for a, b in zip(tasks, counts, strict=True)]
        yield
        self._append(totals, tasks, scheduler)

    def _append(self, totals: Totals, tasks: list[int], scheduler: Scheduler) -> None:
        values: dict[str, float] = {
            "time": totals.time,
            "workers": totals.workers,
            "running": totals.running,
            "threads": totals.threads,
            "cpu": totals.cpu,
            "occupancy": number(scheduler.total_occupancy),
            **{name: getattr(totals, name) for name in _BYTES},
            **{name: min(n, _MOST) for name, n in zip(_TASKS, tasks, strict=True)},
            **dict(zip(_MEMORY, quantiles(totals.each), strict=True)),
            **dict(zip(THRESHOLDS, self._thresholds, strict=True)),
        }
        self._history.append(values)

    def _come(self, name: Any) -> _Prefix:
        self._names.append(pack_name(text(name)))
        return _Prefix(len(self._names) - 1)

    @property
    def first(self) -> int:
        """Number of the oldest sample that is kept."""
        return self._history.first

    @property
    def next(self) -> int:
        """Number of the next sample."""
        return self._history.next

    @property
    def nbytes(self) -> int:
        """Bytes of history."""
        return self._history.nbytes

    # -- reading ---------------------------------------------------------------------------------

    def frames(self, cursor: int, names: int = 0, max_bytes: int = 1 << 20) -> dict[str, Any]:
        """The samples from `cursor` on as one frame, and the prefixes that changed since.

        Parameters
        ----------
        cursor : int
            The first sample wanted.
        names : int
            The reader knows all names below this id.
        max_bytes : int
            Of no meaning here: the whole history is no more than that.

        Returns
        -------
        dict
            As `TaskLog.frames` gives it.
        """
        found: list[bytes] = []
        missed = self._history.missed(cursor)
        if cursor < self.next:
            found.append(self._pack(cursor, cursor + missed, missed, names))
        return {"frames": found, "missed": missed, "next": self.next, "names": len(self._names)}

    def _pack(self, cursor: int, first: int, missed: int, names: int) -> bytes:
        cols = self._history.columns(first)
        changed = [prefix for prefix in self._prefixes.values() if prefix.at >= cursor]
        cols["prefix"] = whole([prefix.id for prefix in changed])
        counts = zip(*(prefix.counts for prefix in changed), strict=True) if changed else [()] * len(_PREFIX)
        for name, values in zip(_PREFIX, counts, strict=True):
            cols[name] = whole(values)
        return pack_frame(
            stream=self.stream,
            log=self.ident,
            first=first,
            next=self.next,
            missed=missed,
            names0=min(names, len(self._names)),
            names=self._names[names:],
            base=self._history.base,
            cols=cols,
        )


def quantiles(values: list[float]) -> list[float]:
    """The `QUANTILES` of `values`, by the nearest rank; NaN when there are none."""
    if not values:
        return [nan] * len(QUANTILES)
    ordered = sorted(values)
    last = len(ordered) - 1
    return [ordered[round(q * last / 100)] for q in QUANTILES]


def thresholds() -> list[float]:
    """The `THRESHOLDS` of this scheduler's configuration, which its workers most likely share.

    NaN for one that is switched off.
    """
    found = [dask.config.get(f"distributed.worker.memory.{name}", None) for name in THRESHOLDS]
    return [number(value) or nan for value in found]

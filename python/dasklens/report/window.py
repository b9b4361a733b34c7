"""The live summary: of the last minutes of a scheduler, as far as they are known here.

What a `Window` holds is bounded in time and in tasks. When there were more tasks in the time asked for, the
summary is of the newest, of the time in which those ran, and says so: a part of the tasks over all of the
time would say that threads idled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.relog import holds_together
from ..model.samples import CountsOverTime, SystemOverTime
from ..model.spans import TaskTable
from ..wire.frames import Frame, FrameError, NameBudget, unpack_frame
from ..wire.pipes import LONGEST_WINDOW
from .summary import summarize
from .words import duration

#: Tasks that are held at most, the newest.
MOST_TASKS = 200_000
#: Bytes of their frames, and of the names that those speak of, whatever a scheduler calls a task.
MOST_BYTES = 128 << 20
#: What is not in the panel where a report has it.
REMEDIES = {
    "errors": "Click a failed group under Progress for its traceback, and run one of the tasks on its own to "
    "find out why."
}


@dataclass
class _Held:
    """Frames of tasks that are held."""

    frame: Frame
    #: Id from which on it and the frames behind it may speak of names.
    floor: int
    #: When the first and the last of its tasks ended, in seconds since the epoch.
    begin: float
    end: float
    #: All of it, and what of that is names.
    nbytes: int
    named: int

    @property
    def n(self) -> int:
        return self.frame.next - self.frame.first


class Window:
    """What is known of the last minutes.

    Parameters
    ----------
    most : int
        Tasks to hold.
    """

    def __init__(self, most: int = MOST_TASKS) -> None:
        self._most = most
        self._counts, self._system = CountsOverTime(), SystemOverTime()
        self._started = -np.inf
        #: The scheduler's clock less ours; and what it said when it was lost.
        self._ahead = self._stopped = np.nan
        self._absent: dict[str, str] = {}
        self._forget("")

    def _forget(self, log: str) -> None:
        self._held: deque[_Held] = deque()
        self._names: dict[int, Any] = {}
        self._log, self._base, self._floor = log, np.nan, 0
        self._n = self._next = self._nbytes = self._named = 0
        #: Whether there were tasks before those that are held, and not so long ago that they do not matter.
        self._earlier = False

    # -- what came ---------------------------------------------------------------------------------

    def moment(self, when: float, started: float | None) -> None:
        """The scheduler's clock says `when` now, and it was started, or first heard of, at `started`."""
        self._ahead = when - monotonic()
        self._started = started if started is not None else -np.inf

    def take(self, stream: str, frames: Sequence[bytes]) -> None:
        """Take what came of ``tasks``, ``counts`` or ``system``."""
        for data in frames:
            frame = unpack_frame(data, NameBudget())
            if not holds_together(frame):
                raise FrameError(f"The columns of a {frame.stream!r} frame do not fit together.")
            if stream == "tasks":
                self._take_tasks(frame, len(data))
            elif stream == "counts":
                if self._counts.append(frame) and self._counts.columns.get("time"):
                    self._ahead = self._counts.columns["time"][-1] - monotonic()
            else:
                self._system.append(frame)

    def lose(self) -> None:
        """The scheduler cannot be read: its time stands still."""
        if not np.isfinite(self._stopped):
            self._stopped = self.now

    def find(self) -> None:
        """It can be read again."""
        self._stopped = np.nan

    def lack(self, stream: str, why: str) -> None:
        """There is no such stream."""
        self._absent[stream] = why

    @property
    def now(self) -> float:
        """What the scheduler's clock says, in seconds since the epoch; NaN before anything came."""
        return float(self._stopped if np.isfinite(self._stopped) else self._ahead + monotonic())

    def _take_tasks(self, frame: Frame, nbytes: int) -> None:
        if frame.log != self._log:
            self._forget(frame.log)
            # Those that were gone are earlier too.
            self._earlier = frame.first > 0
        if frame.next <= self._next:
            return
        named = nbytes - sum(len(data) for _, data in frame.cols.values())
        if self._named + named > MOST_BYTES:
            self._forget(frame.log)
            self._earlier = True
        self._named += named
        self._names.update(enumerate(frame.names, frame.names0))
        self._next = frame.next
        if frame.base != self._base:
            # A chunk of the scheduler's log has names of its own, and a base.
            self._base, self._floor = frame.base, frame.names0
        stop = np.frombuffer(frame.cols["stop"][1], "<f8") + frame.base
        stop = stop[np.isfinite(stop)]
        begin, end = (float(stop.min()), float(stop.max())) if len(stop) else (np.nan, np.nan)
        self._held.append(_Held(frame, self._floor, begin, end, nbytes, named))
        self._n += frame.next - frame.first
        self._nbytes += nbytes
        before = self._held[0].floor
        while len(self._held) > 1 and (self._n - self._held[0].n >= self._most or self._nbytes > MOST_BYTES):
            self._drop()
            self._earlier = True
        oldest = self.now - LONGEST_WINDOW
        while len(self._held) > 1 and self._held[0].end < oldest:
            self._drop()
        floor = self._held[0].floor
        if floor > before:
            self._names = {ident: name for ident, name in self._names.items() if ident >= floor}
            self._named = sum(held.named for held in self._held)

    def _drop(self) -> None:
        dropped = self._held.popleft()
        self._n -= dropped.n
        self._nbytes -= dropped.nbytes

    # -- what is said --------------------------------------------------------------------------------

    def summary(self, seconds: float) -> dict[str, Any]:
        """The summary of the last so many seconds.

        Returns
        -------
        dict
            ``summary``, as `summarize` gives it, from the first of these tasks to the last; ``scope``:
            ``seconds`` that were asked for, ``start`` and ``stop`` (seconds since the epoch, on the
            scheduler's clock), ``tasks`` that are in it, ``of``, how many its log has had when there are
            not all of the time asked for, else the same, and ``note``, a sentence about that, or empty.
        """
        stop = self.now
        if not np.isfinite(stop):
            return {"summary": None, "scope": None}
        asked = start = max(stop - seconds, self._started)
        oldest = self._held[0].begin if self._held else np.nan
        if self._earlier and oldest > start:
            start = oldest
        tasks = self._since(start)
        begin, end = _extent(tasks, start, stop)
        counts, system = self._counts.columns, self._system.columns
        lanes = {tuple(self._names[lane][:2]) for lane in np.unique(tasks.columns()["lane"]).tolist()}
        last = {name: values[-1] for name, values in counts.items() if values}
        found = summarize(
            tasks,
            start=begin,
            stop=end,
            threads=int(last.get("threads", len(lanes))),
            workers=int(last.get("workers", len({lane[0] for lane in lanes}))),
            memory=float(last.get("limit", 0.0)),
            counts=counts or None,
            system=system or None,
        )
        n = len(tasks)
        if not n:
            running = int(last.get("tasks_processing", 0))
            more = f" {running:,} {'is' if running == 1 else 'are'} running." if running else ""
            found["verdict"] = f"No task finished in the last {duration(stop - start)}.{more}"
        for finding in found["findings"]:
            finding["remedy"] = REMEDIES.get(finding["id"], finding["remedy"])
        found["notes"] += self._lacks(bool(lanes))
        note, of = "", n
        if start > asked:
            of = self._next
            note = (
                f"Of {of:,} tasks that the scheduler's log has had, the newest {n:,} are looked at here, and "
                f"the {duration(end - begin)} in which they ran."
            )
        scope = {"seconds": seconds, "start": begin, "stop": end, "tasks": n, "of": of, "note": note}
        return {"summary": found, "scope": scope}

    def _lacks(self, some: bool) -> list[str]:
        if not self._absent:
            return []
        guessed = "counts" in self._absent and some
        where = "Workers and threads are those that ran one of these tasks. " if guessed else ""
        return [f"Not read: {', '.join(self._absent)}. {where}{next(iter(self._absent.values()))}"]

    def _since(self, start: float) -> _Cut:
        """Tasks that ended since then; of one whose times nobody told, by when its worker spoke of it."""
        columns = TaskTable(held.frame for held in self._held).columns()
        record, stimulus = columns["record"], columns["stimulus"]
        n = len(stimulus)
        late = np.zeros(n, bool)
        late[record[columns["stop"] >= start]] = True
        late |= (columns["spans"] == 0) & ~(stimulus < start)
        of_span = late[record]
        cut = {
            name: values[late] if len(values) == n and name in _OF_RECORD else values[of_span]
            for name, values in columns.items()
        }
        cut["record"] = (np.cumsum(late) - 1)[cut["record"]].astype("u4")
        return _Cut(cut, self._names)


def _extent(tasks: TaskTable, start: float, stop: float) -> tuple[float, float]:
    """From the first of these tasks to the last.

    Before the first and behind the last nobody knows whether threads idle, or compute what has not finished
    yet; and what is said of a computation should not depend on how long ago it was.
    """
    begin, end = (_finite(tasks.columns()[name]) for name in ("start", "stop"))
    if not len(begin) or not len(end):
        return start, stop
    first, last = max(start, float(begin.min())), min(stop, float(end.max()))
    return (first, last) if first < last else (start, stop)


def _finite(times: npt.NDArray[Any]) -> npt.NDArray[Any]:
    finite: npt.NDArray[Any] = times[np.isfinite(times)]
    return finite


_OF_RECORD = {"group", "lane", "type", "error", "metadata", "nbytes", "stimulus", "spans", "key_len"}


class _Cut(TaskTable):
    """Some of the tasks of a table, without their keys."""

    def __init__(self, columns: dict[str, npt.NDArray[Any]], names: dict[int, Any]):
        super().__init__()
        self._columns, self._names = columns, names

    def __len__(self) -> int:
        assert self._columns is not None
        return len(self._columns["spans"])

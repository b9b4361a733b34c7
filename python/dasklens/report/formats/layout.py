"""Where the spans of a run stand in a viewer of traces: workers are processes, lanes are threads.

Times are whole nanoseconds since an *epoch*, the whole second at or before the first of them: nearer than
that no clock tells, and a float of seconds comes back from them to the bit. What overlaps on a lane is put on
further threads, one a *track*. A transfer that names the worker it came from has a twin there, on a lane for
what is sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...model.spans import TaskTable
from ...model.taskcells import by_frame, shown
from ...model.tracks import tracks
from ...wire.frames import NO_NAME, Frame
from .counters import Counter

#: Nanoseconds from the epoch that are not drawn any more: 146 years.
MOST = 1 << 62
#: Number of the process for what is of no worker; those of workers come behind it.
CLUSTER = 1
_SENT = "sent"


@dataclass
class Row:
    """A row of a viewer: numbers of its process and thread, and its name."""

    process: int
    thread: int
    name: str


@dataclass
class Lane:
    """A lane: the worker's address, the thread, and its number among those of the worker."""

    worker: str
    thread: str
    number: int


class Layout:
    """Processes and threads, and which of them every span is on.

    Parameters
    ----------
    frames : iterable of bytes or Frame
        Of the stream ``tasks``.
    counted : iterable of Counter, optional
        What is shown beside them: the epoch is not behind it, and its workers have processes too.

    Attributes
    ----------
    epoch : float
        In seconds, a whole number.
    start, stop : ndarray of int64
        Of each span, in nanoseconds since the epoch.
    drawn : ndarray of bool
        Whether these are times that can be drawn.
    latest : int
        The last stop that is drawn.
    lane, track, sent, sent_track : ndarray of int
        Of each span; `sent` and `sent_track` of its twin, -1 where it has none.
    of_cluster : bool
        Whether something is counted of the cluster as a whole.
    processes : dict of str to (int, str)
        Number and name of each worker's process.
    rows : dict of (int, int) to Row
        By lane and track.
    """

    def __init__(self, frames: Iterable[bytes | Frame], counted: Iterable[Counter] = ()):
        self._names: dict[str, str] = {}
        self._threads: dict[str, int] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self.lanes: list[Lane] = []
        parts: list[tuple[npt.NDArray[Any], ...]] = [self._part(table) for table in by_frame(frames)]
        start, stop, lane, beside, sent = (
            np.concatenate(each) if parts else np.empty(0, kind)
            for each, kind in zip(zip(*parts, strict=True) if parts else [()] * 5, _KINDS, strict=True)
        )
        finite = start[np.isfinite(start)]
        first = finite.min().item() if len(finite) else math.inf
        self.of_cluster = False
        for counter in counted:
            first = min(first, counter.time)
            if counter.worker is None:
                self.of_cluster = True
            else:
                self._names.setdefault(*counter.worker)
        self.epoch = float(math.floor(first)) if first < math.inf else 0.0
        self.start, self.stop = nanoseconds(start, self.epoch), nanoseconds(stop, self.epoch)
        self.drawn = (self.start < MOST) & (self.stop < MOST) & (self.start <= self.stop)
        self.latest = int(self.stop[self.drawn].max()) if self.drawn.any() else 0
        self.lane, self.sent = lane, np.where(self.drawn, sent, -1)
        self.track, self.sent_track = self._tracks(beside)
        self.processes = {
            worker: (CLUSTER + 1 + at, self._process(worker))
            for at, worker in enumerate(sorted(self._names, key=self._natural))
        }
        self.rows = self._rows()

    def lane_of(self, worker: Any, thread: Any) -> int:
        """The number of a lane."""
        return self._ids[shown(str(worker)), str(thread)]

    def _part(self, table: TaskTable) -> tuple[npt.NDArray[Any], ...]:
        columns, names = table.columns(), table.names
        lanes = {i: self._lane(*names[i]) for i in np.unique(columns["lane"]).tolist()}
        sources = {
            i: -1 if i == NO_NAME else self._lane(names[i], _SENT)
            for i in np.unique(columns["source"]).tolist()
        }
        transfers = [i for i in np.unique(columns["action"]).tolist() if names[i] == "transfer"]
        sent = _mapped(columns["source"], sources)
        return (
            columns["start"],
            columns["stop"],
            _mapped(columns["lane"], lanes)[columns["record"]],
            np.isin(columns["action"], transfers) | (sent >= 0),
            sent,
        )

    def _lane(self, worker: Any, thread: Any, name: Any = "", *_later: Any) -> int:
        lane = worker, _ = shown(str(worker)), str(thread)
        self._names[worker] = shown(str(name or "")) or self._names.get(worker, "")
        at = self._ids.get(lane)
        if at is None:
            at = self._ids[lane] = len(self.lanes)
            number = self._threads[worker] = self._threads.get(worker, 0) + (thread != _SENT)
            self.lanes.append(Lane(worker, str(thread), number))
        return at

    def _tracks(self, beside: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        own, twins = np.flatnonzero(self.drawn), np.flatnonzero(self.sent >= 0)
        spans = np.concatenate([own, twins])
        lane = np.concatenate([self.lane[own], self.sent[twins]])
        found = tracks(lane, self.start[spans], self.stop[spans], beside[spans])
        track, sent = (np.full(len(self.start), fill, "i4") for fill in (0, -1))
        track[own], sent[twins] = found[: len(own)], found[len(own) :]
        return track, sent

    def _process(self, worker: str) -> str:
        name = self._names[worker]
        if not worker:
            return "No worker"
        return worker if name in ("", worker) else f"{name} ({worker})"

    def _natural(self, worker: str) -> Any:
        """As people sort: numbers in names as numbers."""
        parts = re.split(r"([0-9]{1,18})", self._names[worker] or worker)
        return [(int(part) if at % 2 else 0, part) for at, part in enumerate(parts)], worker

    def _rows(self) -> dict[tuple[int, int], Row]:
        # A lane has a row of its own also when all that ran there took no time.
        used = {(at, 0) for at in range(len(self.lanes))}
        used.update(zip(self.lane.tolist(), self.track.tolist(), strict=True))
        used.update(zip(self.sent.tolist(), self.sent_track.tolist(), strict=True))
        used = {(lane, track) for lane, track in used if lane >= 0}

        def order(place: tuple[int, int]) -> Any:
            lane = self.lanes[place[0]]
            return self.processes[lane.worker][0], lane.thread == _SENT, lane.number, place[1]

        rows: dict[tuple[int, int], Row] = {}
        threads: dict[int, int] = {}
        for lane, track in sorted(used, key=order):
            process = self.processes[self.lanes[lane].worker][0]
            threads[process] = threads.get(process, 0) + 1
            rows[lane, track] = Row(process, threads[process], self._row(self.lanes[lane], track))
        return rows

    def _row(self, lane: Lane, track: int) -> str:
        more = f" ({track})" if track > 1 else ""
        if lane.thread == _SENT:
            return "sent to others" + f", overlapping{more}" * (track > 0)
        return f"thread {lane.number}" + f", overlapping{more}" * (track > 0)


_KINDS = ("f8", "f8", "i4", "?", "i4")


def nanoseconds(seconds: npt.NDArray[np.float64], epoch: float) -> npt.NDArray[np.int64]:
    """Since the epoch; `MOST` of what is too far from it, and of what is no time."""
    with np.errstate(over="ignore", invalid="ignore"):
        offset = np.rint((seconds - epoch) * 1e9)
        return np.where(np.abs(offset) < MOST, offset, MOST).astype("i8")


def seconds(nanoseconds: Any, epoch: float) -> Any:
    """The times that these nanoseconds are: of one, or of an array."""
    return epoch + nanoseconds / 1e9


def _mapped(ids: npt.NDArray[Any], known: dict[int, int]) -> npt.NDArray[np.int32]:
    unique, where = np.unique(ids, return_inverse=True)
    return np.array([known[i] for i in unique.tolist()], "i4")[where] if len(ids) else np.empty(0, "i4")

"""A whole run in little: what a picture of it and its counts need, 20 bytes a span.

A kernel that shows a live task stream passes the frames on to the browser and keeps this of them,
for the picture that stays in the saved notebook.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..wire.frames import NO_NAME, Frame, unpack_frame
from . import kinds

#: Seconds after the epoch that nobody's clock says, as in the browser.
_LATEST = 1e11
_DTYPES = {"lane": "u2", "slot": "u2", "start": "f8", "stop": "f8"}
#: Most slots, as in the browser; the last one is shared by all that come after.
_MOST_SLOTS = 0xFFFE


class Slot(NamedTuple):
    """Colour and pattern of spans.

    Attributes
    ----------
    prefix : int
        Index in `Overview.prefixes`.
    kind : int
        See `dasklens.model.kinds`.
    action : str
    """

    prefix: int
    kind: int
    action: str


@dataclass
class PrefixTally:
    """Finished tasks of a prefix: how many, failed ones included, and their time in compute (s)."""

    name: str
    count: int = 0
    seconds: float = 0.0
    errors: int = 0


@dataclass
class _Spans:
    lane: npt.NDArray[np.uint16]
    slot: npt.NDArray[np.uint16]
    start: npt.NDArray[np.float64]
    stop: npt.NDArray[np.float64]


@dataclass
class Overview:
    """Spans by lane and prefix, as frames of the stream ``tasks`` say them.

    Attributes
    ----------
    n_tasks, n_errors, missed : int
        `missed` counts records that the scheduler's log had dropped before they were read.
    lanes : list of (worker, thread, worker name)
    prefixes : list of PrefixTally
    slots : list of Slot
        Numbered as the browser does, in the order in which the spans came: of two that cover a pixel
        equally the first one owns it.
    """

    n_tasks: int = 0
    n_errors: int = 0
    missed: int = 0
    lanes: list[tuple[str, Any, str]] = field(default_factory=list)
    prefixes: list[PrefixTally] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    _log: str = ""
    _next: int = 0
    _names: dict[int, Any] = field(default_factory=dict)
    _lane_ids: dict[tuple[str, Any], int] = field(default_factory=dict)
    _prefix_ids: dict[str, int] = field(default_factory=dict)
    _actions: dict[str, int] = field(default_factory=dict)
    _slot_ids: dict[int, int] = field(default_factory=dict)
    _parts: list[_Spans] = field(default_factory=list)

    def append(self, data: bytes | Frame) -> Frame | None:
        """Take the next frame.

        Frames that came before are passed over, and a frame of another log (the scheduler began
        anew) starts the overview again.

        Returns
        -------
        Frame or None
            The frame if it brought something new.

        Raises
        ------
        FrameError
            When it is not a frame.
        """
        frame = data if isinstance(data, Frame) else unpack_frame(data)
        if frame.log != self._log:
            self.__init__()  # type: ignore[misc]
            self._log = frame.log
            self._next = frame.first - frame.missed
        self._names.update(
            (i, name)
            for i, name in enumerate(frame.names, frame.names0)
            # Types and texts of failures, of which there may be one a task, are not asked for here.
            if isinstance(name, str) or (isinstance(name, tuple) and len(name) > 2)
        )
        skip = self._next - frame.first
        if frame.next <= self._next:
            return None
        self.missed += max(0, -skip)
        self._take(frame, max(0, skip))
        self._next = frame.next
        return frame

    def spans(self) -> _Spans:
        """Columns of all spans."""
        if len(self._parts) != 1:
            columns = [
                np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in self._parts)])
                for name, dtype in _DTYPES.items()
            ]
            self._parts = [_Spans(*columns)]
        return self._parts[0]

    def copy(self) -> Overview:
        """What it says now, for whoever takes long over it: what is appended later is not in there."""
        return Overview(
            self.n_tasks,
            self.n_errors,
            self.missed,
            list(self.lanes),
            [replace(tally) for tally in self.prefixes],
            list(self.slots),
            _parts=[self.spans()],
        )

    def _take(self, frame: Frame, skip: int) -> None:
        def column(name: str, dtype: str) -> npt.NDArray[Any]:
            return np.frombuffer(frame.cols[name][1], dtype)

        n_spans = column("spans", "<u4")
        record = np.repeat(np.arange(len(n_spans)), n_spans)
        first_span = int(n_spans[:skip].sum())
        group = self._ids(column("group", "<u4")[skip:], self._prefix_id)
        lane = self._ids(column("lane", "<u4")[skip:], self._lane_id)
        failed = np.zeros(len(group), bool)
        if "error" in frame.cols:
            failed = column("error", "<u4")[skip:] != NO_NAME
        record = record[first_span:] - skip
        start = column("start", "<f8")[first_span:] + frame.base
        stop = column("stop", "<f8")[first_span:] + frame.base
        # No time at all, by a clock that is broken: without length where the frame begins.
        broken = ~((np.abs(start) < _LATEST) & (np.abs(stop) < _LATEST))
        start, stop = (np.where(broken, frame.base, times) for times in (start, stop))
        action = self._ids(column("action", "<u4")[first_span:], self._action_id)
        kind = np.array([kinds.kind_of(name) for name in self._actions], np.int64)[action]
        strip = (kind >= kinds.TRANSFER) & (kind <= kinds.DESERIALIZE)
        has_spans = n_spans[skip:] > 0
        # As in the browser, an error shows on the work that failed: the last, or whatever came last.
        shows = np.cumsum(n_spans[skip:], dtype=np.int64) - 1
        work = np.flatnonzero(~strip)
        last_work = np.full(len(group), -1, np.int64)
        last_work[record[work]] = work
        shows = np.where(last_work >= 0, last_work, shows)
        kind[shows[failed & has_spans]] = kinds.ERROR
        self._count(group, failed, group[record], np.where(strip, 0, np.maximum(stop - start, 0)))
        # Failed before any work began: a mark without length, when the scheduler heard of it.
        nowhere = np.flatnonzero(failed & ~has_spans)
        at = column("stimulus", "<f8")[skip:][nowhere]
        at = np.where(np.isnan(at), stop.max() if len(stop) else frame.base, at)
        record = np.concatenate([record, nowhere])
        none = np.full(len(nowhere), self._action_id(""))
        slot = self._slots(
            record,
            group[record],
            np.concatenate([kind, np.full(len(nowhere), kinds.ERROR)]),
            np.concatenate([action, none]),
        )
        starts = np.concatenate([start, at])
        self._keep(lane[record], slot, starts, np.maximum(starts, np.concatenate([stop, at])))

    def _slots(
        self,
        record: npt.NDArray[np.int64],
        prefix: npt.NDArray[np.int64],
        kind: npt.NDArray[np.int64],
        action: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """The slot of each span; new ones are numbered in the order of the records."""
        order = np.argsort(record, kind="stable")
        key = ((action << 20) | (prefix << 3) | kind)[order]
        unique, first, where = np.unique(key, return_index=True, return_inverse=True)
        ids = np.empty(len(unique), np.int64)
        names = list(self._actions)
        for i in np.argsort(first).tolist():
            one = int(unique[i])
            if one not in self._slot_ids:
                self._slot_ids[one] = min(len(self.slots), _MOST_SLOTS)
                if len(self.slots) <= _MOST_SLOTS:
                    self.slots.append(Slot(one >> 3 & 0x1FFFF, one & 7, names[one >> 20]))
            ids[i] = self._slot_ids[one]
        slots = np.empty(len(key), np.int64)
        slots[order] = ids[where]
        return slots

    def _keep(self, *columns: npt.NDArray[Any]) -> None:
        pairs = zip(columns, _DTYPES.values(), strict=True)
        self._parts.append(_Spans(*(column.astype(dtype) for column, dtype in pairs)))

    def _count(
        self,
        group: npt.NDArray[Any],
        failed: npt.NDArray[np.bool_],
        span_group: npt.NDArray[Any],
        seconds: npt.NDArray[np.float64],
    ) -> None:
        n = len(self.prefixes)
        self.n_tasks += len(group)
        self.n_errors += int(failed.sum())
        counts, errors = np.bincount(group, minlength=n), np.bincount(group[failed], minlength=n)
        time = np.bincount(span_group, seconds, minlength=n)
        for tally, count, error, spent in zip(self.prefixes, counts, errors, time, strict=True):
            tally.count += int(count)
            tally.errors += int(error)
            tally.seconds += float(spent)

    def _ids(self, ids: npt.NDArray[Any], find: Any) -> npt.NDArray[np.int64]:
        unique, where = np.unique(ids, return_inverse=True)
        return np.array([find(self._names[i]) for i in unique.tolist()], np.int64)[where]

    def _prefix_id(self, name: Any) -> int:
        prefix = name[1]
        if prefix not in self._prefix_ids:
            # Two bytes count them; whoever has more prefixes sees the rest under the last.
            if len(self.prefixes) > 0xFFFF:
                return 0xFFFF
            self._prefix_ids[prefix] = len(self.prefixes)
            self.prefixes.append(PrefixTally(prefix))
        return self._prefix_ids[prefix]

    def _lane_id(self, name: Any) -> int:
        worker, thread, worker_name = name
        key = (worker, thread)
        if key not in self._lane_ids:
            if len(self.lanes) > 0xFFFF:
                return 0xFFFF
            self._lane_ids[key] = len(self.lanes)
            self.lanes.append((worker, thread, str(worker_name) or worker or "(no worker)"))
        return self._lane_ids[key]

    def _action_id(self, action: Any) -> int:
        return self._actions.setdefault(str(action), len(self._actions))

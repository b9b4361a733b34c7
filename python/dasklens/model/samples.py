"""The streams of the sampler as Python has them: the workers and groups now, totals and system over time.

`workers.ts`, `grouptable.ts` and `counts.ts` in `js/src/core` are the twins in the browser;
`docs/frames.md` has the columns.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..wire.frames import Frame, FrameError, unpack_frame

_BEAT = (
    "cpu",
    "process",
    "spilled",
    "executing",
    "ready",
    "net_read",
    "net_write",
    "disk_read",
    "disk_write",
)
#: Samples of the past that are kept.
MOST_SAMPLES = 7200


class _TableNow:
    """A table of a scheduler, as the frames of its stream told."""

    stream: ClassVar[str]

    def __init__(self) -> None:
        self.log = ""
        self.next = 0
        self._names: dict[int, Any] = {}

    def append(self, data: bytes | Frame) -> bool:
        """Take a frame.

        Returns
        -------
        bool
            False when something before it is missing: nothing was taken.

        Raises
        ------
        FrameError
            When it is not a frame of this stream.
        """
        frame = data if isinstance(data, Frame) else unpack_frame(data)
        _of_stream(frame, self.stream)
        same = frame.log == self.log
        if frame.first > 0 and (not same or frame.first > self.next):
            return False
        if frame.first > 0 and frame.next <= self.next:
            return True
        if frame.first == 0:
            if not same:
                self._names.clear()
            self._clear()
        self.log, self.next = frame.log, frame.next
        self._names.update(enumerate(frame.names, frame.names0))
        self._take(frame)
        return True

    def _clear(self) -> None:
        """Forget the rows: a frame with all of them comes."""
        raise NotImplementedError

    def _take(self, frame: Frame) -> None:
        """Take the rows of a frame whose names are known."""
        raise NotImplementedError


class WorkersNow(_TableNow):
    """The workers of a scheduler, as the frames of the stream ``workers`` told.

    Attributes
    ----------
    log : str
        Id of the log that the cursor belongs to.
    next : int
        The sample expected next.
    time : float
        When the last sample was taken, in seconds since the epoch on the scheduler's clock.
    """

    stream = "workers"

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self._rows: dict[int, dict[str, Any]] = {}

    def _clear(self) -> None:
        self._rows.clear()

    def _take(self, frame: Frame) -> None:
        self.time = frame.base
        beats = {name: column(frame, name) for name in ("worker", "seen", "unmanaged", *_BEAT)}
        for i, worker in enumerate(beats["worker"]):
            row = self._row(int(worker))
            row["last_seen"] = frame.base + float(beats["seen"][i])
            row["_unmanaged"] = float(beats["unmanaged"][i])
            row.update({name: beats[name][i].item() for name in _BEAT})
        loads = {name: column(frame, name) for name in ("load_worker", "status", "managed", "processing")}
        for i, worker in enumerate(loads["load_worker"]):
            row = self._row(int(worker))
            row["status"] = self._names[int(loads["status"][i])]
            row["_managed"] = float(loads["managed"][i])
            row["processing"] = int(loads["processing"][i])
        for worker in column(frame, "left"):
            self._rows.pop(int(worker), None)

    def _row(self, worker: int) -> dict[str, Any]:
        row = self._rows.get(worker)
        if row is None:
            address, name, threads, limit = self._names[worker][:4]
            row = self._rows[worker] = {"address": address, "name": name, "threads": threads, "limit": limit}
        return row

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a worker: ``address, name, status, threads, cpu, limit, process, managed, …``."""
        found = []
        for row in self._rows.values():
            plain = {name: value for name, value in row.items() if name[0] != "_"}
            process = row.get("process", 0.0)
            managed = min(row.get("_managed", 0.0), process)
            unmanaged = min(row.get("_unmanaged", 0.0), process - managed)
            plain.update(managed=managed, unmanaged=unmanaged, recent=process - managed - unmanaged)
            found.append(plain)
        return found


class _OverTime:
    """A history, as the frames of its stream told.

    Attributes
    ----------
    log : str
        Id of the log that the cursor belongs to.
    next : int
        The sample expected next.
    missed : int
        Samples that were gone before they could be read.
    """

    stream: ClassVar[str]

    def __init__(self) -> None:
        self.log = ""
        self.next = 0
        self.missed = 0
        self._cols: dict[str, list[float]] = {}

    def append(self, data: bytes | Frame) -> bool:
        """Take a frame; False when something before it is missing, and nothing was taken."""
        frame = data if isinstance(data, Frame) else unpack_frame(data)
        _of_stream(frame, self.stream)
        if frame.log != self.log:
            if frame.first - frame.missed > 0:
                return False
            self.__init__()  # type: ignore[misc]
            self.log = frame.log
        elif frame.first - frame.missed > self.next:
            return False
        skip = max(0, self.next - frame.first)
        if frame.next <= self.next:
            return True
        self.missed += max(0, frame.first - self.next)
        self._take(frame, skip)
        self.next = frame.next
        return True

    def _take(self, frame: Frame, skip: int) -> None:
        for name in frame.cols:
            if not name.startswith("prefix"):
                values = column(frame, name).astype(float) + (frame.base if name == "time" else 0)
                self._cols.setdefault(name, []).extend(values[skip:].tolist())
                del self._cols[name][:-MOST_SAMPLES]

    @property
    def columns(self) -> dict[str, list[float]]:
        """Column name to its values, a value a sample; times in seconds since the epoch."""
        return self._cols


class CountsOverTime(_OverTime):
    """Totals of a scheduler, as the frames of the stream ``counts`` told; attributes as `_OverTime`."""

    stream = "counts"

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[int, str] = {}
        self._prefixes: dict[str, dict[str, int]] = {}

    def _take(self, frame: Frame, skip: int) -> None:
        super()._take(frame, skip)
        self._names.update(enumerate(frame.names, frame.names0))
        states = [name for name in frame.cols if name.startswith("prefix_")]
        for i, prefix in enumerate(column(frame, "prefix")):
            self._prefixes[self._names[int(prefix)]] = {
                state.removeprefix("prefix_"): int(column(frame, state)[i]) for state in states
            }

    @property
    def prefixes(self) -> dict[str, dict[str, int]]:
        """Tasks by prefix and state, now."""
        return self._prefixes


class SystemOverTime(_OverTime):
    """The scheduler's process and the hosts' traffic, as the frames of the stream ``system`` told."""

    stream = "system"


class GroupsNow(_TableNow):
    """The groups and spans of a scheduler, as the frames of the stream ``groups`` told.

    Attributes
    ----------
    log : str
        Id of the log that the cursor belongs to.
    next : int
        The sample expected next.
    groups, spans : dict
        ``(name, prefix)``, or ``(name, id)``, to its tasks by state; from old to new.
    n_groups, n_spans : int
        How many there are; the newest are told.
    """

    stream = "groups"

    def __init__(self) -> None:
        super().__init__()
        self.n_groups = self.n_spans = 0
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[str, dict[int, dict[str, int]]] = {"group": {}, "span": {}}

    def _take(self, frame: Frame) -> None:
        for kind, rows in self._rows.items():
            states = [name for name in frame.cols if name.startswith(f"{kind}_")]
            for i, ident in enumerate(column(frame, kind)):
                rows[int(ident)] = {
                    state.removeprefix(f"{kind}_"): int(column(frame, state)[i]) for state in states
                }
            for ident in column(frame, "left"):
                rows.pop(int(ident), None)
        self.n_groups, self.n_spans = (int(column(frame, name)[0]) for name in ("groups", "spans"))

    @property
    def groups(self) -> dict[tuple[str, str], dict[str, int]]:
        """Tasks of each by state, now."""
        return self._of("group")

    @property
    def spans(self) -> dict[tuple[str, str], dict[str, int]]:
        """Tasks of each by state, now."""
        return self._of("span")

    def _of(self, kind: str) -> dict[tuple[str, str], dict[str, int]]:
        return {tuple(self._names[ident]): by for ident, by in sorted(self._rows[kind].items())}


_DTYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "f4": "<f4", "f8": "<f8"}


def column(frame: Frame, name: str) -> npt.NDArray[Any]:
    """A column as an array; empty if the frame has none."""
    dtype, data = frame.cols.get(name, ("u1", memoryview(b"")))
    return np.frombuffer(data, _DTYPES[dtype])


def _of_stream(frame: Frame, stream: str) -> None:
    if frame.stream != stream:
        raise FrameError(f"Expected a frame of the stream {stream!r}, got one of {frame.stream!r}.")

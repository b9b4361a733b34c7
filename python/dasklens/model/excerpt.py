"""The newest tasks of a log as one frame that stands alone: what a saved notebook keeps."""

from __future__ import annotations

import zlib
from collections import deque
from math import nan
from typing import Any

import numpy as np

from ..wire.frames import NO_NAME, Frame, pack_frame, pack_name

#: Tasks kept at most.
MOST_TASKS = 4000
_BY_NAME_OF_RECORD = ("group", "lane", "type", "error")
_BY_NAME_OF_SPAN = ("action", "source")


class Excerpt:
    """Remembers the newest frames of a log, so many that they hold `most_tasks`, or `MOST_TASKS`."""

    def __init__(self, most_tasks: int | None = None) -> None:
        self._most = MOST_TASKS if most_tasks is None else most_tasks
        #: With how many records of each had come before, and the id from which on it and the frames
        #: behind it may speak of names.
        self._frames: deque[tuple[Frame, int, int]] = deque()
        self._base = nan
        self._floor = 0
        self._names: dict[int, Any] = {}
        self._log = ""
        self._start = self._next = 0
        self._n = 0

    def append(self, frame: Frame) -> None:
        """Take the next frame of a log; records that came before are passed over."""
        if frame.log != self._log:
            self._frames.clear()
            self._names.clear()
            self._log = frame.log
            self._start = self._next = frame.first - frame.missed
            self._n = 0
        self._names.update(enumerate(frame.names, frame.names0))
        if frame.next <= self._next:
            return
        known = max(0, self._next - frame.first)
        self._next = frame.next
        if frame.base != self._base:
            # A chunk of the scheduler's log has names of its own, and a base.
            self._base, self._floor = frame.base, frame.names0
        self._frames.append((frame, known, self._floor))
        self._n += _length(frame) - known
        before = self._frames[0][2]
        while self._n - self._oldest() >= self._most:
            self._n -= self._oldest()
            self._frames.popleft()
        floor = self._frames[0][2]
        if floor > before:
            self._names = {i: name for i, name in self._names.items() if i >= floor}

    def _oldest(self) -> int:
        frame, known, _ = self._frames[0]
        return _length(frame) - known

    def packed(self, most_bytes: int) -> bytes:
        """The newest tasks as a zlib-compressed frame of at most so many bytes; empty without any.

        Its `missed` counts the tasks that were left out, so that whoever shows it says "N of M".
        """
        n = min(self._most, self._n)
        # Of many tasks the last few per cent would take ten times as long.
        level = 9 if n <= MOST_TASKS else 5
        while n > 0:
            data = zlib.compress(self._frame(n), level)
            if len(data) <= most_bytes:
                return data
            n = min(n - 1, int(n * 0.95 * most_bytes / len(data)))
        return b""

    def _frame(self, n: int) -> bytes:
        parts = []
        for frame, known, _ in reversed(self._frames):
            skip = max(known, _length(frame) - n)
            parts.append(_columns(frame, skip))
            n -= _length(frame) - skip
            if n <= 0:
                break
        parts.reverse()
        base = min(part.base for part in parts)
        columns = {}
        for name in sorted(set().union(*(part.columns for part in parts))):
            pieces = [part.column(name) for part in parts]
            if name in ("start", "stop"):
                pieces = [p + (part.base - base) for p, part in zip(pieces, parts, strict=True)]
            columns[name] = np.concatenate(pieces)
        names = self._renumber(columns)
        frame, _, _ = self._frames[-1]
        first = frame.next - len(columns["spans"])
        return pack_frame(
            stream=frame.stream,
            log=frame.log,
            first=first,
            next=frame.next,
            missed=first - self._start,
            names0=0,
            names=[pack_name(name) for name in names],
            base=base,
            cols={name: (column.dtype.str[1:], column.tobytes()) for name, column in columns.items()},
        )

    def _renumber(self, columns: dict[str, Any]) -> list[Any]:
        """Number the names that are used from 0 on; the browser needs no pickled types."""
        used: dict[int, int] = {}
        names: list[Any] = []
        for column in (*_BY_NAME_OF_RECORD, *_BY_NAME_OF_SPAN):
            if column not in columns:
                continue
            unique, where = np.unique(columns[column], return_inverse=True)
            fresh = []
            for i in unique.tolist():
                if i != NO_NAME and i not in used:
                    used[i] = len(names)
                    name = self._names[i]
                    names.append((name[0], b"") if column == "type" else name)
                fresh.append(NO_NAME if i == NO_NAME else used[i])
            columns[column] = np.array(fresh, "<u4")[where]
        return names


def _length(frame: Frame) -> int:
    return frame.next - frame.first


class _Part:
    def __init__(self, base: float, n: int, n_spans: int, columns: dict[str, Any]):
        self.base, self.n, self.n_spans, self.columns = base, n, n_spans, columns

    def column(self, name: str) -> Any:
        found = self.columns.get(name)
        if found is None:
            # Sparse columns are left out of frames that have nothing in them.
            return np.full(self.n_spans if name in _BY_NAME_OF_SPAN else self.n, NO_NAME, "<u4")
        return found


def _columns(frame: Frame, skip: int) -> _Part:
    """The columns of a frame without its first records."""
    # The page does not show metadata, and it may hold anything.
    wanted = {name: column for name, column in frame.cols.items() if name != "metadata"}
    whole = {name: np.frombuffer(data, f"<{dtype}") for name, (dtype, data) in wanted.items()}
    spans, lengths = whole["spans"], whole["key_len"]
    span, byte = int(spans[:skip].sum()), int(lengths[:skip].sum())
    first = {"key": byte, **dict.fromkeys(("start", "stop", *_BY_NAME_OF_SPAN), span)}
    cut = {name: column[first.get(name, skip) :] for name, column in whole.items()}
    return _Part(frame.base, _length(frame) - skip, int(spans[skip:].sum()), cut)

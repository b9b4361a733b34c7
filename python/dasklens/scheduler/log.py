"""The log: an append-only table of finished tasks, in columns, bounded by bytes.

Records lie in *chunks*. The last chunk is open and grows; a full one is sealed into ``bytes``.
Names are interned per chunk, so that dropping the oldest chunk frees its names with it and a
program that makes a new group for every call cannot fill the scheduler's memory. A record costs no
object that the garbage collector would visit: columns are arrays, names are packed bytes.

Positions are *cursors*: the record's number since the log began. They never move, so a reader
resumes from one whatever was dropped in between, and is told how many records it missed.
"""

from __future__ import annotations

import logging
import sys
from array import array
from collections import deque
from collections.abc import Iterable
from time import time
from typing import Any

from ..wire.frames import NO_NAME, pack_frame, pack_name
from ..wire.keys import pack_key
from .said import NAMELESS, base_of, binary, cut, stimulus_time, unsaid

logger = logging.getLogger(__name__)

#: Records of a full chunk. One chunk is what a reader gets at a time (some 0.7 MB).
CHUNK_RECORDS = 8192

#: Per record, then per span; the order is that of the frame.
RECORD_COLUMNS = (
    ("group", "u4"),
    ("lane", "u4"),
    ("type", "u4"),
    ("error", "u4"),
    ("metadata", "u4"),
    ("nbytes", "f8"),
    ("stimulus", "f8"),
    ("spans", "u4"),
    ("key_len", "u4"),
)
SPAN_COLUMNS = (("action", "u4"), ("source", "u4"), ("start", "f8"), ("stop", "f8"))
#: Left out of a frame in which no record (or span) has one.
SPARSE = ("error", "metadata", "source")

_CODES = {"u4": "I", "f8": "d"}
#: What a name costs beside its own bytes: the bytes object and its place in the list.
_NAME_OVERHEAD = 41


class Chunk:
    """Records ``first`` to ``first + n`` and the names they speak of."""

    def __init__(self, first: int, names0: int):
        self.first = first
        self.n = 0
        self.base = 0.0
        self.names0 = names0
        self.names: list[bytes] = []
        self.names_bytes = 0
        self.keys: Any = bytearray()
        self.cols: dict[str, Any] = {}
        #: A record, and what `_before` says of it.
        self._reached = (0, 0, 0)
        for name, dtype in RECORD_COLUMNS + SPAN_COLUMNS:
            column = self.cols[name] = array(_CODES[dtype])
            # Bound once: these are called for every task of the cluster.
            setattr(self, f"add_{name}", column.append)
        self._forget()

    add_group: Any
    add_lane: Any
    add_type: Any
    add_error: Any
    add_metadata: Any
    add_nbytes: Any
    add_stimulus: Any
    add_spans: Any
    add_key_len: Any
    add_action: Any
    add_source: Any
    add_start: Any
    add_stop: Any

    def _forget(self) -> None:
        """Begin with no names: ids by TaskGroup, (worker, thread), typename, action, text."""
        self.groups: dict[Any, int] = {}
        self.lanes: dict[Any, int] = {}
        self.types: dict[Any, int] = {}
        self.actions: dict[Any, int] = {}
        self.texts: dict[Any, int] = {}

    def intern(self, entry: Any) -> int:
        """The id of a new name."""
        packed = pack_name(entry)
        self.names.append(packed)
        # Open, the dictionaries above hold about as much again.
        self.names_bytes += len(packed) + _NAME_OVERHEAD
        return self.names0 + len(self.names) - 1

    @property
    def nbytes(self) -> int:
        """Bytes that the chunk takes."""
        columns = sum(len(c) * (c.itemsize if isinstance(c, array) else 1) for c in self.cols.values())
        return columns + len(self.keys) + self.names_bytes

    def trim(self) -> None:
        """Take back what a record left that could not be added whole."""
        for name, _ in RECORD_COLUMNS:
            del self.cols[name][self.n :]
        spans = sum(self.cols["spans"])
        for name, _ in SPAN_COLUMNS:
            del self.cols[name][spans:]
        del self.keys[sum(self.cols["key_len"]) :]
        if not self.n:
            self.base = 0.0

    def seal(self) -> None:
        """Give back what growing needed: spare room of the arrays, and the identities."""
        self.cols = {name: bytes(_little(column)) for name, column in self.cols.items()}
        self.keys = bytes(self.keys)
        self._forget()
        for name, _ in RECORD_COLUMNS + SPAN_COLUMNS:
            delattr(self, f"add_{name}")

    def columns(self, lo: int, hi: int) -> dict[str, tuple[str, bytes | memoryview]]:
        """Records ``lo`` to ``hi`` (positions in the chunk) as the columns of a frame."""
        out: dict[str, tuple[str, bytes | memoryview]] = {}
        span_lo, key_lo = self._before(lo)
        span_hi, key_hi = self._before(hi)
        for columns, start, stop in (
            (RECORD_COLUMNS, lo, hi),
            (SPAN_COLUMNS, span_lo, span_hi),
        ):
            for name, dtype in columns:
                part = self._slice(name, dtype, start, stop)
                if name not in SPARSE or part != b"\xff" * len(part):
                    out[name] = (dtype, part)
        out["key"] = ("u1", bytes(memoryview(self.keys)[key_lo:key_hi]))
        return out

    def _slice(self, name: str, dtype: str, lo: int, hi: int) -> bytes:
        column = self.cols[name]
        if isinstance(column, bytes):
            size = int(dtype[1])
            return column[lo * size : hi * size]
        return bytes(_little(column[lo:hi]))

    def _before(self, at: int) -> tuple[int, int]:
        """Spans and bytes of keys of the records before one."""
        # Readers go on where they were: what lies before that is not added up again each time.
        known, spans, key_bytes = self._reached if self._reached[0] <= at else (0, 0, 0)
        spans += self._sum("spans", known, at)
        key_bytes += self._sum("key_len", known, at)
        self._reached = (at, spans, key_bytes)
        return spans, key_bytes

    def _sum(self, name: str, lo: int, hi: int) -> int:
        part = self._slice(name, "u4", lo, hi)
        return sum(_little(array("I", part)))


def _little(column: array[Any]) -> array[Any]:
    if sys.byteorder == "big":  # pragma: no cover
        column = array(column.typecode, column)
        column.byteswap()
    return column


class TaskLog:
    """The log of finished tasks of one scheduler.

    Parameters
    ----------
    ident : str
        Id of this log; a reader that comes with another id starts from the beginning.
    limit : int
        Bytes that the log may take. The oldest chunks go when it is full.
    describe : callable
        ``describe(worker_address) -> str``: the worker's name, asked once a lane and chunk.
    span_name : callable
        ``span_name(span_id) -> list of str``: the name of a `distributed.span`.
    """

    stream = "tasks"

    def __init__(self, ident: str, limit: int, describe: Any, span_name: Any):
        self.ident = ident
        self.limit = limit
        self._describe = describe
        self._span_name = span_name
        self._sealed: deque[Chunk] = deque()
        self._sealed_bytes = 0
        self._open = Chunk(0, 0)

    @property
    def first(self) -> int:
        """Cursor of the oldest record that is still here."""
        return self._sealed[0].first if self._sealed else self._open.first

    @property
    def next(self) -> int:
        """Cursor that the next record will get."""
        return self._open.first + self._open.n

    @property
    def nbytes(self) -> int:
        """Bytes that the log takes now."""
        return self._sealed_bytes + self._open.nbytes

    def extend(self, records: Iterable[tuple[Any, dict[str, Any]]]) -> None:
        """Append finished tasks.

        Parameters
        ----------
        records : iterable of (TaskState, dict)
            The task and the keyword arguments that the scheduler gave `SchedulerPlugin.transition`.
        """
        for ts, said in records:
            chunk = self._open
            if chunk.n >= CHUNK_RECORDS or chunk.names_bytes + len(chunk.keys) > self.limit // 8:
                chunk = self._roll()
            try:
                self._append(chunk, ts, said)
            except Exception:
                # One odd record must neither stop the others, nor leave columns of unequal length,
                # nor be lost without a word.
                logger.warning("dasklens could not record all of task %r", ts.key, exc_info=True)
                self._unrecorded(chunk, ts)

    def _unrecorded(self, chunk: Chunk, ts: Any) -> None:
        said = {"exception_text": "dasklens could not record this task"}
        try:
            chunk.trim()
            self._append(chunk, ts, said)
        except Exception:
            # Not even its names can be kept: what is counted must still be counted.
            chunk.trim()
            self._append(chunk, NAMELESS, said)

    def _append(self, chunk: Chunk, ts: Any, said: dict[str, Any]) -> None:
        # Some 1.5 µs a task, on the scheduler's loop: everything rare is in a function of its own.
        get = said.get
        group = ts.group
        name = group.name
        if type(name) is not str:
            name = str(name)
        gid = chunk.groups.get(group)
        if gid is None:
            gid = self._group(chunk, group, name)
        lane = (get("worker"), get("thread"))
        lid = chunk.lanes.get(lane)
        if lid is None:
            worker, thread = lane
            # A task can fail without a worker: its workers died, or nobody could run it.
            entry = [worker, thread, self._describe(worker)] if worker else ["", None, ""]
            lid = chunk.lanes[lane] = chunk.intern(entry)
        typename = get("typename")
        tid = chunk.types.get(typename)
        if tid is None:
            entry = [typename or "", binary(get("type"))]
            tid = chunk.types[typename] = chunk.intern(entry)
        error = metadata = NO_NAME
        if get("status") != "OK":
            error = self._error(chunk, said)
        if get("metadata"):
            metadata = self._metadata(chunk, said["metadata"])
        startstops = get("startstops") or ()
        for span in startstops:
            action = span["action"]
            aid = chunk.actions.get(action)
            if aid is None:
                aid = chunk.actions[action] = chunk.intern(action)
            start = span["start"]
            base = chunk.base
            if not base:
                base = chunk.base = base_of(start)
            source = NO_NAME
            if "source" in span:
                source = self._source(chunk, span["source"])
            chunk.add_action(aid)
            chunk.add_source(source)
            chunk.add_start(start - base)
            chunk.add_stop(span["stop"] - base)
        if not startstops and not chunk.base:
            chunk.base = time()
        packed = pack_key(ts.key, name)
        chunk.keys += packed
        chunk.add_group(gid)
        chunk.add_lane(lid)
        chunk.add_type(tid)
        chunk.add_error(error)
        chunk.add_metadata(metadata)
        chunk.add_nbytes(get("nbytes") or 0)
        chunk.add_stimulus(stimulus_time(get("stimulus_id")))
        chunk.add_spans(len(startstops))
        chunk.add_key_len(len(packed))
        chunk.n += 1

    def _group(self, chunk: Chunk, group: Any, name: str) -> int:
        span = group.span_id
        entry = [name, str(group.prefix.name), span, self._span_name(span) if span else []]
        new = chunk.groups[group] = chunk.intern(entry)
        return new

    def _source(self, chunk: Chunk, source: Any) -> int:
        address = cut(source)
        known = chunk.texts.get(address)
        if known is None:
            known = chunk.texts[address] = chunk.intern(address)
        return known

    def _error(self, chunk: Chunk, said: dict[str, Any]) -> int:
        text = (cut(said.get("exception_text")) or unsaid(said), cut(said.get("traceback_text")))
        known = chunk.texts.get(text)
        if known is None:
            known = chunk.texts[text] = chunk.intern(list(text))
        return known

    def _metadata(self, chunk: Chunk, metadata: Any) -> int:
        try:
            packed = pack_name(metadata)
        except Exception:
            # Not ours to refuse: metadata may hold anything.
            metadata = {"repr": cut(repr(metadata))}
            packed = pack_name(metadata)
        known = chunk.texts.get(packed)
        if known is None:
            # As bytes: any key is good in metadata, but not for every reader of frames.
            known = chunk.texts[packed] = chunk.intern(packed)
        return known

    def _roll(self) -> Chunk:
        chunk = self._open
        chunk.seal()
        self._sealed.append(chunk)
        self._sealed_bytes += chunk.nbytes
        self._open = Chunk(chunk.first + chunk.n, chunk.names0 + len(chunk.names))
        while self._sealed and self._sealed_bytes > self.limit:
            self._sealed_bytes -= self._sealed.popleft().nbytes
        return self._open

    def frames(
        self, cursor: int, names: int = 0, max_bytes: int = 1 << 20, until: int | None = None
    ) -> dict[str, Any]:
        """What lies behind `cursor`, as frames.

        Parameters
        ----------
        cursor : int
            The first record wanted.
        names : int
            The reader knows all names below this id.
        max_bytes : int
            Stop after the frame that passes this size. At least one frame is given if there is
            any record.
        until : int, optional
            Stop before this cursor.

        Returns
        -------
        dict
            ``frames``: list of bytes, one frame a chunk, the first of which says how many records
            were missed; ``missed``: the same, also when nothing else was left to give; ``next`` and
            ``names``: the cursor and the id of names to go on from.
        """
        out: list[bytes] = []
        size = 0
        end = self.next if until is None else min(until, self.next)
        gone = missed = min(max(0, self.first - cursor), max(0, end - cursor))
        cursor += missed
        for chunk in (*self._sealed, self._open):
            if chunk.first + chunk.n <= cursor or cursor >= end:
                continue
            lo, hi = cursor - chunk.first, min(chunk.n, end - chunk.first)
            names0 = max(names, chunk.names0)
            data = pack_frame(
                stream=self.stream,
                log=self.ident,
                first=cursor,
                next=chunk.first + hi,
                missed=missed,
                names0=names0,
                names=chunk.names[names0 - chunk.names0 :],
                base=chunk.base,
                cols=chunk.columns(lo, hi),
            )
            out.append(data)
            size += len(data)
            missed = 0
            cursor = chunk.first + hi
            names = max(names, chunk.names0 + len(chunk.names))
            if size >= max_bytes:
                break
        return {"frames": out, "missed": gone, "next": cursor, "names": names}

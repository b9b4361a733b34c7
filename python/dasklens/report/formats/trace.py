"""The trace-event format, as Chrome, Perfetto and others read it: JSON, an event a line.

The first event of a task says all of it, as the columns of a table do; its further spans follow. Beside them
there are events that are only drawn: what workers sent, arrows from there, counters, names. Times are
microseconds since the epoch of the layout. Where that does not give a task's times back to the bit, they are
among its exact values.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

from ...model import exact
from ...model.spans import TaskTable
from ...model.taskcells import by_frame, cells_of
from .about import Exported, dumped
from .counters import Counter, counters
from .layout import CLUSTER, Layout, Row, nanoseconds, seconds

#: Category of the events that tasks are read back from.
TASK = "task"
#: Begin and end of the file, around its events.
HEAD, MIDDLE, TAIL = '{"otherData":', ',"displayTimeUnit":"ms","traceEvents":[', "]}"
#: What of a row the event itself says.
_SAID = ("start", "stop")
#: Events that are written at once.
_AT_ONCE = 2048
#: Nanoseconds that come back from microseconds as a float: 52 days.
_NEAR = 1 << 52
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
Event = dict[str, Any]


def write_trace(run: Exported, out: BinaryIO) -> None:
    """Write the whole: neither tasks nor events are all in memory at once."""
    layout = Layout(run.frames("tasks"), counters(run))
    about = run.about(epoch=layout.epoch)
    out.write(f"{HEAD}{dumped(about)}{MIDDLE}".encode("ascii"))
    lines = map(_encode, _events(run, layout))
    between = "\n"
    while some := list(islice(lines, _AT_ONCE)):
        out.write((between + ",\n".join(some)).encode())
        between = ",\n"
    out.write(f"\n{TAIL}\n".encode("ascii"))


def _events(run: Exported, layout: Layout) -> Iterator[Event]:
    yield from _names(layout)
    first = 0
    for table in by_frame(run.frames("tasks")):
        yield from _Tasks(table, layout, first).events()
        first += len(table.columns()["start"])
    for counter in counters(run):
        yield _counter(counter, layout)


def _names(layout: Layout) -> Iterator[Event]:
    """Metadata: what processes and threads are called, and in which order they stand."""
    processes = [(CLUSTER, "Cluster")] if layout.of_cluster else []
    for process, name in [*processes, *layout.processes.values()]:
        yield _named("process_name", process, 0, name=name)
        yield _named("process_sort_index", process, 0, sort_index=process)
    for row in layout.rows.values():
        yield _named("thread_name", row.process, row.thread, name=row.name)
        yield _named("thread_sort_index", row.process, row.thread, sort_index=row.thread)


def _named(what: str, process: int, thread: int, **args: Any) -> Event:
    return {"ph": "M", **_head(what, "__metadata", Row(process, thread, ""), 0), "args": args}


def _counter(counter: Counter, layout: Layout) -> Event:
    process = CLUSTER if counter.worker is None else layout.processes[counter.worker[0]][0]
    at = round((counter.time - layout.epoch) * 1e9) / 1e3
    return {"ph": "C", **_head(counter.name, "counter", Row(process, 0, ""), at), "args": counter.values}


class _Tasks:
    """The events of a table whose first span is the `first` of the layout."""

    def __init__(self, table: TaskTable, layout: Layout, first: int):
        self._layout, self._cells, self._first = layout, cells_of(table), first
        columns = table.columns()
        self._lanes = [layout.lane_of(*table.names[i][:2]) for i in columns["lane"].tolist()]
        here = slice(first, first + len(columns["start"]))
        self._start, self._stop = layout.start[here].tolist(), layout.stop[here].tolist()
        self._drawn = layout.drawn[here].tolist()
        back = [seconds(times[here], layout.epoch) for times in (layout.start, layout.stop)]
        near = (np.abs(layout.start[here]) < _NEAR) & (np.abs(layout.stop[here]) < _NEAR)
        self._same = (
            layout.drawn[here] & near & (back[0] == columns["start"]) & (back[1] == columns["stop"])
        ).tolist()

    def events(self) -> Iterator[Event]:
        cells, at = self._cells, 0
        for row, n in enumerate(cells.spans):
            spans = range(at, at + n)
            at += n
            if not all(self._same[i] for i in spans):
                cells.exact.setdefault(row, {}).setdefault("startstops", self._spans(spans))
            args = self._args(row)
            drawn = [i for i in spans if self._drawn[i]]
            if not drawn:
                args["spans"] = 0
                yield self._instant(row, args)
            for i in drawn:
                args["action"] = cells.action[i]
                if cells.source[i] is not None:
                    args["source"] = cells.source[i]
                elif cells.action[i] == "transfer":
                    args["source"] = None
                if i == drawn[0]:
                    args["spans"] = len(drawn)
                yield from self._span(row, i, args)
                args = {name: args[name] for name in ("key", "prefix", "status") if name in args}

    def _args(self, row: int) -> Event:
        columns = self._cells.columns
        args = {}
        for name, values in columns.items():
            value = values[row]
            if value is not None and name not in _SAID:
                args[name] = base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        odd = self._cells.exact.get(row)
        if odd:
            args["exact"] = {name: exact.encode(value) for name, value in odd.items()}
        return args

    def _spans(self, spans: range) -> tuple[Any, ...]:
        cells = self._cells
        return tuple(
            (cells.action[i], float(cells.start[i]), float(cells.stop[i]))
            + (() if cells.source[i] is None else (cells.source[i],))
            for i in spans
        )

    def _instant(self, row: int, args: Event) -> Event:
        """Of a task without a span: when it was reported, if that is known."""
        said = self._cells.columns["stimulus"][row]
        told = -1 if said is None else int(nanoseconds(np.array([said]), self._layout.epoch)[0])
        at = told / 1e3 if 0 <= told <= self._layout.latest else 0.0
        place = self._layout.rows[self._lanes[row], 0]
        return {"ph": "i", "s": "t", **_head(self._name(row, "compute"), TASK, place, at), "args": args}

    def _span(self, row: int, i: int, args: Event) -> Iterator[Event]:
        layout, n = self._layout, self._first + i
        place = layout.rows[self._lanes[row], int(layout.track[n])]
        name, at = self._name(row, self._cells.action[i]), self._start[i] / 1e3
        long = (self._stop[i] - self._start[i]) / 1e3
        yield {"ph": "X", **_head(name, TASK, place, at), "dur": long, "args": args}
        if layout.sent[n] < 0:
            return
        there = layout.rows[int(layout.sent[n]), int(layout.sent_track[n])]
        told = {"key": args["key"], "to": self._cells.columns["worker"][row]}
        yield {"ph": "X", **_head(name, "sent", there, at), "dur": long, "args": told}
        yield {"ph": "s", **_head("transfer", "flow", there, at), "id": n}
        yield {"ph": "f", "bp": "e", **_head("transfer", "flow", place, at), "id": n}

    def _name(self, row: int, action: str) -> str:
        prefix = self._cells.columns["prefix"][row] or ""
        return prefix if action == "compute" else f"{action}-{prefix}"


def _head(name: str, category: str, row: Row, at: float) -> Event:
    return {"name": name, "cat": category, "pid": row.process, "tid": row.thread, "ts": at}

"""Finished tasks as a flat table of text and numbers, a row a task, of which nothing is lost.

A *cell* is what a spreadsheet, pandas or a database can hold. What a cell cannot hold (a key that is no text
and no simple tuple, half a surrogate pair, a worker's name that is a number) stands as text that reads like
it, and as it was in the row's *exact* values. Whoever reads takes the cells and then the exact values:
`dasklens.model.taskframes` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..wire.frames import NO_NAME, Frame, unpack_frame, unpack_name
from . import exact
from .spans import TaskTable

#: The columns in order, and what each holds.
COLUMNS = {
    "key": "text",
    "prefix": "text",
    "group": "text",
    "span": "text",
    "span_name": "json",
    "worker": "text",
    "worker_name": "text",
    "thread": "whole",
    "status": "text",
    "start": "float",
    "stop": "float",
    "nbytes": "whole",
    "typename": "text",
    "type": "bytes",
    "stimulus": "float",
    "exception_text": "text",
    "traceback_text": "text",
    "metadata": "json",
}
#: What a cell says that is empty.
ABSENT = {
    "span": None,
    "span_name": (),
    "thread": None,
    "type": b"",
    "nbytes": 0,
    "stimulus": float("nan"),
    "metadata": None,
}
#: Of each column of names: which cells its entries fill.
NAMED = {
    "group": ("group", "prefix", "span", "span_name"),
    "lane": ("worker", "thread", "worker_name"),
    "type": ("typename", "type"),
    "error": ("exception_text", "traceback_text"),
}
OK, ERROR = "OK", "error"
#: Whole numbers that a table can hold.
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_TUPLE = re.compile(r"\('([^'\\]*)'((?:, -?[0-9]{1,18})*),?\)")


@dataclass
class Cells:
    """Some tasks as cells.

    Attributes
    ----------
    columns : dict of str to list
        Those of `COLUMNS`; None where there is nothing.
    spans : list of int
        How many each task has.
    action, source : list of str or None
        Of each span.
    start, stop : ndarray of float
        Of each span, in seconds since the epoch.
    exact : dict of int to dict
        By row: values by column that cells cannot hold, and ``startstops``: a tuple of ``(action, start,
        stop)`` or ``(action, start, stop, source)``.
    """

    columns: dict[str, list[Any]]
    spans: list[int]
    action: list[Any]
    source: list[Any]
    start: npt.NDArray[np.float64]
    stop: npt.NDArray[np.float64]
    exact: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.spans)


def by_frame(frames: Iterable[bytes | Frame]) -> Iterator[TaskTable]:
    """A table for each frame of a log, which knows the names of those before."""
    names: dict[int, Any] = {}
    for data in frames:
        frame = data if isinstance(data, Frame) else unpack_frame(data)
        table = TaskTable()
        table._names = names
        table.append(frame)
        if len(table):
            yield table


def cells_of(table: TaskTable, guard: Callable[[str], str] = str) -> Cells:
    """The tasks of a table.

    Parameters
    ----------
    guard : callable, optional
        What text is turned into where not all of it may stand in a cell; what it was is exact then.

    Raises
    ------
    ValueError, LookupError, TypeError
        When the table does not hold together.
    """
    return _Making(table, guard).cells()


def key_of(text: str) -> Any:
    """The key that a cell says: a simple tuple, as Python writes it, or the text itself."""
    found = _TUPLE.fullmatch(text) if text.startswith("('") else None
    if found is None:
        return text
    key = (found[1], *map(int, found[2].split(", ")[1:]))
    return key if str(key) == text else text


def shown(text: str) -> str:
    """`text` without what no file of text can hold."""
    if not exact.encodable(text):
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\0", "\\x00")


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same and of one type; NaN is NaN."""
    return type(one) is type(other) and (one == other or (one != one and other != other))


class _Making:
    def __init__(self, table: TaskTable, guard: Callable[[str], str]):
        self._table, self._guard = table, guard
        self._columns = table.columns()
        self._exact: dict[int, dict[str, Any]] = {}
        self._made: dict[str, list[Any]] = {}

    def cells(self) -> Cells:
        failed = self._columns["error"] != NO_NAME
        self._made["key"] = self._keys()
        for name, fields in NAMED.items():
            ids = self._columns[name]
            if name == "type":
                # What describes a result: a task that failed has none.
                ids = np.where(failed, NO_NAME, ids)
            self._named(ids, fields)
        self._made["status"] = [ERROR if bad else OK for bad in failed.tolist()]
        self._metadata()
        self._numbers(failed)
        action, source = self._spans()
        columns, made = self._columns, {name: self._made[name] for name in COLUMNS}
        spans = columns["spans"].tolist()
        return Cells(made, spans, action, source, columns["start"], columns["stop"], self._exact)

    def _keep(self, row: int, name: str, value: Any) -> None:
        self._exact.setdefault(row, {})[name] = value

    def _text(self, value: Any) -> str:
        return self._guard(shown(value if isinstance(value, str) else str(value)))

    def _keys(self) -> list[str]:
        made = []
        for row, key in enumerate(self._table.keys()):
            cell = self._text(key)
            if not same(key_of(cell), key):
                self._keep(row, "key", key)
            made.append(cell)
        return made

    def _named(self, ids: npt.NDArray[Any], fields: tuple[str, ...]) -> None:
        listed, names = ids.tolist(), self._table.names
        known = {i: _entry(names[i], fields) for i in set(listed) if i != NO_NAME}
        if fields[0] == "group" and not all(isinstance(entry[0], str) for entry in known.values()):
            raise TypeError("the name of a group is no text")
        for at, name in enumerate(fields):
            cells: dict[int, Any] = {NO_NAME: None}
            odd = {}
            for i, entry in known.items():
                cells[i] = self._cell(name, entry[at])
                said = ABSENT.get(name, "") if cells[i] is None else cells[i]
                if COLUMNS[name] != "json" and not same(said, entry[at]):
                    odd[i] = entry[at]
            self._made[name] = [cells[i] for i in listed]
            if odd:
                for row in np.flatnonzero(np.isin(ids, list(odd))).tolist():
                    self._keep(row, name, odd[listed[row]])

    def _cell(self, name: str, value: Any) -> Any:
        kind = COLUMNS[name]
        # No text and an empty one are the same in CSV.
        if same(value, ABSENT.get(name, "")) or value == "":
            return None
        if kind == "json":
            return exact.dumps(value)
        if kind == "whole":
            return value if type(value) is int and _LEAST <= value <= _MOST else None
        if kind == "bytes":
            return value if type(value) is bytes else None
        return self._text(value)

    def _metadata(self) -> None:
        ids = self._columns["metadata"].tolist()
        cells = {
            i: None if i == NO_NAME else exact.dumps(unpack_name(self._table.names[i])) for i in set(ids)
        }
        self._made["metadata"] = [cells[i] for i in ids]

    def _numbers(self, failed: npt.NDArray[np.bool_]) -> None:
        sizes: list[int | None] = []
        for row, (bad, nbytes) in enumerate(
            zip(failed.tolist(), self._columns["nbytes"].tolist(), strict=True)
        ):
            size = None if bad else int(nbytes)
            if size is not None and not _LEAST <= size <= _MOST:
                self._keep(row, "nbytes", size)
                size = None
            sizes.append(size)
        self._made["nbytes"] = sizes
        stimulus = self._columns["stimulus"]
        self._made["stimulus"] = [None if t != t else t for t in stimulus.tolist()]

    def _spans(self) -> list[list[Any]]:
        columns, names = self._columns, self._table.names
        record, start, stop = columns["record"], columns["start"], columns["stop"]
        odd = ~(np.isfinite(start) & np.isfinite(stop))
        texts = []
        for name in ("action", "source"):
            ids = columns[name]
            cells: dict[int, Any] = {}
            for i in np.unique(ids).tolist():
                value = None if i == NO_NAME else names[i]
                cells[i] = None if value is None else shown(value if isinstance(value, str) else str(value))
                if not same(cells[i], value) or (name == "action" and value is None):
                    odd |= ids == i
            texts.append([cells[i] for i in ids.tolist()])
        ends = np.cumsum(columns["spans"], dtype="i8")
        for row in dict.fromkeys(record[odd].tolist()):
            spans = range(int(ends[row] - columns["spans"][row]), int(ends[row]))
            self._keep(row, "startstops", tuple(self._span(i) for i in spans))
        self._made["start"], self._made["stop"] = (
            _of_each(np.fmin, start, columns["spans"], ends),
            _of_each(np.fmax, stop, columns["spans"], ends),
        )
        return texts

    def _span(self, i: int) -> tuple[Any, ...]:
        columns, names = self._columns, self._table.names
        said = (names[int(columns["action"][i])], float(columns["start"][i]), float(columns["stop"][i]))
        source = int(columns["source"][i])
        return said if source == NO_NAME else (*said, names[source])


def _entry(entry: Any, fields: tuple[str, ...]) -> tuple[Any, ...]:
    """A name with as many parts as are told; what is behind them is of a later version."""
    parts = tuple(entry[: len(fields)])
    return parts + tuple(ABSENT.get(name, "") for name in fields[len(parts) :])


def _of_each(best: Any, times: Any, spans: Any, ends: Any) -> list[float | None]:
    """The first or last time of each task; None of one without spans."""
    found: list[float | None] = [None] * len(spans)
    having = np.flatnonzero(spans)
    if len(having):
        starts = (ends - spans)[having]
        for row, time in zip(having.tolist(), best.reduceat(times, starts).tolist(), strict=True):
            found[row] = time if np.isfinite(time) else None
    return found

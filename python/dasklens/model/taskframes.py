"""Cells back into frames: what `taskcells` took apart becomes a log of finished tasks again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..wire.frames import NO_NAME, pack_frame, pack_name
from ..wire.keys import pack_key
from . import exact
from .taskcells import ABSENT, COLUMNS, ERROR, NAMED, OK, Cells, key_of

#: Types that a cell may have, by what its column holds.
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "json": (str,),
    "whole": (int,),
    "float": (float, int),
    "bytes": (bytes,),
}
#: What is cheap to look up as it is: equal values of these are the same.
_ITSELF = frozenset((str, bytes, type(None)))


class CellError(ValueError):
    """Cells that make no tasks; the message says which."""


class TaskFrames:
    """Makes frames of one log, a frame a batch of cells.

    Attributes
    ----------
    records : int
        Tasks so far.
    """

    def __init__(self, log: str = "imported"):
        self.records = 0
        self._log = log
        self._ids: dict[Any, int] = {}
        self._names: list[bytes] = []
        self._names0 = 0

    def frame(self, cells: Cells) -> bytes:
        """The next frame.

        Raises
        ------
        CellError
            When something in the cells is of another kind than its column says.
        """
        n = len(cells)
        columns = {name: self._values(name, cells.columns[name], n) for name in COLUMNS}
        columns["key"] = [key_of(text) for text in columns["key"]]
        spans, startstops = list(cells.spans), cells
        for row, values in cells.exact.items():
            for name, value in values.items():
                if name in columns:
                    columns[name][row] = value
        if any("startstops" in values for values in cells.exact.values()):
            startstops = _with_exact(cells)
            spans = startstops.spans
        cols = self._of_records(columns, n)
        cols["spans"] = np.array(spans, "<u4")
        base = self._of_spans(startstops, cols)
        packed = [pack_key(key, group) for key, group in zip(columns["key"], columns["group"], strict=True)]
        cols["key_len"] = np.array([len(key) for key in packed], "<u4")
        cols["key"] = np.frombuffer(b"".join(packed), "u1")
        first, self.records = self.records, self.records + n
        new, self._names = self._names, []
        self._names0 += len(new)
        return pack_frame(
            stream="tasks",
            log=self._log,
            first=first,
            next=self.records,
            missed=0,
            names0=self._names0 - len(new),
            names=new,
            base=base,
            cols={name: (values.dtype.str[1:], values.tobytes()) for name, values in cols.items()},
        )

    def _values(self, name: str, cells: list[Any], n: int) -> list[Any]:
        """A column without empty cells; each of the type that it should be."""
        kind = COLUMNS[name]
        if len(cells) != n:
            raise CellError(f"the column {name!r} should have {n:,} cells and has {len(cells):,}")
        absent = ABSENT.get(name, "")
        types = _TYPES[kind]
        for cell in cells:
            if cell is not None and (not isinstance(cell, types) or cell is True or cell is False):
                raise CellError(f"a cell of the column {name!r} should be {kind}, got {cell!r:.60}")
        if kind != "json":
            return [absent if cell is None else cell for cell in cells]
        known: dict[str, Any] = {}
        for cell in cells:
            if cell is not None and cell not in known:
                try:
                    known[cell] = exact.loads(cell)
                except ValueError as error:
                    raise CellError(f"a cell of the column {name!r} is broken: {error}") from None
        return [absent if cell is None else known[cell] for cell in cells]

    def _of_records(self, columns: dict[str, list[Any]], n: int) -> dict[str, Any]:
        statuses = columns["status"]
        if not all(status in (OK, ERROR) for status in statuses):
            raise CellError(f"a cell of the column 'status' should be {OK} or {ERROR}")
        if not all(isinstance(group, str) for group in columns["group"]):
            raise CellError("the name of a group should be text")
        ids = {}
        for name, fields in NAMED.items():
            entries = zip(*(columns[each] for each in fields), strict=True)
            if name == "error":
                ids[name] = np.array(
                    [
                        self._id(entry) if status == ERROR else NO_NAME
                        for entry, status in zip(entries, statuses, strict=True)
                    ],
                    "<u4",
                )
            else:
                ids[name] = np.array([self._id(entry) for entry in entries], "<u4")
        # By object: what many tasks share is packed once.
        shared = {id(value): value for value in columns["metadata"] if value is not None}
        packed = {at: self._id(pack_name(value)) for at, value in shared.items()}
        ids["metadata"] = np.array(
            [NO_NAME if value is None else packed[id(value)] for value in columns["metadata"]], "<u4"
        )
        ids["nbytes"] = np.array([float(_number("nbytes", value)) for value in columns["nbytes"]], "<f8")
        ids["stimulus"] = np.array([_number("stimulus", value) for value in columns["stimulus"]], "<f8")
        return ids

    def _of_spans(self, cells: Cells, cols: dict[str, Any]) -> float:
        start, stop = np.asarray(cells.start, "<f8"), np.asarray(cells.stop, "<f8")
        lengths = {len(each) for each in (cells.action, cells.source, start, stop)}
        if lengths != {sum(cells.spans)}:
            raise CellError("its spans are not as many as its tasks have")
        cols["action"] = np.array([self._id(action) for action in cells.action], "<u4")
        cols["source"] = np.array(
            [NO_NAME if source is None else self._id(source) for source in cells.source], "<u4"
        )
        base = float(start[0]) if len(start) and abs(start[0]) < 1e11 else 0.0
        with np.errstate(invalid="ignore"):
            offsets = start - base, stop - base
            if not all(
                np.array_equal(offset + base, times, equal_nan=True)
                for offset, times in zip(offsets, (start, stop), strict=True)
            ):
                # Times so far from each other that a difference loses something.
                base, offsets = 0.0, (start, stop)
        cols["start"], cols["stop"] = offsets
        return base

    def _id(self, entry: Any) -> int:
        """Of a name: that of the same one before, or a new one."""
        parts = entry if type(entry) is tuple else (entry,)
        if all(type(part) in _ITSELF or type(part) is int or part == () for part in parts):
            known = entry
        else:
            # 1, 1.0 and True are equal, and not the same.
            known = (None, pack_name(entry))
        at = self._ids.get(known)
        if at is None:
            at = self._ids[known] = self._names0 + len(self._names)
            self._names.append(pack_name(entry))
        return at


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise CellError(f"a cell of the column {name!r} should be a number, got {value!r:.60}") from None


def _with_exact(cells: Cells) -> Cells:
    """The spans with those of exact values in their places."""
    spans, made, at = [], [], 0
    for row, n in enumerate(cells.spans):
        said = cells.exact.get(row, {}).get("startstops")
        if said is None:
            these = [
                (cells.action[i], float(cells.start[i]), float(cells.stop[i]), cells.source[i])
                for i in range(at, at + n)
            ]
        else:
            these = [_span(each) for each in _tuple(said)]
        at += n
        spans.append(len(these))
        made += these
    columns: list[list[Any]] = [list(each) for each in zip(*made, strict=True)] or [[], [], [], []]
    action, start, stop, source = columns
    return Cells(cells.columns, spans, action, source, np.array(start, "f8"), np.array(stop, "f8"))


def _span(said: Any) -> tuple[Any, float, float, Any]:
    parts = _tuple(said)
    if len(parts) not in (3, 4) or not all(isinstance(time, float) for time in parts[1:3]):
        raise CellError("a span should be an action, two times and perhaps a worker")
    return (*parts, None)[:4]


def _tuple(said: Any) -> tuple[Any, ...]:
    if not isinstance(said, tuple):
        raise CellError("its exact spans should be a list")
    return said

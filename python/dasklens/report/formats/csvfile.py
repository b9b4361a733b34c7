"""CSV: a row a task, spans as JSON within it.

The header of the last column, the one of exact values, says what the file is. A text that a spreadsheet
would take for a formula gets an apostrophe in front, as people write it there themselves, and is as it was
among the exact values: both who opens it and who reads it back get what they need.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import math
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ...model.taskcells import COLUMNS, Cells, by_frame, cells_of
from ..jsonsize import loaded
from .about import FORMAT, Exported, broken, checked, dumped, foreign
from .table import exact_text, exact_values

CSV = "CSV file"
HEADER = (*COLUMNS, "startstops")
#: Tasks that are read at once, and letters of them.
BATCH, MOST_TEXT = 8192, 1 << 24
#: Letters of a cell: what `csv` allows of itself is less than an exception may have.
MOST_CELL = 1 << 26
#: How a formula begins, in a spreadsheet of any script, and what may stand before it.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def write_csv(run: Exported, out: BinaryIO) -> None:
    """Write it, in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*HEADER, dumped(run.about())])
    for table in by_frame(run.frames("tasks")):
        cells = cells_of(table, guarded)
        columns = [_written(kind, cells.columns[name]) for name, kind in COLUMNS.items()]
        columns.append(_spans(cells))
        columns.append(
            ["" if row not in cells.exact else exact_text(cells.exact[row]) for row in range(len(cells))]
        )
        writer.writerows(zip(*columns, strict=True))
        out.write(text.getvalue().encode("utf-8"))
        text.seek(0)
        text.truncate()
    out.write(text.getvalue().encode("utf-8"))


def guarded(text: str) -> str:
    """`text` with an apostrophe in front, if a spreadsheet would compute it."""
    return f"'{text}" if _FORMULA.match(text) else text


def _written(kind: str, cells: list[Any]) -> list[Any]:
    if kind == "bytes":
        return ["" if cell is None else guarded(base64.b64encode(cell).decode("ascii")) for cell in cells]
    if kind == "float":
        return ["" if cell is None else repr(cell) for cell in cells]
    return ["" if cell is None else cell for cell in cells]


def _spans(cells: Cells) -> list[str]:
    start, stop = cells.start.tolist(), cells.stop.tolist()
    made, at = [], 0
    for row, n in enumerate(cells.spans):
        spans: list[Any] = []
        if "startstops" not in cells.exact.get(row, ()):
            for i in range(at, at + n):
                said = [cells.action[i], start[i], stop[i]]
                spans.append(said if cells.source[i] is None else [*said, cells.source[i]])
        at += n
        made.append(_encode(spans))
    return made


# -- reading -------------------------------------------------------------------------------------------


def is_csv(data: bytes) -> bool:
    """Whether these bytes begin as one of ours does, or as what a spreadsheet makes of one."""
    return data[:100].removeprefix(b"\xef\xbb\xbf").replace(b'"', b"").startswith(b"key,prefix,group,span")


def read_csv(data: bytes) -> tuple[dict[str, Any], Iterator[Cells]]:
    """What a CSV says of itself, and its tasks.

    Raises
    ------
    ReportError
    """
    rows = _rows(data)
    header = next(rows, [])
    if tuple(header[:-1]) != HEADER or FORMAT not in header[-1]:
        raise foreign(CSV)
    return checked(header[-1], CSV), _batches(rows)


def _rows(data: bytes) -> Iterator[list[str]]:
    """The rows; a cell of one may be long."""
    limit = csv.field_size_limit()
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    while True:
        # It is one for the whole process: as it was, but for as long as a row takes.
        csv.field_size_limit(max(limit, MOST_CELL))
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            raise broken(CSV, f"line {reader.line_num:,} is damaged ({error})") from None
        finally:
            csv.field_size_limit(limit)
        yield row


def _batches(rows: Iterator[list[str]]) -> Iterator[Cells]:
    kept: list[list[str]] = []
    size = 0
    for row in rows:
        if len(row) != len(HEADER) + 1:
            raise broken(CSV, f"a row should have {len(HEADER) + 1} cells and has {len(row)}")
        kept.append(row)
        size += sum(map(len, row))
        if len(kept) == BATCH or size > MOST_TEXT:
            yield _cells(kept)
            kept, size = [], 0
    if kept:
        yield _cells(kept)


def _cells(rows: list[list[str]]) -> Cells:
    by_column = list(zip(*rows, strict=True))
    columns = {
        name: [_read(name, kind, cell) for cell in by_column[at]]
        for at, (name, kind) in enumerate(COLUMNS.items())
    }
    odd = {row: exact_values(text, CSV) for row, text in enumerate(by_column[-1]) if text}
    spans, action, source = [], [], []
    times: list[list[float]] = [[], []]
    for text in by_column[-2]:
        said = _listed(text)
        spans.append(len(said))
        for each in said:
            action.append(each[0])
            source.append(each[3] if len(each) == 4 else None)
            for at in (0, 1):
                times[at].append(each[1 + at])
    start, stop = (np.array(each, "f8") for each in times)
    return Cells(columns, spans, action, source, start, stop, exact=odd)


def _listed(text: str) -> list[Any]:
    try:
        said = loaded(text)
        good = isinstance(said, list) and all(
            isinstance(each, list)
            and len(each) in (3, 4)
            and all(isinstance(word, str) for word in (each[0], *each[3:]))
            and all(type(time) is float and math.isfinite(time) for time in each[1:3])
            for each in said
        )
    except (ValueError, RecursionError):
        good = False
    if not good:
        raise broken(CSV, f"the spans of a row should be a list of actions and times, got {text!r:.60}")
    listed: list[Any] = said
    return listed


def _read(name: str, kind: str, cell: str) -> Any:
    if not cell:
        return None
    try:
        if kind == "whole":
            return int(cell)
        if kind == "float":
            return float(cell)
        if kind == "bytes":
            return base64.b64decode(cell.removeprefix("'"), validate=True)
    except (ValueError, binascii.Error):
        raise broken(CSV, f"a cell of its column {name!r} is broken: {cell!r:.60}") from None
    return cell

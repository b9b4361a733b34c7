"""The document of a report: one JSON object, the same in a ``.json`` and inside a ``.html`` or ``.ipynb``.

It comes from anybody. What is read is bounded while it is unpacked, nothing is unpickled, and every field is
checked: whatever is wrong gives one `ReportError` that says so in a sentence.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..model.pieces import Budget, PieceError, frames_in
from ..model.relog import holds_together
from ..wire.frames import FrameError, NameBudget, unpack_frame
from .jsonsize import fits

FORMAT, VERSION = "dasklens-report", 1
#: Bytes that a file may have, and bytes that its frames may unpack to.
MOST_BYTES, MOST_UNPACKED = 1 << 30, 4 << 30
#: What can be left out of a report.
REDACTABLE = ("code", "hosts", "paths", "keys", "logs")
#: What findings link to: a report of a stranger leads nowhere else.
LINKED = ("https://docs.dask.org/", "https://distributed.dask.org/")


class ReportError(ValueError):
    """A file that is no report, or that cannot be read or written; the message says what to do."""


@dataclass
class Stream:
    """The frames of one stream.

    Attributes
    ----------
    records, frames : int
        How many.
    pieces : list of bytes
        See `dasklens.model.pieces`.
    """

    records: int = 0
    frames: int = 0
    pieces: list[bytes] = field(default_factory=list)


@dataclass
class Document:
    """What a report holds. ``docs/reports.md`` says what each field is; times are seconds since the epoch."""

    dasklens: str = ""
    title: str = ""
    created: float = 0.0
    start: float = 0.0
    stop: float = 0.0
    ended_early: str = ""
    exception: dict[str, str] | None = None
    code: dict[str, Any] | None = None
    redacted: list[str] = field(default_factory=list)
    missed: dict[str, int] = field(default_factory=lambda: {"tasks": 0})
    cluster: dict[str, Any] = field(
        default_factory=lambda: {"scheduler": "", "workers": 0, "threads": 0, "memory": 0, "versions": {}}
    )
    summary: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=lambda: {"scheduler": [], "workers": {}, "empty": ""})
    #: Of a comparison what came of it; `dasklens.report.comparing` says what is in it.
    comparison: dict[str, Any] | None = None

    def frames(self, stream: str) -> Iterator[bytes]:
        """The frames of a stream in order; none when there is no such stream.

        Raises
        ------
        ReportError
            When they are damaged.
        """
        found = self.streams.get(stream, Stream())
        try:
            yield from frames_in(found.pieces, Budget(MOST_UNPACKED))
        except PieceError as error:
            raise damaged(f"of its stream {stream!r} {error}") from None

    def to_json(self) -> bytes:
        """The document as UTF-8."""
        raw: dict[str, Any] = {"format": FORMAT, "version": VERSION}
        for name in ("dasklens", "title", "created", "start", "stop", "ended_early", "exception", "code"):
            raw[name] = getattr(self, name)
        for name in ("redacted", "missed", "cluster", "summary"):
            raw[name] = getattr(self, name)
        raw["tables"], raw["logs"] = self.tables, self.logs
        if self.comparison is not None:
            raw["comparison"] = self.comparison
        raw = plain(raw)
        raw["streams"] = {
            name: {
                "records": stream.records,
                "frames": stream.frames,
                "data": [base64.b64encode(piece).decode("ascii") for piece in stream.pieces],
            }
            for name, stream in self.streams.items()
        }
        # Escaped, so that text of any kind, lone surrogates too, is written and read back.
        return json.dumps(raw, allow_nan=False, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> Document:
        """Read and check a document.

        Raises
        ------
        ReportError
            When it is not one, damaged, too large, or of a later version.
        """
        raw = _parsed(data)
        document = cls(
            dasklens=_field(raw, "dasklens", str),
            title=_field(raw, "title", str),
            created=_number(raw, "created"),
            start=_number(raw, "start"),
            stop=_number(raw, "stop"),
            ended_early=_field(raw, "ended_early", str),
            exception=_texts(raw, "exception", ("type", "text", "traceback")),
            code=_code(raw),
            redacted=[_text("redacted", each) for each in _field(raw, "redacted", list)],
            missed={name: _count("missed", n) for name, n in _field(raw, "missed", dict).items()},
            cluster=_cluster(_field(raw, "cluster", dict)),
            summary=_summary(_field(raw, "summary", dict)),
            tables={name: _table(name, table) for name, table in _field(raw, "tables", dict).items()},
            logs=_logs(_field(raw, "logs", dict)),
            comparison=comparison_of(raw.get("comparison")),
        )
        budget, names = Budget(MOST_UNPACKED), NameBudget()
        for name, stream in _field(raw, "streams", dict).items():
            document.streams[name] = _stream(name, stream, budget, names)
        return document


def damaged(why: str) -> ReportError:
    """What is said of a report that is not whole."""
    return ReportError(f"This report cannot be read: {why}. Copy the file again, or make the report anew.")


@contextmanager
def whole(what: str) -> Iterator[None]:
    """Say of frames that can be read, and speak of names that there are not, that they are damaged."""
    try:
        yield
    except ReportError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        said = str(error).rstrip(".")
        raise damaged(f"{what} does not hold together ({type(error).__name__}: {said})") from None


def comparison_of(raw: Any) -> dict[str, Any] | None:
    """The checked field of that name; None where a document is of one run."""
    from .compared import checked_comparison

    if raw is None:
        return None
    try:
        return checked_comparison(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(f"its comparison does not hold together ({error})") from None


def plain(value: Any) -> Any:
    """A value as JSON has it: numbers that are none become None, what JSON does not know becomes text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "item"):  # numpy's
        return plain(value.item())
    return str(value)


# -- reading -----------------------------------------------------------------------------------------


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise ReportError(
            f"This file has {len(data) >> 20:,} MiB; a report that is read has at most {MOST_BYTES >> 20:,}."
        )
    if not fits(data):
        raise ReportError(
            "This file holds more lists and values than any report: that is no report of dasklens."
        )
    try:
        raw = json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        if FORMAT.encode() in data[:200]:
            raise damaged("it is cut short or was changed") from None
        raise ReportError(
            "Expected a dasklens report (.html, .ipynb or .json), got something else: give the file that "
            "dasklens.performance_report wrote."
        ) from None
    if isinstance(raw, dict) and "nbformat" in raw and "cells" in raw:
        raw = _in_notebook(raw)
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ReportError(
            "Expected a dasklens report, got JSON of something else: give the file that "
            "dasklens.performance_report wrote."
        )
    version = raw.get("version")
    if type(version) is not int or version < 1:
        raise damaged("it does not say of which version it is")
    if version > VERSION:
        raise ReportError(
            f"This report is of version {version} and this dasklens reads up to version {VERSION}: "
            "pip install --upgrade dasklens"
        )
    return raw


def _in_notebook(raw: dict[str, Any]) -> Any:
    """What `dasklens.report.notebook` put into the metadata of a notebook."""
    ours: Any = raw
    for name in ("metadata", "dasklens", "report"):
        ours = ours.get(name) if isinstance(ours, dict) else None
    if ours is None:
        raise ReportError(
            "Expected the notebook of a dasklens report, got a notebook without one: give the file that "
            "dasklens.performance_report wrote."
        )
    return ours


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(said: str) -> float:
    value = float(said)
    if not math.isfinite(value):
        raise ValueError(said)
    return value


def _field(raw: Mapping[str, Any], name: str, kind: type) -> Any:
    value = raw.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise damaged(f"its field {name!r} should be of type {kind.__name__}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise damaged(f"its field {name!r} should be text")
    return value


def _number(raw: Mapping[str, Any], name: str) -> float:
    value = raw.get(name)
    if type(value) not in (int, float) or abs(value) > 1e300:  # type: ignore[arg-type]
        raise damaged(f"its field {name!r} should be a number")
    return value  # type: ignore[return-value]


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise damaged(f"its field {name!r} should be a count")
    return value


def _texts(raw: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> dict[str, str] | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise damaged(f"its field {name!r} should be an object or null")
    return {key: _field(value, key, str) for key in keys}


def _code(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    found = _texts(raw, "code", ("text", "file"))
    return None if found is None else {**found, "line": _count("line", raw["code"].get("line"))}


def _cluster(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "scheduler": _field(raw, "scheduler", str),
        "workers": _count("workers", raw.get("workers")),
        "threads": _count("threads", raw.get("threads")),
        "memory": _number(raw, "memory"),
        "versions": {name: _text(name, value) for name, value in _field(raw, "versions", dict).items()},
    }


def _objects(raw: Mapping[str, Any], name: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Any:
    found = []
    for each in _field(raw, name, list):
        if not isinstance(each, dict):
            raise damaged(f"its field {name!r} should be a list of objects")
        entry: dict[str, Any] = {key: _field(each, key, str) for key in texts}
        entry.update({key: _number(each, key) for key in numbers})
        found.append(entry)
    return found


def _summary(raw: Mapping[str, Any]) -> dict[str, Any]:
    if not raw:
        # A figure alone has none.
        return {}
    figures = _field(raw, "figures", dict)
    findings = _objects(raw, "findings", ("id", "severity", "title", "evidence", "remedy", "link"), ())
    if not all(each["link"].startswith(LINKED) for each in findings):
        raise damaged("a finding of it links to something else than the documentation of Dask")
    return {
        "verdict": _field(raw, "verdict", str),
        "time": _objects(raw, "time", ("name", "how"), ("seconds", "share")),
        "prefixes": _objects(raw, "prefixes", ("prefix",), ("tasks", "seconds", "share", "median")),
        "findings": findings,
        "notes": [_text("notes", each) for each in _field({"notes": [], **raw}, "notes", list)],
        "figures": {name: _number(figures, name) for name in figures},
    }


def _table(name: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise damaged(f"its table {name!r} should be an object")
    columns = _objects(raw, "columns", ("name", "title", "unit"), ())
    rows = _field(raw, "rows", list)
    for row in rows:
        if not isinstance(row, list) or len(row) != len(columns):
            raise damaged(f"a row of its table {name!r} should have {len(columns)} cells")
        if not all(cell is None or isinstance(cell, str) or _is_number(cell) for cell in row):
            raise damaged(f"a cell of its table {name!r} should be text, a number or null")
    title, empty = _field(raw, "title", str), _field(raw, "empty", str)
    return {"title": title, "columns": columns, "rows": rows, "empty": empty}


def _is_number(cell: Any) -> bool:
    # JSON has whole numbers of any length, also those that no float can be.
    return isinstance(cell, float) or (isinstance(cell, int) and abs(cell) < 1 << 1000)


def _logs(raw: Mapping[str, Any]) -> dict[str, Any]:
    workers = _field(raw, "workers", dict)
    return {
        "scheduler": _lines(_field(raw, "scheduler", list)),
        "workers": {address: _lines(lines) for address, lines in workers.items()},
        "empty": _field(raw, "empty", str),
    }


def _lines(raw: Any) -> list[list[Any]]:
    for line in raw if isinstance(raw, list) else [None]:
        if not isinstance(line, list) or len(line) != 3 or not all(isinstance(e, str) for e in line[1:]):
            raise damaged("a line of its logs should be a time, a level and a text")
        if line[0] is not None and type(line[0]) not in (int, float):
            raise damaged("the time of a line of its logs should be a number or null")
    found: list[list[Any]] = raw
    return found


def _stream(name: str, raw: Any, budget: Budget, names: NameBudget) -> Stream:
    if not isinstance(raw, dict):
        raise damaged(f"its stream {name!r} should be an object")
    records, frames = _count("records", raw.get("records")), _count("frames", raw.get("frames"))
    try:
        pieces = [base64.b64decode(each, validate=True) for each in _field(raw, "data", list)]
    except (binascii.Error, TypeError, ValueError):
        raise damaged(f"its stream {name!r} is no base64") from None
    kind, found, held = name.partition(":")[0], 0, 0
    try:
        for data in frames_in(pieces, budget):
            frame = unpack_frame(data, names)
            if frame.stream != kind:
                raise damaged(f"its stream {name!r} holds frames of another")
            if not holds_together(frame):
                raise damaged(f"the columns of a frame of its stream {name!r} do not fit together")
            found += 1
            held += frame.next - frame.first
    except (PieceError, FrameError) as error:
        raise damaged(f"of its stream {name!r} {str(error).rstrip('.')}") from None
    if found != frames:
        raise damaged(f"its stream {name!r} should have {frames:,} frames and has {found:,}")
    if kind == "tasks" and held != records:
        raise damaged(f"its stream {name!r} should have {records:,} records and has {held:,}")
    return Stream(records, frames, pieces)

"""Reading the tasks of a trace-event file that dasklens wrote, a line at a time."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...model import exact
from ...model.taskcells import COLUMNS, Cells
from ..jsonsize import loaded
from .about import broken, checked, foreign, number
from .layout import seconds
from .trace import HEAD, MIDDLE, TAIL, TASK

TRACE = "trace"
#: Tasks that are read at once.
BATCH = 8192
#: How one begins: a list of events, or an object that has one.
_TRACE = re.compile(rb'\[\s*\{.*?"ph"\s*:|\{[^{}\[]*"traceEvents"\s*:', re.DOTALL)
Told = tuple[dict[str, Any], list[dict[str, Any]]]


def is_trace(data: bytes) -> bool:
    """Whether these bytes begin as a trace does: one of ours, or of another tool."""
    start = data[:2000].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(HEAD.encode()) or _TRACE.match(start) is not None


def read_trace(data: bytes) -> tuple[dict[str, Any], Iterator[Cells]]:
    """What a trace says of itself, and its tasks.

    Raises
    ------
    ReportError
    """
    lines = io.BytesIO(data)
    head = lines.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not head.startswith(HEAD):
        raise foreign(TRACE)
    if not head.endswith(MIDDLE):
        raise broken(TRACE, "it is cut short, or was written anew by another tool")
    about = checked(head[len(HEAD) : -len(MIDDLE)], TRACE)
    return about, _batches(lines, number(about, "epoch", TRACE))


def _batches(lines: io.BytesIO, epoch: float) -> Iterator[Cells]:
    kept: list[Told] = []
    for told in _tasks(lines):
        kept.append(told)
        if len(kept) == BATCH:
            yield _cells(kept, epoch)
            kept = []
    if kept:
        yield _cells(kept, epoch)


def _tasks(lines: io.BytesIO) -> Iterator[Told]:
    """The arguments of each task, and its spans."""
    task: dict[str, Any] = {}
    spans: list[dict[str, Any]] = []
    left = 0
    for event in _events(lines):
        if event.get("cat") != TASK:
            continue
        args = event.get("args")
        if not isinstance(args, dict):
            raise broken(TRACE, "an event of a task has no arguments")
        if not left:
            task, spans, left = args, [], args.get("spans")  # type: ignore[assignment]
            if type(left) is not int or left < 0 or (left > 0) != (event.get("ph") == "X"):
                raise broken(TRACE, "a task does not say how many spans it has")
        if left:
            spans.append(event)
            left -= 1
        if not left:
            yield task, spans
    if left:
        raise broken(TRACE, "spans of a task are missing")


def _events(lines: io.BytesIO) -> Iterator[dict[str, Any]]:
    for at, line in enumerate(lines, 2):
        line = line.strip()
        if line == TAIL.encode():
            return
        try:
            event = loaded(line.removesuffix(b","))
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise broken(TRACE, f"line {at:,} is no event")
        yield event
    raise broken(TRACE, "it is cut short")


def _cells(tasks: list[Told], epoch: float) -> Cells:
    columns = {
        name: [_value(name, kind, args.get(name)) for args, _ in tasks] for name, kind in COLUMNS.items()
    }
    action, source, odd = [], [], {}
    start, stop = [], []
    for row, (args, spans) in enumerate(tasks):
        if "exact" in args:
            odd[row] = _exact(args["exact"])
        for event in spans:
            said = event.get("args")
            if not isinstance(said, dict) or not isinstance(said.get("action"), str):
                raise broken(TRACE, "a span does not say what it is")
            action.append(said["action"])
            source.append(_text(said.get("source")))
            start.append(_nanoseconds(event.get("ts")))
            stop.append(start[-1] + _nanoseconds(event.get("dur")))
    return Cells(
        columns,
        [len(spans) for _, spans in tasks],
        action,
        source,
        seconds(np.array(start, "f8"), epoch),
        seconds(np.array(stop, "f8"), epoch),
        exact=odd,
    )


def _exact(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise broken(TRACE, "the exact values of a task should be an object")
    try:
        return {name: exact.decode(value) for name, value in said.items()}
    except (ValueError, RecursionError) as error:
        raise broken(TRACE, f"the exact values of a task are broken ({error})") from None


def _text(said: Any) -> str | None:
    if said is not None and not isinstance(said, str):
        raise broken(TRACE, "the source of a transfer should be text")
    return said


def _nanoseconds(said: Any) -> int:
    if not isinstance(said, (int, float)) or not abs(said) < 1 << 62:
        raise broken(TRACE, f"a time should be a number, got {said!r:.40}")
    return round(said * 1e3)


def _value(name: str, kind: str, said: Any) -> Any:
    if kind != "bytes" or said is None:
        return said
    try:
        return base64.b64decode(said, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise broken(TRACE, f"the {name!r} of a task should be base64") from None

"""Frames of a history, changed so that they fit where they go: cut to a stretch, or continued.

A recording begins somewhere within a log, and a scheduler that was started anew counts its records and names
from 0. Whoever reads a recording has one log a stream, which begins at 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..wire.frames import ITEM_SIZE, NO_NAME, Frame, pack_frame, pack_name, unpack_frame

#: Columns that speak of names, by stream.
NAMED = {
    "tasks": ("group", "lane", "type", "error", "metadata", "action", "source"),
    "counts": ("prefix",),
    "workers": ("worker", "status", "load_worker", "left"),
    "groups": ("group", "span", "left"),
    "profile": ("function", "source", "about"),
}


def column(frame: Frame, name: str) -> npt.NDArray[Any]:
    """A column as an array; an empty one when it is absent."""
    dtype, data = frame.cols.get(name, ("u4", b""))
    return np.frombuffer(data, f"<{dtype}")


def repacked(
    frame: Frame,
    *,
    log: str | None = None,
    first: int | None = None,
    missed: int | None = None,
    names0: int | None = None,
    names: Sequence[Any] | None = None,
    base: float | None = None,
    cols: Mapping[str, npt.NDArray[Any] | None] | None = None,
) -> bytes:
    """A frame as bytes again, with what is given instead of what it had.

    Parameters
    ----------
    first : int, optional
        The frame has as many records as before, unless `cols` has others: its `next` moves along.
    cols : mapping, optional
        Columns to replace; None leaves one out.
    """
    packed: dict[str, tuple[str, bytes | memoryview]] = dict(frame.cols)
    for name, values in (cols or {}).items():
        packed.pop(name, None)
        if values is not None:
            packed[name] = (values.dtype.str[1:], values.tobytes())
    begin = frame.first if first is None else first
    return pack_frame(
        stream=frame.stream,
        log=frame.log if log is None else log,
        first=begin,
        next=begin + frame.next - frame.first,
        missed=frame.missed if missed is None else missed,
        names0=frame.names0 if names0 is None else names0,
        names=[pack_name(name) for name in (frame.names if names is None else names)],
        base=frame.base if base is None else base,
        cols=packed,
    )


def continued(data: bytes, log: str, cursors: int, names: int) -> bytes:
    """A frame as one of `log`, its cursors and ids of names greater by so many, or less."""
    frame = unpack_frame(data)
    cols: dict[str, npt.NDArray[Any]] = {}
    for name in NAMED.get(frame.stream, ()) if names else ():
        if name in frame.cols:
            ids = column(frame, name).astype("<i8")
            cols[name] = np.where(ids == NO_NAME, ids, ids + names).astype("<u4")
    return repacked(frame, log=log, first=frame.first + cursors, names0=frame.names0 + names, cols=cols)


def joined(stretches: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Frames of stretches of a history as those of one: what lay between two of them is not missing."""
    out: list[bytes] = []
    log = ""
    at = known = 0
    for frames in stretches:
        cursors = names = None
        for data in frames:
            frame = unpack_frame(data)
            log = log or frame.log
            if cursors is None or names is None:
                cursors, names = at - frame.first, known - frame.names0
            out.append(continued(data, log, cursors, names))
            at = frame.next + cursors
            known = max(known, frame.names0 + len(frame.names) + names)
    return out


def since(data: bytes, start: float) -> bytes:
    """A frame of tasks whose times are counted from `start`, not from the epoch."""
    frame = unpack_frame(data)
    heard = column(frame, "stimulus").astype("<f8") - start
    return repacked(frame, base=frame.base - start, cols={"stimulus": heard})


def over_time(frames: Iterable[bytes]) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of a history of samples, a value a sample; times in seconds since the epoch.

    All of them, unlike `dasklens.model.samples`, which keeps the newest for a live view.
    """
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    for data in frames:
        frame = unpack_frame(data)
        for name in frame.cols:
            if not name.startswith("prefix"):
                values = column(frame, name).astype("f8")
                parts.setdefault(name, []).append(values + frame.base if name == "time" else values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def newest_sample(data: bytes) -> bytes:
    """A frame of a history of samples without all but the last of them.

    What is not one value a sample (in ``counts``: the prefixes) stays.
    """
    frame = unpack_frame(data)
    n = frame.next - frame.first
    drop = n - 1
    if drop < 1:
        return data
    named = NAMED.get(frame.stream, ())
    cols: dict[str, tuple[str, bytes | memoryview]] = {}
    for name, (dtype, values) in frame.cols.items():
        a_sample = name not in named and not name.startswith("prefix") and len(values) == n * ITEM_SIZE[dtype]
        cols[name] = (dtype, values[drop * ITEM_SIZE[dtype] :] if a_sample else values)
    cut = Frame(
        frame.stream,
        frame.log,
        frame.first + drop,
        frame.next,
        0,
        frame.names0,
        frame.names,
        frame.base,
        cols,  # type: ignore[arg-type]
    )
    return repacked(cut)


#: Columns that have a value a record, and a value a span; the sparse ones may be absent.
_RECORD = ("group", "lane", "type", "nbytes", "stimulus", "spans", "key_len", "error", "metadata")
_SPAN = ("action", "start", "stop", "source")
_SPARSE = ("error", "metadata", "source")


def holds_together(frame: Frame) -> bool:
    """Whether the columns are as long as they say: what reads them makes room for as many values."""
    sizes = {name: len(data) // ITEM_SIZE[dtype] for name, (dtype, data) in frame.cols.items()}
    records = frame.next - frame.first
    if frame.stream in ("counts", "system"):
        return sizes.get("time") == records
    if frame.stream == "profile":
        return all(sizes.get(name) == records for name in ("parent", "function", "line", "source", "count"))
    if frame.stream != "tasks":
        return True
    if any(name not in sizes for name in (*_RECORD, *_SPAN, "key") if name not in _SPARSE):
        return False
    spans, key_len = column(frame, "spans"), column(frame, "key_len")
    return (
        all(sizes[name] == records for name in _RECORD if name in sizes)
        and all(sizes[name] == int(spans.sum(dtype="u8")) for name in _SPAN if name in sizes)
        and int(key_len.sum(dtype="u8")) == sizes["key"]
    )

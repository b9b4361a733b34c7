"""From a recording to the document of a report."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import localtime, strftime, time
from typing import Any

import numpy as np

from ..model.kept import STREAMS, Kept
from ..model.pieces import Budget, PieceWriter, frames_in
from ..model.relog import column, over_time
from ..model.spans import TaskTable
from ..wire.frames import unpack_frame
from . import tables
from .document import MOST_UNPACKED, Document, Stream, plain
from .redact import Redactor
from .summary import summarize

logger = logging.getLogger(__name__)

#: What is said of the sections that such a file has not.
ONE_FIGURE = "This file holds one figure alone. dasklens.performance_report records the rest too."


@dataclass
class Block:
    """What is known of a block besides what its cluster did.

    Attributes
    ----------
    title : str
    code : dict or None
        See `dasklens.report.callingcode.calling_code`.
    exception : dict or None
        See `dasklens.report.callingcode.exception_of`.
    redact : tuple of str
        What to leave out.
    """

    title: str = ""
    code: dict[str, Any] | None = None
    exception: dict[str, str] | None = None
    redact: tuple[str, ...] = ()


def checked_title(title: str | None) -> str:
    """What a report is to be called; empty for None.

    Raises
    ------
    ValueError
        When it is no text.
    """
    if title is not None and not isinstance(title, str):
        raise ValueError(f"title should be text or None, got {title!r}.")
    return title or ""


def collect(recording: Kept, block: Block) -> Document:
    """Make the document of a recording that has ended, whoever read it.

    It unpacks what was recorded, which of millions of tasks takes its time: not on a loop.
    """
    redactor = Redactor(block.redact)
    streams = _streams(recording, redactor)
    inquiry = recording.inquiry
    document = Document(
        dasklens=_version(),
        title=block.title or f"Dask report of {strftime('%Y-%m-%d %H:%M', localtime(recording.start_time))}",
        created=time(),
        start=recording.start_time,
        stop=recording.stop_time,
        ended_early=redactor.text(recording.ended_early),
        exception=_exception(block, redactor),
        code=_code(block, redactor),
        redacted=list(redactor.what),
        missed={"tasks": recording.missed},
        streams=streams,
    )
    document.title = redactor.text(document.title)
    tasks = TaskTable(document.frames("tasks"))
    document.cluster = _cluster(recording, tasks, redactor)
    details = _details(inquiry.details, redactor)
    why = redactor.text(inquiry.absent.get("details", "" if details else "it could not be asked"))
    document.tables = {
        "exceptions": tables.exceptions(tasks),
        **tables.of_details(details, why),
        "workers": tables.workers(tasks, document.frames("workers")),
        "system": tables.system(document.frames("system")),
    }
    document.logs = tables.logs(details, why, "logs" in redactor.what)
    document.summary = summary_of(document, tasks, details)
    document.summary["notes"] += [redactor.text(note) for note in _lacks(recording)]
    for part in ("cluster", "tables", "logs", "summary"):
        # What is read back is the same to the letter.
        setattr(document, part, plain(getattr(document, part)))
    return document


def of_frames(
    name: str,
    frames: Sequence[bytes],
    *,
    title: str,
    missed: int = 0,
    start: float | None = None,
    stop: float | None = None,
) -> Document:
    """A document of one figure alone.

    Parameters
    ----------
    name : str
        Of the stream: ``"tasks"``, or ``"profile:worker"`` and so on.
    missed : int
        Tasks that are not in it.
    start, stop : float, optional
        Seconds since the epoch; by default those of the first and the last span.
    """
    writer = PieceWriter()
    for data in frames:
        frame = unpack_frame(data)
        writer.add(data, frame.next - frame.first)
    document = Document(dasklens=_version(), title=title, created=time(), streams={name: _kept(writer)})
    document.missed["tasks"] = missed
    begin = end = document.created
    if name == "tasks":
        tasks = TaskTable(frames)
        document.tables["exceptions"] = tables.exceptions(tasks)
        if len(tasks.columns()["start"]):
            begin, end = tasks.columns()["start"].min().item(), tasks.columns()["stop"].max().item()
    document.start, document.stop = begin if start is None else start, end if stop is None else stop
    for part in ("bandwidth_workers", "bandwidth_types", "fine_metrics", "workers", "system"):
        document.tables[part] = tables.table(part.replace("_", " ").capitalize(), (), [], ONE_FIGURE)
    document.logs["empty"] = ONE_FIGURE
    return document


def summary_of(document: Document, tasks: TaskTable, details: Mapping[str, Any]) -> dict[str, Any]:
    """Where the time went and what looks wrong."""
    counts: Any = over_time(document.frames("counts"))
    system: Any = over_time(document.frames("system"))
    cluster = document.cluster
    return summarize(
        tasks,
        start=document.start,
        stop=document.stop,
        threads=cluster["threads"],
        workers=cluster["workers"],
        memory=cluster["memory"],
        missed=document.missed["tasks"],
        counts=counts or None,
        system=system or None,
        details=details or None,
    )


def _details(details: Mapping[str, Any], redactor: Redactor) -> Mapping[str, Any]:
    """Bandwidths, fine metrics and logs without what is to go."""
    if not redactor or not details:
        return details
    said = dict(details)
    for name in ("bandwidth_workers", "bandwidth_types"):
        said[name] = {**details[name], "rows": redactor.value(details[name]["rows"])}
    metrics = [
        # Context and unit are words of distributed's.
        [context, *map(redactor.word, (span, ident, prefix)), redactor.text(activity), *rest]
        for context, span, ident, prefix, activity, *rest in details["fine_metrics"]["rows"]
    ]
    said["lost"] = redactor.value(details.get("lost", []))
    said["fine_metrics"] = {**details["fine_metrics"], "rows": metrics}
    logs: dict[str, Any] = {"scheduler": {"rows": []}, "workers": {}, "missing": {}}
    if "logs" not in redactor.what:
        told = details["logs"]
        logs["scheduler"] = _log(told["scheduler"], redactor)
        logs["workers"] = {redactor.text(at): _log(log, redactor) for at, log in told["workers"].items()}
        logs["missing"] = redactor.value(told["missing"])
    said["logs"] = logs
    return said


def _log(log: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    rows = [[when, level, redactor.traceback(text)] for when, level, text in log["rows"]]
    return {**log, "rows": rows}


def _streams(recording: Kept, redactor: Redactor) -> dict[str, Stream]:
    kept = {name: writer for name, writer in recording.kept.items() if writer.frames}
    if not redactor.of_frames:
        return {name: _kept(writer) for name, writer in kept.items()}
    redactor.learn_scheduler(recording.address)
    frames = {name: partial(_frames, writer) for name, writer in kept.items()}
    redactor.learn({name: each() for name, each in frames.items()})
    return {name: _kept(redactor.stream(each(), kept[name].records)) for name, each in frames.items()}


def _frames(writer: PieceWriter) -> Iterator[bytes]:
    return frames_in(writer.pieces(), Budget(MOST_UNPACKED))


def _kept(writer: PieceWriter) -> Stream:
    return Stream(writer.records, writer.frames, writer.pieces())


def _exception(block: Block, redactor: Redactor) -> dict[str, str] | None:
    if block.exception is None:
        return None
    said = {name: redactor.text(text) for name, text in block.exception.items()}
    return {**said, "traceback": redactor.traceback(block.exception["traceback"])}


def _code(block: Block, redactor: Redactor) -> dict[str, Any] | None:
    if block.code is None or "code" in redactor.what:
        return None
    return {
        "text": redactor.text(block.code["text"]),
        "file": redactor.text(block.code["file"]),
        "line": block.code["line"],
    }


def _lacks(recording: Kept) -> list[str]:
    """Sentences on streams that there are not."""
    absent = {
        stream: recording.inquiry.absent[stream] for stream in STREAMS if stream in recording.inquiry.absent
    }
    guessed = "Workers and threads are those that ran one of these tasks. " if "counts" in absent else ""
    # One reason for all: they are of one scheduler.
    return [f"Not recorded: {', '.join(absent)}. {guessed}{next(iter(absent.values()))}"] if absent else []


def _cluster(recording: Kept, tasks: TaskTable, redactor: Redactor) -> dict[str, Any]:
    found = {"workers": 0, "threads": 0, "memory": 0.0}
    last = recording.last("counts")
    if "counts" in recording.inquiry.absent:
        lanes = {tuple(tasks.names[lane][:2]) for lane in np.unique(tasks.columns()["lane"]).tolist()}
        found |= {"workers": len({lane[0] for lane in lanes}), "threads": len(lanes)}
    if last:
        frame = unpack_frame(last)
        for name, of in (("workers", "workers"), ("threads", "threads"), ("memory", "limit")):
            values = column(frame, of)
            found[name] = values[-1].item() if len(values) else 0
    versions = dict(recording.inquiry.versions) or {}
    return {"scheduler": redactor.text(recording.address), **found, "versions": versions}


def _version() -> str:
    from .. import __version__

    return __version__

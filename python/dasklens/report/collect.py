"""From a recording to the document of a report."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from time import localtime, strftime, time
from typing import Any

from ..model.pieces import Budget, PieceWriter, frames_in
from ..model.relog import column
from ..model.spans import TaskTable
from ..source.recording import Recording
from ..wire.frames import unpack_frame
from . import tables
from .document import MOST_UNPACKED, Document, Stream, empty_summary
from .redact import Redactor

logger = logging.getLogger(__name__)


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


def collect(recording: Recording, block: Block) -> Document:
    """Make the document of a recording that has ended.

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
    document.cluster = _cluster(recording, redactor)
    why = redactor.text(inquiry.absent.get("details", "" if inquiry.details else "it could not be asked"))
    document.tables = {
        "exceptions": tables.exceptions(tasks, document.start),
        **tables.of_details(inquiry.details, why, redactor),
        "workers": tables.workers(tasks, document.frames("workers")),
        "system": tables.system(document.frames("system"), document.start),
    }
    document.logs = tables.logs(inquiry.details, why, redactor)
    document.summary = summary_of(document, tasks)
    return document


def of_frames(name: str, frames: list[bytes], records: int, *, title: str, **fields: Any) -> Document:
    """A document of one stream alone."""
    writer = PieceWriter()
    for n, frame in enumerate(frames):
        writer.add(frame, 0 if n else records)
    document = Document(dasklens=_version(), title=title, created=time(), streams={name: _kept(writer)})
    for field, value in fields.items():
        setattr(document, field, value)
    if name == "tasks":
        tasks = TaskTable(document.frames("tasks"))
        document.tables["exceptions"] = tables.exceptions(tasks, document.start)
        document.summary = summary_of(document, tasks)
    document.logs["empty"] = "Only one figure was saved."
    return document


def summary_of(document: Document, tasks: TaskTable) -> dict[str, Any]:
    """Where the time went and what looks wrong; an empty one when it cannot be said."""
    try:
        from .summary import summarize
    except ImportError:
        return empty_summary()
    return summarize(tasks, document)


def _streams(recording: Recording, redactor: Redactor) -> dict[str, Stream]:
    kept = {name: writer for name, writer in recording.kept.items() if writer.frames}
    if not redactor:
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


def _cluster(recording: Recording, redactor: Redactor) -> dict[str, Any]:
    found = {"workers": 0, "threads": 0, "memory": 0.0}
    last = recording.last("counts")
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

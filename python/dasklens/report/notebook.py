"""A report as a notebook: its sections are cells, its figures live where dasklens is and pictures elsewhere.

The whole document lies in the notebook's metadata, so that nothing is lost and `load_report` reads it back.
The state of the figures lies where Jupyter has that of widgets. Their outputs name it in dasklens' own type
alone: with Jupyter's type for widgets beside it, every viewer that knows that type and has no dasklens
(nbconvert and nbviewer, a JupyterLab without us) would show an error or nothing instead of the picture.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..widgets.still import MIME, Still
from ..widgets.still import text as sendable
from . import static, stillparts
from .document import Document, whole

if TYPE_CHECKING:
    import ipywidgets

#: Tasks, and bytes of them, that a live figure has without a kernel. Beyond, it says "N of M".
MOST_TASKS, MOST_BYTES = 100_000, 4 << 20
#: Bytes of a picture at most; it is there twice, and base64 adds a third.
_MOST_IMAGE = 120_000
_KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


@dataclass
class Cell:
    """A section: a heading, what calls it up again, and what it shows.

    Attributes
    ----------
    name : str
        For ids.
    title : str
        Empty for a further cell of the section before.
    call : str
        What follows ``load_report(…)``.
    still : Still
    live : callable, optional
        Makes the widget.
    said : str
        In plain text.
    """

    name: str
    title: str
    call: str
    still: Still
    live: Callable[[], ipywidgets.Widget] | None = None
    said: str = ""


def render(document: Document, filename: str | os.PathLike[str]) -> bytes:
    """A report as a notebook of format 4.5, in UTF-8.

    Parameters
    ----------
    document : Document
    filename : str or path
        What it is going to be called: the cells load it from there.

    Raises
    ------
    ReportError
        When the document was read from a damaged file.
    """
    from ..widgets.embed import STATE_MIME, embed

    with whole("what its figures show"):
        cells = list(_cells(document))
        embedded = embed({cell.name: cell.live for cell in cells if cell.live is not None})
    name = PurePath(os.fspath(filename)).name
    made = [_markdown("title", _head(document, name))]
    for cell in cells:
        if cell.title:
            made.append(_markdown(f"{cell.name}-title", f"## {cell.title}"))
        source = f"dasklens.load_report({name!r}){cell.call}"
        if cell is cells[0]:
            source = f"import dasklens\n\n{source}"
        made.append(_code(cell, source, embedded.views.get(cell.name)))
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        # In front, so that the beginning of a file that is cut short says what it was.
        "metadata": {
            "dasklens": {"report": json.loads(document.to_json())},
            "kernelspec": _KERNEL,
            "language_info": {"name": "python"},
            "title": sendable(document.title),
            "widgets": {STATE_MIME: embedded.state},
        },
        "cells": made,
    }
    return json.dumps(notebook, allow_nan=False, separators=(",", ":")).encode("ascii")


def trust(data: bytes) -> None:
    """Have Jupyter trust a notebook that was written here, as it does one whose cells were run here.

    For this user on this machine: for anybody else it is a stranger's. Where signatures cannot be kept, the
    notebook has its pictures until somebody trusts it.

    Parameters
    ----------
    data : bytes
        What was written: the file may be somebody else's by now.
    """
    with suppress(Exception):
        import nbformat
        from nbformat.sign import NotebookNotary

        notary = NotebookNotary()
        try:
            notary.sign(nbformat.reads(data.decode(), as_version=4))
        finally:
            notary.store.close()


def _cells(document: Document) -> Iterator[Cell]:
    from .report import Report

    report = Report(document)
    if document.summary:
        still = stillparts.summary_still(document)
        yield Cell("summary", "Summary", ".summary()", still, said=str(report.summary()))
    if len(report):
        still = stillparts.task_stream_still(document, _MOST_IMAGE)
        live, said = (lambda: _stream(document)), f"Task stream: {len(report):,} tasks"
        yield Cell("task-stream", "Task stream", ".task_stream()", still, live, said)
    for what in static.HISTORIES:
        chart = static.history(document, what)
        if chart is not None:
            still = stillparts.history_still(chart)
            call = f'.history("{what}")'
            yield Cell(f"history-{what}", chart.title, call, still, partial(report.history, what))
    for kind, title in static.PROFILES.items():
        found = stillparts.profile_still(document, kind, _MOST_IMAGE)
        if found is not None:
            call = f'.profile("{kind}")'
            yield Cell(f"profile-{kind}", title, call, found, partial(report.profile, kind))
    for name, title in (
        ("bandwidth_workers", "Bandwidth between workers"),
        ("bandwidth_types", "Bandwidth by type"),
        ("fine_metrics", "Fine metrics"),
        ("exceptions", "Exceptions"),
        ("workers", "Workers"),
        ("system", "Scheduler and totals over time"),
    ):
        table = document.tables.get(name)
        if document.summary or (table is not None and table["rows"]):
            still, said = stillparts.table_still(document, name)
            yield Cell(name.replace("_", "-"), title, f'.tables["{name}"]', still, said=said)
    if document.summary:
        still, said = stillparts.logs_still(document)
        yield Cell("logs", "Logs", ".logs", still, said=said)
    code = stillparts.code_still(document)
    if code is not None:
        yield Cell("calling-code", "Calling code", ".code", code[0], said=code[1])
    if document.exception:
        said = document.exception["traceback"]
        still = Still(f"<pre>{stillparts.html(said)}</pre>")
        yield Cell("exception", "What the block raised", ".exception", still, said=said)
    if document.cluster["versions"]:
        still, said = stillparts.versions_still(document)
        yield Cell("versions", "Versions", '.cluster["versions"]', still, said=said)


def _stream(document: Document) -> ipywidgets.Widget:
    from ..widgets.task_stream import task_stream_box

    return task_stream_box(list(document.frames("tasks")), MOST_TASKS, MOST_BYTES)


def _head(document: Document, name: str) -> str:
    title = stillparts.markdown(document.title) or "Dask report"
    shown = stillparts.markdown(name)
    return (
        f"# {title}\n\n"
        "Every task is in this notebook. Figures are live in a JupyterLab that has dasklens, without a "
        "kernel, once the notebook is trusted; elsewhere there are pictures and tables. "
        f"A cell that is run again reads the report from {shown}."
    )


def _markdown(ident: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"dasklens-{ident}", "metadata": {}, "source": source}


def _code(cell: Cell, source: str, view: tuple[str, str] | None) -> dict[str, Any]:
    data = cell.still.bundle(cell.said or cell.title)
    if view is not None:
        data[MIME] = {"model_id": view[0], "mark_id": view[1]}
    return {
        "cell_type": "code",
        "id": f"dasklens-{cell.name}",
        "metadata": {},
        "execution_count": None,
        "source": source,
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": data}],
    }

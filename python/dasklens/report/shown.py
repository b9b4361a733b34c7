"""A report in a notebook cell: what it says, its figures in tabs, and pictures where no script runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..model.drawing import below_each_other
from ..widgets.still import Still
from . import static
from .document import Document, whole

if TYPE_CHECKING:
    import ipywidgets

    from .report import Report

#: Bytes of each picture at most: all of them are twice in the saved notebook.
_MOST_IMAGE = 30_000
_TITLES = {"worker": "Profile", "server": "Event loops", "scheduler": "Scheduler"}
_HISTORIES = {"tasks": "Progress", "memory": "Memory", "cpu": "CPU"}


def show(report: Report, document: Document | None) -> None:
    """Put a report into the output of the cell; `document` is None while it is being recorded."""
    from IPython.display import display

    if document is None or not _in_kernel():
        display({"text/plain": repr(report) if document is None else said(report)}, raw=True)
        return
    from ..widgets.marks import Presence
    from ..widgets.still import view_bundle

    with whole("what its figures show"):
        box, still = report_box(report, document), still_report(report, document)
    # Says to the page that the box is there, as long as that is.
    box.presence = Presence()
    display(view_bundle(still, said(report), box.model_id, box.presence.model_id), raw=True)


def said(report: Report) -> str:
    """A report in plain text."""
    summary = report.summary()
    return f"{report!r}\n{summary}" if summary else repr(report)


def report_box(report: Report, document: Document) -> ipywidgets.VBox:
    """What the report says, above its figures in tabs."""
    import ipywidgets

    from .stillparts import html, summary_still

    head = f"<h3>{html(document.title)}</h3>{summary_still(document, folded=True).html}"
    figures = dict(_figures(report, document))
    tabs = ipywidgets.Tab([make() for make in figures.values()], titles=tuple(figures))
    return ipywidgets.VBox([ipywidgets.HTML(head), *([tabs] if figures else [])])


def _figures(report: Report, document: Document) -> Iterator[tuple[str, Callable[[], ipywidgets.Widget]]]:
    if len(report):
        yield "Task stream", report.task_stream
    for kind, title in _TITLES.items():
        if static.tree_of(document, kind) is not None:
            yield title, partial(report.profile, kind)
    for what, title in _HISTORIES.items():
        if static.history(document, what) is not None:
            yield title, partial(report.history, what)


def still_report(report: Report, document: Document) -> Still:
    """The same where no script runs: HTML, and one picture of all figures."""
    from .stillparts import history_still, html, profile_still, summary_still, task_stream_still

    parts = [summary_still(document)]
    if len(report):
        parts.append(task_stream_still(document, _MOST_IMAGE))
    profile = profile_still(document, "worker", _MOST_IMAGE)
    parts += [profile] if profile is not None else []
    for what in static.HISTORIES:
        chart = static.history(document, what)
        parts += [history_still(chart)] if chart is not None else []
    page = f"<h3>{html(document.title)}</h3>{''.join(part.html for part in parts)}"
    return Still(page, below_each_other([part.png for part in parts if part.png]))


def _in_kernel() -> bool:
    """Whether there is a page, perhaps, that shows widgets."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None

"""The still picture in a saved notebook: HTML and PNG beside the live widget, in the same output.

Viewers without a kernel, and without the widget's state, show the HTML, and those that print (LaTeX) the
PNG. Both are renewed while tasks come in, seldom, and at the end of each cell, so that a notebook that is run
without a browser keeps a picture too.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from html import escape
from typing import Any, NamedTuple

from ..model.drawing import duration
from ..model.overview import Overview
from ..model.palette import ERROR_COLOUR, colour_of
from ..model.picture import WIDTH, summary, task_stream_png

#: What JupyterLab's side of dasklens shows: the still picture until the live one is there.
MIME = "application/vnd.dasklens.view+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
#: Bytes of an image at most. It is in the output twice, and base64 adds a third.
MOST_IMAGE = 40_000
#: Prefixes listed, and characters shown of a name.
_LISTED, _LONGEST = 12, 80
#: Classes whose text MathJax leaves alone.
_NO_MATHS = "tex2jax_ignore mathjax_ignore"
#: Seconds between two pictures while tasks come in, and at most this part of the time to make them.
_EVERY, _PART = 10.0, 0.02


class Still(NamedTuple):
    """What stands for a figure where no script runs.

    Attributes
    ----------
    html : str
        All text in it is escaped.
    png : bytes
        A picture; empty when there is nothing to see.
    """

    html: str
    png: bytes = b""

    def bundle(self, said: str) -> dict[str, Any]:
        """The still part of an output; `said` is the plain text."""
        images = {"image/png": base64.b64encode(self.png).decode()} if self.png else {}
        return {"text/plain": text(said), "text/html": self.html, **images}


def view_bundle(still: Still, said: str, model_id: str, mark_id: str) -> dict[str, Any]:
    """The output of a figure: the live view, and what stands for it."""
    return {
        **still.bundle(said),
        WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": model_id},
        MIME: {"model_id": model_id, "mark_id": mark_id},
    }


def still_task_stream(overview: Overview, most_bytes: int | None = MOST_IMAGE) -> Still:
    """A run as a picture, its counts and the costliest prefixes.

    Returns
    -------
    Still
        At most some 100 kB together, whatever ran, unless `most_bytes` of the picture say otherwise.
    """
    if not overview.n_tasks:
        return Still("<p>Task stream: no task had finished yet.</p>")
    picture, said = task_stream_png(overview, most_bytes), summary(overview)
    return Still(
        f"<p><strong>Task stream:</strong> {said}</p>{image_html(picture, f'Task stream: {said}')}"
        f"{_when(overview)}{_prefixes(overview)}",
        picture,
    )


def _when(overview: Overview) -> str:
    spans = overview.spans()
    if not len(spans.start):
        return ""
    begin, end = (
        datetime.fromtimestamp(t, timezone.utc) for t in (float(spans.start.min()), float(spans.stop.max()))
    )
    return (
        f"<p>{begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC from left to right; one row a worker thread.</p>"
    )


def image_html(png: bytes, alt: str) -> str:
    """An element with a picture in it."""
    return (
        f'<img alt="{_escaped(alt)}" width="{WIDTH}" style="max-width:100%;height:auto" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
    )


def _prefixes(overview: Overview) -> str:
    ordered = sorted(overview.prefixes, key=lambda tally: (-tally.seconds, tally.name))
    cells = []
    for tally in ordered[:_LISTED]:
        name = tally.name if len(tally.name) <= _LONGEST else tally.name[:_LONGEST] + "…"
        failed = f' <span style="color:{ERROR_COLOUR}">({tally.errors:,} failed)</span>' * bool(tally.errors)
        cells.append(
            f'<tr><td style="color:{colour_of(tally.name)}">■</td>'
            f'<td style="text-align:left">{words_html(name)}</td>'
            f"<td>{tally.count:,}{failed}</td><td>{duration(tally.seconds)}</td></tr>"
        )
    more = len(ordered) - _LISTED
    rest = f"<p>and {more:,} more prefixes</p>" if more > 0 else ""
    return (
        "<table><thead><tr><th></th><th style='text-align:left'>prefix</th>"
        "<th>tasks</th><th>compute</th></tr></thead>"
        f"<tbody>{''.join(cells)}</tbody></table>{rest}"
    )


def words_html(words: str) -> str:
    """Any text as HTML that shows it as it is: no markup, and no mathematics between two dollars."""
    shown = _escaped(words)
    return f'<span class="{_NO_MATHS}">{shown}</span>' if "$" in shown or "\\" in shown else shown


def _escaped(words: str) -> str:
    """In one line: within Markdown, which `nbconvert --to markdown` makes, HTML ends at an empty one."""
    lines = text(words).replace("\r\n", "\n").replace("\r", "\n")
    return escape(lines).replace("\n", "&#10;")


def text(name: str) -> str:
    """Text that can be sent: without lone surrogates."""
    return name.encode("utf-8", "replace").decode()


class Renewal:
    """Calls `renew` some time after something changed, and at the end of each cell.

    Only the latter is sure to arrive: what a thread sends between two cells is in the name of the earlier
    one, and who runs a notebook without a page (nbclient) drops it. So the end of a cell renews what was
    renewed before it, too.

    Parameters
    ----------
    renew : callable
        Called without arguments, in the main thread or in one of ours, never twice at once.
    settle : callable
        Called before `renew` at the end of a cell: what is under way may arrive.
    """

    def __init__(self, renew: Callable[[], None], settle: Callable[[], object]):
        self._renew, self._settle = renew, settle
        self._lock, self._renewing = threading.Lock(), threading.Lock()
        self._timer: threading.Timer | None = None
        #: Whether anything changed since the end of a cell.
        self._stale = False
        self._closed = False
        self._cost = 0.0
        self._events: Any = None

    def listen(self) -> None:
        """Renew at the end of each cell from now on, where there is an IPython."""
        try:
            from IPython import get_ipython
        except ImportError:
            return
        shell = get_ipython()
        if shell is not None and self._events is None:
            self._events = shell.events
            self._events.register("post_run_cell", self._at_end_of_cell)

    def changed(self) -> None:
        """Something is new. Returns at once, also while a renewal is under way."""
        self._stale = True
        with self._lock:
            if self._timer is None and not self._closed:
                self._timer = threading.Timer(max(_EVERY, self._cost / _PART), self._when_due)
                self._timer.daemon = True
                self._timer.start()

    def now(self) -> None:
        """Renew at once: what there is will not change any more."""
        self._stale = True
        self._make()

    def close(self) -> None:
        """Renew no more."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if self._events is not None:
            self._events.unregister("post_run_cell", self._at_end_of_cell)
            self._events = None

    def _when_due(self) -> None:
        with self._lock:
            self._timer = None
        if self._stale:
            self._make()

    def _at_end_of_cell(self, *_result: Any) -> None:
        self._settle()
        if self._stale:
            # Before: what changes from here on is news.
            self._stale = False
            self._make()

    def _make(self) -> None:
        with self._renewing:
            if not self._closed:
                begin = time.perf_counter()
                self._renew()
                self._cost = time.perf_counter() - begin

"""The still picture in a saved notebook: HTML beside the live widget, in the same output.

Viewers without a kernel, and without the widget's state, show the HTML. It is renewed while tasks
come in, seldom, and at the end of each cell, so that a notebook that is run without a browser keeps
a picture too.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from html import escape
from typing import Any

from ..model.overview import Overview
from ..model.palette import ERROR_COLOUR, colour_of
from ..model.picture import ROWS, paint, png

#: What JupyterLab's side of dasklens shows: the still picture until the live one is there.
MIME = "application/vnd.dasklens.view+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
#: Bytes of the image at most, before base64 adds a third.
_MOST_IMAGE = 60_000
#: Lanes times columns that are painted at most, to see whether they fit.
_MOST_PIXELS = 1_000_000
_WIDTH = 960
#: Prefixes listed, and characters shown of a name.
_LISTED, _LONGEST = 12, 80
#: Seconds between two pictures while tasks come in, and at most this part of the time to make them.
_EVERY, _PART = 10.0, 0.02


def still_html(overview: Overview) -> str:
    """The run in HTML that needs no script: a picture, its counts and the costliest prefixes.

    Returns
    -------
    str
        At most some 100 kB, whatever ran. All text in it is escaped.
    """
    if not overview.n_tasks:
        return "<p>Task stream: no task had finished yet.</p>"
    image, n_lanes = _image(overview)
    summary = _summary(overview)
    height = max(60, min(420, n_lanes * 24))
    begin, end = (datetime.fromtimestamp(t, timezone.utc) for t in _extent(overview))
    return (
        f"<p><strong>Task stream:</strong> {summary}</p>"
        f'<img alt="Task stream: {summary}" width="{_WIDTH}" height="{height}" '
        'style="width:100%;image-rendering:pixelated;border:1px solid #8884" '
        f'src="data:image/png;base64,{base64.b64encode(image).decode()}">'
        f"<p>{begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC from left to right; "
        f"one row a worker thread.</p>{_prefixes(overview)}"
    )


def _image(overview: Overview) -> tuple[bytes, int]:
    columns = max(1, min(_WIDTH, _MOST_PIXELS // max(1, len(overview.lanes))))
    while True:
        picture = paint(overview, columns)
        data = png(picture)
        if len(data) <= _MOST_IMAGE or columns == 1:
            return data, picture.shape[0] // ROWS
        columns = max(1, min(columns // 2, int(columns * _MOST_IMAGE / len(data))))


def _summary(overview: Overview) -> str:
    n, total = overview.n_tasks, overview.n_tasks + overview.missed
    tasks = f"{n:,} of {total:,} tasks" if overview.missed else f"{n:,} task{'s' * (n != 1)}"
    threads = len(overview.lanes)
    workers = len({lane[0] for lane in overview.lanes})
    failed = f", {overview.n_errors:,} failed" if overview.n_errors else ""
    return (
        f"{tasks}{failed}, on {threads:,} thread{'s' * (threads != 1)} "
        f"of {workers:,} worker{'s' * (workers != 1)}"
    )


def _prefixes(overview: Overview) -> str:
    ordered = sorted(overview.prefixes, key=lambda tally: (-tally.seconds, tally.name))
    cells = []
    for tally in ordered[:_LISTED]:
        name = tally.name if len(tally.name) <= _LONGEST else tally.name[:_LONGEST] + "…"
        failed = f' <span style="color:{ERROR_COLOUR}">({tally.errors:,} failed)</span>' * bool(tally.errors)
        cells.append(
            f'<tr><td style="color:{colour_of(tally.name)}">■</td><td>{_text(name)}</td>'
            f"<td>{tally.count:,}{failed}</td><td>{_duration(tally.seconds)}</td></tr>"
        )
    more = len(ordered) - _LISTED
    rest = f"<p>and {more:,} more prefixes</p>" if more > 0 else ""
    return (
        "<table><thead><tr><th></th><th>prefix</th><th>tasks</th><th>compute</th></tr></thead>"
        f"<tbody>{''.join(cells)}</tbody></table>{rest}"
    )


def _text(name: str) -> str:
    # A lone surrogate cannot be sent.
    return escape(name.encode("utf-8", "replace").decode())


def _extent(overview: Overview) -> tuple[float, float]:
    spans = overview.spans()
    return float(spans.start.min()), float(spans.stop.max())


def _duration(seconds: float) -> str:
    """With three digits, as the legend has it."""
    for unit, long in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * long:
            return f"{float(f'{seconds / long:.3g}'):,.10g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


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

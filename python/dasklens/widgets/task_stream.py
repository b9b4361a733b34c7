"""`TaskStream`: what every worker thread does, live, in a notebook cell."""

from __future__ import annotations

import logging
import os
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets
from traitlets import Bool, Dict, Float, List, Tuple, Unicode, link, validate

from ..model.excerpt import MOST_TASKS, Excerpt
from ..model.overview import Overview
from ..model.picture import summary
from ..model.spans import TaskTable
from ..report.formats.about import Exported
from ..report.run import Run
from ..source.live import LiveFeed
from .inspector import Detail, Legend, Toolbar
from .marks import LaneAxis, Spans, TimeAxis, valid_interval, valid_window
from .receiver import keep
from .still import Renewal, Still, still_task_stream, view_bundle

if TYPE_CHECKING:
    from distributed import Client

    from ..report.document import Document

#: Bytes of tasks that are saved with the widget's state.
_SNAPSHOT = 100_000
_MIRRORED = ("follow", "window", "selected", "interval", "highlight", "worker")
_HEIGHT = "320px"

logger = logging.getLogger(__name__)


def compose() -> ipywidgets.VBox:
    """The task stream without anything that feeds it."""
    _figure, children = _arrange(_mark())
    return ipywidgets.VBox(children)


def _arrange(mark: Spans) -> tuple[bqplot.Figure, list[ipywidgets.Widget]]:
    """The figure of a mark, and what a task stream is made of from top to bottom."""
    figure = _compose(mark)
    legend = Legend(mark, layout={"height": _HEIGHT, "min_width": "180px"})
    # Side by side the figure takes all the room there is; where that is too little, the legend goes below
    # and is as wide.
    figure.layout.width, figure.layout.flex = "auto", "999 1 380px"
    legend.layout.flex = "1 1 250px"
    plot = ipywidgets.HBox([figure, legend], layout={"flex_flow": "row wrap"})
    return figure, [Toolbar(mark), plot, Detail(mark)]


def _compose(mark: Spans, height: str = _HEIGHT) -> bqplot.Figure:
    """The figure of a task stream: time from left to right, a lane a worker thread."""
    time, lanes = TimeAxis(scale=mark.scales["x"]), LaneAxis(scale=mark.scales["y"], side="left")
    time.grid_lines = lanes.grid_lines = "none"
    return bqplot.Figure(
        marks=[mark],
        axes=[time, lanes],
        # The axes take the room that their labels need.
        auto_layout=True,
        fig_margin={"top": 8, "bottom": 4, "left": 4, "right": 28},
        layout=ipywidgets.Layout(width="100%", height=height, min_width="200px"),
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
    )


def _mark(time: bqplot.Scale | None = None, **traits: Any) -> Spans:
    scales = {
        "x": bqplot.LinearScale(allow_padding=False) if time is None else time,
        "y": bqplot.LinearScale(allow_padding=False, reverse=True),
    }
    return Spans(scales=scales, **traits)


def _with_parts(*widgets: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """These widgets and what they alone are made of: layouts, scales and axes."""
    found = list(widgets)
    for widget in widgets:
        for name in ("layout", "scale_x", "scale_y"):
            if widget.has_trait(name):
                found.append(getattr(widget, name))
        found += getattr(widget, "axes", [])
        found += getattr(widget, "scales", {}).values()
    return found


def task_stream_figure(frames: Sequence[bytes]) -> bqplot.Figure:
    """A finished task stream as a bqplot Figure.

    Parameters
    ----------
    frames : sequence of bytes
        Frames of the stream ``tasks`` of one log, in the order of their cursors.

    Returns
    -------
    bqplot.Figure
        Its mark is a `dasklens.widgets.marks.Spans`.
    """
    mark, overview = _finished(frames)
    return _compose(mark, height=f"{max(160, min(480, 60 + 22 * len(overview.lanes)))}px")


def task_stream_box(
    frames: Sequence[bytes], most_tasks: int = MOST_TASKS, most_bytes: int = _SNAPSHOT
) -> FinishedStream:
    """The same with toolbar, legend and details, as a `TaskStream` has them.

    Parameters
    ----------
    most_tasks, most_bytes : int
        Tasks, and bytes of them, that are saved with the widget's state.
    """
    return FinishedStream(*_finished(frames, most_tasks, most_bytes))


class FinishedStream(ipywidgets.VBox):
    """A task stream to which nothing more comes. Where no script runs there is a picture instead."""

    def __init__(self, mark: Spans, overview: Overview):
        self.mark, self._overview = mark, overview
        self.figure, children = _arrange(mark)
        super().__init__(children)

    def _ipython_display_(self, **_kwargs: Any) -> None:
        from IPython.display import display

        still = still_task_stream(self._overview)
        display(view_bundle(still, repr(self), self.model_id, self.mark.model_id), raw=True)

    def __repr__(self) -> str:
        return f"<task stream: {summary(self._overview)}>"


def finished_stream(
    frames: Sequence[bytes], time: bqplot.Scale, extent: tuple[float, float]
) -> tuple[Spans, ipywidgets.VBox, Overview]:
    """A task stream of these frames on a scale of time that others are on too, of which all is `extent`."""
    mark, overview = _finished(frames, time=time, extent=extent)
    _figure, children = _arrange(mark)
    return mark, ipywidgets.VBox(children), overview


def _finished(
    frames: Sequence[bytes], most_tasks: int = MOST_TASKS, most_bytes: int = _SNAPSHOT, **traits: Any
) -> tuple[Spans, Overview]:
    """A mark that shows these frames to whoever looks."""
    frames = tuple(frames)
    overview, excerpt = Overview(), Excerpt(most_tasks)
    for data in frames:
        frame = overview.append(data)
        if frame is not None:
            excerpt.append(frame)
    mark = _mark(follow=False, phase="finished", snapshot=excerpt.packed(most_bytes), **traits)
    mark.feed(frames)

    def on_page(request: dict[str, Any]) -> None:
        if request["type"] == "read":
            mark.feed(frames)

    mark.on_page(on_page)
    return mark, overview


class TaskStream(Run, ipywidgets.VBox):
    """What every worker thread does, live: display it, and it follows the cluster.

    Tasks that finished before are there too. It keeps up while a cell runs and with an asynchronous
    client, for it reads in a thread and on a connection of its own.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    window : float, default 30
        Seconds shown while following.
    follow : bool, default True
        Move on with the newest task.
    **kwargs
        For `ipywidgets.VBox`, such as ``layout``.

    Attributes
    ----------
    selected : dict or None
        The task that was clicked; see `dasklens.widgets.marks.Spans`.
    interval : (float, float) or None
        The brushed stretch of time, in seconds since the epoch.
    highlight : list of str
        Prefixes that stand out.
    worker : str or None
        Address of a worker whose lanes are brought into sight and stand out.
    figure : bqplot.Figure
        An ordinary one: change it, link it, save it.
    mark : Spans
        What draws. For `ipywidgets.jslink` use its traits.

    Raises
    ------
    ValueError
        Without a client, or with a closed one.

    Examples
    --------
    >>> ts = dasklens.TaskStream()  # doctest: +SKIP
    >>> ts  # doctest: +SKIP
    >>> ts.observe(lambda change: print(change.new["key"]), "selected")  # doctest: +SKIP
    """

    follow = Bool(True)
    window = Float(30.0)
    selected = Dict(allow_none=True, default_value=None)
    interval = Tuple(Float(), Float(), allow_none=True, default_value=None)
    highlight = List(Unicode())
    worker = Unicode(None, allow_none=True)

    # Here as well as in the mark: a value that the mark refuses must not stay here.
    @validate("window")
    def _validate_window(self, proposal: Any) -> float:
        return valid_window(proposal.value)

    @validate("interval")
    def _validate_interval(self, proposal: Any) -> tuple[float, float] | None:
        return valid_interval(proposal.value)

    def __init__(
        self,
        client: Client | None = None,
        *,
        window: float = 30.0,
        follow: bool = True,
        **kwargs: Any,
    ):
        self._feed = LiveFeed(client, self._on_frames, self._on_phase)
        self._overview, self._excerpt = Overview(), Excerpt()
        self._lock = threading.Lock()
        self._display_id: str | None = None
        self._still_failed = False
        self._parts: list[ipywidgets.Widget] = []
        self._renewal = Renewal(self._renew, settle=self._feed.catch_up)
        mirrored = {name: kwargs.pop(name) for name in _MIRRORED if name in kwargs}
        self.mark = _mark(window=window, follow=follow, **mirrored)
        self.figure, children = _arrange(self.mark)
        super().__init__(children, **kwargs)
        self._parts = _with_parts(*self.children, *self.children[1].children, self.mark)
        for name in _MIRRORED:
            link((self.mark, name), (self, name))
        self.mark.on_page(self._on_page)
        self._feed.start()

    def close(self) -> None:
        """Stop reading, and take the views off the page."""
        feed = getattr(self, "_feed", None)
        if feed is not None:
            feed.close()
            self._renewal.close()
            for widget in self._parts:
                widget.close()
        super().close()

    def save(
        self, filename: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None
    ) -> None:
        """Write all tasks that the scheduler's log has to a file that needs no network.

        Parameters
        ----------
        filename : str or path
            ``.json`` at its end gives the data alone, anything else one HTML file; as that of
            `performance_report`. `load_report` reads it back.
        storage_options : dict, optional
            For `fsspec.open`.

        Raises
        ------
        ValueError
            When the file cannot be written.

        When the scheduler is gone, the newest tasks are written, and the file says how many are missing.
        """
        from ..report.files import check_target, write

        check_target(filename, storage_options)
        write(self._to_document(), filename, storage_options)

    def _to_document(self) -> Document:
        from ..report.collect import of_frames

        frames, missed = self._everything()
        return of_frames("tasks", frames, title="Task stream", missed=missed)

    def _exported(self) -> Exported:
        frames, missed = self._everything()

        def of(stream: str) -> list[bytes]:
            return frames if stream == "tasks" else []

        return Exported(of, len(TaskTable(frames)), missed, "Task stream")

    def _everything(self) -> tuple[list[bytes], int]:
        """All tasks that the scheduler's log has, or the newest when it is gone; and how many are missing."""
        try:
            return self._feed.everything()
        except OSError:
            with self._lock:
                kept = self._excerpt.packed(_SNAPSHOT)
                frames = [zlib.decompress(kept)] if kept else []
                return frames, self._overview.n_tasks - len(TaskTable(frames))

    # --- in the feed's thread -----------------------------------------------------------------------

    def _on_frames(self, frames: list[bytes]) -> None:
        self.mark.feed(frames)
        if self._still_failed:
            return
        try:
            with self._lock:
                for data in frames:
                    frame = self._overview.append(data)
                    if frame is not None:
                        self._excerpt.append(frame)
        except Exception:
            # The live view is worth more than its still picture.
            self._still_failed = True
            logger.exception("dasklens renews the still picture of this task stream no more")
        self._renewal.changed()

    def _on_phase(self, phase: str, reason: str, retry_at: float | None) -> None:
        self.mark.say_phase(phase, reason, retry_at)

    # --- what pages ask -----------------------------------------------------------------------------

    def _on_page(self, request: dict[str, Any]) -> None:
        if request["type"] == "unwatched":
            self._feed.pause()
            self._on_phase("paused", "nobody was looking", None)
            return
        cursor = request.get("cursor", 0)
        if not self._feed.rewind(cursor, request.get("names", 0), request.get("log", "")) and not cursor:
            # Nothing will come any more whose names are numbered otherwise than in what was kept.
            with self._lock:
                kept = self._excerpt.packed(_SNAPSHOT)
            self.mark.feed([zlib.decompress(kept)] if kept else [])

    # --- the output -----------------------------------------------------------------------------------

    def _ipython_display_(self, **_kwargs: Any) -> None:
        from IPython.display import display

        first = self._display_id is None
        self._display_id = self._display_id or f"dasklens-{self.model_id}"
        with self._lock:
            overview = self._overview.copy()
        display(self._bundle(still_task_stream(overview)), raw=True, display_id=self._display_id)
        if first:
            self._renewal.listen()

    def _bundle(self, still: Still) -> dict[str, Any]:
        return view_bundle(still, repr(self), self.model_id, self.mark.model_id)

    def _renew(self) -> None:
        """Put what there is now into the saved notebook: the picture, and the newest tasks."""
        if self._display_id is None or self._still_failed:
            return
        from IPython.display import update_display

        # Painting may take longer than a live view may lag: the feed must not wait for it.
        with self._lock:
            overview, snapshot = self._overview.copy(), self._excerpt.packed(_SNAPSHOT)
        keep(self.mark, snapshot)
        update_display(self._bundle(still_task_stream(overview)), raw=True, display_id=self._display_id)

    def __repr__(self) -> str:
        o = self._overview
        return f"<TaskStream: {o.n_tasks:,} tasks on {len(o.lanes):,} threads, {self.mark.phase}>"

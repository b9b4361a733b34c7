"""`Memory`: what the memory of a cluster is used for, over time and by worker, in a notebook cell."""

from __future__ import annotations

import threading
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets
from ipywidgets import widget_serialization
from traitlets import Dict, Float, TraitError, link, validate

from ..model.samples import CountsOverTime
from ..source.attach import resolve_client
from ..wire.frames import unpack_frame
from .marks import TimeAxis
from .receiver import LivePart, Unfed

if TYPE_CHECKING:
    from distributed import Client

_STATIC = Path(__file__).parent.parent / "static"

#: Marks at what a worker may use, in the order of `js/src/core/memory.ts`, and how they are drawn.
THRESHOLDS = {"target": "dotted", "spill": "dashed", "pause": "dash_dotted", "limit": "solid"}
#: Room for ticks and the name of the unit.
_MARGINS = {"top": 10, "bottom": 38, "left": 64, "right": 24}
#: Sizes below 1024 of a unit; bqplot's own choice makes 1e+1 of 10 beside 5.
_SIZE = ".4~g"
#: The time of day needs no name.
_TIME_MARGINS = {**_MARGINS, "bottom": 24}
_HEIGHTS = {"total": "180px", "workers": "144px", "spread": "180px", "histogram": "180px"}


def _linear(**traits: Any) -> bqplot.LinearScale:
    return bqplot.LinearScale(allow_padding=False, **traits)


def _lines(x: bqplot.Scale, y: bqplot.Scale, **traits: Any) -> bqplot.Lines:
    # Nothing to see until the page sets what there is.
    return bqplot.Lines(x=[], y=[], scales={"x": x, "y": y}, **{"stroke_width": 1.5, **traits})


def _thresholds(x: bqplot.Scale, y: bqplot.Scale) -> dict[str, bqplot.Lines]:
    return {name: _lines(x, y, line_style=style) for name, style in THRESHOLDS.items()}


def _figure(name: str, marks: list[bqplot.Mark], axes: list[bqplot.Axis]) -> bqplot.Figure:
    return bqplot.Figure(
        marks=marks,
        axes=axes,
        fig_margin=_TIME_MARGINS if name in ("total", "spread") else _MARGINS,
        layout=ipywidgets.Layout(width="100%", height=_HEIGHTS[name], min_width="200px"),
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
    )


def _over_time(name: str, lines: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A figure of lines over the same time, and what it is made of, by name."""
    time, size = _linear(), _linear(min=0.0)
    marks = {part: _lines(time, size, **traits) for part, traits in lines.items()}
    axes = {
        "time_axis": TimeAxis(scale=time, grid_lines="none"),
        "size_axis": bqplot.Axis(
            scale=size, side="left", num_ticks=5, label_offset="44px", tick_format=_SIZE
        ),
    }
    found = {"figure": _figure(name, [*marks.values()], [*axes.values()]), "time": time, "size": size}
    return _named(name, {**found, **marks, **axes})


def _by_worker() -> dict[str, Any]:
    size, place = _linear(min=0.0), _linear(reverse=True)
    # From the top by its domain: with one, an ordinal scale takes no heed of `reverse`.
    band = bqplot.OrdinalScale()
    bars = bqplot.Bars(
        x=[], y=[], scales={"x": band, "y": size}, orientation="horizontal", padding=0.25, stroke=None
    )
    marks = {"bars": bars, **_thresholds(size, place)}
    axes = {
        "size_axis": bqplot.Axis(scale=size, num_ticks=6, label_offset="30px", tick_format=_SIZE),
        "place_axis": bqplot.Axis(scale=place, side="left", grid_lines="none"),
    }
    figure = _figure("workers", [*marks.values()], [*axes.values()])
    found = {"figure": figure, "size": size, "place": place, "band": band}
    return _named("workers", {**found, **marks, **axes})


def _histogram() -> dict[str, Any]:
    size, number, band = _linear(min=0.0), _linear(min=0.0), bqplot.OrdinalScale()
    bars = bqplot.Bars(x=[], y=[], scales={"x": band, "y": number}, padding=0.08, stroke=None)
    marks = {"bars": bars, **_thresholds(size, number)}
    axes = {
        "size_axis": bqplot.Axis(
            scale=size, num_ticks=6, label_offset="30px", grid_lines="none", tick_format=_SIZE
        ),
        "number_axis": bqplot.Axis(
            scale=number, side="left", num_ticks=4, label="workers", label_offset="44px"
        ),
    }
    figure = _figure("histogram", [*marks.values()], [*axes.values()])
    return _named(
        "histogram", {"figure": figure, "size": size, "number": number, "band": band, **marks, **axes}
    )


def _named(name: str, parts: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_{part}": widget for part, widget in parts.items()}


class MemoryPart(LivePart):
    """Sums, legend and state of a `Memory`; in the page it sets what the figures' marks show.

    Attributes
    ----------
    models : dict of str to Widget
        Figures, scales, axes and marks, each named for its figure and what it is there, and the ``box``
        in which the figures are.
    """

    _esm = _STATIC / "memory.js"
    _reads = ("counts", "workers")

    models = Dict().tag(sync=True, **widget_serialization)
    window = Float(300.0).tag(sync=True)

    @validate("window")
    def _validate_window(self, proposal: Any) -> float:
        seconds: float = proposal.value
        if not 0 < seconds < inf:
            raise TraitError(f"window should be a number of seconds above 0, got {seconds!r}.")
        return seconds

    def __init__(self, client: Client | Unfed | None, **kwargs: Any):
        self._counts = CountsOverTime()
        self._lock = threading.Lock()
        super().__init__(client, **kwargs)

    def _take(self, frames: list[bytes]) -> None:
        with self._lock:
            for data in frames:
                # The other stream is the page's alone.
                if (frame := unpack_frame(data)).stream == "counts":
                    self._counts.append(frame)

    @property
    def totals(self) -> dict[str, list[float]]:
        """Column name to its values, a value a sample."""
        with self._lock:
            return {name: list(values) for name, values in self._counts.columns.items()}


class Memory(ipywidgets.VBox):
    """What the memory of a cluster is used for, live: in all over time, and by worker.

    Managed memory holds results of tasks, unmanaged is all else of the processes, recent is what of
    it came within the last half minute, spilled lies on disk. Lines show the workers' limits and at
    which part of them they begin to spill and to pause. Above 100 workers there are quantiles over
    time and a histogram instead of a bar each.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    window : float, default 300
        Seconds shown.
    **kwargs
        For `ipywidgets.VBox`, such as ``layout``.

    Attributes
    ----------
    figures : dict of str to bqplot.Figure
        ``total``, ``workers``, ``spread`` and ``histogram``: ordinary ones, change and save them. Two or
        three of them are shown.

    Raises
    ------
    ValueError
        Without a client, or with a closed one.

    Examples
    --------
    >>> memory = dasklens.Memory(window=60)  # doctest: +SKIP
    >>> memory  # doctest: +SKIP
    >>> memory.totals["process"][-1]  # doctest: +SKIP
    """

    window = Float(300.0)

    def __init__(self, client: Client | Unfed | None = None, *, window: float = 300.0, **kwargs: Any):
        # First: without one there is nothing to compose, nor to close again.
        client = client if isinstance(client, Unfed) else resolve_client(client)
        models = {
            **_over_time("total", {"stack": {"fill": "between"}, "limit": {}}),
            **_by_worker(),
            **_over_time("spread", {"bands": {"fill": "between"}, "median": {}, "limit": {}}),
            **_histogram(),
        }
        self.figures: dict[str, bqplot.Figure] = {name: models[f"{name}_figure"] for name in _HEIGHTS}
        self.part = MemoryPart(client, models=models, window=window)
        # Which figures are shown depends on the number of workers: the page decides.
        super().__init__([self.part, self.figures["total"], self.figures["workers"]], **kwargs)
        self.part.models = {**models, "box": self}
        self._models = models
        link((self.part, "window"), (self, "window"))

    @property
    def totals(self) -> dict[str, list[float]]:
        """Column name to its values, a value a second: ``time, process, managed, limit, …``.

        Times in seconds since the epoch, memory in bytes; ``docs/frames.md`` has the columns of the
        stream ``counts``.
        """
        return self.part.totals

    def close(self) -> None:
        """Stop reading, and take the views off the page."""
        part = getattr(self, "part", None)
        if part is not None:
            part.close()
            for widget in self._models.values():
                for trait in ("layout", "scale_x", "scale_y"):
                    if widget.has_trait(trait):
                        getattr(widget, trait).close()
                widget.close()
            self.layout.close()
        super().close()

    def __repr__(self) -> str:
        totals = self.totals
        used = f"{totals['process'][-1] / 2**30:.2f} GiB in use, " if totals.get("process") else ""
        return f"<Memory: {used}{self.part.phase}>"

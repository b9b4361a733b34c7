"""A call tree as a figure, with nothing around it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import bqplot
import ipywidgets

from ..model import profile as tree
from ..wire.calltree import pack_profile
from .inspector import FlameBar, FlameDetail, FlameTable, FlameTimeline
from .marks import Flame

#: Bytes of a tree that are saved with the widget's state.
_SNAPSHOT = 100_000
#: Nodes from which on it is clear that a tree is more than that.
_LARGE = 10_000
_HEIGHT = "360px"


def flame_mark(**traits: Any) -> Flame:
    """The mark of a flame graph, on scales of samples and of depths."""
    scales = {
        "x": bqplot.LinearScale(allow_padding=False),
        "y": bqplot.LinearScale(allow_padding=False, reverse=True),
    }
    return Flame(scales=scales, **traits)


def compose(mark: Flame) -> bqplot.Figure:
    """The figure of a flame graph: samples from left to right, a row a depth."""
    return bqplot.Figure(
        marks=[mark],
        axes=[],
        fig_margin={"top": 2, "bottom": 2, "left": 2, "right": 2},
        layout=ipywidgets.Layout(width="100%", height=_HEIGHT, min_width="200px", margin="0"),
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
    )


def parts_of(mark: Flame, figure: bqplot.Figure) -> list[ipywidgets.Widget]:
    """A figure with all that is around it, from the top."""
    return [FlameBar(mark), figure, FlameTable(mark), FlameTimeline(mark), FlameDetail(mark)]


def flame_box() -> ipywidgets.VBox:
    """The whole, which needs nothing but frames."""
    mark = flame_mark()
    return ipywidgets.VBox(parts_of(mark, compose(mark)))


def flame_figure(
    state: Mapping[str, Any],
    covers: Mapping[str, Any] | None = None,
    timeline: Sequence[tuple[float, float]] = (),
) -> bqplot.Figure:
    """A call tree as a bqplot Figure.

    Parameters
    ----------
    state : dict
        As `dasklens.profile` gives it.
    covers, timeline
        As for `dasklens.wire.calltree.pack_profile`.

    Returns
    -------
    bqplot.Figure
        Its mark is a `dasklens.widgets.marks.Flame`.
    """
    frame = pack_profile(tree.counted(state), covers, timeline)
    mark = flame_mark(phase="finished", snapshot=packed(tree.counted(state), covers, timeline))
    mark.feed([frame])

    def on_page(request: dict[str, Any]) -> None:
        if request["type"] == "read":
            mark.feed([frame])

    mark.on_page(on_page)
    return compose(mark)


def packed(
    state: Mapping[str, Any], covers: Mapping[str, Any] | None, timeline: Sequence[tuple[float, float]]
) -> bytes:
    """The largest part of a tree that may be saved with a notebook."""
    # Of a large tree the whole would be packed in vain.
    large = sum(1 for _ in islice(tree.nodes(state), _LARGE)) == _LARGE
    least = state["count"] / 5000 if large else 0.0
    while True:
        data = zlib.compress(pack_profile(tree.prune(state, least), covers, timeline[-1000:]))
        if len(data) <= _SNAPSHOT or least > state["count"]:
            return data
        least = max(2 * least, state["count"] / 2000)

"""The parts around a figure: toolbar, legend, detail of a task. `js/src/parts` is their other side.

They know the mark and nothing else: in the browser they speak with its model directly, so that they
answer while the kernel is busy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
from ipywidgets import Widget, widget_serialization
from traitlets import Instance

_STATIC = Path(__file__).parent.parent / "static"


class Part(anywidget.AnyWidget):
    """Something beside a figure that is about its mark.

    Parameters
    ----------
    mark : Spans
    """

    mark = Instance(Widget).tag(sync=True, **widget_serialization)

    def __init__(self, mark: Widget, **kwargs: Any):
        super().__init__(mark=mark, **kwargs)


class Toolbar(Part):
    """Follow, zoom, brush, save a picture; and the state of the connection."""

    _esm = _STATIC / "toolbar.js"


class Legend(Part):
    """Prefixes with their counts and times, to search and to highlight."""

    _esm = _STATIC / "legend.js"


class Detail(Part):
    """The task under the pointer, or the selected one."""

    _esm = _STATIC / "detail.js"


class FlameBar(Part):
    """Views, filters and search of a flame graph; its breadcrumb, and the state of the connection."""

    _esm = _STATIC / "flamebar.js"


class FlameTable(Part):
    """The functions of a call tree with their own and their total time, to sort."""

    _esm = _STATIC / "flametable.js"


class FlameTimeline(Part):
    """Samples over time under a flame graph, to brush; and what the graph covers."""

    _esm = _STATIC / "flametimeline.js"


class FlameDetail(Part):
    """The frame under the pointer, or the selected one."""

    _esm = _STATIC / "flamedetail.js"

"""A comparison in a notebook cell: what changed, both task streams on one axis, and the tree of what moved.

`js/src/parts/comparison.ts` shows the numbers; it knows the marks of both streams, so that a prefix that is
clicked in the table stands out in them, without a kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import bqplot
import ipywidgets
from ipywidgets import Widget, widget_serialization
from traitlets import Dict, Instance, List, Unicode

from ..model.overview import Overview
from ..wire.calltree import unpack_profile
from .flame import Profile
from .marks import Presence, Spans
from .still import MIME, WIDGET_MIME
from .stillcomparison import still_comparison_html
from .task_stream import finished_stream

if TYPE_CHECKING:
    from ..report.document import Document

_STATIC = Path(__file__).parent.parent / "static"


class ComparisonPart(anywidget.AnyWidget):
    """The numbers of a comparison.

    Attributes
    ----------
    data : dict
        The field ``comparison`` of a document.
    marks : list of Spans
        Task streams of what is compared, in which a prefix can stand out.
    """

    _esm = _STATIC / "comparison.js"

    data = Dict().tag(sync=True)
    marks = List(Instance(Widget)).tag(sync=True, **widget_serialization)


class Heading(anywidget.AnyWidget):
    """A line above a figure: plain text, whatever is in it."""

    _esm = _STATIC / "heading.js"

    text = Unicode("").tag(sync=True)


class ComparisonBox(ipywidgets.VBox):
    """All of a comparison, from the top.

    Attributes
    ----------
    streams : list of Spans
        The marks of both task streams; none of a trend.
    changed : Profile or None
    """

    def __init__(self, document: Document, **kwargs: Any):
        said: dict[str, Any] = document.comparison or {}
        marks, boxes, self.overviews = _streams(document)
        self.streams = marks
        self.changed = change_profile(document)
        self.part = ComparisonPart(data=said, marks=marks)
        #: What tells a page that all this is there: a trend has no mark.
        self.presence: Widget = marks[0] if marks else Presence()
        children: list[Widget] = [self.part]
        if marks:
            for run, box in zip(said["runs"], boxes, strict=True):
                children += [Heading(text=f"Task stream of {run['label']}, from its start"), box]
        if self.changed is not None:
            first, last = (run["label"] for run in said["runs"])
            children += [
                Heading(text=f"What takes more time in {last} than in {first}, and what less"),
                self.changed,
            ]
        super().__init__(children, **kwargs)


def comparison_box(document: Document) -> ComparisonBox:
    """The widget of a document that has a comparison."""
    return ComparisonBox(document)


def streams_box(document: Document) -> ipywidgets.VBox:
    """Both task streams of such a document, one above the other."""
    _marks, boxes, _overviews = _streams(document)
    return ipywidgets.VBox(boxes)


def _streams(document: Document) -> tuple[list[Spans], list[ipywidgets.VBox], list[Overview]]:
    names = [name for name in ("tasks:a", "tasks:b") if name in document.streams]
    if not names or document.comparison is None:
        return [], [], []
    begin, end = document.comparison["extent"]
    # One scale for both: whoever zooms one figure zooms the other.
    time = bqplot.LinearScale(allow_padding=False)
    made = [finished_stream(list(document.frames(name)), time, (begin, end)) for name in names]
    marks, boxes, overviews = (list(each) for each in zip(*made, strict=True))
    return marks, boxes, overviews


def change_profile(document: Document) -> Profile | None:
    """The tree of what changed; None where one of the runs has no profile."""
    for frame in document.frames("profile:change"):
        return Profile(_static=unpack_profile(frame), kind="worker")
    return None


def bundle(document: Document, box: ComparisonBox, text: str) -> dict[str, Any]:
    """What a cell puts out: the widget, and what is seen without one."""
    return {
        "text/plain": text,
        "text/html": still_comparison_html(document.comparison or {}, box.overviews),
        WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": box.model_id},
        MIME: {"model_id": box.model_id, "mark_id": box.presence.model_id},
    }

"""`Spans`, the one mark of dasklens, as `Flame` for call trees, and its axes. `js/src/marks` draws them.

What the mark shows comes as frames in custom messages, not as a trait: a trait would send all of it
again with every change. Of the synced traits the browser's side is the master: what a person does
takes effect there at once and is told here when the kernel has time.
"""

from __future__ import annotations

from importlib.metadata import version
from math import inf
from typing import Any

import bqplot
from ipywidgets import Widget
from traitlets import Bool, Bytes, Dict, Enum, Float, List, TraitError, Tuple, Unicode, validate

from .receiver import Receiver

_MAJOR, _MINOR = version("dasklens").split(".")[:2]
#: Range of browser sides that can draw what this sends; semver's maxSatisfying reads it.
MODULE_VERSION = f"^{_MAJOR}.{_MINOR}.0-0"

VIEWS = ("tree", "inverted", "table")
#: Whose stacks: the threads that run tasks, the workers' event loops, the scheduler's.
KINDS = ("worker", "server", "scheduler")

#: The browser's names of what a task record holds, and ours.
_FIELDS = {"workerName": "worker_name", "exception": "exception_text", "traceback": "traceback_text"}
_FIELDS_BACK = {ours: theirs for theirs, ours in _FIELDS.items()}


def _record_from_json(value: Any, _widget: Any) -> Any:
    if not isinstance(value, dict):
        return value  # for the trait to refuse
    return {_FIELDS.get(name, name): item for name, item in value.items()}


def _record_to_json(value: Any, _widget: Any) -> Any:
    return None if value is None else {_FIELDS_BACK.get(name, name): item for name, item in value.items()}


def valid_window(seconds: float) -> float:
    """`seconds`, or a TraitError that says what is wrong with them."""
    if not 0 < seconds < inf:
        raise TraitError(f"window should be a number of seconds above 0, got {seconds!r}.")
    return seconds


def valid_interval(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """`interval`, or a TraitError that says what is wrong with it."""
    if interval is not None and not -inf < interval[0] <= interval[1] < inf:
        raise TraitError(f"interval should be (start, stop) with start <= stop, got {interval!r}.")
    return interval


class _Mark(Receiver, bqplot.Mark):
    """What both marks have."""

    _view_name = Unicode("Spans").tag(sync=True)
    _view_module = Unicode("dasklens").tag(sync=True)
    _model_module = Unicode("dasklens").tag(sync=True)
    _view_module_version = Unicode(MODULE_VERSION).tag(sync=True)
    _model_module_version = Unicode(MODULE_VERSION).tag(sync=True)

    scales_metadata = Dict(
        {
            "x": {"orientation": "horizontal", "dimension": "x"},
            "y": {"orientation": "vertical", "dimension": "y"},
        }
    ).tag(sync=True)

    interval = Tuple(Float(), Float(), allow_none=True, default_value=None).tag(sync=True)
    highlight = List(Unicode()).tag(sync=True)
    snapshot = Bytes(b"").tag(sync=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.phase}>"

    @validate("interval")
    def _validate_interval(self, proposal: Any) -> tuple[float, float] | None:
        return valid_interval(proposal.value)


class Spans(_Mark):
    """Rectangles over time in lanes: every action of every task of the frames it was fed.

    Parameters
    ----------
    scales : dict
        ``x``, a `bqplot.LinearScale` of seconds since the epoch, and ``y``, one of lanes.

    Attributes
    ----------
    streams : list of str
        Streams whose frames it is to be fed.
    follow : bool
        Show the last `window` seconds and move on with the newest span.
    window : float
        Seconds.
    selected : dict or None
        The task that was clicked: ``key`` (as text), ``prefix, group, worker, worker_name, thread,
        status, nbytes, typename, startstops, exception_text, traceback_text``.
    interval : (float, float) or None
        The brushed stretch of time, in seconds since the epoch.
    highlight : list of str
        Prefixes that stand out; all do when it is empty.
    worker : str or None
        Address of a worker whose lanes are brought into sight and stand out.
    extent : (float, float) or None
        What "everything" is, where that is more than the spans of this mark: two on one scale show as much.
    palette : dict of str to str
        Colours as ``#rrggbb`` for prefixes that should not have their own.
    phase : {"connecting", "live", "paused", "lost", "finished"}
        State of what feeds the mark, with `reason` in words and `retry_at` in seconds since the epoch.
    snapshot : bytes
        What is drawn when the page has no kernel: a zlib-compressed frame.
    """

    _model_name = Unicode("SpansModel").tag(sync=True)

    streams = List(Unicode(), ["tasks"]).tag(sync=True)
    follow = Bool(True).tag(sync=True)
    window = Float(30.0).tag(sync=True)
    selected = Dict(allow_none=True, default_value=None).tag(
        sync=True, from_json=_record_from_json, to_json=_record_to_json
    )
    worker = Unicode(None, allow_none=True).tag(sync=True)
    extent = Tuple(Float(), Float(), allow_none=True, default_value=None).tag(sync=True)
    palette = Dict(value_trait=Unicode(), key_trait=Unicode()).tag(sync=True)

    @validate("window")
    def _validate_window(self, proposal: Any) -> float:
        return valid_window(proposal.value)


class Flame(_Mark):
    """Call trees as an icicle: a row a depth, the root on top, as wide as its samples.

    Parameters
    ----------
    scales : dict
        ``x``, a `bqplot.LinearScale` of samples, and ``y``, one of depths.

    Attributes
    ----------
    view : {"tree", "inverted", "table"}
        From callers to what they call, from functions to their callers, or a table of functions.
    kind : {"worker", "server", "scheduler"}
        Whose stacks: of the threads that run tasks, of the workers' event loops, of the scheduler's.
    selected : dict or None
        The frame that was clicked: ``name, file, line, source, library, samples, own, seconds, share``
        (of all samples), ``parent_share`` and ``path``, the names from the root to it.
    zoom : list of str
        Which frame fills the width, as identifiers ``name;file;line`` from the root; empty for all.
    search : str
        Regular expression; frames whose name or file matches stand out.
    highlight : list of str
        Key prefixes that the tree is narrowed to; all when it is empty.
    workers : list of str
        Addresses that the tree is narrowed to; all when it is empty.
    interval : (float, float) or None
        The stretch of time that the tree is narrowed to, in seconds since the epoch.
    phase : {"connecting", "live", "paused", "lost", "finished"}
        State of what feeds the mark, with `reason` in words and `retry_at` in seconds since the epoch.
    snapshot : bytes
        What is drawn when the page has no kernel: a zlib-compressed frame.
    """

    _model_name = Unicode("FlameModel").tag(sync=True)

    streams = List(Unicode(), ["profile"]).tag(sync=True)
    kind = Enum(KINDS, default_value="worker").tag(sync=True)
    view = Enum(VIEWS, default_value="tree").tag(sync=True)
    selected = Dict(allow_none=True, default_value=None).tag(sync=True)
    zoom = List(Unicode()).tag(sync=True)
    search = Unicode("").tag(sync=True)
    workers = List(Unicode()).tag(sync=True)


class _Axis(bqplot.Axis):
    _view_module = Unicode("dasklens").tag(sync=True)
    _model_module = Unicode("dasklens").tag(sync=True)
    _view_module_version = Unicode(MODULE_VERSION).tag(sync=True)
    _model_module_version = Unicode(MODULE_VERSION).tag(sync=True)


class TimeAxis(_Axis):
    """The clock on the wall, in the viewer's time zone, for a scale of seconds since the epoch."""

    _view_name = Unicode("TimeAxis").tag(sync=True)
    _model_name = Unicode("TimeAxisModel").tag(sync=True)


class LaneAxis(_Axis):
    """The workers' names beside their lanes."""

    _view_name = Unicode("LaneAxis").tag(sync=True)
    _model_name = Unicode("LaneAxisModel").tag(sync=True)


class Presence(Widget):
    """Says that a widget which has no mark is in a page: its own id is known there from then on."""

    _model_name = Unicode("PresenceModel").tag(sync=True)
    _model_module = Unicode("dasklens").tag(sync=True)
    _model_module_version = Unicode(MODULE_VERSION).tag(sync=True)

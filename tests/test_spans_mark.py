"""The mark of a task stream and its traits: what is mirrored, what is refused, what a page answers."""

from __future__ import annotations

import zlib
from typing import Any

import bqplot
import pytest
from distributed import Client
from ipywidgets import Layout
from pages import Page
from traitlets import TraitError
from waiting import until

import dasklens
from dasklens import TaskStream, get_task_stream
from dasklens.model.spans import TaskTable
from dasklens.scheduler.recorder import Recorder
from dasklens.widgets.marks import LaneAxis, Spans, TimeAxis
from dasklens.widgets.task_stream import task_stream_figure


def run(client: Client, *keys: str) -> None:
    client.gather([client.submit(abs, -1, key=key, pure=False) for key in keys])


JSON = {
    "key": "('x', 1)",
    "prefix": "x",
    "worker": "tcp://w",
    "workerName": "w-1",
    "thread": 7,
    "status": "error",
    "exception": "ValueError()",
    "traceback": "line 1",
    "startstops": [{"action": "compute", "start": 1.0, "stop": 2.0}],
    "nbytes": None,
}
RECORD = {
    "key": "('x', 1)",
    "prefix": "x",
    "worker": "tcp://w",
    "worker_name": "w-1",
    "thread": 7,
    "status": "error",
    "exception_text": "ValueError()",
    "traceback_text": "line 1",
    "startstops": [{"action": "compute", "start": 1.0, "stop": 2.0}],
    "nbytes": None,
}
VALUES = [
    ("follow", False, True),
    ("window", 5.5, 60.0),
    ("interval", (1.0, 2.0), None),
    ("highlight", ["inc", "<b>"], []),
    ("selected", RECORD, None),
]


@pytest.mark.parametrize(("name", "one", "other"), VALUES, ids=[name for name, *_ in VALUES])
def test_traits_are_mirrored_both_ways(page: Page, ts: TaskStream, name: str, one: Any, other: Any) -> None:
    changes: list[Any] = []
    ts.observe(lambda change: changes.append(change.new), name)
    setattr(ts, name, one)
    assert getattr(ts.mark, name) == one
    setattr(ts.mark, name, other)
    assert getattr(ts, name) == other
    assert changes == [one, other]
    sent = JSON if name == "selected" else one
    assert page.values(ts.mark, name)[-2] == sent or page.values(ts.mark, name)[-2] == list(sent)
    # Only the mark's model knows them: the box around it has none of these.
    assert page.values(ts, name) == []


def test_what_a_person_does_arrives(page: Page, ts: TaskStream) -> None:
    selected: list[Any] = []
    ts.observe(lambda change: selected.append(change.new), "selected")
    page.set(ts.mark, follow=False, window=12, interval=[3.5, 4], highlight=["sum"], selected=JSON)
    assert (ts.follow, ts.window, ts.interval, ts.highlight) == (False, 12, (3.5, 4.0), ["sum"])
    assert selected == [RECORD]
    assert ts.mark.selected == RECORD
    page.set(ts.mark, selected=None, interval=None)
    assert (ts.selected, ts.interval) == (None, None)


def test_constructor(page: Page, client: Client) -> None:
    layout = Layout(width="50%")
    ts = TaskStream(client, window=7, follow=False, highlight=["inc"], interval=(1, 2), layout=layout)
    assert (ts.window, ts.mark.window) == (7, 7)
    assert (ts.follow, ts.mark.follow) == (False, False)
    assert ts.highlight == ts.mark.highlight == ["inc"]
    assert ts.interval == ts.mark.interval == (1, 2)
    assert ts.layout is layout
    ts.close()


@pytest.mark.parametrize("window", [0, -1.5, float("inf"), float("nan"), "much"])
def test_a_window_that_is_none(page: Page, client: Client, ts: TaskStream, window: Any) -> None:
    with pytest.raises(TraitError, match="window"):
        TaskStream(client, window=window)
    for owner in (ts, ts.mark):
        with pytest.raises(TraitError, match="window"):
            owner.window = window
        assert ts.window == ts.mark.window == 30


@pytest.mark.parametrize("interval", [(2, 1), (0, float("nan")), (0, float("inf")), (1,), (1, 2, 3), 5, "ab"])
def test_an_interval_that_is_none(page: Page, ts: TaskStream, interval: Any) -> None:
    for owner in (ts, ts.mark):
        with pytest.raises(TraitError, match="interval"):
            owner.interval = interval
        assert ts.interval is None
        assert ts.mark.interval is None


def test_sentences_of_what_is_refused(ts: TaskStream) -> None:
    with pytest.raises(TraitError, match=r"^window should be a number of seconds above 0, got -1\.0\.$"):
        ts.window = -1
    with pytest.raises(TraitError, match=r"^interval should be \(start, stop\) with start <= stop, got"):
        ts.interval = (2, 1)
    with pytest.raises(TraitError):
        ts.mark.phase = "asleep"


# --- figures ----------------------------------------------------------------------------------------


def test_the_figure_is_an_ordinary_one(ts: TaskStream) -> None:
    assert type(ts.figure) is bqplot.Figure
    assert ts.figure.marks == [ts.mark]
    time_axis, lanes = ts.figure.axes
    assert isinstance(time_axis, TimeAxis)
    assert isinstance(lanes, LaneAxis)
    assert time_axis.scale is ts.mark.scales["x"]
    assert lanes.scale is ts.mark.scales["y"]
    assert ts.mark.scales["y"].reverse
    for widget in (ts.mark, time_axis, lanes):
        assert widget._model_module == widget._view_module == "dasklens"
        assert dasklens.__version__.split(".")[:2] == widget._model_module_version[1:].split(".")[:2]


def test_a_finished_figure_answers_a_page_with_its_frames(
    page: Page, client: Client, recorder: Recorder
) -> None:
    run(client, "a", "b")
    until(lambda: recorder.log.next == 2, "both to be in columns")
    frames = recorder.log.frames(0)["frames"]
    figure = task_stream_figure(iter(frames))
    (mark,) = figure.marks
    assert (mark.phase, mark.follow) == ("finished", False)
    assert page.frames(mark) == frames
    page.ask(mark, type="read", cursor=0, names=0, log="")
    assert page.frames(mark) == [*frames, *frames]
    page.ask(mark, type="unwatched")
    assert len(page.frames(mark)) == 2 * len(frames)
    # Without a kernel it draws what was saved with it.
    assert sorted(TaskTable([zlib.decompress(mark.snapshot)]).keys()) == ["a", "b"]


def test_a_figure_of_nothing(page: Page) -> None:
    figure = task_stream_figure([])
    assert page.frames(figure.marks[0]) == []
    assert figure.marks[0].snapshot == b""


def test_get_task_stream_plots(page: Page, client: Client) -> None:
    with get_task_stream(client) as plain:
        pass
    assert plain.figure is None
    with get_task_stream(client, plot=True) as collected:
        run(client, "inside")
    figure = collected.figure
    assert type(figure) is bqplot.Figure
    (mark,) = figure.marks
    assert isinstance(mark, Spans)
    assert page.keys(mark) == ["inside"]

"""Comparisons of runs: of real ones, as files, as tables, as text."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from compared import document, report
from distributed import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import runs

import dasklens
from dasklens import Comparison, Report, Trend, load_report
from dasklens.model.spans import TaskTable
from dasklens.report.collect import of_frames
from dasklens.report.comparing import METHOD, changes_of, seconds_by_prefix
from dasklens.report.document import Document, ReportError
from dasklens.scheduler.recorder import Recorder
from dasklens.widgets.comparison import Heading
from dasklens.wire.frames import unpack_frame


@pytest.fixture(scope="module")
def pair() -> Comparison:
    made = report(0).compare(report(1, slower={"weigh": 2.0}))
    assert isinstance(made, Comparison)
    return made


@pytest.fixture(scope="module")
def trend() -> Trend:
    made = dasklens.compare([report(i) for i in range(4)], ["1.0", "1.1", "<b>", "2.0"])
    assert isinstance(made, Trend)
    return made


def test_names_that_were_left_out_are_not_compared(pair: Comparison) -> None:
    first, second = document(0), document(1)
    second.redacted = ["hosts", "keys"]
    found = Report(first).compare(Report(second))
    (note, *_) = found.summary()["notes"]
    assert note.startswith("The names of tasks were left out of b. ")
    assert found.prefixes == []
    assert found.summary()["slower"] == []
    assert not any(note.startswith("The names") for note in pair.summary()["notes"])


# -- real runs ------------------------------------------------------------------------------------------


def load(i: int) -> int:
    time.sleep(0.004 + 0.002 * random.random())
    return i


def weigh(i: int, long: float) -> int:
    time.sleep(long * (1 + 0.2 * random.random()))
    return i


def work(client: Client, long: float) -> None:
    loaded = client.map(load, range(30), pure=False)
    client.gather(client.map(weigh, loaded, [long] * 30, pure=False))


def test_of_real_runs_the_slower_prefix_is_found(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    made = []
    work(client, 0.01)
    for long in (0.01, 0.03):
        with dasklens.performance_report(None, client=client, title=f"{long}") as found:
            work(client, long)
        made.append(found)
    changed = made[0].compare(made[1])
    slower = changed.summary()["slower"]
    weighed, loaded = (
        next(each for each in changed.prefixes if each["prefix"] == name) for name in ("weigh", "load")
    )
    assert weighed in slower
    assert weighed["ratio"] > 1.5 * loaded["ratio"]
    assert weighed["tasks"] == [30, 30]
    assert weighed["interval"][0] > 1.2
    # Their sum is that of what the tasks themselves say.
    frame = made[1].to_pandas().query("prefix == 'weigh' and action == 'compute'")
    assert weighed["seconds"][1] == pytest.approx(frame.duration.sum())
    assert weighed["medians"][1] == pytest.approx(frame.duration.median())
    figures = {each["name"]: each["values"] for each in changed.figures}
    assert figures["tasks"] == [60, 60]
    assert figures["workers"] == [2, 2]
    assert figures["threads"] == [4, 4]
    assert min(figures["compute"]) > 0.3
    assert min(figures["peak"]) > 1e6
    changed.save(tmp_path / "compare.json")
    assert load_report(tmp_path / "compare.json")._said == changed._said


def test_task_streams_are_compared(client: Client, recorder: Recorder) -> None:
    made = []
    for long in (0.03, 0.01):
        with dasklens.get_task_stream(client) as ts:
            work(client, long)
        made.append(ts)
    changed = made[0].compare(made[1], ["before", "after"])
    assert changed.labels == ["before", "after"]
    assert "weigh" in [each["prefix"] for each in changed.summary()["faster"]]
    (durations,) = (each["values"] for each in changed.figures if each["name"] == "duration")
    assert min(durations) > 0.1
    assert changed.functions == []
    with pytest.raises(ValueError, match="One of these runs has no profile"):
        changed.profile()
    with pytest.raises(ValueError, match="This block has not ended"):
        dasklens.get_task_stream(client).compare(made[0])


def test_a_task_stream_of_several_blocks_is_compared_whole(client: Client, recorder: Recorder) -> None:
    ts = dasklens.get_task_stream(client)
    for _ in range(2):
        with ts:
            work(client, 0.001)
        client.gather(client.map(abs, range(5)))
    made = ts._to_document()
    frames = [unpack_frame(data) for data in made.frames("tasks")]
    # A page takes the next frame where the one before ended, and knows all names that it speaks of.
    assert [frame.first for frame in frames] == [0, *(frame.next for frame in frames[:-1])]
    tasks = TaskTable(made.frames("tasks"))
    assert sorted(map(str, tasks.keys())) == sorted(str(each["key"]) for each in ts.data)
    assert {each["prefix"] for each in tasks.records()} == {"load", "weigh"}
    assert dasklens.compare([ts, ts]).prefixes[0]["tasks"] == [60, 60]
    assert load_report(made.to_json()).data == tasks.records()


def test_a_live_task_stream_is_compared(
    client: Client, recorder: Recorder, ts: dasklens.TaskStream, page: Any
) -> None:
    work(client, 0.001)
    changed = ts.compare(report())
    (tasks,) = (each["values"] for each in changed.figures if each["name"] == "tasks")
    assert tasks[0] == 60


# -- what is compared ------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(runs(), runs())
def test_whatever_ran_can_be_compared(a: Any, b: Any) -> None:
    documents = [of_frames("tasks", run.frames(3, 7), title="run") for run in (a, b)]
    changed = dasklens.compare([Report(each) for each in documents], min_tasks=2)
    assert str(changed)
    assert repr(changed)
    assert str(changed.summary())
    read = load_report(changed.to_json())
    assert read._said == changed._said
    for name, each in (("tasks:a", documents[0]), ("tasks:b", documents[1])):
        kept, own = TaskTable(read._document.frames(name)), TaskTable(each.frames("tasks"))
        assert kept.keys() == own.keys()
        assert np.allclose(kept.columns()["start"] + each.start, own.columns()["start"], atol=1e-5)
        assert [r["status"] for r in kept.records()] == [r["status"] for r in own.records()]


def test_failed_tasks_and_what_never_computed_are_left_out() -> None:
    made = document(failed=0.3)
    tasks = TaskTable(made.frames("tasks"))
    took = seconds_by_prefix(tasks)
    well = [r for r in tasks.records() if r["status"] == "OK"]
    assert 0 < sum(map(len, took.values())) == len(well) < len(tasks)
    assert sorted(took["load"]) == pytest.approx(
        sorted(
            r["startstops"][0]["stop"] - r["startstops"][0]["start"] for r in well if r["prefix"] == "load"
        )
    )
    assert seconds_by_prefix(TaskTable()) == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("a.html", "compare takes a list of reports, got str"),
        ([], "From 2 to 200 runs can be compared, got 0"),
        ([report()], "From 2 to 200 runs can be compared, got 1"),
        ([report(), 3], "the file of a report can be compared, got int"),
        ([report(), Report()], "still being recorded"),
    ],
)
def test_what_cannot_be_compared_is_told(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        dasklens.compare(given)


@pytest.mark.parametrize("labels", ["ab", ["a"], ["a", "a"], ["a", ""], ["a", 1]])
def test_labels_are_different_texts(labels: Any) -> None:
    with pytest.raises(ValueError, match="labels should be"):
        report().compare(report(1), labels)


@pytest.mark.parametrize("least", [1, 1 << 60, True])
def test_tasks_needed_are_not_any_number(least: Any) -> None:
    with pytest.raises(ValueError, match="min_tasks should be a whole number from 2 on"):
        dasklens.compare([Report(document(i)) for i in range(2)], min_tasks=least)


def test_tasks_needed_are_a_number() -> None:
    with pytest.raises(ValueError, match="min_tasks should be a whole number from 2 on, got 1"):
        dasklens.compare([report(), report()], min_tasks=1)


def test_a_comparison_is_not_compared(pair: Comparison, tmp_path: Path) -> None:
    pair.save(tmp_path / "compare.json")
    with pytest.raises(ValueError, match="A comparison cannot be compared"):
        dasklens.compare([tmp_path / "compare.json", report()])


def test_what_one_should_know_is_told() -> None:
    short = document(1, prefixes={"load": (300, 0.02), "weigh": (120, 0.05)})
    short.missed, short.ended_early = {"tasks": 7}, "The scheduler died."
    short.exception = {"type": "KeyError", "text": "x", "traceback": ""}
    short.cluster["threads"] = 8
    short.summary["figures"]["threads"] = 8
    notes = report(0).compare(Report(short)).summary()["notes"]
    for said in (
        "2 prefixes were compared",
        "Other numbers of tasks, which may be of another size: load 120 and 300.",
        "Of b, 7 tasks are missing.",
        "Of b not everything was recorded: The scheduler died.",
        "The code of b raised KeyError.",
        "a had 4 threads and b 8",
        "Of other versions: dask 2026.0 and 2026.1.",
    ):
        assert any(said in note for note in notes), said


# -- what it says ------------------------------------------------------------------------------------------


def test_a_table_has_a_row_a_prefix(pair: Comparison) -> None:
    frame = pair.to_pandas()
    assert list(frame.prefix) == [each["prefix"] for each in pair.prefixes]
    row = frame.set_index("prefix").loc["weigh"]
    assert (row.tasks_a, row.tasks_b, row.verdict) == (120, 120, "slower")
    assert row.low < row.ratio < row.high
    assert row.ratio == pytest.approx(row.median_b / row.median_a)
    once = frame.set_index("prefix").loc["once"]
    assert np.isnan(once.ratio)
    assert once.verdict == "too few tasks"
    assert frame.share_a.sum() == pytest.approx(1)


def test_the_table_of_a_trend_has_a_row_a_prefix_and_run(trend: Trend) -> None:
    frame = trend.to_pandas()
    assert list(frame.run.unique()) == ["1.0", "1.1", "<b>", "2.0"]
    assert len(frame) == 4 * len(trend.prefixes)
    assert isinstance(frame, pd.DataFrame)
    assert (frame.tasks[frame.prefix == "load"] == 120).all()


def test_text_says_it_all(pair: Comparison) -> None:
    said = str(pair)
    assert "+17.0 points" in said
    assert "1 prefix got slower: weigh" in said
    assert "▲ slower" in said
    assert "? too few tasks" in said
    assert "Run 0" in said
    assert repr(pair).startswith("<Comparison: b took")
    assert str(pair.summary()).startswith("b took")
    assert pair.summary()["method"] == METHOD


def test_hostile_names_move_no_cursor_and_are_no_html() -> None:
    bad = "\x1b[2J<img src=x onerror=alert(1)>\u202e\ud800"
    made = [document(i, prefixes={bad: (20, 0.1)}) for i in range(2)]
    for each in made:
        each.title = bad
    changed = dasklens.compare([Report(each) for each in made], [bad, "b" + bad])
    said = str(changed)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert said.encode()
    from dasklens.widgets.stillcomparison import still_comparison_html

    html = still_comparison_html(changed._said)
    assert "<img src=x" not in html
    assert html.encode()
    assert load_report(changed.to_json()).prefixes[0]["prefix"] == bad


def test_one_prefix_is_one() -> None:
    made = [Report(document(i, prefixes={"load": (20, 0.1)})) for i in range(2)]
    assert "The one prefix that could be compared shows no difference." in str(dasklens.compare(made))


def test_a_file_moves_no_cursor(pair: Comparison) -> None:
    bad = "\x1b[2J\u202e"
    raw = json.loads(pair.to_json())
    raw["comparison"].update(verdict=bad, notes=[bad])
    raw["comparison"]["figures"][0]["title"] = bad
    read = load_report(json.dumps(raw).encode())
    for said in (str(read), repr(read), str(read.summary())):
        assert "\x1b" not in said
        assert "\u202e" not in said
    assert read.summary()["verdict"] == bad


def test_halves_of_characters_are_in_tables_too() -> None:
    made = [Report(document(i, prefixes={"\ud800": (20, 0.1)})) for i in range(3)]
    assert dasklens.compare(made[:2]).to_pandas().prefix.tolist() == ["?"]
    trend = dasklens.compare(made, ["\ud800", "b", "c"]).to_pandas()
    assert trend.run.tolist() == ["?", "b", "c"]


def test_a_report_that_does_not_tell_its_duration_has_one() -> None:
    made = [document(i) for i in range(2)]
    for each in made:
        each.summary["figures"] = {}
    durations = dasklens.compare([Report(each) for each in made]).figures[0]
    assert durations["name"] == "duration"
    assert durations["values"] == [each.stop - each.start for each in made]


# -- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c.html", "c.json", "c.json.gz", "c.dasklens.html"])
def test_a_file_is_read_back(pair: Comparison, trend: Trend, tmp_path: Path, name: str) -> None:
    for made in (pair, trend):
        made.save(tmp_path / name)
        read = load_report(tmp_path / name)
        assert type(read) is type(made)
        assert read._said == made._said
        assert read.to_json() == made.to_json()
        assert str(read) == str(made)
        pd.testing.assert_frame_equal(read.to_pandas(), made.to_pandas())
    assert changes_of(pair._said).each[0].verdict == pair.prefixes[0]["verdict"]


def test_who_runs_no_scripts_reads_what_came_of_it(pair: Comparison, tmp_path: Path) -> None:
    pair.save(tmp_path / "c.html")
    (said,) = re.findall("<noscript>(.*?)</noscript>", (tmp_path / "c.html").read_text(), re.S)
    assert "Run 1 compared with Run 0" in said
    assert "1 prefix got slower: weigh" in said


def test_a_trend_carries_no_tasks(trend: Trend, pair: Comparison) -> None:
    assert trend._document.streams == {}
    assert list(pair._document.streams) == ["tasks:a", "tasks:b", "profile:change"]


def spoilt(made: Comparison, change: Any) -> bytes:
    raw = json.loads(made.to_json())
    change(raw["comparison"])
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.pop("runs"), "no 'runs' where one should be"),
        (lambda c: c["runs"].pop(), "a pair of 1 runs"),
        (lambda c: c["prefixes"][0].update(verdict="worse"), "'worse' where one of slower"),
        (lambda c: c["prefixes"][0]["medians"].append(1.0), "a list of 2 values"),
        (lambda c: c["prefixes"][0].update(tasks=[1, -1]), "than a count"),
        (lambda c: c["figures"][0].update(unit="furlongs"), "'furlongs' where one of"),
        (lambda c: c["functions"].append([1]), "a function that is no list of eight values"),
        (lambda c: c["notes"].append({}), "than text"),
        (lambda c: c.update(peaks={}), "than a list"),
    ],
)
def test_a_damaged_file_gets_one_sentence(pair: Comparison, change: Any, says: str) -> None:
    with pytest.raises(ReportError, match=f"its comparison does not hold together .*{says}"):
        load_report(spoilt(pair, change))


WORDS = st.sampled_from(["", "a", "label", "<b>"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | WORDS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.data())
def test_whatever_a_file_says_it_is_read_or_refused(data: st.DataObject) -> None:
    raw = json.loads(SMALL)
    at: Any = raw["comparison"]
    while isinstance(at, (dict, list)) and at and data.draw(st.booleans()):
        keys = sorted(at) if isinstance(at, dict) else range(len(at))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(at[key], (dict, list)) or data.draw(st.integers(0, 3)) == 0:
            at[key] = data.draw(JSON)
            break
        at = at[key]
    try:
        read = load_report(json.dumps(raw).encode())
    except ReportError:
        return
    assert str(read) is not None
    assert len(read.to_pandas()) >= 0


SMALL = report(0, prefixes={"load": (9, 0.1)}).compare(report(1, prefixes={"sum": (9, 0.1)})).to_json()


# -- in a cell -----------------------------------------------------------------------------------------------


def test_a_cell_shows_numbers_streams_and_profile(pair: Comparison, page: Any) -> None:
    box = pair.widget()
    assert [each.text for each in box.children if isinstance(each, Heading)] == [
        "Task stream of a, from its start",
        "Task stream of b, from its start",
        "What takes more time in b than in a, and what less",
    ]
    assert [mark.phase for mark in box.streams] == ["finished", "finished"]
    a, b = box.streams
    assert a.scales["x"] is b.scales["x"]
    assert a.scales["y"] is not b.scales["y"]
    assert a.extent == b.extent
    assert a.extent[0] < 0 < a.extent[1]
    assert box.part.data == pair._said
    assert box.part.marks == box.streams
    assert box.changed.state["before"] == 220
    assert pair.profile().state["count"] == 320
    assert len(pair.task_streams().children) == 2


def test_a_trend_is_shown_without_streams(trend: Trend, page: Any) -> None:
    box = trend.widget()
    assert box.streams == []
    assert box.changed is None
    assert len(box.children) == 1


def test_what_is_displayed_has_text_html_and_a_widget(
    pair: Comparison, trend: Trend, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import IPython.display

    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    pair._ipython_display_()
    trend._ipython_display_()
    for data in shown:
        assert set(data) == {
            "text/plain",
            "text/html",
            "application/vnd.jupyter.widget-view+json",
            "application/vnd.dasklens.view+json",
        }
    assert shown[0]["text/html"].count("data:image/png") == 2
    assert "&lt;b&gt;sum" in shown[0]["text/html"]
    assert len(shown[0]["text/html"]) < 200_000


def test_only_a_comparison_is_one() -> None:
    with pytest.raises(ValueError, match="This is the document of one run"):
        Comparison(Document())

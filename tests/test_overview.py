"""The whole run in little says what the records say, however its frames come."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_frames import BASE, FOLDER
from runs import Run, finished, make, many, runs

from dasklens.model.kinds import ERROR, is_strip, kind_of
from dasklens.model.overview import Overview
from dasklens.model.spans import TaskTable
from dasklens.wire.frames import FrameError, unpack_frame

STRIPS = ("transfer", "disk-read", "disk-write", "deserialize")
cuts = st.lists(st.integers(0, 30), max_size=5)


def overview_of(frames: list[bytes]) -> Overview:
    overview = Overview()
    for frame in frames:
        overview.append(frame)
    return overview


def told(overview: Overview) -> dict[str, Any]:
    """What an overview says, with the spans by worker and thread."""
    spans = overview.spans()
    lanes = defaultdict(list)
    for lane, slot, start, stop in zip(
        spans.lane.tolist(), spans.slot.tolist(), spans.start.tolist(), spans.stop.tolist(), strict=True
    ):
        prefix, kind, action = overview.slots[slot]
        lanes[overview.lanes[lane]].append((overview.prefixes[prefix].name, kind, action, start, stop))
    return {
        "tasks": overview.n_tasks,
        "errors": overview.n_errors,
        "counts": {tally.name: tally.count for tally in overview.prefixes},
        "errors by prefix": {tally.name: tally.errors for tally in overview.prefixes if tally.errors},
        "seconds": {tally.name: pytest.approx(tally.seconds, abs=1e-6) for tally in overview.prefixes},
        "spans": {lane: sorted(some) for lane, some in lanes.items()},
    }


def wanted(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The same from the records."""
    seconds: Counter[str] = Counter()
    lanes = defaultdict(list)
    latest = 0.0
    for record in records:
        lane = (record["worker"], record["thread"], record["worker_name"] or "(no worker)")
        spans, failed = record["startstops"], record["status"] == "error"
        work = [i for i, span in enumerate(spans) if span["action"] not in STRIPS]
        shows = (work or range(len(spans)))[-1] if failed and spans else None
        seconds[record["prefix"]] += 0
        for i, span in enumerate(spans):
            strip = span["action"] in STRIPS
            kind = ERROR if i == shows else kind_of(span["action"])
            lanes[lane].append((record["prefix"], kind, span["action"], span["start"], span["stop"]))
            assert is_strip(kind_of(span["action"])) == strip
            latest = max(latest, span["stop"])
            seconds[record["prefix"]] += 0 if strip else span["stop"] - span["start"]
        if failed and not spans:
            stimulus = record["stimulus_id"]
            at = float(stimulus.rpartition("-")[2]) if stimulus else latest
            lanes[lane].append((record["prefix"], ERROR, "", at, at))
    failed_prefixes = [record["prefix"] for record in records if record["status"] == "error"]
    return {
        "tasks": len(records),
        "errors": len(failed_prefixes),
        "counts": dict(Counter(record["prefix"] for record in records)),
        "errors by prefix": dict(Counter(failed_prefixes)),
        "seconds": dict(seconds),
        "spans": {lane: sorted(some) for lane, some in lanes.items()},
    }


@settings(deadline=None)
@given(runs(), cuts)
def test_it_says_what_the_records_say(run: Run, cuts: list[int]) -> None:
    frames = run.frames(*cuts)
    overview = overview_of(frames)
    assert told(overview) == wanted(TaskTable(frames).records())
    assert overview.missed == 0


@pytest.mark.parametrize("path", sorted(FOLDER.glob("tasks-*.frames")), ids=lambda path: path.stem)
def test_golden_frames(path: Any) -> None:
    frames = msgpack.unpackb(path.read_bytes())
    overview = overview_of(frames)
    assert told(overview) == wanted(TaskTable(frames).records())
    assert overview.n_errors > 0
    assert ("", None, "(no worker)") in overview.lanes


@settings(deadline=None)
@given(runs(), st.lists(st.integers(0, 30), min_size=2, max_size=8), st.data())
def test_frames_that_came_before_count_once(run: Run, cuts: list[int], data: st.DataObject) -> None:
    """A page that asks again has the feed read again: whole frames, or parts of longer ones."""
    overview = Overview()
    for cut in sorted(cuts):
        begin = data.draw(st.integers(0, overview._next))
        reply = run.log.frames(begin, 0, until=cut, max_bytes=1 << 30)
        for frame in reply["frames"]:
            known = overview._next
            news = overview.append(frame)
            assert (news is not None) == (unpack_frame(frame).next > known)
    for frame in run.frames():
        overview.append(frame)
    assert told(overview) == wanted(TaskTable(run.frames()).records())
    assert overview.missed == 0


def tasks(n: int) -> list[Any]:
    return [finished(i, "inc", 0, 0, [("compute", i, 0.5)], False) for i in range(n)]


def test_a_log_that_began_anew_starts_it_again() -> None:
    overview = overview_of(make(tasks(5), ident="old").frames())
    new = make(tasks(2), ident="new")
    for frame in new.frames():
        overview.append(frame)
    assert told(overview) == wanted(TaskTable(new.frames()).records())
    assert overview.lanes == [("tcp://127.0.0.1:40000", 140130857973440, "w-00")]


def test_what_the_log_had_dropped_is_counted() -> None:
    run = make(tasks(4000), chunk=500, limit=100_000)
    assert run.log.first > 0
    overview = overview_of(run.frames())
    assert overview.missed == run.log.first
    assert overview.missed + overview.n_tasks == 4000
    # Somebody who began in the middle missed nothing of what came before.
    later = overview_of(run.log.frames(3900, 0)["frames"])
    assert (later.n_tasks, later.missed) == (100, 0)


def test_what_was_dropped_between_two_frames_is_counted() -> None:
    run = make(tasks(10))
    first, last = run.log.frames(0, 0, until=3)["frames"], run.log.frames(7, 0)["frames"]
    overview = overview_of([*first, *last])
    assert (overview.n_tasks, overview.missed) == (6, 4)


def test_what_no_worker_began_is_where_the_scheduler_was_then() -> None:
    key, died = finished(1, "inc", 0, 0, [], True)
    del died["stimulus_id"]
    frames = make([finished(0, "inc", 0, 0, [("compute", 1, 2)], False), (key, died)]).frames()
    overview = overview_of(frames)
    spans = overview.spans()
    erred = [slot for slot, (_, kind, _) in enumerate(overview.slots) if kind == ERROR]
    assert spans.start[np.isin(spans.slot, erred)].tolist() == [BASE + 3]


def test_columns_are_joined_once_and_grow() -> None:
    run = make(tasks(10))
    overview = Overview()
    assert len(overview.spans().start) == 0
    for n, frame in enumerate(run.frames(4), 1):
        overview.append(frame)
        assert overview.spans() is overview.spans()
        assert len(overview.spans().start) == (4, 10)[n - 1]


def test_a_span_takes_some_twenty_bytes() -> None:
    (frame,) = many(10_000, lanes=8, prefixes=3)
    spans = overview_of([frame]).spans()
    columns = (spans.lane, spans.slot, spans.start, spans.stop)
    assert sum(column.nbytes for column in columns) <= 21 * 10_000


def test_more_prefixes_than_two_bytes_count_are_seen_under_the_last() -> None:
    (frame,) = many(100_000, lanes=1, prefixes=300_000)
    overview = overview_of([frame])
    assert len(overview.prefixes) == 0x10000
    assert overview.n_tasks == sum(tally.count for tally in overview.prefixes) == 100_000
    assert int(overview.spans().slot.max()) == 0xFFFE
    assert len(overview.slots) == 0xFFFF


def test_bytes_that_are_no_frame() -> None:
    with pytest.raises(FrameError, match="not msgpack"):
        Overview().append(b"\xc1")
    assert np.array_equal(Overview().spans().start, [])

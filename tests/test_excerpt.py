"""What a saved notebook keeps of a run: its newest tasks, as they were, in a frame that stands alone."""

from __future__ import annotations

import os
import zlib
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_frames import FOLDER, TOKEN
from runs import Run, finished, make, many, runs

from dasklens.model import excerpt as excerpt_module
from dasklens.model.excerpt import Excerpt
from dasklens.model.overview import Overview
from dasklens.model.spans import TaskTable
from dasklens.wire.frames import Frame, unpack_frame

PLENTY = 1 << 30
cuts = st.lists(st.integers(0, 30), max_size=5)


def excerpt_of(frames: list[bytes]) -> Excerpt:
    excerpt = Excerpt()
    for frame in frames:
        excerpt.append(unpack_frame(frame))
    return excerpt


def unpacked(packed: bytes) -> tuple[Frame, list[dict[str, Any]]]:
    frame = unpack_frame(zlib.decompress(packed))
    return frame, TaskTable([frame]).records()


def same(record: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two records agree, but for class and metadata, which no page needs; times to a µs."""
    spans, others = (
        [(span["action"], span.get("source")) for span in each["startstops"]] for each in (record, other)
    )
    times, other_times = (
        [span[edge] for span in each["startstops"] for edge in ("start", "stop")] for each in (record, other)
    )
    rest, other_rest = (
        {name: value for name, value in each.items() if name not in ("startstops", "type", "metadata")}
        for each in (record, other)
    )
    return rest == other_rest and spans == others and times == pytest.approx(other_times, abs=1e-6, rel=0)


def assert_newest(packed: bytes, records: list[dict[str, Any]], n: int) -> None:
    if not n:
        assert packed == b""
        return
    frame, kept = unpacked(packed)
    assert len(kept) == n
    assert all(same(*pair) for pair in zip(kept, records[-n:], strict=True))
    assert frame.next - frame.first == n
    assert frame.missed == len(records) - n


@settings(deadline=None)
@given(runs(), cuts, st.integers(1, 12))
def test_it_holds_the_newest_tasks_however_they_came(run: Run, cuts: list[int], most: int) -> None:
    frames = run.frames(*cuts)
    records = TaskTable(frames).records()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(excerpt_module, "MOST_TASKS", most)
        packed = excerpt_of(frames).packed(PLENTY)
    assert_newest(packed, records, min(most, len(records)))


@settings(deadline=None)
@given(runs(), st.lists(st.integers(0, 30), min_size=2, max_size=6), st.integers(1, 12), st.data())
def test_frames_that_came_before_count_once(
    run: Run, cuts: list[int], most: int, data: st.DataObject
) -> None:
    """A page that asks again has the feed read again; `Overview` passes on what brings news at all."""
    overview, excerpt, at = Overview(), Excerpt(most), 0
    for cut in [*sorted(cuts), run.n]:
        reply = run.log.frames(data.draw(st.integers(0, at)), 0, until=cut, max_bytes=PLENTY)
        for frame in reply["frames"]:
            news = overview.append(frame)
            if news is not None:
                excerpt.append(news)
        at = max(at, min(cut, run.n))
    packed = excerpt.packed(PLENTY)
    records = TaskTable(run.frames()).records()
    assert_newest(packed, records, min(most, len(records)))


def tasks(n: int) -> list[Any]:
    """Tasks whose keys no compression makes smaller."""
    each = []
    for i in range(n):
        task, said = finished(i, "inc", i % 3, 0, [("compute", i, 0.5)], i % 7 == 0)
        task.key = f"inc-{os.urandom(16).hex()}"
        each.append((task, said))
    return each


@pytest.mark.parametrize("most_bytes", [500, 1000, 10_000, 50_000])
def test_the_size_holds_and_what_is_left_out_is_counted(most_bytes: int) -> None:
    frames = make(tasks(3000), chunk=700).frames()
    packed = excerpt_of(frames).packed(most_bytes)
    assert len(packed) <= most_bytes
    frame, kept = unpacked(packed)
    records = TaskTable(frames).records()
    assert_newest(packed, records, len(kept))
    assert frame.missed == 3000 - len(kept) > 0
    # What would still fit is not left out by much.
    assert len(packed) > 0.7 * most_bytes or len(kept) <= 3


def test_a_task_that_is_too_large_leaves_nothing() -> None:
    task, said = finished(0, "inc", 0, 0, [], False)
    task.key = os.urandom(5000).hex()
    assert excerpt_of(make([(task, said)]).frames()).packed(2000) == b""
    assert Excerpt().packed(2000) == b""


def test_a_million_tasks_keep_within_its_bounds() -> None:
    excerpt = excerpt_of(many(1_000_000, lanes=64, prefixes=50))
    assert len(excerpt._frames) == 1
    packed = excerpt.packed(100_000)
    frame, _ = unpacked(packed)
    assert len(packed) <= 100_000
    assert frame.next == 1_000_000
    assert frame.first == frame.missed >= 1_000_000 - excerpt_module.MOST_TASKS


@pytest.mark.parametrize("path", sorted(FOLDER.glob("tasks-*.frames")), ids=lambda path: path.stem)
def test_golden_frames(path: Any) -> None:
    frames = msgpack.unpackb(path.read_bytes())
    records = TaskTable(frames).records()
    packed = excerpt_of(frames).packed(PLENTY)
    assert_newest(packed, records, len(records))
    frame, kept = unpacked(packed)
    # No pickle of somebody's class goes into a notebook.
    assert b"\x80\x05" not in zlib.decompress(packed)
    assert frame.names0 == 0
    assert TOKEN in str(kept[0]["key"])


def test_a_log_that_began_anew_starts_it_again() -> None:
    excerpt = excerpt_of(make(tasks(5), ident="old").frames())
    new = make(tasks(2), ident="new").frames()
    for frame in new:
        excerpt.append(unpack_frame(frame))
    packed = excerpt.packed(PLENTY)
    assert_newest(packed, TaskTable(new).records(), 2)
    assert unpacked(packed)[0].log == "new"


def test_what_the_log_had_dropped_is_left_out_too() -> None:
    run = make(tasks(4000), chunk=500, limit=100_000)
    dropped = run.log.first
    assert dropped > 0
    frame, kept = unpacked(excerpt_of(run.frames()).packed(PLENTY))
    assert frame.missed + len(kept) == 4000
    assert len(kept) == 4000 - dropped

"""The log: nothing lost in silence, whatever comes and however small the limit."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dasklens.model.spans import TaskTable
from dasklens.scheduler import log as log_module
from dasklens.scheduler.log import TaskLog
from dasklens.scheduler.said import TEXT_LIMIT, cut
from dasklens.wire.frames import unpack_frame


class Group:
    span_id = None

    def __init__(self, name: str):
        self.name = name
        self.prefix = SimpleNamespace(name=name)


def record(i: int, group: Group, **more: Any) -> tuple[Any, dict[str, Any]]:
    said = {
        "worker": f"tcp://w{i % 3}",
        "thread": i % 2,
        "status": "OK",
        "nbytes": i,
        "type": b"",
        "typename": "int",
        "metadata": {},
        "stimulus_id": f"task-finished-{float(i)!r}",
        "startstops": ({"action": "compute", "start": 1.7e9 + i, "stop": 1.7e9 + i + 0.5},),
    }
    return SimpleNamespace(key=(group.name, i), group=group), {**said, **more}


def make(limit: int = 1 << 30) -> TaskLog:
    return TaskLog("log", limit, str, lambda span: [])


def read_all(log: TaskLog, cursor: int = 0, names: int = 0, max_bytes: int = 1) -> TaskTable:
    table = TaskTable()
    while cursor < log.next:
        reply = log.frames(cursor, names, max_bytes)
        for frame in reply["frames"]:
            table.append(frame)
        table.missed += reply["missed"]
        cursor, names = reply["next"], reply["names"]
    return table


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 50), max_size=12),
    st.integers(1, 9),
    st.integers(0, 300),
    st.integers(2_000, 20_000),
)
def test_every_reader_gets_each_record_once_or_counted(
    batches: list[int], chunk: int, start: int, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "CHUNK_RECORDS", chunk)
        log = make(limit)
        group = Group("x")
        follower, at, known = TaskTable(), 0, 0
        total = 0
        for n in batches:
            log.extend(record(total + i, group) for i in range(n))
            total += n
            while at < log.next:
                reply = log.frames(at, known, 500)
                for frame in reply["frames"]:
                    follower.append(frame)
                follower.missed += reply["missed"]
                at, known = reply["next"], reply["names"]
        assert log.next == total
        assert len(follower) + follower.missed == total
        late = read_all(log, min(start, total))
        assert late.missed == max(0, log.first - min(start, total))
        assert [k[1] for k in late.keys()] == list(range(max(log.first, min(start, total)), total))
        assert late.columns()["start"].tolist() == [1.7e9 + k[1] for k in late.keys()]


def test_the_limit_holds_and_the_oldest_goes() -> None:
    log = make(1_000_000)
    group = Group("x")
    log.extend(record(i, group) for i in range(100_000))
    assert log.nbytes < 1_000_000 + 8192 * 120
    assert log.first > 0
    table = read_all(log)
    assert table.missed == log.first
    assert table.missed + len(table) == 100_000


def test_a_group_for_every_task_cannot_fill_the_memory() -> None:
    log = make(500_000)
    for i in range(20_000):
        log.extend([record(i, Group(f"group-{i}-" + "x" * 100))])
    assert log.nbytes < 800_000
    assert read_all(log).missed == log.first > 0


def test_records_leave_nothing_for_the_garbage_collector() -> None:
    log = make()
    group = Group("x")
    log.extend(record(i, group) for i in range(10_000))
    gc.collect()
    before = len(gc.get_objects())
    log.extend(record(i, group) for i in range(50_000))
    gc.collect()
    # some objects a chunk, none a record
    assert len(gc.get_objects()) - before < 300


def test_typical_keys_take_at_most_120_bytes() -> None:
    log = make()
    group = Group("inc")
    for i in range(20_000):
        ts, said = record(i, group)
        ts.key = f"inc-{i:032x}"
        log.extend([(ts, said)])
    assert log.nbytes / 20_000 < 120


def test_odd_records_are_kept_as_far_as_possible(caplog: pytest.LogCaptureFixture) -> None:
    log = make()
    group = Group("x")
    log.extend(
        [
            record(0, group),
            record(1, group, startstops=({"action": "compute", "start": None, "stop": 1},)),
            record(2, group, metadata={"odd": object()}),
            record(3, group, typename=None, type=None, nbytes=None, worker=None, thread=None),
            record(4, group, startstops=()),
        ]
    )
    records = read_all(log).records()
    assert [r["key"][1] for r in records] == [0, 1, 2, 3, 4]
    assert [r["status"] for r in records] == ["OK", "error", "OK", "OK", "OK"]
    assert "could not record" in records[1]["exception_text"]
    assert "could not record all of task ('x', 1)" in caplog.text
    assert "<object object" in records[2]["metadata"]["repr"]


def test_long_texts_are_cut_and_say_so() -> None:
    text = cut("x" * (TEXT_LIMIT + 5))
    assert text.endswith(f"… ({TEXT_LIMIT:,} of {TEXT_LIMIT + 5:,} characters)")
    log = make()
    log.extend([record(0, Group("x"), status="error", exception_text="y" * 50_000)])
    assert "of 50,000 characters" in read_all(log).records()[0]["exception_text"]


@pytest.mark.parametrize("start", ["noon", None, float("nan"), float("inf"), 1e300])
def test_an_odd_start_spoils_no_other_record_of_its_chunk(start: Any) -> None:
    log = make()
    group = Group("x")
    log.extend([record(0, group, startstops=({"action": "compute", "start": start, "stop": 1.7e9},))])
    log.extend([record(1, group), record(2, group)])
    records = read_all(log).records()
    assert [r["key"][1] for r in records] == [0, 1, 2]
    assert [r["startstops"][0]["start"] for r in records[1:]] == [1.7e9 + 1, 1.7e9 + 2]


def test_a_task_that_never_ran_does_not_date_its_chunk_to_1970() -> None:
    log = make()
    log.extend([record(0, Group("x"), startstops=(), stimulus_id=None, status="error")])
    (frame,) = log.frames(0)["frames"]
    assert unpack_frame(frame).base > 1.7e9


def test_names_of_any_kind_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Nameless(Group):
        @property
        def prefix(self) -> Any:
            raise OverflowError("too long")

        @prefix.setter
        def prefix(self, value: Any) -> None:
            pass

    log = make()
    huge = Group("x")
    huge.name = 10**30  # type: ignore[assignment]
    log.extend([record(0, huge), record(1, Nameless("y")), record(2, Group("z"))])
    records = read_all(log).records()
    assert [r["group"] for r in records] == [str(10**30), "(unknown)", "z"]
    assert "could not record" in records[1]["exception_text"]


@pytest.mark.parametrize("key", [None, ("a", 1), True, b"\xff", "__proto__"])
def test_metadata_may_have_keys_of_any_kind(key: Any) -> None:
    log = make()
    log.extend([record(0, Group("x"), metadata={key: 1})])
    assert read_all(log).records()[0]["metadata"] == {key: 1}

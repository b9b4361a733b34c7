"""What a summary says of recordings made by hand, beside an independent account of the same."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_frames import BASE, said, task
from many import Many

from dasklens.model.spans import TaskTable
from dasklens.report.findings import LONGEST_TEXT, SPILLED
from dasklens.report.summary import summarize
from dasklens.report.threadtime import KINDS, thread_time
from dasklens.report.words import duration, size
from dasklens.scheduler.log import TaskLog

Spans = tuple[tuple[str, float, float], ...]


def table(*tasks: tuple[str, int, int, Spans], errors: dict[int, str] | None = None) -> TaskTable:
    """Tasks as (prefix, worker, thread, spans), spans as (action, start, stop) in seconds after `BASE`."""
    log = TaskLog("x", 1 << 30, lambda address: address, lambda span: [])
    batch = []
    for i, (prefix, worker, thread, spans) in enumerate(tasks):
        each = said(worker, thread, *spans)
        if errors and i in errors:
            each |= {"status": "error", "exception_text": errors[i], "traceback_text": ""}
            for absent in ("nbytes", "typename", "type", "metadata"):
                each.pop(absent)
        batch.append((task(f"{prefix}-{i}", f"summary-{prefix}", prefix), each))
    log.extend(batch)
    return TaskTable(log.frames(0, max_bytes=1 << 30)["frames"])


def summary(tasks: TaskTable, seconds: float, threads: int, **more: Any) -> dict[str, Any]:
    found = summarize(tasks, start=BASE, stop=BASE + seconds, threads=threads, **more)
    json.dumps(found, allow_nan=False)
    return found


def seconds_of(found: dict[str, Any]) -> dict[str, float]:
    return {each["name"]: each["seconds"] for each in found["time"]}


def computes(n: int, each: float, prefix: str = "inc", worker: int = 0, threads: int = 1) -> list[Any]:
    """`n` tasks of so many seconds, one behind the other on each thread."""
    return [
        (prefix, worker, i % threads, (("compute", (i // threads) * each, (i // threads + 1) * each),))
        for i in range(n)
    ]


def finding(found: dict[str, Any], ident: str) -> dict[str, str]:
    (one,) = (each for each in found["findings"] if each["id"] == ident)
    return one


def ids(found: dict[str, Any]) -> list[str]:
    return [each["id"] for each in found["findings"]]


# --- where the time went --------------------------------------------------------------------------------


def test_what_is_hidden_behind_something_better_does_not_count() -> None:
    tasks = table(
        (
            "a",
            0,
            0,
            (("compute", 0, 2), ("transfer", 1, 3), ("disk-read", 2.5, 4), ("deserialize", 3.5, 4.5)),
        ),
        ("a", 0, 1, (("compute", 0, 1),)),
        ("b", 0, 1, (("compute", 0.5, 1.5),)),
    )
    found = summary(tasks, 6, 2, workers=1)
    wanted = {"compute": 3.5, "transfer": 0.5, "serialization": 0.5, "disk": 1.5, "idle": 6.0}
    assert seconds_of(found) == pytest.approx(wanted, abs=1e-6)
    shares = {each["name"]: each["share"] for each in found["time"]}
    assert shares == pytest.approx({name: value / 12 for name, value in wanted.items()}, abs=1e-6)
    assert [each["name"] for each in found["time"]] == [
        "compute",
        "transfer",
        "serialization",
        "disk",
        "idle",
    ]
    assert "2 s in all" in found["time"][1]["how"]
    assert "12 s" in found["time"][4]["how"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-5, 25), st.integers(-2, 12)), max_size=30
    )
)
def test_any_spans_are_those_of_a_count_by_the_second(
    spans: list[tuple[int, int, int, int]],
) -> None:
    columns = [np.array(values, np.int64) for values in zip(*spans, strict=True)] or [np.empty(0, int)] * 4
    kind, lane, begin, length = columns
    got = thread_time(kind, lane, begin + BASE // 1, begin + length + BASE // 1, BASE // 1, BASE // 1 + 20)
    doing = {
        (second, thread): min(
            (k for k, n, b, d in spans if n == thread and b <= second < b + d), default=None
        )
        for second in range(20)
        for thread in range(3)
    }
    names = list(KINDS)
    assert got.spent == {name: sum(k == i for k in doing.values()) for i, name in enumerate(names)}
    assert got.spans == {
        name: sum(max(0, min(b + d, 20) - max(b, 0)) for k, _, b, d in spans if k == i and d > 0)
        for i, name in enumerate(names)
    }
    assert got.active == len({second for (second, _), k in doing.items() if k is not None})


def test_what_is_before_and_after_is_cut_off_and_what_is_no_time_is_nothing() -> None:
    tasks = table(
        ("a", 0, 0, (("compute", -3, 1),)),
        ("a", 0, 0, (("compute", 3, 9),)),
        ("a", 0, 0, (("compute", math.nan, 2),)),
        ("a", 0, 0, (("compute", 2.5, 2),)),
        ("a", 0, 0, (("my own", 1, 1.5),)),
        ("a", 0, 0, ()),
    )
    found = summary(tasks, 4, 1)
    assert seconds_of(found) == pytest.approx(
        {"compute": 2.5, "transfer": 0, "serialization": 0, "disk": 0, "idle": 1.5}, abs=1e-6
    )


@pytest.mark.parametrize("off", [-0.1, 0.1])
def test_a_worker_whose_clock_is_a_little_wrong_loses_nothing(off: float) -> None:
    spans = [("inc", 0, 0, (("compute", i * 0.05 + off, i * 0.05 + 0.05 + off),)) for i in range(20)]
    found = summary(table(*spans), 1, 1)
    assert seconds_of(found)["compute"] == pytest.approx(1, abs=1e-6)
    assert found["figures"]["duration"] == pytest.approx(1)
    assert not any("clocks" in note for note in found["notes"])


def test_what_ran_before_the_block_does_not_count() -> None:
    # The second ended before it, and the news came within.
    found = summary(
        table(("a", 0, 0, (("compute", -50, 0.5),)), ("a", 0, 1, (("compute", -60, -0.01),))), 1, 2
    )
    assert seconds_of(found)["compute"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("off", [-30, 30])
def test_clocks_that_are_quite_wrong_are_said(off: float) -> None:
    spans = [("inc", 0, 0, (("compute", i * 0.05 + off, i * 0.05 + 0.05 + off),)) for i in range(20)]
    notes = summary(table(*spans), 1, 1)["notes"]
    assert any(note.startswith("20 of 20 computations lie outside of the recorded time") for note in notes)


def test_what_serialization_takes_beside_the_threads_is_said() -> None:
    rows = [
        ["gather-dep", "", "", "", "deserialize", "seconds", 0.25],
        ["get-data", "", "", "", "serialize", "seconds", 1.25],
        ["get-data", "", "", "", "serialize", "bytes", 100],
        ["get-data", "", "", "", "network", "seconds", 100],
    ]
    found = summary(table(*computes(5, 1)), 5, 1, details={"fine_metrics": {"rows": rows, "of": 4}})
    assert "1.5 s went into (de)serializing data" in found["time"][2]["how"]
    assert "went into" not in summary(table(*computes(5, 1)), 5, 1)["time"][2]["how"]


def test_threads_that_come_and_go_are_there_while_they_are() -> None:
    counts = {"time": [BASE - 1, BASE + 0.5, BASE + 4, BASE + 11], "threads": [100, 2, 6, 100]}
    found = summary(table(("a", 0, 0, (("compute", 0, 2),))), 10, 6, counts=counts)
    assert seconds_of(found)["idle"] == pytest.approx(4 * 2 + 6 * 6 - 2)


def test_more_work_than_threads_is_no_idle_time() -> None:
    tasks = table(*((f"p{i}", i, 0, (("compute", 0, 1),)) for i in range(3)))
    found = summary(tasks, 1, 2)
    assert seconds_of(found) == pytest.approx(
        {"compute": 3, "transfer": 0, "serialization": 0, "disk": 0, "idle": 0}, abs=1e-6
    )
    assert sum(each["share"] for each in found["time"]) == pytest.approx(1)


def test_of_nothing_there_is_something_to_say() -> None:
    found = summary(TaskTable(), 3, 4)
    assert found["verdict"] == "No task finished while this was recorded."
    assert seconds_of(found)["idle"] == 12
    assert (found["prefixes"], found["findings"], found["notes"]) == ([], [], [])
    none = summary(TaskTable(), 0, 0)
    assert {each["share"] for each in none["time"]} == {0}


# --- prefixes and figures ------------------------------------------------------------------------------


def test_the_five_most_expensive_prefixes() -> None:
    tasks = [("p%d" % i, 0, 0, (("compute", 0, float(d)),)) for i in range(7) for d in (1, 2, i + 3)]  # noqa: UP031
    tasks.append(("p0", 0, 0, (("transfer", 0, 100),)))
    found = summary(table(*tasks), 200, 1, workers=1, memory=2**30)
    total = 7 * 3 + sum(i + 3 for i in range(7))
    assert found["prefixes"] == [
        {
            "prefix": f"p{i}",
            "tasks": 3,
            "seconds": pytest.approx(6.0 + i),
            "share": pytest.approx((6 + i) / total),
            "median": pytest.approx(2),
        }
        for i in (6, 5, 4, 3, 2)
    ]
    assert found["figures"] == {
        "duration": pytest.approx(200),
        "tasks": 22,
        "workers": 1,
        "threads": 1,
        "memory": 2**30,
        "errors": 0,
        "prefixes": 7,
    }


# --- findings -------------------------------------------------------------------------------------------


def test_a_clean_run() -> None:
    found = summary(table(*computes(40, 0.5, threads=4)), 5.2, 4)
    assert found["findings"] == []
    assert found["verdict"] == (
        "40 tasks kept 4 worker threads computing for 96 % of 5.2 s. Nothing looks wrong."
    )


def test_short_tasks_are_found_where_they_cost_something() -> None:
    short = computes(2000, 0.002)
    found = summary(table(*short), 4, 1)
    assert ids(found) == ["short-tasks"]
    assert finding(found, "short-tasks")["evidence"] == (
        "2,000 of 2,000 tasks are of prefixes that take less than 10 ms a task; most of them are of inc, "
        "with 2 ms. The scheduler needs up to 1 ms for each task: together 2 s of 4 s."
    )
    long = [("long", 1, 0, (("compute", 0, 100),))]
    assert ids(summary(table(*short, *long), 100, 1)) == []
    assert ids(summary(table(*computes(400, 0.002)), 0.8, 1)) == []
    assert ids(summary(table(*computes(2000, 0.02)), 40, 1)) == []


def test_transfers_are_found_where_threads_wait_for_them() -> None:
    waits = [
        ("use", 0, 0, (("transfer", 2 * i, 2 * i + 1.5), ("compute", 2 * i + 1.5, 2 * i + 2)))
        for i in range(5)
    ]
    found = summary(table(*waits), 10, 1)
    assert ids(found) == ["transfers"]
    assert (
        "Threads waited 7.5 s for data from other workers, 75 % of the time"
        in finding(found, "transfers")["evidence"]
    )
    hidden = [("use", 0, 0, (("transfer", i, i + 1), ("compute", i, i + 1))) for i in range(10)]
    assert ids(summary(table(*hidden), 10, 1)) == []


def test_spilling_is_found_by_what_is_on_disk_or_takes_time() -> None:
    work = computes(10, 1)
    history = {"time": [BASE + 1, BASE + 2, BASE + 20], "spilled": [0, 2 * SPILLED, 1e12]}
    for name in ("counts", "system"):
        found = summary(table(*work), 10, 1, **{name: history})
        assert ids(found) == ["spilling"]
        assert "Up to 19.1 MiB were on disk" in finding(found, "spilling")["evidence"]
    assert ids(summary(table(*work), 10, 1, counts={**history, "spilled": [0, SPILLED / 2, 1e12]})) == []
    reads = [("a", 0, 0, (("disk-read", i, i + 0.3), ("compute", i + 0.3, i + 1))) for i in range(10)]
    assert "30 % of their time" in finding(summary(table(*reads), 10, 1), "spilling")["evidence"]


def test_few_threads_are_found_while_anything_runs() -> None:
    found = summary(table(*computes(10, 1)), 100, 4)
    assert finding(found, "few-threads")["evidence"] == (
        "While anything ran (10 s), 1.0 of 4 threads were busy in the mean."
    )
    assert ids(summary(table(*computes(20, 1, threads=2)), 100, 4)) == []
    assert ids(summary(table(*computes(10, 1)), 100, 1)) == []
    assert ids(summary(table(*computes(10, 0.04)), 100, 4)) == []


def test_a_slow_worker_is_found_by_the_same_prefixes() -> None:
    def both(slower: float, other: str = "inc") -> TaskTable:
        return table(*computes(20, 0.1), *computes(6, 0.1 * slower, prefix=other, worker=1))

    found = summary(both(3), 2, 2)
    assert ids(found) == ["slow-worker"]
    assert finding(found, "slow-worker")["evidence"] == (
        "tcp://127.0.0.1:40001 took 3.0 times as long as the other workers for tasks of the same prefixes "
        "(6 tasks, 1.8 s)."
    )
    assert ids(summary(both(1.8), 2, 2)) == []
    # Other prefixes say nothing of a worker, nor does one task that took very long, nor what takes no time.
    assert ids(summary(both(3, "other"), 2, 2)) == []
    outlier = [*computes(20, 0.1), *computes(9, 0.1, worker=1), ("inc", 1, 0, (("compute", 0.9, 3),))]
    assert ids(summary(table(*outlier), 3, 2)) == []
    fast = [*computes(20, 0.001), *computes(20, 0.003, worker=1)]
    assert ids(summary(table(*fast), 0.06, 2)) == []


@pytest.mark.parametrize("measured", [True, False])
def test_the_gil_is_found_where_it_was_held_for_long(measured: bool) -> None:
    at = [BASE + i for i in range(10)]
    none = [math.nan] * 10

    def system(n: int) -> dict[str, list[float]]:
        held, late = [0.9] * n + [0.1] * (10 - n), [0.5] * n + [0.02] * (10 - n)
        if measured:
            return {"time": at, "gil": held, "gil_most": held, "worker_tick": [9.0] * 10}
        return {"time": at, "gil": none, "gil_most": none, "worker_tick": late}

    found = summary(table(*computes(10, 1)), 10, 1, system=system(3))
    assert ids(found) == ["gil"]
    assert "For 3 s of 10 s" in finding(found, "gil")["evidence"]
    assert bool(found["notes"]) is not measured
    assert ids(summary(table(*computes(10, 1)), 10, 1, system=system(0))) == []
    once = summary(table(*computes(10, 10)), 100, 1, system=system(5))
    assert ids(once) == []


def test_errors_are_told_with_what_they_say() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    texts = [hostile, hostile, "x" * 500, "third", "fourth"]
    tasks = table(*computes(7, 1), errors=dict(enumerate(texts)))
    found = summary(tasks, 7, 1)
    said_of_it = finding(found, "errors")["evidence"]
    assert said_of_it.startswith(
        f"5 of 7 tasks failed. inc: {hostile} (2 times); inc: {'x' * LONGEST_TEXT}… (1 time)"
    )
    assert said_of_it.endswith("and 1 other kinds.")
    assert found["figures"]["errors"] == 5
    assert "Tasks failed" in found["verdict"]


def test_retries_are_counted_once_though_several_workers_tell_of_them() -> None:
    lines = [[BASE + i, "ERROR", f"Compute Failed {i}"] for i in range(-2, 4)] + [[BASE, "INFO", "started"]]
    logs = {"workers": {f"w{i}": {"rows": lines, "more": False} for i in range(3)}}
    tasks = table(*computes(5, 1), errors={0: "once"})
    found = summary(tasks, 5, 1, details={"logs": logs})
    assert ids(found) == ["errors", "retries"]
    assert finding(found, "retries")["evidence"] == (
        "3 runs failed, by the workers' logs, besides the 1 task that failed for good."
    )
    logs["workers"]["w0"]["more"] = True
    found = summary(tasks, 5, 1, details={"logs": logs})
    assert finding(found, "retries")["evidence"].startswith("At least 3 runs")


def test_missing_records_come_first() -> None:
    tasks = table(*computes(5, 1), errors={0: "once"})
    found = summary(tasks, 5, 1, missed=15)
    assert ids(found) == ["missing-records", "errors"]
    assert "15 of 20 tasks" in finding(found, "missing-records")["evidence"]
    assert found["verdict"].endswith("Not every task is in this report; tasks failed.")
    tasks.missed = 3
    assert "3 of 8 tasks" in finding(summary(tasks, 5, 1), "missing-records")["evidence"]


def test_every_finding_leads_to_the_documentation_of_dask() -> None:
    tasks = table(*computes(5, 1), errors={0: "once"})
    for each in summary(tasks, 5, 1, missed=1)["findings"]:
        assert each["link"].startswith("https://docs.dask.org/en/stable/")
        assert each["severity"] == "warning"
        assert all(each.values())


def test_ids_of_names_that_are_not_there_are_refused() -> None:
    tasks = table(*computes(2, 1))
    tasks.columns()["group"] = np.array([0, 10_000], "u4")
    with pytest.raises(ValueError, match="Expected tasks whose names are there"):
        summary(tasks, 2, 1)


# --- many ----------------------------------------------------------------------------------------------


def test_many_tasks_take_no_long_time() -> None:
    tasks = Many(300_000)
    begun = time.process_time()
    found = summary(tasks, 3600, 64, workers=32)
    # A tenth of the tasks that two seconds are for; the machines that run this are busy.
    assert time.process_time() - begun < 1
    assert found["figures"]["tasks"] == 300_000
    computed = tasks.columns()["stop"] - tasks.columns()["start"]
    seconds = computed[tasks.columns()["action"] == 65].sum()
    assert sum(each["seconds"] for each in found["prefixes"]) < seconds
    assert seconds_of(found)["compute"] <= seconds


def test_numbers_as_people_say_them() -> None:
    assert [duration(x) for x in (0, 7e-6, 0.00456, 0.25, 12.34, 1234.5)] == [
        "0 s",
        "7 µs",
        "4.56 ms",
        "250 ms",
        "12.3 s",
        "1,234 s",
    ]
    assert [size(x) for x in (0, 1023, 1536, 3 * 2**30)] == ["0 B", "1023 B", "1.5 kiB", "3 GiB"]

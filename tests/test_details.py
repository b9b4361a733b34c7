"""What a report is told at its end: that it is what the scheduler knows, and that it holds nobody up."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from crowd import Crowd
from distributed import Client, Scheduler, Worker, span, wait
from distributed.core import rpc
from distributed.utils_test import gen_cluster
from many import talkative
from waiting import until_async

from dasklens.scheduler import asking
from dasklens.scheduler import details as details_module
from dasklens.scheduler.details import Details
from dasklens.scheduler.recorder import ensure_recorder
from dasklens.wire.details import metrics_since, unpack_details


async def read(scheduler: Any, **more: Any) -> dict[str, Any]:
    return unpack_details(await Details(scheduler).read(**more))


@gen_cluster(client=True)
async def test_it_tells_what_the_scheduler_knows(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    ensure_recorder(s)
    begun = time.time()
    with span("outer", "<b>"):
        first = c.submit(bytes, 10_000_000, key="made", workers=a.address)
        second = c.submit(len, first, key="used", workers=b.address)
        third = c.submit(lambda: 1 / 0, key="failed")
        await wait([second, third])
    await asyncio.gather(a.heartbeat(), b.heartbeat())
    async with rpc(s.address) as scheduler:
        said = unpack_details(await scheduler.dasklens_details(start=begun))
    assert said["dropped"] == 0
    ((receiver, sender, speed),) = said["bandwidth_workers"]["rows"]
    assert (receiver, sender) == (b.address, a.address)
    assert speed == s.bandwidth_workers[b.address, a.address]
    assert said["bandwidth_types"] == {"rows": [["bytes", s.bandwidth_types["bytes"]]], "of": 1}
    rows = said["fine_metrics"]["rows"]
    assert said["fine_metrics"]["of"] == len(rows)
    (owner,) = (each for each in s.extensions["spans"].spans.values() if each.name == ("outer", "<b>"))
    told = {tuple(row[3:6]): row[6] for row in rows if row[2] == owner.id}
    assert told == {key[1:]: value for key, value in owner._cumulative_worker_metrics.items()}
    assert {row[1] for row in rows if row[2] == owner.id} == {"outer, <b>"}
    others = {tuple(row[:6]): row[6] for row in rows if not row[2]}
    key = ("gather-dep", "network", "seconds")
    assert others["gather-dep", "", "", "", "network", "seconds"] == s.cumulative_worker_metrics[key]
    failures = [text for at, level, text in said["logs"]["workers"][b.address]["rows"] if level == "ERROR"]
    assert any("Compute Failed" in text and "failed" in text for text in failures)
    assert said["logs"]["missing"] == {}
    none = await read(s, logs=False)
    assert none["logs"] == {"scheduler": {"rows": [], "more": False}, "workers": {}, "missing": {}}
    assert metrics_since(none["fine_metrics"]["rows"], none["fine_metrics"]["rows"]) == []


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)] * 2)
async def test_who_does_not_answer_is_named(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    async def stuck(**_: Any) -> None:
        await asyncio.Event().wait()

    a.handlers["get_logs"] = stuck
    b.handlers["get_logs"] = lambda **_: b"\x80\x05no list"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details_module, "PATIENCE", 0.1)
        patch.setattr(asking, "LAST_CHANCE", 0.1)
        said = await read(s)
    assert said["logs"]["missing"].keys() == {a.address, b.address}
    assert said["logs"]["missing"][a.address] == "does not answer"
    assert said["logs"]["scheduler"]["rows"]


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_lines_that_are_none_are_counted(c: Client, s: Scheduler, a: Worker) -> None:
    late = time.time() + 100
    lines = [[late, "INFO", "x"], [late, "INFO"], ["now", "INFO", "x"], [late, 7, "x"], 5]
    more = [[late, "INFO", b"x"], [late, "WARNING" * 9, "y" * 5000], [late, "INFO", "z"]]
    a.handlers["get_logs"] = lambda **_: [*lines, *more]
    said = await read(s, start=late - 1)
    assert said["dropped"] == 5
    rows = said["logs"]["workers"][a.address]["rows"]
    assert [row[0] for row in rows] == [late] * 3
    assert rows[0][2] == "z"
    assert rows[1][1:] == [("WARNING" * 9)[:20], "y" * 2000 + "\n… (2,000 of 5,000 characters)"]
    assert said["logs"]["scheduler"]["rows"] == []


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_the_newest_lines_are_told(c: Client, s: Scheduler, a: Worker) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details_module, "MOST_LINES", 30)
        for i in range(50):
            logging.getLogger("distributed.scheduler").warning("\ud800 line %d", i)
            logging.getLogger("distributed.worker").warning("line %d", i)
        said = await read(s)
    for log in (said["logs"]["scheduler"], said["logs"]["workers"][a.address]):
        assert log["more"] is True
        assert [row[2].rpartition(" ")[2] for row in log["rows"]] == [str(i) for i in range(20, 50)]


@gen_cluster(nthreads=[])
async def test_shapes_of_strangers_are_dropped_and_counted(s: Scheduler) -> None:
    s.bandwidth_workers.update({("a", "b"): 5.0, "c": 1.0, ("a", 3): 1.0, ("a", "d"): "x", ("e", "f"): -1.0})  # type: ignore[dict-item]
    s.bandwidth_types.update({"t": float("nan"), "u": 3})
    s.cumulative_worker_metrics.update(
        {"latency": 1, ("get-data", "network", "seconds"): 2.5, ("x",): 1, ("m", ("a", "b"), "bytes"): 7}  # type: ignore[dict-item]
    )
    s.cumulative_worker_metrics["get-data", "other", "seconds"] = "much"  # type: ignore[assignment]
    said = await read(s)
    assert said["bandwidth_workers"] == {"rows": [["a", "b", 5.0]], "of": 1}
    assert said["bandwidth_types"] == {"rows": [["u", 3.0]], "of": 1}
    assert said["fine_metrics"]["rows"] == [
        ["get-data", "", "", "", "network", "seconds", 2.5],
        ["m", "", "", "", "a, b", "bytes", 7],
    ]
    assert said["dropped"] == 4 + 1 + 2


@gen_cluster(nthreads=[])
async def test_of_very_many_the_slowest_are_told(s: Scheduler) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details_module, "MOST_BANDWIDTHS", 10)
        patch.setattr(details_module, "COPIED", 50)
        crowd = Crowd(s, 12)
        names = [ws.address for ws in crowd.states]
        for i, receiver in enumerate(names):
            for j, sender in enumerate(names):
                if i != j:
                    s.bandwidth_workers[receiver, sender] = 100.0 * i + j
        said = await read(s, logs=False)
        s.workers.clear()
    assert said["bandwidth_workers"]["of"] == 132
    assert sorted(row[2] for row in said["bandwidth_workers"]["rows"]) == [float(i) for i in range(1, 11)]


@gen_cluster(nthreads=[], timeout=120)
async def test_the_loop_goes_on_whatever_there_is(s: Scheduler) -> None:
    """A thousand workers of which all speak with all, long logs, and very many metrics."""
    Crowd(s, 1000)
    talkative(s, 300)
    turns = 0

    async def watch() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    watching = asyncio.ensure_future(watch())
    await until_async(lambda: turns > 0, "the first turn")
    turns = 0
    said = await Details(s).read()
    watching.cancel()
    s.workers.clear()
    details = unpack_details(said)
    assert details["bandwidth_workers"]["of"] == 300_000
    assert details["fine_metrics"]["of"] == 20_000
    assert len(details["logs"]["workers"]) == 1000
    assert details["logs"]["scheduler"]["more"] is True
    # How long each step is, benchmarks/bench_summary.py measures; at once it would be a handful of turns.
    assert turns > 100
    assert sum(map(len, said["packed"])) < 6e6


@gen_cluster(nthreads=[])
async def test_times_that_are_none(s: Scheduler) -> None:
    for start in ("soon", float("nan"), [], True):
        with pytest.raises(ValueError, match="start should be seconds since the epoch"):
            await Details(s).read(start=start)  # type: ignore[arg-type]


@pytest.mark.parametrize("reply", [None, {}, {"v": 2}, {"v": 1, "packed": [b"\xc1"]}, {"v": 1, "packed": 3}])
def test_answers_that_are_none(reply: Any) -> None:
    with pytest.raises(ValueError, match="Expected the details of a scheduler"):
        unpack_details(reply)


def test_metrics_of_a_time() -> None:
    before = [
        ["execute", "s", "1", "inc", "thread-cpu", "seconds", 1.0],
        ["get-data", "", "", "", "x", "s", 5],
    ]
    after = [
        ["execute", "s", "1", "inc", "thread-cpu", "seconds", 3.5],
        ["get-data", "", "", "", "x", "s", 5],
        ["execute", "s", "2", "inc", "thread-cpu", "seconds", 1.0],
    ]
    assert metrics_since(before, after) == [
        ["execute", "s", "1", "inc", "thread-cpu", "seconds", 2.5],
        ["execute", "s", "2", "inc", "thread-cpu", "seconds", 1.0],
    ]

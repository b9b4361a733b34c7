"""The recorder on real schedulers: readers, back-pressure, clusters that come and go."""

from __future__ import annotations

import asyncio

import dask
import pytest
from distributed import Client, Scheduler, Worker
from distributed.core import rpc
from distributed.utils_test import gen_cluster

from dasklens.model.spans import TaskTable
from dasklens.scheduler import recorder as recorder_module
from dasklens.scheduler.recorder import ensure_recorder, log_limit


@gen_cluster(client=True)
async def test_one_recorder_under_two_clients(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    first = ensure_recorder(s)
    async with Client(s.address, asynchronous=True) as other:
        from dasklens.source.attach import attach

        one, two = await asyncio.gather(attach(c), attach(other))
    assert one["log"] == two["log"]
    assert ensure_recorder(s) is first is s.plugins["dasklens"]


@gen_cluster(client=True, config={"dasklens.record": False})
async def test_the_off_switch(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    assert ensure_recorder(s) is None
    assert "dasklens" not in s.plugins


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_readers_each_have_a_cursor_and_wait_for_news(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    async with rpc(s.address) as one, rpc(s.address) as two:
        start = await one.dasklens_cursor()
        waiting = asyncio.ensure_future(
            one.dasklens_read(cursor=start["cursor"], log=start["log"], wait=4, reader="one", names=0)
        )
        await c.submit(abs, -1, key="first")
        reply = await waiting
        assert TaskTable(reply["frames"]).keys() == ["first"]
        await c.submit(abs, -1, key="second")
        at = reply["next"]
        reply = await one.dasklens_read(
            cursor=at, names=reply["names"], log=start["log"], wait=4, reader="one"
        )
        assert reply["next"] == at + 1
        reply = await two.dasklens_read(cursor=0, until=at + 1, reader="two")
        assert TaskTable(reply["frames"]).keys()[-2:] == ["first", "second"]
        assert recorder.readers == 2
    # another log's cursor counts as nought
    async with rpc(s.address) as one:
        reply = await one.dasklens_read(cursor=10**9, names=10**9, log="of a former scheduler")
        assert reply["next"] == recorder.log.next


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_a_reader_that_vanished_is_forgotten(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    async with rpc(s.address) as one:
        await one.dasklens_read(reader="gone")
    assert recorder.readers == 1
    recorder._readers["gone"] -= 10
    assert recorder.readers == 0


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_a_burst_is_converted_in_short_batches(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    await c.submit(abs, -1, key="x")
    said = {"startstops": (), "status": "OK", "worker": a.address}
    sizes: list[int] = []
    extend = recorder.log.extend
    recorder.log.extend = lambda batch: (sizes.append(len(batch)), extend(batch))[1]  # type: ignore[method-assign]
    before = recorder.next
    for _ in range(5_000):
        recorder.transition("x", "processing", "memory", **said)
    assert recorder.next == before + 5_000
    async with rpc(s.address) as one:
        reply = await one.dasklens_read(
            cursor=before, until=before + 5_000, log=recorder.log.ident, max_bytes=1 << 30
        )
    assert reply["next"] == before + 5_000
    assert max(sizes) <= recorder_module.BATCH
    assert sum(sizes) >= 5_000
    assert recorder.log.next == before + 5_000


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_a_worker_that_dies_leaves_a_record(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    s.allowed_failures = 0
    before = recorder.next
    future = c.submit(asyncio.sleep, 100, key="doomed")
    while s.tasks.get("doomed") is None or s.tasks["doomed"].state != "processing":
        await asyncio.sleep(0.01)
    await s.remove_worker(a.address, stimulus_id="test", close=False, expected=False)
    with pytest.raises(Exception, match="doomed"):
        await future
    async with rpc(s.address) as one:
        reply = await one.dasklens_read(cursor=before, until=recorder.next, log=recorder.log.ident)
    (record,) = TaskTable(reply["frames"]).records()
    assert record["status"] == "error"
    assert record["startstops"] == []
    assert "KilledWorker" in record["exception_text"]


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_a_drain_that_fails_leaves_nothing_pending(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    extend = recorder.log.extend

    def fail(records: object) -> None:
        recorder.log.extend = extend  # type: ignore[method-assign]
        raise OSError("once")

    recorder.log.extend = fail  # type: ignore[method-assign]
    await c.submit(abs, -1, key="lost")
    while not failures:
        await asyncio.sleep(0.01)
    await c.submit(abs, -2, key="kept")
    reply = await recorder.read(log=recorder.log.ident, until=recorder.next)
    assert TaskTable(reply["frames"]).keys() == ["kept"]


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_no_question_holds_the_recorder(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    await c.submit(abs, -1, key="one")
    log = recorder.log.ident
    # The future is not waited for, a wait that is no number is none, nobody can be beyond the end.
    for question in (
        {"cursor": 0, "until": 10**12},
        {"cursor": 0, "wait": float("nan")},
        {"cursor": 2**53, "names": 2**60, "wait": 4},
        {"cursor": -5},
    ):
        reply = await asyncio.wait_for(recorder.read(log=log, **question), 3)  # type: ignore[arg-type]
        assert TaskTable(reply["frames"]).keys() == ["one"], question
        assert (reply["next"], reply["missed"]) == (1, 0), question
    for i in range(recorder_module.MOST_READERS + 5):
        await recorder.read(log=log, reader=f"reader {i}")
    await recorder.read(log=log, reader="x" * 65)
    assert recorder.readers == recorder_module.MOST_READERS


def test_limit_from_the_configuration() -> None:
    assert 0 < log_limit() <= 256 * 2**20
    with dask.config.set({"dasklens.log.limit": "3 MiB"}):
        assert log_limit() == 3 * 2**20
    with dask.config.set({"dasklens.log.limit": "much"}):
        with pytest.raises(ValueError, match=r"dasklens\.log\.limit should be a number of bytes"):
            log_limit()

"""The sampler: what its streams hold, who pays for it, and readers that come, pause and go."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import dask
import pytest
from crowd import GIB, Crowd, bare_scheduler
from distributed import Client, Nanny, Scheduler, Worker
from distributed.core import Status, rpc
from distributed.utils_test import gen_cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import until_async

from dasklens.model.samples import CountsOverTime, WorkersNow, column
from dasklens.scheduler import counts as counts_module
from dasklens.scheduler import sampler as sampler_module
from dasklens.scheduler import workertable as workertable_module
from dasklens.scheduler.columns import number, text, whole
from dasklens.scheduler.counts import QUANTILES, STATES, CountsLog, quantiles, thresholds
from dasklens.scheduler.recorder import ensure_recorder
from dasklens.scheduler.sampler import Sampler, sample_interval
from dasklens.scheduler.workertable import WorkerTable
from dasklens.wire.frames import FrameError, unpack_frame

SECOND = {"dasklens.sample.interval": "200ms"}


class Reader:
    """Reads one stream, as a view would."""

    def __init__(self, stream: str):
        self.stream = stream
        self.seen: Any = WorkersNow() if stream == "workers" else CountsOverTime()
        self.names, self.bytes = 0, []

    def take(self, reply: dict[str, Any]) -> None:
        for data in reply["frames"]:
            assert self.seen.append(data)
            self.bytes.append(len(data))
        self.names = reply["names"]

    async def read(self, read: Any, **more: Any) -> None:
        place = {"cursor": self.seen.next, "names": self.names, "log": self.seen.log}
        self.take(await read(stream=self.stream, **place, **more))


def sample(scheduler: Any, table: WorkerTable, counts: CountsLog | None = None) -> int:
    """Take a sample at once; into how many pieces it may be cut."""

    def work() -> Any:
        totals = yield from table.sample(scheduler)
        if counts is not None:
            yield from counts.sample(scheduler, totals)

    return sum(1 for _ in work())


def by_address(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["address"]: row for row in rows}


# --- on real clusters -------------------------------------------------------------------------------


@gen_cluster(client=True, config=SECOND)
async def test_what_it_says_is_what_the_scheduler_says(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    futures = c.map(lambda i: bytes(10_000), range(40), pure=False, key="made")
    failed = c.submit(lambda: 1 / 0, key="failed")
    await c.gather(futures)
    with pytest.raises(ZeroDivisionError):
        await failed
    await asyncio.gather(a.heartbeat(), b.heartbeat())
    workers, counts = Reader("workers"), Reader("counts")
    async with rpc(s.address) as scheduler:
        for reader in (workers, counts):
            await reader.read(scheduler.dasklens_read, wait=4)
    rows = by_address(workers.seen.rows)
    assert rows.keys() == s.workers.keys()
    for address, ws in s.workers.items():
        row = rows[address]
        memory = ws.memory
        assert (row["name"], row["threads"], row["status"]) == (str(ws.name), ws.nthreads, "running")
        assert row["limit"] == ws.memory_limit
        assert row["process"] == pytest.approx(memory.process, rel=1e-6)
        assert row["managed"] == pytest.approx(memory.managed, rel=1e-6)
        assert row["unmanaged"] == pytest.approx(memory.unmanaged_old, rel=1e-6, abs=1024)
        assert row["recent"] == pytest.approx(memory.unmanaged_recent, rel=1e-6, abs=1024)
        assert row["cpu"] == pytest.approx(ws.metrics["cpu"], rel=1e-6)
        assert row["last_seen"] == pytest.approx(ws.last_seen, abs=1e-3)
        assert row["processing"] == 0
    columns = {name: values[-1] for name, values in counts.seen.columns.items()}
    total = s.memory
    assert (columns["workers"], columns["running"], columns["threads"]) == (2, 2, s.total_nthreads)
    assert columns["limit"] == sum(ws.memory_limit for ws in s.workers.values())
    assert columns["process"] == pytest.approx(total.process, rel=1e-6)
    assert columns["managed"] == pytest.approx(total.managed, rel=1e-6)
    assert columns["spilled"] == total.spilled
    assert columns["tasks_memory"] == 40
    assert columns["tasks_erred"] == 1
    assert counts.seen.prefixes["made"]["memory"] == 40
    assert counts.seen.prefixes["failed"]["erred"] == 1
    assert [columns[name] for name in ("target", "spill", "pause")] == pytest.approx(
        thresholds(), nan_ok=True
    )


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config=SECOND)
async def test_nothing_is_sampled_unless_somebody_reads(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    sampler = recorder.sampler
    async with rpc(s.address) as scheduler:
        await scheduler.dasklens_read(stream="tasks", wait=0.1)
        await c.submit(abs, -1)
        assert (sampler.n_samples, sampler.running) == (0, False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sampler_module, "IDLE", 0.05)
            reader = Reader("workers")
            await reader.read(scheduler.dasklens_read, wait=1)
            assert sampler.n_samples == 1
            await reader.read(scheduler.dasklens_read, wait=1)
            await until_async(lambda: not sampler.running, "the sampler to stop")
            n = sampler.n_samples
            # What lies here from then is no answer for who comes now.
            await asyncio.sleep(0.5)
            assert sampler.n_samples == n
            fresh = Reader("counts")
            await fresh.read(scheduler.dasklens_read)
            assert sampler.n_samples == n + 1
            assert len(fresh.seen.columns["time"]) == n + 1


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config=SECOND)
async def test_one_sample_is_hurried_but_not_two(
    c: Client, s: Scheduler, a: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever ends a recording waits for it; the scheduler has the rest of both afterwards.
    recorder = ensure_recorder(s)
    assert recorder is not None
    sampler = recorder.sampler
    monkeypatch.setattr(sampler_module, "SHORTEST", 1000.0)
    monkeypatch.setattr(sampler, "_interval", 1000.0)
    for n, wait in ((1, 4), (2, 4), (2, 0.1), (2, 0.1)):
        await recorder.read(stream="counts", wait=wait, fresh=True)
        assert sampler.n_samples == n
    monkeypatch.setattr(sampler_module, "SHORTEST", 0.0)
    await recorder.read(stream="counts", wait=4, fresh=True)
    assert sampler.n_samples == 3


@gen_cluster(client=True, config=SECOND)
async def test_readers_share_samples_and_wait_for_them(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    readers = [Reader(stream) for stream in ("workers", "counts", "workers")]
    async with rpc(s.address) as scheduler:
        for _ in range(4):
            await asyncio.gather(
                *(
                    reader.read(scheduler.dasklens_read, wait=4, reader=str(i))
                    for i, reader in enumerate(readers)
                )
            )
    assert {reader.seen.next for reader in readers} <= {
        recorder.sampler.n_samples,
        recorder.sampler.n_samples - 1,
    }
    assert recorder.sampler.n_samples <= 5
    assert recorder.readers == 3
    times = readers[1].seen.columns["time"]
    assert all(0.15 < later - earlier < 2 for earlier, later in pairwise(times))


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], Worker=Nanny, config=SECOND)
async def test_a_worker_that_dies_leaves_and_its_successor_comes(c: Client, s: Scheduler, a: Nanny) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    reader = Reader("workers")
    await reader.read(recorder.read, wait=4)
    (before,) = reader.seen.rows
    assert a.process is not None
    await a.kill()
    await until_async(lambda: not s.workers, "the scheduler to notice")
    await reader.read(recorder.read, wait=4)
    assert reader.seen.rows == []
    await a.instantiate()
    await until_async(lambda: bool(s.workers), "the new worker", 30)
    while not reader.seen.rows:
        await reader.read(recorder.read, wait=4)
    (after,) = reader.seen.rows
    assert after["address"] in s.workers
    assert (after["name"], before["status"]) == (before["name"], "running")


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config=SECOND)
async def test_a_paused_worker_says_so(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    reader = Reader("workers")
    a.status = Status.paused
    await until_async(lambda: s.workers[a.address].status is Status.paused, "the scheduler to hear of it")
    await reader.read(recorder.read, wait=4)
    assert [row["status"] for row in reader.seen.rows] == ["paused"]


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config=SECOND)
async def test_questions_that_cannot_be(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    with pytest.raises(ValueError, match="one of tasks, counts, workers, groups, system; got 'all'"):
        await recorder.read(stream="all")
    log = recorder.log.ident
    for place in ({"cursor": 10**12}, {"cursor": -1}, {"log": "another"}, {"wait": float("nan")}):
        for stream in ("workers", "counts"):
            reader = Reader(stream)
            reader.take(await recorder.read(stream=stream, **{"log": log, **place}))  # type: ignore[arg-type]
            assert reader.seen.next >= 1, (stream, place)


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config=SECOND)
async def test_every_stream_is_offered_to_every_carrier(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    sampled = {"counts", "workers", "groups", "system", "profile"}
    assert recorder.streams.keys() == {"tasks", *sampled, *recorder.answers.streams}
    for stream in sorted(sampled):
        # As the scheduler's own HTTP server calls it.
        reply = await recorder.streams[stream](
            cursor=0, names=0, log="", until=None, wait=4, max_bytes=1 << 20
        )
        assert {unpack_frame(data).stream for data in reply["frames"]} == {stream}


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config={"dasklens.sample.interval": "1h"})
async def test_who_waits_is_let_go_when_the_scheduler_closes(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    reader = Reader("workers")
    await reader.read(recorder.read, wait=1)
    waiting = asyncio.ensure_future(reader.read(recorder.read, wait=4))
    await asyncio.sleep(0)
    await recorder.close()
    await asyncio.wait_for(waiting, 1)
    assert not recorder.sampler.running


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], config=SECOND)
async def test_a_sample_that_fails_is_not_the_last(c: Client, s: Scheduler, a: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    real = recorder.sampler.workers.sample

    def broken(scheduler: Any) -> Any:
        recorder.sampler.workers.sample = real  # type: ignore[method-assign]
        raise OSError("once")
        yield

    recorder.sampler.workers.sample = broken  # type: ignore[method-assign]
    reader = Reader("workers")
    await reader.read(recorder.read, wait=4)
    await reader.read(recorder.read, wait=4)
    assert [row["address"] for row in reader.seen.rows] == [a.address]


# --- a thousand workers -----------------------------------------------------------------------------


@gen_cluster(nthreads=[], config=SECOND)
async def test_a_thousand_workers_cost_little(s: Scheduler) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    crowd = Crowd(s, 1000)
    readers = [Reader("workers"), Reader("counts")]
    try:
        for _ in range(6):
            crowd.second()
            for reader in readers:
                await reader.read(recorder.read, wait=4)
    finally:
        s.workers.clear()
    # What it costs the scheduler, benchmarks/bench_sampler.py measures.
    assert sum(sum(reader.bytes[1:]) for reader in readers) / 5 < 50_000
    assert len(readers[0].seen.rows) == 1000
    assert readers[1].seen.columns["workers"][-1] == 1000


def test_a_sample_is_cut_into_pieces() -> None:
    scheduler = bare_scheduler()
    Crowd(scheduler, 500)
    states = dict.fromkeys(STATES, 1)
    scheduler.task_prefixes = {f"p-{i}": SimpleNamespace(states=states) for i in range(1000)}
    pieces = sample(scheduler, WorkerTable("x"), CountsLog("x"))
    assert pieces >= 500 // workertable_module.BATCH + 1000 // counts_module.BATCH


async def test_the_loop_goes_on_during_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = bare_scheduler()
    Crowd(scheduler, 500)
    monkeypatch.setattr(sampler_module, "STEP", 0)
    sampler = Sampler(scheduler, "x")
    steps: list[int] = []
    step = sampler._step

    def counted() -> None:
        steps.append(1)
        step()

    monkeypatch.setattr(sampler, "_step", counted)
    reader = Reader("workers")
    await reader.read(sampler.read, wait=4)
    assert len(steps) > 10
    assert len(reader.seen.rows) == 500
    sampler.close()


# --- whatever comes ---------------------------------------------------------------------------------

ACTS = ("come", "leave", "beat", "load", "pause", "again", "sample", "sample", "read", "read late")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)), max_size=60))
def test_who_resumes_has_what_a_newcomer_gets(acts: list[tuple[str, int]]) -> None:
    scheduler = bare_scheduler()
    crowd = Crowd(scheduler, 2)
    table = WorkerTable("x")
    steady, late = Reader("workers"), Reader("workers")
    ports = iter(range(1000, 9000))
    table.most_left = 2
    known, workertable_module.MOST_NAMES = workertable_module.MOST_NAMES, 6
    try:
        for act, which in [*acts, ("sample", 0), ("read", 0), ("read late", 0)]:
            states = crowd.states
            ws = states[which % len(states)] if states else None
            if act == "come":
                crowd.add(f"tcp://new:{next(ports)}", which)
            elif act == "sample":
                sample(scheduler, table)
            elif act.startswith("read"):
                reader = steady if act == "read" else late
                same = reader.seen.log == table.ident
                place = (reader.seen.next, reader.names) if same else (0, 0)
                reader.take(table.frames(*place))
                newcomer = Reader("workers")
                newcomer.take(table.frames(0))
                assert by_address(reader.seen.rows) == by_address(newcomer.seen.rows)
            elif ws is None:
                continue
            elif act == "leave":
                crowd.remove(ws)
            elif act == "beat":
                crowd.beat(ws)
            elif act == "load":
                ws.processing = set(range(which * 100))  # type: ignore[assignment]
            elif act == "pause":
                ws.status = Status.paused if ws.status is Status.running else Status.running
            elif act == "again":
                # A worker that was started anew at the same address.
                crowd.remove(ws)
                crowd.add(ws.address, f"again-{which}", memory_limit=GIB)
    finally:
        workertable_module.MOST_NAMES = known
    assert steady.seen.next == table.next
    assert {row["address"] for row in steady.seen.rows} == set(scheduler.workers)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from(STATES), st.integers(0, 2**33))), max_size=40
    ),
    st.sets(st.integers(0, 40)),
)
def test_counts_in_pieces_are_those_of_one_read(
    changes: list[list[tuple[int, str, int]]], cuts: set[int]
) -> None:
    scheduler = bare_scheduler()
    log, table = CountsLog("x"), WorkerTable("x")
    reader = Reader("counts")
    for i, each in enumerate(changes):
        for prefix, state, n in each:
            states = scheduler.task_prefixes.setdefault(
                f"p{prefix}", SimpleNamespace(states=dict.fromkeys(STATES, 0))
            ).states
            states[state] = n
        sample(scheduler, table, log)
        if i in cuts:
            reader.take(log.frames(reader.seen.next, reader.names))
    reader.take(log.frames(reader.seen.next, reader.names))
    newcomer = Reader("counts")
    newcomer.take(log.frames(0))
    assert str(reader.seen.columns) == str(newcomer.seen.columns)
    assert reader.seen.prefixes == newcomer.seen.prefixes
    totals = reader.seen.columns.get("tasks_memory", [0])[-1]
    assert totals == min(
        0xFFFFFFFF, sum(min(each["memory"], 0xFFFFFFFF) for each in reader.seen.prefixes.values())
    )


def test_who_was_away_while_very_many_left_has_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkerTable, "most_left", 3)
    scheduler = bare_scheduler()
    crowd = Crowd(scheduler, 10)
    table = WorkerTable("x")
    sample(scheduler, table)
    reader = Reader("workers")
    reader.take(table.frames(0))
    for _ in range(3):
        crowd.remove(crowd.states[0])
        crowd.remove(crowd.states[0])
        sample(scheduler, table)
    reader.take(table.frames(reader.seen.next, reader.names))
    assert {row["address"] for row in reader.seen.rows} == set(scheduler.workers)
    # As long as they are told one by one, only what changed is sent.
    crowd.remove(crowd.states[0])
    sample(scheduler, table)
    (data,) = table.frames(reader.seen.next, reader.names)["frames"]
    assert unpack_frame(data).first == reader.seen.next
    assert column(unpack_frame(data), "left").size == 1
    assert column(unpack_frame(data), "worker").size == 0


def test_a_long_history_lets_go_of_its_oldest_and_says_so() -> None:
    scheduler = bare_scheduler()
    log, table = CountsLog("x", limit=300 * counts_module.RECORD_BYTES), WorkerTable("x")
    reader = Reader("counts")
    for i in range(1000):
        sample(scheduler, table, log)
        if i == 9:
            reader.take(log.frames(0))
    assert log.nbytes <= 600 * counts_module.RECORD_BYTES
    assert log.first > 0
    reply = log.frames(reader.seen.next, reader.names)
    assert reply["missed"] == log.first - 10
    reader.take(reply)
    assert reader.seen.missed == log.first - 10
    assert len(reader.seen.columns["time"]) == 10 + log.next - log.first
    assert reader.seen.columns["time"] == sorted(reader.seen.columns["time"])


HOSTILE = "<img src=x onerror=alert(1)>"


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no name")


@pytest.mark.parametrize("name", [HOSTILE, "\ud800", "a" * 100_000, ("t", 1), None, Unspeakable()])
def test_any_name_is_a_name(name: Any) -> None:
    scheduler = bare_scheduler()
    Crowd(scheduler, 0).add("tcp://x:1", name)
    table = WorkerTable("x")
    sample(scheduler, table)
    reader = Reader("workers")
    reader.take(table.frames(0))
    (row,) = reader.seen.rows
    assert isinstance(row["name"], str)
    assert len(row["name"]) < 11_000


@pytest.mark.parametrize(
    "said",
    [
        {"cpu": float("nan")},
        {"memory": -1},
        {"memory": 10**40},
        {"memory": "much"},
        {"task_counts": None},
        {"spilled_bytes": {}},
        {"host_net_io": None, "host_disk_io": {"read_bps": [1]}},
    ],
)
def test_any_metrics_leave_a_worker_a_worker(said: dict[str, Any]) -> None:
    scheduler = bare_scheduler()
    crowd = Crowd(scheduler, 1)
    crowd.beat(crowd.states[0], memory=1000)
    crowd.states[0].nbytes = 0
    crowd.states[0].metrics.update(said)
    table, counts = WorkerTable("x"), CountsLog("x")
    sample(scheduler, table, counts)
    reader, totals = Reader("workers"), Reader("counts")
    reader.take(table.frames(0))
    totals.take(counts.frames(0))
    (row,) = reader.seen.rows
    assert all(value >= 0 for value in row.values() if isinstance(value, float))
    assert row["managed"] + row["unmanaged"] + row["recent"] == pytest.approx(row["process"])
    assert totals.seen.columns["workers"] == [1]


def test_numbers_of_strangers() -> None:
    assert [number(x) for x in (1, 2.5, True, -1, float("nan"), "3", None, [], float("inf"))] == [
        1.0, 2.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3e38,
    ]  # fmt: skip
    assert text(Unspeakable()) == "(Unspeakable)"
    assert [whole(values)[0] for values in ([], [255], [256], [65536], [2**40])] == [
        "u1",
        "u1",
        "u2",
        "u4",
        "u4",
    ]


@given(st.lists(st.floats(0, 1e12), max_size=50))
def test_quantiles_are_values_that_were_there(values: list[float]) -> None:
    found = quantiles(values)
    assert len(found) == len(QUANTILES)
    if values:
        assert found == sorted(found)
        assert set(found) <= set(values)
        assert (found[0], found[-1]) == (min(values), max(values))


def test_frames_of_another_stream_are_refused() -> None:
    scheduler = bare_scheduler()
    table, counts = WorkerTable("x"), CountsLog("x")
    sample(scheduler, table, counts)
    (workers,), (totals,) = table.frames(0)["frames"], counts.frames(0)["frames"]
    with pytest.raises(FrameError, match="'counts', got one of 'workers'"):
        CountsOverTime().append(workers)
    with pytest.raises(FrameError, match="'workers', got one of 'counts'"):
        WorkersNow().append(totals)
    assert column(unpack_frame(workers), "worker").size == 0


def test_what_is_missing_is_noticed() -> None:
    scheduler = bare_scheduler()
    Crowd(scheduler, 1)
    table, counts = WorkerTable("x"), CountsLog("x")
    sample(scheduler, table, counts)
    sample(scheduler, table, counts)
    for stream, seen in ((table, WorkersNow()), (counts, CountsOverTime())):
        (later,) = stream.frames(1)["frames"]
        assert seen.append(later) is False
        assert seen.next == 0


def test_interval_from_the_configuration() -> None:
    assert sample_interval() == 1
    for setting, wanted in (("500ms", 0.5), (2, 2), ("1ms", sampler_module.SHORTEST)):
        with dask.config.set({"dasklens.sample.interval": setting}):
            assert sample_interval() == wanted
    for wrong in ("often", -1, None):
        with dask.config.set({"dasklens.sample.interval": wrong}):
            with pytest.raises(ValueError, match=r"dasklens\.sample\.interval should be a time"):
                sample_interval()

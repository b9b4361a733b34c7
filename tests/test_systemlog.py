"""The stream `system`: what it says of the scheduler and the hosts, what it costs, and who asks for it."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from crowd import Crowd, bare_scheduler
from distributed import Client, Scheduler, Worker
from distributed.core import rpc
from distributed.utils_test import gen_cluster

from dasklens.model.samples import SystemOverTime
from dasklens.scheduler import sampler as sampler_module
from dasklens.scheduler.recorder import ensure_recorder
from dasklens.scheduler.sampler import Sampler
from dasklens.scheduler.systemlog import BATCH, SystemLog
from dasklens.scheduler.workertable import WorkerTable, host_of

SECOND = {"dasklens.sample.interval": "200ms"}


def sample(scheduler: Any, table: WorkerTable, system: SystemLog, lag: float = 0.0) -> int:
    list(table.sample(scheduler))
    return sum(1 for _ in system.sample(scheduler, table, 1000.0 + system.next, lag))


def columns(system: SystemLog) -> dict[str, list[float]]:
    seen = SystemOverTime()
    assert all(seen.append(data) for data in system.frames(0)["frames"])
    return seen.columns


@gen_cluster(client=True, config=SECOND)
async def test_it_says_what_the_scheduler_measured_of_itself(
    c: Client, s: Scheduler, a: Worker, b: Worker
) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    await asyncio.gather(a.heartbeat(), b.heartbeat())
    seen = SystemOverTime()
    async with rpc(s.address) as scheduler:
        await scheduler.dasklens_read(stream="counts", wait=2)
        assert recorder.sampler.system.next == 0, "nobody asked for it"
        for _ in range(3):
            place = {"cursor": seen.next, "log": seen.log, "wait": 2}
            for data in (await scheduler.dasklens_read(stream="system", **place))["frames"]:
                assert seen.append(data)
    last = {name: values[-1] for name, values in seen.columns.items()}
    assert last["cpu"] in s.monitor.quantities["cpu"]
    assert last["memory"] in s.monitor.quantities["memory"]
    assert 0.005 < last["tick"] < 1
    assert 0 <= last["lag"] < 5
    # Both workers are on this host: its traffic counts once.
    read = [ws.metrics["host_net_io"]["read_bps"] for ws in s.workers.values()]
    assert min(read) <= last["net_read"] <= max(read)
    assert last["worker_tick"] >= min(ws.metrics["event_loop_interval"] for ws in s.workers.values()) * 0.99
    assert last["spilled"] == 0


async def test_a_loop_that_was_held_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = bare_scheduler()
    sampler = Sampler(scheduler, "x")
    sampler._interval = 0.2
    now = sampler_module.monotonic
    seen = SystemOverTime()
    ahead = 0.0
    monkeypatch.setattr(sampler_module, "monotonic", lambda: now() + ahead)
    for ahead in (0.0, 0.5):  # noqa: B007 -- the clock reads it
        reply = await sampler.read("system", cursor=seen.next, log=seen.log, wait=2)
        assert all(seen.append(data) for data in reply["frames"])
    sampler.close()
    first, second = seen.columns["lag"]
    assert math.isnan(first), "no timer went before it"
    assert 0.4 < second < 0.6


def test_traffic_of_a_host_counts_once() -> None:
    scheduler = bare_scheduler()
    crowd = Crowd(scheduler, 0)
    for address, read in (("tcp://1.2.3.4:1", 10.0), ("tcp://1.2.3.4:2", 20.0), ("tls://[::1]:3", 100.0)):
        io = {"read_bps": read, "write_bps": 2 * read}
        crowd.beat(crowd.add(address, address), host_net_io=io, host_disk_io=None, event_loop_interval=read)
    system = SystemLog("x")
    sample(scheduler, WorkerTable("x"), system)
    found = columns(system)
    assert (found["net_read"], found["net_write"], found["disk_read"]) == ([115], [230], [0])
    assert found["worker_tick"] == [100]
    assert math.isnan(found["gil"][0])
    assert [host_of(x) for x in ("tcp://1.2.3.4:5", "tls://[::1]:3", "x://")] == ["1.2.3.4", "::1", "x://"]


@pytest.mark.parametrize("said", [{"event_loop_interval": "soon", "gil_contention": []}, {"host_net_io": 7}])
def test_any_metrics_are_borne(said: dict[str, Any]) -> None:
    scheduler = bare_scheduler()
    crowd = Crowd(scheduler, 2)
    crowd.beat(crowd.states[0], **said)
    crowd.states[1].metrics = None  # type: ignore[assignment]
    system = SystemLog("x")
    sample(scheduler, WorkerTable("x"), system)
    assert columns(system)["time"] == [1000]


def test_it_is_cut_into_pieces_and_bounded() -> None:
    scheduler = bare_scheduler()
    Crowd(scheduler, 500)
    table, system = WorkerTable("x"), SystemLog("x", limit=50_000)
    assert sample(scheduler, table, system) >= 500 // BATCH
    scheduler.workers.clear()
    for _ in range(1500):
        sample(scheduler, table, system)
    reply = system.frames(0)
    assert 0 < reply["missed"] < reply["next"]
    seen = SystemOverTime()
    assert seen.append(reply["frames"][0])
    assert seen.missed == reply["missed"]
    assert len(seen.columns["time"]) == reply["next"] - reply["missed"]
    assert seen.columns["time"][-1] == 1000.0 + system.next - 1


@gen_cluster(nthreads=[], config=SECOND)
async def test_a_thousand_workers_are_followed(s: Scheduler) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    crowd = Crowd(s, 1000)
    seen = SystemOverTime()
    try:
        for _ in range(6):
            crowd.second()
            place = {"cursor": seen.next, "log": seen.log, "wait": 4}
            for data in (await recorder.read(stream="system", **place))["frames"]:
                assert seen.append(data)
    finally:
        s.workers.clear()
    assert seen.next >= 5
    assert len(seen.columns["net_read"]) == seen.next
    assert min(seen.columns["net_read"]) > 0

"""What is recorded of a block is all of it, whatever becomes of block, log and scheduler."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import distributed
import numpy as np
import pytest
from conftest import NO_DASHBOARD
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.utils_test import gen_cluster
from ports import free_port
from waiting import until

import dasklens
from dasklens import Report, get_task_stream, load_report, performance_report
from dasklens.scheduler import recorder as recorder_module
from dasklens.scheduler.recorder import Recorder
from dasklens.scheduler.sampler import SHORTEST
from dasklens.source import recording as recording_module
from dasklens.wire import pace
from dasklens.wire.frames import pack_frame


class Counting(SchedulerPlugin):
    """Counts what finishes, on its own."""

    name = "counting"

    def __init__(self) -> None:
        self.keys: list[Any] = []

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        if start == "processing" and finish in ("memory", "erred"):
            self.keys.append(key)


@pytest.fixture
def counting(client: Client, cluster: Any, recorder: Recorder) -> Counting:
    plugin = Counting()

    async def add() -> None:
        cluster.scheduler.add_plugin(plugin)

    client.sync(add)
    return plugin


def fail(message: str) -> None:
    raise ValueError(message)


def test_every_task_is_there(client: Client, counting: Counting) -> None:
    client.submit(abs, -1, key="before").result()
    counting.keys.clear()
    with performance_report(None) as report:
        client.gather(client.map(lambda i: i, range(3000)))
        da.random.random((300, 300), chunks=30).sum().compute()
        distributed.wait(client.submit(fail, "no", key="bad"))
        counted = list(counting.keys)
    client.submit(abs, -1, key="after").result()
    assert sorted(map(str, counted)) == sorted(str(record["key"]) for record in report.data)
    assert len(counted) == len(report) > 3100
    assert report.missed == 0
    assert report.ended_early == ""
    assert report.exception is None


def test_data_are_those_of_get_task_stream(client: Client) -> None:
    with performance_report(None) as report, get_task_stream(client) as ts:
        da.random.random((200, 200), chunks=50).sum(axis=0).compute()
        distributed.wait(client.submit(fail, "no"))
    assert report.data == ts.data
    assert report.to_pandas().equals(ts.to_pandas())
    again = load_report(report.to_json())
    assert again.data == ts.data
    assert again.to_pandas().equals(ts.to_pandas())


def test_what_runs_on_after_the_block_is_not_in_it(client: Client) -> None:
    stop = threading.Event()

    def keep_busy() -> None:
        i = 0
        while not stop.is_set():
            client.gather([client.submit(abs, -i - k, pure=False) for k in range(20)])
            i += 20

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        with performance_report(None) as report:
            client.submit(abs, -1, key="here").result()
        ended = time.time()
        until(lambda: time.time() > ended + 0.05, "a moment")
    finally:
        stop.set()
        busy.join()
    assert report.data
    # Same process, same clock.
    assert max(span["stop"] for record in report.data for span in record["startstops"]) <= ended


def test_the_exception_of_the_block_is_kept_and_goes_on_up(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with pytest.raises(ZeroDivisionError), performance_report(path):
        _run_and_fail(client)
    report = load_report(path)
    assert [record["key"] for record in report.data] == ["one"]
    assert report.exception is not None
    assert report.exception["type"] == "ZeroDivisionError"
    assert report.exception["text"] == "division by zero"
    assert "1 / 0" in report.exception["traceback"]


def _run_and_fail(client: Client) -> None:
    client.submit(abs, -1, key="one").result()
    1 / 0


def test_a_full_log_is_counted(client: Client, recorder: Recorder, monkeypatch: Any) -> None:
    recorder.log.limit = 40_000
    payload = "x" * 2_000
    report = Report.start(client)
    # Nobody reads meanwhile.
    report._recording.pause()
    until(lambda: report._recording._scheduler is None, "the reading to end")
    client.gather([client.submit(abs, -i, key=f"{i}{payload}") for i in range(100)])
    report.stop()
    assert report.missed > 0
    assert report.missed + len(report.data) == 100
    assert load_report(report.to_json()).missed == report.missed


def test_a_scheduler_that_dies_leaves_what_came(mortal: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = mortal
    with Client(address) as client:
        with performance_report(None, client=client) as report:
            client.gather(client.map(abs, range(500)))
            recording = report._recording
            until(lambda: recording.kept["tasks"].records == 500, "all tasks to be read")
            died = time.time()
            process.kill()
            process.wait()
        assert len(report.data) == 500
        assert "the scheduler could not be read any more" in report.ended_early
        assert "Recording ended at 20" in report.ended_early
        assert "<" not in report.ended_early
        assert report.summary()["figures"]["tasks"] == 500
        assert report.start_time < died <= report.stop_time
        again = load_report(report.to_json())
        assert again.ended_early == report.ended_early
        assert "it could not be asked" in again.tables["fine_metrics"]["empty"]
        assert "it could not be asked" in again.logs["empty"]


def test_a_client_that_is_closed_inside_the_block_costs_nothing(cluster: Any) -> None:
    client = Client(cluster)
    with performance_report(None, client=client) as report:
        client.submit(abs, -1, key="here").result()
        client.close()
    assert [record["key"] for record in report.data] == ["here"]


def test_a_cluster_that_is_closed_inside_the_block_leaves_what_came() -> None:
    with LocalCluster(
        n_workers=1, processes=False, protocol="tcp://", host="127.0.0.1", **NO_DASHBOARD
    ) as cluster:
        with Client(cluster) as client:
            with performance_report(None, client=client) as report:
                client.gather(client.map(abs, range(50)))
                recording = report._recording
                until(lambda: recording.kept["tasks"].records == 50, "all tasks to be read")
                client.close()
                cluster.close()
    assert len(report.data) == 50
    assert "could not be read any more" in report.ended_early


def test_a_scheduler_that_must_not_record_is_refused_before_the_block() -> None:
    with dask.config.set({"dasklens.record": False}):
        with Client(n_workers=0, processes=False, **NO_DASHBOARD) as client:
            with pytest.raises(RuntimeError, match=r"dasklens\.record to true"):
                with performance_report(None, client=client):
                    pytest.fail("the block ran")


SCHEDULER = """
import asyncio, sys
from distributed import Scheduler, Worker

async def main(port):
    async with Scheduler(host="127.0.0.1", port=port, dashboard=False, dashboard_address=":0") as scheduler:
        async with Worker(scheduler.address, nthreads=1):
            print(scheduler.address, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(main(int(sys.argv[1])))
"""


def _scheduler(port: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCHEDULER, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_scheduler_that_is_started_anew_goes_on_in_the_same_log() -> None:
    port = free_port()
    first = _scheduler(port)
    second = None
    try:
        with Client(f"tcp://127.0.0.1:{port}") as client:
            with performance_report(None, client=client) as report:
                client.gather(client.map(abs, range(100)))
                recording = report._recording
                until(lambda: recording.kept["tasks"].records == 100, "all tasks to be read")
                first.kill()
                first.wait()
                until(lambda: recording._phase == "lost", "the loss to be noticed")
                second = _scheduler(port)
                until(lambda: client.status == "running", "the client to come back", 30)
                client.gather([client.submit(str, i, key=f"later-{i}") for i in range(50)])
            prefixes = [record["prefix"] for record in report.data]
            assert prefixes.count("abs") == 100
            assert prefixes.count("later") == 50
            assert "was started anew at" in report.ended_early
            document = report._document
            for stream in ("tasks", "counts"):
                frames = [dasklens.wire.frames.unpack_frame(f) for f in document.frames(stream)]
                assert len({frame.log for frame in frames}) == 1
                assert frames[0].first == 0
                for before, after in pairwise(frames):
                    assert after.first - after.missed == before.next
            assert load_report(report.to_json()).data == report.data
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    assert pipe is not None
                    pipe.close()


# The thread that reads stays, for whoever reads next.
@gen_cluster(client=True, nthreads=[("127.0.0.1", 1), ("127.0.0.1", 1)], clean_kwargs={"threads": False})
async def test_asynchronous_clients(c: Client, s: Any, a: Any, b: Any) -> None:
    async with performance_report(None, client=c) as report:
        await c.gather(c.map(lambda i: i, range(30)))
    assert len(report.data) == 30
    assert report.code is not None
    assert (
        "async with performance_report(None, client=c)"
        in report.code["text"].splitlines()[report.code["line"] - 1]
    )
    with pytest.raises(ValueError, match="async with dasklens"), performance_report(None, client=c):
        pass
    report = await Report.start(c)
    await c.submit(abs, -1, key="one")
    assert repr(report) == "<Report: recording>"
    stopped = await report.stop()
    assert stopped is report
    assert [record["key"] for record in report.data] == ["one"]
    with pytest.raises(ZeroDivisionError):
        async with performance_report(None, client=c) as report:
            1 / 0
    assert report.exception["type"] == "ZeroDivisionError"


def test_a_report_that_nobody_keeps_is_recorded_no_more(client: Client, recorder: Recorder) -> None:
    report = Report.start(client)
    recording = report._recording
    until(lambda: recording._live, "the recording to begin")
    del report
    until(lambda: recording._closed, "the recording to be closed")


def test_nothing_is_read_any_more_after_the_end(client: Client, recorder: Recorder) -> None:
    before = recorder.readers
    with performance_report(None) as report:
        until(lambda: recorder.readers > before, "somebody to read")
    recorded = len(report)
    client.submit(abs, -1, key="after").result()
    assert report._recording._scheduler is None
    assert len(report.data) == recorded == 0


def test_a_reader_is_never_forgotten_between_two_samples() -> None:
    assert pace.LONGEST_PAUSE + recording_module.WAIT < recorder_module.FORGET_AFTER


def test_groups_and_totals_are_as_of_the_end(client: Client) -> None:
    from dasklens.model.samples import CountsOverTime, GroupsNow

    # What was sampled before is no part of it.
    before = Report.start(client)
    until(lambda: before._recording.kept["counts"].records > 2, "some samples")
    with performance_report(None) as report:
        futures = client.map(lambda i: i, range(20), key="held")
        distributed.wait(futures)
    groups, counts = GroupsNow(), CountsOverTime()
    for frame in report._document.frames("groups"):
        assert groups.append(frame)
    for frame in report._document.frames("counts"):
        assert counts.append(frame)
    assert counts.prefixes["held"]["memory"] == 20
    assert {name[1]: tasks["memory"] for name, tasks in groups.groups.items()}["held"] == 20
    assert counts.columns["time"][0] >= report.start_time - 1.3
    assert len(before.stop()._document.streams["counts"].pieces) == 1
    assert counts.columns["time"][-1] >= report.stop_time - 0.3
    assert counts.columns["tasks_memory"][-1] == 20
    assert report.cluster["workers"] == 2
    assert report.cluster["threads"] == 4


def test_the_end_takes_one_sample(client: Client, recorder: Recorder, monkeypatch: Any) -> None:
    # A second one could only be taken some moments later, and whoever makes a report would wait for it.
    monkeypatch.setattr(recorder.sampler, "_interval", 60.0)
    report = Report.start(client)
    sampler = recorder.sampler
    until(lambda: sampler.n_samples > 0, "the sample of the beginning")
    until(lambda: time.monotonic() > sampler._sampled + SHORTEST, "that the next one may be taken at once")
    before = sampler.n_samples
    report.stop()
    assert sampler.n_samples == before + 1
    streams = report._document.streams
    assert all(streams[name].frames for name in ("counts", "workers", "groups", "system"))


def test_a_long_history_is_there_from_its_beginning() -> None:
    from dasklens.model.relog import over_time
    from dasklens.report import tables

    nothing = dict.fromkeys(("gil", "gil_most", "worker_tick"), np.nan)
    frames = []
    for first in range(0, 9000, 100):
        columns = {"time": np.arange(first, first + 100, dtype="f8")}
        for name in ("cpu", *nothing):
            columns[name] = np.full(100, nothing.get(name, first))
        cols = {name: ("f8", values.astype("<f8").tobytes()) for name, values in columns.items()}
        frames.append(
            pack_frame(
                stream="system",
                log="x",
                first=first,
                next=first + 100,
                missed=0,
                names0=0,
                names=[],
                base=1e9,
                cols=cols,
            )
        )
    assert over_time(frames)["time"].tolist() == [1e9 + i for i in range(9000)]
    made = tables.system(frames)
    assert [column["name"] for column in made["columns"]] == ["time", "cpu"]
    assert len(made["rows"]) <= tables.MOST_SAMPLES
    assert made["rows"][0][0] < 1e9 + 5
    assert made["rows"][-1][0] == 1e9 + 8999
    assert tables.system([])["empty"]


def spin(x: int) -> int:
    ends = time.time() + 0.01
    while time.time() < ends:
        pass
    return x


@pytest.mark.parametrize("off", [0, 30, -30])
def test_the_clients_clock_does_not_matter(client: Client, monkeypatch: Any, off: float) -> None:
    monkeypatch.setattr(recording_module, "time", lambda: time.time() + off)
    began = time.time()
    with performance_report(None, client=client) as report:
        client.gather(client.map(spin, range(100), pure=False))
    assert began <= report.start_time < report.stop_time <= time.time()
    spans = [span for record in report.data for span in record["startstops"] if span["action"] == "compute"]
    summary = report.summary()
    compute = summary["time"][0]["seconds"]
    assert compute == pytest.approx(sum(span["stop"] - span["start"] for span in spans), rel=0.02)
    assert summary["figures"]["duration"] == report.stop_time - report.start_time
    assert report.tables["system"]["rows"]
    assert not any("clocks" in note for note in summary["notes"])


def test_an_older_scheduler_does_not_tell_its_time(client: Client, recorder: Recorder) -> None:
    async def cursor() -> dict[str, Any]:
        return {"log": recorder.log.ident, "cursor": recorder.next}

    recorder._scheduler.handlers["dasklens_cursor"] = cursor
    began = time.time()
    with performance_report(None, client=client) as report:
        client.submit(abs, -1, key="one").result()
    assert began <= report.start_time < report.stop_time <= time.time()

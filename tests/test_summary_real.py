"""Workloads with one fault each, on real clusters: it is found, and so is nothing where there is none."""

from __future__ import annotations

import ctypes
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, get_worker, wait
from recordings import recording
from waiting import until


def ids(summary: dict[str, Any]) -> set[str]:
    return {each["id"] for each in summary["findings"]}


def evidence(summary: dict[str, Any], ident: str) -> str:
    return " ".join(each["evidence"] for each in summary["findings"] if each["id"] == ident)


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_clean_run_has_nothing_wrong() -> None:
    with recording() as recorded:
        naps = recorded.client.map(nap, [0.05] * 80, pure=False, key="nap")
        assert recorded.client.submit(sum, naps).result() == pytest.approx(4)
        summary = recorded.summary()
    assert summary["findings"] == []
    assert summary["verdict"].endswith("Nothing looks wrong.")
    spent = {each["name"]: each for each in summary["time"]}
    # Slept for 50 ms at least, and a busy machine wakes nobody early.
    assert 4.0 <= spent["compute"]["seconds"] < 6
    assert sum(each["share"] for each in summary["time"]) == pytest.approx(1)
    first = summary["prefixes"][0]
    assert (first["prefix"], first["tasks"]) == ("nap", 80)
    assert 0.05 <= first["median"] < 0.07
    figures = summary["figures"]
    assert (figures["tasks"], figures["workers"], figures["threads"], figures["errors"]) == (81, 2, 4, 0)


def test_tasks_that_are_far_too_short() -> None:
    with recording() as recorded:
        recorded.client.gather(recorded.client.map(abs, range(1500), pure=False, key="tiny"))
        summary = recorded.summary()
    assert ids(summary) == {"short-tasks"}
    assert "1,500 of 1,500 tasks" in evidence(summary, "short-tasks")


def test_transfers_that_dominate() -> None:
    with recording(threads=1) as recorded:
        here, there = recorded.cluster.scheduler.workers
        made = recorded.client.map(bytes, [60_000_000 + i for i in range(5)], workers=[here], key="made")
        wait(made)
        used = recorded.client.map(len, made, workers=[there], key="used")
        wait(used)
        summary = recorded.summary()
    assert "transfers" in ids(summary) <= {"transfers", "few-threads"}


def test_data_that_is_spilled() -> None:
    memory = {f"distributed.worker.memory.{name}": False for name in ("spill", "pause", "terminate")}
    settings = {**memory, "distributed.worker.memory.target": 0.6}
    with recording(settings=settings, memory_limit="60 MB") as recorded:
        made = recorded.client.map(bytes, [10_000_000 + i for i in range(16)], key="made")
        wait(made)
        until(lambda: max(recorded.system.columns.get("spilled", [0])) > 30e6, "the heartbeats to say so")
        summary = recorded.summary()
    assert "spilling" in ids(summary) <= {"spilling", "few-threads"}


def test_few_threads_that_are_busy() -> None:
    with recording() as recorded:
        last: Any = 0.06
        for i in range(14):
            last = recorded.client.submit(nap, last, key=f"step-{i}")
        last.result()
        summary = recorded.summary()
    assert ids(summary) == {"few-threads"}
    assert "of 4 threads were busy" in evidence(summary, "few-threads")


def test_one_worker_that_is_far_slower() -> None:
    with recording(threads=1) as recorded:
        slow, _ = recorded.cluster.scheduler.workers

        def work(_: int) -> None:
            time.sleep(0.12 if get_worker().address == slow else 0.02)

        recorded.client.gather(recorded.client.map(work, range(60), key="work"))
        summary = recorded.summary()
    assert "slow-worker" in ids(summary) <= {"slow-worker", "few-threads"}
    assert evidence(summary, "slow-worker").startswith(f"{slow} took")


def hold(_: int) -> None:
    # PyDLL lets go of nothing while it calls.
    ctypes.PyDLL(None).usleep(400_000)


def test_functions_that_hold_the_gil() -> None:
    with recording(n_workers=1, processes=True) as recorded:
        recorded.client.gather(recorded.client.map(hold, range(10), key="hold"))
        summary = recorded.summary()
    assert ids(summary) == {"gil"}
    assert "event loop came round only every 200 ms or less often" in evidence(summary, "gil")
    assert "gilknocker" in summary["notes"][0]


def fail(text: str) -> None:
    raise ValueError(text)


def test_tasks_that_fail() -> None:
    with recording() as recorded:
        wait(recorded.client.map(fail, ["<img src=x onerror=alert(1)>"] * 3, pure=False, key="fails"))
        summary = recorded.summary()
    assert ids(summary) == {"errors"}
    assert "3 of 3 tasks failed" in evidence(summary, "errors")
    assert "fails: ValueError('<img src=x onerror=alert(1)>') (3 times)" in evidence(summary, "errors")


def test_tasks_that_are_run_again() -> None:
    with recording() as recorded:

        def sometimes() -> None:
            worker = get_worker()
            worker._test_runs = getattr(worker, "_test_runs", 0) + 1
            if worker._test_runs < 3:
                raise ValueError("not yet")

        recorded.client.submit(sometimes, retries=9, key="again").result()
        summary = recorded.summary()
    assert ids(summary) == {"retries"}


def die_once(marker: str) -> str:
    """Kill the process that runs it, the first time."""
    try:
        with open(marker, "x"):
            pass
    except FileExistsError:
        return "survived"
    os._exit(1)


def test_a_worker_that_is_lost_with_work_on_it(tmp_path: Path) -> None:
    with recording(processes=True, threads=1) as recorded:
        client, scheduler = recorded.client, recorded.cluster.scheduler
        victim, other = scheduler.workers
        made = client.map(abs, range(5), key="made", workers=[victim], allow_other_workers=True)
        wait(made)
        killer = client.submit(die_once, str(tmp_path / "marker"), workers=[victim, other], key="killer")
        assert killer.result() == "survived"
        assert client.submit(sum, made, key="sum").result() == 10
        summary = recorded.summary()
    said = evidence(summary, "lost-worker")
    assert "lost-worker" in ids(summary) <= {"lost-worker", "few-threads"}
    assert re.match(r"The scheduler lost tcp://127\.0\.0\.1:\d+ after ", said)
    assert "1 task that it was to run had to run elsewhere." in said
    link = next(each["link"] for each in summary["findings"] if each["id"] == "lost-worker")
    assert link.startswith("https://distributed.dask.org/")


def test_results_that_a_lost_worker_had_are_counted_by_their_keys(tmp_path: Path) -> None:
    with recording(processes=True, threads=1) as recorded:
        client, scheduler = recorded.client, recorded.cluster.scheduler
        victim, _ = scheduler.workers
        made = client.map(abs, range(7), key="made", workers=[victim], allow_other_workers=True)
        wait(made)
        here = sum(ws.address == victim for f in made for ws in scheduler.tasks[f.key].who_has)
        assert here
        client.run(os._exit, 1, workers=[victim], on_error="ignore")
        until(lambda: victim not in scheduler.workers, "the worker to be missed")
        assert client.submit(sum, made, key="sum").result() == 21
        summary = recorded.summary()
    said = evidence(summary, "lost-worker")
    word = "result" if here == 1 else "results"
    assert f"{here} finished {word} had to be computed again." in said
    assert f"By their keys, {here} task" in said


def test_a_worker_that_retires_is_no_loss() -> None:
    with recording(n_workers=3, threads=1) as recorded:
        client, cluster = recorded.client, recorded.cluster
        made = client.map(nap, [0.02] * 60, pure=False, key="nap")
        wait(made)
        retired = next(iter(cluster.scheduler.workers))
        client.retire_workers([retired])
        until(lambda: retired not in cluster.scheduler.workers, "the worker to have gone")
        assert client.submit(sum, made, key="sum").result() == pytest.approx(1.2)
        summary = recorded.summary()
    assert "lost-worker" not in ids(summary)


def test_neither_adapting_nor_closing_a_client_is_a_loss() -> None:
    with recording(n_workers=3, threads=1) as recorded:
        cluster = recorded.cluster
        with Client(cluster) as other:
            made = other.map(nap, [0.02] * 30, pure=False, key="nap")
            wait(made)
            cluster.adapt(minimum=1, maximum=3, interval="50ms", wait_count=1)
            until(lambda: len(cluster.scheduler.workers) == 1, "workers to have gone")
            assert other.submit(sum, made, key="sum").result() == pytest.approx(0.6)
            # It takes its tasks along.
            other.map(nap, [0.02] * 30, pure=False, key="more")
        summary = recorded.summary()
    assert "lost-worker" not in ids(summary)

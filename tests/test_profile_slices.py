"""Call trees slice by slice: each step of each worker is in one of them, and all together are the whole."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import dask
import numpy as np
from conftest import NO_DASHBOARD
from distributed import Client, LocalCluster, Scheduler, Worker
from distributed.core import rpc
from distributed.utils_test import gen_cluster
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from dasklens import performance_report
from dasklens.scheduler import profileslices
from dasklens.scheduler.profileslices import Steps, edges_of, read_slices
from dasklens.wire.calltree import counted, create, merge, pack_profile
from dasklens.wire.frames import unpack_frame
from dasklens.wire.treeslices import slice_columns

BEGIN = 1.79e9


def tree(*calls: tuple[str, int]) -> dict[str, Any]:
    """A root that called these, so many samples each."""
    root = create()
    for name, count in calls:
        identifier = f"{name};x.py;1"
        node = root["children"].setdefault(
            identifier,
            {
                "count": 0,
                "children": {},
                "identifier": identifier,
                "description": {"name": name, "filename": "x.py", "line_number": 1, "line": ""},
            },
        )
        node["count"] += count
        root["count"] += count
    return root


def remember(worker: Worker, steps: list[tuple[float, dict[str, int]]]) -> None:
    """Make that what a worker has sampled: functions are called as their prefixes."""
    for callback in worker.periodic_callbacks.values():
        callback.stop()
    worker.profile_history.clear()
    worker.profile_keys_history.clear()
    worker.profile_keys.clear()
    worker.profile_recent = create()
    for at, samples in steps:
        worker.profile_history.append((at, tree(*samples.items())))
        worker.profile_keys_history.append((at, {name: tree((name, n)) for name, n in samples.items()}))


def counts(trees: list[Any]) -> dict[str, int]:
    return {
        node["description"]["name"]: node["count"] for node in merge([create(), *trees])["children"].values()
    }


@gen_cluster(client=True)
async def test_each_step_is_in_one_slice(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    steps = [(BEGIN + 1.001 * i, {"a": 1 << i} if i % 3 else {"b": 1 << i}) for i in range(12)]
    remember(a, steps)
    remember(b, [(at + 0.4, samples) for at, samples in steps[:5]])
    async with rpc(s.address) as scheduler:
        for known in ((), ("a", "b")):
            slices = await read_slices(scheduler, BEGIN, 1.0, known)
            assert len(slices) == 12
            # As powers of two, every step is to be seen in the sum.
            assert counts([t for _, trees in slices for t in trees]) == {
                "a": sum(n for at, each in steps for n in each.values() if "a" in each)
                + sum(each.get("a", 0) for _, each in steps[:5]),
                "b": sum(each.get("b", 0) for _, each in steps)
                + sum(each.get("b", 0) for _, each in steps[:5]),
            }
            ends = [end for end, _ in slices]
            for i, (at, samples) in enumerate(steps):
                first = next(k for k, end in enumerate(ends) if at <= end + 1e-6)
                (name, n), here = next(iter(samples.items())), counts(slices[first][1])
                assert here[name] & n == n, i
        # Later on, only what was later.
        late = await read_slices(scheduler, BEGIN + 6.5, 1.0)
        assert counts([t for _, trees in late for t in trees]) == {
            "a": sum(each.get("a", 0) for _, each in steps[7:]),
            "b": sum(each.get("b", 0) for _, each in steps[7:]),
        }
        b.handlers["profile"] = lambda **_: {"no": "tree"}
        assert await read_slices(scheduler, BEGIN, 1.0) == []


@given(st.lists(st.floats(0.5, 3), min_size=1, max_size=50), st.integers(1, 70), st.floats(0, 20))
def test_what_a_worker_is_asked_for_is_what_is_wanted(gaps: list[float], most: int, start: float) -> None:
    times, at = [], 0.0
    for gap in gaps:
        at += gap
        times.append(at)
    steps = Steps({"counts": [(t, 1) for t in [*times, at + 0.1]], "keys": [(at, {})]}, start)
    wanted = [t for t in times if t >= start]
    assert steps.of(None) == wanted
    if not wanted:
        return
    edges = edges_of(wanted[0], wanted[-1], 1.0, most)
    found: list[float] = []
    for begin, end in pairwise(edges):
        asked = steps.between(None, begin, end)
        if asked is not None:
            # As distributed's worker goes by them.
            first = sum(t < asked[0] for t in times)
            stop = sum(t <= asked[1] for t in times) + 1
            found += times[first:stop]
    assert found == wanted
    assert len(edges) <= min(most, profileslices.MOST_SLICES) + 1


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9)), max_size=6), min_size=1, max_size=8
    )
)
def test_columns_add_up_to_the_tree(parts: list[list[tuple[str, int]]]) -> None:
    slices = [(float(i), counted(tree(*part))) for i, part in enumerate(parts)]
    whole = merge(each for _, each in slices)
    frame = unpack_frame(pack_profile(whole, more=slice_columns(whole, slices)))
    cols = {
        name: memoryview(bytes(data)).cast("I" if dtype == "u4" else "d")
        for name, (dtype, data) in frame.cols.items()
    }
    assert list(cols["slice_time"]) == [stop for stop, _ in slices]
    assert sum(cols["slice_rows"]) == len(cols["slice_node"]) == len(cols["slice_count"])
    sums = [0] * frame.next
    for node, count in zip(cols["slice_node"], cols["slice_count"], strict=True):
        sums[node] += count
    assert sums == list(cols["count"])


def spin(_: int) -> float:
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    return end


def test_a_report_has_its_profile_in_slices() -> None:
    settings = {"distributed.worker.profile.interval": "5ms", "distributed.worker.profile.cycle": "100ms"}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, **NO_DASHBOARD) as cluster,
        Client(cluster) as client,
    ):
        with performance_report(None, redact=("code", "paths")) as report:
            client.gather(client.map(spin, range(10), key="spin"))
            until(
                lambda: all(
                    sum(at >= report.start_time for at, _ in list(worker.profile_history)) >= 4
                    for worker in cluster.workers.values()
                ),
                "steps of the profile",
            )
        (data,) = report._document.frames("profile:worker")
    frame = unpack_frame(data)
    cols = {
        name: np.frombuffer(frame.cols[name][1], "<f8" if name == "slice_time" else "<u4")
        for name in ("slice_time", "slice_rows", "slice_node", "slice_count", "count")
    }
    assert 2 <= len(cols["slice_time"]) <= profileslices.MOST_SLICES
    assert cols["slice_time"][0] > report.start_time
    assert (np.diff(cols["slice_time"]) > 0).all()
    sums = np.bincount(cols["slice_node"], cols["slice_count"], minlength=frame.next)
    assert (sums == cols["count"]).all()
    assert cols["count"][0] > 10
    assert "spin" in {name[0] for name in frame.names if isinstance(name, (list, tuple))}

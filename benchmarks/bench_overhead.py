"""20,000 trivial tasks, watched against unwatched: wall time and the scheduler's CPU time.

The two sides of a pair stand side by side and take turns, a twentieth of the tasks each, so that a
machine that gets slower or faster in between favours neither; each quarter of the turns has clusters of
its own. The interval is a bootstrap of the mean of the pairs' log ratios.
``DASKLENS_BENCH_PAIRS`` and ``DASKLENS_BENCH_TASKS`` make a shorter run.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rows import Row

PAIRS = int(os.environ.get("DASKLENS_BENCH_PAIRS", "12"))
TASKS = int(os.environ.get("DASKLENS_BENCH_TASKS", "20000"))
#: How often the sides of a pair take turns, and on how many clusters, one after the other: how the processes
#: of one lie in memory is worth some percent.
TURNS, CLUSTERS = 20, 4
LIMIT = 1.05

#: A scheduler in a process of its own; what it does before it serves is put in.
SCHEDULER = """
import asyncio, sys, dask
dask.config.set({{"distributed.scheduler.preload": [], "distributed.client.preload": [],
                 "distributed.admin.log-length": 100}})
from distributed import Scheduler

async def main():
    async with Scheduler(
        host="127.0.0.1", port=0, dashboard={dashboard}, dashboard_address="127.0.0.1:0"
    ) as scheduler:
        {setup}
        print(scheduler.address, scheduler.http_server.port, scheduler.id, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


#: What a recorded scheduler does first.
RECORDED = "from dasklens.scheduler.recorder import ensure_recorder; ensure_recorder(scheduler)"


class Own:
    """Scheduler in a process of its own; its CPU time is that process's."""

    def __init__(self, setup: str = "pass", dashboard: bool = False, env: dict[str, str] | None = None):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCHEDULER.format(setup=setup, dashboard=dashboard)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        assert self.process.stdout is not None
        self.address, port, self.ident = self.process.stdout.readline().split()
        self.port = int(port)

    def cpu(self) -> float:
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


#: The side that computes, so that one side's reader never runs in the other side's process.
DRIVER = """
import asyncio, json, os, subprocess, sys, time, dask
dask.config.set({"distributed.scheduler.preload": [], "distributed.client.preload": []})
from distributed import Client, LocalCluster, Worker

watched, address, tasks, kernel = json.loads(sys.argv[1])

def slow(i):
    return i

class Count:
    n = 0
    def frames(self, frames):
        from dasklens.wire.frames import unpack_frame
        for frame in frames:
            frame = unpack_frame(frame)
            self.n += frame.next - frame.first
    def phase(self, *said):
        pass

def run(client):
    count = Count()
    if watched:
        from dasklens.source.live import LiveFeed
        feed = LiveFeed(client, count.frames, count.phase)
        feed.start()
    client.gather(client.map(slow, range(1500), pure=False))  # warm
    print("ready", flush=True)

    async def loop_cpu():
        # of the thread of the scheduler's event loop, when that lives in this process
        return time.thread_time()

    for line in sys.stdin:
        cpu = client.sync(loop_cpu)
        start = time.perf_counter()
        futures = client.map(slow, range(tasks), pure=False)
        client.gather(futures)
        wall = time.perf_counter() - start
        cpu = client.sync(loop_cpu) - cpu
        del futures
        print(json.dumps([wall, cpu]), flush=True)
    if watched:
        assert count.n >= tasks, count.n
        feed.close()

if __name__ == "__main__":
    if kernel:
        with LocalCluster(n_workers=1, threads_per_worker=2, processes=True, host="127.0.0.1",
                          dashboard_address=None) as cluster, Client(cluster) as client:
            if watched:
                from dasklens.scheduler.recorder import ensure_recorder
                cluster.scheduler.loop.add_callback(ensure_recorder, cluster.scheduler)
            run(client)
    else:
        with Client(address) as client:
            run(client)
"""


class Side:
    """One side of a pair: a cluster, warm, for one run.

    Parameters
    ----------
    scheduler : Own or None
        None for one in the process that computes.
    watched : bool
        Whether that process watches too.
    """

    def __init__(self, scheduler: Own | None, watched: bool):
        self.scheduler = scheduler
        kernel = scheduler is None
        address = self.scheduler.address if self.scheduler else ""
        self.worker = None
        if self.scheduler:
            self.worker = subprocess.Popen(
                [
                    *(sys.executable, "-m", "distributed.cli.dask_worker", address),
                    *("--nthreads", "2", "--no-dashboard", "--host", "127.0.0.1"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps([watched, address, TASKS // TURNS, kernel])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.driver.stdout is not None
        ready = self.driver.stdout.readline().strip()
        if ready != "ready":
            raise RuntimeError(f"the driver did not start: {ready!r}")

    def run(self) -> tuple[float, float]:
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        before = self.scheduler.cpu() if self.scheduler else 0.0
        self.driver.stdin.write("go\n")
        self.driver.stdin.flush()
        wall, cpu = json.loads(self.driver.stdout.readline())
        return wall, (self.scheduler.cpu() - before if self.scheduler else cpu)

    def close(self) -> None:
        assert self.driver.stdin is not None
        self.driver.stdin.close()
        self.driver.wait(60)
        if self.worker is not None:
            self.worker.terminate()
            self.worker.wait(30)
        if self.scheduler is not None:
            self.scheduler.close()


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Geometric mean and its bootstrapped 95 % interval."""
    logs = [math.log(r) for r in ratios]
    rng = random.Random(0)
    means = sorted(sum(rng.choices(logs, k=len(logs))) / len(logs) for _ in range(4000))
    mean = math.exp(sum(logs) / len(logs))
    return mean, math.exp(means[100]), math.exp(means[3899])


def ratios_of(
    pair: int, sides: Callable[[], AbstractContextManager[dict[bool, Side]]]
) -> tuple[float, float]:
    """Ratios of wall and of CPU time, watched to unwatched; `sides` makes both, for a part of the turns."""
    spent = {False: [0.0, 0.0], True: [0.0, 0.0]}
    for cluster in range(pair * CLUSTERS, (pair + 1) * CLUSTERS):
        # The processes of a pair, and only those, are alike.
        os.environ["PYTHONHASHSEED"] = str(cluster)
        with sides() as both:
            for turn in range(TURNS // CLUSTERS):
                for watched in (False, True) if (cluster + turn) % 2 else (True, False):
                    spent[watched] = [a + b for a, b in zip(spent[watched], both[watched].run(), strict=True)]
    wall, cpu = (mine / other for mine, other in zip(spent[True], spent[False], strict=True))
    return wall, cpu


@contextmanager
def closing(sides: dict[bool, Side]) -> Iterator[dict[bool, Side]]:
    """Both sides, for as long as the block lasts."""
    try:
        yield sides
    finally:
        for side in sides.values():
            side.close()


def compare(kernel: bool) -> list[Row]:
    """Rows of one arrangement."""
    walls, cpus = [], []

    def sides() -> AbstractContextManager[dict[bool, Side]]:
        made = {}
        for watched in (False, True):
            own = None if kernel else Own(RECORDED if watched else "pass")
            made[watched] = Side(own, watched)
        return closing(made)

    for pair in range(PAIRS):
        wall, cpu = ratios_of(pair, sides)
        walls.append(wall)
        cpus.append(cpu)
        print(f"  pair {pair}: {walls[-1]:.3f} {cpus[-1]:.3f}", file=sys.stderr, flush=True)
    where = "scheduler in the kernel" if kernel else "scheduler in its own process"
    cpu_of = "event loop CPU" if kernel else "scheduler CPU"
    return [
        row(f"wall, {TASKS:,} tasks, {where}", walls, "1.09 to 1.18 (BASELINE, Bokeh pages)"),
        row(f"{cpu_of}, {TASKS:,} tasks, {where}", cpus, "1.12 to 1.31 (BASELINE, Bokeh pages)"),
    ]


def row(name: str, ratios: list[float], peer: str) -> Row:
    """What the pairs say of one ratio."""
    high = interval(ratios)[2]
    return Row(
        name, f"95 % upper end <= {LIMIT}", peer, f"{said(ratios)}, {len(ratios)} pairs", high <= LIMIT
    )


def said(ratios: list[float]) -> str:
    """Mean and interval in figures."""
    mean, low, high = interval(ratios)
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def measure() -> list[Row]:
    """Rows of this file."""
    start = time.monotonic()
    rows = [*compare(kernel=False), *compare(kernel=True)]
    print(f"  took {time.monotonic() - start:.0f} s", file=sys.stderr)
    return rows

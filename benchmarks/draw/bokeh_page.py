"""Upstream's `/tasks` page with many rectangles: prints its address, ends when standard input closes.

``python benchmarks/draw/bokeh_page.py [rectangles] [threads]``

The scheduler and its dashboard are real. Its `TaskStreamPlugin` is given records in the shape that the
scheduler gives them, for running so many tasks would take minutes.
"""

from __future__ import annotations

import asyncio
import random
import sys

import dask
from distributed import Scheduler
from distributed.diagnostics.task_stream import TaskStreamPlugin
from distributed.metrics import time

RECTANGLES = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 64
#: As in cluster.ts, so that both pictures are of the same cluster.
PREFIXES = ("read-parquet", "getitem", "sum", "sum-aggregate", "mul", "random_sample", "merge", "store")
PER_SECOND = 10_000
RUN = 700


def record(plugin: TaskStreamPlugin) -> None:
    """Tell the plugin of as many finished tasks as there shall be rectangles."""
    rng = random.Random(42)
    mean = THREADS / PER_SECOND / 1.25
    busy_until = [time() - RECTANGLES / PER_SECOND] * THREADS
    for i in range(RECTANGLES):
        thread = i % THREADS
        start = busy_until[thread] + mean * 0.5 * rng.random()
        stop = busy_until[thread] = start + mean * (0.25 + 1.5 * rng.random())
        prefix = PREFIXES[int(i / RUN + rng.random() * 2) % len(PREFIXES)]
        plugin.transition(
            f"{prefix}-{rng.getrandbits(128):032x}",
            "processing",
            "memory",
            stimulus_id=f"task-finished-{stop}",
            worker=f"tcp://10.0.0.{thread // 4}:40000",
            thread=140_130_857_973_440 + thread % 4,
            startstops=({"action": "compute", "start": start, "stop": stop},),
            nbytes=131_072,
            type=b"",
            typename="numpy.ndarray",
            status="OK",
        )


async def main() -> None:
    try:
        import bokeh  # noqa: F401
    except ImportError:
        sys.exit("Upstream's pages need bokeh: 'make bench' installs it.")
    dask.config.set(
        {
            # Upstream alone: ours would be told of these tasks, too.
            "distributed.scheduler.preload": [],
            "distributed.scheduler.dashboard.tasks.task-stream-length": RECTANGLES,
        }
    )
    async with Scheduler(
        host="127.0.0.1", port=0, dashboard=True, dashboard_address="127.0.0.1:0"
    ) as scheduler:
        plugin = TaskStreamPlugin(scheduler, maxlen=RECTANGLES)
        scheduler.add_plugin(plugin)
        record(plugin)
        print(f"http://127.0.0.1:{scheduler.http_server.port}/tasks", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())

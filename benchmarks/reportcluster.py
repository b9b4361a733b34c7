"""A scheduler that says how long its loop was held, and its workers: prints its address.

``python benchmarks/reportcluster.py scheduler`` or ``… workers ADDRESS``; ends when standard input
closes. The workers have a process of their own: the clock of the scheduler's thread is the scheduler's alone.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import time
from typing import Any

import dask
from distributed import Scheduler, Worker

WORKERS, THREADS = 2, 4
#: Tasks that the recorder is told of in one turn of the loop, and seconds between: as fast as a scheduler is.
AT_ONCE, PAUSE = 20, 0.004


class Watch:
    """The longest that the loop's thread computed between two turns, and the longest by the wall."""

    clocks = (time.thread_time, time.perf_counter)

    def __init__(self) -> None:
        self.late = [0.0, 0.0]

    async def run(self) -> None:
        before = [clock() for clock in self.clocks]
        while True:
            await asyncio.sleep(0.0003)
            now = [clock() for clock in self.clocks]
            self.late = [max(most, b - a) for most, a, b in zip(self.late, before, now, strict=True)]
            before = now

    async def longest(self) -> list[float]:
        """Since it was asked last."""
        found, self.late = self.late, [0.0, 0.0]
        return found


def calming(scheduler: Scheduler) -> Any:
    """A call that comes back once nothing of what ran before is left to do."""

    async def calm() -> None:
        while any(client.wants_what for client in scheduler.clients.values()):
            await asyncio.sleep(0.01)
        # What Python's collector does with what there is already is nobody's business here.
        gc.collect()
        gc.freeze()
        # And what the clock of the loop says of that.
        await asyncio.sleep(0.01)

    return calm


def told_of(scheduler: Scheduler) -> tuple[Any, Any]:
    """Calls that make tasks which wait for nothing, and that tell the recorder that they finished."""
    known: list[str] = []
    rng = random.Random(7)

    async def make(n: int) -> None:
        known[:] = [f"told-{rng.getrandbits(128):032x}" for _ in range(n)]
        for at, key in enumerate(known):
            scheduler.new_task(key, None, "memory")
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def feed() -> None:
        recorder = scheduler.plugins["dasklens"]
        clock = time.time()
        for at, key in enumerate(known):
            start = clock + at * 1e-4
            spans = ({"action": "compute", "start": start, "stop": start + 1e-3},)
            recorder.transition(
                key,
                "processing",
                "memory",
                stimulus_id=f"task-finished-{start}",
                worker=f"tcp://10.0.0.{at % 16 // 4}:40000",
                thread=140_130_857_973_440 + at % 4,
                startstops=spans,
                nbytes=131_072,
                type=b"",
                typename="numpy.ndarray",
                status="OK",
            )
            if at % AT_ONCE == 0:
                await asyncio.sleep(PAUSE)

    return make, feed


async def schedule() -> None:
    dask.config.set(
        {
            "distributed.scheduler.worker-saturation": float("inf"),
            # Upstream's report shall have all tasks of a run too.
            "distributed.scheduler.dashboard.tasks.task-stream-length": 1_000_000,
        }
    )
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        watch = Watch()
        watching = asyncio.ensure_future(watch.run())
        make, feed = told_of(scheduler)
        scheduler.handlers.update(
            bench_longest=watch.longest,
            bench_calm=calming(scheduler),
            bench_make=make,
            bench_feed=feed,
        )
        print(scheduler.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        watching.cancel()


async def work(address: str) -> None:
    workers = [Worker(address, nthreads=THREADS // WORKERS, memory_limit="2 GiB") for _ in range(WORKERS)]
    await asyncio.gather(*workers)
    print(address, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.gather(*(worker.close() for worker in workers))


if __name__ == "__main__":
    asyncio.run(schedule() if sys.argv[1] == "scheduler" else work(sys.argv[2]))

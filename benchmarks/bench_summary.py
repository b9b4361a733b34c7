"""What a report asks of the scheduler at its end, and how long its summary takes.

The scheduler is a real one with a thousand workers of `tests/crowd.py`, each of which has exchanged data with
each other, a full log, and 20,000 fine performance metrics. All is measured by the clock of the thread: how
long the loop was held, and what a summary takes, whatever else this machine does.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

from rows import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

WORKERS, TASKS = 1000, 3_000_000
#: Milliseconds of the loop at one go, of a second for the stream `system`, and seconds for a summary.
MOST_STEP, MOST_MS, MOST_SECONDS = 5.0, 2.0, 2.0


async def _details() -> dict[str, float]:
    import msgpack
    from crowd import Crowd
    from distributed import Scheduler
    from many import talkative

    from dasklens.scheduler.details import Details
    from dasklens.scheduler.systemlog import SystemLog
    from dasklens.scheduler.workertable import WorkerTable

    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler:
        crowd = Crowd(scheduler, WORKERS)
        talkative(scheduler, WORKERS)
        gc.collect()
        gc.freeze()
        steps: list[float] = []

        async def watch() -> None:
            before = thread_time()
            while True:
                await asyncio.sleep(0)
                now = thread_time()
                steps.append(now - before)
                before = now

        watching = asyncio.ensure_future(watch())
        await asyncio.sleep(0)
        begun = perf_counter()
        reply = await Details(scheduler).read()
        took = perf_counter() - begun
        watching.cancel()
        packed, begun = len(msgpack.packb(reply)), thread_time()
        msgpack.packb(reply)
        # Sending it is one more step.
        steps.append(thread_time() - begun)
        table, system = WorkerTable("bench"), SystemLog("bench")
        samples = []
        for _ in range(20):
            crowd.second()
            list(table.sample(scheduler))
            begun = thread_time()
            list(system.sample(scheduler, table, begun, 0.0))
            samples.append(thread_time() - begun)
        gc.unfreeze()
        scheduler.workers.clear()
    return {"step": max(steps), "took": took, "bytes": packed, "sample": sorted(samples)[len(samples) // 2]}


def _summary() -> float:
    from make_golden_frames import BASE
    from many import Many

    from dasklens.report.summary import summarize

    tasks = Many(TASKS)
    begun = process_time()
    found: dict[str, Any] = summarize(tasks, start=BASE, stop=BASE + 3600, threads=64, workers=32)
    took = process_time() - begun
    assert found["figures"]["tasks"] == TASKS
    return took


def measure() -> list[Row]:
    """Rows of this file."""
    told = asyncio.run(_details())
    took = _summary()
    return [
        Row(
            f"longest step of telling details of {WORKERS:,} workers",
            f"<= {MOST_STEP:.0f} ms",
            "-",
            f"{1000 * told['step']:.2f} ms ({told['took']:.2f} s in all, {told['bytes'] / 1e6:.1f} MB)",
            1000 * told["step"] <= MOST_STEP,
        ),
        Row(
            f"stream system of {WORKERS:,} workers",
            f"<= {MOST_MS:.0f} ms/s",
            "-",
            f"{1000 * told['sample']:.2f} ms/s",
            1000 * told["sample"] <= MOST_MS,
        ),
        Row(
            f"summary of {TASKS:,} tasks",
            f"<= {MOST_SECONDS:.0f} s",
            "-",
            f"{took:.2f} s",
            took <= MOST_SECONDS,
        ),
    ]

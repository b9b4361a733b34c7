"""A thousand workers, once a second: what the sampler costs the scheduler and the wire, and the page.

The workers are those of `tests/crowd.py`, on a real scheduler: a sixth of them sends a heartbeat each
second, as `distributed` has it at that size, and all of them have other tasks each time. The peer is one
update of upstream's `WorkerTable` and `WorkersMemory` on the same scheduler, which each of its viewers
causes several times a second. The frames go to Chromium as they are (`draw/receivers.mjs`).
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench_draw import MEDIAN, NotMeasuredError, chromium, frames_of, run_node
from rows import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

WORKERS = 1000
PREFIXES = 100
SECONDS = 20
#: Milliseconds of the scheduler a second, of its loop at one go, and bytes a second.
MOST_MS, MOST_STEP, MOST_BYTES = 5.0, 5.0, 50_000


async def _measure() -> tuple[dict[str, Any], list[bytes]]:
    from crowd import Crowd
    from distributed import Scheduler

    from dasklens.scheduler.counts import STATES, CountsLog
    from dasklens.scheduler.sampler import Sampler
    from dasklens.scheduler.workertable import WorkerTable

    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler:
        crowd = Crowd(scheduler, WORKERS)
        for i in range(PREFIXES):
            prefix = scheduler.new_task(f"p{i}-0", None, "released").prefix
            prefix.states.update(dict.fromkeys(STATES, i))
        peers = _peers(scheduler)
        table, counts = WorkerTable("bench"), CountsLog("bench")
        places = {"workers": (0, 0), "counts": (0, 0)}
        took: dict[str, list[float]] = {"ours": [], **{name: [] for name in peers}}
        sizes: list[int] = []
        frames: list[bytes] = []
        gc.collect()
        gc.freeze()
        for _ in range(SECONDS + 1):
            crowd.second()
            for name, update in peers.items():
                took[name].append(_timed(update))
            new: list[bytes] = []

            def ours(new: list[bytes] = new) -> None:
                for _ in _sample(scheduler, table, counts):
                    pass
                for stream in (table, counts):
                    reply = stream.frames(*places[stream.stream])
                    places[stream.stream] = reply["next"], reply["names"]
                    new += reply["frames"]

            took["ours"].append(_timed(ours))
            sizes.append(sum(map(len, new)))
            frames += new
        gc.unfreeze()
        sampler = Sampler(scheduler, "steps")
        sampler._interval = 0.2
        for cursor in range(10):
            crowd.second()
            await sampler.read("workers", cursor=cursor, log="steps", wait=2)
        sampler.close()
        scheduler.workers.clear()
        # The first sample has everything; what comes a second is in the others.
        ms = {name: 1000 * median(values[1:]) for name, values in took.items()}
        step = 1000 * sampler.longest
        return {"ms": ms, "step": step, "bytes": median(sizes[1:]), "whole": sizes[0]}, frames


def _sample(scheduler: Any, table: Any, counts: Any) -> Any:
    totals = yield from table.sample(scheduler)
    yield from counts.sample(scheduler, totals)


def _timed(act: Any) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def _peers(scheduler: Any) -> dict[str, Any]:
    """One update each of upstream's table and bars, if they can be had."""
    try:
        from distributed.dashboard.components.scheduler import WorkersMemory, WorkerTable
    except ImportError:
        return {}
    return {"WorkerTable": WorkerTable(scheduler).update, "WorkersMemory": WorkersMemory(scheduler).update}


def measure() -> list[Row]:
    """Rows of this file."""
    measured, frames = asyncio.run(_measure())
    ms = measured["ms"]
    peer = (
        ", ".join(f"{name} {value:.1f} ms" for name, value in ms.items() if name != "ours") or "no bokeh here"
    )
    rows = [
        Row(
            f"sampling {WORKERS:,} workers",
            f"<= {MOST_MS:.0f} ms/s",
            f"{peer} an update",
            f"{ms['ours']:.2f} ms/s",
            ms["ours"] <= MOST_MS,
        ),
        Row(
            "longest step of a sample",
            f"<= {MOST_STEP:.0f} ms",
            "-",
            f"{measured['step']:.2f} ms",
            measured["step"] <= MOST_STEP,
        ),
        Row(
            f"frames of {WORKERS:,} workers",
            f"<= {MOST_BYTES / 1000:.0f} kB/s",
            "-",
            f"{measured['bytes'] / 1000:.1f} kB/s (first {measured['whole'] / 1000:.0f} kB)",
            measured["bytes"] <= MOST_BYTES,
        ),
    ]
    return rows + browser(frames)


def browser(frames: list[bytes]) -> list[Row]:
    """Frame times of a page that is sent these frames, a sample a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([base64.b64encode(data).decode() for data in frames], file)
        file.flush()
        try:
            environment = {**os.environ, "CHROMIUM": chromium()}
            found = run_node("receivers.mjs", file.name, environment=environment, limit=120)
        except NotMeasuredError as why:
            return [Row(f"page of {WORKERS:,} workers", "measured", "-", str(why), False)]
    return [
        Row(
            f"frame: {name} of {WORKERS:,} workers, 1 Hz",
            f"median <= {MEDIAN} ms",
            "-",
            f"{frames_of(found[name])}, worst {found[name]['worst']:.0f} ms",
            found[name]["median"] <= MEDIAN,
        )
        for name in ("workers", "memory")
    ]

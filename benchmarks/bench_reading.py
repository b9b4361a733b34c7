"""`get_task_stream` of 100,000 records beside upstream's, from the same scheduler."""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter
from typing import Any

import dask
from bench_hot_path import tasks
from distributed import Client, Scheduler
from distributed.diagnostics.task_stream import TaskStreamPlugin
from distributed.protocol import dumps
from rows import Row

from dasklens.model.spans import TaskTable
from dasklens.scheduler.recorder import ensure_recorder
from dasklens.source.read import read_tasks

N = 100_000
ROUNDS = 5


async def _measure() -> list[Row]:
    with dask.config.set({"distributed.scheduler.dashboard.tasks.task-stream-length": N}):
        async with (
            Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler,
            Client(scheduler.address, asynchronous=True) as client,
        ):
            return await _with(scheduler, client)


async def _with(scheduler: Scheduler, client: Client) -> list[Row]:
    upstream = TaskStreamPlugin(scheduler, maxlen=N)
    scheduler.add_plugin(upstream)
    recorder = ensure_recorder(scheduler)
    assert recorder is not None
    known, said = tasks(N)
    scheduler.tasks.update(known)
    start = recorder.next
    for key, message in zip(known, said, strict=True):
        # each plugin gets a dictionary of its own from the scheduler
        upstream.transition(key, "processing", "memory", **message)
        recorder.transition(key, "processing", "memory", **message)
    where: dict[str, Any] = {"log": recorder.log.ident, "cursor": start}
    for key in known:
        del scheduler.tasks[key]
    theirs, ours, columns, dicts = [], [], [], []
    for _ in range(ROUNDS):
        at = perf_counter()
        records = await client.scheduler.get_task_stream(start_index=0)
        theirs.append(perf_counter() - at)
        at = perf_counter()
        frames, missed = await read_tasks(client, where)
        ours.append(perf_counter() - at)
        at = perf_counter()
        table = TaskTable(frames)
        table.to_pandas()
        columns.append(ours[-1] + perf_counter() - at)
        at = perf_counter()
        made = TaskTable(frames).records()
        dicts.append(ours[-1] + perf_counter() - at)
        assert len(made) == len(records) == N
        assert missed == 0
    their_bytes = sum(map(len, dumps(records)))
    our_bytes = sum(map(len, frames))
    peer = median(theirs)
    return [
        Row(
            f"bytes of {N:,} records",
            "<= 1/3 of upstream",
            f"{their_bytes / 1e6:.1f} MB",
            f"{our_bytes / 1e6:.1f} MB ({our_bytes / their_bytes:.2f})",
            our_bytes <= their_bytes / 3,
        ),
        Row(
            "to_pandas() ready",
            "<= 1/5 of upstream",
            f"{peer:.2f} s",
            f"{median(columns):.3f} s ({median(columns) / peer:.2f})",
            median(columns) <= peer / 5,
        ),
        Row(
            ".data as dictionaries",
            "<= 1/2 of upstream",
            f"{peer:.2f} s",
            f"{median(dicts):.3f} s ({median(dicts) / peer:.2f})",
            median(dicts) <= peer / 2,
        ),
    ]


def measure() -> list[Row]:
    """Rows of this file."""
    return asyncio.run(_measure())

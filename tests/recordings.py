"""Recordings of real workloads, read as a report reads them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
from conftest import NO_DASHBOARD
from distributed import Client, LocalCluster

from dasklens.model.samples import CountsOverTime, SystemOverTime
from dasklens.model.spans import TaskTable
from dasklens.report.summary import summarize
from dasklens.scheduler.recorder import Recorder, ensure_recorder
from dasklens.wire.details import unpack_details


class Recording:
    """One block on a cluster, until `summary` is asked for."""

    def __init__(self, client: Client, cluster: LocalCluster):
        self.client, self.cluster = client, cluster
        self.counts, self.system = CountsOverTime(), SystemOverTime()
        self.start, self._over = 0.0, False
        self._recorder: Recorder

    async def begin(self) -> None:
        recorder = ensure_recorder(self.cluster.scheduler)
        assert recorder is not None
        self._recorder = recorder
        self._cursor = recorder.next
        self._following = [
            asyncio.ensure_future(self._follow(history)) for history in (self.counts, self.system)
        ]
        self.start = time.time()

    async def _follow(self, history: Any) -> None:
        while not self._over:
            await self._read(history, 1.0)

    async def _read(self, history: Any, wait: float) -> None:
        place = {"stream": history.stream, "cursor": history.next, "log": history.log, "wait": wait}
        for data in (await self._recorder.read(**place))["frames"]:
            history.append(data)

    async def end(self) -> dict[str, Any]:
        stop = time.time()
        # Not cancelled: Python's wait_for may swallow that where news comes at the same moment.
        self._over = True
        await asyncio.gather(*self._following)
        log, scheduler = self._recorder.log.ident, self.cluster.scheduler
        reply = await self._recorder.read(self._cursor, 0, log, until=self._recorder.next)
        frames = list(reply["frames"])
        while reply["next"] < reply["end"]:
            reply = await self._recorder.read(reply["next"], reply["names"], log)
            frames += reply["frames"]
        return summarize(
            TaskTable(frames, reply["missed"]),
            start=self.start,
            stop=stop,
            threads=scheduler.total_nthreads,
            workers=len(scheduler.workers),
            memory=sum(ws.memory_limit for ws in scheduler.workers.values()),
            counts=self.counts.columns,
            system=self.system.columns,
            details=unpack_details(await scheduler.handlers["dasklens_details"](start=self.start)),
        )

    def summary(self) -> dict[str, Any]:
        """What is said of it; it ends here."""
        found: dict[str, Any] = self.client.sync(self.end)
        return found


@contextmanager
def recording(
    n_workers: int = 2, threads: int = 2, settings: dict[str, Any] | None = None, **more: Any
) -> Iterator[Recording]:
    """A cluster whose tasks are recorded from here on."""
    known = {"processes": False, "protocol": "tcp://", "host": "127.0.0.1", **NO_DASHBOARD, **more}
    with (
        dask.config.set({"dasklens.sample.interval": "200ms", **(settings or {})}),
        LocalCluster(n_workers=n_workers, threads_per_worker=threads, **known) as cluster,
        Client(cluster) as client,
    ):
        # Whatever a first task brings along is done before the clock runs.
        client.gather(client.map(abs, range(2 * n_workers * threads), key="warm"))
        recorded = Recording(client, cluster)
        client.sync(recorded.begin)
        yield recorded

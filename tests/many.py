"""Very many tasks, and a scheduler that has very much to tell, to see what that takes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import numpy as np
from make_golden_frames import BASE

from dasklens.model.spans import TaskTable


class Many(TaskTable):
    """Very many tasks on 64 threads, a third of them with a transfer."""

    def __init__(self, n: int):
        super().__init__()
        rng = np.random.default_rng(0)
        begin = np.sort(rng.random(n)) * 3600 + BASE
        spans = np.where(rng.random(n) < 0.3, 2, 1).astype("u4")
        record = np.repeat(np.arange(n, dtype="u4"), spans)
        action = np.full(len(record), 65, "u4")
        action[np.flatnonzero(np.diff(record, append=n) == 0)] = 64
        self._names = {**{i: (f"tcp://w:{i // 2}", i, "w") for i in range(64)}, 64: "transfer", 65: "compute"}
        self._names |= {66 + i: (f"g-{i}", f"p-{i % 20}", None, ()) for i in range(200)}
        self._n = n
        start = begin[record] - np.where(action == 64, 0.01, 0.0)
        self._columns = {
            "group": rng.integers(66, 266, n).astype("u4"),
            "lane": rng.integers(0, 64, n).astype("u4"),
            "error": np.full(n, 0xFFFFFFFF, "u4"),
            "record": record,
            "action": action,
            "start": start,
            "stop": start + np.where(action == 64, 0.01, rng.random(n)[record] * 0.05),
        }

    def __len__(self) -> int:
        return self._n


def talkative(scheduler: Any, receivers: int) -> None:
    """Bandwidths of all workers to so many, long logs of everybody, and very many metrics."""
    names = list(scheduler.workers)
    pairs = ((a, b) for a in names[:receivers] for b in names)
    scheduler.bandwidth_workers.update({pair: 1e8 + i for i, pair in enumerate(pairs)})
    record = logging.LogRecord("d", 20, "", 1, "word " * 20, (), None)
    scheduler._deque_handler.deque = deque([record] * 10_000)
    metrics = {("execute", f"prefix-{i}", "thread-cpu", "seconds"): 0.5 for i in range(1000)}
    each = SimpleNamespace(name=("s",), id="s", _cumulative_worker_metrics=metrics)
    scheduler.extensions["spans"] = SimpleNamespace(spans={str(i): each for i in range(20)})
    line = [time.time(), "INFO", "word " * 20]

    async def broadcast(workers: list[str], **_: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {worker: [line] * 30 for worker in workers}

    scheduler.broadcast = broadcast

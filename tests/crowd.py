"""A thousand workers that never were, on a real scheduler: their states, metrics and heartbeats."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from distributed import Scheduler
from distributed.core import Status
from distributed.metrics import time
from distributed.scheduler import WorkerState

GIB = 2**30


def metrics(rng: random.Random, limit: float = 4 * GIB) -> dict[str, Any]:
    """What a heartbeat of a worker says."""
    spilled = rng.choice([0, 0, 0, rng.randrange(GIB)])
    return {
        "task_counts": {"executing": rng.randrange(3), "ready": rng.randrange(50), "memory": 10},
        "bandwidth": {"total": 1e8, "workers": {}, "types": {}},
        "digests_total_since_heartbeat": {},
        "managed_bytes": 0,
        "spilled_bytes": {"memory": spilled, "disk": spilled // 2},
        "transfer": {"incoming_bytes": 0, "outgoing_bytes": 0},
        "event_loop_interval": 0.02,
        "cpu": rng.random() * 200,
        "memory": int(rng.random() * limit),
        "time": time(),
        "host_net_io": {"read_bps": rng.random() * 1e8, "write_bps": rng.random() * 1e8},
        "host_disk_io": {"read_bps": 0.0, "write_bps": rng.random() * 1e6},
        "num_fds": 30,
    }


class Crowd:
    """Workers of a scheduler, as it would hold them; nobody is behind them.

    Parameters
    ----------
    scheduler : Scheduler or object with ``workers``
    n : int
        Number of workers.
    """

    def __init__(self, scheduler: Any, n: int, seed: int = 0):
        self.scheduler = scheduler
        self.rng = random.Random(seed)
        self.states: list[WorkerState] = []
        for i in range(n):
            self.add(f"tcp://10.0.{i // 250}.{i % 250}:40000", f"worker-{i}")

    def add(self, address: str, name: Any, **traits: Any) -> WorkerState:
        """One more worker."""
        ws = WorkerState(
            address=address,
            status=Status.running,
            pid=1,
            name=name,
            nthreads=traits.pop("nthreads", 2),
            memory_limit=traits.pop("memory_limit", 4 * GIB),
            local_directory="/tmp",
            nanny=None,
            server_id=f"Worker-{address}-{len(self.states)}",
            scheduler=self.scheduler if isinstance(self.scheduler, Scheduler) else None,
        )
        self.states.append(ws)
        self.scheduler.workers[address] = ws
        self.beat(ws)
        return ws

    def beat(self, ws: WorkerState, **said: Any) -> None:
        """A heartbeat of a worker, without the scheduler's own work for it."""
        ws.metrics = {**metrics(self.rng, ws.memory_limit or 4 * GIB), **said}
        ws.last_seen = time()
        ws.nbytes = ws.metrics["memory"] // 2
        ws._memory_unmanaged_old = ws.metrics["memory"] // 4

    def second(self, part: float = 1 / 6, loaded: float = 1.0) -> None:
        """What comes within a second: heartbeats of a part of the workers, tasks that came and went."""
        for ws in self.states:
            if self.rng.random() < part:
                self.beat(ws)
            if self.rng.random() < loaded:
                ws.processing = set(range(self.rng.randrange(200)))  # type: ignore[assignment]
                ws.nbytes += self.rng.randrange(1000)

    def remove(self, ws: WorkerState) -> None:
        self.states.remove(ws)
        del self.scheduler.workers[ws.address]


def bare_scheduler(**more: Any) -> Any:
    """The few attributes of a scheduler that the sampler reads."""
    return SimpleNamespace(workers={}, task_prefixes={}, total_occupancy=0.0, **more)

"""The stream ``system``: the scheduler's process and the traffic of the workers' hosts, over time.

A history as ``counts`` is, filled only while somebody reads it. What the scheduler knows of itself is
measured by `distributed` every half second (`SystemMonitor`) and read here; so are the ticks of its loop.
What workers say of network and disk is their host's: of several workers on a host it counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from typing import TYPE_CHECKING, Any

from ..wire.frames import pack_frame
from .columns import number
from .history import LIMIT, History
from .workertable import WorkerTable

if TYPE_CHECKING:
    from distributed import Scheduler

#: Columns of a record and the codes of `array` they are kept in.
COLUMNS = {
    "time": "d",
    **dict.fromkeys(("cpu", "memory"), "d"),
    **dict.fromkeys(("lag", "tick"), "f"),
    **dict.fromkeys(("net_read", "net_write", "disk_read", "disk_write", "spilled"), "d"),
    **dict.fromkeys(("gil", "gil_most", "worker_tick"), "f"),
}
#: Workers between two looks at the clock.
BATCH = 64
#: The four columns of a host's traffic, as a heartbeat brings them.
_IO = slice(8, 12)
_SPILLED = 5


class SystemLog:
    """The scheduler's process and the hosts' traffic over time.

    Parameters
    ----------
    ident : str
        Id of the log that the cursors belong to.
    limit : int
        Bytes of history.
    """

    stream = "system"

    def __init__(self, ident: str, limit: int = LIMIT):
        self.ident = ident
        self._history = History(COLUMNS, limit)

    @property
    def next(self) -> int:
        """Number of the next sample."""
        return self._history.next

    def sample(self, scheduler: Scheduler, workers: WorkerTable, time: float, lag: float) -> Iterator[None]:
        """Add a record; yields between batches of workers.

        Parameters
        ----------
        workers : WorkerTable
            Just sampled.
        time : float
            When that was, in seconds since the epoch.
        lag : float
            Seconds that the sampler's timer came late; NaN when there was none.
        """
        hosts: dict[str, list[float]] = {}
        spilled = tick = 0.0
        held: list[float] = []
        for n, row in enumerate(list(workers.rows)):
            if n % BATCH == BATCH - 1:
                yield
            beat = row.beat
            spilled += beat[_SPILLED]
            host = hosts.get(row.host)
            if host is None:
                hosts[row.host] = [1, *beat[_IO]]
            else:
                host[0] += 1
                host[1] += beat[8]
                host[2] += beat[9]
                host[3] += beat[10]
                host[4] += beat[11]
            if row.tick > tick:
                tick = row.tick
            if row.gil is not None:
                held.append(row.gil)
        io = [sum(host[i] / host[0] for host in hosts.values()) for i in range(1, 5)]
        names = ("net_read", "net_write", "disk_read", "disk_write")
        self._history.append(
            {
                "time": time,
                **_process(scheduler),
                "lag": lag,
                **dict(zip(names, io, strict=True)),
                "spilled": spilled,
                "gil": sum(held) / len(held) if held else nan,
                "gil_most": max(held, default=nan),
                "worker_tick": tick or nan,
            }
        )

    def frames(self, cursor: int, names: int = 0, max_bytes: int = 1 << 20) -> dict[str, Any]:
        """The samples from `cursor` on as one frame; as `CountsLog.frames`, without names."""
        history = self._history
        found: list[bytes] = []
        missed = history.missed(cursor)
        if cursor < history.next:
            first = cursor + missed
            found.append(
                pack_frame(
                    stream=self.stream,
                    log=self.ident,
                    first=first,
                    next=history.next,
                    missed=missed,
                    names0=0,
                    names=[],
                    base=history.base,
                    cols=history.columns(first),
                )
            )
        return {"frames": found, "missed": missed, "next": history.next, "names": 0}


def _process(scheduler: Any) -> dict[str, float]:
    """What distributed has measured of the scheduler's process; NaN for what it has not."""
    quantities = getattr(getattr(scheduler, "monitor", None), "quantities", {})

    def last(name: str) -> float:
        values = quantities.get(name)
        return number(values[-1]) if values else nan

    return {
        "cpu": last("cpu"),
        "memory": last("memory"),
        "tick": number(getattr(scheduler, "_tick_interval_observed", None)) or nan,
    }

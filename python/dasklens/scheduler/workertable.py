"""The stream ``workers``: every worker as it is, and what changed since a reader's last sample.

A table, not a history: each worker has a row, and each row remembers the sample at which it last
changed. A reader that comes from a sample gets the rows that changed since, one that comes from
nowhere gets them all, so it costs nothing to be late. A row has two halves because they change at
different times: what comes with a heartbeat, and what the scheduler knows by itself.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distributed.comm.addressing import get_address_host
from distributed.metrics import time

from .columns import floats, number, text, whole
from .table import Columns, Table

if TYPE_CHECKING:
    from distributed import Scheduler

#: Columns of what a heartbeat brings, and of what the scheduler knows. All but `whole` ones are f4.
BEAT = (
    "worker",
    "seen",
    "cpu",
    "process",
    "unmanaged",
    "spilled",
    "executing",
    "ready",
    "net_read",
    "net_write",
    "disk_read",
    "disk_write",
)
LOAD = ("load_worker", "status", "managed", "processing")
WHOLE = {"worker", "executing", "ready", "load_worker", "status", "processing"}
#: Workers between two looks at the clock.
BATCH = 32
#: Names of workers that are gone, beyond which the table begins anew under another id.
MOST_NAMES = 10_000


class _Row:
    """One worker, from its coming to its leaving."""

    __slots__ = (
        "beat",
        "beat_at",
        "gil",
        "host",
        "id",
        "limit",
        "load_at",
        "managed",
        "process",
        "processing",
        "running",
        "seen",
        "spilled_memory",
        "status",
        "status_id",
        "threads",
        "tick",
        "unmanaged",
        "ws",
    )

    def __init__(self, ws: Any, ident: int, threads: int, limit: float, host: str):
        self.ws, self.id, self.threads, self.limit, self.host = ws, ident, threads, limit, host
        self.beat: tuple[float, ...] = ()
        self.seen: Any = None
        self.status: Any = None
        self.status_id = self.processing = self.beat_at = self.load_at = 0
        self.process = self.unmanaged = self.managed = self.spilled_memory = self.tick = 0.0
        #: Part of the time for which its threads wait for the GIL; None where that is not measured.
        self.gil: float | None = None
        self.running = False

    @property
    def load(self) -> tuple[float, ...]:
        return self.id, self.status_id, self.managed, self.processing


@dataclass
class Totals:
    """What a sample adds up over the workers: bytes, threads, and each one's process memory."""

    time: float
    workers: int = 0
    running: int = 0
    threads: int = 0
    limit: float = 0.0
    process: float = 0.0
    managed: float = 0.0
    unmanaged: float = 0.0
    recent: float = 0.0
    spilled: float = 0.0
    cpu: float = 0.0
    each: list[float] = field(default_factory=list)


class WorkerTable(Table):
    """The workers of one scheduler.

    Parameters
    ----------
    ident : str
        Id of the log that the cursors belong to.
    """

    stream = "workers"

    def __init__(self, ident: str):
        super().__init__(ident)
        self._rows: dict[str, _Row] = {}
        self._statuses: dict[str, int] = {}
        self._packed: dict[tuple[int, int], bytes] = {}

    @property
    def rows(self) -> Iterable[_Row]:
        """The workers as of the last sample."""
        return self._rows.values()

    # -- sampling --------------------------------------------------------------------------------

    def sample(self, scheduler: Scheduler) -> Generator[None, None, Totals]:
        """Look at each worker; yields between batches, and returns the `Totals`."""
        if len(self._names) > MOST_NAMES + 2 * len(self._rows):
            self._begin_anew()
        now, at, rows = time(), self.next, self._rows
        totals = Totals(now)
        for n, (address, ws) in enumerate(list(scheduler.workers.items())):
            if n % BATCH == BATCH - 1:
                yield
            row = rows.get(address)
            if row is None or row.ws is not ws:
                if row is not None:
                    self._leave(row.id)
                row = rows[address] = self._come(address, ws)
            self._look(row, ws, at, totals)
        for address in rows.keys() - scheduler.workers.keys():
            self._leave(rows.pop(address).id)
        totals.time = time()
        self._end_sample(totals.time)
        self._packed.clear()
        return totals

    def _look(self, row: _Row, ws: Any, at: int, totals: Totals) -> None:
        # Some 2 µs a worker: what is rare is in a function of its own, and no builtin is called for sport.
        if ws.last_seen != row.seen:
            self._heed(row, ws, at)
        if ws.status is not row.status:
            self._change(row, ws, at)
        managed = ws.nbytes - row.spilled_memory
        if managed < 0:
            managed = 0
        processing = len(ws.processing)
        if processing != row.processing or managed != row.managed:
            row.processing, row.managed, row.load_at = processing, managed, at
        process = row.process
        # The numbers come at different times: what is managed can be no more than all there is.
        if managed > process:
            managed = process
        unmanaged = process - managed
        if row.unmanaged < unmanaged:
            totals.recent += unmanaged - row.unmanaged
            unmanaged = row.unmanaged
        totals.workers += 1
        totals.running += row.running
        totals.threads += row.threads
        totals.limit += row.limit
        totals.process += process
        totals.managed += managed
        totals.unmanaged += unmanaged
        totals.spilled += row.beat[5]
        totals.cpu += row.beat[2]
        totals.each.append(process)

    def _heed(self, row: _Row, ws: Any, at: int) -> None:
        """Take what a heartbeat brought."""
        row.seen = ws.last_seen
        try:
            row.beat = _beat(row.id, ws)
            row.spilled_memory = number(ws.metrics["spilled_bytes"]["memory"])
            row.tick = number(ws.metrics.get("event_loop_interval"))
            row.gil = number(ws.metrics["gil_contention"]) if "gil_contention" in ws.metrics else None
        except Exception:
            # Metrics are the worker's own words; without them it is still there.
            row.beat = (row.id, number(row.seen), *([0] * (len(BEAT) - 2)))
            row.spilled_memory = row.tick = 0.0
            row.gil = None
        row.process, row.unmanaged = row.beat[3], row.beat[4]
        row.beat_at = at

    def _change(self, row: _Row, ws: Any, at: int) -> None:
        row.status = ws.status
        name = text(getattr(ws.status, "name", ws.status))
        row.running = name == "running"
        if name not in self._statuses:
            self._statuses[name] = self._intern(name)
        row.status_id = self._statuses[name]
        row.load_at = at

    def _come(self, address: str, ws: Any) -> _Row:
        threads, limit = int(number(ws.nthreads)), number(ws.memory_limit)
        ident = self._intern([address, text(ws.name), threads, limit])
        return _Row(ws, ident, threads, limit, host_of(address))

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._rows.clear()
        self._statuses.clear()

    # -- reading ---------------------------------------------------------------------------------

    def _pack(self, cursor: int, names: int) -> bytes:
        # Many readers come from the same sample.
        data = self._packed.get((cursor, names))
        if data is None:
            data = self._packed[cursor, names] = super()._pack(cursor, names)
        return data

    def _columns(self, cursor: int) -> Columns:
        rows = self._rows.values()
        beats = [row.beat for row in rows if row.beat_at >= cursor]
        loads = [row.load for row in rows if row.load_at >= cursor]
        return {**_columns(BEAT, beats, self._time), **_columns(LOAD, loads, self._time)}


def host_of(address: str) -> str:
    """The machine that an address is on; the address itself where that cannot be read from it."""
    try:
        return str(get_address_host(address))
    except Exception:
        return address


def _beat(ident: int, ws: Any) -> tuple[float, ...]:
    metrics = ws.metrics
    tasks = metrics["task_counts"]
    net = metrics.get("host_net_io") or {}
    disk = metrics.get("host_disk_io") or {}
    return (
        ident,
        number(ws.last_seen),
        number(metrics["cpu"]),
        number(metrics["memory"]),
        number(ws._memory_unmanaged_old),
        number(metrics["spilled_bytes"]["disk"]),
        int(number(tasks.get("executing", 0))),
        int(number(tasks.get("ready", 0))),
        number(net.get("read_bps", 0)),
        number(net.get("write_bps", 0)),
        number(disk.get("read_bps", 0)),
        number(disk.get("write_bps", 0)),
    )


def _columns(names: tuple[str, ...], rows: list[tuple[float, ...]], base: float) -> Columns:
    values: Iterable[tuple[float, ...]] = zip(*rows, strict=True) if rows else [()] * len(names)
    found: Columns = {}
    for name, column in zip(names, values, strict=True):
        if name in WHOLE:
            found[name] = whole(column)
        elif name == "seen":
            found[name] = floats(array("f", [seen - base for seen in column]))
        else:
            found[name] = floats(array("f", column))
    return found

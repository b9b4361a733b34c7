"""Write the golden frames that the Python and the TypeScript suite both read.

Run it only when the format changes on purpose: ``python tests/make_golden_frames.py``. Each
``NAME.frames`` is a msgpack array of frames; ``NAME.json`` says what they hold.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import msgpack

from dasklens.model.progress import ProgressNow
from dasklens.model.samples import CountsOverTime, GroupsNow, SystemOverTime, WorkersNow
from dasklens.model.spans import TaskTable
from dasklens.scheduler import counts as counts_module
from dasklens.scheduler import grouptable as grouptable_module
from dasklens.scheduler import tracker as tracker_module
from dasklens.scheduler import workertable as workertable_module
from dasklens.scheduler.counts import STATES, CountsLog
from dasklens.scheduler.grouptable import GroupTable
from dasklens.scheduler.log import TaskLog
from dasklens.scheduler.systemlog import SystemLog
from dasklens.scheduler.tracker import Tracker
from dasklens.scheduler.workertable import WorkerTable

FOLDER = Path(__file__).parent / "data" / "frames"
TOKEN = "9a1689536a934d67341eac3b9682a85a"
BASE = 1_795_431_048.8087008


def task(key: Any, group: str, prefix: str, span: str | None = None) -> Any:
    owner = SimpleNamespace(name=prefix)
    group_ = _Group(group, owner, span)
    return SimpleNamespace(key=key, group=group_)


class _Group:
    _known: ClassVar[dict[str, _Group]] = {}

    def __new__(cls, name: str, prefix: Any, span_id: str | None) -> _Group:
        if name not in cls._known:
            cls._known[name] = super().__new__(cls)
        return cls._known[name]

    def __init__(self, name: str, prefix: Any, span_id: str | None):
        self.name, self.prefix, self.span_id = name, prefix, span_id


def said(worker: int, thread: int, *spans: tuple[str, float, float], **more: Any) -> dict[str, Any]:
    return {
        "worker": f"tcp://127.0.0.1:{40000 + worker}",
        "thread": 140_130_857_973_440 + thread,
        "status": "OK",
        "nbytes": 8,
        "type": b"\x80\x05.",
        "typename": "numpy.ndarray",
        "metadata": {},
        "stimulus_id": f"task-finished-{BASE + 2!r}",
        "startstops": tuple(
            {"action": action, "start": BASE + start, "stop": BASE + stop} for action, start, stop in spans
        ),
        **more,
    }


def several() -> list[bytes]:
    """Two chunks' worth of every kind of record, in three frames."""
    log = TaskLog("golden", 1 << 30, lambda address: f"w-{address[-1]}", lambda span: ["outer", "ß"])
    hostile = "<img src=x onerror=alert(1)>"
    transfer = {
        "action": "transfer",
        "start": BASE + 0.1,
        "stop": BASE + 0.25,
        "source": "tcp://127.0.0.1:40009",
    }
    log.extend(
        [
            (task(("sum-" + TOKEN, 0, 1), "sum-" + TOKEN, "sum"), said(0, 0, ("compute", 0.0, 0.5))),
            (
                task("inc-" + TOKEN, "inc", "inc", "span-1"),
                said(1, 0, ("compute", 0.25, 0.75), nbytes=2**40),
            ),
        ]
    )
    first = log.frames(0)
    mixed = said(0, 1, ("compute", 0.3, 0.4), ("disk-write", 0.4, 0.45), ("deserialize", 0.05, 0.1))
    mixed["startstops"] = (transfer, *mixed["startstops"])
    failed = said(
        1,
        1,
        ("compute", 0.5, 0.6),
        status="error",
        exception_text=f"ValueError('{hostile}')",
        traceback_text='  File "x.py", line 1\n',
    )
    for absent in ("nbytes", "typename", "type", "metadata"):
        del failed[absent]
    log.extend(
        [
            (task(("x", ("y", 1.5), None, True, -7), "x", "x"), mixed),
            (task(hostile, hostile, hostile), failed),
            (task("ünï-ぐ", "ünï", "ünï"), said(0, 0, ("compute", 1e-6, 2.1e-5), metadata={"a": 1})),
            (task(("t", 2**70), "t", "t"), said(0, 0, ("walk", 1.0, 1.5), stimulus_id="other")),
            (task("lost", "lost", "lost"), {"status": "error", "exception_text": "KilledWorker"}),
        ]
    )
    second = log.frames(first["next"], first["names"])
    log._roll()
    log.extend([(task(("sum-" + TOKEN, 1, 1), "sum-" + TOKEN, "sum"), said(0, 0, ("compute", 3.0, 3.5)))])
    third = log.frames(second["next"], second["names"])
    return [*first["frames"], *second["frames"], *third["frames"]]


def worker(address: str, name: Any, **traits: Any) -> Any:
    """A worker as the scheduler has it."""
    metrics = {
        "task_counts": {"executing": 2, "ready": 300},
        "spilled_bytes": {"memory": 2**20, "disk": 2**19},
        "cpu": 150.5,
        "memory": 2**30,
        "host_net_io": {"read_bps": 1.5e6, "write_bps": 2e6},
        "host_disk_io": {"read_bps": 0.0, "write_bps": 1024.0},
    }
    state = {"status": SimpleNamespace(name="running"), "nthreads": 2, "memory_limit": 2**32, "nbytes": 2**29}
    more = {"last_seen": BASE - 0.5, "_memory_unmanaged_old": 2**28, "processing": {"a", "b", "c"}}
    known = {"address": address, "name": name, "metrics": metrics}
    return SimpleNamespace(**{**known, **state, **more, **traits})


def sampled() -> tuple[list[bytes], list[bytes]]:
    """Three samples of workers and counts: one comes, one changes, one leaves, one has no metrics."""
    hostile = "<img src=x onerror=alert(1)>"
    clock = iter(BASE + i / 4 for i in range(100))
    known = workertable_module.time, counts_module.thresholds
    workertable_module.time, counts_module.thresholds = lambda: next(clock), lambda: [0.6, 0.7, float("nan")]
    try:
        table, counts = WorkerTable("golden"), CountsLog("golden")
    finally:
        counts_module.thresholds = known[1]
    first, second = worker("tcp://a:1", 0), worker("tcp://b:1", hostile, memory_limit=0)
    scheduler: Any = SimpleNamespace(
        workers={"tcp://a:1": first, "tcp://b:1": second},
        task_prefixes={"inc": SimpleNamespace(states={**dict.fromkeys(STATES, 0), "processing": 70_000})},
        total_occupancy=12.5,
    )
    frames: tuple[list[bytes], list[bytes]] = ([], [])
    at = [(0, 0), (0, 0)]

    def look() -> None:
        done = list(_run(table, counts, scheduler))
        assert done == [None]
        for i, stream in enumerate((table, counts)):
            reply = stream.frames(*at[i])
            frames[i].extend(reply["frames"])
            at[i] = reply["next"], reply["names"]

    try:
        look()
        first.status = SimpleNamespace(name="paused")
        scheduler.workers["tcp://c:1"] = worker("tcp://c:1", "ünï", metrics={}, nbytes=5)
        scheduler.task_prefixes["ünï"] = SimpleNamespace(states={**dict.fromkeys(STATES, 0), "erred": 1})
        look()
        del scheduler.workers["tcp://b:1"]
        first.last_seen += 1
        first.metrics = {**first.metrics, "cpu": 3.0}
        look()
    finally:
        workertable_module.time = known[0]
    return frames


def _run(table: WorkerTable, counts: CountsLog, scheduler: Any) -> Any:
    totals = yield from table.sample(scheduler)
    yield from counts.sample(scheduler, totals)


def measured() -> list[bytes]:
    """Three samples of the scheduler's process: two workers share a host, and one measures the GIL."""
    table, system = WorkerTable("golden"), SystemLog("golden")
    monitor = SimpleNamespace(quantities={"cpu": [12.5], "memory": [2**28]})
    scheduler: Any = SimpleNamespace(workers={}, monitor=monitor, _tick_interval_observed=0.02)
    frames: list[bytes] = []

    def look(time: float, lag: float) -> None:
        list(table.sample(scheduler))
        list(system.sample(scheduler, table, time, lag))
        frames.extend(system.frames(system.next - 1)["frames"])

    look(BASE, float("nan"))
    scheduler.workers.update({f"tcp://{at}": worker(f"tcp://{at}", at) for at in ("a:1", "a:2", "b:1")})
    metrics = scheduler.workers["tcp://a:2"].metrics
    metrics |= {"gil_contention": 0.75, "event_loop_interval": 0.25}
    scheduler.workers["tcp://b:1"].metrics["host_net_io"] = {"read_bps": 1000.0, "write_bps": 5.0}
    look(BASE + 1, 0.001)
    del scheduler.monitor, scheduler._tick_interval_observed, scheduler.workers["tcp://b:1"]
    look(BASE + 2.5, 0.5)
    return frames


def grouped() -> list[bytes]:
    """Two samples of groups and spans: one fails, one leaves, one comes."""
    hostile = "<img src=x onerror=alert(1)>"

    class Hashed(SimpleNamespace):
        __hash__ = object.__hash__

    def group(name: str, span: str | None, **states: int) -> Any:
        counts = {**dict.fromkeys(STATES, 0), **states}
        return Hashed(name=name, prefix=SimpleNamespace(name=name[:3]), span_id=span, states=counts)

    spans = {"span-1": SimpleNamespace(name=("outer", "ß"))}
    known = [
        group("inc-1", "span-1", processing=70_000),
        group("inc-2", "span-1", memory=3),
        group("sum", None),
    ]
    scheduler: Any = SimpleNamespace(
        task_groups={each.name: each for each in known},
        extensions={"spans": SimpleNamespace(spans=spans)},
    )
    table, clock = GroupTable("golden"), iter((BASE, BASE + 1))
    frames: list[bytes] = []
    at = (0, 0)
    time = grouptable_module.time
    grouptable_module.time = lambda: next(clock)
    try:
        for _ in range(2):
            assert list(table.sample(scheduler)) == []
            reply = table.frames(*at)
            frames.extend(reply["frames"])
            at = reply["next"], reply["names"]
            del scheduler.task_groups["sum"]
            known[1].states["erred"] = 2
            scheduler.task_groups["sum"] = group(hostile, "span-<b>", waiting=1)
    finally:
        grouptable_module.time = time
    return frames


def followed() -> list[bytes]:
    """Four groups: one fails, one is of a span, one is done and one changes in the second frame."""
    return asyncio.run(_followed())


async def _followed() -> list[bytes]:
    hostile = "<img src=x onerror=alert(1)>"
    failed = SimpleNamespace(
        key=hostile,
        exception_blame=None,
        exception_text=f"ValueError('{hostile}')",
        traceback_text='  File "x.py", line 1\n',
        erred_on={"tcp://127.0.0.1:40001"},
        exception=None,
    )
    scheduler: Any = SimpleNamespace(tasks={hostile: failed}, extensions={})
    tracker = Tracker("golden", scheduler, "prefix")
    tracker.enter("reader")
    counting = tracker.counting
    for label, counts in ((hostile, (0, 0, 1, 0, 2, 0)), (("ünï", "span-1"), (70_000, 3, 5, 7, 0, 0))):
        group = counting._group(label)
        group.counts[:] = counts
        counting.totals = [a + b for a, b in zip(counting.totals, counts, strict=True)]
    counting.groups[0].failed = hostile
    counting.groups[0].place, counting.groups[1].place = 1, 0
    counting.n_tracked, counting.n_unknown, counting.touched = 70_018, 2, True
    tracker._note_failure(counting.groups[0])
    # A clock would make other bytes each time.
    tracker._eta.note = lambda *args: 12.5  # type: ignore[method-assign]
    known = tracker_module.monotonic
    tracker_module.monotonic = lambda: tracker.readers["reader"].opened + 1.5
    try:
        first = await tracker.read("reader", 0, 0, 0, 0)
        counting.groups[1].counts[1:3] = [4, 4]
        counting.groups[1].changed, counting.touched = counting.version, True
        tracker.end("the cluster was restarted")
        second = await tracker.read("reader", first["next"], first["names"], 0, 0)
    finally:
        tracker_module.monotonic = known
    return [*first["frames"], *second["frames"]]


def described_progress(frames: list[bytes]) -> dict[str, Any]:
    """How far it is after the last frame."""
    now = ProgressNow()
    assert all(now.append(frame) for frame in frames)
    said = ("next", "status", "final", "counting", "tracked", "unknown", "reason", "elapsed", "eta")
    groups = [
        {"name": g.name, "ident": g.ident, "place": g.place, "counts": g.counts, "error": g.error}
        for g in now.groups
    ]
    return {**{name: getattr(now, name) for name in said}, "groups": groups}


def plain(value: Any) -> Any:
    """`value` as JSON can say it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if not isinstance(item, bytes)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def described(frames: list[bytes]) -> dict[str, Any]:
    """What the frames hold: the records, and how a key reads as text."""
    records = TaskTable(frames).records()
    return {
        "records": [{**plain(r), "key_text": key_text(r["key"])} for r in records],
        "n_records": len(records),
    }


def described_workers(frames: list[bytes]) -> dict[str, Any]:
    """The workers after the last frame."""
    now = WorkersNow()
    assert all(now.append(frame) for frame in frames)
    return {"next": now.next, "time": now.time, "workers": now.rows}


def described_counts(frames: list[bytes]) -> dict[str, Any]:
    """The samples of all frames."""
    counts = CountsOverTime()
    assert all(counts.append(frame) for frame in frames)
    return {"next": counts.next, "columns": without_nan(counts.columns), "prefixes": counts.prefixes}


def described_system(frames: list[bytes]) -> dict[str, Any]:
    """The samples of all frames."""
    system = SystemOverTime()
    assert all(system.append(frame) for frame in frames)
    return {"next": system.next, "columns": without_nan(system.columns)}


def without_nan(columns: dict[str, list[float]]) -> dict[str, list[float | None]]:
    """`columns` with null for NaN, which JSON has not."""
    return {name: [None if value != value else value for value in values] for name, values in columns.items()}


def described_groups(frames: list[bytes]) -> dict[str, Any]:
    """The groups and spans after the last frame."""
    now = GroupsNow()
    assert all(now.append(frame) for frame in frames)
    told = {
        kind: [{"name": name, "ident": ident, **by} for (name, ident), by in rows.items()]
        for kind, rows in (("groups", now.groups), ("spans", now.spans))
    }
    return {"next": now.next, "n_groups": now.n_groups, "n_spans": now.n_spans, **told}


#: By the stream, which begins a file's name: what makes its frames, and what says what they hold.
GOLDEN: dict[str, tuple[Any, Any]] = {
    "tasks": (several, described),
    "workers": (lambda: sampled()[0], described_workers),
    "counts": (lambda: sampled()[1], described_counts),
    "groups": (grouped, described_groups),
    "system": (measured, described_system),
    "progress": (followed, described_progress),
}


def key_text(key: Any) -> str:
    return key if isinstance(key, str) else repr(key)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stream, (make, describe) in GOLDEN.items():
        frames = make()
        (FOLDER / f"{stream}-v1.frames").write_bytes(msgpack.packb(frames))
        text = json.dumps(describe(frames), indent=1, ensure_ascii=False)
        (FOLDER / f"{stream}-v1.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

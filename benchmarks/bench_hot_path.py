"""What a finished task costs the scheduler: the call, the conversion, the memory.

Task and message objects are like the scheduler's own; the plugins compared are an empty one and
upstream's `TaskStreamPlugin`, called in turns in one run.
"""

from __future__ import annotations

import asyncio
import gc
from statistics import median
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.diagnostics.task_stream import TaskStreamPlugin
from rows import Row

from dasklens.scheduler import recorder as recorder_module
from dasklens.scheduler.recorder import Recorder

N = 100_000
ROUNDS = 9
TURN = 500


class Empty(SchedulerPlugin):
    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        pass


class FakeScheduler(SimpleNamespace):
    """The few attributes of a scheduler that the recorder uses."""

    def log_event(self, topic: str, event: Any) -> None:
        pass


def tasks(n: int) -> tuple[dict[Any, Any], list[dict[str, Any]]]:
    """Half from a collection, half from `Client.map`: the typical keys."""
    token = "9a1689536a934d67341eac3b9682a85a"
    prefix = SimpleNamespace(name="sum")
    groups = [_Group(f"sum-{token}", prefix), _Group("inc", prefix)]
    known: dict[Any, Any] = {}
    said = []
    for i in range(n):
        key = (f"sum-{token}", i // 100, i % 100) if i % 2 else f"inc-{i:032x}"
        known[key] = SimpleNamespace(key=key, group=groups[0 if i % 2 else 1])
        start = 1.7954e9 + i * 1e-3
        said.append(
            {
                "stimulus_id": f"task-finished-{start + 0.01!r}",
                "worker": f"tcp://127.0.0.1:{40000 + i % 8}",
                "metadata": {},
                "nbytes": 8,
                "type": b"\x80\x05\x95\x15\x00\x00\x00\x00\x00\x00\x00\x8c\x05numpy.",
                "typename": "numpy.ndarray",
                "thread": 140_130_857_973_440 + i % 4,
                "startstops": ({"action": "compute", "start": start, "stop": start + 1e-3},),
                "status": "OK",
            }
        )
    return known, said


class _Group:
    span_id = None

    def __init__(self, name: str, prefix: Any):
        self.name, self.prefix = name, prefix


async def _measure() -> list[Row]:
    known, said = tasks(N)
    scheduler: Any = FakeScheduler(tasks=known, handlers={}, workers={}, extensions={}, plugins={})
    recorder = Recorder(limit=1 << 40)
    recorder.begin(scheduler)
    # The drain is called by hand below, so that call and conversion are timed apart.
    recorder._wake_drain = lambda: None  # type: ignore[method-assign]
    recorder.transition = recorder_module._hot_path(known, recorder._pending, lambda: None)  # type: ignore[method-assign]
    plugins = {
        "empty": Empty(),
        "upstream": TaskStreamPlugin(scheduler, maxlen=N),
        "ours": recorder,
    }
    calls: dict[str, list[float]] = {name: [] for name in plugins}
    drains: list[float] = []
    messages = list(zip(known, said, strict=True))
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        spent = dict.fromkeys(plugins, 0.0)
        drained = 0.0
        # In turns of some hundred, which is what comes between two drains.
        for at in range(0, N, TURN):
            turn = messages[at : at + TURN]
            for name, plugin in plugins.items():
                transition = plugin.transition
                start = perf_counter()
                for key, message in turn:
                    transition(key, "processing", "memory", **message)
                spent[name] += perf_counter() - start
            start = perf_counter()
            recorder.log.extend(recorder._pending)
            del recorder._pending[:]
            drained += perf_counter() - start
        for name, seconds in spent.items():
            calls[name].append(seconds / N * 1e6)
        drains.append(drained / N * 1e6)
    empty, upstream, _ = (median(calls[name]) for name in plugins)
    extra = median(o - e for o, e in zip(calls["ours"], calls["empty"], strict=True))
    total = extra + median(drains)
    rows = [
        Row(
            "hot path above an empty plugin",
            "<= 0.6 µs",
            f"{upstream - empty:.2f} µs",
            f"{extra:.2f} µs (empty {empty:.2f})",
            extra <= 0.6,
        ),
        Row("a finished task in all, in columns", "<= 4 µs", "-", f"{total:.2f} µs", total <= 4),
        Row(
            "kept a task",
            "<= 120 bytes",
            "-",
            f"{recorder.log.nbytes / recorder.log.next:.0f} bytes",
            recorder.log.nbytes / recorder.log.next <= 120,
        ),
    ]
    gc.collect()
    objects = len(gc.get_objects())
    recorder.log.extend((known[key], message) for key, message in messages)
    gc.collect()
    grown = len(gc.get_objects()) - objects
    rows.append(Row("gc objects for 100,000 records", "none a record", "-", str(grown), grown < N / 1000))
    return rows


async def _holds() -> Row:
    """The longest time the drain holds the loop, with a million records in the log."""
    known, said = tasks(20_000)
    scheduler: Any = FakeScheduler(tasks=known, handlers={}, workers={}, extensions={}, plugins={})
    recorder = Recorder(limit=1 << 40)
    recorder.begin(scheduler)
    holds: list[float] = []
    drain = recorder._drain

    def timed() -> None:
        # CPU time of this thread: a machine that is busy elsewhere is not the recorder's doing.
        start = process_time()
        drain()
        holds.append((process_time() - start) * 1e3)

    recorder._drain = timed  # type: ignore[method-assign]
    gc.collect()
    gc.freeze()
    for _ in range(50):
        for key, message in zip(known, said, strict=True):
            recorder.transition(key, "processing", "memory", **message)
        start = recorder.next
        while recorder.log.next < start:
            await recorder._wait(1)
    reads: list[float] = []
    cursor = names = 0
    while cursor < recorder.log.next:
        start_time = process_time()
        reply = recorder.log.frames(cursor, names)
        reads.append((process_time() - start_time) * 1e3)
        cursor, names = reply["next"], reply["names"]
    worst = max(max(holds), max(reads))
    return Row(
        "longest hold of the loop, 1,000,000 records",
        "<= 5 ms",
        "-",
        f"{worst:.1f} ms (drain {max(holds):.1f}, read {max(reads):.1f})",
        worst <= 5,
    )


def measure() -> list[Row]:
    """Rows of this file."""
    return [*asyncio.run(_measure()), asyncio.run(_holds())]

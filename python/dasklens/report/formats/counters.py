"""Memory, CPU and tasks over time, of the cluster and of each worker, where a report has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...model.relog import column
from ...model.taskcells import shown
from ...wire.frames import Frame, unpack_frame
from .about import Exported

_MEMORY = ("managed", "unmanaged", "recent", "spilled")
_TASKS = ("waiting", "no_worker", "queued", "processing", "memory", "erred")


@dataclass
class Counter:
    """Values at a time.

    Attributes
    ----------
    time : float
        Seconds since the epoch, on the scheduler's clock.
    worker : (str, str) or None
        Address and name; None of the cluster.
    name : str
        What is counted, and its unit.
    values : dict of str to float
    """

    time: float
    worker: tuple[str, str] | None
    name: str
    values: dict[str, float]


def counters(run: Exported) -> Iterator[Counter]:
    """All of them, those of the cluster first; what is no number is left out."""
    for found in (_of_cluster(run), _of_workers(run)):
        for counter in found:
            counter.values = {name: value for name, value in counter.values.items() if math.isfinite(value)}
            if counter.values and math.isfinite(counter.time):
                yield counter


def _of_cluster(run: Exported) -> Iterator[Counter]:
    for data in run.frames("counts"):
        frame = _frame(data)
        for i, offset in enumerate(column(frame, "time").tolist()):

            def value(name: str, i: int = i, frame: Frame = frame) -> float:
                values = column(frame, name)
                return float(values[i]) if i < len(values) else math.nan

            time = frame.base + offset
            yield Counter(time, None, "memory (bytes)", {name: value(name) for name in _MEMORY})
            yield Counter(time, None, "CPU (%)", {"CPU": value("cpu")})
            tasks = {name.replace("_", " "): value(f"tasks_{name}") for name in _TASKS}
            yield Counter(time, None, "tasks", tasks)


def _of_workers(run: Exported) -> Iterator[Counter]:
    names: dict[int, Any] = {}
    for data in run.frames("workers"):
        frame = _frame(data)
        names.update(enumerate(frame.names, frame.names0))
        columns = [column(frame, name).tolist() for name in ("worker", "seen", "process", "spilled", "cpu")]
        for ident, seen, process, spilled, cpu in zip(*columns, strict=True):
            address, name = names[ident][:2]
            worker, time = (shown(str(address)), shown(str(name))), frame.base + seen
            yield Counter(time, worker, "memory (bytes)", {"process": process, "spilled": spilled})
            yield Counter(time, worker, "CPU (%)", {"CPU": cpu})


def _frame(data: bytes | Frame) -> Frame:
    return data if isinstance(data, Frame) else unpack_frame(data)

"""The summary of a recording: a verdict, where the time of the threads went, and what looks wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..model.spans import TaskTable
from .findings import find, notes
from .lostworkers import lost_workers
from .measured import Measured, measure
from .words import duration, number, percent, plural

#: Prefixes that are told.
MOST_PREFIXES = 5

#: How each kind of time is computed.
HOW = {
    "compute": "Time in which a thread ran a task's function: its compute spans; where they overlap, once.",
    "transfer": "Time in which a thread did none of the others while data came from other workers for a "
    "task that it ran next. What was transferred meanwhile costs no thread time; {spans} in all.",
    "serialization": "Time in which a thread neither computed nor waited for the disk while something for "
    "its next task was deserialized; {spans} in all.",
    "disk": "Time in which a thread did not compute while data of its tasks was read from disk or "
    "written to it; {spans} in all.",
    "idle": "The rest of the threads' time: {threads}.",
}
ORDER = ("compute", "transfer", "serialization", "disk", "idle")


def summarize(
    tasks: TaskTable,
    *,
    start: float,
    stop: float,
    threads: int,
    workers: int = 0,
    memory: float = 0.0,
    missed: int = 0,
    counts: Mapping[str, Sequence[float]] | None = None,
    system: Mapping[str, Sequence[float]] | None = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Summarize a recording.

    Parameters
    ----------
    tasks : TaskTable
        Tasks that finished.
    start, stop : float
        Of the recording, seconds since the epoch.
    threads, workers, memory
        Of the cluster: worker threads, workers, and bytes of their memory limits, at the end.
    missed : int
        Tasks that were dropped before they could be read; by default what `tasks` says.
    counts, system : mapping of str to array, optional
        Columns of these streams, ``time`` in seconds since the epoch: `CountsOverTime.columns` and
        `SystemOverTime.columns`. Without `counts`, `threads` were there all the time.
    details : mapping, optional
        As `unpack_details` gives them.

    Returns
    -------
    dict
        As JSON has it: ``verdict``; ``time``, by kind ``{"name", "seconds", "share", "how"}``, whose shares
        add up to 1; ``prefixes``, the most expensive ``{"prefix", "tasks", "seconds", "share", "median"}``;
        ``findings``, each ``{"id", "severity", "title", "evidence", "remedy", "link"}``; ``notes``, sentences
        on what could not be measured; ``figures``.
    """
    measured = measure(
        tasks,
        start=start,
        stop=stop,
        threads=threads,
        workers=workers,
        missed=missed,
        counts=counts,
        system=system,
    )
    findings = find(measured, details, lost_workers(measured, tasks, details or {}))
    return {
        "verdict": _verdict(measured, [each["title"] for each in findings]),
        "time": _time(measured, serialized(details or {})),
        "prefixes": _prefixes(measured),
        "findings": findings,
        "notes": notes(measured),
        "figures": {
            "duration": measured.duration,
            "tasks": measured.n_tasks,
            "workers": workers,
            "threads": threads,
            "memory": float(memory),
            "errors": measured.n_errors,
            "prefixes": len(measured.prefixes),
        },
    }


def _verdict(measured: Measured, wrong: list[str]) -> str:
    if not measured.n_tasks:
        return "No task finished while this was recorded."
    computed = measured.time.spent["compute"]
    threads = measured.available / measured.duration if measured.duration else 0.0
    n = measured.n_tasks
    said = (
        f"{n:,} {plural(n, 'task')} kept {number(threads)} worker {plural(round(threads), 'thread')} "
        f"computing for {percent(computed, measured.available)} of {duration(measured.duration)}. "
    )
    if not wrong:
        return said + "Nothing looks wrong."
    return said + "; ".join([wrong[0], *(each[0].lower() + each[1:] for each in wrong[1:])]) + "."


def serialized(details: Mapping[str, Any]) -> float:
    """Seconds in which workers turned data into bytes and back, by the fine performance metrics."""
    rows = details.get("fine_metrics", {}).get("rows", [])
    # A row is [context, span, span id, prefix, activity, unit, value].
    return float(
        sum(row[6] for row in rows if row[4] in ("serialize", "deserialize") and row[5] == "seconds")
    )


def _time(measured: Measured, in_all: float) -> list[dict[str, Any]]:
    seconds = {**measured.time.spent, "idle": measured.idle}
    available = measured.available
    how = dict(HOW)
    if in_all > 0:
        how["serialization"] += (
            f" {duration(in_all)} went into (de)serializing data, most of it beside the threads."
        )
    threads = f"{duration(available)}, the threads that there were, added up over the time"
    return [
        {
            "name": name,
            "seconds": seconds[name],
            "share": seconds[name] / available if available else 0.0,
            "how": how[name].format(spans=duration(measured.time.spans.get(name, 0.0)), threads=threads),
        }
        for name in ORDER
    ]


def _prefixes(measured: Measured) -> list[dict[str, Any]]:
    total = float(measured.seconds.sum())
    # What costs the same is told in the order of its tasks.
    most = sorted(range(len(measured.prefixes)), key=lambda at: (-measured.seconds[at], -measured.tasks[at]))
    return [
        {
            "prefix": measured.prefixes[at],
            "tasks": int(measured.tasks[at]),
            "seconds": float(measured.seconds[at]),
            "share": float(measured.seconds[at]) / total if total else 0.0,
            "median": float(np.median(measured.task_seconds[measured.task_prefix == at])),
        }
        for at in most[:MOST_PREFIXES]
    ]

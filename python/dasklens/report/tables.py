"""The tables of a report: exceptions, workers, bandwidths, fine metrics, and the system over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..model.relog import over_time
from ..model.samples import WorkersNow
from ..model.spans import TaskTable
from ..wire.frames import NO_NAME, unpack_frame

#: Failed tasks that are looked at, rows of different exceptions, and samples of the system, at most.
MOST_FAILURES, MOST_EXCEPTIONS, MOST_SAMPLES = 100_000, 1000, 2000

Table = dict[str, Any]

SMALL = "Nothing was measured: distributed does so for transfers between workers of more than 1 MB."

_SYSTEM = {
    "time": ("Time", "s"),
    "cpu": ("Scheduler CPU", "%"),
    "memory": ("Scheduler memory", "B"),
    "lag": ("Event loop lag", "s"),
    "tick": ("Event loop tick", "s"),
    "net_read": ("Network read", "B/s"),
    "net_write": ("Network write", "B/s"),
    "disk_read": ("Disk read", "B/s"),
    "disk_write": ("Disk write", "B/s"),
    "spilled": ("Spilled", "B"),
    "gil": ("GIL waited for", "%"),
    "gil_most": ("GIL, worst worker", "%"),
    "worker_tick": ("Slowest worker's tick", "s"),
}
_FRACTIONS = ("gil", "gil_most")
#: Units that fine metrics come in, and the columns they go to.
_METRICS = {"seconds": 0, "bytes": 1, "count": 2}


def table(title: str, columns: Sequence[tuple[str, str, str]], rows: list[list[Any]], empty: str) -> Table:
    """A table as the document has it; `columns` are name, title and unit, `empty` is said without rows."""
    named = [{"name": name, "title": shown, "unit": unit} for name, shown, unit in columns]
    return {"title": title, "columns": named, "rows": rows, "empty": "" if rows else empty}


def exceptions(tasks: TaskTable) -> Table:
    """Failed tasks; those of a prefix that failed in the same way are one row."""
    columns = tasks.columns()
    failed = np.flatnonzero(columns["error"] != NO_NAME)
    rows: dict[tuple[Any, ...], list[Any]] = {}
    more = max(0, len(failed) - MOST_FAILURES)
    failed = failed[:MOST_FAILURES]
    if len(failed):
        ends = np.full(len(tasks), np.nan)
        ends[columns["record"]] = columns["stop"]
        for record, key in zip(failed.tolist(), tasks.keys_of(failed), strict=True):
            prefix = tasks.names[columns["group"][record]][1]
            worker = tasks.names[columns["lane"][record]][0]
            text, traceback = tasks.names[columns["error"][record]]
            known = rows.get((prefix, text, traceback))
            if known is not None:
                known[1] += 1
            elif len(rows) < MOST_EXCEPTIONS:
                shown = key if isinstance(key, str) else repr(key)
                rows[prefix, text, traceback] = [ends[record], 1, prefix, shown, worker, text, traceback]
            else:
                more += 1
    title = "Exceptions" + (f" (and those of {more:,} more tasks)" if more else "")
    return table(
        title,
        [
            ("time", "First at", "s"),
            ("tasks", "Tasks", "n"),
            ("prefix", "Prefix", ""),
            ("key", "Key", ""),
            ("worker", "Worker", ""),
            ("exception", "Exception", ""),
            ("traceback", "Traceback", ""),
        ],
        list(rows.values()),
        "No task failed.",
    )


def workers(tasks: TaskTable, frames: Iterable[bytes]) -> Table:
    """Every worker that was there, as it was last seen, and what it did."""
    now, known = WorkersNow(), {}
    for data in frames:
        frame = unpack_frame(data)
        for name in frame.names:
            if not isinstance(name, str):
                known[name[0]] = name
        now.append(frame)
    rows = {
        address: [address, str(name), "left", threads, limit] + [None] * 3
        for address, name, threads, limit in (each[:4] for each in known.values())
    }
    for each in now.rows:
        rows[each["address"]] = [
            each["address"],
            str(each["name"]),
            each.get("status", ""),
            each["threads"],
            each["limit"],
            each.get("process"),
            each.get("spilled"),
            each.get("cpu"),
        ]
    did = _Work(tasks)
    for address, name in did.names.items():
        rows.setdefault(address, [address, name, "left", None, None, None, None, None])
    return table(
        "Workers",
        [
            ("address", "Address", ""),
            ("name", "Name", ""),
            ("status", "Status", ""),
            ("threads", "Threads", "n"),
            ("limit", "Memory limit", "B"),
            ("process", "Memory", "B"),
            ("spilled", "Spilled", "B"),
            ("cpu", "CPU", "%"),
            ("tasks", "Tasks", "n"),
            ("errors", "Errors", "n"),
            ("compute", "Computing", "s"),
            ("transfer", "Transfers", "s"),
        ],
        [[*row, *did.of(address)] for address, row in rows.items()],
        "There was no worker.",
    )


class _Work:
    """Tasks, failures and seconds by worker."""

    def __init__(self, tasks: TaskTable):
        columns = tasks.columns()
        self.names: dict[str, str] = {}
        self._sums: dict[str, list[float]] = {}
        lanes, where = np.unique(columns["lane"], return_inverse=True)
        n = len(lanes)
        seconds = columns["stop"] - columns["start"]
        span_lane = where[columns["record"]] if len(where) else np.empty(0, "i8")
        actions = {i: tasks.names[i] for i in np.unique(columns["action"]).tolist()}
        sums = [np.bincount(where, minlength=n), np.bincount(where[columns["error"] != NO_NAME], minlength=n)]
        for action in ("compute", "transfer"):
            ids = [i for i, said in actions.items() if said == action]
            these = np.isin(columns["action"], ids)
            sums.append(np.bincount(span_lane[these], weights=seconds[these], minlength=n))
        for i, lane in enumerate(lanes.tolist()):
            address, _, name = tasks.names[lane][:3]
            self.names[address] = str(name)
            total = self._sums.setdefault(address, [0, 0, 0.0, 0.0])
            for k, values in enumerate(sums):
                total[k] += values[i].item()

    def of(self, address: str) -> list[float]:
        return self._sums.get(address, [0, 0, 0.0, 0.0])


def system(frames: Iterable[bytes]) -> Table:
    """The scheduler's process and the hosts' traffic over time."""
    values = over_time(frames)
    n = len(values.get("time", ()))
    # Of a long recording every second, third, … sample; the last one always.
    every = max(1, -(n // -MOST_SAMPLES))
    taken = slice((n - 1) % every if n else 0, None, every)
    # What no worker measures, such as the GIL without gilknocker, is no column.
    names = [name for name in _SYSTEM if name in values and not np.isnan(values[name]).all()]
    columns = [values[name][taken] * (100 if name in _FRACTIONS else 1) for name in names]
    rows = [list(row) for row in zip(*(each.tolist() for each in columns), strict=True)]
    shown = [(name, *_SYSTEM[name]) for name in names]
    return table("System over time", shown, rows, "The scheduler was not sampled while this was recorded.")


def of_details(details: Mapping[str, Any], why: str) -> dict[str, Table]:
    """Bandwidths and fine metrics, from what the scheduler keeps of them.

    Parameters
    ----------
    details : mapping
        As `dasklens.wire.details.unpack_details` gives it; empty when it did not come.
    why : str
        Why it did not.
    """
    absent = f"The scheduler did not say: {why}." if why else ""

    def rows_of(name: str) -> list[list[Any]]:
        found: list[list[Any]] = details[name]["rows"] if name in details else []
        return found

    speed = ("bandwidth", "Bandwidth", "B/s")
    return {
        "bandwidth_workers": table(
            "Bandwidth by workers",
            [("receiver", "Receiver", ""), ("sender", "Sender", ""), speed],
            [list(row) for row in rows_of("bandwidth_workers")],
            absent or SMALL,
        ),
        "bandwidth_types": table(
            "Bandwidth by types",
            [("type", "Type", ""), speed],
            [list(row) for row in rows_of("bandwidth_types")],
            absent or SMALL,
        ),
        "fine_metrics": _fine_metrics(
            rows_of("fine_metrics"),
            absent or "Workers have told nothing yet: they do so with their heartbeat, a second or so later.",
        ),
    }


def _fine_metrics(rows: list[list[Any]], empty: str) -> Table:
    """What was measured by context, span, prefix and activity: one row, with a column for each usual unit.

    What a task measures in a unit of its own (`context_meter.digest_metric`) has a row for each of them.
    """
    metrics: dict[tuple[str, ...], list[float | None]] = {}
    for context, span, _ident, prefix, activity, unit, value in rows:
        at = _METRICS.get(unit, len(_METRICS))
        sums = metrics.setdefault(
            (context, span, prefix, activity, "" if unit in _METRICS else unit), [None] * (len(_METRICS) + 1)
        )
        sums[at] = (sums[at] or 0) + value
    columns = [
        ("context", "Context", ""),
        ("span", "Span", ""),
        ("prefix", "Prefix", ""),
        ("activity", "Activity", ""),
        ("seconds", "Time", "s"),
        ("bytes", "Bytes", "B"),
        ("count", "Count", "n"),
    ]
    if all(unit == "" and sums[-1] is None for (*_, unit), sums in metrics.items()):
        filled = [[*at, *sums[:-1]] for (*at, _), sums in metrics.items()]
    else:
        columns += [("amount", "Other amount", "n"), ("unit", "Its unit", "")]
        filled = [[*at, *sums, unit] for (*at, unit), sums in metrics.items()]
    return table("Fine performance metrics", columns, filled, empty)


def logs(details: Mapping[str, Any], why: str, left_out: bool) -> dict[str, Any]:
    """Logs of scheduler and workers, the oldest line first; `left_out` when they are not wanted."""
    empty = ""
    found: dict[str, Any] = {"scheduler": [], "workers": {}}
    if left_out:
        empty = "Logs were left out when this report was made."
    elif "logs" not in details:
        empty = f"The scheduler did not say: {why}." if why else "There are no logs in this report."
    else:
        told = details["logs"]
        found["scheduler"] = [list(row) for row in told["scheduler"]["rows"]]
        for address, log in told["workers"].items():
            found["workers"][address] = [list(row) for row in log["rows"]]
        for address, reason in told["missing"].items():
            found["workers"][address] = [[None, "", f"This worker's log is missing: {reason}"]]
        if not found["scheduler"] and not any(found["workers"].values()):
            empty = "Nothing was logged."
    return {**found, "empty": empty}

"""What stands in a report beside its streams, made up but of the shape that reports have."""

from __future__ import annotations

import platform
from typing import Any

import dask
import distributed
import numpy as np

from dasklens.wire.frames import unpack_frame

CODE = """import dask.array as da
import dasklens

with dasklens.performance_report("correlation.dasklens.html"):
    x = da.random.random((3000, 3000), chunks=(500, 500))
    ((x + x.T) @ x).std().compute()
"""
TRACEBACK = """Traceback (most recent call last):
  File "correlation.py", line 12, in weigh
    return 1 / n
ZeroDivisionError: division by zero
"""


def document(frames: dict[str, list[bytes]], streams: dict[str, Any]) -> dict[str, Any]:
    start, stop, prefixes, seconds = _times(frames["tasks"])
    total = 4 * (stop - start)
    spent = {name: sum(seconds.get(action, 0.0) for action in actions) for name, actions in ACTIONS.items()}
    spent["idle"] = max(0.0, total - sum(spent.values()))
    most = sorted(prefixes.items(), key=lambda item: -sum(item[1]))
    compute = spent["compute"]
    return {
        "format": "dasklens-report",
        "version": 1,
        "dasklens": "0.1.0",
        "title": "Correlation of a random matrix",
        "created": stop + 1,
        "start": start,
        "stop": stop,
        "ended_early": "",
        "exception": None,
        "code": {"text": CODE, "file": "/home/me/correlation.py", "line": 6},
        "redacted": [],
        "missed": {"tasks": 0},
        "cluster": {
            "scheduler": "tcp://127.0.0.1:8786",
            "workers": 2,
            "threads": 4,
            "memory": 2 * 512 * 2**20,
            "versions": {
                "python": platform.python_version(),
                "dask": dask.__version__,
                "distributed": distributed.__version__,
                "numpy": np.__version__,
                "dasklens": "0.1.0",
            },
        },
        "summary": {
            "verdict": (
                f"The workers' threads computed {100 * compute / total:.0f} % of the time; most of it went "
                f"into {most[0][0]}. They idled {100 * spent['idle'] / total:.0f} %: there was not enough to "
                "do at once."
            ),
            "time": [
                {"name": name, "seconds": sec, "share": sec / total, "how": HOW[name]}
                for name, sec in spent.items()
            ],
            "prefixes": [
                {
                    "prefix": name,
                    "tasks": len(all_),
                    "seconds": sum(all_),
                    "share": sum(all_) / compute,
                    "median": float(np.median(all_)),
                }
                for name, all_ in most[:5]
            ],
            "findings": [
                {
                    "id": "errors",
                    "severity": "warning",
                    "title": "A task failed",
                    "evidence": "1 of the tasks of weigh raised ZeroDivisionError: division by zero.",
                    "remedy": "See the section Exceptions for its traceback.",
                    "link": "https://docs.dask.org/en/stable/debugging-performance.html",
                },
                {
                    "id": "idle",
                    "severity": "info",
                    "title": "Few threads were busy",
                    "evidence": f"{100 * spent['idle'] / total:.0f} % of the threads' time was idle.",
                    "remedy": "Smaller chunks would give every thread something to do, or use fewer workers.",
                    "link": "https://docs.dask.org/en/stable/array-best-practices.html",
                },
            ],
            "figures": {
                "duration": stop - start,
                "tasks": sum(map(len, prefixes.values())),
                "workers": 2,
                "threads": 4,
                "memory": 2 * 512 * 2**20,
                "errors": 1,
                "prefixes": len(prefixes),
            },
        },
        "streams": streams,
        "tables": tables(start, stop),
        "logs": {
            "scheduler": [
                [start - 1, "INFO", "State start"],
                [start, "INFO", "Receive client connection: Client-worker"],
                [stop, "WARNING", "Event loop was unresponsive in Scheduler for 3.10s."],
            ],
            "workers": {
                "tcp://127.0.0.1:40001": [[start + 1, "ERROR", f"Compute Failed\nKey: weigh-7\n{TRACEBACK}"]],
                "tcp://127.0.0.1:40002": [[None, "INFO", "Start worker at: tcp://127.0.0.1:40002"]],
            },
            "empty": "",
        },
    }


ACTIONS = {
    "compute": ("compute",),
    "transfer": ("transfer",),
    "serialization": ("deserialize",),
    "disk": ("disk-read", "disk-write"),
}
HOW = {
    "compute": "Sum of the compute spans of all tasks.",
    "transfer": "Time in which a thread's next task waited for data from other workers.",
    "serialization": "Sum of the deserialize spans, which workers report apart.",
    "disk": "Sum of the spans that read from or wrote to disk.",
    "idle": "Threads times duration, less all of the above.",
}


def _times(frames: list[bytes]) -> tuple[float, float, dict[str, list[float]], dict[str, float]]:
    """Start, stop, seconds of each task by prefix, seconds by action."""
    start, stop = float("inf"), 0.0
    prefixes: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    names: dict[int, Any] = {}
    for data in frames:
        frame = unpack_frame(data)
        names.update(enumerate(frame.names, frame.names0))
        cols = {name: np.frombuffer(values, f"<{dtype}") for name, (dtype, values) in frame.cols.items()}
        starts, stops = cols["start"], cols["stop"]
        span = 0
        for group, spans in zip(cols["group"], cols["spans"], strict=True):
            for i in range(span, span + int(spans)):
                action, took = names[int(cols["action"][i])], float(stops[i] - starts[i])
                seconds[action] = seconds.get(action, 0.0) + took
                if action == "compute":
                    prefixes.setdefault(names[int(group)][1], []).append(took)
            span += int(spans)
        start = min(start, frame.base + float(starts.min()))
        stop = max(stop, frame.base + float(stops.max()))
    return start, stop, prefixes, seconds


def table(
    title: str, columns: list[tuple[str, str, str]], rows: list[list[Any]], empty: str
) -> dict[str, Any]:
    named = [{"name": name, "title": head, "unit": unit} for name, head, unit in columns]
    return {"title": title, "columns": named, "rows": rows, "empty": empty}


def tables(start: float, stop: float) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    ticks = np.arange(start, stop, 0.2)
    a, b = "tcp://127.0.0.1:40001", "tcp://127.0.0.1:40002"
    return {
        "exceptions": table(
            "Exceptions",
            [
                ("key", "Task", ""),
                ("prefix", "Prefix", ""),
                ("worker", "Worker", ""),
                ("exception", "Exception", ""),
                ("traceback", "Traceback", ""),
            ],
            [["weigh-7", "weigh", a, "ZeroDivisionError: division by zero", TRACEBACK]],
            "",
        ),
        "bandwidth_workers": table(
            "Bandwidth by worker pair",
            [
                ("source", "From", ""),
                ("target", "To", ""),
                ("transfers", "Transfers", "n"),
                ("bytes", "Bytes", "B"),
                ("bandwidth", "Bandwidth", "B/s"),
            ],
            [[a, b, 41, 184_500_000, 812e6], [b, a, 37, 166_500_000, 790e6]],
            "",
        ),
        "bandwidth_types": table(
            "Bandwidth by type",
            [("type", "Type", ""), ("bytes", "Bytes", "B"), ("bandwidth", "Bandwidth", "B/s")],
            [["numpy.ndarray", 351_000_000, 801e6]],
            "",
        ),
        "fine_metrics": table(
            "Fine metrics",
            [
                ("context", "Context", ""),
                ("span", "Span", ""),
                ("prefix", "Prefix", ""),
                ("activity", "Activity", ""),
                ("seconds", "Time", "s"),
                ("share", "Share", "%"),
            ],
            [
                ["execute", "default", "random_sample", "thread-cpu", 1.81, 41.2],
                ["execute", "default", "random_sample", "thread-noncpu", 0.11, 2.5],
                ["execute", "default", "tensordot", "thread-cpu", 1.44, 32.8],
                ["gather-dep", "default", "tensordot", "network", 0.35, 8.0],
                ["get-data", "", "", "memcopy", 0.0004, 0.01],
            ],
            "",
        ),
        "workers": table(
            "Workers",
            [
                ("address", "Address", ""),
                ("name", "Name", ""),
                ("threads", "Threads", "n"),
                ("limit", "Memory limit", "B"),
                ("process", "Memory", "B"),
                ("cpu", "CPU", "%"),
                ("tasks", "Tasks", "n"),
                ("status", "Status", ""),
            ],
            [
                [a, "0", 2, 2**29, 210_000_000, 187.0, 401, "running"],
                [b, "1", 2, 2**29, 195_000_000, 171.5, 388, "running"],
            ],
            "",
        ),
        "system": table(
            "System",
            [
                ("time", "Time", "s"),
                ("scheduler_cpu", "Scheduler CPU", "%"),
                ("scheduler_memory", "Scheduler memory", "B"),
                ("loop_lag", "Event-loop lag", "s"),
                ("net_read", "Network read", "B/s"),
                ("net_write", "Network written", "B/s"),
                ("disk_read", "Disk read", "B/s"),
                ("disk_write", "Disk written", "B/s"),
            ],
            [
                [
                    round(float(at), 3),
                    round(float(30 + 20 * np.sin(k / 3) + rng.normal(0, 3)), 1),
                    190_000_000 + 200_000 * k,
                    round(float(abs(rng.normal(0.002, 0.001))), 5),
                    round(float(abs(rng.normal(3e8, 1e8)))),
                    round(float(abs(rng.normal(3e8, 1e8)))),
                    0,
                    round(float(abs(rng.normal(3e5, 1e5)))),
                ]
                for k, at in enumerate(ticks)
            ],
            "",
        ),
    }

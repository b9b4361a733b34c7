"""Exports of a run beside what people do today: records of `get_task_stream` by pandas into a file.

The peer has to be helped, or it fails: keys that are tuples become text, and metadata and pickled types are
left out, which ours keep. What it writes is not read back to the same tasks. Of traces there is no peer but
the records as JSON. Both are written in turn, and the best of some rounds counts.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from bench_report import records
from rows import Row

from dasklens import Report, load_report
from dasklens.report.collect import of_frames
from dasklens.scheduler.log import TaskLog

#: Tasks of a run, and how often it is written.
RUNS = {1_000: 5, 100_000: 3}
MANY, MEMORY = 3_000_000, 2e9
#: Time and size beside the peer's.
SLOWER, LARGER = 2.0, 1.5


def report_of(tasks: int) -> Report:
    """A report of so many tasks, without a cluster."""
    log = TaskLog("many", 1 << 40, lambda worker: worker, lambda _: [])
    log.extend(records(tasks))
    return Report(of_frames("tasks", log.frames(0, max_bytes=1 << 40)["frames"], title=f"{tasks:,} tasks"))


def told(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What pandas takes of the records."""
    left_out = ("metadata", "type")
    return [
        {**{name: value for name, value in each.items() if name not in left_out}, "key": str(each["key"])}
        for each in data
    ]


def parquet(data: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(told(data)).to_parquet(out, compression="zstd")
    return out.getvalue()


def feather(data: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(told(data)).to_feather(out, compression="zstd")
    return out.getvalue()


def csv(data: list[dict[str, Any]]) -> bytes:
    text: str = pd.DataFrame(told(data)).to_csv(index=False)
    return text.encode()


def plain_json(data: list[dict[str, Any]]) -> bytes:
    return json.dumps(told(data)).encode()


def arrow(report: Report) -> bytes:
    report.to_arrow("memory://bench/run.arrow")
    import fsspec

    with fsspec.open("memory://bench/run.arrow") as file:
        data: bytes = file.read()
    return data


FORMATS: dict[str, tuple[Callable[[Report], bytes | None], Callable[[Any], bytes]]] = {
    "Parquet": (Report.to_parquet, parquet),
    "Arrow": (arrow, feather),
    "CSV": (Report.to_csv, csv),
    "trace": (Report.to_trace_events, plain_json),
    "speedscope": (Report.to_speedscope, plain_json),
}


def best(rounds: int, *calls: Callable[[], Any]) -> list[tuple[float, Any]]:
    """Seconds of this process that each takes at best, and what it gives; in turn, round by round."""
    found: list[tuple[float, Any]] = [(float("inf"), None)] * len(calls)
    for _ in range(rounds):
        for at, call in enumerate(calls):
            begun = time.process_time()
            given = call()
            found[at] = min(found[at], (time.process_time() - begun, given), key=lambda each: each[0])
    return found


def of(tasks: int, rounds: int) -> list[Row]:
    report = report_of(tasks)
    data = report.data
    rows = []
    for name, (ours, theirs) in FORMATS.items():
        (own, file), (peer, other) = best(rounds, lambda o=ours: o(report), lambda t=theirs: t(data))
        # A fresh table, as the peer makes one of records that are there.
        alone = name in ("trace", "speedscope")
        rows.append(
            _row(
                f"{tasks:,} tasks, {name}: time",
                "measured" if alone else f"<= {SLOWER:g}x of pandas",
                f"{_ms(peer)}{' (json of records)' * alone}",
                f"{_ms(own)} ({own / peer:.2f}x)",
                alone or own <= SLOWER * peer,
            )
        )
        rows.append(
            _row(
                f"{tasks:,} tasks, {name}: size",
                "measured" if alone else f"<= {LARGER:g}x of pandas",
                f"{len(other) / 1e6:.2f} MB",
                f"{len(file) / 1e6:.2f} MB ({len(file) / len(other):.2f}x)",
                alone or len(file) <= LARGER * len(other),
            )
        )
        if name != "speedscope":
            ((back, again),) = best(1, lambda f=file: load_report(f))
            rows.append(
                _row(
                    f"{tasks:,} tasks, {name}: reading back",
                    "the same tasks",
                    "-",
                    f"{_ms(back)}, {'the same' if again.data == data else 'others'}",
                    again.data == data,
                )
            )
    return rows


def many() -> list[Row]:
    """Memory that exporting very many tasks takes, each in a process of its own."""
    rows = []
    for name in ("to_trace_events", "to_speedscope", "to_parquet", "to_csv"):
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, before, after = map(float, done.stdout.split())
        rows.append(
            _row(
                f"{MANY:,} tasks, {name}: memory",
                f"< {MEMORY / 1e9:g} GB in all",
                "-",
                f"{after / 1e9:.2f} GB, of which {before / 1e9:.2f} before; {seconds:.0f} s",
                after < MEMORY,
            )
        )
    return rows


def alone(method: str) -> None:
    """Export, and say what it took."""
    report = report_of(MANY)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    begun = time.process_time()
    getattr(report, method)("/dev/null")
    spent = time.process_time() - begun
    print(spent, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def measure() -> list[Row]:
    """Rows of this file."""
    # What is imported with the first is not what one costs.
    of(1_000, 1)
    return [*(row for tasks, rounds in RUNS.items() for row in of(tasks, rounds)), *many()]


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.0f} ms"


def _row(name: str, requirement: str, peer: str, ours: str, passed: bool) -> Row:
    return Row(f"exports, {name}", requirement, peer, ours, passed)


if __name__ == "__main__":
    alone(sys.argv[1])

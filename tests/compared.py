"""Runs to compare that never ran: tasks of some prefixes with a profile and samples, as reports have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from make_golden_frames import BASE
from runs import finished, make

from dasklens.model.pieces import PieceWriter
from dasklens.model.spans import TaskTable
from dasklens.report.collect import of_frames, summary_of
from dasklens.report.document import Document, Stream
from dasklens.report.report import Report
from dasklens.wire.calltree import pack_profile
from dasklens.wire.frames import pack_frame, pack_name, unpack_frame

#: Tasks and median seconds of each prefix.
USUAL = {"load": (120, 0.02), "weigh": (120, 0.05), "<b>sum": (40, 0.01), "once": (1, 0.3)}
THREADS = 4


def seconds(
    random: np.random.Generator, prefixes: Mapping[str, tuple[int, float]], slower: Mapping[str, float]
) -> dict[str, np.ndarray[Any, Any]]:
    """What tasks of each prefix took."""
    return {
        name: random.lognormal(np.log(median * slower.get(name, 1.0)), 0.2, n)
        for name, (n, median) in prefixes.items()
    }


def document(
    seed: int = 0,
    slower: Mapping[str, float] | None = None,
    prefixes: Mapping[str, tuple[int, float]] = USUAL,
    failed: float = 0.0,
) -> Document:
    """The document of such a run, whose threads work without a break."""
    random = np.random.default_rng(seed)
    took = seconds(random, prefixes, slower or {})
    # Seconds after `BASE`.
    free = [100.0 * seed] * THREADS
    tasks = []
    for name, each in took.items():
        for long in each.tolist():
            thread = int(np.argmin(free))
            work = [("compute", free[thread], long)]
            tasks.append(finished(len(tasks), name, thread // 2, thread % 2, work, random.random() < failed))
            free[thread] += long
    frames = make(tasks, chunk=1000).frames()
    made = of_frames("tasks", frames, title=f"Run {seed}", start=BASE + 100 * seed, stop=BASE + max(free))
    made.cluster = {
        "scheduler": "tcp://127.0.0.1:8786",
        "workers": 2,
        "threads": THREADS,
        "memory": 2 << 30,
        "versions": {"dask": f"2026.{seed}"},
    }
    slow = 100 + (100 if slower else 0)
    made.streams["profile:worker"] = _stream(
        [pack_profile(_tree(slow), {"kind": "worker", "interval": 0.01})]
    )
    made.streams["counts"] = _stream([_counts(made, seed)])
    made.summary = summary_of(made, TaskTable(frames), {})
    return made


def report(seed: int = 0, **how: Any) -> Report:
    """The same as a report."""
    return Report(document(seed, **how))


def _stream(frames: list[bytes]) -> Stream:
    writer = PieceWriter()
    for data in frames:
        frame = unpack_frame(data)
        writer.add(data, frame.next - frame.first)
    return Stream(writer.records, writer.frames, writer.pieces())


def _counts(made: Document, seed: int) -> bytes:
    """Two samples of totals, of which the second has more memory in use."""
    values: dict[str, list[float]] = {
        "time": [0.0, made.stop - made.start],
        "workers": [2, 2],
        "threads": [THREADS, THREADS],
        "process": [1e8, 2e8 + 1e7 * seed],
        "memory_100": [6e7, 1.1e8],
        "spilled": [0, 0],
    }
    cols = {name: ("f8", np.array(each, "<f8").tobytes()) for name, each in values.items()}
    return pack_frame(
        stream="counts",
        log="counts",
        first=0,
        next=2,
        missed=0,
        names0=0,
        names=[pack_name("none")],
        base=made.start,
        cols=cols,
    )


def _tree(slow: int) -> dict[str, Any]:
    def node(name: str, count: int, *children: dict[str, Any]) -> dict[str, Any]:
        return {
            "count": count,
            "identifier": f"{name};/home/me/<i>model.py;3",
            "description": {"name": name, "filename": "/home/me/<i>model.py", "line_number": 3, "line": ""},
            "children": {child["identifier"]: child for child in children},
        }

    work = node("work", 100 + slow, node("slow_part", slow), node("quick_part", 60))
    return {**node("root", 120 + slow, work, node("read", 20)), "identifier": "root"}

"""What comparing two runs takes, what its file weighs, and what one interval takes beside its peer.

The peer is numpy: as many resamples of a prefix of a thousand tasks, and the median of each.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from rows import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

#: Tasks, prefixes, and the seconds that a comparison of two such runs may take.
SIZES = ((1_000, 10, 0.5), (100_000, 50, 2.0))
#: Tasks of the prefix whose interval is made in both ways.
ONE = 1_000
#: A comparison weighs as much as both task streams, and some for what it says.
MOST_SIZE = 1.1


def _run(tasks: int, prefixes: int, seed: int) -> Any:
    from runs import many

    from dasklens.report.collect import of_frames
    from dasklens.report.report import Report

    return Report(of_frames("tasks", many(tasks, 32, prefixes, seed), title=f"run {seed}"))


def _compared(tasks: int, prefixes: int) -> dict[str, float]:
    import dasklens

    runs = [_run(tasks, prefixes, seed) for seed in (1, 2)]
    begun = process_time()
    made = runs[0].compare(runs[1])
    took, begun = process_time() - begun, process_time()
    data = made.to_json()
    written, begun = process_time() - begun, process_time()
    assert dasklens.load_report(data).prefixes == made.prefixes
    read = process_time() - begun
    reports = sum(len(run.to_json()) for run in runs)
    return {"took": took, "written": written, "read": read, "bytes": len(data), "part": len(data) / reports}


def _interval() -> tuple[float, float]:
    from dasklens.model.bootstrap import RESAMPLES, ratio_of_medians

    random = np.random.default_rng(1)
    before, after = random.exponential(0.01, ONE), random.exponential(0.013, ONE)
    begun = process_time()
    for _ in range(10):
        ours = ratio_of_medians(after, before)
    took = (process_time() - begun) / 10
    begun = process_time()
    drawn = [np.median(random.choice(each, (RESAMPLES, ONE)), axis=1) for each in (after, before)]
    theirs = np.quantile(drawn[0] / drawn[1], [0.025, 0.975])
    peer_took = process_time() - begun
    # The same interval, but for what chance does.
    assert np.allclose(theirs, [ours.low, ours.high], rtol=0.03)
    return took, peer_took


def measure() -> list[Row]:
    """Rows of this file."""
    rows = []
    for tasks, prefixes, most in SIZES:
        found = _compared(tasks, prefixes)
        rows.append(
            Row(
                f"comparing two runs of {tasks:,} tasks of {prefixes} prefixes",
                f"<= {most} s",
                "-",
                f"{found['took']:.2f} s ({found['written']:.2f} s to write, {found['read']:.2f} s to read)",
                found["took"] <= most,
            )
        )
        rows.append(
            Row(
                f"file of that comparison ({tasks:,} tasks)",
                f"<= {MOST_SIZE} of both reports",
                "-",
                f"{found['bytes'] / 1e6:.2f} MB, {found['part']:.2f} of both",
                found["part"] <= MOST_SIZE,
            )
        )
    took, peer_took = _interval()
    rows.append(
        Row(
            f"a bootstrap interval of the ratio of medians, {ONE:,} tasks",
            "no slower",
            f"{1000 * peer_took:.0f} ms (numpy)",
            f"{1000 * took:.1f} ms, {peer_took / took:.0f} times as fast",
            took <= peer_took,
        )
    )
    return rows

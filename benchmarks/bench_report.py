"""`dasklens.performance_report` beside `distributed.performance_report(mode="inline")`: size, time, opening.

Both record the same tasks of the same cluster in one run, and are written one behind the other, each first
in turn; their files are opened from disk by Chromium without a GPU and without a network. The scheduler's
loop is held for as long as its thread computes between two turns of a callback that is due at every turn.
While real tasks run it is held by them: what ours adds is seen on tasks that the recorder is only told of,
and the real ones are shown beside the same without a report.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench_draw import NotMeasuredError, chromium, frames_of, run_node
from distributed import Client, wait
from distributed import performance_report as upstream
from rows import Row

import dasklens
from dasklens.model.spans import TaskTable
from dasklens.report.collect import of_frames, summary_of
from dasklens.report.document import Document
from dasklens.report.files import write
from dasklens.scheduler.log import TaskLog
from dasklens.source.attach import attach

HERE = Path(__file__).parent
#: Tasks of a run, and how often it is run.
RUNS = {1_000: 5, 100_000: 1}
#: How often a file is opened.
OPENINGS = 5
#: Tasks that are submitted at once.
BATCH = 500
TOLD, MANY = 20_000, 3_000_000
HELD, MEDIAN, MEMORY = 0.005, 17, 1.5e9
LIMIT = 240.0


@dataclass
class Sides:
    """What was measured of ours and of the peer."""

    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.ours), statistics.median(self.peer)


@dataclass
class Run:
    """Reports of runs of so many tasks."""

    tasks: int
    size: Sides = field(default_factory=Sides)
    making: Sides = field(default_factory=Sides)
    held: Sides = field(default_factory=Sides)
    files: tuple[Path, Path] = (Path(), Path())


# --- a cluster and what it does -----------------------------------------------------------------------


@contextlib.contextmanager
def process(*args: str) -> Iterator[str]:
    """A part of the cluster; its address."""
    command = [sys.executable, str(HERE / "reportcluster.py"), *args]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        assert started.stdout is not None
        try:
            yield started.stdout.readline().strip()
        finally:
            started.kill()


@contextlib.contextmanager
def cluster() -> Iterator[Client]:
    with process("scheduler") as address, process("workers", address), Client(address) as client:
        client.sync(attach, client)
        yield client


def load(n: int) -> int:
    return n


def combine(left: int, right: int) -> int:
    return left + right


def work(client: Client, tasks: int) -> None:
    """So many tasks, of two prefixes; half of them need results of others."""
    for at in range(0, tasks, BATCH):
        half = min(BATCH, tasks - at) // 2
        loaded = client.map(load, range(at, at + half), pure=False)
        combined = client.map(combine, loaded, loaded[1:] + loaded[:1], pure=False)
        wait(combined)


def longest(client: Client) -> tuple[float, float]:
    """Seconds that the loop was held at most since this was asked, by its thread's clock and by the wall."""
    own, wall = client.sync(client.scheduler.bench_longest)
    return own, wall


def both(client: Client, run: Run, folder: Path, ours_first: bool) -> None:
    """Record a run by both, and write both files."""
    mine, other = folder / f"ours-{run.tasks}.html", folder / f"upstream-{run.tasks}.html"
    sides = [
        (dasklens.performance_report(mine, client=client), mine, "ours"),
        (upstream(str(other), mode="inline"), other, "peer"),
    ]
    for report, *_ in sides:
        report.__enter__()
    work(client, run.tasks)
    for report, path, side in sides if ours_first else sides[::-1]:
        client.sync(client.scheduler.bench_calm)
        longest(client)
        begin = time.perf_counter()
        report.__exit__(None, None, None)
        getattr(run.making, side).append(time.perf_counter() - begin)
        getattr(run.held, side).append(longest(client)[0])
        getattr(run.size, side).append(path.stat().st_size)
    found = len(dasklens.load_report(mine).data)
    assert found == run.tasks, f"{found} tasks in the report of {run.tasks}"
    run.files = mine, other


def held_by_work(client: Client, tasks: int, record: bool) -> float:
    """How long the loop is held at most while tasks run, recorded or not."""
    client.sync(client.scheduler.bench_calm)
    longest(client)
    report = dasklens.Report.start(client) if record else None
    work(client, tasks)
    if report is not None:
        report.stop()
    return longest(client)[0]


def held_by_recording(client: Client, tasks: int) -> tuple[float, float]:
    """The same while the recorder is told of tasks that nobody runs, and a report of them is made."""
    client.sync(client.scheduler.bench_make, n=tasks)
    client.sync(client.scheduler.bench_calm)
    longest(client)
    report = dasklens.Report.start(client)
    client.sync(client.scheduler.bench_feed)
    report.stop()
    return longest(client)


# --- millions of tasks that never were --------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Group:
    """What the log asks of a group of tasks: it can be a key."""

    name: str
    prefix: SimpleNamespace
    span_id: None = None


def records(tasks: int) -> Iterable[tuple[Any, dict[str, Any]]]:
    """Tasks of 64 threads that are busy nearly all the time, some with a transfer before."""
    rng = random.Random(3)
    names = ("read-parquet", "getitem", "sum", "sum-aggregate", "mul", "random_sample", "merge", "store")
    groups = [Group(f"{name}-{rng.getrandbits(128):032x}", SimpleNamespace(name=name)) for name in names]
    clock = [1.79e9] * 64
    for n in range(tasks):
        lane = n % 64
        group = groups[int(n / 700 + rng.random() * 2) % len(groups)]
        start = clock[lane] + 0.005 * rng.random()
        stop = clock[lane] = start + 0.1 * rng.random()
        spans = [{"action": "compute", "start": start, "stop": stop}]
        if n % 5 == 0:
            spans.insert(
                0, {"action": "transfer", "start": start - 1e-3, "stop": start, "source": "tcp://w0"}
            )
        yield (
            SimpleNamespace(key=(group.name, n // 100, n % 100), group=group),
            {
                "worker": f"tcp://10.0.0.{lane // 4}:40000",
                "thread": 140_000 + lane % 4,
                "status": "OK",
                "nbytes": 131_072,
                "typename": "numpy.ndarray",
                "startstops": spans,
                "stimulus_id": f"task-finished-{stop}",
            },
        )


def made(tasks: int) -> Document:
    """The document of a report of so many tasks, without a cluster."""
    log = TaskLog("many", 1 << 40, lambda worker: worker, lambda _: [])
    log.extend(records(tasks))
    frames: list[bytes] = []
    at = names = 0
    while at < log.next:
        reply = log.frames(at, names, 2 << 20)
        frames += reply["frames"]
        at, names = reply["next"], reply["names"]
    document = of_frames("tasks", frames, title=f"{tasks:,} tasks")
    document.cluster.update(workers=16, threads=64, memory=64e9)
    document.summary = summary_of(document, TaskTable(frames), {})
    return document


def written(tasks: int, path: str) -> None:
    """That report as a file."""
    write(made(tasks), path)


# --- rows ---------------------------------------------------------------------------------------------


def opened(whose: str, path: Path, tasks: int, *more: str) -> dict[str, Any]:
    environment = {**os.environ, "CHROMIUM": chromium()}
    return run_node("report.mjs", whose, str(path), str(tasks), *more, environment=environment, limit=LIMIT)


def sizes(run: Run) -> list[Row]:
    mine, other = run.size.medians
    small = run.tasks <= 1_000
    own, theirs = run.making.medians
    held, held_theirs = run.held.medians
    return [
        _row(
            f"{run.tasks:,} tasks: size of the file",
            "<= 1 MB" if small else "<= 1/4 of upstream",
            f"{other / 1e6:.2f} MB",
            f"{mine / 1e6:.2f} MB ({mine / other:.2f})",
            mine <= 1e6 if small else mine <= other / 4,
        ),
        _row(
            f"{run.tasks:,} tasks: time to make",
            "<= 1/2 of upstream",
            f"{theirs:.2f} s",
            f"{own:.2f} s ({own / theirs:.2f})",
            own <= theirs / 2,
        ),
        _row(
            f"{run.tasks:,} tasks: loop held while made",
            "<= 5 ms",
            _ms(held_theirs),
            f"{_ms(held)} (most {_ms(max(run.held.ours))})",
            held <= HELD,
        ),
    ]


def openings(run: Run) -> list[Row]:
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "upstream": []}
    try:
        for _ in range(OPENINGS):
            for (whose, seen), path in zip(found.items(), run.files, strict=True):
                seen.append(opened(whose, path, run.tasks))
    except NotMeasuredError as why:
        return [_row(f"{run.tasks:,} tasks: opened", "<= 0.6 of upstream", "-", str(why), False)]

    def middle(whose: str, what: str) -> float:
        return statistics.median(each[what] for each in found[whose]) / 1e3

    own, theirs = middle("ours", "interactive"), middle("upstream", "interactive")
    stream = theirs + middle("upstream", "stream")
    return [
        _row(
            f"{run.tasks:,} tasks: opened to interactive",
            "<= 0.6 of upstream",
            f"{theirs:.2f} s (its task stream: {stream:.2f} s)",
            f"{own:.2f} s ({own / theirs:.2f})",
            own <= 0.6 * theirs,
        ),
        _row(
            f"{run.tasks:,} tasks: summary shown; canvas there; all tasks in",
            "measured",
            "-",
            "; ".join(f"{middle('ours', what):.2f} s" for what in ("summary", "first", "whole")),
            True,
        ),
    ]


def many(folder: Path) -> list[Row]:
    path = folder / "many.html"
    begin = time.perf_counter()
    # A process of its own: what it takes does not stay here.
    script = f"import bench_report; bench_report.written({MANY}, {str(path)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=HERE, check=True)
    made = time.perf_counter() - begin
    try:
        seen = opened("ours", path, MANY, "pan")
    except NotMeasuredError as why:
        return [_row(f"{MANY:,} tasks", "opens and pans", "-", str(why), False)]
    rows = [
        _row(
            f"{MANY:,} tasks: opened to interactive",
            "measured",
            "-",
            f"{seen['interactive'] / 1e3:.1f} s ({path.stat().st_size / 1e6:.0f} MB, made in {made:.0f} s)",
            True,
        )
    ]
    for name, what in (
        ("pan_all", "all on screen"),
        ("pan_half", "half of it"),
        ("pan_near", "a small part"),
    ):
        rows.append(
            _row(
                f"{MANY:,} tasks: frame, pan {what}",
                f"median <= {MEDIAN} ms",
                "-",
                frames_of(seen[name]),
                seen[name]["median"] <= MEDIAN,
            )
        )
    rest = seen["rest"]
    rows.append(
        _row(
            f"{MANY:,} tasks: browser memory, all its processes",
            "< 1.5 GB",
            "-",
            f"{rest / 1e9:.2f} GB (page {seen['heap'] / 1e9:.2f}, most {seen['peak'] / 1e9:.2f})",
            rest < MEMORY,
        )
    )
    return rows


def measure() -> list[Row]:
    """Rows of this file."""
    runs = [Run(tasks) for tasks in RUNS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with cluster() as client:
            # What either imports with its first report is not what a report costs.
            both(client, Run(BATCH), folder, True)
            held = [held_by_recording(client, TOLD) for _ in range(3)]
            plain = Sides()
            for _ in range(3):
                plain.peer.append(held_by_work(client, 1_000, False))
                plain.ours.append(held_by_work(client, 1_000, True))
            for run in runs:
                for n in range(RUNS[run.tasks]):
                    both(client, run, folder, n % 2 == 0)
        rows = [row for run in runs for row in (*sizes(run), *openings(run))]
        told, wall = (statistics.median(each[clock] for each in held) for clock in (0, 1))
        own, none = plain.medians
        rows += [
            _row(
                f"{TOLD:,} tasks told: loop held",
                "<= 5 ms",
                "-",
                f"{_ms(told)} ({_ms(wall)} by the wall)",
                told <= HELD,
            ),
            _row(
                "1,000 tasks run: loop held, with and without a report", "measured", _ms(none), _ms(own), True
            ),
        ]
        return [*rows, *many(folder)]


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"


def _row(name: str, requirement: str, peer: str, ours: str, passed: bool) -> Row:
    return Row(f"report, {name}", requirement, peer, ours, passed)

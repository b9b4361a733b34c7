"""Still pictures of a report, for viewers that run no script: GitHub, plain nbconvert, a printed page.

Each is a PNG that is opaque and light, so that it reads the same on a dark page. The pixels of the task
stream and of the flame graphs follow the mark's own rule (`dasklens.model.raster`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.charts import Chart, Part, Series, bar_png, chart_png
from ..model.flame import Laid, lay_out
from ..model.overview import Overview
from ..model.palette import ERROR_COLOUR, SPENT_COLOURS, colour_of
from ..model.picture import flame_png, task_stream_png
from ..model.relog import over_time
from ..model.spans import TaskTable
from ..wire.calltree import unpack_profile
from .document import Document
from .words import duration, size

#: Kinds of call trees, and what they are of.
PROFILES = {
    "worker": "Profile of the threads that run tasks",
    "server": "Profile of the workers' event loops",
    "scheduler": "Profile of the scheduler's event loop",
}
#: What is told over time.
HISTORIES = ("tasks", "memory", "cpu")
#: Prefixes with a curve of their own, and steps in which finished tasks are counted.
_MOST, _STEPS = 8, 400
#: Of what is left of the time.
_IDLE = "#d0d7de"
_MEMORY = (
    ("managed", "managed: results of tasks", "#4477aa"),
    ("unmanaged", "unmanaged: rest of the processes", "#88ccee"),
    ("recent", "recent: what of it is new", "#e69f00"),
)


def overview_of(document: Document) -> Overview:
    """The tasks of a report, in little."""
    overview = Overview()
    for data in document.frames("tasks"):
        overview.append(data)
    overview.missed = max(overview.missed, document.missed.get("tasks", 0))
    return overview


def task_stream(document: Document, most_bytes: int | None = None) -> bytes | None:
    """What every worker thread did; None when no task finished."""
    overview = overview_of(document)
    return task_stream_png(overview, most_bytes) if overview.n_tasks else None


def tree_of(document: Document, kind: str) -> tuple[Laid, dict[str, Any]] | None:
    """A call tree of the report, laid out, and what it covers; None when nothing was sampled."""
    for data in document.frames(f"profile:{kind}"):
        laid = lay_out(data)
        return (laid, unpack_profile(data)[1]) if laid.samples else None
    return None


def profile(document: Document, kind: str = "worker", most_bytes: int | None = None) -> bytes | None:
    """A flame graph; None when nothing was sampled."""
    found = tree_of(document, kind)
    if found is None:
        return None
    laid, covers = found
    return flame_png(laid, seconds_of(covers), most_bytes, title=PROFILES[kind])


def seconds_of(covers: Mapping[str, Any]) -> float | None:
    """Seconds that a sample of a tree stands for; None where it does not say."""
    seconds = covers.get("interval")
    return float(seconds) if isinstance(seconds, (int, float)) and 0 < seconds < 1e9 else None


def time_bar(document: Document) -> bytes | None:
    """Where the time of the worker threads went; None without a summary."""
    parts = [
        Part(
            each["name"],
            SPENT_COLOURS.get(each["name"]) or _IDLE,
            each["share"],
            said(each["seconds"], each["share"]),
        )
        for each in document.summary.get("time", [])
    ]
    return bar_png("Where the time of the worker threads went", parts) if parts else None


def said(seconds: float, share: float) -> str:
    """An amount of time in words."""
    return f"{duration(seconds)}, {share:.1%}"


def history(document: Document, what: str) -> Chart | None:
    """One of `HISTORIES` over time; None when the report has too little of it."""
    if what == "tasks":
        return _finished(document)
    counts = over_time(document.frames("counts"))
    return _memory(document, counts) if what == "memory" else _cpu(document, counts)


def pictures(document: Document) -> dict[str, bytes]:
    """All pictures of a report as PNG, by what they show."""
    histories = [history(document, what) for what in HISTORIES]
    made = {
        "where the time went": time_bar(document),
        "task stream": task_stream(document),
        **{chart.title: chart_png(chart) for chart in histories if chart is not None},
        **{words: profile(document, kind) for kind, words in PROFILES.items()},
    }
    return {name: data for name, data in made.items() if data is not None}


def _finished(document: Document) -> Chart | None:
    tasks = TaskTable(document.frames("tasks"))
    if not len(tasks):
        return None
    columns, names = tasks.columns(), tasks.names
    unique, where = np.unique(columns["group"], return_inverse=True)
    prefixes = [str(names[i][1]) for i in unique.tolist()]
    distinct = list(dict.fromkeys(prefixes))
    prefix = np.array([distinct.index(name) for name in prefixes], np.int64)[where]
    time = np.linspace(document.start, max(document.stop, document.start + 1e-3), _STEPS + 1)
    # A worker that said no time: when the one before it finished.
    stimulus = columns["stimulus"]
    known = np.maximum.accumulate(np.where(np.isfinite(stimulus), np.arange(len(stimulus)), -1))
    at = np.where(known >= 0, stimulus[np.maximum(known, 0)], document.start)
    step = np.clip(np.searchsorted(time, at), 0, _STEPS)
    totals = np.bincount(prefix, minlength=len(distinct))
    series = [
        Series(
            distinct[i],
            colour_of(distinct[i]),
            np.cumsum(np.bincount(step[prefix == i], minlength=_STEPS + 1)).astype(np.float64),
            last=f"{totals[i]:,}",
        )
        for i in np.argsort(-totals, kind="stable")[:_MOST].tolist()
    ]
    more = len(distinct) - len(series)
    note = f"and {more:,} more prefixes with fewer tasks." if more else ""
    return Chart("Finished tasks over time", "", time, series, document.start, document.stop, note)


def _sampled(counts: dict[str, npt.NDArray[np.float64]], *names: str) -> bool:
    return len(counts.get("time", ())) > 1 and all(
        len(counts.get(name, ())) == len(counts["time"]) for name in names
    )


def _memory(document: Document, counts: dict[str, npt.NDArray[np.float64]]) -> Chart | None:
    if not _sampled(counts, "limit", "spilled", *(name for name, *_ in _MEMORY)):
        return None
    series = [
        Series(words, colour, counts[name], stacked=True, last=f"at most {_most(counts[name])}")
        for name, words, colour in _MEMORY
    ]
    if np.nanmax(counts["spilled"]) > 0:
        last = f"at most {_most(counts['spilled'])}"
        series.append(Series("spilled: lies on disk", "#996633", counts["spilled"], last=last))
    if np.nanmax(counts["limit"]) > 0:
        series.append(
            Series("limit of all workers", ERROR_COLOUR, counts["limit"], last=_most(counts["limit"]))
        )
    end = max(document.stop, float(counts["time"][-1]))
    return Chart("Memory of the workers over time", "B", counts["time"], series, document.start, end)


def _most(values: npt.NDArray[np.float64]) -> str:
    return size(float(np.nanmax(values)))


def _cpu(document: Document, counts: dict[str, npt.NDArray[np.float64]]) -> Chart | None:
    if not _sampled(counts, "cpu", "threads"):
        return None
    used, threads = counts["cpu"], 100 * counts["threads"]
    series = [
        Series(
            "used by all workers", "#4477aa", used, stacked=True, last=f"at most {np.nanmax(used):,.0f} %"
        ),
        Series("all threads", "#e69f00", threads, last=f"{threads[-1]:,.0f} %"),
    ]
    end = max(document.stop, float(counts["time"][-1]))
    return Chart("CPU of the workers over time", "%", counts["time"], series, document.start, end)

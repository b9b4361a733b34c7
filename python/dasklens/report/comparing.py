"""From the documents of runs to the document of their comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import localtime, strftime, time
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import profile as tree
from ..model.bootstrap import Floats, Ratio
from ..model.compare import FEWEST, Change, Changes, compare_prefixes
from ..model.compareprofile import moved_functions
from ..model.pieces import PieceWriter
from ..model.relog import over_time, since
from ..model.samples import WorkersNow
from ..model.spans import TaskTable
from ..wire.calltree import pack_profile, unpack_profile
from ..wire.frames import NO_NAME, unpack_frame
from .compared import checked_comparison
from .comparedtext import notes, shown, verdict
from .document import Document, Stream, plain, whole
from .measured import coded, sums
from .summary import ORDER, summarize

#: Runs that are compared at most, prefixes that are told, and workers whose peaks are.
MOST_RUNS, MOST_PREFIXES, MOST_WORKERS = 200, 1000, 500
#: Between these letters, or from one on, runs are called when nobody says how.
_LETTERS = ("a", "b")

METHOD = (
    "Ratio of the medians of compute seconds per task, the last run over the first, with a 95 % percentile "
    "bootstrap interval of 10,000 resamples; tasks that are slow one after the other count as fewer (batch "
    "means). A verdict needs 5 % of difference, and an interval on one side of 1 of a confidence that is "
    "raised for the number of prefixes (Bonferroni). Failed tasks are left out."
)


@dataclass
class Run:
    """One run in numbers.

    Attributes
    ----------
    took : dict of str to array
        By prefix, the seconds that each task computed which finished well.
    figures : dict of str to float or None
        What `FIGURES` names.
    peaks : dict of str to float
        By worker, the most bytes that its process had in memory, as far as it was looked at.
    extent : (float, float)
        From where to where its spans lie, in seconds since its start; all of its time at least.
    """

    label: str
    document: Document
    took: dict[str, Floats]
    figures: dict[str, float | None]
    peaks: dict[str, float]
    extent: tuple[float, float]


#: Of the length of a run, how far from it spans may lie that are shown: further off, clocks are wrong.
_ASTRAY = 1.0
#: What is told of a whole run: its name, title and unit.
FIGURES: tuple[tuple[str, str, str], ...] = (
    ("duration", "Duration", "s"),
    ("tasks", "Tasks", "n"),
    ("errors", "Failed tasks", "n"),
    ("prefixes", "Prefixes", "n"),
    *((name, f"Threads: {name}", "s") for name in ORDER),
    ("workers", "Workers", "n"),
    ("threads", "Threads", "n"),
    ("limit", "Memory limit", "B"),
    ("peak", "Memory, peak", "B"),
    ("worker_peak", "Memory of a worker, peak", "B"),
    ("spilled", "Spilled, peak", "B"),
    ("network", "Network, read by the hosts", "B"),
    ("transfers", "Transfers", "n"),
)


def compared(
    documents: Sequence[Document], labels: Sequence[str] | None = None, *, fewest: int = FEWEST
) -> Document:
    """Compare runs; the document of what came of it.

    Parameters
    ----------
    documents : sequence of Document
        Two or more, the first of which is what the others are compared with.
    labels : sequence of str, optional
        What they are called: a and b, or 1, 2, … by default.
    fewest : int
        Tasks of a prefix that both the first and the last need.

    Raises
    ------
    ValueError
        When there are too few or too many, or labels of another number or twice the same.
    ReportError
        When one of them is damaged.
    """
    named = _labels(len(documents), labels)
    runs = [_run(document, label) for document, label in zip(documents, named, strict=True)]
    unnamed = _unnamed(runs)
    changes = compare_prefixes([{} if unnamed else run.took for run in runs], fewest=fewest)
    kind = "pair" if len(runs) == 2 else "trend"
    made = Document(
        dasklens=_version(),
        title=_title(runs),
        created=time(),
        start=min(document.start for document in documents),
        stop=max(document.stop for document in documents),
        redacted=list(dict.fromkeys(word for document in documents for word in document.redacted)),
    )
    made.logs["empty"] = "A comparison has no logs: they are in the reports that were compared."
    functions: list[list[Any]] = []
    if kind == "pair":
        functions = _streams(made, runs)
    comparison = {
        "kind": kind,
        "runs": [_about(run) for run in runs],
        "figures": [
            {"name": name, "title": title, "unit": unit, "values": [run.figures[name] for run in runs]}
            for name, title, unit in FIGURES
            if any(run.figures[name] is not None for run in runs)
        ],
        "prefixes": [_prefix(change) for change in changes.each[:MOST_PREFIXES]],
        "all_prefixes": len(changes),
        "compared": changes.compared,
        "fewest": changes.fewest,
        "functions": functions,
        "peaks": _peaks(runs),
        "extent": _extent(runs),
        "method": METHOD,
    }
    comparison["verdict"] = verdict(comparison)
    comparison["notes"] = [*_without_names(runs), *notes(comparison, changes.left_out)]
    # What is read back is the same to the letter.
    made.comparison = checked_comparison(plain(comparison))
    return made


def _labels(n: int, labels: Sequence[str] | None) -> list[str]:
    if not 2 <= n <= MOST_RUNS:
        raise ValueError(f"From 2 to {MOST_RUNS} runs can be compared, got {n}.")
    if labels is None:
        return list(_LETTERS) if n == 2 else [str(i + 1) for i in range(n)]
    if isinstance(labels, str) or not all(isinstance(label, str) and label for label in labels):
        raise ValueError(f"labels should be a list of texts, one a run, got {labels!r}.")
    named = list(labels)
    if len(named) != n or len(set(named)) != n:
        raise ValueError(f"labels should be {n} different texts, one a run, got {named!r}.")
    return named


def _title(runs: Sequence[Run]) -> str:
    titles = [run.document.title or run.label for run in runs]
    if len(runs) == 2:
        return f"{titles[1]} compared with {titles[0]}"
    return f"{len(runs):,} runs from {titles[0]} to {titles[-1]}"


def _unnamed(runs: Sequence[Run]) -> list[str]:
    """Labels of the runs whose names were left out: what stands for them is numbered anew in each report."""
    return [shown(run.label) for run in runs if "keys" in run.document.redacted]


def _without_names(runs: Sequence[Run]) -> list[str]:
    labels = _unnamed(runs)
    if not labels:
        return []
    return [
        f"The names of tasks were left out of {', '.join(labels)}. What stands for them (group-1, …) is "
        "numbered anew in each report, so single prefixes were not compared."
    ]


def _about(run: Run) -> dict[str, Any]:
    document = run.document
    return {
        "label": run.label,
        "title": document.title or strftime("%Y-%m-%d %H:%M", localtime(document.start)),
        "start": document.start,
        "stop": document.stop,
        "ended_early": document.ended_early,
        "missed": document.missed.get("tasks", 0),
        "exception": document.exception["type"] if document.exception else "",
        "versions": document.cluster.get("versions", {}),
    }


def _prefix(change: Change) -> dict[str, Any]:
    ratio = change.ratio
    return {
        "prefix": change.prefix,
        "tasks": list(change.tasks),
        "medians": list(change.medians),
        "seconds": list(change.seconds),
        "shares": list(change.shares),
        # What is without end becomes null: JSON has no word for it.
        "ratio": None if ratio is None else ratio.value,
        "interval": None if ratio is None else [ratio.low, ratio.high],
        "surely": None if ratio is None else [ratio.least, ratio.most],
        "verdict": change.verdict,
    }


# -- one run ------------------------------------------------------------------------------------------


def _run(document: Document, label: str) -> Run:
    if document.comparison is not None:
        raise ValueError("A comparison cannot be compared: give the reports themselves.")
    with whole(f"the run {label!r}"):
        tasks = TaskTable(document.frames("tasks"), document.missed.get("tasks", 0))
        took = seconds_by_prefix(tasks)
        figures, peaks = _figures(document, tasks), _peaks_of(document)
        return Run(label, document, took, figures, peaks, _extent_of(document, tasks))


def seconds_by_prefix(tasks: TaskTable) -> dict[str, Floats]:
    """By prefix, the seconds that each task computed which finished well, in the order of their ends."""
    columns = tasks.columns()
    if not len(columns["group"]):
        return {}
    prefix, prefixes = coded(columns["group"], tasks.names, lambda name: str(name[1]))
    action, actions = coded(columns["action"], tasks.names, str)
    computes = np.array([name == "compute" for name in actions], bool)[action]
    long = columns["stop"] - columns["start"]
    # Broken clocks run backwards, or say nothing.
    computes &= long >= 0
    record = columns["record"][computes]
    total = sums(record, long[computes], len(prefix))
    ran = np.zeros(len(prefix), bool)
    ran[record] = True
    used = ran & (columns["error"] == NO_NAME)
    prefix, total = prefix[used], total[used]
    order = np.argsort(prefix, kind="stable")
    ends = np.cumsum(np.bincount(prefix, minlength=len(prefixes)))
    parts = np.split(total[order], ends[:-1])
    return {name: part for name, part in zip(prefixes, parts, strict=True) if len(part)}


def _figures(document: Document, tasks: TaskTable) -> dict[str, float | None]:
    columns, cluster = tasks.columns(), document.cluster
    counts, system = over_time(document.frames("counts")), over_time(document.frames("system"))
    summary = document.summary
    if not summary:
        # A figure alone says nothing of its cluster: what is known are the threads that ran something.
        lanes = {tasks.names[each][:2] for each in np.unique(columns["lane"]).tolist()}
        summary = summarize(
            tasks,
            start=document.start,
            stop=document.stop,
            threads=len(lanes),
            workers=len({worker for worker, _ in lanes}),
        )
    said = summary["figures"]
    actions = {i: name for i, name in tasks.names.items() if name == "transfer"}
    found: dict[str, float | None] = {name: None for name, _, _ in FIGURES}
    found.update({name: said.get(name) for name in ("duration", "tasks", "errors", "prefixes")})
    if found["duration"] is None:
        found["duration"] = max(0.0, document.stop - document.start)
    found.update({name: said.get(name) for name in ("workers", "threads")})
    found.update({each["name"]: each["seconds"] for each in summary["time"] if each["name"] in ORDER})
    found["limit"] = cluster.get("memory") or None
    found["peak"] = _most(counts, "process")
    found["worker_peak"] = _most(counts, "memory_100")
    found["spilled"] = _most(counts, "spilled")
    found["network"] = _integral(system, "net_read", document.start, document.stop)
    found["transfers"] = int(np.isin(columns["action"], list(actions)).sum())
    return found


def _most(samples: Mapping[str, npt.NDArray[Any]], name: str) -> float | None:
    values = samples.get(name, np.empty(0))
    values = values[np.isfinite(values)]
    return float(values.max()) if len(values) else None


def _integral(samples: Mapping[str, npt.NDArray[Any]], name: str, start: float, stop: float) -> float | None:
    """Of a rate: each sample stands for the time since the one before it."""
    time, values = samples.get("time", np.empty(0)), samples.get(name, np.empty(0))
    if not len(values) or len(values) != len(time):
        return None
    steps = np.diff(np.clip(time, start, stop), prepend=start)
    return float(np.nansum(values * np.maximum(steps, 0.0)))


def _peaks_of(document: Document) -> dict[str, float]:
    now = WorkersNow()
    peaks: dict[str, float] = {}
    for data in document.frames("workers"):
        now.append(unpack_frame(data))
        for row in now.rows:
            if "process" in row:
                name = str(row["name"])
                peaks[name] = max(peaks.get(name, 0.0), float(row["process"]))
    return peaks


def _extent_of(document: Document, tasks: TaskTable) -> tuple[float, float]:
    """Somewhat more than the time of a run: workers' clocks are not the scheduler's."""
    long = max(0.0, document.stop - document.start)
    times = np.concatenate([tasks.columns()[name] - document.start for name in ("start", "stop")])
    times = times[(times >= -_ASTRAY * long) & (times <= (1 + _ASTRAY) * long)]
    return (float(times.min()), float(times.max())) if len(times) else (0.0, long)


def _extent(runs: Sequence[Run]) -> list[float]:
    """What task streams of all runs show at first, one above the other."""
    begin = min(0.0, *(run.extent[0] for run in runs))
    end = max(run.document.stop - run.document.start for run in runs)
    end = max(end, *(run.extent[1] for run in runs), begin + 1e-3)
    around = 0.02 * (end - begin)
    return [begin - around, end + around]


def _peaks(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """By worker's name: addresses differ from run to run."""
    names = list(dict.fromkeys(name for run in runs for name in run.peaks))
    rows: list[dict[str, Any]] = [
        {"worker": name, "values": [run.peaks.get(name) for run in runs]} for name in names
    ]
    rows.sort(key=lambda row: -max(value or 0.0 for value in row["values"]))
    return rows[:MOST_WORKERS]


# -- what figures show --------------------------------------------------------------------------------


def _streams(made: Document, runs: Sequence[Run]) -> list[list[Any]]:
    """Put the tasks of both into the document, and the tree of what changed; which functions did."""
    for place, run in zip(_LETTERS, runs, strict=True):
        writer = PieceWriter()
        for n, frame in enumerate(run.document.frames("tasks")):
            # From the start of each run: side by side, what happened at the same time of day says nothing.
            writer.add(since(frame, run.document.start), 0 if n else run.document.streams["tasks"].records)
        made.streams[f"tasks:{place}"] = Stream(writer.records, writer.frames, writer.pieces())
    trees = []
    for run in runs:
        with whole(f"the call tree of {run.label!r}"):
            trees.append(_tree(run.document))
    if any(each is None or not each[0]["count"] for each in trees):
        return []
    (before, _), (after, covers) = trees  # type: ignore[misc]
    writer = PieceWriter()
    about = {"kind": "worker", "interval": covers.get("interval")}
    writer.add(pack_profile(tree.diff(after, before), about), after["count"])
    made.streams["profile:change"] = Stream(writer.records, writer.frames, writer.pieces())
    return [
        [each.name, each.filename, each.line, each.library, each.before, each.after, *each.samples]
        for each in moved_functions(after, before)
    ]


def _tree(document: Document) -> tuple[Any, Mapping[str, Any]] | None:
    for frame in document.frames("profile:worker"):
        state, about, _ = unpack_profile(frame)
        return state, about
    return None


def changes_of(comparison: Mapping[str, Any]) -> Changes:
    """What `dasklens.model.compare` said, out of a document."""

    def ratio(each: Mapping[str, Any]) -> Ratio | None:
        if each["interval"] is None:
            return None
        (low, high), (least, most) = each["interval"], each["surely"]
        ends = [float("inf") if end is None else end for end in (each["ratio"], low, high, least, most)]
        return Ratio(*ends)

    return Changes(
        tuple(
            Change(
                each["prefix"],
                tuple(each["tasks"]),
                tuple(each["medians"]),
                tuple(each["seconds"]),
                tuple(each["shares"]),
                ratio(each),
                each["verdict"],
            )
            for each in comparison["prefixes"]
        ),
        comparison["compared"],
        0,
        comparison["fewest"],
    )


def _version() -> str:
    from .. import __version__

    return __version__

"""What looks wrong in a recording: each finding with its numbers, what to do, and where Dask's docs say more.

A rule says nothing rather than something that a reader would look into in vain: each has a least amount below
which it is silent, however bad a ratio may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np

from .measured import Measured, held_for
from .words import duration, percent, plural, size

DOCS = "https://docs.dask.org/en/stable/"

#: The scheduler needs up to so many seconds for a task, by Dask's own best practices.
OVERHEAD = 0.001
#: A task that is shorter than ten times that is not worth its overhead; Dask's docs ask for a hundred times.
SHORT = 10 * OVERHEAD
#: So few short tasks trouble nobody, nor do more as long as their overhead is no larger part of the time.
SHORT_TASKS, OVERHEAD_SHARE = 500, 0.2
#: Transfers dominate from this part of the time in which threads had something to do, and of all their time.
TRANSFER_OF_BUSY, TRANSFER_OF_ALL = 0.3, 0.05
#: Bytes on disk, and the part of threads' time spent on reading and writing them, that are worth a word.
SPILLED, DISK_OF_ALL = 10e6, 0.05
#: Fewer than this part of the threads were busy while any was, for at least so many seconds.
FEW, ACTIVE = 0.5, 0.5
#: A worker is far slower that takes so many times as long as the others for the same prefixes. Less may be
#: other work on its machine.
SLOWER = 2.0
#: By so many tasks at least, which take so many seconds each: below, it is overhead that is compared.
SLOW_TASKS, SLOW_SECONDS = 5, 0.005
#: Part of the time for which a thread had to wait for the GIL when it wanted it (`gilknocker`).
GIL_HELD = 0.7
#: Seconds between two ticks of a worker's event loop, in the mean of a second, where 0.02 are meant to be:
#: busy machines reach a tenth.
LONG_TICK = 0.2
#: For so many seconds, and for this part of the time: importing a large library also holds the GIL, once.
HELD_SECONDS, HELD_SHARE = 1.0, 0.1
#: Characters of an exception's text, and kinds of failures that are told.
LONGEST_TEXT, MOST_FAILURES = 200, 3

#: Part of the computations that may lie outside of the recorded time before it is said.
OUTSIDE = 0.01


class Finding(TypedDict):
    """One thing that looks wrong."""

    id: str
    severity: str
    title: str
    evidence: str
    remedy: str
    link: str


def find(
    measured: Measured, details: Mapping[str, Any] | None = None, *known: Finding | None
) -> list[Finding]:
    """All that looks wrong: first what a reader has to know, then what costs time.

    Parameters
    ----------
    details : mapping, optional
        As `unpack_details` gives them, for what only logs tell.
    *known
        What was found elsewhere.
    """
    found = [missing_records(measured), errors(measured), retries(measured, details or {}), *known]
    found += [rule(measured) for rule in _RULES]
    by_id = {each["id"]: each for each in found if each is not None}
    if "short-tasks" in by_id:
        # Threads that wait for a scheduler with too many tasks are no finding of their own.
        by_id.pop("few-threads", None)
    return list(by_id.values())


def notes(measured: Measured) -> list[str]:
    """What could not be looked into, and what would help."""
    said = []
    if measured.outside > OUTSIDE * measured.spans:
        said.append(
            f"{measured.outside:,} of {measured.spans:,} computations lie outside of the recorded time by "
            "their workers' clocks, and are not in the times here: set the clocks of scheduler and workers."
        )
    if not measured.n_tasks or _is_measured(measured, "gil_most"):
        return said
    return [
        *said,
        "How long the GIL was held was not measured: no worker has gilknocker (pip install gilknocker). "
        "What is said of it goes by how late the workers' event loops were.",
    ]


# --- the rules ---------------------------------------------------------------------------------------


def missing_records(m: Measured) -> Finding | None:
    """Records that the scheduler had dropped before they were read."""
    if not m.missed:
        return None
    return finding(
        "missing-records",
        "Not every task is in this report",
        f"{m.missed:,} of {m.missed + m.n_tasks:,} tasks were dropped before they could be read. "
        "Everything here is about the others.",
        "Give the scheduler a larger log: dasklens.log.limit in its configuration.",
        "configuration.html",
    )


def errors(m: Measured) -> Finding | None:
    """Tasks that failed for good."""
    if not m.failures:
        return None
    most = sorted(m.failures.items(), key=lambda item: -item[1])
    told = [
        f"{prefix}: {_cut(text)} ({n:,} {plural(n, 'time')})" for (prefix, text), n in most[:MOST_FAILURES]
    ]
    rest = f"; and {len(most) - MOST_FAILURES:,} other kinds" if len(most) > MOST_FAILURES else ""
    return finding(
        "errors",
        "Tasks failed",
        f"{m.n_errors:,} of {m.n_tasks:,} tasks failed. {'; '.join(told)}{rest}.",
        "Look at the tracebacks under Exceptions, and run one of the tasks on its own to find out why.",
        "how-to/debug.html",
    )


def retries(m: Measured, details: Mapping[str, Any]) -> Finding | None:
    """Tasks that failed and were run again: only the workers' logs know of them."""
    logs = details.get("logs", {}).get("workers", {})
    # Workers that share a process share its log, and each tells all of it.
    failures = {
        (row[0], row[2])
        for log in logs.values()
        for row in log["rows"]
        if "Compute Failed" in row[2] and m.start <= row[0] <= m.stop
    }
    again = len(failures) - m.n_errors
    if again <= 0:
        return None
    least = "At least " if any(log["more"] for log in logs.values()) else ""
    return finding(
        "retries",
        "Tasks failed and were run again",
        f"{least}{again:,} {plural(again, 'run')} failed, by the workers' logs, besides the "
        f"{m.n_errors:,} {plural(m.n_errors, 'task')} that failed for good.",
        "Retries hide a cause: look at the failures in the workers' logs.",
        "how-to/debug.html",
    )


def short_tasks(m: Measured) -> Finding | None:
    """So many tasks that the scheduler is what takes the time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = m.seconds / m.tasks
    short = (mean < SHORT) & (m.tasks > 0)
    n = int(m.tasks[short].sum())
    if n < SHORT_TASKS or n * OVERHEAD < OVERHEAD_SHARE * m.duration:
        return None
    worst = int(np.argmax(np.where(short, m.tasks, 0)))
    return finding(
        "short-tasks",
        "Tasks are far too short",
        f"{n:,} of {m.n_tasks:,} tasks are of prefixes that take less than {duration(SHORT)} a task; most of "
        f"them are of {m.prefixes[worst]}, with {duration(float(mean[worst]))}. The scheduler needs up to "
        f"{duration(OVERHEAD)} for each task: together {duration(n * OVERHEAD)} of {duration(m.duration)}.",
        "Make fewer, larger tasks: larger chunks or partitions, or several items a task.",
        "delayed-best-practices.html#avoid-too-many-tasks",
    )


def transfers(m: Measured) -> Finding | None:
    """Threads that wait for data of other workers."""
    waited = m.time.spent["transfer"]
    if waited < TRANSFER_OF_BUSY * m.time.busy or waited < TRANSFER_OF_ALL * m.available or not waited:
        return None
    return finding(
        "transfers",
        "Transfers between workers dominate",
        f"Threads waited {duration(waited)} for data from other workers, {percent(waited, m.time.busy)} of "
        f"the time in which they had something to do; they computed for {duration(m.time.spent['compute'])}. "
        f"All transfers together took {duration(m.time.spans['transfer'])}.",
        "Move less: filter and reduce before what needs data of several workers, or use fewer workers with "
        "more threads, which share their memory.",
        "best-practices.html#processes-threads-and-vm-sizes",
    )


def spilling(m: Measured) -> Finding | None:
    """Data that went to disk because memory was short."""
    most = max((float(values.max()) for values in _samples(m, "spilled")), default=0.0)
    disk = m.time.spent["disk"]
    slow = disk >= DISK_OF_ALL * m.available and disk > 0
    if most < SPILLED and not slow:
        return None
    at_once = f"Up to {size(most)} were on disk at once. " if most else ""
    return finding(
        "spilling",
        "Workers spilled data to disk",
        f"{at_once}Threads waited {duration(disk)} for the disk, {percent(disk, m.available)} of their time; "
        f"reading and writing took {duration(m.time.spans['disk'])} in all.",
        "Use smaller partitions or chunks, keep fewer results at once, or give the workers more memory.",
        "best-practices.html#avoid-very-large-partitions",
    )


def few_threads(m: Measured) -> Finding | None:
    """Work that did not keep the threads busy, while there was some."""
    if m.duration <= 0 or m.time.active < ACTIVE:
        return None
    there = m.available / m.duration
    busy = m.time.busy / m.time.active
    # Of one thread or two there are no fewer that could do it.
    if there < 2 or busy >= FEW * there:
        return None
    return finding(
        "few-threads",
        "Few threads were busy",
        f"While anything ran ({duration(m.time.active)}), {busy:.1f} of {there:.3g} threads were busy in the "
        "mean.",
        "Give Dask more to do at once: compute several results in one call, and split large tasks.",
        "best-practices.html#avoid-calling-compute-repeatedly",
    )


def slow_worker(m: Measured) -> Finding | None:
    """One worker that takes far longer for the same."""
    slow = {
        address: (times, n, seconds)
        for address, (times, n, seconds) in m.slowness.items()
        if times >= SLOWER and n >= SLOW_TASKS and seconds >= n * SLOW_SECONDS
    }
    if not slow:
        return None
    worst = max(slow, key=lambda address: slow[address][0])
    times, n, seconds = slow[worst]
    more = f" {len(slow) - 1:,} more took over {SLOWER:.3g} times as long, too." if len(slow) > 1 else ""
    return finding(
        "slow-worker",
        "One worker is far slower",
        f"{worst} took {times:.1f} times as long as the other workers for tasks of the same prefixes "
        f"({n:,} tasks, {duration(seconds)}).{more}",
        "See what else runs on its machine, and whether it has the same processor, memory and disk.",
        "best-practices.html#use-the-dashboard",
    )


def gil(m: Measured) -> Finding | None:
    """Functions that let nothing else run in their worker."""
    if _is_measured(m, "gil_most"):
        held = m.system["gil_most"]
        seconds = held_for(m.system, held >= GIL_HELD, m.stop)
        mean = float(np.nanmean(m.system["gil"]))
        evidence = (
            f"For {duration(seconds)} of {duration(m.duration)} some worker's threads waited for the "
            f"GIL for at least {GIL_HELD:.0%} of the time; in the mean of all workers for {mean:.0%}."
        )
    else:
        tick = m.system.get("worker_tick", np.empty(0))
        seconds = held_for(m.system, tick >= LONG_TICK, m.stop) if len(tick) else 0.0
        longest = float(np.nanmax(tick)) if len(tick) and not np.isnan(tick).all() else 0.0
        evidence = (
            f"For {duration(seconds)} of {duration(m.duration)} some worker's event loop came round only "
            f"every {duration(LONG_TICK)} or less often, at worst every {duration(longest)}; usual are "
            f"{duration(0.02)}. The GIL itself was not measured: no worker has gilknocker."
        )
    if seconds < max(HELD_SECONDS, HELD_SHARE * m.duration):
        return None
    return finding(
        "gil",
        "Functions hold the GIL for long",
        evidence,
        "Use libraries that release the GIL, or more worker processes with fewer threads.",
        "best-practices.html#processes-threads-and-vm-sizes",
    )


#: What costs time.
_RULES: tuple[Callable[[Measured], Finding | None], ...] = (
    short_tasks,
    transfers,
    spilling,
    few_threads,
    slow_worker,
    gil,
)


def finding(ident: str, title: str, evidence: str, remedy: str, page: str) -> Finding:
    """A finding that links to a page of Dask's documentation."""
    return {
        "id": ident,
        "severity": "warning",
        "title": title,
        "evidence": evidence,
        "remedy": remedy,
        "link": DOCS + page,
    }


def _cut(text: str) -> str:
    return f"{text[:LONGEST_TEXT]}…" if len(text) > LONGEST_TEXT else text


def _samples(m: Measured, name: str) -> list[np.ndarray[Any, Any]]:
    return [history[name] for history in (m.counts, m.system) if len(history.get(name, ()))]


def _is_measured(m: Measured, name: str) -> bool:
    return bool(np.isfinite(m.system.get(name, np.empty(0))).any())

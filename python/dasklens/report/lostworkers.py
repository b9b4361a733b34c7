"""Workers that were lost with work on them, which then ran once more: a finding with what tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..model.spans import TaskTable
from .findings import Finding, finding
from .measured import Measured
from .words import duration, plural

DIED = "https://distributed.dask.org/en/stable/killed.html"
#: Workers that are named, and tasks whose keys are looked at.
MOST_NAMED, MOST_KEYS = 3, 500_000


def lost_workers(m: Measured, tasks: TaskTable, details: Mapping[str, Any]) -> Finding | None:
    """Workers that the scheduler lost while they had tasks or results, by its own account."""
    lost = [each for each in details.get("lost", []) if m.start <= each[0] <= m.stop]
    if not lost:
        return None
    n = len(lost)
    running, computed, scattered = (sum(each[at] for each in lost) for at in (2, 3, 4))
    named = [f"{each[1]} after {duration(each[0] - m.start)}" for each in lost[:MOST_NAMED]]
    more = f" and {len(lost) - MOST_NAMED:,} more" if len(lost) > MOST_NAMED else ""
    said = [f"The scheduler lost {', '.join(named)}{more}."]
    if running:
        whose = "it was" if n == 1 else "they were"
        said.append(f"{running:,} {plural(running, 'task')} that {whose} to run had to run elsewhere.")
    if computed:
        said.append(f"{computed:,} finished {plural(computed, 'result')} had to be computed again.")
    if scattered:
        said.append(f"{scattered:,} scattered {plural(scattered, 'result')} cannot be had again.")
    again = ran_again(tasks, {str(each[1]): float(each[0]) for each in lost})
    if again:
        said.append(f"By their keys, {again:,} {plural(again, 'task')} finished there and once more later.")
    return {
        **finding(
            "lost-worker",
            "A worker was lost, and its work was done again"
            if n == 1
            else f"{n:,} workers were lost, and their work was done again",
            " ".join(said),
            "Look for the reason in the logs: mostly a worker went past its memory limit and was killed, its "
            "machine was taken away, or a library crashed. Smaller partitions or more memory help with the "
            "first. A cluster whose scale() is called with fewer workers may end them too before they have "
            "handed over what they hold: call client.retire_workers() first.",
            "",
        ),
        "link": DIED,
    }


def ran_again(tasks: TaskTable, lost: Mapping[str, float]) -> int:
    """Tasks that finished on a worker before it was lost, and once more afterwards; of the last half million.

    Parameters
    ----------
    lost : mapping of str to float
        By address of the worker, when it was lost.
    """
    columns = tasks.columns()
    lane, stimulus = columns["lane"], columns["stimulus"]
    when = np.full(len(lane), np.nan)
    for ident in np.unique(lane).tolist():
        when[lane == ident] = lost.get(str(tasks.names[ident][0]), np.nan)
    # In the order in which the scheduler heard of them; some say no time.
    there = np.flatnonzero(~np.isnan(when) & ~(stimulus > when))[-MOST_KEYS:]
    if not len(there):
        return 0
    later = np.flatnonzero((np.arange(len(lane)) > there[0]) & ~(stimulus < np.nanmin(when)))[-MOST_KEYS:]
    return len(set(tasks.keys_of(there)) & set(tasks.keys_of(np.setdiff1d(later, there))))

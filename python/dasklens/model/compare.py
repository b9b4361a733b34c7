"""What differs between runs, prefix by prefix: numbers only.

A run is compared with the one before it by the medians of what the tasks of a prefix took, in seconds of
compute: of two runs of one program the same tasks ran, however many of them, and one task that took very long
does not move a median. `dasklens.model.bootstrap` says how sure the ratio is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

import numpy as np

from .bootstrap import SEED, Floats, Ratio, ratio_of_medians

Verdict = Literal["slower", "faster", "no difference", "too few tasks", "only in a", "only in b"]
VERDICTS: tuple[Verdict, ...] = (
    "slower",
    "faster",
    "no difference",
    "too few tasks",
    "only in a",
    "only in b",
)
CONFIDENCE = 0.95
#: Tasks of a prefix that each run needs, and the part of the median by which they should differ at least: two
#: runs of the same program on the same machine differ by some per cent, which an interval knows nothing of.
FEWEST, NOTICED = 8, 0.05
#: Prefixes that are compared, the most expensive first; of the others only the medians are told.
MOST_COMPARED = 500


@dataclass(frozen=True)
class Change:
    """One prefix in two runs or more; ``a`` is the first of them, ``b`` the last.

    Attributes
    ----------
    tasks : tuple of int
        By run: tasks that finished well and computed.
    medians : tuple of float or None
        By run: the median of what they took, in seconds; None without any.
    seconds, shares : tuple of float
        By run: what they took together, and which part of all compute that is.
    ratio : Ratio or None
        Of the last median over the first; None when they were not compared.
    """

    prefix: str
    tasks: tuple[int, ...]
    medians: tuple[float | None, ...]
    seconds: tuple[float, ...]
    shares: tuple[float, ...]
    ratio: Ratio | None
    verdict: Verdict


@dataclass(frozen=True)
class Changes:
    """All prefixes, those that cost the most first.

    Attributes
    ----------
    compared : int
        How many were compared: the more, the surer each has to be.
    left_out : int
        How many more had tasks enough, and were not compared because they cost too little.
    """

    each: tuple[Change, ...] = ()
    compared: int = 0
    left_out: int = 0
    fewest: int = FEWEST

    def __iter__(self) -> Iterator[Change]:
        return iter(self.each)

    def __len__(self) -> int:
        return len(self.each)


def compare_prefixes(runs: Sequence[Mapping[str, Floats]], *, fewest: int = FEWEST) -> Changes:
    """Compare the last run with the first, prefix by prefix.

    The ratio of medians has a 95 % percentile bootstrap interval of 10,000 resamples. *Slower* is a prefix
    whose ratio is 1.05 or more, if its interval lies above 1 at a confidence that is raised for the number of
    prefixes which are looked at (Bonferroni): of all of them together, one in twenty comparisons of what is
    the same is wrong. *Faster* likewise. Tasks that are slow one after the other count as fewer.

    Parameters
    ----------
    runs : sequence of mapping of str to array
        Two or more: by prefix the seconds that each task computed, in the order in which they ended.
    fewest : int
        Tasks of a prefix that both runs need.

    Returns
    -------
    Changes
    """
    if len(runs) < 2:
        raise ValueError(f"Two runs or more can be compared, got {len(runs)}.")
    first, last = runs[0], runs[-1]
    totals = [sum(float(took.sum()) for took in run.values()) for run in runs]
    names = list(dict.fromkeys(name for run in runs for name in run))
    seconds = {name: tuple(float(run[name].sum()) if name in run else 0.0 for run in runs) for name in names}
    names.sort(key=lambda name: (-max(seconds[name]), name))
    enough = [name for name in names if min(_n(first, name), _n(last, name)) >= max(1, fewest)]
    compared = set(enough[:MOST_COMPARED])
    changes = []
    for name in names:
        ratio = None
        if name in compared:
            ratio = ratio_of_medians(
                last[name],
                first[name],
                confidence=CONFIDENCE,
                comparisons=len(compared),
                # What another prefix does changes nothing here.
                seed=SEED + crc32(name.encode("utf-8", "replace")),
            )
        changes.append(
            Change(
                prefix=name,
                tasks=tuple(_n(run, name) for run in runs),
                medians=tuple(float(np.median(run[name])) if _n(run, name) else None for run in runs),
                seconds=seconds[name],
                shares=tuple(
                    part / total if total else 0.0 for part, total in zip(seconds[name], totals, strict=True)
                ),
                ratio=ratio,
                verdict=_verdict(_n(first, name), _n(last, name), ratio),
            )
        )
    return Changes(tuple(changes), len(compared), len(enough) - len(compared), fewest)


def _n(run: Mapping[str, Floats], prefix: str) -> int:
    return len(run[prefix]) if prefix in run else 0


def _verdict(before: int, after: int, ratio: Ratio | None) -> Verdict:
    if not before and after:
        return "only in b"
    if before and not after:
        return "only in a"
    if ratio is None:
        return "too few tasks"
    if ratio.value >= 1 + NOTICED and ratio.least > 1:
        return "slower"
    if ratio.value <= 1 / (1 + NOTICED) and ratio.most < 1:
        return "faster"
    return "no difference"


# -- for whoever has to say yes or no ------------------------------------------------------------------

#: Part of all compute, in either run, that a prefix must have to count; and seconds by which the whole must
#: have become longer, however short it was.
NOTICEABLE, LEAST_LONGER = 0.05, 0.5


@dataclass(frozen=True)
class Slowdown:
    """Why a run counts as slower: a prefix, or (with an empty one) the whole."""

    prefix: str
    before: float
    after: float
    ratio: float
    least: float | None = None
    tasks: tuple[int, int] = field(default=(0, 0))


def slowdowns(
    changes: Changes, durations: tuple[float, float], limit: float, *, share: float = NOTICEABLE
) -> list[Slowdown]:
    """What became slower by more than `limit`, the most expensive first.

    A prefix counts when the lower end of its interval (the one that is raised for the number of prefixes)
    lies above ``1 + limit`` and it takes at least `share` of all compute in one of the runs. The whole counts
    when it took more than ``1 + limit`` times as long, and half a second longer at least: it is one
    measurement, of which nobody knows how sure it is.

    Parameters
    ----------
    changes : Changes
    durations : (float, float)
        Seconds from start to stop of the first and of the last run.
    limit : float
        0.1 is 10 %.
    """
    found = []
    before, after = durations
    if before > 0 and after > (1 + limit) * before and after - before >= LEAST_LONGER:
        found.append(Slowdown("", before, after, after / before))
    for change in changes:
        ratio, medians = change.ratio, (change.medians[0], change.medians[-1])
        if ratio is None or medians[0] is None or medians[1] is None:
            continue
        if ratio.least > 1 + limit and max(change.shares[0], change.shares[-1]) >= share:
            tasks = change.tasks[0], change.tasks[-1]
            found.append(Slowdown(change.prefix, medians[0], medians[1], ratio.value, ratio.least, tasks))
    return found

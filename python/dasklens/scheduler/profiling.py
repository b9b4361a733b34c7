"""Read call trees from the workers and the scheduler, by distributed's own handlers.

`Client.profile` asks the scheduler, which asks all workers and merges on its loop; a worker that
fails is left out without a word, and the trees of the others then go by wrong names. Here the
scheduler only passes on what each worker says, it is merged elsewhere, and whoever did not answer is
named. Who reads may be a client or the scheduler itself.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dask
from dask.utils import parse_timedelta
from distributed.protocol.pickle import dumps

from ..wire.calltree import Made, State, counted, is_tree, merge, text
from .asking import ask, ask_one

#: Prefixes are asked for one by one where that makes no more messages to workers: the scheduler passes
#: each of them on.
MOST_MESSAGES = 200


@dataclass(frozen=True)
class Question:
    """What is asked for, with the meanings of `Client.profile`.

    Attributes
    ----------
    keys : tuple of str
        Key prefixes; all when empty.
    start, stop : float or None
        Seconds since the epoch.
    workers : tuple of str or None
        Addresses; None for all.
    server : bool
        The workers' administrative threads instead of those that compute.
    scheduler : bool
        The scheduler's administrative thread.
    """

    keys: tuple[str, ...] = ()
    start: float | None = None
    stop: float | None = None
    workers: tuple[str, ...] | None = None
    server: bool = False
    scheduler: bool = False


@dataclass
class Answer:
    """What came.

    Attributes
    ----------
    trees : dict of str to list of dict
        Call trees by address, as they came.
    missing : dict of str to str
        Who was asked and did not answer, and why not.
    exact : bool
        Whether trees are to have samples in their innermost frames (`dasklens.wire.calltree.counted`).
    """

    trees: dict[str, list[State]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    exact: bool = False

    def states(self) -> dict[str, Made]:
        """A tree an address. Of many workers it takes its time, as does `merged`."""
        self._leave_out()
        return {worker: merge(self._counted(trees)) for worker, trees in self.trees.items()}

    def merged(self) -> Made:
        """One tree of all; whoever answered with something else is then among the missing."""
        self._leave_out()
        return merge(tree for trees in self.trees.values() for tree in self._counted(trees))

    def _leave_out(self) -> None:
        for worker in [worker for worker, trees in self.trees.items() if not all(map(is_tree, trees))]:
            del self.trees[worker]
            self.missing[worker] = "answered something that is no profile"

    def _counted(self, trees: Iterable[State]) -> Iterable[State]:
        return map(counted, trees) if self.exact else trees


@dataclass
class Coverage:
    """What there is to be asked for.

    Attributes
    ----------
    threads : dict of str to int
        Worker threads by address.
    timeline : list of (float, int)
        Seconds since the epoch, and samples of all workers up to then since the entry before.
    prefixes : dict of str to int
        Samples by key prefix, the most first.
    cycles : int
        Most entries that a worker's history has; it holds `kept` at most.
    interval, cycle : float
        Seconds between two samples, and between two entries.
    enabled : bool
        Whether anything is sampled at all.
    deadlock : bool
        Whether administrative threads are not, for the Python they run on would not bear it.
    missing : dict of str to str
        Whose history could not be read, and why not.
    """

    threads: dict[str, int] = field(default_factory=dict)
    timeline: list[tuple[float, int]] = field(default_factory=list)
    prefixes: dict[str, int] = field(default_factory=dict)
    cycles: int = 0
    kept: int = 1000
    interval: float = 0.01
    cycle: float = 1.0
    enabled: bool = True
    deadlock: bool = False
    missing: dict[str, str] = field(default_factory=dict)


async def read_profile(scheduler: Any, question: Question, prefixes: Sequence[str] | None = None) -> Answer:
    """Ask for call trees.

    Parameters
    ----------
    scheduler : distributed.core.rpc or Here
        Connection to the scheduler.
    prefixes : sequence of str, optional
        The key prefixes that there are. With them the answer is exact, and if few messages do it the trees
        are asked for by prefix: the fewer functions a frame called, the surer it is which one was the
        innermost.
    """
    exact = prefixes is not None
    if question.scheduler:
        state = await scheduler.profile(scheduler=True, start=question.start, stop=question.stop)
        return Answer({str(scheduler.address): [state]}, exact=exact)
    known = list(await scheduler.ncores())
    asked = known if question.workers is None else [each for each in known if each in set(question.workers)]
    keys: Sequence[str | None] = question.keys or (None,)
    few = prefixes is not None and 0 < len(prefixes) * len(asked) <= MOST_MESSAGES
    if few and not question.keys and not question.server:
        assert prefixes is not None
        keys = prefixes
    trees: dict[str, list[State]] = {worker: [] for worker in asked}
    missing: dict[str, str] = {}
    for key in keys:
        message = {"op": "profile", "start": question.start, "stop": question.stop, "key": key}
        replies = await ask(scheduler, {**message, "server": question.server}, asked)
        missing |= replies.missing
        for worker, state in replies.said.items():
            trees[worker].append(state)
    for worker in missing:
        del trees[worker]
    if question.workers is not None:
        missing |= {each: "not a worker of this cluster" for each in question.workers if each not in known}
    return Answer(trees, missing, exact)


async def read_coverage(
    scheduler: Any, question: Question, settings: dict[str, Any] | None = None
) -> Coverage:
    """Ask what there is: threads, when samples were taken, of which prefixes.

    Parameters
    ----------
    settings : dict, optional
        What `read_settings` gave; asked for when missing.
    """
    threads: dict[str, int] = await scheduler.ncores()
    asked = [each for each in threads if question.workers is None or each in set(question.workers)]
    coverage = Coverage(threads={each: threads[each] for each in asked})
    settings = settings or await read_settings(scheduler, asked)
    coverage.enabled = bool(settings["profile"].get("enabled", True))
    coverage.interval = parse_timedelta(settings["profile"].get("interval", "10ms"), default="ms")
    coverage.cycle = parse_timedelta(settings["profile"].get("cycle", "1000ms"), default="ms")
    coverage.kept = int(settings["kept"] or sys.maxsize)
    if question.scheduler or question.server:
        # Distributed samples no event loops there: https://github.com/dask/distributed/issues/8616
        coverage.deadlock = settings["minor"] == 11
        return coverage
    said = await ask(scheduler, {"op": "profile_metadata", "start": 0}, asked)
    # A second's work where many workers have long histories.
    await asyncio.to_thread(_count, coverage, said.said, set(question.keys))
    return coverage


def _count(coverage: Coverage, said: dict[str, Any], keys: set[str]) -> None:
    """Add up what the workers said, in steps of a cycle."""
    steps: dict[float, int] = {}
    prefixes: dict[str, int] = {}
    for worker, each in said.items():
        try:
            n, own_steps, own_prefixes = _counts_of(each, coverage.cycle, keys)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            coverage.missing[worker] = "answered something that is no history"
            continue
        coverage.cycles = max(coverage.cycles, n)
        for sums, own in ((steps, own_steps), (prefixes, own_prefixes)):
            for name, count in own.items():
                sums[name] = sums.get(name, 0) + count  # type: ignore[index, arg-type]
    coverage.timeline = sorted(steps.items())
    coverage.prefixes = dict(sorted(prefixes.items(), key=lambda item: (-item[1], item[0])))


def _counts_of(said: Any, cycle: float, keys: set[str]) -> tuple[int, dict[float, int], dict[str, int]]:
    """Of one worker: entries, samples by step, samples by prefix."""
    steps: dict[float, int] = {}
    prefixes: dict[str, int] = {}
    for (t, count), (_, by_prefix) in zip(said["counts"], said["keys"], strict=False):
        for prefix, n in by_prefix.items():
            name = text(prefix)
            prefixes[name] = prefixes.get(name, 0) + int(n)
        step = (float(t) // cycle + 1) * cycle
        wanted = sum(int(n) for prefix, n in by_prefix.items() if prefix in keys) if keys else int(count)
        steps[step] = steps.get(step, 0) + wanted
    return len(said["counts"]), steps, prefixes


def about(question: Question, answer: Answer, coverage: Coverage) -> dict[str, Any]:
    """What a tree covers, as the frame of the stream ``profile`` says it; see ``docs/frames.md``."""
    asked = [worker for worker in coverage.threads if worker in answer.trees]
    return {
        "kind": "scheduler" if question.scheduler else "server" if question.server else "worker",
        "interval": coverage.interval,
        "cycle": coverage.cycle,
        "enabled": coverage.enabled,
        "deadlock": coverage.deadlock,
        "dropped": coverage.cycles > coverage.kept,
        "threads": sum(coverage.threads[worker] for worker in asked),
        "workers": list(coverage.threads),
        "missing": [list(item) for item in {**coverage.missing, **answer.missing}.items()],
        "prefixes": [list(item) for item in coverage.prefixes.items()],
        "asked": {
            "prefixes": list(question.keys),
            "workers": None if question.workers is None else list(question.workers),
            "start": question.start,
            "stop": question.stop,
        },
    }


@dataclass(frozen=True)
class Reading:
    """What was asked for, and what came."""

    question: Question
    answer: Answer
    coverage: Coverage

    @property
    def about(self) -> dict[str, Any]:
        """What the tree covers; see `about`."""
        return about(self.question, self.answer, self.coverage)


class Follower:
    """Reads one cluster again and again, and only what is new."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] | None = None
        self._seen: Any = None

    async def read(self, scheduler: Any, question: Question, again: bool = False) -> Reading | None:
        """Ask for trees; None when there is nothing that the reading before has not got.

        Parameters
        ----------
        scheduler : distributed.core.rpc or Here
        question : Question
        again : bool
            Read also what is not new.
        """
        if self._settings is None:
            workers = list(await scheduler.ncores())
            settings = await read_settings(scheduler, workers)
            self._settings = settings if workers else None
        coverage = await read_coverage(scheduler, question, self._settings)
        # Trees are the larger part: they are asked for when there is another sample.
        seen = (question, sorted(coverage.threads), [count for _, count in coverage.timeline if count])
        counted = not (question.server or question.scheduler)
        if counted and not again and seen == self._seen:
            return None
        answer = await read_profile(scheduler, question, tuple(coverage.prefixes))
        self._seen = seen
        return Reading(question, answer, coverage)


async def read_settings(scheduler: Any, workers: Sequence[str]) -> dict[str, Any]:
    """How the workers sample: as one of them is configured, else as this process is.

    Returns
    -------
    dict
        ``profile``, the configuration ``distributed.worker.profile``; ``kept``, entries that a history
        holds at most; ``minor``, the 11 of Python 3.11.
    """
    local = {
        "profile": dask.config.get("distributed.worker.profile"),
        "kept": dask.config.get("distributed.admin.low-level-log-length"),
        "minor": sys.version_info.minor,
    }
    if not workers:
        return local
    # By reference: it is the workers' own dask that reads its configuration.
    get = dumps(dask.config.get)

    def run(setting: str) -> dict[str, Any]:
        return {"op": "run", "function": get, "args": dumps((setting,))}

    told = dict(local)
    for name, setting in (
        ("profile", "distributed.worker.profile"),
        ("kept", "distributed.admin.low-level-log-length"),
    ):
        answer = await ask_one(scheduler, run(setting), workers[0])
        if answer is not None:
            told[name] = answer
    version = await ask_one(scheduler, {"op": "versions", "packages": []}, workers[0])
    if isinstance(version, dict):
        found = re.match(r"3\.(\d+)", str(version.get("host", {}).get("python", "")))
        told["minor"] = int(found[1]) if found else told["minor"]
    return told

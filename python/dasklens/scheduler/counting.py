"""How far a set of tasks is: a pure state machine, fed with tasks and their transitions.

Words: a *root* is a key that somebody wants; the tasks that are *tracked* are the roots and what they
depend on; *counting* is the walk that finds them, a few at a time, while they go on running; a *group*
is what tasks are shown by. What a task did is one small number in a table, so a million of them cost
some tens of bytes each and no object, and a change costs the same however many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from .taskgroups import CANCELLED, ERRED, MEMORY, N_STATES, PROCESSING, RELEASED, WAITING, Group

#: What becomes of a task when the scheduler says that it is …, by what it was. Released or forgotten
#: after it had been in memory it is done; before that it will not run any more. What failed stays so
#: until it is tried again.
_LEFT = (RELEASED, CANCELLED, CANCELLED, RELEASED, ERRED, CANCELLED)
_BECOMES: dict[str, tuple[int, ...]] = {
    "memory": (MEMORY,) * N_STATES,
    "processing": (PROCESSING,) * N_STATES,
    **dict.fromkeys(("waiting", "queued", "no-worker"), (WAITING,) * N_STATES),
    "erred": (ERRED,) * N_STATES,
    **dict.fromkeys(("released", "forgotten"), _LEFT),
}
_UNKNOWN = -1

#: What :meth:`Counting.on` answers.
NOT_TRACKED, CHANGED, FAILED, KNOWN = range(4)

#: Tasks that are visited between two looks at the clock, and dependencies taken at once.
BATCH = 100
#: A table that grows is copied: in many small ones, nobody waits for that.
_SHARDS = 256
_MASK = _SHARDS - 1


class Counting:
    """Counts tasks by group and state.

    Parameters
    ----------
    tasks : mapping
        Key to task, as far as the scheduler knows them. Of a task its ``key``, ``state``,
        ``dependencies``, ``nbytes``, ``priority`` and ``prefix`` are read.
    label_of : callable, optional
        Task to the label of its group. Without it tasks are grouped later, by :meth:`label`.
    complete : bool
        Whether to count also what was done before.

    Attributes
    ----------
    groups : list of Group
    totals : list of int
        Tasks by state, as `STATES`.
    n_tracked, n_unknown : int
        Tasks found so far; roots of which nothing is known (yet).
    version : int
        Of what changes from now on. :meth:`bump` makes it another one.
    """

    def __init__(
        self,
        tasks: Mapping[Any, Any],
        label_of: Callable[[Any], Hashable] | None,
        complete: bool = True,
    ):
        self._tasks = tasks
        self._label_of = label_of
        self._complete = complete
        self._shards: list[dict[Any, int]] = [{} for _ in range(_SHARDS)]
        self._by_label: dict[Hashable, Group] = {}
        self._chunks: deque[Iterator[Any]] = deque()
        self._stack: list[Any] = []
        self._many: list[tuple[Any, Iterator[Any]]] = []
        self.unlabelled: deque[Any] = deque()
        self.groups: list[Group] = []
        self.totals = [0] * N_STATES
        self.n_tracked = self.n_unknown = 0
        self.version = 0
        self.touched = False
        if label_of is None:
            self._group(None)

    # -- counting --------------------------------------------------------------------------------

    def add(self, roots: Iterable[Any]) -> None:
        """These keys are roots, too. Nothing is looked at yet."""
        self._chunks.append(iter(roots))

    @property
    def walking(self) -> bool:
        """Whether there is something left to be counted."""
        return bool(self._stack or self._many or self._chunks)

    @property
    def hungry(self) -> bool:
        """Whether more roots may come: no list of them waits but the one that is looked at."""
        return len(self._chunks) < 2

    def walk(self) -> Iterator[None]:
        """Count until there is nothing left; yields after every few tasks."""
        while self.walking:
            if self._stack:
                self._visit_some()
            elif self._many:
                self._take_some()
            else:
                some = list(islice(self._chunks[0], BATCH))
                for key in some:
                    self._root(key)
                if not some:
                    self._chunks.popleft()
            yield
        self._arrange()

    def _root(self, key: Any) -> None:
        shard = self._shards[hash(key) & _MASK]
        if key in shard:
            return
        task = self._tasks.get(key)
        if task is None:
            shard[key] = _UNKNOWN
            self.n_unknown += 1
            self.touched = True
        elif self._complete or not _done(task):
            self._visit(task, shard)

    def _visit_some(self) -> None:
        stack = self._stack
        shards = self._shards
        for _ in range(BATCH):
            if not stack:
                break
            task = stack.pop()
            key = task.key
            shard = shards[hash(key) & _MASK]
            if shard.get(key, _UNKNOWN) == _UNKNOWN and (self._complete or not _done(task)):
                self._visit(task, shard)

    def _visit(self, task: Any, shard: dict[Any, int]) -> None:
        """Track a task that is not tracked, and put what it depends on aside to be visited."""
        self._track(task, shard, _state_of(task))
        if not self._complete and (_done(task) or task.state == "erred"):
            return
        dependencies = task.dependencies
        if len(dependencies) > 10 * BATCH:
            self._many.append((dependencies, iter(dependencies)))
        elif dependencies:
            self._stack.extend(dependencies)

    def _take_some(self) -> None:
        dependencies, rest = self._many[-1]
        try:
            some = list(islice(rest, BATCH))
        except RuntimeError:
            # It changed meanwhile. What was visited already is passed over quickly.
            self._many[-1] = (dependencies, iter(dependencies))
            return
        if some:
            self._stack.extend(some)
        else:
            self._many.pop()

    def _track(self, task: Any, shard: dict[Any, int], state: int) -> Group:
        key = task.key
        if key in shard:
            self.n_unknown -= 1
        group = self._group(self._label_of(task) if self._label_of is not None else None)
        if group.label is None:
            self.unlabelled.append(key)
        if group.prefix is None:
            group.prefix, group.example = task.prefix, key
        priority = task.priority
        if priority is not None and (group.first is None or priority < group.first):
            group.first = priority
        shard[key] = group.codes[state]
        group.counts[state] += 1
        group.changed = self.version
        self.totals[state] += 1
        self.n_tracked += 1
        self.touched = True
        if state == ERRED and group.failed is None:
            group.failed = key
        return group

    def _group(self, label: Hashable) -> Group:
        group = self._by_label.get(label)
        if group is None:
            group = self._by_label[label] = Group(label, len(self.groups) * N_STATES, self.version)
            group.place = len(self.groups)
            self.groups.append(group)
        return group

    def _arrange(self) -> None:
        """Put the groups into the order in which they start; a dependency comes before what needs it."""
        by_priority = sorted(
            self.groups, key=lambda group: (group.first is not None, group.first or (), group.base)
        )
        needs = {group: self._needs(group) for group in by_priority}
        known: dict[Group, None] = {}
        begun: set[Group] = set()
        stack = by_priority[::-1]
        while stack:
            group = stack[-1]
            # Groups may need each other in turn: whoever is come to first is first.
            first = [needed for needed in needs[group] if needed not in begun]
            begun.add(group)
            if first and group not in known:
                stack.extend(first)
            else:
                known[stack.pop()] = None
        for place, group in enumerate(known):
            if group.place != place:
                group.place, group.changed = place, self.version
                self.touched = True

    def _needs(self, group: Group) -> list[Group]:
        """The groups that one task of a group depends on, which stands for all."""
        task = self._tasks.get(group.example)
        found: dict[Group, None] = {}
        for needed in islice(task.dependencies, 2 * N_STATES) if task is not None else ():
            code = self._shards[hash(needed.key) & _MASK].get(needed.key, _UNKNOWN)
            if code != _UNKNOWN and self.groups[code // N_STATES] is not group:
                found[self.groups[code // N_STATES]] = None
        return list(found)

    # -- transitions -----------------------------------------------------------------------------

    def on(self, key: Any, finish: str) -> int:
        """A task became `finish`, one of the scheduler's states.

        Returns
        -------
        int
            ``NOT_TRACKED``, ``CHANGED``, ``FAILED`` for the first failure of a group, or ``KNOWN`` for
            a root that was unknown so far: then :meth:`walk` goes on.
        """
        shard = self._shards[hash(key) & _MASK]
        code = shard.get(key)
        if code is None:
            return NOT_TRACKED
        if code == _UNKNOWN:
            task = self._tasks.get(key)
            if task is None or finish == "forgotten":
                return NOT_TRACKED
            self._visit(task, shard)
            return KNOWN
        was = code % N_STATES
        state = _BECOMES[finish][was]
        if state == was:
            return CHANGED
        group = self.groups[code // N_STATES]
        shard[key] = group.codes[state]
        counts = group.counts
        counts[was] -= 1
        counts[state] += 1
        group.changed = self.version
        self.totals[was] -= 1
        self.totals[state] += 1
        self.touched = True
        if state == ERRED and group.failed is None:
            group.failed = key
            return FAILED
        return CHANGED

    def enter(self, key: Any, finish: str) -> int:
        """A task came into being and became `finish`: track it alone, or as :meth:`on` if it is tracked.

        ``KNOWN`` when it is the first of its group: :meth:`walk` then puts the groups in order.
        """
        shard = self._shards[hash(key) & _MASK]
        if shard.get(key, _UNKNOWN) != _UNKNOWN:
            return self.on(key, finish)
        task = self._tasks.get(key)
        if task is None:
            return NOT_TRACKED
        n_groups = len(self.groups)
        group = self._track(task, shard, _BECOMES[finish][WAITING])
        if group.failed == key:
            return FAILED
        return KNOWN if len(self.groups) > n_groups else CHANGED

    def look_again(self) -> Iterator[None]:
        """Look for roots that were unknown, in steps: not every task comes by a transition."""
        for shard in self._shards if self.n_unknown else ():
            for key in [key for key, code in shard.items() if code == _UNKNOWN]:
                task = self._tasks.get(key)
                if task is not None:
                    self._visit(task, shard)
            yield

    # -- groups that others name -----------------------------------------------------------------

    def label(self, keys: Sequence[Any], labels: Sequence[Hashable]) -> list[Group]:
        """Move tasks without a group to theirs. Returns the groups that have failed by that."""
        failed = []
        for key, label in zip(keys, labels, strict=True):
            shard = self._shards[hash(key) & _MASK]
            code = shard.get(key)
            if code is None or not 0 <= code < N_STATES:
                continue
            group = self._group(label)
            task = self._tasks.get(key)
            if task is not None:
                if group.prefix is None:
                    group.prefix, group.example = task.prefix, key
                if task.priority is not None and (group.first is None or task.priority < group.first):
                    group.first = task.priority
            state = code % N_STATES
            self.groups[0].counts[state] -= 1
            group.counts[state] += 1
            group.changed = self.groups[0].changed = self.version
            shard[key] = group.codes[state]
            self.touched = True
            if state == ERRED and group.failed is None:
                group.failed = key
                failed.append(group)
        self._arrange()
        return failed

    # -- what there is ---------------------------------------------------------------------------

    def bump(self) -> int:
        """What changes from now on is of another version. Returns the new one."""
        if self.touched:
            self.touched = False
            self.version += 1
        return self.version

    @property
    def n_done(self) -> int:
        """Tasks that have been in memory, and need not be again."""
        return self.totals[MEMORY] + self.totals[RELEASED]

    @property
    def n_active(self) -> int:
        """Tasks that run or are going to."""
        return self.totals[PROCESSING] + self.totals[WAITING]

    @property
    def settled(self) -> bool:
        """Whether nothing more is going to happen."""
        return not (self.n_active or self.n_unknown or self.walking or self.unlabelled)

    @property
    def status(self) -> str:
        """``waiting``, ``running``, ``finished``, ``error`` or ``cancelled``."""
        if self.totals[ERRED]:
            return "error"
        if self.settled:
            return "cancelled" if self.totals[CANCELLED] else "finished"
        return "running" if self.n_done or self.totals[PROCESSING] else "waiting"

    def forget(self) -> Iterator[None]:
        """Let go of everything, a piece at a time."""
        self._stack.clear()
        self._many.clear()
        self._chunks.clear()
        self.unlabelled.clear()
        while self._shards:
            self._shards.pop()
            yield


def _done(task: Any) -> bool:
    return task.state == "memory" or (task.state in ("released", "forgotten") and task.nbytes >= 0)


def _state_of(task: Any) -> int:
    # The size of a result is known from when it first was in memory, and is never forgotten.
    return _BECOMES[task.state][MEMORY if _done(task) else WAITING]

"""The stream ``groups``: tasks by group and by span, as they are now.

A table, as the workers are, which is filled only while somebody reads it. Tasks are counted by the scheduler
itself (`TaskGroup.states`); nothing here walks them. There may be as many groups as tasks, for each
`Client.submit` makes one: the newest are told, and whoever has very many is looked at less often.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from time import monotonic, thread_time, time
from typing import TYPE_CHECKING, Any

from .columns import text, whole
from .counts import STATES
from .table import Columns, Table

if TYPE_CHECKING:
    from distributed import Scheduler

#: Groups, and spans, that are told: the newest.
MOST = 500
#: Groups that are looked at, to add up those of a span: the newest.
LOOKED = 200_000
#: Groups between two looks at the clock.
BATCH = 64
#: A sample is followed by a rest of so many times what it took.
REST = 20
#: Letters of a name, names of a log, and groups that left that are told one by one.
LONGEST_NAME, MOST_NAMES, MOST_LEFT = 1000, 50_000, 10_000
_MOST = 0xFFFFFFFF
_KINDS = ("group", "span")


class _Row:
    __slots__ = ("at", "counts", "id", "seen")

    def __init__(self, ident: int):
        self.id = ident
        self.at = self.seen = 0
        self.counts: tuple[int, ...] = ()


class GroupTable(Table):
    """The groups and spans of one scheduler.

    Parameters
    ----------
    ident : str
        Id of the log that the cursors belong to.
    """

    stream = "groups"
    most_left = MOST_LEFT

    def __init__(self, ident: str):
        super().__init__(ident)
        self._due = 0.0
        #: By kind: rows by what they are of, how many there are, told or not.
        self._rows: tuple[dict[Any, _Row], dict[Any, _Row]] = ({}, {})
        self._all = [0, 0]

    @property
    def due(self) -> bool:
        """Whether it has rested."""
        return monotonic() >= self._due

    # -- sampling --------------------------------------------------------------------------------

    def sample(self, scheduler: Scheduler) -> Iterator[None]:
        """Look at each group; yields between batches."""
        took, begun = 0.0, thread_time()
        if len(self._names) > MOST_NAMES:
            self._begin_anew()
        at = self.next
        groups = list(islice(reversed(scheduler.task_groups.values()), LOOKED))
        # From old to new: so are ids.
        groups.reverse()
        told = len(groups) - MOST
        sums: dict[str, list[int]] = {}
        for n, group in enumerate(groups):
            if n % BATCH == BATCH - 1:
                took += thread_time() - begun
                yield
                begun = thread_time()
            states = group.states
            counts = tuple([states[state] for state in STATES])  # type: ignore[index]
            if group.span_id is not None:
                total = sums.get(group.span_id)
                if total is None:
                    sums[group.span_id] = [*counts]
                else:
                    total[:] = [a + b for a, b in zip(total, counts, strict=True)]
            if n >= told:
                self._look(0, group, (group.name, group.prefix.name), counts, at)
        spans: Any = scheduler.extensions.get("spans")
        for ident in list(sums)[-MOST:]:
            span = spans.spans.get(ident) if spans is not None else None
            name = ", ".join(span.name) if span is not None else ident
            self._look(1, ident, (name, ident), tuple(sums[ident]), at)
        for rows in self._rows:
            for key in [key for key, row in rows.items() if row.seen != at]:
                self._leave(rows.pop(key).id)
        self._all = [len(scheduler.task_groups), len(sums)]
        self._end_sample(time())
        self._due = monotonic() + REST * (took + thread_time() - begun)

    def _look(self, kind: int, key: Any, name: tuple[Any, ...], counts: tuple[int, ...], at: int) -> None:
        row = self._rows[kind].get(key)
        if row is None:
            row = self._rows[kind][key] = _Row(self._intern([text(part)[:LONGEST_NAME] for part in name]))
        row.seen = at
        if counts != row.counts:
            row.counts, row.at = counts, at

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._rows = ({}, {})

    # -- reading ---------------------------------------------------------------------------------

    def _columns(self, cursor: int) -> Columns:
        cols: Columns = {}
        for kind, rows, n in zip(_KINDS, self._rows, self._all, strict=True):
            changed = [row for row in rows.values() if row.at >= cursor]
            cols[kind] = whole([row.id for row in changed])
            for k, state in enumerate(STATES):
                values = [min(row.counts[k], _MOST) for row in changed]
                cols[f"{kind}_{state.replace('-', '_')}"] = whole(values)
            cols[f"{kind}s"] = whole([n])
        return cols

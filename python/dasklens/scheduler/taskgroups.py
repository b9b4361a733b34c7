"""Groups of tasks that are counted together, by what the tasks are."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

#: What a tracked task is, in the order of the columns of a frame.
STATES = ("memory", "processing", "waiting", "released", "erred", "cancelled")
MEMORY, PROCESSING, WAITING, RELEASED, ERRED, CANCELLED = range(6)
N_STATES = len(STATES)


class Group:
    """Tasks that are shown together.

    Attributes
    ----------
    label : hashable
        None for tasks whose group is not known yet.
    counts : list of int
        Tasks by state, as `STATES`.
    changed : int
        The version in which something changed last.
    first : tuple or None
        The priority of the task of the group that comes first.
    place : int
        Which of the groups it is, in the order of the graph.
    failed : key or None
        The task that failed first.
    prefix, example
        The prefix and the key of one of its tasks.
    """

    __slots__ = (
        *("base", "changed", "codes", "counts", "example"),
        *("failed", "first", "label", "place", "prefix"),
    )

    def __init__(self, label: Hashable, base: int, version: int):
        self.label = label
        self.base = base
        # Shared by all tasks: a number made anew for each would take as much as the task's entry.
        self.codes = tuple(range(base, base + N_STATES))
        self.counts = [0] * N_STATES
        self.changed = version
        self.first: tuple[Any, ...] | None = None
        self.place = 0
        self.failed: Any = None
        self.prefix: Any = None
        self.example: Any = None


def labels_of(scheduler: Any, group_by: str) -> Callable[[Any], Hashable] | None:
    """What the tasks of a scheduler are grouped by; None when that is for others to say."""
    if group_by == "client":
        return None
    if group_by != "spans":
        return lambda task: task.prefix.name
    known: dict[Any, tuple[str, str]] = {}

    def label(task: Any) -> tuple[str, str]:
        ident = getattr(task.group, "span_id", None)
        found = known.get(ident)
        if found is None:
            spans = scheduler.extensions.get("spans")
            span = spans.spans.get(ident) if spans is not None else None
            name = ", ".join(span.name) if span is not None else str(ident)
            found = known[ident] = (name, str(ident))
        return found

    return label

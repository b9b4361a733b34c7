"""Groups of tasks that are counted together, by what the tasks are."""

from __future__ import annotations

from collections.abc import Hashable
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

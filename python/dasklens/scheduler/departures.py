"""Workers that went without a word while they had work: what was lost with each.

The scheduler says so itself, once, in an event of its own. A worker that retires hands over what it has and
is no loss, nor is one that had nothing.
"""

from __future__ import annotations

from collections import deque
from time import time
from typing import Any

from .columns import text

#: Workers that are remembered: of more, those that went last.
MOST = 1000
#: ``[time, worker, tasks that it was to run, results that are computed again, data that is lost for good]``;
#: time in seconds since the epoch.
Departure = list[Any]


class Departures:
    """What the scheduler's events say of workers that went."""

    def __init__(self) -> None:
        self._last: deque[Departure] = deque(maxlen=MOST)

    def note(self, topic: str, msg: Any) -> None:
        """Take an event, if it is one of these; it may be anybody's, of any kind."""
        if topic != "all" or type(msg) is not dict or msg.get("action") != "remove-worker":
            return
        if msg.get("expected"):
            return
        lost = [
            len(keys) if isinstance(keys, set | frozenset | list | tuple) else 0
            for keys in map(msg.get, ("processing-tasks", "lost-computed-tasks", "lost-scattered-tasks"))
        ]
        if any(lost):
            self._last.append([time(), text(msg.get("worker")), *lost])

    def since(self, start: float) -> list[Departure]:
        """Those after a time, the first one first."""
        return [each for each in self._last if each[0] >= start]

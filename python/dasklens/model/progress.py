"""How far a set of tasks is, as the frames of the stream ``progress`` tell.

`js/src/core/progress.ts` is the twin in the browser; ``docs/frames.md`` has the columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

import numpy as np

from ..wire.frames import Frame, FrameError, pack_frame, pack_name, unpack_frame
from .samples import column

#: By number, as the column ``status`` has it.
STATUSES = ("waiting", "running", "finished", "error", "cancelled")
#: What a task may be, as columns of a frame.
STATES = ("memory", "processing", "waiting", "released", "erred", "cancelled")


@dataclass
class Group:
    """Tasks that are shown together.

    Attributes
    ----------
    name : str
    ident : str
        Tells groups of one name apart; empty where names do.
    place : int
        Which of the groups it is, in the order of the graph.
    counts : dict of str to int
        Tasks by state.
    error : dict or None
        The first task that failed: ``key``, ``blamed``, ``worker``, ``exception``, ``traceback``.
    """

    name: str
    ident: str = ""
    place: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    error: dict[str, str] | None = None

    @property
    def total(self) -> int:
        """Number of tasks."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Those whose result is, or was, there."""
        return self.counts["memory"] + self.counts["released"]


class ProgressNow:
    """What the frames said so far.

    Attributes
    ----------
    log : str
        Id of the log that the cursor belongs to.
    next : int
        The version expected next.
    status : {"waiting", "running", "finished", "error", "cancelled"}
    final : bool
        Whether nothing more is going to happen.
    counting : bool
        Whether tasks are still being found: `tracked` grows.
    tracked, unknown : int
        Tasks found; keys that the scheduler does not know (yet).
    reason : str
        Why it ended, where that was not the tasks' own doing.
    elapsed : float
        Seconds.
    eta : float or None
        Seconds left, estimated; None when that cannot be said.
    """

    def __init__(self) -> None:
        self.log = ""
        self.next = 0
        self.status = "waiting"
        self.final = False
        self.counting = True
        self.tracked = self.unknown = 0
        self.reason = ""
        self.elapsed = 0.0
        self.eta: float | None = None
        self._names: dict[int, Any] = {}
        self._groups: dict[int, Group] = {}

    def append(self, data: bytes | Frame) -> bool:
        """Take a frame.

        Returns
        -------
        bool
            False when something before it is missing: nothing was taken.

        Raises
        ------
        FrameError
            When it is not a frame of this stream.
        """
        frame = data if isinstance(data, Frame) else unpack_frame(data)
        if frame.stream != "progress":
            raise FrameError(f"Expected a frame of the stream 'progress', got one of {frame.stream!r}.")
        if frame.first > 0 and (frame.log != self.log or frame.first > self.next):
            return False
        if frame.log == self.log and frame.next < self.next:
            return True
        if frame.log != self.log:
            self._names.clear()
            self._groups.clear()
        self.log, self.next = frame.log, frame.next
        self._names.update(enumerate(frame.names, frame.names0))
        one = {name: column(frame, name) for name in ("status", "final", "counting", "tracked", "unknown")}
        if any(len(values) != 1 for values in one.values()):
            raise FrameError("Expected one value in each column of a frame of progress that is about all.")
        self.status = STATUSES[min(int(one["status"][0]), len(STATUSES) - 1)]
        self.final, self.counting = bool(one["final"][0]), bool(one["counting"][0])
        self.tracked, self.unknown = int(one["tracked"][0]), int(one["unknown"][0])
        reason = column(frame, "reason")
        self.reason = str(self._names[int(reason[0]) - 1]) if len(reason) and reason[0] else ""
        elapsed, eta = float(column(frame, "elapsed")[0]), float(column(frame, "eta")[0])
        self.elapsed, self.eta = elapsed, eta if isfinite(eta) else None
        self._take_groups(frame)
        return True

    def packed(self) -> bytes:
        """All of it as one frame, which needs none before it."""
        names: list[bytes] = []

        def name(entry: Any) -> int:
            names.append(pack_name(entry))
            return len(names) - 1

        groups = self.groups
        reason = name(self.reason) + 1 if self.reason else 0
        cols = {
            "status": _whole([STATUSES.index(self.status)]),
            "final": _whole([int(self.final)]),
            "counting": _whole([int(self.counting)]),
            "tracked": _whole([self.tracked]),
            "unknown": _whole([self.unknown]),
            "reason": _whole([reason]),
            "elapsed": ("f8", np.array([self.elapsed], "<f8").tobytes()),
            "eta": ("f4", np.array([nan if self.eta is None else self.eta], "<f4").tobytes()),
            "group": _whole([name([group.name, group.ident]) for group in groups]),
            "place": _whole([group.place for group in groups]),
            **{state: _whole([group.counts[state] for group in groups]) for state in STATES},
            "failed": _whole([name([*group.error.values()]) + 1 if group.error else 0 for group in groups]),
        }
        return pack_frame(
            stream="progress",
            # Names are numbered otherwise than in the scheduler's log.
            log=f"{self.log}-kept",
            first=0,
            next=max(1, self.next),
            missed=0,
            names0=0,
            names=names,
            base=0.0,
            cols=cols,
        )

    def _take_groups(self, frame: Frame) -> None:
        ids = column(frame, "group").tolist()
        places = column(frame, "place").tolist()
        counts = {state: column(frame, state).tolist() or [0] * len(ids) for state in STATES}
        failed = column(frame, "failed").tolist() or [0] * len(ids)
        for i, ident in enumerate(ids):
            group = self._groups.get(ident)
            if group is None:
                entry = self._names[ident]
                group = self._groups[ident] = Group(str(entry[0]), str(entry[1]) if len(entry) > 1 else "")
            group.place = places[i]
            group.counts = {state: values[i] for state, values in counts.items()}
            group.error = self._failure(failed[i])

    def _failure(self, ident: int) -> dict[str, str] | None:
        if not ident:
            return None
        entry = [str(part) for part in self._names[ident - 1]]
        return dict(zip(("key", "blamed", "worker", "exception", "traceback"), entry, strict=True))

    @property
    def groups(self) -> list[Group]:
        """In the order of the graph."""
        # A list at once: another thread may add to them.
        return sorted([*self._groups.values()], key=lambda group: group.place)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Name of a group to its tasks: ``all``, and by state."""
        found: dict[str, dict[str, int]] = {}
        for group in self.groups:
            name = group.name if group.name not in found else f"{group.name} ({group.ident})"
            by = {state: n for state, n in group.counts.items() if state != "cancelled" or n}
            found[name] = {"all": group.total, **by}
        return found

    @property
    def done(self) -> int:
        """Tasks whose result is, or was, there."""
        return sum(group.done for group in self.groups)

    @property
    def total(self) -> int:
        """Tasks and unknown keys."""
        return max(self.tracked, sum(group.total for group in self.groups)) + self.unknown

    @property
    def error(self) -> dict[str, str] | None:
        """The failure of the first group that has one."""
        failed = [group for group in self.groups if group.error and group.counts["erred"]]
        # What a task failed for is told by the task itself, not by those that depend on it.
        own = [group for group in failed if group.error and group.error["key"] == group.error["blamed"]]
        found = (own or failed)[:1]
        return found[0].error if found else None


def _whole(values: list[int]) -> tuple[str, bytes]:
    return "u4", np.array(values, "<u4").tobytes()

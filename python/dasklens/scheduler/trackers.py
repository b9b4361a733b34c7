"""All trackers of a scheduler: one for each set of keys that somebody watches, and none otherwise.

The plugin that listens to transitions is there only as long as there are trackers. Readers open a
tracker, send it the keys in pieces, and read; one that does not ask for some seconds is forgotten, and
a tracker goes with its last reader.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import SchedulerPlugin

from .columns import number, text
from .tracker import Tracker

if TYPE_CHECKING:
    from distributed import Scheduler

NAME = "dasklens-progress"
#: Seconds between two looks for readers that do not ask any more.
SWEEP = 1.0
#: Trackers that a scheduler has at most, and readers of each.
MOST, MOST_READERS = 500, 1000
RESTARTED = "the cluster was restarted"
CLOSED = "the scheduler was closed"


class Trackers(SchedulerPlugin):
    """Answers who wants to know how far something is.

    Attributes
    ----------
    by_id : dict of str to Tracker
    """

    name = NAME

    def __init__(self, scheduler: Scheduler):
        self._scheduler = scheduler
        self.by_id: dict[str, Tracker] = {}
        self._shared: dict[Any, Tracker] = {}
        self._listening: list[Tracker] = []
        self._submitting: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    def serve(self) -> None:
        """Have the scheduler answer the calls below."""
        self._scheduler.handlers.update(
            dasklens_progress_open=self.open,
            dasklens_progress_keys=self.keys,
            dasklens_progress_groups=self.groups,
            dasklens_progress_read=self.read,
            dasklens_progress_end=self.end_block,
            dasklens_progress_close=self.leave,
        )

    # -- what readers call -----------------------------------------------------------------------

    async def open(
        self,
        reader: str,
        share: Any,
        group_by: str = "prefix",
        complete: bool = True,
        client: str = "",
        age: float = 0.0,
    ) -> dict[str, Any]:
        """Follow a set of keys, or what a client submits.

        Parameters
        ----------
        share : str
            The same for the same keys, grouping and completeness: such readers share a tracker.
        client : str
            Id of a client, instead of keys.
        age : float
            Seconds since the reader first looked.

        Returns
        -------
        dict
            ``tracker``, its id, and ``wanted``: whether it has to be sent the keys.
        """
        tracker = self._shared.get(share)
        wanted = tracker is None or tracker.final or len(tracker.readers) >= MOST_READERS
        if wanted or tracker is None:
            if len(self.by_id) >= MOST:
                raise RuntimeError(f"This scheduler follows {MOST} progress bars already; close some.")
            tracker = Tracker(
                uuid.uuid4().hex, self._scheduler, group_by, bool(complete), str(client) if client else None
            )
            self.by_id[tracker.ident] = self._shared[share] = tracker
            self._listen()
        tracker.enter(reader, number(age))
        return {"tracker": tracker.ident, "wanted": wanted and not client}

    async def keys(self, tracker: str, keys: Any, last: bool) -> None:
        """Some of the keys of a tracker; `last` when there are no more. Returns when it is their turn.

        So no more than two lists of keys are ever here. Of many that wait, Python's collector goes
        through every key at once, for milliseconds.

        Raises
        ------
        TypeError
            When one of them cannot be a key; then none is followed.
        """
        _check_list("keys", keys)
        for key in keys:
            _check_key(key)
        found = self.by_id.get(tracker)
        if found is not None:
            found.add(keys, bool(last))
            await found.taken()

    async def groups(self, tracker: str, question: int, labels: Any) -> None:
        """Groups of the keys that were asked for."""
        _check_list("labels", labels)
        found = self.by_id.get(tracker)
        if found is not None:
            found.answer(question, labels)

    async def read(
        self,
        tracker: str,
        reader: str,
        cursor: int = 0,
        names: int = 0,
        wait: float = 0,
        pace: float = 0.1,
        answered: int = 0,
    ) -> dict[str, Any]:
        """Frames from `cursor` on, as `Tracker.read`; ``{"gone": True}`` when they were forgotten."""
        found = self.by_id.get(tracker)
        if found is None or reader not in found.readers:
            return {"gone": True}
        reply = await found.read(reader, cursor, names, wait, pace, answered)
        if found.final and found in self._listening:
            self._listen()
        return reply

    async def end_block(self, tracker: str) -> None:
        """The client submits no more that counts."""
        found = self.by_id.get(tracker)
        if found is not None:
            found.finish_block()

    async def leave(self, tracker: str, reader: str) -> None:
        """A reader does not look any more."""
        found = self.by_id.get(tracker)
        if found is not None:
            found.leave(reader)
            self._sweep()

    # -- what the scheduler calls ----------------------------------------------------------------

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """Tell every tracker that listens."""
        for tracker in self._listening:
            if tracker.client is None:
                tracker.transition(key, finish)
            elif start == "released" and self._submitting == tracker.client and not tracker.whole:
                tracker.submitted(key, finish)
            else:
                tracker.transition(key, finish)

    def update_graph(self, scheduler: Scheduler, *, client: str = "", **kwargs: Any) -> None:
        """The transitions that follow at once are those of what this client submits."""
        if self._submitting is None:
            asyncio.get_running_loop().call_soon(self._submitted)
        self._submitting = client

    def _submitted(self) -> None:
        self._submitting = None

    def restart(self, scheduler: Scheduler) -> None:
        """Everything was forgotten."""
        for tracker in list(self.by_id.values()):
            tracker.end(RESTARTED)
        self._listen()

    def stop(self) -> None:
        """The scheduler closes: let waiting readers go."""
        for tracker in self.by_id.values():
            tracker.end(CLOSED)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- who is here -----------------------------------------------------------------------------

    def _listen(self) -> None:
        """Listen for those that have not ended, and not at all when there are none."""
        self._listening = [tracker for tracker in self.by_id.values() if not tracker.final]
        there = NAME in self._scheduler.plugins
        if self._listening and not there:
            self._scheduler.add_plugin(self, name=NAME)
        elif not self._listening and there:
            self._scheduler.remove_plugin(name=NAME)
        if self.by_id and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP, self._swept)

    def _swept(self) -> None:
        self._timer = None
        self._sweep()

    def _sweep(self) -> None:
        for ident, tracker in list(self.by_id.items()):
            if tracker.silent():
                del self.by_id[ident]
                tracker.end("nobody was looking")
        self._shared = {
            share: tracker for share, tracker in self._shared.items() if tracker.ident in self.by_id
        }
        self._listen()


def _check_list(name: str, value: Any) -> None:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} should be a list, got {type(value).__name__}.")


def _check_key(key: Any) -> None:
    try:
        hash(key)
    except Exception:
        raise TypeError(
            f"A key should be a str, bytes, number or a tuple of these, got {text(key)[:80]}."
        ) from None

"""Who makes summaries and recordings: one child a scheduler, while anybody wants something of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dasklens.server.child import Child, ChildError
from dasklens.server.recordings import Recording, Refused
from dasklens.server.summaries import Summaries

if TYPE_CHECKING:
    from dasklens.server.registry import Registry
    from dasklens.server.stream import Streams

#: Children at most: each is a process with numpy in it, some 40 MB.
MOST_CHILDREN = 8


class Reckoner:
    """One scheduler's.

    Attributes
    ----------
    summaries : Summaries
    recording : Recording or None
        The one that goes on, or the last.
    """

    def __init__(self, reckoners: Reckoners, id: str):
        self._reckoners = reckoners
        self._id = id
        self._child: Child | None = None
        self._starting = asyncio.Lock()
        self.summaries = Summaries(lambda: reckoners.streams.upstream(id), self._get_child, self.settle)
        self.recording: Recording | None = None

    @property
    def pid(self) -> int | None:
        """Of the child; None when there is none."""
        return self._child.pid if self._child is not None else None

    @property
    def takes_room(self) -> bool:
        """Whether there is a child, or is going to be one."""
        return self._child is not None or self._starting.locked()

    @property
    def wanted(self) -> bool:
        """Whether there is something to be done, or kept."""
        recording = self.recording
        return self.summaries.running or (
            recording is not None and (recording.active or recording.said["again"])
        )

    async def record(self, address: str) -> Recording:
        """Begin a recording, which takes the place of one that is over.

        Raises
        ------
        Refused
            When one goes on, or it cannot begin.
        """
        before = self.recording
        if before is not None and before.active:
            raise Refused("This scheduler is being recorded already.")
        if before is not None and before.said["again"]:
            raise Refused("What was recorded before is not saved yet. Try that again, or give it up.")
        recording = self.recording = Recording(
            self._reckoners.streams.upstream(self._id), self._get_child, address, self._on_change
        )
        if before is not None:
            await before.close()
        try:
            await recording.start()
        except Refused:
            await self.settle()
            raise
        return recording

    async def forget(self) -> None:
        """Give up what was recorded."""
        recording, self.recording = self.recording, None
        if recording is not None:
            await recording.close()
        self._reckoners.changed(self._id)
        await self.settle()

    async def settle(self) -> None:
        """End the child if nobody wants anything of it."""
        child = self._child
        if child is not None and not self.wanted:
            self._child = None
            await child.close()

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.summaries.close()
        if self.recording is not None:
            await self.recording.close()
        child, self._child = self._child, None
        if child is not None:
            await child.close()

    def _on_change(self) -> None:
        self._reckoners.changed(self._id)
        recording = self.recording
        if recording is not None and not recording.active and not recording.said["again"]:
            self._reckoners.later(self.settle())

    async def _get_child(self) -> Child:
        async with self._starting:
            if self._child is None or self._child.gone:
                # It takes no room any more.
                gone, self._child = self._child, None
                if gone is not None:
                    await gone.close()
                self._reckoners.make_room(self)
                self._child = await Child.start(self._on_recording, self._on_gone)
            return self._child

    def _on_recording(self, known: dict[str, Any]) -> None:
        if self.recording is not None:
            self.recording.hear(known)

    def _on_gone(self, reason: str) -> None:
        self._reckoners.log.warning("dasklens: %s", reason)
        if self.recording is not None:
            self.recording.lose(reason)


class Reckoners:
    """All of them, by scheduler.

    Parameters
    ----------
    registry : Registry
    streams : Streams
    log : logging.Logger
    """

    def __init__(self, registry: Registry, streams: Streams, log: Any):
        self._registry = registry
        self.streams = streams
        self.log = log
        self._known: dict[str, Reckoner] = {}
        self._listeners: list[Callable[[str, dict[str, Any] | None], None]] = []
        self._running: set[asyncio.Task[None]] = set()

    def of(self, id: str) -> Reckoner:
        """That of a scheduler."""
        if id not in self._known:
            self._known = {
                other: it
                for other, it in self._known.items()
                if it.wanted or self._registry.get(other) is not None
            }
            self._known[id] = Reckoner(self, id)
        return self._known[id]

    @property
    def recordings(self) -> dict[str, dict[str, Any]]:
        """What there is to be said of recordings, by scheduler."""
        found = ((id, it.recording) for id, it in self._known.items())
        return {id: recording.said for id, recording in found if recording is not None}

    def subscribe(self, listener: Callable[[str, dict[str, Any] | None], None]) -> Callable[[], None]:
        """Have `listener` called with a scheduler's id and what is to be said of its recording.

        Returns
        -------
        callable
            Ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def changed(self, id: str) -> None:
        """Tell all who listen."""
        recording = self._known[id].recording if id in self._known else None
        for listener in list(self._listeners):
            listener(id, recording.said if recording is not None else None)

    def make_room(self, asking: Reckoner) -> None:
        """See that there is room for one more child, that of `asking`.

        Raises
        ------
        ChildError
        """
        if sum(it.takes_room for it in self._known.values() if it is not asking) >= MOST_CHILDREN:
            raise ChildError(
                f"Summaries and recordings of {MOST_CHILDREN} schedulers are being made already. "
                "Fold the summary of one, or stop a recording."
            )

    def later(self, work: Any) -> None:
        """Do it as soon as the loop comes to it."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """End every child; leave no task behind."""
        await asyncio.gather(*(it.close() for it in self._known.values()), return_exceptions=True)
        await asyncio.gather(*self._running, return_exceptions=True)

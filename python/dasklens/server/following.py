"""Reads streams of a scheduler for as long as somebody wants them, and passes on what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from math import isfinite
from time import monotonic
from typing import Any

from dasklens.server.child import ChildError
from dasklens.server.reading import Place, Reply, Unreadable
from dasklens.server.upstream import State, Upstream
from dasklens.wire.answers import MOMENT
from dasklens.wire.frames import FrameError, NameBudget, unpack_frame

#: The stream that is read as fast as it comes.
TASKS = "tasks"
#: Bytes of what a scheduler says of the moment.
MOST_MOMENT = 64 << 10


class Following:
    """A reader of an upstream, as a page is one.

    Parameters
    ----------
    upstream : Upstream
    streams : mapping of str to Place
        From where on each is read.
    take : callable
        Awaited with a stream and each reply that has something; the next is read when it returns.
    lack : callable
        Awaited with a stream that there is not, and why.
    on_state : callable
        Awaited with how the upstream stands, whenever that changes.
    pause : callable
        Seconds between two reads of samples, after so many of following.

    Attributes
    ----------
    places : dict of str to Place
        How far each stream was read.
    """

    def __init__(
        self,
        upstream: Upstream,
        streams: Mapping[str, Place],
        take: Callable[[str, Reply], Awaitable[None]],
        lack: Callable[[str, str], Awaitable[None]],
        on_state: Callable[[State], Awaitable[None]],
        pause: Callable[[float], float] = lambda seconds: 0.0,
    ):
        self.upstream = upstream
        self.places = dict(streams)
        self._take, self._lack, self._on_state, self._pause = take, lack, on_state, pause
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = monotonic()
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Begin to read."""
        self._begun = monotonic()
        self.upstream.join(self._on_change)
        self._changed.set()
        self._tasks = [asyncio.ensure_future(self._follow(stream)) for stream in self.places]
        self._tasks.append(asyncio.ensure_future(self._watch()))

    async def stop(self) -> None:
        """Read no more; what was read has been passed on when it returns."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def leave(self) -> None:
        """Look no more either: the connection is closed if nobody else does."""
        self.upstream.leave(self._on_change)

    async def _follow(self, stream: str) -> None:
        while True:
            try:
                reply = await self.upstream.read(stream, self.places[stream])
            except Unreadable as error:
                del self.places[stream]
                await self._lack(stream, str(error))
                return
            except Exception as error:
                # One stream that cannot be read is not to stop the others without a word.
                self.upstream.log.exception("dasklens: reading %s failed", stream)
                await self._lack(stream, f"Reading it failed ({type(error).__name__}).")
                return
            moved = reply.place != self.places[stream]
            # Before it is passed on: whoever is cancelled there has passed it on nevertheless.
            self.places[stream] = reply.place
            if reply.frames or moved:
                try:
                    await self._take(stream, reply)
                except ChildError as error:
                    if not error.gone:
                        await self._lack(stream, str(error))
                    return
            if stream != TASKS:
                await asyncio.sleep(self._pause(monotonic() - self._begun))

    async def _watch(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._on_state(self.upstream.state)

    def _on_change(self) -> None:
        self._changed.set()


async def moment(upstream: Upstream) -> bytes:
    """The frame of what a scheduler's clock says now, and where its log is.

    Raises
    ------
    Unreadable
        When the scheduler does not tell.
    """
    while True:
        reply = await upstream.read(MOMENT, Place())
        if reply.frames:
            return _checked(reply.frames[0])


def _checked(frame: bytes) -> bytes:
    """It is unpacked in this process too, and a scheduler may say anything."""
    refused = Unreadable("The scheduler's reply is not one that this version of dasklens can read.")
    if len(frame) > MOST_MOMENT:
        raise refused
    try:
        at = unpack_frame(frame, NameBudget())
    except FrameError:
        raise refused from None
    if not isfinite(at.base):
        raise refused
    return frame


def place_of(frame: bytes, before: int = 0) -> Place:
    """Where tasks are read on from a moment, or from so many before it."""
    at: Any = unpack_frame(frame)
    return Place(at.log, max(0, at.first - before))

"""Follow a scheduler while it works: the frames of its streams as they come.

A feed has a *place* for each of its streams: where in the stream's log it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed import Client
from distributed.core import rpc

from .attach import local_scheduler, resolve_client
from .feed import CONNECT_TIMEOUT, Feed, OnFrames, OnPhase, reading_loop, reason_of, weak
from .read import read_tasks_of

#: Seconds a read waits for news on the scheduler, and bytes it may bring at once.
WAIT, MAX_BYTES = 2.0, 2 << 20


@dataclass(slots=True)
class _Place:
    """How far a stream was read."""

    stream: str
    cursor: int = 0
    names: int = 0
    log: str = ""
    #: Whether it is read: some streams are only while somebody asks for them.
    wanted: bool = True
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    #: Somebody moved the cursor while a read was under way: what that brings does not count.
    rewound: bool = False
    reading: asyncio.Future[Any] | None = None


class LiveFeed(Feed):
    """Frames of a client's scheduler as they come, from the oldest record on.

    Parameters
    ----------
    client : distributed.Client, optional
        The current one by default.
    on_frames : callable
        Called with a list of packed frames.
    on_phase : callable
        Called with ``(phase, reason, retry_at)`` when the state changes: phase is ``"connecting"``,
        ``"live"``, ``"lost"`` (`retry_at` in seconds since the epoch) or ``"finished"``.
    streams : sequence of str
        What to read; each frame says which stream it is of.
    optional : sequence of str
        What to read from the first `rewind` of it on, until it is told to `rest`.

    Both are called in the feed's thread. A bound method is held weakly: a feed ends with the object
    that listens.
    """

    def __init__(
        self,
        client: Client | None,
        on_frames: OnFrames,
        on_phase: OnPhase,
        streams: Sequence[str] = ("tasks",),
        optional: Sequence[str] = (),
    ):
        super().__init__(resolve_client(client), on_phase)
        self._on_frames = weak(on_frames)
        self._optional = frozenset(optional)
        self._places = {stream: _Place(stream) for stream in streams}
        self._places.update({stream: _Place(stream, wanted=False) for stream in optional})

    def rewind(self, cursor: int, names: int = 0, log: str = "", stream: str = "tasks") -> bool:
        """Read on from here: a page that is new, or that missed a frame, asks for it.

        Returns
        -------
        bool
            False when nothing will come any more: reading has ended, or the stream is none of this feed's.
        """
        place = self._places.get(stream)
        if place is None or self._closed or (self._task is not None and self._task.done()):
            return False
        if log != place.log or not _within(cursor, place.cursor) or not _within(names, place.names):
            # From another log, or beyond what was ever sent: what it has, it has from elsewhere.
            cursor = names = 0
        place.cursor, place.names = cursor, names
        place.wanted = True
        self._disturb(place)
        self.start()
        return True

    def rest(self, stream: str) -> None:
        """Do not read an optional stream any more until `rewind` is called for it."""
        if stream in self._optional:
            place = self._places[stream]
            place.wanted = False
            self._disturb(place)

    def _disturb(self, place: _Place) -> None:
        place.rewound = True
        reading, loop = place.reading, self._loop
        if loop is not None and loop.is_running():
            if reading is not None:
                # It may be waiting for news.
                loop.call_soon_threadsafe(reading.cancel)
            loop.call_soon_threadsafe(place.woken.set)

    def catch_up(self, timeout: float = 1.0) -> bool:
        """Wait until every task that the scheduler has heard of by now was read and passed on.

        Returns
        -------
        bool
            False when that took longer than `timeout` seconds, nothing is being read, or the
            scheduler lives on the loop that this call would hold up.
        """
        task, loop = self._task, self._loop
        local = local_scheduler(self._client)
        if local is not None and local.loop.asyncio_loop is _running_loop():
            return False
        if task is None or loop is None or task.done() or self._phase == "lost":
            return False
        waiting = asyncio.run_coroutine_threadsafe(self._catch_up(), loop)
        try:
            waiting.result(timeout)
        except Exception:
            waiting.cancel()
            return False
        return True

    def everything(self, timeout: float = 60.0) -> tuple[list[bytes], int]:
        """All frames of tasks that the scheduler's log has, read anew, and how many records it has dropped.

        Raises
        ------
        OSError
            When the scheduler cannot be read, or lives on the loop that this call would hold up.
        """
        local = local_scheduler(self._client)
        if local is not None and local.loop.asyncio_loop is _running_loop():
            raise OSError("the scheduler lives on this very loop")
        reading = asyncio.run_coroutine_threadsafe(self._everything(), reading_loop())
        try:
            return reading.result(timeout)
        except Exception as error:
            reading.cancel()
            raise OSError(reason_of(error)) from error

    async def _everything(self) -> tuple[list[bytes], int]:
        async with rpc(
            self._address, timeout=CONNECT_TIMEOUT, connection_args=self._connection_args
        ) as scheduler:
            return await read_tasks_of(scheduler, {"log": "", "cursor": 0})

    async def _catch_up(self) -> None:
        while self._scheduler is None:
            await self._moved.wait()
        place = self._places["tasks"]
        end = await self._scheduler.dasklens_cursor()
        while place.cursor < end["cursor"] and place.log in ("", end["log"]):
            await self._moved.wait()

    async def _read(self, scheduler: Any, turn: int) -> None:
        self._live = False
        #: A cancellation alone would not do: a rewinding cancels too, and `wait_for` may swallow one.
        ended = asyncio.Event()
        readings = [
            asyncio.ensure_future(self._read_stream(scheduler, place, turn, ended))
            for place in self._places.values()
        ]
        try:
            # The first that ends says how: the scheduler is gone for all of them.
            done, _ = await asyncio.wait(readings, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.set()
            for reading in readings:
                reading.cancel()
            await asyncio.gather(*readings, return_exceptions=True)
        for reading in done:
            reading.result()

    async def _read_stream(self, scheduler: Any, place: _Place, turn: int, ended: asyncio.Event) -> None:
        waits = False
        while turn == self._turn and not ended.is_set():
            if not place.wanted:
                place.woken.clear()
                await place.woken.wait()
                continue
            # First, so that whoever rewinds from now on is noticed when the reply is here.
            place.rewound = False
            reading = place.reading = asyncio.ensure_future(
                scheduler.dasklens_read(
                    stream=place.stream,
                    cursor=place.cursor,
                    names=place.names,
                    log=place.log,
                    wait=WAIT if waits else 0,
                    max_bytes=MAX_BYTES,
                    reader=self._reader,
                )
            )
            try:
                reply = await asyncio.wait_for(reading, WAIT + CONNECT_TIMEOUT)
            except asyncio.CancelledError:
                if turn == self._turn and place.rewound and not ended.is_set():
                    continue
                raise
            if turn != self._turn or ended.is_set():
                return
            if not isinstance(reply, dict):
                raise OSError("the scheduler does not record for dasklens any more")
            waits = True
            self._say_live()
            if reply["log"] != place.log:
                # The scheduler answered from the start of its log.
                place.log = reply["log"]
            elif place.rewound:
                continue
            place.cursor, place.names = reply["next"], reply["names"]
            if reply["frames"]:
                self._call(self._on_frames, reply["frames"])
            self._say_moved()
            if self._client.status in ("closed", "closing"):
                self._say("finished", "the client was closed")
                return


def _within(number: Any, most: int) -> bool:
    return type(number) is int and 0 <= number <= most


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

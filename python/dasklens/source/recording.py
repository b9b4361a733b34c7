"""Record a cluster from now on until told to stop: every task, and how the cluster was meanwhile.

What comes is compressed as it comes, in the reading thread, so that millions of tasks stay small and a
scheduler that dies takes nothing with it that was read. At the end the rest is read, and what can only be
asked for then: call trees, and the details of the scheduler's own books.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import localtime, monotonic, strftime, time
from typing import Any

from distributed import Client
from distributed.comm.core import CommClosedError
from distributed.core import rpc

from ..model.pieces import PieceWriter
from ..model.relog import continued, newest_sample
from ..wire.frames import unpack_frame
from .attach import resolve_client, rpc_of
from .feed import CONNECT_TIMEOUT, Feed, reading_loop, reason_of
from .inquiry import PROFILES, Inquiry
from .read import cursor

logger = logging.getLogger(__name__)

#: What is recorded while the block runs. Histories are appended to, tables say what changed.
HISTORIES, TABLES = ("tasks", "counts", "system"), ("workers", "groups")
STREAMS = (*HISTORIES, *TABLES)
#: Seconds a read waits for news on the scheduler, and bytes it may bring at once.
WAIT, MAX_BYTES = 2.0, 2 << 20
#: Samples are read this much of the time that passed apart, and never more seconds apart: a long recording
#: has some hundred samples of its workers, not thousands. The sampler forgets whoever waits longer.
PART, LONGEST_PAUSE = 1 / 600, 4.0
#: Seconds that the last sample is waited for, and that a scheduler which was lost may take to answer.
LAST_SAMPLE, LAST_CHANCE = 1.2, 2.0

_LOST = (OSError, CommClosedError, asyncio.TimeoutError)


@dataclass
class _Place:
    """How far a stream was read, and what came of it."""

    stream: str
    cursor: int = 0
    names: int = 0
    log: str = ""
    kept: PieceWriter = field(default_factory=PieceWriter)
    missed: int = 0
    #: A history is told from 0 on, in one log whatever became of the scheduler: the log that its frames are
    #: said to be of, and what is added to their cursors and to ids of names.
    first_log: str = ""
    more_cursors: int = 0
    more_names: int = 0
    begun: bool = False
    last: bytes = b""


class Recording(Feed):
    """Everything of a client's scheduler from `begin` to `end`.

    Parameters
    ----------
    client : distributed.Client
    streams : sequence of str
        Which of `STREAMS`.
    inquire : bool
        Whether to ask for call trees, details and versions at the end.

    Attributes
    ----------
    start_time, stop_time : float
        Seconds since the epoch on the scheduler's clock, as the times of spans and samples are; the latter 0
        until `end`.
    missed : int
        Tasks that the scheduler's log had to drop before they were read.
    ended_early : str
        Why recording ended before it was told to, or what it had to leave out; empty as a rule.
    kept : dict of str to PieceWriter
        Frames by stream, call trees as ``profile:worker`` and so on.
    inquiry : Inquiry
        What was asked for at the end.
    """

    def __init__(self, client: Client | None, streams: Sequence[str] = STREAMS, inquire: bool = True):
        super().__init__(resolve_client(client), self._heed)
        self._places = {stream: _Place(stream) for stream in streams}
        self._lost: tuple[float, str] | None = None
        self._anew = 0.0
        self.start_time = self.stop_time = 0.0
        self._began = self._stopped = 0.0
        self._ending: asyncio.Future[None] | None = None
        self.ended_early = ""
        self.kept: dict[str, PieceWriter] = {stream: place.kept for stream, place in self._places.items()}
        self.inquiry = Inquiry()
        self._inquire = inquire

    @property
    def client(self) -> Client:
        """Whose scheduler it is."""
        return self._client

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return self._address

    @property
    def missed(self) -> int:
        """Tasks that the scheduler's log had to drop."""
        return self._places["tasks"].missed

    def last(self, stream: str) -> bytes:
        """The newest frame of a stream; empty when there is none."""
        place = self._places.get(stream)
        return place.last if place is not None else b""

    # -- from beginning to end -------------------------------------------------------------------

    async def begin(self) -> None:
        """Record from now on. To be awaited on the client's loop.

        Raises
        ------
        NotRecorded
            When the scheduler does not record.
        """
        now = await cursor(self._client)
        said = monotonic()
        tasks = self._places["tasks"]
        tasks.log = tasks.first_log = now["log"]
        tasks.cursor = now["cursor"]
        tasks.more_cursors = -tasks.cursor
        if self._inquire:
            await self.inquiry.prepare(rpc_of(self._client))
        self._began = monotonic()
        self.start_time = _told(now, time() - (self._began - said)) + (self._began - said)
        self.start()

    async def end(self) -> None:
        """Read what is left, and record no more. To be awaited on any loop."""
        loop = self._reading_loop()
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._end(), loop))

    def end_here(self) -> None:
        """As `end`, for a thread that has no loop."""
        loop = self._reading_loop()
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()

    def _reading_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("Recording has not begun: await begin() first.")
        return self._loop

    async def _end(self) -> None:
        # On the reading loop alone, so there is one end, whoever asks for it.
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._finish())
        await asyncio.shield(self._ending)

    async def _finish(self) -> None:
        self._stopped = monotonic()
        # What the scheduler's clock says there, should it not answer any more.
        self.stop_time = self.start_time + (self._stopped - self._began)
        # From here on no reply counts, so none that the scheduler made after this moment.
        self.close()
        patience = CONNECT_TIMEOUT if self._lost is None else LAST_CHANCE
        try:
            async with rpc(
                self._address, timeout=patience, connection_args=self._connection_args
            ) as scheduler:
                await self._read_rest(scheduler)
            self._lost = None
        except Exception as error:
            if not isinstance(error, _LOST):
                logger.debug("dasklens could not read the end of a recording", exc_info=True)
            if self._lost is None:
                self._lost = (time(), reason_of(error))
        self._explain()

    def _explain(self) -> None:
        if self._lost is not None:
            when, why = self._lost
            if "<" in why:
                # The name of a connection means something to distributed's authors alone.
                why = "the connection to it broke"
            self.ended_early = (
                f"Recording ended at {_clock(when)}, before the block did, for the scheduler could not be "
                f"read any more ({why}). What was read before is here."
            )
        elif self._anew:
            self.ended_early = (
                f"The scheduler was started anew at {_clock(self._anew)}: of what its predecessor did, only "
                "what had been read before is here."
            )

    def _heed(self, phase: str, reason: str, retry_at: float | None) -> None:
        if phase == "live":
            self._lost = None
        elif phase in ("lost", "finished") and self._lost is None:
            self._lost = (time(), reason)

    # -- while it runs -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read; `begin` has attached already."""
        self._loop = reading_loop()
        self._attached.set()
        self._task = asyncio.run_coroutine_threadsafe(  # type: ignore[assignment]
            self._run(self._turn), self._loop
        )

    async def _read(self, scheduler: Any, turn: int) -> None:
        self._live = False
        readings = [
            asyncio.ensure_future(self._follow(scheduler, place, turn)) for place in self._places.values()
        ]
        try:
            # The first that ends says how: the scheduler is gone for all of them.
            done, _ = await asyncio.wait(readings, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for reading in readings:
                reading.cancel()
            await asyncio.gather(*readings, return_exceptions=True)
        for reading in done:
            reading.result()

    async def _follow(self, scheduler: Any, place: _Place, turn: int) -> None:
        wait = 0.0
        while True:
            reply = await self._ask(scheduler, place, wait)
            if turn != self._turn:
                return
            self._take(place, reply)
            self._say_live()
            wait = WAIT
            if place.stream != "tasks":
                await asyncio.sleep(min(LONGEST_PAUSE, (monotonic() - self._began) * PART))

    async def _ask(
        self, scheduler: Any, place: _Place, wait: float, until: int | None = None, fresh: bool = False
    ) -> dict[str, Any]:
        asked = scheduler.dasklens_read(
            stream=place.stream,
            cursor=place.cursor,
            names=place.names,
            log=place.log,
            until=until,
            wait=wait,
            max_bytes=MAX_BYTES,
            reader=self._reader,
            fresh=fresh,
        )
        reply = await asyncio.wait_for(asked, WAIT + CONNECT_TIMEOUT)
        if not isinstance(reply, dict):
            raise OSError("the scheduler does not record for dasklens any more")
        return reply

    def _take(self, place: _Place, reply: dict[str, Any]) -> None:
        frames: list[bytes] = reply["frames"]
        history = place.stream in HISTORIES
        if reply["log"] != place.log:
            if place.log and history:
                # Another scheduler: its numbers go on where those of the one before ended.
                place.more_cursors += place.cursor
                place.more_names += place.names
                self._anew = self._anew or time()
                self.inquiry.forget()
            place.log = reply["log"]
            place.first_log = place.first_log or place.log
            place.cursor = place.names = 0
        records = reply["next"] - place.cursor - reply["missed"] if history else len(frames)
        if place.begun or place.stream == "tasks":
            place.missed += reply["missed"]
        elif frames and history:
            # It reaches back to before; the last is of now, whatever the clocks say. There is one frame: a
            # history of samples is never more.
            frames, records = [newest_sample(frames[0])], 1
            place.more_cursors = -unpack_frame(frames[0]).first
        if frames and not place.begun:
            place.begun = True
            place.more_names = -unpack_frame(frames[0]).names0 if history else 0
        for n, frame in enumerate(frames):
            if history:
                frame = continued(frame, place.first_log, place.more_cursors, place.more_names)
            place.kept.add(frame, 0 if n else records)
            place.last = frame
        place.cursor, place.names = reply["next"], reply["names"]

    # -- at the end --------------------------------------------------------------------------------

    async def _read_rest(self, scheduler: Any) -> None:
        asked = monotonic()
        now = await scheduler.dasklens_cursor()
        since = (asked + monotonic()) / 2 - self._stopped
        self.stop_time = max(self.start_time, _told(now, self.stop_time + since) - since)
        await asyncio.gather(
            self._tasks_until(scheduler, now),
            self._last_samples(scheduler),
            self._ask_the_rest(scheduler),
        )

    async def _ask_the_rest(self, scheduler: Any) -> None:
        if self._inquire:
            await self.inquiry.make(scheduler, self.start_time)
            for kind in PROFILES:
                if kind in self.inquiry.profiles:
                    writer = self.kept[f"profile:{kind}"] = PieceWriter()
                    writer.add(*self.inquiry.profiles[kind])

    async def _tasks_until(self, scheduler: Any, end: dict[str, Any]) -> None:
        place = self._places["tasks"]
        if end["log"] != place.log:
            self._take(place, {"log": end["log"], "frames": [], "next": 0, "names": 0, "missed": 0})
        while place.cursor < end["cursor"]:
            reply = await self._ask(scheduler, place, 0, end["cursor"])
            if reply["log"] != place.log or reply["next"] <= place.cursor:
                raise OSError("the scheduler was started anew")
            self._take(place, reply)

    async def _last_samples(self, scheduler: Any) -> None:
        # One look is of all streams: who asked for another right behind it would wait until one may be taken.
        sampled = [place for place in self._places.values() if place.stream != "tasks"]
        for place in sampled[:1]:
            await self._last_of(scheduler, place, fresh=True)
        await asyncio.gather(*(self._last_of(scheduler, place) for place in sampled[1:]))

    async def _last_of(self, scheduler: Any, place: _Place, fresh: bool = False) -> None:
        self._take(place, await self._ask(scheduler, place, LAST_SAMPLE, fresh=fresh))


def _told(reply: dict[str, Any], otherwise: float) -> float:
    """What the scheduler's clock said as it replied; an older recorder does not tell."""
    said = reply.get("time")
    return float(said) if isinstance(said, (int, float)) else otherwise


def _clock(when: float) -> str:
    return strftime("%Y-%m-%d %H:%M:%S", localtime(when))

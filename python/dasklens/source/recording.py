"""Record a cluster from now on until told to stop: every task, and how the cluster was meanwhile.

What comes is compressed as it comes, in the reading thread, so that millions of tasks stay small and a
scheduler that dies takes nothing with it that was read. At the end the rest is read, and what can only be
asked for then: call trees, and the details of the scheduler's own books.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic, time
from typing import Any

from distributed import Client
from distributed.comm.core import CommClosedError
from distributed.core import rpc

from ..model.kept import STREAMS, Kept, Place
from ..wire.pace import pause_after
from .attach import resolve_client, rpc_of
from .feed import CONNECT_TIMEOUT, Feed, reading_loop, reason_of
from .inquiry import Inquiry
from .read import cursor

logger = logging.getLogger(__name__)

#: Seconds a read waits for news on the scheduler, and bytes it may bring at once.
WAIT, MAX_BYTES = 2.0, 2 << 20
#: Seconds that the last sample is waited for, and that a scheduler which was lost may take to answer.
LAST_SAMPLE, LAST_CHANCE = 1.2, 2.0

_LOST = (OSError, CommClosedError, asyncio.TimeoutError)


class Recording(Kept, Feed):
    """Everything of a client's scheduler from `begin` to `end`.

    Parameters
    ----------
    client : distributed.Client
    streams : sequence of str
        Which of `STREAMS`.
    inquire : bool
        Whether to ask for call trees, details and versions at the end.

    See Also
    --------
    dasklens.model.kept.Kept : what it keeps
    """

    def __init__(self, client: Client | None, streams: Sequence[str] = STREAMS, inquire: bool = True):
        Kept.__init__(self, streams)
        Feed.__init__(self, resolve_client(client), self._heed)
        self._began = self._stopped = 0.0
        self._ending: asyncio.Future[None] | None = None
        self.inquiry: Inquiry = Inquiry()
        self._inquire = inquire

    @property
    def client(self) -> Client:
        """Whose scheduler it is."""
        return self._client

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return self._address

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
        self.begin_at(now["log"], now["cursor"])
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
            self.find()
        except Exception as error:
            if not isinstance(error, _LOST):
                logger.debug("dasklens could not read the end of a recording", exc_info=True)
            self.lose(reason_of(error))
        self.explain()

    def _heed(self, phase: str, reason: str, retry_at: float | None) -> None:
        if phase == "live":
            self.find()
        elif phase in ("lost", "finished"):
            self.lose(reason)

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

    async def _follow(self, scheduler: Any, place: Place, turn: int) -> None:
        wait = 0.0
        while True:
            reply = await self._ask(scheduler, place, wait)
            if turn != self._turn:
                return
            self._take(place, reply)
            self._say_live()
            wait = WAIT
            if place.stream != "tasks":
                await asyncio.sleep(pause_after(monotonic() - self._began))

    async def _ask(
        self, scheduler: Any, place: Place, wait: float, until: int | None = None, fresh: bool = False
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

    def _take(self, place: Place, reply: dict[str, Any]) -> None:
        self.take(place.stream, reply["log"], reply["next"], reply["names"], reply["frames"])

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
            self.take_profiles()

    async def _tasks_until(self, scheduler: Any, end: dict[str, Any]) -> None:
        place = self._places["tasks"]
        if end["log"] != place.log:
            self.take("tasks", end["log"], 0, 0, ())
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

    async def _last_of(self, scheduler: Any, place: Place, fresh: bool = False) -> None:
        self._take(place, await self._ask(scheduler, place, LAST_SAMPLE, fresh=fresh))


def _told(reply: dict[str, Any], otherwise: float) -> float:
    """What the scheduler's clock said as it replied; an older recorder does not tell."""
    said = reply.get("time")
    return float(said) if isinstance(said, (int, float)) else otherwise

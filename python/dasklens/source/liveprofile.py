"""Follow the profile of a cluster while it works: on the thread, and as apart, as `LiveFeed`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter, time
from typing import Any

from distributed import Client
from distributed.comm.core import CommClosedError
from distributed.core import rpc

from ..scheduler.profiling import Follower, Question, Reading
from .arguments import number
from .attach import resolve_client, rpc_of
from .feed import CONNECT_TIMEOUT, RETRY_FIRST, RETRY_MOST, Gone, OnPhase, reading_loop, reason_of, weak

logger = logging.getLogger(__name__)

#: At most this part of the time is spent on reading, however short the pause that was asked for.
PART = 0.05


class ProfileFeed:
    """Readings of a client's cluster, again and again.

    Parameters
    ----------
    client : distributed.Client, optional
        The current one by default.
    question : Question
    on_reading : callable
        Called with a `Reading` when something is new.
    on_phase : callable
        As in `LiveFeed`.
    every : float
        Seconds between two readings.

    Both are called in the feed's thread; bound methods are held weakly.

    Raises
    ------
    ValueError, TypeError
        When `every` is no such number.
    """

    def __init__(
        self,
        client: Client | None,
        question: Question,
        on_reading: Callable[[Reading], None],
        on_phase: OnPhase,
        every: float = 5.0,
    ):
        self._every = number(every, "every should be the seconds between two readings, such as 5")
        self._client = resolve_client(client)
        self._address = str(rpc_of(self._client).address)
        self._connection_args = dict(self._client.connection_args)
        self._question = question
        self._on_reading, self._on_phase = weak(on_reading), weak(on_phase)
        self._task: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._again = True
        self._closed = False
        self._follower = Follower()

    def start(self) -> None:
        """Begin to read, or go on. Returns at once."""
        if self._closed or (self._task is not None and not self._task.done()):
            return
        self._again = True
        self._loop = reading_loop()
        self._task = asyncio.run_coroutine_threadsafe(  # type: ignore[assignment]
            self._run(), self._loop
        )

    def ask(self, question: Question | None = None) -> None:
        """Read now, and give what comes even if it is not new; from now on with another question."""
        if question is not None:
            self._question = question
        self._again = True
        loop = self._loop
        if self._task is None or self._task.done():
            self.start()
        elif loop is not None and loop.is_running():
            loop.call_soon_threadsafe(self._wake.set)

    def pause(self) -> None:
        """Stop reading until `start` or `ask`."""
        task, loop = self._task, self._loop
        self._task = None
        if task is not None and loop is not None and loop.is_running():
            loop.call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Stop reading, for good."""
        self._closed = True
        self.pause()

    async def _run(self) -> None:
        pause = RETRY_FIRST
        try:
            self._say("connecting", f"connecting to {self._address}")
            while True:
                try:
                    async with rpc(
                        self._address, timeout=CONNECT_TIMEOUT, connection_args=self._connection_args
                    ) as scheduler:
                        await self._read_for_ever(scheduler)
                    return
                except (OSError, CommClosedError, asyncio.TimeoutError) as error:
                    if self._client.status in ("closed", "closing"):
                        self._say("finished", "the client was closed")
                        return
                    self._say("lost", reason_of(error), time() + pause)
                    await asyncio.sleep(pause)
                    pause = min(RETRY_MOST, pause * 2)
        except (asyncio.CancelledError, ReferenceError, Gone):
            pass
        except Exception as error:
            logger.warning("dasklens stopped reading profiles of %s", self._address, exc_info=True)
            self._say("lost", f"{type(error).__name__}: {error}")

    async def _read_for_ever(self, scheduler: Any) -> None:
        said = False
        while True:
            self._wake.clear()
            again, self._again = self._again, False
            begin = perf_counter()
            reading = await self._follower.read(scheduler, self._question, again)
            if reading is not None:
                self._call(self._on_reading, reading)
            if not said:
                said = True
                self._say("live", "")
            if self._client.status in ("closed", "closing"):
                self._say("finished", "the client was closed")
                return
            cost = perf_counter() - begin
            try:
                await asyncio.wait_for(self._wake.wait(), max(self._every, cost / PART))
            except asyncio.TimeoutError:
                pass

    def _say(self, phase: str, reason: str, retry_at: float | None = None) -> None:
        self._call(self._on_phase, phase, reason, retry_at)

    def _call(self, reference: Callable[[], Any], *args: Any) -> None:
        function = reference()
        if function is None:
            raise Gone
        function(*args)

"""Live summaries of one scheduler: read while somebody asks, made by the child, as often as is right.

The first question begins the reading, from so far back as a summary may need; when nobody has asked for a
while it ends. All who ask for the same time share one summary.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from time import monotonic
from typing import Any

from dasklens.server.child import Child, ChildError
from dasklens.server.following import Following, moment, place_of
from dasklens.server.reading import Place, Reply, Unreadable
from dasklens.server.upstream import State, Upstream

#: Seconds between two summaries, and the part of the time that making them may take.
EVERY, PART = 2.0, 0.1
#: Seconds without a question after which nothing is read any more.
IDLE = 15.0
#: Seconds that a first summary waits for what it is of: until the scheduler answers, and until some has come.
FIRST, SETTLE = 4.0, 0.5
#: Tasks of before that are read: as many as the child holds.
BEFORE = 200_000
#: What a summary is made of.
SAMPLED = ("counts", "system")


class Summaries:
    """Live summaries of a scheduler.

    Parameters
    ----------
    upstream : callable
        Gives the connection to the scheduler.
    child : callable
        Gives the child, which is started if need be.
    on_idle : callable
        Awaited when nothing is read any more.
    """

    def __init__(
        self,
        upstream: Callable[[], Upstream],
        child: Callable[[], Awaitable[Child]],
        on_idle: Callable[[], Awaitable[None]],
    ):
        self._upstream_of = upstream
        self._child_of = child
        self._on_idle = on_idle
        self._child: Child | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._following: Following | None = None
        self._idling: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._making = asyncio.Lock()
        #: By seconds: when it was made, and what it says.
        self._made: dict[float, tuple[float, dict[str, Any]]] = {}
        self._next = self._settled = 0.0

    @property
    def running(self) -> bool:
        """Whether anything is read."""
        return self._idling is not None

    async def summary(self, seconds: float) -> dict[str, Any]:
        """The summary of the last so many seconds.

        Returns
        -------
        dict
            ``summary`` and ``scope``, as `dasklens.report.window` gives them, both None when there is
            nothing yet; and ``state``, how the connection stands, see `upstream.State`.

        Raises
        ------
        ChildError
            When the child cannot make one.
        """
        self._asked = monotonic()
        if self._idling is None:
            self._idling = asyncio.ensure_future(self._idle())
        if self._following is None and self._beginning is None:
            self._beginning = asyncio.ensure_future(self._begin())
        if self._beginning is not None:
            # It goes on if that takes longer than anybody wants to wait for an answer.
            await asyncio.wait([self._beginning], timeout=FIRST)
            if self._beginning is not None and self._beginning.done():
                beginning, self._beginning = self._beginning, None
                beginning.result()
        said: dict[str, Any] = {"summary": None, "scope": None}
        if self._following is not None:
            said = await self._newest(seconds)
        return {**said, "state": asdict(self._upstream_of().state)}

    async def close(self) -> None:
        """Read no more."""
        idling, self._idling = self._idling, None
        if idling is not None and idling is not asyncio.current_task():
            idling.cancel()
            await asyncio.gather(idling, return_exceptions=True)
        beginning, self._beginning = self._beginning, None
        if beginning is not None:
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)
        await self._end()

    # -- begin and end -----------------------------------------------------------------------------

    async def _begin(self) -> None:
        self._made.clear()
        listener = _nothing
        child, upstream = await self._child_of(), self._upstream_of()
        upstream.join(listener)
        try:
            at = await moment(upstream)
            await child.tell("moment", of="live", frame=at)
            places = {"tasks": place_of(at, BEFORE), **dict.fromkeys(SAMPLED, Place())}

            async def take(stream: str, reply: Reply) -> None:
                log, cursor, names = reply.place
                frames = list(reply.frames)
                await child.tell(
                    "take", of="live", stream=stream, log=log, cursor=cursor, names=names, frames=frames
                )

            async def lack(stream: str, why: str) -> None:
                await child.tell("lack", of="live", stream=stream, why=why)

            async def on_state(state: State) -> None:
                await child.tell("phase", of="live", phase=state.phase, reason=state.reason)

            following = Following(upstream, places, take, lack, on_state)
            following.start()
        except Unreadable as error:
            raise ChildError(str(error)) from None
        finally:
            upstream.leave(listener)
        self._child, self._following = child, following
        self._settled = monotonic() + SETTLE

    async def _end(self) -> None:
        following, self._following = self._following, None
        child, self._child = self._child, None
        if following is not None:
            await following.stop()
            following.leave()
        if child is not None:
            child.mention("forget")

    async def _idle(self) -> None:
        while monotonic() - self._asked < IDLE:
            await asyncio.sleep(IDLE - (monotonic() - self._asked) + 0.01)
        await self.close()
        await self._on_idle()

    # -- make ----------------------------------------------------------------------------------------

    async def _newest(self, seconds: float) -> dict[str, Any]:
        async with self._making:
            made = self._made.get(seconds)
            if made is not None and monotonic() < made[0] + EVERY:
                return made[1]
            # The first waits for some of what there was, later ones for their turn.
            await asyncio.sleep(max(self._settled, self._next) - monotonic())
            child = self._child
            if child is None:
                return {"summary": None, "scope": None}
            if child.gone:
                await self._end()
                raise ChildError(child.gone, True)
            begin = monotonic()
            said: dict[str, Any] = json.loads((await child.ask("summary", seconds=seconds))["json"])
            now = monotonic()
            self._next = now + (now - begin) * (1 / PART - 1)
            self._made = {asked: it for asked, it in self._made.items() if now < it[0] + EVERY}
            self._made[seconds] = now, said
            return said


def _nothing() -> None:
    """Looking is all."""

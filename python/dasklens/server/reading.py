"""Reads of one scheduler, shared by all who read it.

A *place* is where a reader is: log, cursor, and the names it knows. A *reply* is what lies behind one. A
*source* gives replies: a recorder over its websocket, or the log that is kept of a plain scheduler. The
*edge* is the place from which the source is asked and waits for news. Readers at the edge wait together, on
one question; a reader further back asks for what lies between, and is then at the edge with the others. So
however many read, the source is asked for news once, and for a piece of history once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple, Protocol

#: Seconds that a source waits for news before it says that there is none.
WAIT = 2.0
#: Pieces of history that a source is asked for at the same time; the edge has to get through as well.
HISTORY = 4
#: Bytes of replies that are kept for those who come after.
KEPT = 8 << 20
#: Smaller replies are not kept: read again, many of them are one.
WORTH_KEEPING = 64 << 10
#: Seconds after which a source that answers "nothing" without waiting is asked again.
AT_LEAST = 0.1


def asking(stream: str, question: str) -> str:
    """What readers share: a stream, or one question to it. The names of streams have no blanks."""
    return f"{stream} {question}" if question else stream


def asked(shared: str) -> tuple[str, str]:
    """Stream and question of what `asking` made."""
    stream, _, question = shared.partition(" ")
    return stream, question


class Lost(Exception):
    """The source does not answer any more; the message says why, in a sentence."""


class Unreadable(Exception):
    """The source will not answer this, however often asked; the message says why, in a sentence."""


class Place(NamedTuple):
    """Where a reader is.

    Attributes
    ----------
    log : str
        Id of the log that the other two belong to; empty before the first reply.
    cursor : int
        The next record that the reader wants.
    names : int
        It knows all names below this id.
    """

    log: str = ""
    cursor: int = 0
    names: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What lies behind a place.

    Attributes
    ----------
    place : Place
        Where a reader is after it.
    end : int
        Where the log ended at that time.
    frames : tuple of bytes
        As they were packed where the log is.
    """

    place: Place
    end: int
    frames: tuple[bytes, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its frames."""
        return sum(map(len, self.frames))


class Source(Protocol):
    """What gives replies, until it is lost."""

    @property
    def recorded(self) -> bool:
        """Whether dasklens records where it comes from."""

    @property
    def said(self) -> dict[str, Any]:
        """What a page's hello says of it."""

    @property
    def lacks(self) -> str:
        """What it does not show and how to have that; empty for nothing."""

    @property
    def trouble(self) -> str:
        """Why it gives nothing just now, though it is not lost; empty as a rule."""

    @property
    def lost(self) -> asyncio.Future[str]:
        """Done, with the reason, when it will not answer any more."""

    async def ask(self, stream: str, place: Place, until: int | None, wait: float) -> Reply:
        """What lies behind `place`, at most up to the cursor `until`; waits for some, `wait` seconds.

        Raises
        ------
        Lost, Unreadable
        """

    async def close(self) -> None:
        """Leave nothing open; what was asked and not answered is lost."""


class Replies:
    """Replies that somebody may want again, as many as `most` bytes hold; the oldest go."""

    def __init__(self, most: int = KEPT):
        self._most = most
        self._kept: OrderedDict[tuple[str, Place], Reply] = OrderedDict()
        self.nbytes = 0

    def get(self, stream: str, place: Place) -> Reply | None:
        """The reply behind a place, if it is still here."""
        reply = self._kept.get((stream, place))
        if reply is not None:
            self._kept.move_to_end((stream, place))
        return reply

    def keep(self, stream: str, place: Place, reply: Reply) -> None:
        """Keep it, unless it is too small or too big for that."""
        size = reply.nbytes
        if not WORTH_KEEPING <= size <= self._most // 4 or (stream, place) in self._kept:
            return
        self._kept[stream, place] = reply
        self.nbytes += size
        while self.nbytes > self._most:
            self.nbytes -= self._kept.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()
        self.nbytes = 0


class Reading:
    """Reads one source for many.

    Parameters
    ----------
    source : Source
    replies : Replies
        May be shared with other readings: ids of logs are never used twice.
    """

    def __init__(self, source: Source, replies: Replies):
        self.source = source
        self._replies = replies
        #: Id of each stream's log, once that is known.
        self._logs: dict[str, str] = {}
        self._asked: dict[tuple[str, Place], asyncio.Task[Reply]] = {}
        self._edges: dict[str, Place] = {}
        self._history = asyncio.Semaphore(HISTORY)

    async def read(self, stream: str, place: Place, until: int | None = None) -> Reply:
        """What lies behind `place`; waits for news, and has no frames when there were none for a while.

        Parameters
        ----------
        until : int, optional
            Stop before this cursor, and wait for nothing. Such a read is shared with nobody.

        Raises
        ------
        Lost, Unreadable
            From the source.
        """
        if until is not None:
            return await self._piece(stream, place, until)
        log = self._logs.get(stream)
        if log is not None and place.log != log:
            # The source would count another log's cursor as 0 anyway; said here, it is shared.
            place = Place(log)
        kept = self._replies.get(stream, place)
        if kept is not None:
            return kept
        asked = self._asked.get((stream, place))
        edge = self._edges.get(stream)
        if asked is None and edge is not None and place.log == edge.log:
            if place.cursor < edge.cursor:
                asked = self._ask(stream, place, edge.cursor, 0)
            elif place.cursor == edge.cursor and place.names >= edge.names:
                # Who knows more names than the edge is told some again, which harms nobody.
                asked = self._asked[stream, edge]
        if asked is None and edge is None:
            self._edges[stream] = place
            asked = self._ask(stream, place, None, WAIT)
        if asked is not None:
            return await asyncio.shield(asked)
        return await self._beside(stream, place)

    async def _beside(self, stream: str, place: Place) -> Reply:
        """A read from where nobody can join the edge: with too few names, or further on than it is."""
        reply = await asyncio.shield(self._ask(stream, place, None, 0))
        edge = self._edges.get(stream)
        waiting = self._asked.get((stream, edge)) if edge is not None else None
        if waiting is not None and reply.place == place:
            # Nothing there. It goes on when the edge does, and a second question need not wait too.
            await asyncio.wait([waiting])
        return reply

    async def close(self) -> None:
        """Let go of the source. Whoever waits for it is told that it is lost."""
        await self.source.close()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    def _ask(self, stream: str, place: Place, until: int | None, wait: float) -> asyncio.Task[Reply]:
        task = asyncio.ensure_future(self._answer(stream, place, until, wait))
        self._asked[stream, place] = task
        # All who asked may have gone when it fails.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return task

    async def _answer(self, stream: str, place: Place, until: int | None, wait: float) -> Reply:
        try:
            reply = await (self._news(stream, place) if wait else self._piece(stream, place, until))
        finally:
            # Here, not when the task is done: whoever gets the answer may ask again before that is known.
            del self._asked[stream, place]
            if wait:
                del self._edges[stream]
        log = self._logs[stream] = reply.place.log
        # Whoever came with another log was answered from the start of this one.
        self._replies.keep(stream, place if place.log == log else Place(log), reply)
        return reply

    async def _piece(self, stream: str, place: Place, until: int | None) -> Reply:
        async with self._history:
            reply = await self.source.ask(stream, place, until, 0)
            if until is not None and not reply.frames and reply.place != place:
                # All up to the edge has been dropped meanwhile. Only a frame can tell the reader.
                reply = await self.source.ask(stream, place, None, 0)
            return reply

    async def _news(self, stream: str, place: Place) -> Reply:
        begin = monotonic()
        reply = await self.source.ask(stream, place, None, WAIT)
        if not reply.frames and monotonic() - begin < AT_LEAST:
            # It closes, or it plays tricks; either way nobody is to spin.
            await asyncio.sleep(AT_LEAST)
        return reply

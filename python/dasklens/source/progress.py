"""Follow a set of keys, or what a client submits: the stream ``progress`` of a client's scheduler.

The scheduler counts (``scheduler/tracker.py``): it is sent the keys once, in pieces, and says what changed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from distributed import Client
from distributed.core import rpc

from ..model.progress import ProgressNow
from .attach import resolve_client
from .errors import NotRecorded
from .feed import CONNECT_TIMEOUT, Feed, OnFrames, OnPhase, weak

#: Keys of a message: the scheduler's loop is held while one is read.
CHUNK = 2000
#: Seconds a read waits for news on the scheduler.
WAIT = 3.0
#: Seconds that saying goodbye may take.
LEAVE = 1.0
#: More keys than this are not sorted to find out whether somebody follows the same.
MOST_SORTED = 20_000
#: Seconds for which a scheduler may be out of reach before nobody waits for it any longer.
LOST_FOR = 5.0


class ProgressFeed(Feed):
    """What becomes of keys, as frames.

    Parameters
    ----------
    client : distributed.Client
    keys : sequence of keys, optional
        None: whatever `client` submits until `end_block` is called.
    group_by : {"prefix", "spans"} or callable
        A callable takes a key and gives the name of its group. It is called here, never on the scheduler.
    complete : bool
        Count what was done before, too.
    interval : float
        Seconds between two frames, unless something fails or all is done.
    on_frames, on_phase : callable
        As for `LiveFeed`. The phase is ``"finished"`` when nothing more is going to happen.

    Attributes
    ----------
    opened : threading.Event
        Set when the scheduler has begun to count.
    """

    def __init__(
        self,
        client: Client,
        keys: Sequence[Any] | None,
        *,
        group_by: str | Callable[[Any], Any] = "prefix",
        complete: bool = True,
        interval: float = 0.1,
        on_frames: OnFrames,
        on_phase: OnPhase,
    ):
        super().__init__(resolve_client(client), on_phase)
        self._keys = keys
        self._group_by = group_by
        self._complete = complete
        self._interval = interval
        self._on_frames = weak(on_frames)
        self._began = time.monotonic()
        self._tracker = self._log = ""
        self._cursor = self._names = self._answered = 0
        self._block_ended = False
        self._scheduler_id = ""
        self.opened = threading.Event()

    def rewind(self, cursor: int = 0, names: int = 0, log: str = "") -> bool:
        """Read on from the start, for a page that is new; False when nothing will come any more."""
        if self._closed or self._phase == "finished" or (self._task is not None and self._task.done()):
            return False
        self._cursor = self._names = 0
        self.start()
        return True

    def end_block(self) -> None:
        """What the client submits from now on does not count."""
        self._block_ended = True
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._end_block(), self._loop)

    def pause(self) -> None:
        """Stop reading until `rewind` is called, and have the scheduler forget us at once."""
        task, loop, tracker = self._task, self._loop, self._tracker
        if self._scheduler is None or task is None or loop is None or not tracker or not loop.is_running():
            super().pause()
            return
        self._task = None
        self._turn += 1
        asyncio.run_coroutine_threadsafe(self._leave(task, tracker), loop)

    async def _leave(self, task: asyncio.Future[None], tracker: str) -> None:
        try:
            # A connection of its own: the other one is waiting for news.
            async with rpc(self._address, connection_args=self._connection_args) as scheduler:
                leaving = scheduler.dasklens_progress_close(tracker=tracker, reader=self._reader)
                await asyncio.wait_for(leaving, LEAVE)
            # That ends the read under way. Cut off in the middle, a connection would say so in the log.
            for _ in range(20):
                if task.done():
                    return
                await asyncio.sleep(0.02)
        except Exception:
            pass  # it forgets who does not ask
        task.cancel()

    # -- in the reading thread -------------------------------------------------------------------

    async def _read(self, scheduler: Any, turn: int) -> None:
        self._live = False
        ident = str(self._hello["scheduler_id"])
        if self._scheduler_id and ident != self._scheduler_id:
            raise NotRecorded(
                f"the scheduler was started again at {self._address}: what it computed before is gone"
            )
        self._scheduler_id = ident
        while turn == self._turn:
            wanted = await self._open(scheduler)
            sending = asyncio.ensure_future(self._send(scheduler) if wanted else asyncio.sleep(0))
            try:
                if await self._read_tracker(scheduler, turn, sending):
                    return
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _open(self, scheduler: Any) -> bool:
        """Open a tracker; whether it has to be sent the keys, for nobody has."""
        reply = await scheduler.dasklens_progress_open(
            reader=self._reader,
            share=self._share(),
            group_by=self._group_by if isinstance(self._group_by, str) else "client",
            complete=self._complete,
            client=self._client.id if self._keys is None else "",
            age=time.monotonic() - self._began,
        )
        if not isinstance(reply, dict):
            raise NotRecorded(
                "The dasklens of the scheduler is older than this one and does not follow keys: "
                "install the same version on both sides and restart the scheduler."
            )
        self._tracker, self._answered = reply["tracker"], 0
        self.opened.set()
        if self._block_ended:
            await self._end_block()
        return bool(reply["wanted"])

    async def _send(self, scheduler: Any) -> None:
        for some, last in _chunks(self._keys or ()):
            await scheduler.dasklens_progress_keys(tracker=self._tracker, keys=some, last=last)

    def _share(self) -> str:
        if self._keys is None:
            return f"block-{self._reader}"
        group_by = (
            self._group_by if isinstance(self._group_by, str) else f"{id(self._group_by)}-{self._reader}"
        )
        return f"{group_by}-{self._complete}-{digest(self._keys)}"

    async def _end_block(self) -> None:
        if self._scheduler is not None and self._tracker:
            await self._scheduler.dasklens_progress_end(tracker=self._tracker)

    async def _read_tracker(self, scheduler: Any, turn: int, sending: asyncio.Future[None]) -> bool:
        """Read until all is done (True), or the tracker was forgotten."""
        self._cursor = self._names = 0
        waits = 0.0
        while turn == self._turn:
            if sending.done():
                sending.result()
            cursor, names = self._cursor, self._names
            reply = await asyncio.wait_for(
                scheduler.dasklens_progress_read(
                    tracker=self._tracker,
                    reader=self._reader,
                    cursor=cursor,
                    names=names,
                    wait=waits,
                    pace=self._interval if waits else 0,
                    answered=self._answered,
                ),
                WAIT + CONNECT_TIMEOUT,
            )
            if turn != self._turn:
                return True
            if not isinstance(reply, dict):
                raise OSError("the scheduler does not count for dasklens any more")
            if reply.get("gone"):
                return False
            self._say_live()
            waits = WAIT
            if (cursor, names) == (self._cursor, self._names):
                self._cursor, self._names = reply["next"], reply["names"]
            if reply["frames"]:
                self._call(self._on_frames, reply["frames"])
            if "ask" in reply:
                await self._answer(scheduler, reply["question"], reply["ask"])
            if reply["final"]:
                self._say("finished", "")
                return True
            if self._client.status in ("closed", "closing"):
                self._say("finished", "the client was closed")
                return True
        return True

    async def _answer(self, scheduler: Any, question: int, keys: Sequence[Any]) -> None:
        assert callable(self._group_by)
        labels = []
        for key in keys:
            try:
                labels.append(str(self._group_by(key)))
            except Exception as error:
                labels.append(f"(group_by failed: {type(error).__name__}: {error})")
        await scheduler.dasklens_progress_groups(tracker=self._tracker, question=question, labels=labels)
        self._answered = question + 1


class Following:
    """How far something is, kept up to date in a thread of its own.

    Parameters
    ----------
    on_change : callable
        Called in that thread with a list of frames, perhaps empty, whenever something changed. A bound
        method is held weakly.

    Attributes
    ----------
    now : ProgressNow
    phase, reason, retry_at
        How the connection is.
    """

    def __init__(
        self,
        client: Client,
        keys: Sequence[Any] | None,
        on_change: Callable[[list[bytes]], None],
        **more: Any,
    ):
        self.now = ProgressNow()
        self.phase, self.reason = "connecting", ""
        self.retry_at: float | None = None
        self._client = client
        self._on_change = weak(on_change)
        self._condition = threading.Condition()
        self._lost_at: float | None = None
        self.feed = ProgressFeed(client, keys, on_frames=self._on_frames, on_phase=self._on_phase, **more)

    @property
    def status(self) -> str:
        """``waiting``, ``running``, ``finished``, ``error``, ``cancelled`` or ``lost``."""
        if self.phase == "lost":
            return "lost"
        if self.phase == "finished" and not self.now.final:
            return "cancelled"
        return self.now.status

    @property
    def why(self) -> str:
        """The reason for a status that the tasks did not bring about."""
        return self.reason or self.now.reason

    @property
    def settled(self) -> bool:
        """Whether nobody need wait any longer: all is done, something failed, or the scheduler is lost."""
        if self.now.final or self.phase == "finished" or self.status == "error":
            return True
        if self.phase != "lost":
            return False
        return self.retry_at is None or time.monotonic() - (self._lost_at or 0) > LOST_FOR

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is settled; False when that took longer than `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._condition:
            while not self.settled:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                # Not without an end: that a scheduler is lost for long comes with time alone.
                self._condition.wait(min(left if left is not None else 0.5, 0.5))
        return True

    async def wait_async(self) -> None:
        """The same on an event loop, which goes on meanwhile."""
        while not self.settled:
            await asyncio.get_running_loop().run_in_executor(None, self.wait, 0.25)

    def wait_for_change(self, seconds: float) -> None:
        """Return when something changed, after so many seconds at the latest."""
        with self._condition:
            self._condition.wait(seconds)

    def _on_frames(self, frames: list[bytes]) -> None:
        for data in frames:
            self.now.append(data)
        self._changed(frames)

    def _on_phase(self, phase: str, reason: str, retry_at: float | None) -> None:
        if phase == "lost":
            self._lost_at = self._lost_at or time.monotonic()
        elif phase != "connecting":
            self._lost_at = None
        self.phase, self.reason, self.retry_at = phase, reason, retry_at
        self._changed([])

    def _changed(self, frames: list[bytes]) -> None:
        with self._condition:
            self._condition.notify_all()
        on_change = self._on_change()
        if on_change is not None:
            on_change(frames)


def digest(keys: Sequence[Any]) -> str:
    """The same for the same keys; of many, only if they come in the same order."""
    texts = [key if isinstance(key, str) else repr(key) for key in keys]
    if len(texts) <= MOST_SORTED:
        texts.sort()
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _chunks(keys: Sequence[Hashable]) -> Iterator[tuple[list[Hashable], bool]]:
    """Keys in pieces, and whether a piece is the last."""
    for at in range(0, max(1, len(keys)), CHUNK):
        yield list(keys[at : at + CHUNK]), at + CHUNK >= len(keys)

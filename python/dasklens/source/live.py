"""Follow a scheduler while it works: a thread and a connection of their own.

An asynchronous client's loop stands still while a cell runs, so live views do not use it. One
thread, started with the first feed, runs a loop for all feeds of the process; each feed has its own
connection, and a *place* for each of its streams: where in the stream's log it goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from distributed import Client
from distributed.comm.core import CommClosedError
from distributed.core import rpc

from .attach import attach, local_scheduler, resolve_client, rpc_of
from .errors import NotRecorded

logger = logging.getLogger(__name__)

OnFrames = Callable[[list[bytes]], None]
OnPhase = Callable[[str, str, "float | None"], None]

#: Seconds a read waits for news on the scheduler, and bytes it may bring at once.
WAIT, MAX_BYTES = 2.0, 2 << 20
#: Seconds to wait before trying again, first and at most.
RETRY_FIRST, RETRY_MOST = 0.5, 10.0
#: Connecting to a scheduler that does not answer is given up after this many seconds.
CONNECT_TIMEOUT = 5.0


class _Thread:
    """The thread that reads for every feed of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, started when first asked for (again after a fork)."""
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="dasklens-reader", daemon=True
                )
                self._thread.start()
            return self._loop


_thread = _Thread()


def reading_loop() -> asyncio.AbstractEventLoop:
    """The loop that everything live is read on, in its own thread."""
    return _thread.loop()


@dataclass(slots=True)
class _Place:
    """How far a stream was read."""

    stream: str
    cursor: int = 0
    names: int = 0
    log: str = ""
    #: Somebody moved the cursor while a read was under way: what that brings does not count.
    rewound: bool = False
    reading: asyncio.Future[Any] | None = None


class LiveFeed:
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

    Both are called in the feed's thread. A bound method is held weakly: a feed ends with the object
    that listens.
    """

    def __init__(
        self,
        client: Client | None,
        on_frames: OnFrames,
        on_phase: OnPhase,
        streams: Sequence[str] = ("tasks",),
    ):
        self._client = resolve_client(client)
        self._on_frames = _weak(on_frames)
        self._on_phase = _weak(on_phase)
        self._address = str(rpc_of(self._client).address)
        self._connection_args = dict(self._client.connection_args)
        self._reader = uuid.uuid4().hex
        self._places = {stream: _Place(stream) for stream in streams}
        self._task: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        #: Whoever reads at a former turn stops: until Python 3.12 `wait_for` may swallow a cancellation.
        self._turn = 0
        self._phase = ""
        self._live = False
        self._pause = RETRY_FIRST
        self._attached = threading.Event()
        self._attach_error: BaseException | None = None
        self._scheduler: Any = None
        #: Set, and replaced, whenever the cursor has moved or reading has begun.
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Begin to read. Returns at once."""
        if self._task is not None or self._closed:
            return
        self._loop = _thread.loop()
        client_loop: Any = self._client.loop
        # Attaching goes through the client, on the client's own loop.
        client_loop.add_callback(self._attach)
        self._task = asyncio.run_coroutine_threadsafe(  # type: ignore[assignment]
            self._run(self._turn), self._loop
        )

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
        place.rewound = True
        reading, loop = place.reading, self._loop
        if reading is not None and loop is not None and loop.is_running():
            # It may be waiting for news.
            loop.call_soon_threadsafe(reading.cancel)
        self.start()
        return True

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

    def pause(self) -> None:
        """Stop reading until `rewind` is called."""
        task, loop = self._task, self._loop
        self._task = None
        self._turn += 1
        if task is not None and loop is not None and loop.is_running():
            loop.call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Stop reading, for good."""
        self._closed = True
        self.pause()

    async def _catch_up(self) -> None:
        while self._scheduler is None:
            await self._moved.wait()
        place = self._places["tasks"]
        end = await self._scheduler.dasklens_cursor()
        while place.cursor < end["cursor"] and place.log in ("", end["log"]):
            await self._moved.wait()

    def _say_moved(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _attach(self) -> None:
        try:
            await attach(self._client)
        except BaseException as error:
            self._attach_error = error
        finally:
            self._attached.set()

    async def _run(self, turn: int) -> None:
        try:
            self._say("connecting", f"connecting to {self._address}")
            while not self._attached.is_set():
                await asyncio.sleep(0.02)
            if self._attach_error is not None:
                raise self._attach_error
            await self._read_for_ever(turn)
        except asyncio.CancelledError:
            pass
        except (ReferenceError, _Gone):
            pass
        except NotRecorded as error:
            self._say("lost", str(error))
        except Exception as error:
            logger.warning("dasklens stopped reading %s", self._address, exc_info=True)
            self._say("lost", f"{type(error).__name__}: {error}")

    async def _read_for_ever(self, turn: int) -> None:
        self._pause = RETRY_FIRST
        again = False
        while turn == self._turn:
            try:
                if again:
                    # It may be another scheduler by now, at the same address.
                    await self._attach_again()
                again = True
                async with rpc(
                    self._address, timeout=CONNECT_TIMEOUT, connection_args=self._connection_args
                ) as scheduler:
                    self._scheduler = scheduler
                    self._say_moved()
                    try:
                        await self._read(scheduler, turn)
                    finally:
                        # Unless reading was paused and has begun again in the meantime.
                        if self._scheduler is scheduler:
                            self._scheduler = None
                return
            except (OSError, CommClosedError, asyncio.TimeoutError) as error:
                if self._client.status in ("closed", "closing"):
                    self._say("finished", "the client was closed")
                    return
                pause = self._pause
                self._say("lost", _reason(error), time() + pause)
                await asyncio.sleep(pause)
                self._pause = min(RETRY_MOST, pause * 2)

    async def _attach_again(self) -> None:
        self._attach_error = None
        self._attached.clear()
        client_loop: Any = self._client.loop
        client_loop.add_callback(self._attach)
        deadline = time() + CONNECT_TIMEOUT
        while not self._attached.is_set():
            if time() > deadline:
                raise OSError("the client is not connected to its scheduler")
            await asyncio.sleep(0.02)
        if isinstance(self._attach_error, NotRecorded):
            raise self._attach_error
        if self._attach_error is not None:
            raise OSError(_reason(self._attach_error)) from self._attach_error

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
            if not self._live:
                self._live = True
                self._pause = RETRY_FIRST
                self._say("live", "")
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

    def _say(self, phase: str, reason: str, retry_at: float | None = None) -> None:
        self._phase = phase
        self._call(self._on_phase, phase, reason, retry_at)

    def _call(self, reference: Callable[[], Any], *args: Any) -> None:
        function = reference()
        if function is None:
            raise _Gone
        function(*args)


class _Gone(Exception):
    """Nobody listens any more."""


def _weak(function: Callable[..., None]) -> Callable[[], Any]:
    if hasattr(function, "__self__"):
        return weakref.WeakMethod(function)
    return lambda: function


def _within(number: Any, most: int) -> bool:
    return type(number) is int and 0 <= number <= most


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "the scheduler does not answer"
    return str(error) or type(error).__name__

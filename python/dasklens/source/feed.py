"""Read a scheduler while it works: a thread and a connection of their own.

An asynchronous client's loop stands still while a cell runs, so live views do not use it. One
thread, started with the first feed, runs a loop for all feeds of the process; each feed has its own
connection. What is read from it is the subclasses' business.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
import weakref
from collections.abc import Callable
from time import time
from typing import Any

from distributed import Client
from distributed.comm.core import CommClosedError
from distributed.core import rpc

from .attach import attach, rpc_of
from .errors import NotRecorded

logger = logging.getLogger(__name__)

OnFrames = Callable[[list[bytes]], None]
OnPhase = Callable[[str, str, "float | None"], None]

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


class Feed:
    """Something that is read from a client's scheduler until it is closed.

    Parameters
    ----------
    client : distributed.Client
    on_phase : callable
        Called with ``(phase, reason, retry_at)`` when the state changes: phase is ``"connecting"``,
        ``"live"``, ``"lost"`` (`retry_at` in seconds since the epoch) or ``"finished"``. Called in the
        feed's thread. A bound method is held weakly: a feed ends with the object that listens.
    """

    def __init__(self, client: Client, on_phase: OnPhase):
        self._client = client
        self._on_phase = weak(on_phase)
        self._address = str(rpc_of(self._client).address)
        self._connection_args = dict(self._client.connection_args)
        self._reader = uuid.uuid4().hex
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
        #: What the recorder said of itself.
        self._hello: dict[str, Any] = {}
        self._scheduler: Any = None
        #: Set, and replaced, whenever the cursor has moved or reading has begun.
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Begin to read. Returns at once."""
        if self._task is not None or self._closed:
            return
        self._loop = reading_loop()
        client_loop: Any = self._client.loop
        # Attaching goes through the client, on the client's own loop.
        client_loop.add_callback(self._attach)
        self._task = asyncio.run_coroutine_threadsafe(  # type: ignore[assignment]
            self._run(self._turn), self._loop
        )

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

    def _say_moved(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _attach(self) -> None:
        try:
            self._hello = await attach(self._client)
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
        except (ReferenceError, Gone):
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
                self._say("lost", reason_of(error), time() + pause)
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
            raise OSError(reason_of(self._attach_error)) from self._attach_error

    async def _read(self, scheduler: Any, turn: int) -> None:
        """Read from a connection until there is nothing more to be read."""
        raise NotImplementedError

    def _say_live(self) -> None:
        if not self._live:
            self._live = True
            self._pause = RETRY_FIRST
            self._say("live", "")

    def _say(self, phase: str, reason: str, retry_at: float | None = None) -> None:
        self._phase = phase
        self._call(self._on_phase, phase, reason, retry_at)

    def _call(self, reference: Callable[[], Any], *args: Any) -> None:
        function = reference()
        if function is None:
            raise Gone
        function(*args)


class Gone(Exception):
    """Nobody listens any more."""


def weak(function: Callable[..., None]) -> Callable[[], Any]:
    """A reference that does not keep the object of a bound method alive."""
    if hasattr(function, "__self__"):
        return weakref.WeakMethod(function)
    return lambda: function


def reason_of(error: BaseException) -> str:
    """In words, why a scheduler could not be read."""
    if isinstance(error, asyncio.TimeoutError):
        return "the scheduler does not answer"
    return str(error) or type(error).__name__

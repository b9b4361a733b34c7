"""The frames websocket of browsers: what a scheduler records, as it was packed there.

One socket a page, scheduler and stream. The page says where it is; it is sent what lies behind that, one
frame at a time: the next one is read when the socket has taken this one, so a page that does not read costs
one frame and never a queue.

To the page go binary messages, each a frame, and JSON texts of a ``type``:

- ``hello`` with ``dasklens``, ``scheduler`` and ``recorded``: at once, and when that changes; ``scheduler``
  (``dasklens``, ``protocol``, ``python``) is null while it is not known. Of a plain one also ``since`` and
  ``gaps``, between which its tasks were heard of.
- ``state`` with ``phase``, ``reason``, ``since`` and ``retry_at``: how the connection stands, see
  `upstream.State`.
- ``end`` with ``log`` and ``end``: where the log ends, when the page is not there yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from time import time
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

import dasklens
from dasklens.server.plain import PlainLogs
from dasklens.server.reading import Place, Replies, Unreadable, asking
from dasklens.server.upstream import State, Upstream

if TYPE_CHECKING:
    from dasklens.server.app import Extension
    from dasklens.server.registry import Registry

#: Bytes of a message of a page, and letters of a log's id.
LONGEST_MESSAGE, LONGEST_LOG = 4096, 100

_STREAM = re.compile(r"[a-z][a-z0-9_-]{0,31}")
#: Letters of a question to a stream.
LONGEST_QUESTION = 4000


class Streams:
    """Whose frames are read: one upstream a scheduler, for all who look.

    Parameters
    ----------
    registry : Registry
    log : logging.Logger
    """

    def __init__(self, registry: Registry, log: Any):
        self._registry = registry
        self._log = log
        self._upstreams: dict[str, Upstream] = {}
        self._replies = Replies()
        self._plain_logs = PlainLogs()
        self._pages: set[FramesHandler] = set()

    def upstream(self, id: str) -> Upstream:
        """The one connection to the scheduler of this id."""
        if id not in self._upstreams:
            self._upstreams[id] = Upstream(id, self._registry, self._replies, self._plain_logs, self._log)
        return self._upstreams[id]

    def come(self, page: FramesHandler) -> None:
        """A page has connected."""
        self._pages.add(page)

    def go(self, page: FramesHandler) -> None:
        """A page has gone."""
        self._pages.discard(page)
        if not self._pages:
            self._replies.clear()
        self._upstreams = {
            id: it for id, it in self._upstreams.items() if it.running or self._registry.get(id) is not None
        }

    async def close(self) -> None:
        """End every stream; leave no socket, task or timer behind."""
        for page in list(self._pages):
            page.close(1001, "The Jupyter server stops.")
        await asyncio.gather(*(upstream.close() for upstream in self._upstreams.values()))
        self._plain_logs.close()
        self._replies.clear()


class Viewer:
    """Sends one page what it has not got yet.

    Parameters
    ----------
    upstream : Upstream
    stream : str
    write : callable
        Sends a message, text or bytes, and returns when the socket has taken it.
    """

    def __init__(self, upstream: Upstream, stream: str, write: Callable[[str | bytes], Awaitable[None]]):
        self._upstream = upstream
        self._stream = stream
        self._write = write
        #: One message at a time, and what the socket has not taken yet, even if nobody waits for that now.
        self._writing = asyncio.Lock()
        self._untaken: asyncio.Future[None] | None = None
        #: What is to be said of the present, by type: the newest of each.
        self._due: dict[str, dict[str, Any]] = {}
        self._said: dict[str, dict[str, Any]] = {}
        self._saying: asyncio.Task[None] | None = None
        self._place = Place()
        self._end = Place()
        self._sending: asyncio.Task[None] | None = None
        self._reading: asyncio.Future[Any] | None = None
        self._rewound = False
        self._tell_who()

    def read(self, place: Place) -> None:
        """Send what lies behind `place` from now on, whatever was sent before."""
        self._place = place
        self._rewound = True
        if self._sending is None or self._sending.done():
            self._upstream.join(self._on_change)
            self._said.pop("state", None)
            self._on_change()
            self._sending = asyncio.ensure_future(self._send())
        elif self._reading is not None:
            # It may be waiting for news.
            self._reading.cancel()

    def pause(self) -> None:
        """Send nothing until `read` is called."""
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        self._upstream.leave(self._on_change)

    def refuse(self, reason: str) -> None:
        """Stop, and tell the page why; another `read` goes on."""
        self.pause()
        self._tell("state", asdict(State("lost", reason, time())))

    def close(self) -> None:
        """Stop for good."""
        self.pause()
        if self._saying is not None:
            self._saying.cancel()

    # -- frames --------------------------------------------------------------------------------------

    async def _send(self) -> None:
        try:
            while True:
                self._rewound = False
                reading = self._reading = asyncio.ensure_future(
                    self._upstream.read(self._stream, self._place)
                )
                await asyncio.wait([reading])
                self._reading = None
                if self._rewound:
                    _forget(reading)
                    continue
                reply = reading.result()
                await self._tell_end(reply.place, reply.end)
                for frame in reply.frames:
                    await self._put(frame)
                    if self._rewound:
                        break
                else:
                    self._place = reply.place
        except Unreadable as error:
            self._sending = None
            self.refuse(str(error))
        except WebSocketClosedError:
            pass
        except Exception as error:
            self._upstream.log.exception("dasklens: sending frames failed")
            self._sending = None
            self.refuse(f"Sending failed ({type(error).__name__}); Jupyter's log says more.")
        finally:
            if self._reading is not None:
                self._reading.cancel()
                self._reading.add_done_callback(_forget)

    async def _tell_end(self, place: Place, end: int) -> None:
        known = self._end.cursor if self._end.log == place.log else -1
        if end > known and (known < 0 or place.cursor < end):
            self._end = Place(place.log, end)
            await self._put(json.dumps({"type": "end", "log": place.log, "end": end}))

    async def _put(self, message: str | bytes) -> None:
        async with self._writing:
            await self._write_one(message)

    async def _write_one(self, message: str | bytes) -> None:
        if self._untaken is not None:
            # Whoever wrote it was told to stop.
            await asyncio.wait([self._untaken])
        self._untaken = asyncio.ensure_future(self._write(message))
        self._untaken.add_done_callback(_forget)
        await asyncio.shield(self._untaken)

    # -- words ---------------------------------------------------------------------------------------

    def _on_change(self) -> None:
        self._tell_who()
        self._tell("state", asdict(self._upstream.state))

    def _tell_who(self) -> None:
        self._tell("hello", {"dasklens": dasklens.__version__, **self._upstream.said})

    def _tell(self, kind: str, message: dict[str, Any]) -> None:
        if self._said.get(kind) == message:
            return
        self._said[kind] = self._due[kind] = message
        if self._saying is None or self._saying.done():
            self._saying = asyncio.ensure_future(self._say())

    async def _say(self) -> None:
        with contextlib.suppress(WebSocketClosedError):
            while self._due:
                async with self._writing:
                    # Now, not before: while others were written it may have changed.
                    if self._untaken is not None:
                        await asyncio.wait([self._untaken])
                    kind = next(iter(self._due))
                    await self._write_one(json.dumps({"type": kind, **self._due.pop(kind)}))


class FramesHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`dasklens/api/schedulers/<id>/frames?stream=<name>`, for some streams with ``question=<JSON>``.

    The page's messages are ``{"cursor", "names", "log"}``, all of them optional, to read from there, and
    ``{"pause": true}``.
    """

    auth_resource = "dasklens"

    _viewer: Viewer | None = None

    @property
    def max_message_size(self) -> int:
        """Bytes of the longest message: tornado closes the socket for a longer one."""
        return LONGEST_MESSAGE

    @ws_authenticated
    async def get(self, id: str) -> None:
        """Let a logged-in user in, if the page is Jupyter's."""
        if not await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)
        ):
            raise HTTPError(403)
        names = self.get_query_arguments("stream") or ["tasks"]
        if len(names) != 1 or not _STREAM.fullmatch(names[0]):
            raise HTTPError(400, reason="stream should be the name of one stream")
        questions = self.get_query_arguments("question") or [""]
        if len(questions) != 1 or len(questions[0]) > LONGEST_QUESTION:
            raise HTTPError(400, reason="question should be one, of at most 4,000 letters")
        self._stream = asking(names[0], questions[0])
        await super().get(id)

    def open(self, id: str) -> None:
        """Say who is here."""
        super().open()
        self.set_nodelay(True)
        streams = self._streams = self._extension.streams
        streams.come(self)
        self._viewer = Viewer(streams.upstream(id), self._stream, self._write)

    def on_message(self, message: str | bytes) -> None:
        """Read on from where the page is, or pause."""
        assert self._viewer is not None
        if not isinstance(message, str):
            self.close(1003, "Expected JSON as a text message, got a binary one.")
            return
        try:
            asked = _asked(message)
        except ValueError as error:
            self._viewer.refuse(str(error))
            return
        if asked is None:
            self._viewer.pause()
        else:
            self._viewer.read(asked)

    def on_close(self) -> None:
        """The page has gone."""
        if self.ping_callback is not None:
            self.ping_callback.stop()
        if self._viewer is not None:
            self._viewer.close()
            self._streams.go(self)

    @property
    def _extension(self) -> Extension:
        extension: Extension = self.settings["dasklens"]
        return extension

    async def _write(self, message: str | bytes) -> None:
        await self.write_message(message, binary=isinstance(message, bytes))


def _asked(message: str) -> Place | None:
    """Where a page wants to read on; None to pause.

    Raises
    ------
    ValueError
        With a sentence that says what is wrong.
    """
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        raise ValueError("A message should be JSON, this one is not.") from None
    if not isinstance(said, dict):
        raise ValueError('A message should be a JSON object, such as {"cursor": 0}.')
    if said.get("pause") is True:
        return None
    log = said.get("log", "")
    if not isinstance(log, str) or len(log) > LONGEST_LOG:
        raise ValueError("log should be the id of a log, as a frame has it.")
    return Place(log, _whole(said, "cursor"), _whole(said, "names"))


def _whole(said: dict[str, Any], name: str) -> int:
    number = said.get(name, 0)
    if type(number) is not int or not 0 <= number < 2**53:
        raise ValueError(f"{name} should be a whole number, 0 or more, got {ascii(number)[:40]}.")
    return number


def _forget(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()

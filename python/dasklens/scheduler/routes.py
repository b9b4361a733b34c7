"""`/dasklens/*` on the scheduler's own HTTP server: how the Jupyter server reads what was recorded.

That port is often open to a whole network. So each request has to carry the recorder's token as a bearer,
and none may come from a page: pages name their ``Origin``, and comparing that with the ``Host`` would pass
DNS rebinding. Nothing can be changed from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import re
import uuid
from typing import TYPE_CHECKING, Any

import msgpack
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..wire.answers import DETAILS
from ..wire.calltree import STREAM as PROFILE
from ..wire.proof import NONCE, prove
from .dashboard import prefix_of
from .profiles import QuestionError

if TYPE_CHECKING:
    from distributed import Scheduler

    from .recorder import Recorder

logger = logging.getLogger(__name__)

#: Requests of one socket that are answered at the same time.
IN_FLIGHT = 8
#: Bytes of a request.
LONGEST_REQUEST = 16 * 1024
#: Seconds between two looks at a socket, and looks without a sign of life after which it is closed.
LOOK_EVERY, LOOKS = 1.0, 8

#: Streams that take a question.
ASKED = (PROFILE, DETAILS)

_RECORDER = "dasklens_recorder"


def add_routes(scheduler: Scheduler, recorder: Recorder) -> None:
    """Answer for `recorder` on the scheduler's HTTP server, if it has one; however often called."""
    application: Any = getattr(scheduler, "http_application", None)
    if application is None:
        return
    known = _RECORDER in application.settings
    application.settings[_RECORDER] = recorder
    if not known:
        below = re.escape(prefix_of(application)) + "dasklens/"
        application.add_handlers(".*", [(below + path, handler) for path, handler in ROUTES])


class _Guarded(RequestHandler):
    """Who may ask: whoever holds the token and is no page."""

    bearer = True

    def prepare(self) -> None:
        headers = self.request.headers
        # `Sec-Fetch-Site` is what a browser says where it leaves the origin out.
        if any(name in headers for name in ("Origin", "Sec-Websocket-Origin", "Sec-Fetch-Site")):
            raise HTTPError(403, reason="No page may ask this")
        if self.request.method != "GET":
            raise HTTPError(405)
        if self.bearer:
            scheme, _, token = headers.get("Authorization", "").partition(" ")
            # As bytes: what is not ASCII cannot be compared as text.
            same = hmac.compare_digest(token.encode(errors="replace"), self.recorder.token.encode())
            if scheme.lower() != "bearer" or not same:
                self.set_header("WWW-Authenticate", "Bearer")
                raise HTTPError(401, reason="The token of the announcement is missing or wrong")

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        # Of what was asked nothing is repeated.
        self.finish({"message": self._reason})

    @property
    def recorder(self) -> Recorder:
        """The one that the scheduler has now."""
        recorder: Recorder = self.settings[_RECORDER]
        return recorder


class ProofHandler(_Guarded):
    """`GET dasklens/proof?nonce=…`: that this is the announced scheduler, before the token is sent."""

    bearer = False

    def get(self) -> None:
        """Answer with the proof of the nonce, and with whom it is of."""
        nonces = self.get_query_arguments("nonce", strip=False)
        if len(nonces) != 1 or not NONCE.fullmatch(nonces[0]):
            raise HTTPError(400, reason="nonce should be 16 to 128 letters, digits, - or _")
        recorder = self.recorder
        said = recorder.versions()
        self.finish(
            {
                "proof": prove(recorder.token, nonces[0], recorder.scheduler_id),
                "scheduler_id": recorder.scheduler_id,
                "dasklens": said["dasklens"],
                "protocol": said["protocol"],
            }
        )


class HelloHandler(_Guarded):
    """`GET dasklens/hello`: what the recorder says of itself."""

    async def get(self) -> None:
        """Answer with `Recorder.hello`, but for the token."""
        said = await self.recorder.hello()
        del said["token"]
        self.finish(said)


class StreamHandler(_Guarded, WebSocketHandler):
    """`dasklens/stream`, a websocket: each request is a JSON text, each reply one msgpack map.

    A request is ``{"id", "stream", "question", "cursor", "names", "log", "until", "wait", "max_bytes"}`` (a
    question for the streams ``profile`` and ``details``, see `Profiles.read` and `Answers.details`), its
    reply what `Recorder.read` gives and the id, or ``{"id", "error"}``. Whoever asks decides how much there
    is to send: no more than `IN_FLIGHT` replies are under way, and the next request is not even read before
    one is gone.
    """

    #: Between `open` and `on_close`; tornado calls the second without the first when a handshake fails.
    _is_open = False

    def open(self, *args: str, **kwargs: str) -> None:
        """Count as one reader from now on."""
        self._is_open = True
        self._read_from = self.recorder
        self._reader = f"websocket-{uuid.uuid4().hex}"
        self._asked: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._writing = asyncio.Lock()
        self._silent = 0
        self._looking = asyncio.ensure_future(self._look())
        self._read_from.watch(self._reader, self._end)

    async def on_message(self, message: str | bytes) -> None:
        """Begin to answer; returns when there is room for one more."""
        self._silent = 0
        await self._room.acquire()
        if not self._is_open:
            return
        answering = asyncio.ensure_future(self._answer(message))
        self._asked.add(answering)
        answering.add_done_callback(self._answered)

    def on_pong(self, data: bytes) -> None:
        """Take it as a sign of life."""
        self._silent = 0

    def on_close(self) -> None:
        """Be forgotten at once."""
        if not self._is_open:
            return
        self._is_open = False
        self._looking.cancel()
        for answering in self._asked:
            answering.cancel()
        self._read_from.forget(self._reader)

    @property
    def max_message_size(self) -> int:
        """Bytes of the longest request: tornado closes the socket for a longer one."""
        return LONGEST_REQUEST

    async def _answer(self, message: str | bytes) -> None:
        reply = msgpack.packb(await self._reply(message), use_bin_type=True)
        # One after the other, each when the socket has taken the one before: what the peer does not read
        # stays with the requests under way and does not pile up here.
        async with self._writing:
            with contextlib.suppress(WebSocketClosedError):
                await self.write_message(reply, binary=True)
                self._silent = 0

    async def _reply(self, message: str | bytes) -> dict[str, Any]:
        ident = None
        try:
            question = _question(message)
            ident = _whole(question, "id", None)
            return {"id": ident, **await self._read(question)}
        except (_BadRequest, QuestionError) as error:
            return {"id": ident, "error": str(error)}
        except Exception:
            logger.warning("dasklens could not answer a reader", exc_info=True)
            return {"id": ident, "error": "The scheduler could not answer; its log says why."}

    async def _read(self, question: dict[str, Any]) -> dict[str, Any]:
        streams = self._read_from.streams
        stream = question.get("stream", "tasks")
        read = streams.get(stream) if isinstance(stream, str) else None
        if read is None:
            raise _BadRequest(f"stream should be one of {', '.join(sorted(streams))}, got {_cut(stream)}.")
        log, wait = question.get("log", ""), question.get("wait", 0)
        if not isinstance(log, str):
            raise _BadRequest(f"log should be a text, the id of a log, got {_cut(log)}.")
        if type(wait) not in (int, float) or not 0 <= wait < 1e9:
            raise _BadRequest(f"wait should be seconds, 0 or more, got {_cut(wait)}.")
        asked = question.get("question", "")
        if not isinstance(asked, str):
            raise _BadRequest(f"question should be a text of JSON, got {_cut(asked)}.")
        if asked and stream not in ASKED:
            raise _BadRequest(f"The stream {stream} takes no question, only {' and '.join(ASKED)} do.")
        return await read(
            **({"question": asked} if asked else {}),
            cursor=_whole(question, "cursor", 0),
            names=_whole(question, "names", 0),
            log=log,
            until=None if question.get("until") is None else _whole(question, "until", 0),
            wait=wait,
            max_bytes=_whole(question, "max_bytes", 1 << 20),
        )

    def _answered(self, answering: asyncio.Task[None]) -> None:
        self._asked.discard(answering)
        self._room.release()
        if not answering.cancelled() and answering.exception() is not None:
            logger.warning("dasklens lost a reader", exc_info=answering.exception())
            self._abort()

    async def _look(self) -> None:
        # tornado's own pings go by the clock, and would give up a peer because this very loop stood still.
        while self._silent < LOOKS:
            await asyncio.sleep(LOOK_EVERY)
            self._silent += 1
            if self._silent > 1:
                try:
                    self.ping(b"")
                except WebSocketClosedError:
                    break
        self._abort()

    def _abort(self) -> None:
        """Close without a word: nobody would hear it."""
        connection: Any = self.ws_connection
        if connection is not None:
            connection.stream.close()

    def _end(self) -> None:
        self.close(1001, "the scheduler closes")


class _BadRequest(ValueError):
    """What is wrong with a request, in one sentence."""


def _question(message: str | bytes) -> dict[str, Any]:
    if not isinstance(message, str):
        raise _BadRequest("A request should be JSON as a text message, this one is binary.")
    try:
        question = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise _BadRequest(f"A request should be JSON, this one is not: {error}.") from None
    if not isinstance(question, dict):
        raise _BadRequest(f"A request should be a JSON object, got {_cut(question)}.")
    return question


def _whole(question: dict[str, Any], name: str, default: int | None) -> int:
    value = question.get(name, default)
    if type(value) is not int or not 0 <= value < 2**53:
        raise _BadRequest(f"{name} should be a whole number, 0 or more, got {_cut(value)}.")
    return value


def _cut(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


ROUTES = [
    (r"proof", ProofHandler),
    (r"hello", HelloHandler),
    (r"stream", StreamHandler),
]

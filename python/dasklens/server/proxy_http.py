"""One request to a scheduler's HTTP server, and its answer as it comes.

Written on tornado's HTTP/1.1 connection rather than on its client: the client has one time limit for the
whole answer, follows redirects, and does not tell an answer that was cut off from one that is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError

from dasklens.server.dial import dial
from dasklens.server.target import Target

#: Seconds to wait for a connection, and for anything to move on one.
CONNECT, IDLE = 5.0, 60.0

#: Bytes that are read at once; no more than a few times as many are held for one answer.
CHUNK = 64 * 1024

_NO_LIMIT = 1 << 62

T = TypeVar("T")


class Unanswered(Exception):
    """The scheduler cannot be reached, says nothing in time, or nothing that is HTTP."""


class CutOff(Exception):
    """The answer ended before its end."""


class Answer(HTTPMessageDelegate):
    """What a scheduler answers: status and headers first, then the body, chunk by chunk.

    Nothing is read from the scheduler while a chunk waits to be taken.

    Attributes
    ----------
    code : int
    headers : HTTPHeaders
    stream : IOStream
        For websockets: after a 101 it is read by nobody else.
    """

    def __init__(self, stream: IOStream):
        self.code = 0
        self.headers = HTTPHeaders()
        self.stream = stream
        parameters = HTTP1ConnectionParameters(
            no_keep_alive=True, chunk_size=CHUNK, max_header_size=CHUNK, max_body_size=_NO_LIMIT
        )
        self._connection = HTTP1Connection(stream, True, parameters)
        self._whole = False
        self._closed = False
        self._head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._taken = asyncio.Event()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._reading: asyncio.Future[bool] | None = None

    async def chunk(self) -> bytes:
        """The next piece of the body, empty at its end.

        Raises
        ------
        CutOff
            When there is no next one, nor was it the end.
        """
        self._taken.set()
        try:
            chunk = await _soon(self._chunks.get())
        except asyncio.TimeoutError:
            raise CutOff from None
        if not chunk and not self._whole:
            raise CutOff
        return chunk

    def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        self._taken.set()
        self.stream.close()

    # What tornado calls.

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        """Status line and headers have come."""
        assert isinstance(start_line, ResponseStartLine)
        if self._head.done() or (100 <= start_line.code < 200 and start_line.code != 101):
            return
        self.code, self.headers = start_line.code, headers
        if self.code == 101:
            # Nothing more is read as HTTP; whether any upgrade was asked for, others say.
            self._connection.detach()
        self._head.set_result(None)

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the body has come."""
        self._taken.clear()
        self._chunks.put_nowait(chunk)
        if not self._closed:
            await self._taken.wait()

    def finish(self) -> None:
        """The body is complete."""
        self._whole = True
        self._chunks.put_nowait(b"")

    def on_connection_close(self) -> None:
        """It ended before that."""
        self._chunks.put_nowait(b"")

    async def _begin(self, method: str, path: str, headers: HTTPHeaders) -> None:
        self._connection.write_headers(RequestStartLine(method, path, ""), headers)
        self._connection.finish()
        self._reading = asyncio.ensure_future(self._connection.read_response(self))
        self._reading.add_done_callback(self._ended)
        try:
            await _soon(self._head)
        except asyncio.TimeoutError:
            raise Unanswered from None

    def _ended(self, reading: asyncio.Future[bool]) -> None:
        # tornado tells of what it could not read only here.
        failed = reading.cancelled() or reading.exception() is not None
        if not self._head.done():
            self._head.set_exception(Unanswered())
        elif failed:
            self._chunks.put_nowait(b"")


async def ask(
    target: Target, method: str, path: str, headers: HTTPHeaders, stream: IOStream | None = None
) -> Answer:
    """Send a request without a body, and wait for the headers of the answer.

    Parameters
    ----------
    target : Target
        Where it goes, and nowhere else.
    method : str
        ``GET`` or ``HEAD``.
    path : str
        With prefix and query, quoted.
    headers : HTTPHeaders
        All of them, Host included.
    stream : IOStream, optional
        A connection to the target between two answers, to be used instead of a new one; the answer closes it.

    Raises
    ------
    Unanswered
    NotThere
        When it may not be connected, see `dial`.
    """
    if stream is None:
        try:
            stream = await asyncio.wait_for(dial(target, max_buffer_size=16 * CHUNK), CONNECT)
        except (OSError, StreamClosedError, asyncio.TimeoutError):
            raise Unanswered from None
    answer = Answer(stream)
    try:
        if "Connection" not in headers:
            headers["Connection"] = "close"
        await answer._begin(method, path, headers)
    except BaseException:
        answer.close()
        raise
    return answer


async def _soon(awaitable: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaitable, IDLE)

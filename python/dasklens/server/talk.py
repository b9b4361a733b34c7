"""One connection to a target and the questions over it, to somebody who may be anybody.

Each has an end: one deadline for everything, a limit to each header and body; no redirect is followed and
nothing decompressed. Several questions go over one connection, so that a secret is told to the very peer
that has just proved itself, not to whoever has its port a moment later.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError

from dasklens.server.dial import dial
from dasklens.server.target import NotThere, Target

T = TypeVar("T")

#: Seconds that all questions of a probe may take together.
TIMEOUT = 3.0
#: Bytes of a header, of a body, and of a body's beginning that are kept.
MOST_HEADER, MOST_BODY, KEPT = 16 << 10, 64 << 10, 64 << 10


@asynccontextmanager
async def talking(target: Target) -> AsyncIterator[Talk]:
    """A connection for as long as the block lasts.

    On loopback a certificate that nobody vouches for is taken; `Talk.target` then says so.
    """
    try:
        stream = await _dialled(target)
    except ssl.SSLCertVerificationError:
        if not target.loopback:
            raise
        target = replace(target, tls="self-signed")
        stream = await _dialled(target)
    talk = Talk(target, stream)
    try:
        yield talk
    finally:
        talk.close()


class Broken(NotThere):
    """The connection on which something was proved is there no more."""

    def __init__(self, target: Target):
        super().__init__(
            f"{target.authority} closed the connection on which it had proved to be the scheduler, and the "
            "recorder's token goes over no other one.",
            "If that goes on, have what is between this server and the scheduler keep connections open, or "
            "use an address that does not lead through it.",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body, of which at most `KEPT` bytes are here."""

    status: int
    body: bytes


class Talk:
    """A connection to a target, dialled again where the other side closes it after each answer.

    Attributes
    ----------
    unbroken : bool
        Whether it is still the first connection: what was proved on that holds on no other.
    """

    def __init__(self, target: Target, stream: IOStream):
        self.target = target
        self.unbroken = True
        self._stream = stream
        self._used = False
        self._released = False

    async def get(self, path: str, secret: dict[str, str] | None = None, most: int = MOST_BODY) -> Answer:
        """Ask for a path below the target's prefix.

        Parameters
        ----------
        path : str
            Quoted, without leading slash.
        secret : dict, optional
            Headers that go to the peer of the first connection or to nobody.
        most : int
            Bytes that the body may have.

        Raises
        ------
        OSError, StreamClosedError
            When there is no answer, or one that is no HTTP or too long.
        Broken
            When there is a secret, and the first connection is closed without an answer to it.
        """
        if secret and not self.whole:
            raise Broken(self.target)
        answer = None
        if not self._stream.closed():
            answer = await self._asked(path, secret or {}, most)
        if answer is None and self._used and not secret:
            # Some close a connection after each answer, and say so or do not.
            self.unbroken, self._used = False, False
            self._stream.close()
            self._stream = await _dialled(self.target)
            answer = await self._asked(path, {}, most)
        if answer is None:
            raise Broken(self.target) if secret else StreamClosedError
        return answer

    @property
    def whole(self) -> bool:
        """Whether what was proved still holds: it is the first connection, and open."""
        return self.unbroken and not self._stream.closed()

    @property
    def stream(self) -> IOStream:
        """The connection, for another use; it is closed with this talk unless that is told to `release` it.

        Raises
        ------
        Broken
            When it is not the first one any more.
        """
        if not self.whole:
            raise Broken(self.target)
        return self._stream

    def release(self) -> None:
        """Leave the connection open: somebody else closes it."""
        self._released = True

    async def _asked(self, path: str, secret: dict[str, str], most: int) -> Answer | None:
        delegate = _Collect()
        connection = HTTP1Connection(
            self._stream,
            is_client=True,
            params=HTTP1ConnectionParameters(
                max_header_size=MOST_HEADER, max_body_size=most, decompress=False
            ),
        )
        sent = HTTPHeaders({"Host": self.target.authority, "Accept": "*/*", **secret})
        connection.write_headers(RequestStartLine("GET", self.target.prefix + path, ""), sent)
        connection.finish()
        try:
            await connection.read_response(delegate)
        except StreamClosedError:
            if delegate.status:
                raise
            return None
        if not delegate.finished:
            raise StreamClosedError
        self._used = True
        if delegate.last:
            # It may take a moment until the other side has done what it says.
            self._stream.close()
        return Answer(delegate.status, bytes(delegate.body))

    def close(self) -> None:
        """Close it, unless it was released."""
        if not self._released:
            self._stream.close()


async def in_time(ask: Callable[[], Awaitable[T]], target: Target) -> T:
    """What `ask` gives, or why there is nothing.

    Raises
    ------
    NotThere
        From `ask`, or for what went wrong with the connection.
    """
    try:
        return await asyncio.wait_for(ask(), TIMEOUT)
    except (OSError, asyncio.TimeoutError, StreamClosedError) as error:  # errors of TLS are OSErrors
        raise explain(error, target) from None


def explain(error: BaseException, target: Target) -> NotThere:
    """What an error of a connection means for a person."""
    place = target.authority
    if isinstance(error, StreamClosedError) and error.real_error is not None:
        error = error.real_error
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotThere(
            f"The certificate of {place} is not trusted: {error.verify_message}.",
            "Have the administrator of this Jupyter server name the certificates that it trusts: "
            "c.Dasklens.ca_file.",
            "refused",
        )
    if isinstance(error, ssl.SSLError):
        return NotThere(
            f"{place} does not speak TLS as expected.", "Try the address with http:// instead.", "refused"
        )
    if isinstance(error, ConnectionRefusedError):
        return NotThere(f"Nothing listens at {place}.")
    if isinstance(error, asyncio.TimeoutError):
        return NotThere(
            f"No answer from {place} within {TIMEOUT:g} s: the scheduler is busy or suspended, or a firewall "
            "is between."
        )
    if isinstance(error, StreamClosedError):
        return NotThere(f"{place} closes the connection without an answer that can be read.")
    return NotThere(f"This server cannot reach {place}: {getattr(error, 'strerror', None) or error}.")


async def _dialled(target: Target) -> IOStream:
    return await dial(target, max_buffer_size=MOST_BODY * 4)


class _Collect(HTTPMessageDelegate):
    """Keeps the beginning of a body. Anything that it raised would go into the log."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()
        self.finished = False
        self.last = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        assert isinstance(start_line, ResponseStartLine)
        self.status = start_line.code
        self.last = headers.get("Connection", "").lower() == "close"

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk[: max(0, KEPT - len(self.body))]

    def finish(self) -> None:
        self.finished = True

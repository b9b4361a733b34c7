"""A websocket to a scheduler: lost once, for a reason, and nothing is left behind.

Frames are read here rather than by tornado's client: that one may go on connecting after it was given up,
waits for ever for a handshake that is none, and takes as long for a short message as for a thousand.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from typing import NamedTuple

from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream, StreamBufferFullError, StreamClosedError

from dasklens.server.proxy_http import Unanswered, ask
from dasklens.server.proxy_ws import NotAWebsocket, agreed, handshake
from dasklens.server.target import NotThere, Target

#: Seconds for connecting, and for saying goodbye.
TIMEOUT, GOODBYE = 5.0, 2.0
#: Bytes that are read at once, and after how many others on the loop have their turn.
PIECE, TURN = 64 << 10, 256 << 10
#: Bytes that wait to be sent: far more than all questions, and their end for a peer that does not read them.
UNSENT = 1 << 20

_CONTINUED, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


class Socket:
    """A connected websocket.

    Attributes
    ----------
    lost : Future of str
        Done, with the reason, when it is over.
    """

    def __init__(self, stream: IOStream, on_message: Callable[[str | bytes], None], most: int):
        self._stream = stream
        self._stream.max_write_buffer_size = UNSENT
        #: The newest ping that is not answered yet.
        self._ping: bytes | None = None
        self._on_message = on_message
        self._most = most
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._said_goodbye = False
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def open(
        cls,
        target: Target,
        path: str,
        on_message: Callable[[str | bytes], None],
        *,
        headers: dict[str, str] | None = None,
        most: int,
        stream: IOStream | None = None,
    ) -> Socket:
        """Connect to a path below the target's prefix.

        Parameters
        ----------
        on_message : callable
            Called with each message, until it is lost.
        most : int
            Bytes of the longest message that is taken.
        stream : IOStream, optional
            A connection to the target between two answers, to be used instead of a new one.

        Raises
        ------
        NotThere
            When there is no such websocket.
        """
        sent = HTTPHeaders({"Host": target.authority, **(headers or {})})
        key = handshake(sent, None)
        try:
            answer = await asyncio.wait_for(ask(target, "GET", target.prefix + path, sent, stream), TIMEOUT)
        except (Unanswered, asyncio.TimeoutError):
            raise NotThere(f"{target.authority} does not answer.") from None
        try:
            agreed(answer, key, None)
        except NotAWebsocket:
            answer.close()
            raise NotThere(
                f"{target.authority} lets no websocket through: it answers {answer.code}.",
                "See whether a proxy is between, which has to pass websockets on.",
            ) from None
        answer.stream.set_nodelay(True)
        return cls(answer.stream, on_message, most)

    def send(self, text: str) -> None:
        """Send a message of text; does nothing once it is lost."""
        if not self.lost.done():
            self._write(_TEXT, text.encode())

    def lose(self, reason: str) -> None:
        """End it without a word to the other side."""
        if not self.lost.done():
            self.lost.set_result(reason)
        self._stream.close()

    async def close(self) -> None:
        """Say goodbye; returns when the connection is closed on both sides, if that can be."""
        if not self.lost.done():
            self.lost.set_result("It was closed.")
        if not self._stream.closed():
            self._say_goodbye()
            await asyncio.wait([self._reading], timeout=GOODBYE)
        self._stream.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            await self._messages()
        except StreamClosedError:
            self.lose("The connection to the scheduler was lost.")
        except _Wrong as wrong:
            self.lose(str(wrong))
        except Exception as error:
            self.lose(f"What the scheduler sent could not be read ({type(error).__name__}).")

    async def _messages(self) -> None:
        got = bytearray()
        message: bytearray | None = None
        text = False
        read = 0
        while True:
            piece = await self._stream.read_bytes(PIECE, partial=True)
            got += piece
            at = 0
            while (frame := _frame(got, at, self._most)) is not None:
                payload = got[frame.start : frame.stop]
                at = frame.stop
                if frame.opcode == _PING:
                    self._ping = bytes(payload)
                    self._answer_ping()
                elif frame.opcode == _CLOSE:
                    self._say_goodbye()
                    raise _Wrong(_reason(payload))
                elif frame.opcode != _PONG:
                    if (frame.opcode == _CONTINUED) == (message is None):
                        raise _Wrong("The scheduler sent pieces of messages out of order.")
                    if message is None:
                        message, text = payload, frame.opcode == _TEXT
                    else:
                        message += payload
                    if len(message) > self._most:
                        raise _too_long(self._most)
                    if frame.final:
                        if not self.lost.done():
                            self._on_message(message.decode() if text else bytes(message))
                        message = None
            del got[:at]
            read += len(piece)
            if read >= TURN:
                # Reads that need not wait never let others run.
                read = 0
                await asyncio.sleep(0)

    def _answer_ping(self) -> None:
        # Only the newest ping has to be answered (RFC 6455, 5.5.3): who sends many and reads nothing must not
        # have their answers kept.
        if self._ping is not None and not self._stream.writing():
            ping, self._ping = self._ping, None
            self._write(_PONG, ping)

    def _say_goodbye(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            self._write(_CLOSE, struct.pack("!H", 1000))

    def _write(self, opcode: int, payload: bytes | bytearray) -> None:
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            head = bytes([0x80 | opcode, 0x80 | size])
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        long = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(long, "big")).to_bytes(size, "big")
        try:
            written = self._stream.write(head + mask + masked)
        except StreamClosedError:
            return  # reading notices too
        except StreamBufferFullError:
            self.lose("The scheduler does not read what it is sent.")
            return
        written.add_done_callback(self._written)

    def _written(self, done: asyncio.Future[None]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._answer_ping()


class _Wrong(Exception):
    """Why nothing more is read."""


class _Frame(NamedTuple):
    final: bool
    opcode: int
    start: int
    stop: int


def _frame(got: bytearray, at: int, most: int) -> _Frame | None:
    """The frame that begins at `at`, if it is here whole (RFC 6455, 5.2)."""
    if len(got) < at + 2:
        return None
    first, size = got[at], got[at + 1]
    opcode = first & 0x0F
    if first & 0x70 or size & 0x80 or opcode not in (0, 1, 2, 8, 9, 10):
        raise _Wrong("What the scheduler sent is no frame of a websocket.")
    start = at + 2
    if size >= 126:
        wide = 2 if size == 126 else 8
        if len(got) < start + wide:
            return None
        size = int.from_bytes(got[start : start + wide], "big")
        start += wide
    if opcode >= _CLOSE and (size > 125 or not first & 0x80):
        raise _Wrong("What the scheduler sent is no frame of a websocket.")
    if size > most:
        raise _too_long(most)
    if len(got) < start + size:
        return None
    return _Frame(bool(first & 0x80), opcode, start, start + size)


def _too_long(most: int) -> _Wrong:
    return _Wrong(f"The scheduler sent a message of more than {most >> 20} MiB.")


def _reason(payload: bytearray) -> str:
    said = payload[2:].decode(errors="replace")
    said = said if said.isprintable() else ""
    return f"The scheduler closed the connection{': ' + said if said else ''}."

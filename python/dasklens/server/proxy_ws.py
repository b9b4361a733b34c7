"""Websockets between a page and its scheduler.

Once both sides have agreed, bytes pass as they come. Nothing is put together, unmasked or masked again: so
messages may be of any size, what is held is one piece a direction, and pings, fragments and close codes
reach the other end by themselves. Only the heads of frames are read, to know where one ends: a ping or a
close of our own has to go between two.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import struct
import time
from dataclasses import dataclass, field

from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream, StreamClosedError

from dasklens.server.proxy_http import Answer

#: Seconds between two pings of our own, and after which a side that has said nothing at all is given up.
#: A scheduler may stand still for a while under a task that holds the interpreter.
PING, SILENT = 20.0, 90.0

#: Seconds that a side has to say goodbye, as in tornado.
GOODBYE = 5.0

#: Bytes that are read at once, and after how many others on the loop have their turn.
PIECE, TURN = 256 * 1024, 1024 * 1024

#: Close codes of our own (RFC 6455, 7.4.1).
GOING_AWAY, PROTOCOL, POLICY, LOST = 1001, 1002, 1008, 1011

#: Opcodes of our own.
CLOSE, PING_OPCODE = 0x8, 0x9


class NotAWebsocket(Exception):
    """A handshake that is none, or that promises what was not asked for."""


def accepts(headers: HTTPHeaders) -> str:
    """The proof that a browser's handshake is answered with; raises NotAWebsocket."""
    tokens = {token.strip().lower() for token in headers.get("Connection", "").split(",")}
    key = headers.get("Sec-WebSocket-Key", "").strip()
    try:
        right = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        right = False
    if "upgrade" not in tokens or not right or headers.get("Sec-WebSocket-Version") != "13":
        raise NotAWebsocket
    return _proof(key)


def handshake(headers: HTTPHeaders, protocol: str | None) -> str:
    """Put the handshake into the headers of a request; returns its key.

    No extension is offered: with compression the two ends would have to agree on its state.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    headers["Upgrade"], headers["Connection"] = "websocket", "Upgrade"
    headers["Sec-WebSocket-Key"], headers["Sec-WebSocket-Version"] = key, "13"
    if protocol is not None:
        # Bokeh's pages pass the token of their session here.
        headers["Sec-WebSocket-Protocol"] = protocol
    return key


def agreed(answer: Answer, key: str, offered: str | None) -> str | None:
    """The subprotocol that a scheduler's 101 chose; raises NotAWebsocket."""
    headers = answer.headers
    protocol = headers.get("Sec-WebSocket-Protocol")
    names = {name.strip() for name in (offered or "").split(",")} - {""}
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or headers.get("Connection", "").lower() != "upgrade"
        or headers.get("Sec-WebSocket-Accept", "") != _proof(key)
        or "Sec-WebSocket-Extensions" in headers
        or (protocol is not None and protocol not in names)
    ):
        raise NotAWebsocket
    return protocol


def _proof(key: str) -> str:
    text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


@dataclass
class Frames:
    """Where frames begin and end in the bytes of one direction.

    Attributes
    ----------
    masked : bool
        Whether they have to be: a browser's do, a server's must not.
    left : int
        Bytes of the present frame still to come.
    closed : bool
        Whether one said goodbye; nothing may come after.
    """

    masked: bool
    left: int = 0
    closed: bool = False
    _head: bytearray = field(default_factory=bytearray)

    @property
    def between(self) -> bool:
        """Whether the last frame is complete."""
        return not self.left and not self._head

    def feed(self, data: bytes | memoryview, *, one: bool = False) -> int:
        """Look at the next bytes; with `one` not beyond the end of the present frame.

        Returns
        -------
        int
            How many were looked at.

        Raises
        ------
        NotAWebsocket
            For what is no frame of this direction.
        """
        at, end = 0, len(data)
        while at < end:
            if self.left:
                step = min(self.left, end - at)
                self.left -= step
            else:
                head = self._head
                step = min(_head_size(head) - len(head), end - at)
                head += data[at : at + step]
                if len(head) == _head_size(head):
                    self._begin()
            at += step
            if one and self.between:
                break
        return at

    def _begin(self) -> None:
        head = self._head
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack_from("!H", head, 2)[0]
        elif size == 127:
            size = struct.unpack_from("!Q", head, 2)[0]
        control = bool(head[0] & 0x08)
        if bool(head[1] & 0x80) != self.masked or size >> 63 or (control and size > 125):
            raise NotAWebsocket
        self.left = size
        self.closed = self.closed or head[0] & 0x0F == 0x8
        head.clear()


def _head_size(head: bytearray) -> int:
    """Bytes of a frame's head, as far as its first two tell; never less than are there."""
    if len(head) < 2:
        return 2
    return 2 + {126: 2, 127: 8}.get(head[1] & 0x7F, 0) + (4 if head[1] & 0x80 else 0)


class Side:
    """One end: its stream and what comes from it.

    Attributes
    ----------
    got : Frames
        What came from it and went to the other.
    other : Side
    goodbye : bool
        Whether we have told it, ourselves, that this is the end.
    """

    other: Side

    def __init__(self, stream: IOStream, *, browser: bool):
        self.stream = stream
        self.got = Frames(masked=browser)
        self.browser = browser
        self.goodbye = False
        self.heard = time.monotonic()

    def say(self, opcode: int, payload: bytes = b"") -> None:
        """Put a frame of our own between two others, where that can be."""
        sent = self.other.got
        if not sent.between or sent.closed or self.goodbye or self.stream.closed():
            return
        if opcode == PING_OPCODE and self.stream.writing():
            # Whoever does not read has enough to answer to.
            return
        head = bytes([0x80 | opcode, len(payload) | (0 if self.browser else 0x80)])
        # Zeros mask as well as anything: a page has no say in what is sent here.
        frame = head + (b"" if self.browser else bytes(4)) + payload
        try:
            written = self.stream.write(frame)
        except StreamClosedError:
            return
        self.goodbye = opcode == CLOSE
        written.add_done_callback(lambda done: done.cancelled() or done.exception())


class Tunnel:
    """Both ends together, until one goes or somebody ends it.

    Parameters
    ----------
    browser, scheduler : IOStream
        After their handshakes.
    """

    def __init__(self, browser: IOStream, scheduler: IOStream):
        self._browser = Side(browser, browser=True)
        self._scheduler = Side(scheduler, browser=False)
        self._browser.other, self._scheduler.other = self._scheduler, self._browser
        self._ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def end(self, code: int, reason: str) -> None:
        """End it, with what the page is told; who comes first is heard."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    async def run(self) -> None:
        """Pass on what comes. Both streams are closed when this returns, however it does."""
        browser, scheduler = self._browser, self._scheduler
        up = asyncio.ensure_future(self._pass(browser))
        down = asyncio.ensure_future(self._pass(scheduler))
        beat = asyncio.ensure_future(self._beat())
        try:
            code, reason = await self._ended
            scheduler.say(CLOSE, struct.pack("!H", GOING_AWAY))
            if not scheduler.got.between:
                # What is half sent is finished first, if that takes but a moment.
                await asyncio.wait([down], timeout=GOODBYE / 5)
            scheduler.stream.close()
            browser.say(CLOSE, struct.pack("!H", code) + reason.encode()[:123])
            if (browser.goodbye or scheduler.got.closed) and not browser.got.closed:
                # Whoever closes with something unread resets the connection; the browser might then never
                # see what was said.
                await asyncio.wait([up], timeout=GOODBYE)
        finally:
            self.end(GOING_AWAY, "")
            beat.cancel()
            browser.stream.close()
            scheduler.stream.close()
            await asyncio.gather(up, down, beat, return_exceptions=True)
        for task in (up, down):
            task.result()  # what went wrong otherwise is for the log

    async def _pass(self, source: Side) -> None:
        """Hand on what comes from one side. One piece is held; the next is read when it is written."""
        passed, buffer = 0, bytearray(PIECE)
        view = memoryview(buffer)
        try:
            while not self._ended.done():
                size = await source.stream.read_into(buffer, partial=True)
                source.heard = time.monotonic()
                if self._ended.done():
                    await self._last(source, view[:size])
                    return
                source.got.feed(view[:size])
                await self._write(source.other, view[:size])
                passed += size
                if passed >= TURN:
                    # Reads and writes that need not wait never let others run.
                    passed = 0
                    await asyncio.sleep(0)
            await self._last(source, view[:0])
        except StreamClosedError:
            pass
        except NotAWebsocket:
            self.end(PROTOCOL, "What came is no websocket.")
        finally:
            self.end(LOST, "The connection to the scheduler was lost.")

    async def _last(self, source: Side, data: bytes | memoryview) -> None:
        """After the end: what completes a frame still goes to the browser, and its goodbye is waited for."""
        while not (source.got.closed if source.browser else source.got.between):
            data = data or await source.stream.read_bytes(PIECE, partial=True)
            if source.browser:
                source.got.feed(data)
            else:
                await self._write(source.other, data[: source.got.feed(data, one=True)])
            data = b""

    async def _write(self, side: Side, data: bytes | memoryview) -> None:
        try:
            await side.stream.write(data)
        except StreamClosedError:
            # The other side may still have a goodbye to hear, or to say.
            self.end(LOST, "The connection to the scheduler was lost.")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(PING)
            for side in (self._browser, self._scheduler):
                if time.monotonic() - side.heard > SILENT:
                    whose = "page" if side.browser else "scheduler"
                    self.end(LOST, f"The {whose} has said nothing for {SILENT:g} s.")
                side.say(PING_OPCODE)

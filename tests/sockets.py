"""Websockets of a scheduler, of a page, and byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from typing import Any

from hostile import connect, reply
from proxied import Proxied, root
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from dasklens.server import proxy_ws

LARGE = 1 << 30

UPGRADE = {
    "Connection": "keep-alive, Upgrade",
    "Origin": "null",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Upgrade": "websocket",
}


class Echo(WebSocketHandler):
    """What a scheduler's websocket could be; remembers what it hears."""

    max_message_size = LARGE  # type: ignore[assignment]
    sockets: list[Echo]

    def initialize(self, sockets: list[Echo]) -> None:
        self.sockets = sockets
        self.heard: list[str | bytes] = []
        self.pings: list[bytes] = []
        self.pongs = 0
        self.closed = False
        self.hold: asyncio.Event | None = None

    def check_origin(self, origin: str) -> bool:
        raise AssertionError("No origin should come as far as here.")

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return subprotocols[0] if subprotocols else None

    def open(self) -> None:
        self.sockets.append(self)

    async def on_message(self, message: str | bytes) -> None:
        self.heard.append(message)
        if self.hold:
            await self.hold.wait()
        if message == "close":
            self.close(4001, "as you say")
        elif message == "abort":
            self.stream.close()
        else:
            await self.write_message(message, binary=isinstance(message, bytes))

    @property
    def stream(self) -> Any:
        return self.ws_connection.stream  # type: ignore[union-attr]

    def on_ping(self, data: bytes) -> None:
        self.pings.append(data)

    def on_pong(self, data: bytes) -> None:
        self.pongs += 1

    def on_close(self) -> None:
        self.closed = True


@contextlib.asynccontextmanager
async def echo(tls: ssl.SSLContext | None = None, **settings: Any) -> AsyncIterator[tuple[int, list[Echo]]]:
    """A server of echoes."""
    sockets: list[Echo] = []
    sock, port = bind_unused_port()
    app = Application([("/x/ws", Echo, {"sockets": sockets})], **settings)
    server = HTTPServer(app, ssl_options=tls)
    server.add_socket(sock)
    try:
        yield port, sockets
    finally:
        server.stop()
        await server.close_all_connections()


async def opened(
    world: Proxied, place: str, headers: dict[str, str] | None = None, **more: Any
) -> WebSocketClientConnection:
    """A websocket as a sandboxed page opens it."""
    asked = HTTPRequest(
        f"{'wss' if world.tls else 'ws'}://127.0.0.1:{world.port}{place}",
        headers={"Origin": "null", **(headers or {})},
        validate_cert=False,
    )
    return await websocket_connect(asked, max_message_size=LARGE, **more)


async def ended(socket: WebSocketClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end; its code and reason."""
    assert await asyncio.wait_for(socket.read_message(), 10) is None
    socket.close()  # or tornado says that nobody did
    return socket.close_code, socket.close_reason


def frame(payload: bytes, opcode: int = 2, masked: bool = False, fin: int = 0x80) -> bytes:
    n = len(payload)
    head = bytes([fin | opcode])
    mask = 0x80 if masked else 0
    if n < 126:
        head += bytes([mask | n])
    elif n < 1 << 16:
        head += struct.pack("!BH", mask | 126, n)
    else:
        head += struct.pack("!BQ", mask | 127, n)
    return head + (b"mask" if masked else b"") + payload


def upgraded(key: str, *more: str) -> bytes:
    """A right answer to a handshake; of a header that comes again, the second counts."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": proxy_ws._proof(key)}
    for line in more:
        headers[line.partition(": ")[0]] = line.partition(": ")[2]
    return reply(b"", "101 Switching Protocols", headers, length=False)


async def handshaken(
    world: Proxied, port: int, prefix: str = "/"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A websocket whose bytes are the test's."""
    reader, writer = await connect(world.port, root(world.know(port, prefix)) + "ws", UPGRADE)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    # The example of RFC 6455, 1.3.
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    return reader, writer

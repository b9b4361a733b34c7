"""Websockets under a capability."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hostile import backend, connect, exchange, reply
from hypothesis import given
from hypothesis import strategies as st
from proxied import Proxied, proxied, root
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect
from waiting import until_async

from dasklens.server import proxy_ws
from dasklens.server.proxy_ws import Frames, NotAWebsocket
from dasklens.server.target import NotThere

LARGE = 1 << 30


@pytest.fixture
async def world(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Proxied]:
    """A proxy that leaves no task, no descriptor, and no secret in a log."""
    caplog.set_level(logging.DEBUG)
    async with proxied() as world:
        yield world
    for secret in world.secrets:
        assert secret not in caplog.text


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
async def echo(**settings: Any) -> AsyncIterator[tuple[int, list[Echo]]]:
    """A server of echoes."""
    sockets: list[Echo] = []
    sock, port = bind_unused_port()
    server = HTTPServer(Application([("/x/ws", Echo, {"sockets": sockets})], **settings))
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
    asked = HTTPRequest(f"ws://127.0.0.1:{world.port}{place}", headers={"Origin": "null", **(headers or {})})
    return await websocket_connect(asked, max_message_size=LARGE, **more)


async def ended(socket: WebSocketClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end; its code and reason."""
    assert await asyncio.wait_for(socket.read_message(), 10) is None
    socket.close()  # or tornado says that nobody did
    return socket.close_code, socket.close_reason


# Where frames begin and end.


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


@given(
    st.lists(st.sampled_from([0, 1, 125, 126, 127, 65535, 65536, 70000]), max_size=6),
    st.booleans(),
    st.data(),
)
def test_frames_end_where_they_end_however_the_bytes_come(
    sizes: list[int], masked: bool, data: st.DataObject
) -> None:
    frames = [frame(bytes(n), masked=masked) for n in sizes]
    stream = b"".join(frames)
    ends = {sum(map(len, frames[:i])) for i in range(len(frames) + 1)}
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)) | {0, len(stream)} | ends)
    it = Frames(masked)
    for start, stop in itertools.pairwise(cuts):
        assert it.feed(stream[start:stop]) == stop - start
        assert it.between == (stop in ends)
        assert not it.closed


@given(st.binary(max_size=300), st.integers(0, 300), st.booleans())
def test_one_frame_alone(payload: bytes, cut: int, masked: bool) -> None:
    it = Frames(masked)
    first = frame(payload, masked=masked)
    cut = min(cut, len(first))
    it.feed(first[:cut])
    rest = first[cut:] + frame(b"next", masked=masked)
    taken = it.feed(rest, one=True)
    assert taken == (
        len(first) - cut if 0 < cut < len(first) else len(frame(b"next" if cut else payload, masked=masked))
    )
    assert it.between


def test_a_goodbye_is_seen() -> None:
    it = Frames(masked=False)
    it.feed(frame(b"x") + frame(b"\x03\xe8bye", opcode=8))
    assert (it.closed, it.between) == (True, True)


@pytest.mark.parametrize(
    "data",
    [frame(b"x", masked=True), frame(b"x" * 126, opcode=8), b"\x82\x7f" + b"\xff" * 8],
    ids=["masked", "a long control frame", "a length of more than 63 bits"],
)
def test_what_a_server_must_not_send(data: bytes) -> None:
    with pytest.raises(NotAWebsocket):
        Frames(masked=False).feed(data)


def test_what_a_browser_must_not_send() -> None:
    with pytest.raises(NotAWebsocket):
        Frames(masked=True).feed(frame(b"x"))


# Through the proxy.


async def test_text_and_bytes_of_any_size_pass(world: Proxied) -> None:
    async with echo() as (port, sockets):
        socket = await opened(world, root(world.know(port, "/x/")) + "ws")
        for message in [
            "",
            "é",
            "text" * 1000,
            b"",
            b"\x00\xff",
            b"x" * 126,
            b"y" * 65536,
            b"z" * (20 << 20),
            "a" * (20 << 20),
        ]:
            await socket.write_message(message, binary=isinstance(message, bytes))
            assert await asyncio.wait_for(socket.read_message(), 30) == message
        assert len(sockets) == 1
        socket.close(1000, "done")
        assert await ended(socket) == (1000, None)
        await until_async(lambda: sockets[0].closed, "the scheduler's end")
        assert (sockets[0].close_code, sockets[0].close_reason) == (1000, "done")


async def test_a_hundred_sockets_at_once(world: Proxied) -> None:
    async with echo() as (port, sockets):
        place = root(world.know(port, "/x/")) + "ws"
        opening = [opened(world, place) for _ in range(100)]
        clients = await asyncio.gather(*opening)
        for n, client in enumerate(clients):
            await client.write_message(str(n))
        assert [await client.read_message() for client in clients] == [str(n) for n in range(100)]
        for client in clients:
            client.close()
        await until_async(lambda: all(socket.closed for socket in sockets), "the end of all")
        assert len(sockets) == 100


async def test_nothing_of_who_asks_leaves_and_the_protocol_is_agreed_on(world: Proxied) -> None:
    asks = {
        "Authorization": "token secret",
        "Cookie": "_xsrf=secret",
        "Referer": "http://secret/",
        "Sec-WebSocket-Extensions": "permessage-deflate",
        "X-Forwarded-For": "secret",
    }
    async with echo() as (port, sockets):
        capability = world.know(port, "/x/")
        place = root(capability) + "ws?id=1&token=secret"
        socket = await opened(world, place, asks, subprotocols=["bokeh", "a.session.token"])
        await until_async(lambda: bool(sockets), "the socket")
        request = sockets[0].request
        assert request.uri == "/x/ws?id=1"
        assert {name.lower() for name in request.headers} == {
            "accept-encoding",
            "connection",
            "host",
            "sec-websocket-key",
            "sec-websocket-protocol",
            "sec-websocket-version",
            "upgrade",
            "user-agent",
        }
        assert request.headers["Sec-WebSocket-Protocol"] == "bokeh,a.session.token"
        assert request.headers["Host"] == f"127.0.0.1:{port}"
        assert "secret" not in str(request.headers) + str(request.uri)
        assert socket.selected_subprotocol == "bokeh"
        socket.close()


async def test_a_close_of_the_scheduler_comes_with_its_code(world: Proxied) -> None:
    async with echo() as (port, _):
        socket = await opened(world, root(world.know(port, "/x/")) + "ws")
        await socket.write_message("close")
        assert await ended(socket) == (4001, "as you say")


async def test_a_scheduler_that_dies_is_said_to_be_lost(world: Proxied) -> None:
    async with echo() as (port, _):
        socket = await opened(world, root(world.know(port, "/x/")) + "ws")
        await socket.write_message("abort")
        assert await ended(socket) == (1011, "The connection to the scheduler was lost.")


async def test_a_browser_that_goes_without_a_word_closes_the_scheduler(world: Proxied) -> None:
    async with echo() as (port, sockets):
        capability = world.know(port, "/x/")
        socket = await opened(world, root(capability) + "ws")
        await until_async(lambda: bool(sockets), "the socket")
        assert capability.open == 1
        assert socket.protocol is not None
        assert socket.protocol.stream is not None
        socket.protocol.stream.close()
        await ended(socket)
        await until_async(lambda: sockets[0].closed, "the scheduler's end")
        await until_async(lambda: capability.open == 0, "letting go of the capability")


async def test_revocation_closes_with_a_reason(world: Proxied) -> None:
    async with echo() as (port, sockets):
        socket = await opened(world, root(world.know(port, "/x/")) + "ws")
        other = await opened(world, root(world.know(port, "/x/", id="two")) + "ws")
        world.capabilities.revoke("one")
        assert await ended(socket) == (1008, "The scheduler of this address has gone.")
        await until_async(lambda: sockets[0].closed, "the scheduler's end")
        assert sockets[0].close_code == 1001
        await other.write_message("still there")
        assert await other.read_message() == "still there"
        other.close()


async def test_expiry_closes_with_a_reason() -> None:
    async with proxied(lifetime=0.3) as world, echo() as (port, sockets):
        socket = await opened(world, root(world.know(port, "/x/")) + "ws")
        code, reason = await ended(socket)
        assert (code, reason) == (1008, "This address has expired. Open the page again from JupyterLab.")
        await until_async(lambda: sockets[0].closed, "the scheduler's end")


async def test_revocation_in_the_middle_of_a_message_finishes_its_frame(world: Proxied) -> None:
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgraded(dask.headers["sec-websocket-key"]))
        message = frame(b"x" * 1000)
        writer.write(message[:500])
        await go_on.wait()
        writer.write(message[500:] + frame(b"never to be seen"))
        await reader.read()

    async with backend(slow) as dask:
        reader, writer = await handshaken(world, dask.port)
        got = await asyncio.wait_for(reader.readexactly(500), 10)
        world.capabilities.revoke("one")
        go_on.set()
        # What a server must do when it hears a goodbye.
        got += await asyncio.wait_for(reader.readexactly(504 + 2 + 2 + 39), 10)
        assert got == frame(b"x" * 1000) + frame(b"\x03\xf0The scheduler of this address has gone.", opcode=8)
        writer.write(frame(b"\x03\xf0", opcode=8, masked=True))
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await until_async(lambda: dask.open == 0, "the scheduler's end")


async def test_revocation_waits_for_no_frame_that_does_not_end(
    world: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_ws, "GOODBYE", 0.2)

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgraded(dask.headers["sec-websocket-key"]) + frame(b"x" * 1000)[:500])
        await reader.read()

    async with backend(stuck) as dask:
        reader, writer = await handshaken(world, dask.port)
        await asyncio.wait_for(reader.readexactly(500), 10)
        world.capabilities.revoke("one")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_a_page_that_does_not_say_goodbye_is_not_waited_for(
    world: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_ws, "GOODBYE", 0.2)
    async with echo() as (port, _):
        reader, writer = await handshaken(world, port, "/x/")
        world.capabilities.revoke("one")
        writer.write(frame(b"more", masked=True) * 1000)
        said = await asyncio.wait_for(reader.read(), 5)
        assert said.endswith(b"The scheduler of this address has gone.")
        writer.close()


async def test_a_slow_page_holds_the_scheduler_back(world: Proxied) -> None:
    blocked = asyncio.Event()
    size, sent = 100 << 20, 0
    message = frame(b"x" * 100_000)

    async def much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(upgraded(dask.headers["sec-websocket-key"]))
        while sent < size:
            writer.write(message)
            sent += len(message)
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except asyncio.TimeoutError:
                blocked.set()
                await writer.drain()

    async with backend(much) as dask:
        reader, writer = await handshaken(world, dask.port)
        await asyncio.wait_for(blocked.wait(), 20)
        assert sent < size / 2
        received = 0
        while received < size:
            received += len(await asyncio.wait_for(reader.read(1 << 20), 20))
        assert received >= sent
        writer.close()


async def test_a_slow_scheduler_holds_the_page_back(world: Proxied) -> None:
    go_on = asyncio.Event()
    received = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        writer.write(upgraded(dask.headers["sec-websocket-key"]))
        await go_on.wait()
        while data := await reader.read(1 << 20):
            received += len(data)

    async with backend(slow) as dask:
        _, writer = await handshaken(world, dask.port)
        message = frame(b"x" * 100_000, masked=True)
        size, sent = 100 << 20, 0
        while sent < size:
            writer.write(message)
            sent += len(message)
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except asyncio.TimeoutError:
                assert not go_on.is_set()
                assert sent < size / 2
                go_on.set()
                await writer.drain()
        assert go_on.is_set()
        await until_async(lambda: received == sent, "the last of it", 20)
        writer.close()


async def test_a_busy_socket_lets_others_have_their_turn(
    world: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_ws, "GOODBYE", 0.1)
    stop = False

    async def torrent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgraded(dask.headers["sec-websocket-key"]))
        while not stop:
            writer.write(frame(b"x" * 60_000))
            await writer.drain()

    async def drink(reader: asyncio.StreamReader) -> None:
        while await reader.read(1 << 20):
            pass

    async with backend(torrent) as dask, echo() as (port, _):
        reader, writer = await handshaken(world, dask.port)
        drinking = asyncio.ensure_future(drink(reader))
        socket = await opened(world, root(world.know(port, "/x/", id="two")) + "ws")
        for n in range(20):
            await socket.write_message(str(n))
            assert await asyncio.wait_for(socket.read_message(), 5) == str(n)
        stop = True
        socket.close()
        await drinking
        writer.close()


async def test_both_sides_are_pinged_and_pings_pass(world: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_ws, "PING", 0.05)
    async with echo(websocket_ping_interval=0.05) as (port, sockets):
        socket = await opened(world, root(world.know(port, "/x/")) + "ws", ping_interval=0.05)
        await until_async(lambda: bool(sockets) and len(sockets[0].pings) > 5, "pings")
        await until_async(lambda: sockets[0].pongs > 5, "pongs")
        await socket.write_message("still there")
        assert await socket.read_message() == "still there"
        socket.close()


@pytest.mark.parametrize("silent", ["page", "scheduler"])
async def test_a_side_that_says_nothing_at_all_is_given_up(
    world: Proxied, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    monkeypatch.setattr(proxy_ws, "PING", 0.05)
    monkeypatch.setattr(proxy_ws, "SILENT", 0.3)
    monkeypatch.setattr(proxy_ws, "GOODBYE", 0.2)

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgraded(dask.headers["sec-websocket-key"]))
        await reader.read()

    async with backend(mute) as dask, echo() as (port, _):
        if silent == "scheduler":
            socket = await opened(world, root(world.know(dask.port)) + "ws")
            assert await ended(socket) == (1011, "The scheduler has said nothing for 0.3 s.")
        else:
            reader, writer = await handshaken(world, port, "/x/")
            said = await asyncio.wait_for(reader.read(), 5)
            assert said.startswith(frame(b"", opcode=9))
            assert said.endswith(b"The page has said nothing for 0.3 s.")
            writer.close()


@pytest.mark.parametrize(
    "change",
    [
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Version": ""},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": "x" * 24},
        {"Connection": "close"},
        {"Host": "a;b"},
    ],
)
async def test_what_is_no_handshake_is_refused(world: Proxied, change: dict[str, str]) -> None:
    async with echo() as (port, sockets):
        got = await exchange(world.port, root(world.know(port, "/x/")) + "ws", {**UPGRADE, **change})
        assert (got.status, sockets) == (400, [])


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"evil", "200 OK"),
        reply(b"evil", "403 Forbidden"),
        reply(b"evil", "302 Found", {"Location": "/evil"}),
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: evil\r\n\r\n",
        b"HTTP/1.1 101 evil\r\n\r\n",
        b"",
        b"evil",
    ],
    ids=range(7),
)
async def test_what_is_no_websocket_is_not_passed_on(world: Proxied, answer: bytes) -> None:
    async with backend(answer) as dask:
        with pytest.raises(HTTPClientError, match="502"):
            await opened(world, root(world.know(dask.port)) + "ws")
        got = await exchange(world.port, root(world.know(dask.port)) + "ws", UPGRADE)
        assert got.status == 502
        assert b"evil" not in got.raw


@pytest.mark.parametrize(
    "header",
    [
        "Sec-WebSocket-Protocol: evil",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Upgrade: h2c",
        "Connection: close",
    ],
)
async def test_promises_that_nobody_asked_for(world: Proxied, header: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgraded(dask.headers["sec-websocket-key"], header))
        await reader.read()

    async with backend(answer) as dask:
        with pytest.raises(HTTPClientError, match="502"):
            await opened(world, root(world.know(dask.port)) + "ws", subprotocols=["bokeh"])


async def test_only_the_headers_of_a_handshake_come_back(world: Proxied) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        evil = "Set-Cookie: evil=1\r\nClear-Site-Data: *\r\nX-Evil: 1"
        writer.write(upgraded(dask.headers["sec-websocket-key"], evil))
        await reader.read()

    async with backend(answer) as dask:
        reader, writer = await connect(world.port, root(world.know(dask.port)) + "ws", UPGRADE)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        names = {line.partition(b":")[0] for line in head.split(b"\r\n")[1:-2]}
        assert names == {b"Upgrade", b"Connection", b"Sec-Websocket-Accept"}
        writer.close()


async def test_a_scheduler_that_sends_no_frames_is_cut_off(world: Proxied) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            upgraded(dask.headers["sec-websocket-key"]) + frame(b"good") + frame(b"bad", masked=True)
        )
        await reader.read()

    async with backend(answer) as dask:
        reader, writer = await handshaken(world, dask.port)
        assert b"bad" not in await asyncio.wait_for(reader.read(), 10)
        writer.close()


async def test_a_client_that_sends_no_frames_is_cut_off(world: Proxied) -> None:
    async with echo() as (port, sockets):
        reader, writer = await handshaken(world, port, "/x/")
        await until_async(lambda: bool(sockets), "the socket")
        writer.write(b"GET /evil HTTP/1.1\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), 10)
        assert said == frame(b"\x03\xea" + b"What came is no websocket.", opcode=8)
        await until_async(lambda: sockets[0].closed, "the scheduler's end")
        assert sockets[0].heard == []
        writer.close()


async def test_no_socket_without_a_capability_or_a_proof(world: Proxied) -> None:
    async with echo() as (port, sockets):
        capability = world.know(port, "/x/")
        world.registry.trouble = NotThere("Somebody else.", "", "refused")
        with pytest.raises(HTTPClientError, match="404"):
            await opened(world, root(capability) + "ws")
        world.registry.trouble = None
        with pytest.raises(HTTPClientError, match="404"):
            await opened(world, root(capability) + "ws")
        with pytest.raises(HTTPClientError, match="404"):
            await opened(world, root(capability).replace(capability.secret, "A" * 43) + "ws")
        world.config.pages = False
        with pytest.raises(HTTPClientError, match="403"):
            await opened(world, root(world.know(port, "/x/")) + "ws")
        assert sockets == []


async def test_a_browser_that_goes_before_the_scheduler_answers(world: Proxied) -> None:
    begun = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await reader.read()

    async with backend(late) as dask:
        _, writer = await connect(world.port, root(world.know(dask.port)) + "ws", UPGRADE)
        await asyncio.wait_for(begun.wait(), 10)
        writer.close()
        await until_async(lambda: dask.open == 0, "the end of the request")


UPGRADE = {
    "Connection": "keep-alive, Upgrade",
    "Origin": "null",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Upgrade": "websocket",
}


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

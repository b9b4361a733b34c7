"""Websockets under a capability: what passes, who is held back, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hostile import backend
from proxied import Proxied, proxied, root
from sockets import echo, ended, frame, handshaken, opened, upgraded
from tornado.iostream import StreamClosedError
from waiting import until_async

from dasklens.server import proxy_ws
from dasklens.server.proxy_ws import Tunnel


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


class Toy:
    """A stream that is never waited for until it has sent all it has."""

    def __init__(self, sends: list[bytes], *, deaf: bool = False):
        self.sends = sends
        self.deaf = deaf
        self.pending: list[asyncio.Future[Any]] = []
        self.written: list[bytes] = []

    def closed(self) -> bool:
        return False

    def close(self) -> None:
        for future in self.pending:
            if not future.done():
                future.set_exception(StreamClosedError())

    def read_into(self, buffer: bytearray, partial: bool) -> asyncio.Future[int]:
        data = self.sends.pop(0) if self.sends else b""
        buffer[: len(data)] = data
        return self._future(len(data), done=bool(data))

    def read_bytes(self, size: int, partial: bool) -> asyncio.Future[bytes]:
        data = self.sends.pop(0) if self.sends else b""
        return self._future(data, done=bool(data))

    def write(self, data: bytes) -> asyncio.Future[None]:
        self.written.append(bytes(data))
        return self._future(None, done=not self.deaf)

    def _future(self, result: Any, *, done: bool) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.pending.append(future)
        if done:
            future.set_result(result)
        return future


async def test_what_never_waits_lets_others_have_their_turn() -> None:
    browser, scheduler = Toy([]), Toy([frame(b"x" * 100_000)] * 1000)
    tunnel = Tunnel(browser, scheduler)  # type: ignore[arg-type]
    running = asyncio.ensure_future(tunnel.run())
    turns = 0
    while scheduler.sends:
        turns += 1
        await asyncio.sleep(0)
    assert turns > 50
    browser.close()
    await running


async def test_a_page_is_heard_to_its_end_though_the_scheduler_does_not_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proxy_ws, "GOODBYE", 60.0)
    goodbye = frame(b"\x03\xf0", opcode=8, masked=True)
    browser, scheduler = Toy([frame(b"x", masked=True), goodbye]), Toy([], deaf=True)
    tunnel = Tunnel(browser, scheduler)  # type: ignore[arg-type]
    running = asyncio.ensure_future(tunnel.run())
    await until_async(lambda: bool(scheduler.written), "what the scheduler does not take")
    tunnel.end(1008, "over")
    await asyncio.wait_for(running, 10)
    assert browser.written == [frame(b"\x03\xf0over", opcode=8)]
    assert browser.sends == []


async def test_what_nobody_thought_of_ends_it_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    browser, scheduler = Toy([]), Toy([frame(b"x")])
    monkeypatch.setattr(proxy_ws, "GOODBYE", 0.1)

    def broken(*args: object) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(proxy_ws.Frames, "feed", broken)
    with pytest.raises(RuntimeError, match="broken"):
        await Tunnel(browser, scheduler).run()  # type: ignore[arg-type]


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


async def test_no_ping_is_put_behind_what_is_not_read() -> None:
    """Each would wait there for as long as the page or the scheduler reads nothing."""
    written: list[bytes] = []

    class Stream:
        full = True

        def closed(self) -> bool:
            return False

        def writing(self) -> bool:
            return self.full

        def write(self, data: bytes) -> asyncio.Future[None]:
            written.append(data)
            return asyncio.get_running_loop().create_future()

    stream = Stream()
    side = proxy_ws.Side(stream, browser=True)  # type: ignore[arg-type]
    side.other = proxy_ws.Side(stream, browser=False)  # type: ignore[arg-type]
    side.say(proxy_ws.PING_OPCODE)
    assert written == []
    stream.full = False
    side.say(proxy_ws.PING_OPCODE)
    assert len(written) == 1
    # A goodbye is said once.
    stream.full = True
    side.say(proxy_ws.CLOSE)
    side.say(proxy_ws.CLOSE)
    assert len(written) == 2

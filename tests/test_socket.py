"""Websockets to schedulers that may be anybody: what comes, how it ends, and that nothing stays open."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import itertools
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from ports import free_port
from waiting import until_async

from dasklens.server import socket as socket_module
from dasklens.server.socket import Socket
from dasklens.server.target import NotThere, Target

MOST = 1 << 20
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = False) -> bytes:
    size = len(payload)
    first, mask = (0x80 if final else 0) | opcode, 0x80 if masked else 0
    if size < 126:
        head = bytes([first, mask | size])
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    return head + (bytes(4) if masked else b"") + payload


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key")).split(
        " "
    )[1]
    proof = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


async def heard(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A frame of ours: masked, and unmasked here."""
    first, size = await reader.readexactly(2)
    assert size & 0x80, "what a client sends is masked"
    size &= 0x7F
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    mask = await reader.readexactly(4)
    assert mask != bytes(4)
    payload = await reader.readexactly(size)
    return first & 0x0F, bytes(b ^ mask[n % 4] for n, b in enumerate(payload))


@contextlib.asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[Target]:
    """A server of which each connection is this peer's; closed in the end."""
    going: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        going.add(task)
        try:
            await peer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Target("http", "127.0.0.1", server.sockets[0].getsockname()[1], "/")
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def hear(peer: Peer) -> tuple[list[str | bytes], str]:
    """All messages that come from this peer, and why it ended."""
    messages: list[str | bytes] = []
    async with serving(peer) as target:
        socket = await Socket.open(target, "x", messages.append, most=MOST)
        reason = await asyncio.wait_for(asyncio.shield(socket.lost), 5)
        await socket.close()
    return messages, reason


async def test_messages_come_whole_whatever_the_pieces() -> None:
    big = bytes(range(256)) * 1000

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        said = frame(1, "häé".encode()) + frame(2, b"") + frame(2, big)
        said += frame(2, big[:300], final=False) + frame(9, b"ping") + frame(0, big[300:70_000], final=False)
        said += frame(0, big[70_000:]) + frame(10) + frame(1, b"x" * 126) + frame(2, b"y" * 65_535)
        for at in range(0, 700, 7):
            writer.write(said[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(said[700:] + frame(8, struct.pack("!H", 1001) + b"bye"))
        assert await heard(reader) == (10, b"ping")
        assert await heard(reader) == (8, struct.pack("!H", 1000))

    messages, reason = await hear(peer)
    assert messages == ["häé", b"", big, big, "x" * 126, b"y" * 65_535]
    assert reason == "The scheduler closed the connection: bye."


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (frame(0, b"more of nothing"), "out of order"),
        (frame(1, b"a", final=False) + frame(1, b"b"), "out of order"),
        (frame(2, b"x", masked=True), "no frame of a websocket"),
        (b"\xc2\x01x", "no frame of a websocket"),  # compressed
        (b"\x83\x01x", "no frame of a websocket"),  # of a kind that is none
        (b"\x09\x00", "no frame of a websocket"),  # a ping in pieces
        (b"\x89\x7e\x01\x00" + b"x" * 256, "no frame of a websocket"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no frame of a websocket"),
        (frame(2, b"x" * (MOST + 1)), "more than 1 MiB"),
        (b"\x82\x7f" + b"\xff" * 8, "more than 1 MiB"),
        (frame(2, b"x" * MOST, final=False) + frame(0, b"x"), "more than 1 MiB"),
        (frame(1, b"\xff\xfe"), "could not be read (UnicodeDecodeError)"),
        (frame(8), "closed the connection."),
        (frame(8, b"\x03\xe8\x1b[31m"), "closed the connection."),
        (b"", "was lost"),
    ],
)
async def test_what_is_wrong_ends_it_with_a_reason(said: bytes, why: str) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(frame(1, b"before") + said)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        if said:
            await reader.read()

    messages, reason = await hear(peer)
    assert messages[0] == "before"
    assert why in reason
    assert reason.isprintable()


async def test_what_we_send_is_masked_and_arrives() -> None:
    texts = ["", "a", "b" * 125, "c" * 126, "ü" * 40_000]
    got: list[tuple[int, bytes]] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        while not got or got[-1][0] != 8:
            got.append(await heard(reader))
        writer.write(frame(8))

    async with serving(peer) as target:
        socket = await Socket.open(target, "x", print, most=MOST)
        for text in texts:
            socket.send(text)
        await socket.close()
        socket.send("after the end")
    assert got == [*((1, text.encode()) for text in texts), (8, struct.pack("!H", 1000))]
    assert socket.lost.result() == "It was closed."


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


def saying(answer: bytes) -> Peer:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await reader.read()

    return peer


UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (never, "does not answer"),
        (hang_up, "does not answer"),
        (saying(b"\x16\x03\x01\x00\xff"), "does not answer"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), "no websocket through: it answers 200"),
        (saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), "it answers 403"),
        (
            saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            "it answers 302",
        ),
        (saying(UPGRADE + b"\r\n"), "no websocket through"),
        (
            saying(UPGRADE + b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"),
            "no websocket through",
        ),
        (saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), "no websocket through"),
    ],
)
async def test_what_is_no_websocket_is_refused(peer: Peer, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "TIMEOUT", 0.3)
    async with serving(peer) as target:
        before = len(asyncio.all_tasks())
        with pytest.raises(NotThere) as raised:
            await Socket.open(target, "x", print, most=MOST)
        assert why in raised.value.reason
        await until_async(lambda: len(asyncio.all_tasks()) <= before + 1, "no task of ours")
    gc.collect()


async def test_nobody_there() -> None:
    with pytest.raises(NotThere, match="does not answer"):
        await Socket.open(Target("http", "127.0.0.1", free_port(), "/"), "x", print, most=MOST)


async def test_closing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "GOODBYE", 0.1)
    gone = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        assert (await heard(reader))[0] == 8
        # No goodbye from here.
        await reader.read()
        gone.set()

    async with serving(peer) as target:
        socket = await Socket.open(target, "x", print, most=MOST)
        await socket.close()
        await socket.close()
        await asyncio.wait_for(gone.wait(), 5)


async def test_many_messages_leave_others_their_turn() -> None:
    """Tens of thousands of short ones in one piece are no reason for the loop to stand still."""
    n = 100_000
    seen: list[float] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(frame(1, b"0123456789") * n)
        await reader.read()

    async with serving(peer) as target:
        messages: list[str | bytes] = []
        loop = asyncio.get_running_loop()
        socket = await Socket.open(target, "x", messages.append, most=MOST)
        while len(messages) < n:
            seen.append(loop.time())
            await asyncio.sleep(0)
        await socket.close()
    assert max(b - a for a, b in itertools.pairwise(seen)) < 0.25


async def test_who_pings_and_does_not_read_has_the_newest_pong_kept_for_it() -> None:
    """Their answers, one after the other, would take what memory there is."""
    n = 100_000
    told, looked = asyncio.Event(), asyncio.Event()
    newest: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        for i in range(0, n, 1000):
            writer.write(b"".join(frame(9, b"%0125d" % j) for j in range(i, i + 1000)))
            await writer.drain()
        writer.write(frame(1, b"that was all"))
        await looked.wait()
        while not newest or newest[-1] != b"%0125d" % (n - 1):
            opcode, payload = await heard(reader)
            assert opcode == 10
            newest.append(payload)
        writer.write(frame(8))

    async with serving(peer) as target:
        socket = await Socket.open(target, "x", lambda _: told.set(), most=MOST)
        await asyncio.wait_for(told.wait(), 20)
        assert len(socket._stream._write_buffer) < 1000  # type: ignore[attr-defined]
        looked.set()
        reason = await asyncio.wait_for(asyncio.shield(socket.lost), 20)
        assert reason == "The scheduler closed the connection."
        await socket.close()
    assert newest == sorted(newest)


async def test_who_does_not_read_what_it_is_asked_is_given_up() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await asyncio.Event().wait()

    async with serving(peer) as target:
        socket = await Socket.open(target, "x", print, most=MOST)
        for _ in range(1000):
            socket.send("x" * 100_000)
            if socket.lost.done():
                break
        assert socket.lost.result() == "The scheduler does not read what it is sent."
        await socket.close()

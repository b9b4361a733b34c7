"""Websockets that do not come about, and where frames begin and end."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hostile import backend, connect, exchange, reply
from hypothesis import given
from hypothesis import strategies as st
from proxied import Proxied, root
from sockets import UPGRADE, echo, frame, handshaken, opened, upgraded
from tornado.httpclient import HTTPClientError
from waiting import until_async

from dasklens.server.proxy_ws import Frames, NotAWebsocket
from dasklens.server.target import NotThere


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

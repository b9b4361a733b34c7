"""Bodies of pages: whole, broken off, slow, and none at all."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hostile import backend, connect, exchange, reply
from proxied import KNOWN, Proxied, is_protected, root
from waiting import until_async

from dasklens.server import proxy_http


async def test_what_is_not_modified_has_no_body(world: Proxied) -> None:
    async with backend(reply(b"", "304 x", {"ETag": '"x"', "Content-Length": "1234"}, length=False)) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x", {"If-None-Match": '"x"'})
        assert (got.status, got.body, got["ETag"], is_protected(got)) == (304, b"", '"x"', True)
        assert dask.headers["if-none-match"] == '"x"'


async def test_nothing_has_no_body(world: Proxied) -> None:
    async with backend(reply(b"", "204 x", length=False)) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got.status, got.body, got["Content-Length"], got["Transfer-Encoding"]) == (
            204,
            b"",
            None,
            None,
        )


async def test_heads(world: Proxied) -> None:
    async with backend(
        reply(b"", headers={"Content-Length": "1234", "Content-Type": "a/b"}, length=False)
    ) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x", method="HEAD")
        assert (got.status, got.body, got["Content-Length"], got["Content-Type"]) == (200, b"", "1234", "a/b")
        assert is_protected(got)
        assert dask.line == "HEAD /x HTTP/1.1"


async def test_a_body_without_type_gets_none(world: Proxied) -> None:
    async with backend(reply(b"<script>")) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got["Content-Type"], got["X-Content-Type-Options"]) == (None, "nosniff")


async def test_compressed_bodies_pass_as_they_are(world: Proxied) -> None:
    packed = gzip.compress(b"x" * 100_000)
    async with backend(reply(packed, headers={"Content-Encoding": "gzip"})) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x", {"Accept-Encoding": "gzip"})
        assert (got.body, got["Content-Encoding"], got["Content-Length"]) == (
            packed,
            "gzip",
            str(len(packed)),
        )
        assert dask.headers["accept-encoding"] == "gzip"
        await exchange(world.port, root(world.know(dask.port)) + "x")
        assert "accept-encoding" not in dask.headers


async def test_a_body_that_ends_with_its_connection(world: Proxied) -> None:
    async with backend(reply(b"all of it", length=False)) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got["Transfer-Encoding"], got.body) == ("chunked", b"9\r\nall of it\r\n0\r\n\r\n")


async def test_events_arrive_one_by_one(world: Proxied) -> None:
    told = asyncio.Event()

    async def events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            reply(
                b"",
                headers={"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"},
                length=False,
            )
        )
        for n in range(3):
            writer.write(b"9\r\ndata: %d\n\n\r\n" % n)
            await writer.drain()
            await asyncio.wait_for(told.wait(), 10)
            told.clear()
        writer.write(b"0\r\n\r\n")

    async with backend(events) as dask:
        reader, writer = await connect(world.port, root(world.know(dask.port)) + "x")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        for n in range(3):
            assert await asyncio.wait_for(reader.readuntil(b"\n\n\r\n"), 10) == b"9\r\ndata: %d\n\n\r\n" % n
            told.set()
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10) == b"0\r\n\r\n"
        writer.close()


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"half", headers={"Content-Length": "8"}, length=False),
        reply(b"4\r\nhalf\r\n", headers={"Transfer-Encoding": "chunked"}, length=False),
        reply(b"4\r\nhalf\r\nevil\r\n", headers={"Transfer-Encoding": "chunked"}, length=False),
        reply(b"4\r\nhalfevil", headers={"Transfer-Encoding": "chunked"}, length=False),
        reply(b"half", headers={"Transfer-Encoding": "chunked", "Content-Length": "4"}, length=False),
    ],
)
async def test_what_breaks_off_does_not_look_whole(world: Proxied, answer: bytes) -> None:
    async with backend(answer) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert got.status == 200
        assert not got.raw.endswith(b"0\r\n\r\n")
        assert got["Transfer-Encoding"] == "chunked" or got["Content-Length"] == "8"
        assert b"evil" not in got.raw


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"evil\r\n\r\n",
        b"HTTP/1.1 200\r\nevil\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: evil\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Type: a\x00evil\r\n\r\n",
        b"HTTP/1.1 evil OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\nevil",
        b"HTTP/1.1 099 OK\r\n\r\nevil",
        b"HTTP/2 200 OK\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nevil",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nevil",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
        b"HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nX-Evil: " + b"x" * 100_000,
        b"\x16\x03\x01evil",
    ],
    ids=range(17),
)
async def test_what_is_no_answer_is_not_passed_on(world: Proxied, answer: bytes) -> None:
    async with backend(answer) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got.status, is_protected(got)) == (502, True)
        assert b"evil" not in got.raw


async def test_informational_answers_come_before_the_real_one(world: Proxied) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </evil>; rel=preload\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with backend(hints + reply()) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got.status, got.body, got.raw.count(b"HTTP/1.1")) == (200, b"hello", 1)
        assert b"evil" not in got.raw


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: text/html\nSet-Cookie: evil=1",
        b"Content-Type: text/html\r\n Set-Cookie: evil=1",
        b"ETag: x\rSet-Cookie: evil=1",
        b"Content-Type: text/html\x0bSet-Cookie: evil=1",
        b"Set-Cookie : evil=1",
        b"Location: /x\x85Set-Cookie: evil=1",
    ],
)
async def test_no_header_is_injected(world: Proxied, header: bytes) -> None:
    async with backend(b"HTTP/1.1 200 OK\r\n" + header + b"\r\nContent-Length: 2\r\n\r\nok") as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert {name for name, _ in got.headers} <= KNOWN
        assert is_protected(got)
        assert b"\nSet-Cookie" not in got.raw


async def test_nobody_there(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
    got = await exchange(world.port, root(capability) + "status?evil")
    assert (got.status, is_protected(got)) == (502, True)
    assert b"The scheduler does not answer" in got.body
    assert str(dask.port).encode() not in got.body


async def test_silence_has_an_end(world: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_http, "IDLE", 0.1)

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"half", headers={"Content-Length": "8"}, length=False))
        await reader.read()

    async with backend(nothing) as dask:
        assert (await exchange(world.port, root(world.know(dask.port)) + "x")).status == 502
        dask.answer = half
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got.status, got.body) == (200, b"half")
        await until_async(lambda: dask.open == 0, "the end of the connections to the scheduler")


async def test_a_browser_that_goes_away_ends_the_request(world: Proxied) -> None:
    begun = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if dask.line.startswith("GET /late"):
            begun.set()
        else:
            writer.write(reply(b"half", headers={"Content-Length": "8"}, length=False))
        await reader.read()

    async with backend(slow) as dask:
        capability = world.know(dask.port)
        _, writer = await connect(world.port, root(capability) + "late")  # no answer yet
        await asyncio.wait_for(begun.wait(), 10)
        writer.close()
        await until_async(lambda: dask.open == 0, "the end of the request")
        reader, writer = await connect(world.port, root(capability) + "half")  # in the body
        await reader.readuntil(b"half")
        assert dask.open == 1
        writer.close()
        await until_async(lambda: dask.open == 0, "the end of the request")
        await until_async(lambda: capability.open == 0, "letting go of the capability")


async def test_the_end_of_a_capability_ends_what_is_under_way(world: Proxied) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "late" not in dask.line:
            writer.write(reply(b"half", headers={"Content-Length": "8"}, length=False))
        await reader.read()

    async with backend(half) as dask:
        capability = world.know(dask.port)
        late, late_writer = await connect(world.port, root(capability) + "late")
        reader, writer = await connect(world.port, root(capability) + "x")
        await reader.readuntil(b"half")
        await until_async(lambda: capability.open == 2, "both requests")
        world.capabilities.revoke("one")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert await asyncio.wait_for(late.read(), 5) == b""
        writer.close()
        late_writer.close()
        await until_async(lambda: dask.open == 0, "the end of the requests")


async def test_a_slow_browser_holds_the_scheduler_back(world: Proxied) -> None:
    size, sent, blocked = 100 << 20, 0, asyncio.Event()

    async def much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(reply(b"", headers={"Content-Length": str(size)}, length=False))
        piece = bytes(range(256)) * 1024
        while sent < size:
            writer.write(piece)
            sent += len(piece)
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except asyncio.TimeoutError:
                blocked.set()
                await writer.drain()

    async with backend(much) as dask:
        reader, writer = await connect(world.port, root(world.know(dask.port)) + "x")
        await reader.readuntil(b"\r\n\r\n")
        # Nothing is read until the scheduler cannot send any more; the kernel's buffers hold what it could.
        await asyncio.wait_for(blocked.wait(), 20)
        assert sent < size / 2
        received = 0
        while received < size:
            received += len(await asyncio.wait_for(reader.read(1 << 20), 20))
            assert sent - received < size / 2
        writer.close()

"""Reading a recorder: to whom the token is sent, and what is taken from whoever answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import msgpack
import pytest
from backends import TOKEN, Asked, Done, Toy, listening, response
from test_upstream import local
from tornado.iostream import IOStream

from dasklens.server import check_steps
from dasklens.server.finding import Finding
from dasklens.server.reading import Place
from dasklens.server.recorded import ENOUGH, MOST, MOST_FRAMES, NoReply, Recorded, unpack
from dasklens.server.socket import Socket
from dasklens.server.target import NotThere, Target

PROOF, HELLO, STREAM = "dasklens/proof", "dasklens/hello", "dasklens/stream"


class Wire:
    """Passes on between whoever connects and a scheduler, and keeps the requests of each connection."""

    def __init__(self, port: int):
        self.to = port
        self.sent: list[bytearray] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = bytearray()
        self.sent.append(sent)
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        down = asyncio.ensure_future(self._pass(there, writer))
        try:
            while data := await reader.read(1 << 16):
                sent += data
                back.write(data)
        finally:
            back.close()
            await asyncio.gather(down, return_exceptions=True)

    async def _pass(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await there.read(1 << 16):
                writer.write(data)
            writer.close()

    @property
    def asked(self) -> list[list[tuple[str, bool]]]:
        """Of each connection the paths, in their order, and whether the token went with them."""
        return [[_request(head) for head in bytes(sent).split(b"\r\n\r\nGET ")] for sent in self.sent]


def _request(head: bytes) -> tuple[str, bool]:
    path = head.removeprefix(b"GET ").partition(b" ")[0].decode().partition("?")[0]
    return path.lstrip("/"), b"\r\nAuthorization: " in head


@contextlib.asynccontextmanager
async def wired(port: int) -> AsyncIterator[tuple[Target, Wire]]:
    wire = Wire(port)
    async with listening(wire.talk) as end:
        yield Target("http", "127.0.0.1", end, "/"), wire


async def test_the_token_goes_only_where_a_proof_has_just_come_from(runtime: Path) -> None:
    async with local() as scheduler:
        token, id = scheduler.recorder.token, scheduler.recorder.scheduler_id
        async with wired(scheduler.scheduler.http_server.port) as (target, wire):
            source = await Recorded.open(target, token, id)
            scheduler.finish(3)
            reply = await source.ask("tasks", Place(), None, 5)
            assert reply.place.cursor == 3
            await source.close()
            opened = await check_steps._opened(Finding(target, id, token=token), STREAM)
            await opened.close()
        assert wire.asked == [
            [(PROOF, False), (HELLO, True), (STREAM, True)],
            [(PROOF, False), (STREAM, True)],
        ]


@pytest.mark.parametrize("token", ["", "b2" * 32])
async def test_who_does_not_prove_to_be_it_is_sent_no_token(token: str) -> None:
    """Whoever has got the port since the registry looked."""
    async with Toy(token=token).serve() as toy:
        with pytest.raises(NotThere, match="does not prove to be it") as refused:
            await Recorded.open(Target("http", "127.0.0.1", toy.port, "/"), TOKEN, "Scheduler-toy")
        assert refused.value.state == "refused"
        assert toy.paths() == ["/dasklens/proof"]
        assert TOKEN not in str([asked.headers for asked in toy.asked])


@pytest.mark.parametrize("last", [PROOF, HELLO])
async def test_a_new_connection_has_proved_nothing(last: str) -> None:
    """Between proof and token somebody else may get the port."""

    async def closes(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, toy.body(asked), "Connection: close\r\n"))
        raise Done

    async with Toy(token=TOKEN, odd={last: closes}).serve() as toy:
        target = Target("http", "127.0.0.1", toy.port, "/")
        with pytest.raises(NotThere, match="closed the connection on which it had proved") as refused:
            await Recorded.open(target, TOKEN, "Scheduler-toy")
        assert refused.value.state == "unreachable"
        assert "keep connections open" in refused.value.remedy
        assert toy.paths() == ["/dasklens/proof", "/dasklens/hello"][: 1 + (last == HELLO)]
        assert json.dumps([asked.headers for asked in toy.asked]).count(TOKEN) == (last == HELLO)


async def test_who_gives_up_before_the_websocket_leaves_no_connection_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[IOStream] = []

    async def cancelled(*_: object, stream: IOStream, **more: object) -> None:
        # As when whoever waits is cancelled before the first step.
        taken.append(stream)
        raise asyncio.CancelledError

    monkeypatch.setattr(Socket, "open", cancelled)
    async with Toy(token=TOKEN).serve() as toy:
        target = Target("http", "127.0.0.1", toy.port, "/")
        with pytest.raises(asyncio.CancelledError):
            await Recorded.open(target, TOKEN, "Scheduler-toy")
        with pytest.raises(asyncio.CancelledError):
            await check_steps._opened(Finding(target, "Scheduler-toy", token=TOKEN), STREAM)
    assert [stream.closed() for stream in taken] == [True, True]


def reply(**more: object) -> dict[str, object]:
    said = {"id": 7, "log": "x", "end": 9, "next": 9, "names": 3, "missed": 0, "frames": [b"one", b""]}
    return {**said, **more}


@pytest.mark.parametrize(
    "said",
    [
        reply(),
        reply(frames=[]),
        reply(frames=[b"x" * 64] * (ENOUGH // 64)),
        reply(frames=[b"x" * (MOST - 1000)]),
        reply(later="a field that is not known yet", or_=None, of=2.5, and_=True),
        {"id": None, "error": "The scheduler could not answer; its log says why."},
    ],
)
def test_a_reply_is_taken_apart(said: dict[str, object]) -> None:
    assert unpack(msgpack.packb(said)) == said


LONG = (8 << 20).to_bytes(4, "big")
NAMED = b"\x81\xa6frames"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xc0",
        b"\x93\x01\x02\x03",
        msgpack.packb(reply()) + b"\xc0",
        msgpack.packb(reply())[:-1],
        msgpack.packb(reply(log=[])),
        msgpack.packb(reply(log={})),
        msgpack.packb(reply(frames=[[]])),
        msgpack.packb(reply(frames=[{}])),
        msgpack.packb(reply(frames={})),
        msgpack.packb(reply(frames=b"x")),
        msgpack.packb(reply(frames=[b""] * (MOST_FRAMES + 1))),
        msgpack.packb(reply(log=msgpack.ExtType(4, b"x"))),
        msgpack.packb({str(n): n for n in range(40)}),
        msgpack.packb({1: {}}),
        b"\xdd" + LONG + b"\x80" * (8 << 20),
        NAMED + b"\xdd" + LONG + b"\x80" * (8 << 20),
        NAMED + (b"\x91" * 1000 + b"\xdd" + LONG) * 10,
        b"\x81\xa1a\xdd" + LONG + b"\xc0" * (8 << 20),
        b"\x81" + b"\xdd" + LONG + b"\x80" * (8 << 20),
        b"\xdf" + LONG + b"\x80" * (8 << 20),
    ],
    ids=range(21),
)
def test_what_is_no_reply_costs_little_more_than_its_bytes(message: bytes) -> None:
    tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        with pytest.raises(NoReply):
            unpack(message)
        assert tracemalloc.get_traced_memory()[1] - before < 4 * len(message) + (4 << 20)
    finally:
        tracemalloc.stop()

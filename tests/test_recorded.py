"""Reading a recorder: to whom the token is sent, and what is taken from whoever answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from backends import TOKEN, Asked, Done, Toy, listening, response
from test_upstream import local

from dasklens.server import check_steps
from dasklens.server.finding import Finding
from dasklens.server.reading import Place
from dasklens.server.recorded import Recorded
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

"""What a Jupyter server may find at an address: toy dashboards, honest or not, and announcements of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import tornado.test

from dasklens.wire.announcement import Announcement, pack
from dasklens.wire.proof import prove

TOKEN = "a1" * 32
#: Vouches for itself, and for nothing but foo.example.com.
CERTIFICATE = Path(tornado.test.__file__).with_name("test.crt")
_KEY = CERTIFICATE.with_suffix(".key")


@dataclass
class Asked:
    """A request as it came."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


class Done(Exception):
    """An answer has said all, and the connection ends."""


Odd = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Toy:
    """Answers like the HTTP server of a scheduler; `odd` answers otherwise, by path (``"*"``: every one)."""

    ident: str = "Scheduler-toy"
    token: str = ""
    prefix: str = "/"
    plots: dict[str, Any] = field(default_factory=lambda: {"Workers": "/individual-workers"})
    version: str = "0.1.0"
    protocol: int = 1
    odd: dict[str, Odd] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def body(self, asked: Asked) -> Any:
        path = asked.path.removeprefix(self.prefix)
        if path == "health":
            return "ok"
        if path == "status/metadata" and self.plots:
            return {"url": "/status", "data": {}}
        if path == "individual-plots.json":
            return self.plots
        if path == "json/index.html":
            return "<li>counts.json</li><li>identity.json</li>"
        if path == "json/identity.json":
            return {
                "type": "Scheduler",
                "id": self.ident,
                "address": "tcp://10.9.8.7:8786",
                "services": {"dashboard": 8787},
                "workers": {},
            }
        if path == "dasklens/proof" and self.token:
            proof = prove(self.token, asked.query["nonce"][0], self.ident)
            return {
                "proof": proof,
                "scheduler_id": self.ident,
                "dasklens": self.version,
                "protocol": self.protocol,
            }
        if path == "dasklens/hello" and asked.headers.get("authorization") == f"Bearer {self.token}":
            return {"dasklens": self.version, "protocol": self.protocol, "python": "3.99"}
        return None

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)
        odd = self.odd.get("*") or self.odd.get(asked.path.removeprefix(self.prefix))
        if odd is not None:
            await odd(asked, writer)
            return
        body = self.body(asked) if asked.path.startswith(self.prefix) else None
        writer.write(response(404 if body is None else 200, body))

    @contextlib.asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0, *, tls: bool = False) -> AsyncIterator[Toy]:
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE, _KEY)
        async with listening(self._talk, host, port, context) as self.port:
            yield self

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            parts = urlsplit(lines[0].split(" ")[1])
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            await self.answer(Asked(parts.path, parse_qs(parts.query), headers), writer)
            await writer.drain()


def response(status: int, body: Any = "", headers: str = "") -> bytes:
    """An HTTP response; `headers` are whole lines."""
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(data)}\r\n{headers}\r\n".encode() + data


@contextlib.asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    host: str = "127.0.0.1",
    port: int = 0,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A server of the test's own loop; what it has open is closed with it."""
    open_: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        try:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
            ):
                try:
                    await talk(reader, writer)
                except Done:
                    writer.close()
                    await writer.wait_closed()
        finally:
            open_.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(open_):
            task.cancel()
        while open_:
            await asyncio.sleep(0.001)


# -- odd answers -----------------------------------------------------------------------------------


def saying(status: int, body: Any = "", headers: str = "") -> Odd:
    """This, whatever is asked."""

    async def odd(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(status, body, headers))

    return odd


def raw(data: bytes) -> Odd:
    """These bytes, and the end of the connection."""

    async def odd(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        raise Done

    return odd


def dripping(head: bytes, every: float = 0.05) -> Odd:
    """The head, and a byte now and then for ever."""

    async def odd(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(every)

    return odd


def flooding(head: bytes, chunk: bytes) -> Odd:
    """The head, and chunks as fast as they are taken, for ever."""

    async def odd(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()

    return odd


async def silent(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Nothing, for ever."""
    await asyncio.Event().wait()


# -- announcements ---------------------------------------------------------------------------------


def announcement(port: int = 8787, **changes: Any) -> Announcement:
    """Of a scheduler of this process."""
    plain = Announcement(
        scheduler_id="Scheduler-toy",
        scheduler="tcp://127.0.0.1:8786",
        name="toy",
        scheme="http",
        hosts=("127.0.0.1",),
        port=port,
        prefix="/",
        link_host="127.0.0.1",
        pid=os.getpid(),
        host=socket.gethostname(),
        kernel=None,
        token="",
        dasklens="",
        started=1.0,
    )
    return replace(plain, **changes)


def folder_of(runtime: Path) -> Path:
    """The folder of announcements below a runtime folder, made if it is not there."""
    folder = runtime / "dasklens"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write(folder: Path, what: Announcement | bytes, name: str = "", mode: int = 0o600) -> Path:
    """Put an announcement, or what calls itself one, into the folder."""
    path = folder / (name or f"{uuid.uuid4().hex}.json")
    beside = folder / f".tmp-{path.name}"
    beside.write_bytes(what if isinstance(what, bytes) else pack(what))
    beside.chmod(mode)
    beside.rename(path)
    return path

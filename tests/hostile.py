"""Toy backends that do what no dashboard should, byte by byte; a client that sends what no browser would."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: Every header by which an answer could do harm to those who share its origin, or loosen what protects them.
DANGEROUS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Origin": "null",
    "Access-Control-Expose-Headers": "*",
    "Accept-CH": "Sec-CH-UA-Model",
    "Alt-Svc": 'h2="evil.example:443"',
    "Clear-Site-Data": '"*"',
    "Content-Disposition": "attachment; filename=evil.exe",
    "Content-Location": "/api/status",
    "Content-Security-Policy": "default-src *; sandbox allow-same-origin allow-scripts",
    "Content-Security-Policy-Report-Only": "default-src *; report-uri https://evil.example/",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Document-Policy": "force-load-at-top",
    "Keep-Alive": "timeout=1000",
    "Link": "</api/shutdown>; rel=preload; as=script",
    "NEL": '{"report_to": "x", "max_age": 31536000}',
    "No-Vary-Search": "params",
    "Origin-Agent-Cluster": "?0",
    "P3P": "CP=x",
    "Permissions-Policy": "camera=*, geolocation=*",
    "Feature-Policy": "camera *",
    "Proxy-Authenticate": "Basic realm=x",
    "Public-Key-Pins": "max-age=1",
    "Referrer-Policy": "unsafe-url",
    "Refresh": "0; url=https://evil.example/",
    "Report-To": '{"group": "x", "max_age": 1, "endpoints": [{"url": "https://evil.example/"}]}',
    "Reporting-Endpoints": 'default="https://evil.example/"',
    "Server": "evil",
    "Server-Timing": "evil",
    "Service-Worker-Allowed": "/",
    "Set-Cookie": "_xsrf=evil; Path=/",
    "Set-Cookie2": "a=b",
    "Set-Login": "logged-in",
    "SourceMap": "/api/contents",
    "Speculation-Rules": '"/api/status"',
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Supports-Loading-Mode": "credentialed-prerender",
    "Timing-Allow-Origin": "*",
    "Trailer": "Set-Cookie",
    "Upgrade": "h2c",
    "Use-As-Dictionary": 'match="/*"',
    "Via": "evil",
    "WWW-Authenticate": 'Basic realm="Jupyter"',
    "X-Content-Type-Options": "none",
    "X-DNS-Prefetch-Control": "on",
    "X-Frame-Options": "ALLOWALL",
    "X-Permitted-Cross-Domain-Policies": "all",
    "X-XSS-Protection": "0",
}


@dataclass
class Backend:
    """Listens on 127.0.0.1, remembers what it was asked, and answers as it is told."""

    answer: bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    port: int = 0
    #: The heads of the requests so far.
    asked: list[bytes] = field(default_factory=list)
    #: Connections that are open.
    open: int = 0
    errors: list[BaseException] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """Of the last request, names in small letters."""
        lines = self.asked[-1].decode("latin1").split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines if line)
        return {name.lower(): value for name, _, value in pairs}

    @property
    def line(self) -> str:
        """The last request's first line."""
        return self.asked[-1].partition(b"\r\n")[0].decode("latin1")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"\r\nUser-Agent: dasklens/" not in head:
                return  # somebody else's test, looking for what had this port before
            self.asked.append(head)
            if isinstance(self.answer, bytes):
                writer.write(self.answer)
                await writer.drain()
            else:
                await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            self.open -= 1
            writer.close()


@contextlib.asynccontextmanager
async def backend(
    answer: bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Backend]:
    """A backend that gives this answer to every request, then closes."""
    it = Backend(answer)
    server = await asyncio.start_server(it._serve, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        assert not it.errors, it.errors


def reply(
    body: bytes = b"hello", status: str = "200 OK", headers: dict[str, str] | None = None, length: bool = True
) -> bytes:
    """An answer's bytes."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin1") + body


@dataclass
class Got:
    """What came back, as it was."""

    status: int
    #: Names in small letters, in the order of their coming.
    headers: list[tuple[str, str]]
    body: bytes
    raw: bytes

    def __getitem__(self, name: str) -> str | None:
        """The value of a header that must not come twice."""
        values = [value for other, value in self.headers if other == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None


async def connect(port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Stream:
    """Send a request, of any path, and leave its answer to the caller."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = {"Host": f"127.0.0.1:{port}", **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items() if value)]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin1"))
    return reader, writer


async def exchange(port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Got:
    """Send a request, and read until the server closes; asked to stay open, read what it says it sends."""
    reader, writer = await connect(port, path, {"Connection": "close", **(headers or {})}, method)
    try:
        raw = await asyncio.wait_for(_all_of(reader, stays_open="Connection" in (headers or {})), 20)
    except ConnectionError:
        raw = b""
    finally:
        await closed(writer)
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    status = int(first.split(" ")[1]) if first else 0
    return Got(status, [(name.lower(), value) for name, _, value in pairs], body, raw)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close, and have it closed."""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _all_of(reader: asyncio.StreamReader, *, stays_open: bool) -> bytes:
    if not stays_open:
        return await reader.read()
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")

"""Pages of schedulers under a capability, before backends that do what they must not."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import pytest
from hostile import DANGEROUS, Got, backend, connect, exchange, reply
from proxied import Proxied, proxied, root
from waiting import until_async

from dasklens.server import proxy, proxy_http
from dasklens.server.headers import ALWAYS, policy
from dasklens.server.target import NotThere

#: What an answer may have, whatever the backend sends.
KNOWN = {name.lower() for name in ALWAYS} | {
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "server",
    "transfer-encoding",
}


@pytest.fixture
async def world(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Proxied]:
    """A proxy; whatever a test does with it, no secret is in the log."""
    caplog.set_level(logging.DEBUG)
    async with proxied() as world:
        yield world
    assert world.secrets
    for secret in world.secrets:
        assert secret not in caplog.text


def is_protected(got: Got) -> bool:
    """Whether an answer has what everything under a capability has."""
    rules = (got["Content-Security-Policy"] or "").split("; ")
    return (
        {name for name, _ in got.headers} <= KNOWN
        and all(got[name] == value for name, value in ALWAYS.items())
        and ("sandbox" in rules or "sandbox allow-scripts" in rules)
        and {"form-action 'none'", "frame-ancestors 'self'", "base-uri 'none'"} <= set(rules)
    )


async def test_dangerous_headers_change_nothing(world: Proxied) -> None:
    good = {"Content-Type": "text/html; charset=utf-8", "ETag": '"x"', "Last-Modified": "Wed, 25 Nov 2026"}
    async with backend(reply(b"<p>page</p>", headers={**DANGEROUS, **good})) as dask:
        capability = world.know(dask.port)
        got = await exchange(world.port, root(capability) + "status")
        assert (got.status, got.body) == (200, b"<p>page</p>")
        assert is_protected(got)
        assert got["Content-Security-Policy"] == policy(f"127.0.0.1:{world.port}", root(capability))
        assert {name: got[name] for name in good} == good
        assert b"evil" not in got.raw


async def test_nothing_of_who_asks_leaves(world: Proxied) -> None:
    asks = {
        "Accept": "text/html",
        "Accept-Encoding": "gzip, br",
        "Authorization": "token secret",
        "Cookie": "_xsrf=secret; username-x=secret",
        "Origin": "null",
        "Referer": "http://secret/lab",
        "Sec-Fetch-Site": "cross-site",
        "User-Agent": "secret",
        "X-Forwarded-For": "secret",
        "X-Forwarded-Proto": "https",
        "X-XSRFToken": "secret",
    }
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        await exchange(world.port, root(capability) + "status?a=1&token=secret&_xsrf=secret&b=%20", asks)
        assert dask.line == "GET /status?a=1&b=%20 HTTP/1.1"
        assert set(dask.headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert dask.headers["host"] == f"127.0.0.1:{dask.port}"
        assert b"secret" not in dask.asked[0]
        assert capability.secret.encode() not in dask.asked[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"])
async def test_everything_is_read_only(world: Proxied, method: str) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        got = await exchange(world.port, root(capability) + "status", {"Content-Length": "0"}, method)
        assert (got.status, got["Allow"]) == (405, "GET, HEAD")
        got.headers.remove(("allow", "GET, HEAD"))
        assert is_protected(got)
        assert dask.asked == []


async def test_an_address_that_opens_nothing_says_so_and_echoes_nothing(world: Proxied) -> None:
    async with backend(reply()) as dask:
        ended = world.know(dask.port)
        world.capabilities.revoke("one")
        world.know(dask.port)
        gone = world.know(dask.port, id="two")
        del world.registry.entries["two"]
        said: set[bytes] = set()
        for path in [
            root(ended) + "status",
            root(gone) + "status?evil=evil",
            root(ended).replace(ended.secret, "A" * 43) + "evil/%ff",
            root(ended)[:-1],
        ]:
            got = await exchange(world.port, path, {"Cookie": "evil=evil"})
            assert got.status == 404
            assert is_protected(got)
            said.add(got.body)
        assert len(said) == 1
        assert b"Open the page again from JupyterLab" in said.pop()
        assert dask.asked == []


async def test_pages_may_be_turned_off(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        world.config.pages = False
        got = await exchange(world.port, root(capability) + "status")
        assert (got.status, is_protected(got), dask.asked) == (403, True, [])
        assert b"c.Dasklens.pages" in got.body


@pytest.mark.parametrize(
    "host", ["", "a;b", "a b", "evil.example; sandbox allow-same-origin", "a,b", "x@y", "*"]
)
async def test_a_host_that_does_not_belong_into_a_policy_is_refused(world: Proxied, host: str) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        got = await exchange(world.port, root(capability) + "status", {"Host": host})
        assert got.status == 400
        assert dask.asked == []
        assert b"evil" not in got.raw


async def test_the_policy_has_the_host_that_the_browser_knows(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        asks = {"Host": "Hub.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        got = await exchange(world.port, root(capability) + "status", asks)
        assert got["Content-Security-Policy"] == policy("Hub.example", root(capability))


async def test_a_host_that_no_policy_can_name_is_told_what_to_do(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        got = await exchange(world.port, root(capability) + "status", {"Host": f"[::1]:{world.port}"})
        assert (got.status, is_protected(got), dask.asked) == (421, True, [])
        assert b"127.0.0.1" in got.body


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "%2e%2e/x",
        "x/..%2fy",
        "..%5cx",
        "/evil.example/",
        "%2f%2fevil",
        "jupyter/lab",
        "%6Aupyter",
        "dasklens/stream",
        "a%00",
        "a%0d%0ab",
    ],
)
async def test_paths_that_lead_elsewhere_are_not_asked_for(world: Proxied, path: str) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        for upgrade in [{}, {"Upgrade": "websocket"}]:
            got = await exchange(world.port, root(capability) + path, upgrade)
            assert (got.status, is_protected(got), dask.asked) == (400, True, [])
            assert b"evil" not in got.body


@pytest.mark.parametrize(
    "path", ["", "info/main/workers.html", "task/%28%27x%27%2C%200%29.html?q=%2F", "%ff", "a%2fb"]
)
async def test_paths_are_passed_as_they_are_below_the_prefix(world: Proxied, path: str) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port, "/x/y/")
        assert (await exchange(world.port, root(capability) + path)).status == 200
        assert dask.line == f"GET /x/y/{path} HTTP/1.1"


async def test_the_root_has_a_slash(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        got = await exchange(world.port, root(capability)[:-1] + "?a=1&token=x")
        assert (got.status, got["Location"], is_protected(got)) == (302, root(capability) + "?a=1", True)
        assert dask.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "/x/status?a=1",
        "status?a=1",
        "//127.0.0.1:PORT/x/status?a=1",
        "http://127.0.0.1:PORT/x/status?a=1",
        "http://dash.example:PORT/x/status?a=1",
    ],
)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 x", "201 Created"])
async def test_redirects_stay_inside(world: Proxied, location: str, status: str) -> None:
    async with backend(b"") as dask:
        dask.answer = reply(b"", status, {"Location": location.replace("PORT", str(dask.port))})
        capability = world.know(dask.port, "/x/", links={("dash.example", dask.port)})
        got = await exchange(world.port, root(capability) + "old")
        assert (got.status, is_protected(got)) == (int(status[:3]), True)
        assert got["Location"] == root(capability) + "status?a=1"
        assert len(dask.asked) == 1


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/",
        "//evil.example",
        "/evil",
        "http://127.0.0.1:1/x/",
        "\\\\evil.example",
        "javascript:evil",
        "/x/../evil",
        "/x/%2e%2e/evil",
    ],
)
async def test_redirects_to_anywhere_else_end_here(world: Proxied, location: str) -> None:
    async with backend(reply(b"evil", "302 Found", {"Location": location})) as dask:
        capability = world.know(dask.port, "/x/")
        got = await exchange(world.port, root(capability) + "old")
        assert (got.status, is_protected(got), got["Location"]) == (502, True, None)
        assert b"evil" not in got.raw


@pytest.mark.parametrize(
    "status", ["200 evil", "203 x", "400 x", "401 x", "403 x", "404 x", "500 x", "503 x"]
)
async def test_a_status_is_passed_without_its_words(world: Proxied, status: str) -> None:
    async with backend(reply(b"body", status, {"WWW-Authenticate": "Basic realm=evil"})) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "x")
        assert (got.status, got.body, is_protected(got)) == (int(status[:3]), b"body", True)
        assert b"evil" not in got.raw


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
        reply(b"half", headers={"Transfer-Encoding": "evil"}, length=False),
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
        b"HTTP/1.1 200 OK\r\nSet-Cookie : evil\r\n\r\n",
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


async def test_somebody_else_at_the_port_is_not_shown(world: Proxied) -> None:
    async with backend(reply(b"evil")) as dask:
        capability = world.know(dask.port)
        other = world.know(dask.port, id="two")
        world.registry.trouble = NotThere("Somebody else is there (evil).", "", "refused")
        for _ in range(2):
            got = await exchange(world.port, root(capability) + "status")
            assert (got.status, is_protected(got), dask.asked) == (404, True, [])
            assert b"evil" not in got.body
        assert world.registry.verified == 1  # revoked: it is not even asked again
        assert (capability.ended, other.ended) == ("revoked", "")


async def test_a_scheduler_that_does_not_answer_keeps_its_address(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        world.registry.trouble = NotThere("It does not answer (evil).")
        got = await exchange(world.port, root(capability) + "status")
        assert (got.status, dask.asked, b"evil" in got.body) == (502, [], False)
        world.registry.trouble = None
        assert (await exchange(world.port, root(capability) + "status")).status == 200


async def test_a_capability_that_ends_while_the_scheduler_proves_itself(
    world: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        verify = world.registry.verify

        async def slow(entry: object) -> object:
            world.capabilities.revoke("one")
            return await verify(entry)  # type: ignore[arg-type]

        monkeypatch.setattr(world.registry, "verify", slow)
        assert (await exchange(world.port, root(capability) + "status")).status == 404
        assert dask.asked == []


async def test_the_scheduler_proves_itself_for_every_request(world: Proxied) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)
        for n in range(1, 4):
            await exchange(world.port, root(capability) + "status")
            assert (world.registry.verified, len(dask.asked)) == (n, n)


async def test_errors_of_ours_are_logged_without_the_address(
    world: Proxied, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with backend(reply()) as dask:
        capability = world.know(dask.port)

        def broken(*args: object) -> None:
            raise RuntimeError(f"broken {capability.secret}")

        monkeypatch.setattr(proxy, "policy", broken)
        got = await exchange(world.port, root(capability) + "status")
        assert (got.status, is_protected(got), b"broken" in got.body) == (500, True, False)
        assert "RuntimeError: broken …" in caplog.text


async def test_an_error_within_a_body_does_not_make_it_look_whole(
    world: Proxied, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(proxy_http.Answer, "chunk", broken)
    async with backend(reply(b"all of it", length=False)) as dask:
        got = await exchange(world.port, root(world.know(dask.port)) + "status")
        assert (got.status, got.body) == (200, b"")
        assert "RuntimeError: broken" in caplog.text

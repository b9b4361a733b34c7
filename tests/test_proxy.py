"""Pages of schedulers under a capability: what is asked, and what is answered."""

from __future__ import annotations

import pytest
from hostile import DANGEROUS, backend, exchange, reply
from proxied import Proxied, is_protected, root

from dasklens.server import proxy, proxy_http
from dasklens.server.headers import policy
from dasklens.server.target import NotThere


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

"""Asking whoever is at an address: the honest, the other, the hostile."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from backends import (
    CERTIFICATE,
    TOKEN,
    Asked,
    Done,
    Odd,
    Toy,
    dripping,
    flooding,
    listening,
    raw,
    response,
    saying,
    silent,
)
from hypothesis import given
from hypothesis import strategies as st

from dasklens.server import probe, talk
from dasklens.server.probe import Another, Expected, first, look, members, plots, recorded
from dasklens.server.target import NotThere, Target
from dasklens.wire.proof import prove

PLAIN = Expected("Scheduler-toy")
PROVED = Expected("Scheduler-toy", (TOKEN,))


def at(port: int, **changes: str) -> Target:
    return replace(Target("http", "127.0.0.1", port, "/"), **changes)


def test_the_protocol_is_the_recorders() -> None:
    from dasklens.scheduler.recorder import PROTOCOL

    assert probe.PROTOCOL == PROTOCOL


async def test_a_plain_scheduler_tells_who_it_is() -> None:
    async with Toy().serve() as toy:
        found = await look(at(toy.port), Expected(), thorough=True)
        assert found.scheduler_id == "Scheduler-toy"
        assert found.scheduler == "tcp://10.9.8.7:8786"
        assert found.link == ("10.9.8.7", 8787)
        assert (found.token, found.dasklens, found.protocol) == ("", None, None)
        assert found.bokeh is True
        # A second look makes it list no workers.
        toy.asked.clear()
        await look(at(toy.port), PLAIN, thorough=False)
        assert toy.paths() == ["/health", "/status/metadata", "/individual-plots.json"]
        assert {asked.headers["host"] for asked in toy.asked} == {f"127.0.0.1:{toy.port}"}


async def test_a_recorded_scheduler_proves_itself_before_it_is_told_the_token() -> None:
    async with Toy(token=TOKEN, plots={}).serve() as toy:
        found = await look(at(toy.port), PROVED, thorough=True)
        assert (found.token, found.dasklens, found.protocol, found.bokeh) == (TOKEN, "0.1.0", 1, False)
        assert toy.paths() == ["/dasklens/proof", "/health", "/status/metadata", "/dasklens/hello"]
        assert "authorization" not in "".join(str(asked.headers) for asked in toy.asked[:-1]).lower()
        toy.asked.clear()
        await look(at(toy.port), PROVED, thorough=False)
        await look(at(toy.port), PROVED, thorough=False)
        assert toy.paths() == ["/dasklens/proof"] * 2
        nonces = [asked.query["nonce"][0] for asked in toy.asked]
        assert len(set(nonces)) == 2
        assert min(map(len, nonces)) >= 32


NO_PAGES = """
import asyncio, sys
from distributed import Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0") as s:
        print(s.http_server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print("bokeh" in sys.modules)

asyncio.run(main())
"""


async def test_a_scheduler_without_pages_is_not_made_to_import_bokeh() -> None:
    # It would hold its loop for a quarter of a second, and have more to collect ever after.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NO_PAGES, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    found = await look(at(int(await process.stdout.readline())), Expected(), thorough=True)
    assert found.bokeh is False
    assert await plots(found.target) == {}
    said, _ = await process.communicate(b"")
    assert said.split() == [b"False"]


async def test_any_of_the_announced_tokens_will_do() -> None:
    async with Toy(token=TOKEN).serve() as toy:
        expected = Expected("Scheduler-toy", ("b2" * 32, TOKEN, "c3" * 32))
        assert (await look(at(toy.port), expected, thorough=True)).token == TOKEN


async def test_below_a_prefix() -> None:
    async with Toy(token=TOKEN, prefix="/a/b%20c/").serve() as toy:
        found = await look(at(toy.port, prefix="/a/b%20c/"), PROVED, thorough=True)
        assert found.bokeh
        with pytest.raises(NotThere):
            await look(at(toy.port), PROVED, thorough=True)


def replayed() -> Odd:
    """The right proof, of a nonce that was asked before."""
    return saying(200, {"proof": prove(TOKEN, "x" * 43, "Scheduler-toy"), "scheduler_id": "Scheduler-toy"})


def of_another_scheduler(asked: Asked) -> str:
    return prove(TOKEN, asked.query["nonce"][0], "Scheduler-other")


def of_another_token(asked: Asked) -> str:
    return prove("b2" * 32, asked.query["nonce"][0], "Scheduler-toy")


def proving(how: Callable[[Asked], object]) -> Odd:
    async def odd(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, {"proof": how(asked), "scheduler_id": "Scheduler-toy"}))

    return odd


@pytest.mark.parametrize(
    "odd",
    [
        replayed(),
        proving(of_another_scheduler),
        proving(of_another_token),
        proving(lambda asked: asked.query["nonce"][0]),
        proving(lambda asked: None),
        proving(lambda asked: ""),
        proving(lambda asked: ["é"]),
        proving(lambda asked: "é" * 64),
        saying(200, "[]"),
        saying(200, "null"),
        saying(200, b"\xff\xfe"),
        saying(200, "[" * 60_000),
        saying(401, {"proof": "x"}),
        saying(404),
        saying(500),
        saying(302, "", "Location: http://127.0.0.1:1/dasklens/proof\r\n"),
    ],
)
async def test_whoever_does_not_prove_to_be_it_is_told_nothing(odd: Odd) -> None:
    async with Toy(token=TOKEN, odd={"dasklens/proof": odd}).serve() as toy:
        with pytest.raises(Another, match="does not prove to be it") as refused:
            await look(at(toy.port), PROVED, thorough=True)
        assert refused.value.state == "refused"
        assert toy.paths() == ["/dasklens/proof"]
        assert TOKEN not in str([asked.headers for asked in toy.asked])


async def test_another_scheduler_at_the_same_address_is_another() -> None:
    """A plain one that was restarted has another id."""
    async with Toy("Scheduler-next").serve() as toy:
        with pytest.raises(Another):
            await look(at(toy.port), PLAIN, thorough=True)


async def test_the_token_goes_to_the_connection_that_proved_itself_and_no_other() -> None:
    """Whoever gets the port after the proof gets no token."""

    async def last(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, toy.plots))
        raise Done

    async with Toy(token=TOKEN, odd={"individual-plots.json": last}).serve() as toy:
        found = await look(at(toy.port), PROVED, thorough=True)
        assert found.token == TOKEN
        # The versions are those of the proof then.
        assert (found.dasklens, found.protocol) == ("0.1.0", 1)
        assert "/dasklens/hello" not in toy.paths()
        assert TOKEN not in str([asked.headers for asked in toy.asked])


async def test_a_server_that_closes_after_each_answer_is_asked_again() -> None:
    """As some proxies before a dashboard do."""

    async def close(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, toy.body(asked), "Connection: close\r\n"))
        raise Done

    async with Toy(odd={"*": close}).serve() as toy:
        assert (await look(at(toy.port), PLAIN, thorough=True)).bokeh


async def test_a_recorder_that_takes_not_its_own_token() -> None:
    async with Toy(token=TOKEN, odd={"dasklens/hello": saying(401)}).serve() as toy:
        with pytest.raises(NotThere, match="does not take the token"):
            await look(at(toy.port), PROVED, thorough=True)


@pytest.mark.parametrize(
    ("path", "odd"),
    [
        ("health", saying(200, "ill")),
        ("health", saying(500, "ok")),
        ("health", saying(404)),
        ("individual-plots.json", saying(200, "[]")),
        ("individual-plots.json", saying(200, {"Workers": 1})),
        ("individual-plots.json", saying(200, "{")),
        ("individual-plots.json", saying(200, "[" * 60_000)),
        ("individual-plots.json", saying(200, gzip.compress(b"{}"), "Content-Encoding: gzip\r\n")),
        ("json/identity.json", saying(200, {"type": "Worker", "id": "Scheduler-toy"})),
        ("json/identity.json", saying(200, {"type": "Scheduler"})),
        ("json/identity.json", saying(200, {"type": "Scheduler", "id": ["Scheduler-toy"]})),
        ("json/identity.json", saying(200, {"type": "Scheduler", "id": "x" * 1001})),
        ("json/identity.json", saying(200, {"type": "Scheduler", "id": "a\nb"})),
        ("json/identity.json", saying(200, '["type", "Scheduler", "id", "Scheduler-toy"]')),
        ("json/identity.json", saying(404, {"type": "Scheduler", "id": "Scheduler-toy"})),
        ("json/identity.json", saying(200, "")),
        ("*", saying(200, "<html>Jupyter</html>")),
        ("*", saying(200, "ok")),
        ("*", saying(404)),
    ],
)
async def test_what_is_no_dashboard_is_refused(path: str, odd: Odd) -> None:
    async with Toy(odd={path: odd}).serve() as toy:
        with pytest.raises(NotThere, match="does not answer like a Dask dashboard") as refused:
            await look(at(toy.port), Expected(), thorough=True)
        assert refused.value.state == "refused"
        assert refused.value.remedy


@pytest.mark.parametrize("index", [saying(404), saying(200, "<html>Jupyter</html>")])
async def test_whoever_is_only_healthy_is_no_dashboard_without_pages(index: Odd) -> None:
    async with Toy(plots={}, odd={"json/index.html": index}).serve() as toy:
        with pytest.raises(NotThere, match="does not answer like a Dask dashboard"):
            await look(at(toy.port), PLAIN, thorough=False)
        # Who has proved more need not have that.
        assert (await look(at(toy.port), PLAIN, thorough=True)).bokeh is False


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with Toy().serve() as honest:
        to = f"Location: http://127.0.0.1:{honest.port}/json/identity.json\r\n"
        async with Toy(odd={"*": saying(status, "", to)}).serve() as toy:
            with pytest.raises(NotThere, match="no redirect is followed"):
                await look(at(toy.port), Expected(), thorough=True)
        assert honest.asked == []


async def test_a_login_before_a_dashboard_is_named() -> None:
    async with Toy(odd={"*": saying(401, "", "WWW-Authenticate: Basic\r\n")}).serve() as toy:
        with pytest.raises(NotThere, match="asks for a login"):
            await look(at(toy.port), Expected(), thorough=True)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HOSTILE = {
    "silent": silent,
    "a byte a moment, in the status": dripping(b"HTTP/1.1 200 "),
    "a byte a moment, in the header": dripping(HEAD + b"X: "),
    "a byte a moment, in the body": dripping(HEAD + b"Content-Length: 60000\r\n\r\n"),
    "a byte a moment, until it closes": dripping(HEAD + b"\r\n"),
    "a promise of a body": raw(HEAD + b"Content-Length: 1000\r\n\r\nok"),
    "endless header lines": flooding(HEAD, b"X-More: and more\r\n" * 100),
    "an endless header line": flooding(HEAD + b"X: ", b"x" * 4096),
    "an endless status line": flooding(b"HTTP/1.1 200 ", b"x" * 4096),
    "an endless body": flooding(HEAD + b"\r\n", b"x" * 65536),
    "endless chunks": flooding(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"
    ),
    "a huge chunk": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
    "endless tiny chunks": flooding(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
    "a huge length": raw(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"),
    "two lengths": raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk"),
    "length and chunks": raw(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok"),
    "a negative length": raw(HEAD + b"Content-Length: -1\r\n\r\n"),
    "endless Continue": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "no HTTP, with an end": raw(b"\x15\x03\x01\x00\x02\x02\x50\r\n\r\n"),
    "nothing": raw(b""),
    "a Dask comm": raw(b"\x0c\0\0\0\0\0\0\0" + bytes(12)),
}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "TIMEOUT", 0.3)


@pytest.mark.parametrize("expected", [Expected(), PROVED], ids=["plain", "recorded"])
@pytest.mark.parametrize("kind", HOSTILE)
async def test_no_backend_holds_a_probe_or_fills_the_memory(
    short: None, kind: str, expected: Expected
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with Toy(odd={"*": HOSTILE[kind]}).serve() as toy:
        begin = time.monotonic()
        with pytest.raises(NotThere) as refused:
            await look(at(toy.port), expected, thorough=True)
        assert time.monotonic() - begin < 1.5
        assert refused.value.reason.endswith(".")
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(asyncio.all_tasks()) == 1


async def test_an_identity_may_be_long_and_only_its_beginning_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = {f"tcp://10.0.0.1:{i}": {"name": "x" * 500} for i in range(10_000)}
    identity = {"type": "Scheduler", "id": "Scheduler-toy", "address": "tcp://a:1", "services": {}}
    long = json.dumps({**identity, "workers": workers})
    assert len(long) > 5e6
    read: list[int] = []

    def count(self: object, chunk: bytes) -> None:
        keep(self, chunk)
        read.append(len(self.body))  # type: ignore[attr-defined]

    keep = talk._Collect.data_received
    monkeypatch.setattr(talk._Collect, "data_received", count)
    async with Toy(odd={"json/identity.json": saying(200, long)}).serve() as toy:
        found = await look(at(toy.port), Expected(), thorough=True)
    assert found.scheduler_id == "Scheduler-toy"
    assert max(read) <= talk.KEPT
    # Beyond what any cluster needs it is no identity.
    monkeypatch.setattr(probe, "MOST_IDENTITY", 1 << 20)
    async with Toy(odd={"json/identity.json": saying(200, long)}).serve() as toy:
        with pytest.raises(NotThere):
            await look(at(toy.port), Expected(), thorough=True)


async def test_nobody_listens() -> None:
    async with listening(lambda reader, writer: asyncio.sleep(0)) as port:
        pass
    with pytest.raises(NotThere, match=f"Nothing listens at 127.0.0.1:{port}") as refused:
        await look(at(port), PLAIN, thorough=True)
    assert refused.value.state == "unreachable"


async def test_whether_somebody_records_there() -> None:
    async with Toy(token=TOKEN, version="1.2.3").serve() as toy:
        assert await recorded(at(toy.port)) == "1.2.3"
    async with Toy().serve() as toy:
        assert await recorded(at(toy.port)) == ""
    assert await recorded(at(toy.port)) == ""


# -- HTTPS -----------------------------------------------------------------------------------------


def verified(port: int) -> Target:
    return Target("https", "127.0.0.1", port, "/", "verified")


async def test_a_certificate_is_verified_for_the_name_that_was_typed_in() -> None:
    async with Toy().serve(tls=True) as toy:
        target = at(
            toy.port, scheme="https", tls="verified", name="foo.example.com", ca_file=str(CERTIFICATE)
        )
        found = await look(target, Expected(), thorough=True)
        assert found.target == target
        assert toy.asked[0].headers["host"] == f"foo.example.com:{toy.port}"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "self-signed"),
        ({"ca_file": str(CERTIFICATE)}, "not valid for '127.0.0.1'"),
        ({"ca_file": str(CERTIFICATE), "name": "bar.example.com"}, "not valid for 'bar.example.com'"),
        ({"name": "foo.example.com"}, "self-signed"),
    ],
)
async def test_what_nobody_vouches_for_is_taken_on_loopback_only_and_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], why: str
) -> None:
    async with Toy(token=TOKEN).serve(tls=True) as toy:
        target = replace(verified(toy.port), **changes)
        found = await look(target, PROVED, thorough=True)
        assert found.target == replace(target, tls="self-signed")
        assert (await look(found.target, PROVED, thorough=False)).token
        # Off loopback, whatever a target says of itself.
        monkeypatch.setattr(Target, "loopback", property(lambda self: False))
        toy.asked.clear()
        for bad in (target, found.target):
            with pytest.raises(NotThere, match="is not trusted") as refused:
                await look(bad, PROVED, thorough=True)
            assert why.replace("-", " ") in refused.value.reason.replace("-", " ")
            assert "c.Dasklens.ca_file" in refused.value.remedy
            assert refused.value.state == "refused"
        assert toy.asked == []


async def test_http_where_https_is_spoken_and_the_other_way_round() -> None:
    async with Toy().serve(tls=True) as toy:
        with pytest.raises(NotThere):
            await look(at(toy.port), Expected(), thorough=True)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(400))
        raise Done

    async with listening(refuse) as port:
        with pytest.raises(NotThere, match="TLS"):
            await look(verified(port), Expected(), thorough=True)


async def test_a_file_of_certificates_that_is_not_there() -> None:
    async with Toy().serve(tls=True) as toy:
        target = replace(verified(toy.port), ca_file="/nowhere.pem")
        with pytest.raises(NotThere, match="certificates") as refused:
            await look(target, Expected(), thorough=True)
        assert "c.Dasklens.ca_file" in refused.value.remedy


# -- several candidates ----------------------------------------------------------------------------


async def test_candidates_are_tried_in_order_with_a_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "STAGGER", 0.1)
    tried: list[int] = []

    async def check(target: Target) -> probe.Found:
        tried.append(target.port)
        if target.port == 1:
            raise NotThere("one")
        if target.port == 2:
            await asyncio.sleep(60)
        await asyncio.sleep(0.01)
        return probe.Found(target, "x")

    assert (await first([at(3), at(1)], check)).target.port == 3
    assert tried == [3]
    tried.clear()
    begin = time.monotonic()
    assert (await first([at(1), at(2), at(3), at(4)], check)).target.port == 3
    assert tried == [1, 2, 3]
    assert 0.1 <= time.monotonic() - begin < 1
    assert len(asyncio.all_tasks()) == 1


async def test_when_none_passes_the_reason_that_says_most_is_given() -> None:
    async def check(target: Target) -> probe.Found:
        raise NotThere(str(target.port), state="refused" if target.port == 2 else "unreachable")

    with pytest.raises(NotThere, match="2"):
        await first([at(1), at(2), at(3)], check)
    with pytest.raises(NotThere, match="1"):
        await first([at(1), at(3)], check)
    with pytest.raises(NotThere, match="no address"):
        await first([], check)


async def test_whoever_gives_up_leaves_no_socket_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with Toy(odd={"*": silent}).serve() as toy, Toy(odd={"*": silent}).serve(tls=True) as tls:
        targets = [at(toy.port), verified(tls.port)]
        for i in range(20):
            task = asyncio.ensure_future(
                first(targets[:: 1 if i % 2 else -1], lambda target: look(target, PLAIN, thorough=True))
            )
            await asyncio.sleep(i / 1000)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert len(asyncio.all_tasks() - {asyncio.current_task()}) <= len(toy.asked) + len(tls.asked)
    assert len(asyncio.all_tasks()) == 1
    assert len(os.listdir("/proc/self/fd")) == before


# -- reading the beginning of an identity ----------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=6), st.booleans())
def test_the_members_of_an_object_are_found_up_to_the_last_that_is_wanted(
    said: dict[str, object], wide: bool
) -> None:
    text = json.dumps(said, indent=2 if wide else None, ensure_ascii=wide).encode()
    assert members(text, ("\0 never",)) == said
    for name in said:
        assert members(text, (name,))[name] == said[name]


@given(st.binary() | st.text().map(str.encode))
def test_nothing_breaks_the_reader_of_identities(body: bytes) -> None:
    assert isinstance(members(body, ("type",)), dict)


def test_what_is_cut_off_counts_as_far_as_it_came() -> None:
    text = b'{"type": "Scheduler", "id": "x", "workers": {"tcp://a": {"na'
    assert members(text, ("type", "id", "address")) == {"type": "Scheduler", "id": "x"}
    assert members(b'{"type": "Scheduler", "id": "x', ("type", "id")) == {"type": "Scheduler"}
    # Nothing behind what is wanted is looked at.
    assert members(b'{"type": 1, !!!', ("type",)) == {"type": 1}

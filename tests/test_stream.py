"""Frames at a browser's websocket: a real Jupyter server and real schedulers, in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from jupyter import Jupyter, jupyter
from ports import free_port
from streams import PLAIN, Scheduled, entry, page, scheduled
from tornado.websocket import WebSocketClientConnection
from waiting import until, until_async

import dasklens

#: Pings often enough for a test; they are Jupyter's own.
PINGS = "--ServerApp.tornado_settings={'ws_ping_interval': 200, 'ws_ping_timeout': 1000}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    with jupyter(tmp_path_factory.mktemp("jupyter"), "--Dasklens.poll_interval=0.1", PINGS) as server:
        yield server


@pytest.fixture(scope="module")
def shared(server: Jupyter) -> Iterator[Scheduled]:
    """For tests that leave it as it is."""
    with scheduled(server.runtime) as scheduler:
        yield scheduler


@pytest.fixture
def id(server: Jupyter, shared: Scheduled) -> str:
    found: str = entry(server, shared.do("look")["id"])["id"]
    return found


def path(id: str) -> str:
    return f"dasklens/api/schedulers/{id}/frames"


def rss(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fds(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        (None, {}),
        ("wrong", {}),
        (None, {"Cookie": "username-127-0-0-1-8888=forged"}),
    ],
)
async def test_strangers_are_refused_on_the_upgrade(
    server: Jupyter, id: str, token: str | None, headers: dict[str, str]
) -> None:
    assert await server.refusal(path(id), token=token, headers=headers) == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "", "http://"])
async def test_no_other_page_gets_in_by_the_users_cookie(server: Jupyter, id: str, origin: str) -> None:
    browser = await asyncio.to_thread(server.browser)
    for headers in ({"Origin": origin}, {"Origin": origin, "Sec-Fetch-Site": "cross-site"}):
        sent = {"Cookie": browser.cookie, **headers}
        assert await server.refusal(path(id), token=None, headers=sent) == 403


async def test_jupyters_own_page_is_let_in_by_its_cookie(server: Jupyter, id: str) -> None:
    browser = await asyncio.to_thread(server.browser)
    headers = {"Cookie": browser.cookie, "Origin": "/".join(server.url.split("/")[:3])}
    async with page(server, id, token=None, headers=headers) as it:
        await it.read()
        await it.until("live")


async def test_plain_requests_get_nothing(server: Jupyter, id: str) -> None:
    for query in ("", "?stream=tasks"):
        assert (await asyncio.to_thread(server.get, path(id) + query)).status == 400
    for query in ("?stream=", "?stream=../x", "?stream=a&stream=b", "?stream=" + "a" * 33):
        assert await server.refusal(path(id) + query) == 400


# -- what a page may say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "should be JSON"),
        ("{", "should be JSON"),
        ("[" * 3000, "should be JSON"),
        ("[]", "should be a JSON object"),
        ("7", "should be a JSON object"),
        ('{"cursor": -1}', "cursor should be a whole number, 0 or more, got -1."),
        ('{"cursor": 1.5}', "cursor should be a whole number"),
        ('{"cursor": true}', "cursor should be a whole number"),
        ('{"cursor": null}', "cursor should be a whole number"),
        ('{"cursor": NaN}', "cursor should be a whole number"),
        ('{"cursor": 1e400}', "cursor should be a whole number"),
        ('{"cursor": 90071992547409920}', "cursor should be a whole number"),
        ('{"names": "\\u001b[31m"}', "names should be a whole number, 0 or more, got '\\x1b[31m'."),
        ('{"log": 1}', "log should be the id of a log"),
        (json.dumps({"log": "x" * 101}), "log should be the id of a log"),
    ],
)
async def test_what_is_wrong_with_a_message_is_said(server: Jupyter, id: str, said: str, why: str) -> None:
    async with page(server, id) as it:
        await it.read()
        await it.until("live")
        await it.connection.write_message(said)
        await it.until("lost")
        assert why in it.last("state")["reason"]
        assert it.last("state")["retry_at"] is None
        await it.read()
        await it.until("live")


async def test_binary_and_long_messages_end_it(server: Jupyter, id: str) -> None:
    async with page(server, id) as it:
        await it.connection.write_message(b"{}", binary=True)
        await until_async(lambda: it.closed, "the end")
        assert it.connection.close_code == 1003
    async with page(server, id) as it:
        await it.connection.write_message('{"log": "' + "x" * 5000 + '"}')
        await until_async(lambda: it.closed, "the end")
    async with page(server, id) as it:
        await it.read()
        await it.until("live")


async def test_nothing_is_compressed_though_a_browser_offers_it(server: Jupyter, id: str) -> None:
    async with server.websocket(path(id), compression_options={}) as connection:
        assert "Sec-Websocket-Extensions" not in connection.headers


# -- what it is sent -------------------------------------------------------------------------------


async def test_a_page_is_sent_the_past_and_what_comes(server: Jupyter, shared: Scheduled, id: str) -> None:
    shared.run("before", ["tuple", 1, 2])
    async with page(server, id) as it:
        await until_async(lambda: it.last("hello") != {}, "its hello")
        assert it.last("hello")["dasklens"] == dasklens.__version__
        assert it.last("state") == {}
        await it.read()
        await it.until_key(("tuple", 1, 2))
        shared.run("now")
        await it.until_key("now")
        shared.run("wrong", fail=True)
        await it.until_key("wrong")
        assert it.phases == ["connecting", "live"]
        hello, end = it.last("hello"), it.last("end")
        assert hello["recorded"] is True
        assert set(hello["scheduler"]) == {"dasklens", "protocol", "python"}
        assert end["log"] == it.place["log"]
        # Paused, nothing comes; then what came meanwhile.
        await it.pause()
        await asyncio.to_thread(until, lambda: shared.readers == 0, "the pause", 2)
        shared.run("meanwhile")
        await it.read()
        await it.until_key("meanwhile")
    await asyncio.to_thread(until, lambda: shared.readers == 0, "the end", 2)


async def test_where_the_log_ends_is_said_to_who_is_behind(
    server: Jupyter, shared: Scheduled, id: str
) -> None:
    shared.fill(0, 60_000)
    n = shared.do("look")["next"]
    async with page(server, id) as it:
        await it.read()
        await until_async(lambda: it.place["cursor"] == n, "all")
        ends = [n for n, text in enumerate(it.texts) if text["type"] == "end"]
        assert [it.texts[n]["end"] for n in ends] == [n]
        assert len(it.frames) > 4
        assert it.missed == 0


async def test_rewinding_and_coming_back_loses_nothing(server: Jupyter, shared: Scheduled, id: str) -> None:
    rng = random.Random(2)
    place: dict[str, Any] = {}
    seen: dict[int, Any] = {}
    for _ in range(8):
        async with page(server, id) as it:
            if place:
                it.place = dict(place)
            await it.read()
            for _ in range(4):
                shared.fill(0, rng.choice((1, 100, 5000)))
                cursor = max(0, it.place["cursor"] - rng.choice((0, 3, 9000)))
                if rng.random() < 0.5:
                    await it.read(cursor=cursor, names=0)
                await asyncio.sleep(rng.choice((0, 0.02, 0.2)))
            place = dict(it.place)
            assert it.missed == 0
            # Names may have come with a former socket; then only the cursors can be looked at.
            seen.update(dict.fromkeys(it.cursors))
    n = shared.do("look")["next"]
    async with page(server, id) as it:
        it.place = dict(place)
        await it.read()
        await until_async(lambda: it.place["cursor"] == n, "all")
        seen.update(dict.fromkeys(it.cursors))
    assert sorted(seen) == list(range(n))


async def test_a_hundred_pages_are_one_reader(server: Jupyter, shared: Scheduled, id: str) -> None:
    pages = [page(server, id) for _ in range(100)]
    them = [await one.__aenter__() for one in pages]
    try:
        now = shared.do("look")
        for it in them:
            it.place = {"log": now["log"], "cursor": now["next"], "names": 0}
            await it.read()
        await until_async(lambda: all(it.phase == "live" for it in them), "all to be live", 30)
        assert shared.readers == 1
        shared.run("for a hundred")
        n = shared.do("look")["next"]
        await until_async(lambda: all(it.place["cursor"] == n for it in them), "all to have it", 30)
        assert all(it.missed == 0 for it in them)
    finally:
        for one in pages:
            await one.__aexit__(None, None, None)
    await asyncio.to_thread(until, lambda: shared.readers == 0, "the end", 2)


async def test_nothing_is_left_behind(server: Jupyter, shared: Scheduled, id: str) -> None:
    async def look() -> None:
        async with page(server, id) as it, page(server, id) as other:
            await it.read()
            await other.read()
            await it.until("live")
        # One that is cut off without a word, in the middle of it all.
        async with server.websocket(path(id)) as connection:
            await connection.write_message("{}")
            assert connection.protocol is not None
            connection.protocol.stream.close()  # type: ignore[attr-defined]
        await asyncio.to_thread(until, lambda: shared.readers == 0, "the end", 2)

    await look()
    before, theirs = fds(server.pid), fds(shared.process.pid)
    for _ in range(10):
        await look()

    def same() -> bool:
        return fds(server.pid) <= before and fds(shared.process.pid) <= theirs

    await asyncio.to_thread(until, same, f"no more than {before} and {theirs} open files")


async def test_pages_that_do_not_read_cost_little_and_are_closed(
    server: Jupyter, shared: Scheduled, id: str
) -> None:
    shared.fill(0, 200_000)
    async with contextlib.AsyncExitStack() as stack:
        it = await stack.enter_async_context(page(server, id))
        await it.read()
        n = shared.do("look")["next"]
        await until_async(lambda: it.place["cursor"] == n, "all", 30)
        before = rss(server.pid)
        # Pages that ask for everything and take nothing.
        slow = [await stack.enter_async_context(server.websocket(path(id))) for _ in range(20)]
        for connection in slow:
            await connection.write_message("{}")
        most = 0
        for _ in range(20):
            shared.fill(0, 5000)
            n += 5000
            await until_async(lambda n=n: it.place["cursor"] >= n, "the others to get theirs")  # type: ignore[misc]
            most = max(most, rss(server.pid) - before)
        # 20 of them are some 17 MB of records behind by then, and each holds one frame.
        assert most < 64 << 20
        for connection in slow:

            async def to_the_end(connection: WebSocketClientConnection = connection) -> None:
                while await connection.read_message() is not None:
                    pass

            # What was sent before is there to be read; then it was closed.
            await asyncio.wait_for(to_the_end(), 20)
        assert it.missed == 0
        assert not it.closed, "whoever reads answers pings too"


# -- losses ----------------------------------------------------------------------------------------


async def test_a_killed_scheduler_is_lost_and_one_that_says_goodbye_has_finished(server: Jupyter) -> None:
    with scheduled(server.runtime) as scheduler:
        id = entry(server, scheduler.do("look")["id"])["id"]
        async with page(server, id) as it:
            await it.read()
            await it.until("live")
            scheduler.run("kept")
            await it.until_key("kept")
            scheduler.kill()
            await it.until("lost", 5)
            await until_async(lambda: "ended without a word" in it.last("state")["reason"], "the reason")
            assert it.last("state")["retry_at"] is not None
            assert it.keys == ["kept"]
    with scheduled(server.runtime) as scheduler:
        id = entry(server, scheduler.do("look")["id"])["id"]
        async with page(server, id) as it:
            await it.read()
            await it.until("live")
            assert scheduler.process.stdin is not None
            scheduler.process.stdin.close()
            await it.until("finished", 10)
            assert it.last("state")["reason"] == "The scheduler has gone."


async def test_one_that_is_typed_in_again_on_the_same_address_begins_a_new_log(server: Jupyter) -> None:
    port = free_port()
    away = server.home / "elsewhere"
    url = {"url": f"http://127.0.0.1:{port}/status"}
    with scheduled(away, port, PLAIN) as first:
        id = (await asyncio.to_thread(server.post, "dasklens/api/schedulers", url)).json["id"]
        async with page(server, id) as it:
            await it.read()
            await it.until("live")
            first.run("one")
            await it.until_key("one")
            first.kill()
            await it.until("lost")
            await until_async(lambda: "Nothing listens" in it.last("state")["reason"], "the reason")
            with ExitStack() as stack:
                # Beside this loop: the page answers the server's pings meanwhile, or is given up.
                second = await asyncio.to_thread(stack.enter_context, scheduled(away, port, PLAIN))
                await until_async(lambda: "Another scheduler" in it.last("state")["reason"], "the refusal")
                assert (await asyncio.to_thread(server.post, "dasklens/api/schedulers", url)).json["id"] == id
                await it.until("live")
                second.run("two")
                await it.until_key("two")
                assert it.keys == ["two"], "a page resets when the log is another"
            await asyncio.to_thread(server.delete, f"dasklens/api/schedulers/{id}")
            await it.until("finished")


async def test_a_suspended_scheduler_is_lost_and_goes_on_from_the_cursor(server: Jupyter) -> None:
    with scheduled(server.runtime) as scheduler:
        id = entry(server, scheduler.do("look")["id"])["id"]
        async with page(server, id) as it:
            await it.read()
            await it.until("live")
            scheduler.run("before")
            await it.until_key("before")
            scheduler.signal(signal.SIGSTOP)
            await it.until("lost", 9)
            assert it.last("state")["reason"] == "The scheduler does not answer."
            # Until the registry says so too, and for the rest of the twenty seconds.
            await until_async(lambda: "No answer from" in it.last("state")["reason"], "its reason", 15)
            await asyncio.sleep(8)
            scheduler.signal(signal.SIGCONT)
            scheduler.run("after")
            await it.until("live", 5)
            await it.until_key("after")
            assert it.keys == ["before", "after"]
            assert it.missed == 0


async def test_after_a_restart_of_jupyter_a_page_reads_on_from_its_cursor(tmp_path: Path) -> None:
    with scheduled(tmp_path / "runtime") as scheduler:
        with jupyter(tmp_path) as server:
            id = entry(server)["id"]
            async with page(server, id) as it:
                await it.read()
                scheduler.run("before")
                await it.until_key("before")
                place = it.place
                server.process.send_signal(signal.SIGTERM)
                await until_async(lambda: it.closed, "the end")
                assert (it.connection.close_code, it.connection.close_reason) == (
                    1001,
                    "The Jupyter server stops.",
                )
        until(lambda: scheduler.readers == 0, "the end", 2)
        scheduler.run("meanwhile")
        with jupyter(tmp_path) as server:
            async with page(server, id) as it:
                it.place = place
                await it.read()
                await it.until("live")
                await until_async(lambda: it.place["cursor"] == 2, "what came meanwhile")
                assert it.cursors == [1]


def test_no_cluster_code_is_loaded_into_the_jupyter_server() -> None:
    heavy = ["anywidget", "bqplot", "dask", "distributed", "ipywidgets", "numpy"]
    code = f"import sys, dasklens.server.stream; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"

"""The routes of the registry in a real Jupyter server: REST, and the websocket of changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backends import TOKEN, Toy, announcement, folder_of, write
from jupyter import Jupyter, jupyter
from tornado.websocket import WebSocketClientConnection
from waiting import until_async

from dasklens.server.entries import Entry
from dasklens.server.schedulers import ChangesHandler

LIST = "dasklens/api/schedulers"
CHANGES = f"{LIST}/changes"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    with jupyter(tmp_path_factory.mktemp("jupyter"), "--Dasklens.poll_interval=0.05") as server:
        yield server


@pytest.fixture
def place(server: Jupyter) -> Path:
    """The folder of announcements, empty."""
    folder = folder_of(server.runtime)
    for file in folder.iterdir():
        file.unlink()
    return folder


@pytest.fixture
async def ask(server: Jupyter) -> Any:
    """A request in a thread: the toys answer on the test's own loop."""

    async def ask(method: str, path: str, data: Any = None, **more: Any) -> Any:
        return await asyncio.to_thread(server.request, method, path, data, **more)

    yield ask
    for scheduler in (await ask("GET", LIST)).json["schedulers"]:
        if scheduler["source"] == "typed":
            await ask("DELETE", f"{LIST}/{scheduler['id']}")


@contextlib.asynccontextmanager
async def changes(server: Jupyter, **more: Any) -> AsyncIterator[WebSocketClientConnection]:
    async with server.websocket(CHANGES, **more) as connection:
        yield connection
        connection.close()
        while await connection.read_message() is not None:
            pass


async def hear(connection: WebSocketClientConnection) -> Any:
    message = await asyncio.wait_for(connection.read_message(), 10)
    assert message is not None, "the websocket was closed"
    return json.loads(message)


async def test_announced_and_typed_in_schedulers_are_listed(ask: Any, place: Path) -> None:
    async with Toy(token=TOKEN).serve() as toy, Toy("Scheduler-typed").serve() as typed:
        write(place, announcement(toy.port, token=TOKEN))
        answer = await ask("GET", LIST)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("application/json")
        (one,) = answer.json["schedulers"]
        assert (one["source"], one["state"], one["recorded"]) == ("announced", "reachable", True)
        assert TOKEN.encode() not in answer.body
        added = await ask("POST", LIST, {"url": f"localhost:{typed.port}/status"})
        assert added.status == 201
        assert (added.json["source"], added.json["scheduler_id"]) == ("typed", "Scheduler-typed")
        for said in (one, added.json):
            single = await ask("GET", f"{LIST}/{said['id']}")
            assert (single.status, single.json) == (200, said)
        assert [s["id"] for s in (await ask("GET", LIST)).json["schedulers"]] == [one["id"], added.json["id"]]
        # Only what was typed in is removed by hand.
        refused = await ask("DELETE", f"{LIST}/{one['id']}")
        assert refused.status == 409
        assert refused.json["message"]
        gone = await ask("DELETE", f"{LIST}/{added.json['id']}")
        assert (gone.status, gone.body) == (204, b"")
        assert len((await ask("GET", LIST)).json["schedulers"]) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_of_an_unknown_id_nothing_is_repeated(ask: Any, method: str) -> None:
    answer = await ask(method, f"{LIST}/feedfacecafebeef")
    assert answer.status == 404
    assert answer.json["message"] == "There is no scheduler of this id."
    assert b"feedface" not in answer.body
    # What is no id is no route.
    for odd in ("FEEDFACECAFEBEEF", "..%2f..%2fapi", "feedfacecafebeef0", "%00", "<b>feedface"):
        answer = await ask(method, f"{LIST}/{odd}")
        assert answer.status == 404
        assert b"feedface" not in answer.body


BAD = [
    (b"", "JSON"),
    (b"{", "JSON"),
    (b"[" * 10_000, "JSON"),
    (b"\xff\xfe", "JSON"),
    (b"null", "JSON object"),
    (b'["http://127.0.0.1:1"]', "JSON object"),
    (b"{}", "url is a text"),
    (b'{"url": 8787}', "url is a text"),
    (b'{"url": null}', "url is a text"),
    (b'{"url": {"host": "x"}}', "url is a text"),
    (b'{"url": ""}', "missing"),
    (b'{"url": "' + b"x" * 2001 + b'"}', "at most 2000"),
    (b'{"url": "' + b"x" * 20_000 + b'"}', "at most 16384 bytes"),
    (b'{"url": "\\ud800"}', "ASCII"),
    (b'{"url": "file:///etc/passwd"}', "http:// or https://"),
    (b'{"url": "http://192.0.2.1:8787/<script>alert(1)</script>"}', "path"),
    (b'{"url": "http://192.0.2.1:8787/"}', "neither this machine nor a host"),
    (b'{"url": "http://169.254.169.254/latest/meta-data/"}', "neither this machine nor a host"),
]


@pytest.mark.parametrize(("body", "sentence"), BAD, ids=[row[0][:30].decode("latin-1") for row in BAD])
async def test_a_request_that_is_wrong_is_told_so_in_one_sentence(
    ask: Any, place: Path, body: bytes, sentence: str
) -> None:
    answer = await ask("POST", LIST, body)
    assert answer.status == 400
    assert sentence in answer.json["message"]
    assert answer.json["remedy"]
    assert b"<script>" not in answer.body
    assert (await ask("GET", LIST)).json["schedulers"] == []


async def test_jupyter_does_not_show_itself(server: Jupyter, ask: Any) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1.2.3"):
        for path in ("", server.base_url.lstrip("/"), "status"):
            answer = await ask("POST", LIST, {"url": f"http://{host}:{server.port}/{path}"})
            assert answer.status == 400
            assert "one of Jupyter itself" in answer.json["message"]


async def test_kernels_ports_are_no_dashboards(server: Jupyter, ask: Any) -> None:
    kernel = (await ask("POST", "api/kernels", {"name": "python3"})).json["id"]
    try:
        connection = server.runtime / f"kernel-{kernel}.json"
        await until_async(connection.exists, "the kernel", 30)
        ports = json.loads(connection.read_text())
        for name in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"):
            answer = await ask("POST", LIST, {"url": f"http://127.0.0.1:{ports[name]}/status"})
            assert "one of Jupyter itself" in answer.json["message"]
    finally:
        await ask("DELETE", f"api/kernels/{kernel}")


async def test_a_notebook_is_named_with_its_scheduler(ask: Any, place: Path) -> None:
    session = {"path": "deep/analysis.ipynb", "name": "analysis.ipynb", "type": "notebook"}
    made = await ask("POST", "api/sessions", {**session, "kernel": {"name": "python3"}}, timeout=60)
    assert made.status == 201
    kernel = made.json["kernel"]["id"]
    try:
        async with Toy(token=TOKEN).serve() as toy:
            write(place, announcement(toy.port, token=TOKEN, kernel=kernel))
            (one,) = (await ask("GET", LIST)).json["schedulers"]
            assert one["notebooks"] == [
                {"kernel": kernel, "path": "deep/analysis.ipynb", "name": "analysis.ipynb"}
            ]
    finally:
        await ask("DELETE", f"api/sessions/{made.json['id']}")


async def test_a_page_needs_xsrf_to_change_anything(server: Jupyter, place: Path) -> None:
    browser = await asyncio.to_thread(server.browser)

    async def ask(method: str, path: str, data: Any = None, **more: Any) -> Any:
        return await asyncio.to_thread(browser.request, method, path, data, **more)

    async with Toy().serve() as toy:
        url = {"url": f"http://127.0.0.1:{toy.port}"}
        assert (await ask("GET", LIST)).status == 200
        assert (await ask("POST", LIST, url)).status == 403
        assert (await ask("POST", LIST, url, headers={"X-XSRFToken": "wrong"})).status == 403
        plain = {"Content-Type": "text/plain", "Origin": "https://evil.example"}
        assert (await ask("POST", LIST, url, headers=plain)).status in (403, 404)
        assert toy.asked == []
        assert (await ask("GET", LIST)).json["schedulers"] == []
        added = await ask("POST", LIST, url, xsrf=True)
        assert added.status == 201
        one = f"{LIST}/{added.json['id']}"
        assert (await ask("DELETE", one)).status == 403
        assert (await ask("GET", one)).status == 200
        assert (await ask("DELETE", one, xsrf=True)).status == 204


# -- the websocket of changes ----------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_the_websocket_is_behind_the_login(server: Jupyter, token: str | None) -> None:
    assert await server.refusal(CHANGES, token=token) == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
async def test_no_other_sites_page_opens_the_websocket(server: Jupyter, origin: str) -> None:
    """With the cookies that a browser sends along wherever the page is from."""
    cookie = (await asyncio.to_thread(server.browser)).cookie
    sent = {"Cookie": cookie, "Origin": origin}
    assert await server.refusal(CHANGES, token=None, headers=sent) == 403
    own = server.url.split("/user")[0]
    async with changes(server, token=None, headers={"Cookie": cookie, "Origin": own}) as page:
        assert await hear(page)


async def test_changes_are_told_as_they_come(server: Jupyter, place: Path) -> None:
    async with changes(server) as page, Toy(token=TOKEN).serve() as toy:
        assert await hear(page) == {"schedulers": [], "recordings": {}}
        path = write(place, announcement(toy.port, token=TOKEN))
        first = await hear(page)
        assert first["event"] == "added"
        news = first
        while news["scheduler"]["state"] != "reachable":
            news = await hear(page)
            assert news["event"] == "changed"
        assert TOKEN not in json.dumps(news)
        # Who comes later begins with what there is.
        async with changes(server, headers={"Origin": server.url.split("/user")[0]}) as other:
            assert await hear(other) == {"schedulers": [news["scheduler"]], "recordings": {}}
            # What a page says is nothing.
            await other.write_message("x" * 100_000)
            await other.write_message(b"\0")
            path.unlink()
            for each in (page, other):
                gone = await hear(each)
                assert (gone["event"], gone["scheduler"]["id"]) == ("gone", news["scheduler"]["id"])


class Slow(ChangesHandler):
    """A page that takes a message whenever it is told to."""

    def __init__(self, registry: Any):
        self._news, self._knows, self._more = {}, set(), asyncio.Event()
        self._recordings = {}
        self.told: list[Any] = []
        self.takes = asyncio.Semaphore(0)
        self.sending = asyncio.ensure_future(self._send(registry, SimpleNamespace(recordings={})))

    async def write_message(self, message: Any, binary: bool = False) -> None:  # type: ignore[override]
        # What was begun to be sent is not changed any more.
        message = json.loads(json.dumps(message))
        await self.takes.acquire()
        self.told.append(message)


async def test_for_a_page_that_reads_slowly_nothing_piles_up() -> None:
    async def scan() -> None:
        pass

    def heard() -> list[tuple[str, str, str]]:
        return [(m["event"], m["scheduler"]["id"], m["scheduler"]["name"]) for m in page.told[1:]]

    entries = [Entry(f"{i}", "announced") for i in range(3)]
    page = Slow(SimpleNamespace(scan=scan, entries=entries[:2]))
    page.takes.release()
    await until_async(lambda: bool(page.told), "the list")
    assert [said["id"] for said in page.told[0]["schedulers"]] == ["0", "1"]
    for i in range(1000):
        for entry in entries:
            entry.name = f"renamed {i}"
            page._on_change("changed" if i or entry is not entries[2] else "added", entry)
        # Of each the newest, and what is under way.
        assert len(page._news) <= 3
        if i % 400 == 0:
            await asyncio.sleep(0)
    # One comes and goes, one goes, one goes and comes again: all without being heard of in between.
    passing = Entry("passing", "typed")
    page._on_change("added", passing)
    page._on_change("gone", passing)
    page._on_change("gone", entries[0])
    page._on_change("gone", entries[1])
    page._on_change("added", entries[1])
    for _ in range(10):
        page.takes.release()
    await until_async(lambda: len(page.told) == 5, "the news")
    assert page._news == {}
    assert heard()[0] == ("changed", "0", "renamed 0")
    assert sorted(heard()[1:]) == [
        ("added", "2", "renamed 999"),
        ("changed", "1", "renamed 999"),
        ("gone", "0", "renamed 999"),
    ]
    page.sending.cancel()


async def test_looking_ends_with_the_page(server: Jupyter, place: Path) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        async with changes(server) as page:
            await hear(page)
            await until_async(lambda: toy.paths().count("/dasklens/proof") > 5, "quick looks", 3)
        await asyncio.sleep(0.3)
        before = len(toy.asked)
        await asyncio.sleep(1.2)
        # A tenth of the rate: two or three in that time, not twenty.
        assert len(toy.asked) - before <= 4


async def test_nothing_was_logged_that_should_not_be(server: Jupyter) -> None:
    said = server.said()
    assert TOKEN not in said
    # A kernel that is ended while it starts says so with a traceback; it is not ours.
    for ours in ("Uncaught exception", "Exception in callback", "exception was never retrieved", "dasklens:"):
        assert ours not in said

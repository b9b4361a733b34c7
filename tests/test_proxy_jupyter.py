"""The proxy in a real Jupyter server: what its log keeps to itself, and Dask's own pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from backends import Asked, Toy, raw, saying
from conftest import SCHEDULER
from distributed import LocalCluster
from hostile import closed, connect, exchange
from jupyter import BASE_URL, Browser, Jupyter, jupyter
from sockets import UPGRADE, upgraded
from tornado.websocket import WebSocketClientConnection
from waiting import until_async

#: A registry that fails in a way that nobody thought of, with whatever was in its hands in the message.
BREAK = """
import sys
from dasklens.server import proxy
from dasklens.server.registry import Registry
from jupyter_server.serverapp import main

true = proxy.asked

def asked(headers, authority):
    if headers.get("Accept") == "break":
        frame = sys._getframe(1)
        raise RuntimeError(f"broken: {frame.f_locals} {frame.f_locals['self'].request!r}")
    return true(headers, authority)

proxy.asked = asked
main()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """At debug level, and with a way to make it fail."""
    with jupyter(tmp_path_factory.mktemp("jupyter"), "--debug", command=["-c", BREAK]) as server:
        yield server


async def added(server: Jupyter, port: int) -> str:
    """Type a dashboard in, and open it: the path of its capability, below the base URL."""
    address = {"url": f"http://127.0.0.1:{port}"}
    answer = await asyncio.to_thread(server.post, "dasklens/api/schedulers", address)
    assert answer.status == 201, answer.body
    answer = await asyncio.to_thread(server.post, f"dasklens/api/schedulers/{answer.json['id']}/page")
    assert answer.status == 200, answer.body
    return str(answer.json["url"].removeprefix(BASE_URL))


async def test_no_log_has_a_capability(server: Jupyter) -> None:
    odd = {"ok": saying(200, "ok"), "missing": saying(404), "error": saying(500), "broken": raw(b"evil")}
    async with Toy("Scheduler-log", odd=odd).serve() as toy:
        page = await added(server, toy.port)
        secret = page.split("/")[-2]
        place = BASE_URL + page
        referer = {"Referer": f"{server.url}{page}status?token=x"}
        said = {}
        for path, headers in [
            ("ok", {}),
            ("missing", {}),
            ("error", {}),
            ("broken", {}),
            ("../x", {}),
            ("ok", {"Host": "a;b"}),
            ("ok", {"Accept": "break"}),
            ("ok", {"Cookie": "x=\xff; _xsrf=%"}),
            ("ok?\xff=%ff", {}),
            ("ok", {**UPGRADE, "Sec-WebSocket-Key": "x"}),
            ("missing", UPGRADE),
            ("ok", {**UPGRADE, "Accept": "break"}),
        ]:
            got = await exchange(server.port, place + path, {**referer, **headers})
            said[(path, *headers)] = got.status
        for method in ["HEAD", "POST", "OPTIONS", "BREW"]:
            got = await exchange(server.port, place + "ok", {**referer, "Content-Length": "0"}, method)
            said[method] = got.status
        for mistyped in [
            place[:-1] + "x/ok",
            place[:-2],
            place[:-1],
            place[:-1] + "%00",
            place + "/",
            place + "a/",
        ]:
            said[mistyped[len(place) - 3 :]] = (await exchange(server.port, mistyped)).status
        requests = server.said().count("GET a page of ")
        _, writer = await connect(server.port, place + "ok")  # gone before the answer
        await closed(writer)
        await until_async(lambda: server.said().count("GET a page of ") > requests, "the end of the request")
        assert set(said.values()) == {200, 302, 400, 404, 405, 500, 502}
        assert said["ok", "Accept"] == 500
        log = server.said()
        assert "RuntimeError: broken" in log
        assert "GET a page of " in log
        for part in range(len(secret) - 10):
            assert secret[part : part + 10] not in log


async def test_the_api_of_jupyter_is_no_part_of_a_capability(server: Jupyter) -> None:
    """What a page may reach through its own address is its scheduler, whatever it makes of the path."""
    async with Toy("Scheduler-path").serve() as toy:
        page = await added(server, toy.port)
        for path in [
            "../../api/status",
            "..%2f..%2fapi/status",
            "%2e%2e/%2e%2e/api/status",
            "..\\..\\api/status",
        ]:
            got = await exchange(server.port, BASE_URL + page + path)
            assert got.status == 400
            assert b"kernels" not in got.body
        # Another scheme, host or port in the request line goes nowhere else either.
        for place in [
            f"http://127.0.0.1:{toy.port}/x",
            f"127.0.0.1:{toy.port}/x",
            f"//127.0.0.1:{toy.port}/x",
        ]:
            assert (await exchange(server.port, place)).status in (302, 400, 404)
        assert not {"/x", "/api/status"} & set(toy.paths())


async def test_a_page_follows_no_cookie_and_sets_none(server: Jupyter) -> None:
    async with Toy("Scheduler-cookie", odd={"x": saying(200, "x", "Set-Cookie: a=b\r\n")}).serve() as toy:
        page = await added(server, toy.port)
        for who in [server.browser(), Browser(server)]:
            answer = await asyncio.to_thread(who.get, page + "x")
            assert (answer.status, answer.headers["Set-Cookie"], answer.headers["Vary"]) == (200, None, None)
            assert answer.headers["Access-Control-Allow-Origin"] is None
        assert "cookie" not in toy.asked[-1].headers


# Dask's own pages.


@pytest.fixture(scope="module")
def dask() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def dashboard(dask: LocalCluster) -> int:
    port: int = dask.scheduler.http_server.port
    return port


@pytest.mark.parametrize("name", ["status", "workers", "tasks", "individual-task-stream"])
async def test_pages_of_dask_and_all_that_they_load(server: Jupyter, dashboard: int, name: str) -> None:
    page = await added(server, dashboard)
    visitor = Browser(server)
    answer = await asyncio.to_thread(visitor.get, page + name)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    found = re.findall(rb"""(?:src|href)=["']([^"'#]+\.(?:js|css|ico|svg)(?:\?[^"']*)?)["']""", answer.body)
    assert any(b"bokeh.min.js" in link for link in found)
    for link in found:
        place = urljoin(page + name, link.decode())
        assert place.startswith(page)
        answer = await asyncio.to_thread(visitor.get, place)
        assert (answer.status, bool(answer.body)) == (200, True), link


async def test_pages_of_html_alone(server: Jupyter, dashboard: int) -> None:
    page = await added(server, dashboard)
    for name in ["info/main/workers.html", "info/main/logs.html", "health", "individual-plots.json"]:
        answer = await asyncio.to_thread(Browser(server).get, page + name)
        assert (answer.status, bool(answer.body)) == (200, True), name
    answer = await asyncio.to_thread(Browser(server).get, page)
    assert (answer.status, answer.headers["Location"]) == (301, BASE_URL + page + "status")


async def test_bokeh_gets_its_document_through_the_websocket(server: Jupyter, dashboard: int) -> None:
    page = await added(server, dashboard)
    html = (await asyncio.to_thread(Browser(server).get, page + "individual-task-stream")).body.decode()
    token = re.search(r'"token":"([^"]+)"', html)
    assert token is not None
    async with server.websocket(
        page + "individual-task-stream/ws",
        token=None,
        headers={"Origin": "null"},
        subprotocols=["bokeh", token[1]],
        max_message_size=1 << 30,
    ) as socket:
        assert socket.selected_subprotocol == "bokeh"
        header, _, _ = await message(socket)
        assert header["msgtype"] == "ACK"
        for part in [{"msgid": "1", "msgtype": "PULL-DOC-REQ"}, {}, {}]:
            await socket.write_message(json.dumps(part))
        while header["msgtype"] != "PULL-DOC-REPLY":
            header, _, content = await message(socket)
        assert header["reqid"] == "1"
        assert "Task Stream" in json.dumps(content)
        await left(socket)


async def test_a_server_that_shuts_down_says_so_and_waits_for_nobody(tmp_path: Path) -> None:
    async def held(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if "upgrade" in asked.headers.get("connection", "").lower():
            writer.write(upgraded(asked.headers["sec-websocket-key"]))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await asyncio.Event().wait()

    with jupyter(tmp_path, "--debug") as server:
        async with contextlib.AsyncExitStack() as stack:
            toy = await stack.enter_async_context(Toy("Scheduler-held", odd={"held": held}).serve())
            page = await added(server, toy.port)
            opening = [server.websocket(page + "held", token=None) for _ in range(3)]
            sockets = [await stack.enter_async_context(each) for each in opening]
            reader, writer = await connect(server.port, BASE_URL + page + "held")
            await reader.readuntil(b"half")
            stopping = asyncio.ensure_future(asyncio.to_thread(server.stop))
            for socket in sockets:
                assert await asyncio.wait_for(socket.read_message(), 20) is None
                assert (socket.close_code, socket.close_reason) == (1008, "Jupyter is shutting down.")
            assert await asyncio.wait_for(reader.read(), 20) == b""
            await closed(writer)
            await asyncio.wait_for(stopping, 20)
        said = server.said()
        assert server.process.returncode in (0, -15)
        assert "Traceback" not in said
        assert "Task was destroyed" not in said


async def left(socket: WebSocketClientConnection) -> None:
    """Say goodbye, and hear it."""
    socket.close()
    while await asyncio.wait_for(socket.read_message(), 20) is not None:
        pass


async def message(socket: WebSocketClientConnection) -> list[dict[str, object]]:
    """Header, metadata and content of a message of Bokeh's protocol; its buffers are left out."""
    parts: list[dict[str, object]] = []
    for _ in range(3):
        part = await asyncio.wait_for(socket.read_message(), 20)
        assert isinstance(part, str), part
        parts.append(json.loads(part))
    for _ in range(2 * int(str(parts[0].get("num_buffers", 0)))):
        await asyncio.wait_for(socket.read_message(), 20)
    return parts


async def test_dask_s_own_event_stream_passes(server: Jupyter, dask: LocalCluster, dashboard: int) -> None:
    page = await added(server, dashboard)
    async with server.websocket(page + "eventstream", token=None, headers={"Origin": "null"}) as socket:
        first = await asyncio.wait_for(socket.read_message(), 20)
        assert first is not None
        assert json.loads(first)["name"] == "add_worker"
        await left(socket)


async def test_a_scheduler_that_dies_ends_its_sockets_and_its_address(server: Jupyter) -> None:
    code = SCHEDULER.replace("dashboard=False", "dashboard=True")
    code = code.replace("print(scheduler.address", "print(scheduler.http_server.port")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    page = await added(server, int(await process.stdout.readline()))
    async with server.websocket(page + "eventstream", token=None, headers={"Origin": "null"}) as socket:
        process.kill()
        await process.wait()
        while await asyncio.wait_for(socket.read_message(), 20) is not None:
            pass
    assert (socket.close_code, socket.close_reason) == (1011, "The connection to the scheduler was lost.")
    answer = await asyncio.to_thread(Browser(server).get, page + "status")
    assert answer.status == 502
    assert await server.refusal(page + "eventstream", token=None) == 502

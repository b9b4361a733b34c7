"""What the scheduler's HTTP server answers for dasklens, whom, and what it costs."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import sys
from typing import Any

import msgpack
import pytest
from certificates import self_signed
from distributed import Client, Scheduler, Worker
from distributed.utils_test import gen_cluster
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect
from waiting import until_async

from dasklens.model.spans import TaskTable
from dasklens.scheduler import routes
from dasklens.scheduler.recorder import Recorder, ensure_recorder
from dasklens.source.attach import UPLOADED, attach
from dasklens.wire.proof import prove

ONE_WORKER: Any = [("127.0.0.1", 1)]
NONCE = "0123456789abcdef"


class Asking:
    """Whoever asks this scheduler over HTTP."""

    def __init__(self, scheduler: Scheduler, prefix: str = "/", scheme: str = "http"):
        recorder = scheduler.plugins.get("dasklens") or ensure_recorder(scheduler)
        assert recorder is not None
        self.recorder: Any = recorder
        self.url = f"{scheme}://127.0.0.1:{scheduler.http_server.port}{prefix}dasklens/"
        self.more: dict[str, Any] = {}
        self.bearer = {"Authorization": f"Bearer {recorder.token}"}

    async def get(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> HTTPResponse:
        request = HTTPRequest(
            self.url + path, method, headers=headers, allow_nonstandard_methods=True, **self.more
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    async def connect(self, headers: dict[str, str] | None = None) -> Socket:
        url = "ws" + (self.url + "stream").removeprefix("http")
        request = HTTPRequest(url, headers=self.bearer if headers is None else headers, **self.more)
        return Socket(await websocket_connect(request, max_message_size=1 << 30))


class Socket:
    """The reader's end of a stream."""

    def __init__(self, connection: WebSocketClientConnection):
        self.connection = connection
        self.ended = False

    async def ask(self, **question: Any) -> None:
        await self.connection.write_message(json.dumps(question))

    async def reply(self) -> Any:
        message = await asyncio.wait_for(self.connection.read_message(), 20)
        self.ended = message is None
        return None if message is None else msgpack.unpackb(message)

    async def read(self, **question: Any) -> Any:
        await self.ask(id=0, **question)
        return await self.reply()

    async def close(self) -> None:
        """Close, and wait until the other side has."""
        self.connection.close()
        while not self.ended:
            await self.reply()

    async def __aenter__(self) -> Socket:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def handlers(recorder: Any) -> list[Any]:
    """A scheduler's ends of its streams; those of former tests may not have been collected yet."""
    gc.collect()
    found = [each for each in gc.get_objects() if isinstance(each, routes.StreamHandler)]
    return [each for each in found if getattr(each, "_read_from", None) is recorder]


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_hello_and_proof(c: Client, s: Scheduler, a: Worker) -> None:
    asking = Asking(s)
    hello = json.loads((await asking.get("hello", asking.bearer)).body)
    by_rpc = await c.scheduler.dasklens_hello()
    assert json.loads(json.dumps(by_rpc)) == {**hello, "token": asking.recorder.token}
    assert hello["scheduler_id"] == s.id
    assert hello["dashboard"]["port"] == s.http_server.port
    response = await asking.get(f"proof?nonce={NONCE}")
    said = json.loads(response.body)
    assert said["proof"] == prove(asking.recorder.token, NONCE, s.id)
    assert (said["scheduler_id"], said["protocol"]) == (s.id, 1)
    assert asking.recorder.token not in str(response.body) + str(dict(response.headers))


WRONG = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer x"},
    {"Authorization": "Bearer " + "0" * 64},
    {"Authorization": "Basic {token}"},
    {"Authorization": "token {token}"},
    {"Authorization": "{token}"},
    {"Authorization": "Bearer  {token}"},
    {"Authorization": "Bearer {token}, Bearer {token}"},
    {"Authorization": "Bearer {token}0"},
    {"Authorization": "Bearer {upper}"},
    {"Authorization": "Bearer tökén"},
    {"Authorization": "Bearer {token}ü"},
    {"Cookie": "token={token}"},
    {"X-Token": "{token}"},
]


def filled(headers: dict[str, str], token: str) -> dict[str, str]:
    # Bytes beyond ASCII as a hostile client sends them.
    return {
        name: value.format(token=token, upper=token.upper()).encode().decode("latin-1")
        for name, value in headers.items()
    }


@pytest.mark.parametrize("path", ["hello", "stream"])
def test_nobody_comes_in_without_the_token(path: str) -> None:
    @gen_cluster(nthreads=[])
    async def test(s: Scheduler) -> None:
        asking = Asking(s)
        for wrong in WRONG:
            headers = filled(wrong, asking.recorder.token)
            response = await asking.get(path, headers)
            assert response.code == 401, wrong
            assert asking.recorder.token not in str(response.body)
            with pytest.raises(HTTPClientError, match="401"):
                await asking.connect(headers)
        query = f"{path}?token={asking.recorder.token}&access_token={asking.recorder.token}"
        assert (await asking.get(query)).code == 401
        assert asking.recorder.readers == 0

    test()


@gen_cluster(nthreads=[])
async def test_no_page_comes_in(s: Scheduler) -> None:
    asking = Asking(s)
    own = asking.url.removesuffix("/dasklens/")
    headers = [
        {"Origin": own},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example", "Host": "evil.example"},
        {"Origin": own, "Host": own.removeprefix("http://")},
        {"Sec-WebSocket-Origin": own},
        {"Sec-Fetch-Site": "same-origin"},
    ]
    for sent in headers:
        for path in ("hello", "stream", f"proof?nonce={NONCE}"):
            response = await asking.get(path, {**asking.bearer, **sent})
            assert response.code == 403, (sent, path)
            assert "Access-Control-Allow-Origin" not in response.headers
        with pytest.raises(HTTPClientError, match="403"):
            await asking.connect({**asking.bearer, **sent})
    # A page that came by a name that now points here sends no Origin, but has no token either.
    for path, code in (("hello", 401), ("stream", 401)):
        assert (await asking.get(path, {"Host": "evil.example"})).code == code
    preflight = {"Origin": own, "Access-Control-Request-Method": "GET"}
    assert (await asking.get("hello", preflight, "OPTIONS")).code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(method: str) -> None:
    @gen_cluster(nthreads=[])
    async def test(s: Scheduler) -> None:
        asking = Asking(s)
        for path in ("hello", "stream", f"proof?nonce={NONCE}"):
            assert (await asking.get(path, asking.bearer, method)).code == 405

    test()


@gen_cluster(nthreads=[])
async def test_what_no_nonce_is(s: Scheduler) -> None:
    asking = Asking(s)
    for query in (
        "",
        "?nonce=",
        "?nonce=short",
        "?nonce=" + "x" * 129,
        "?nonce=" + "x" * 16 + "%0a",
        "?nonce=%ff" + "x" * 16,
        "?nonce=%f0%9f%98%80" + "x" * 16,
        f"?nonce={NONCE}&nonce={NONCE}",
        "?nonce=<script>alert(1)</script>",
    ):
        response = await asking.get("proof" + query)
        assert response.code == 400, query
        assert b"<" not in response.body
        assert b"proof" not in response.body


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_the_stream_is_read_by_cursor(c: Client, s: Scheduler, a: Worker) -> None:
    asking = Asking(s)
    await c.gather(c.map(abs, range(50)))
    async with await asking.connect() as socket:
        first = await socket.read(stream="tasks", cursor=0, until=50, log=asking.recorder.log.ident)
        assert len(TaskTable(first["frames"])) == first["next"] == 50
        again = await asking.recorder.read(cursor=0, log=first["log"])
        assert first == {**again, "id": 0}
        await socket.ask(id=7, cursor=50, names=first["names"], log=first["log"], wait=4)
        await c.submit(abs, -1, key="news")
        reply = await socket.reply()
        assert reply["id"] == 7
        assert (reply["next"], reply["missed"], reply["end"]) == (51, 0, 51)
        part = await socket.read(cursor=10, until=20, log=first["log"])
        assert (len(TaskTable(part["frames"])), part["next"]) == (10, 20)
        # Where another log stood says nothing of this one.
        again = await socket.read(cursor=51, names=9, log="of a former scheduler")
        assert again["next"] == 51
        assert len(TaskTable(again["frames"])) == 51


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_a_long_poll_holds_up_no_other_request(c: Client, s: Scheduler, a: Worker) -> None:
    asking = Asking(s)
    await c.submit(abs, -1)
    await until_async(lambda: asking.recorder.log.next == 1, "the log")
    async with await asking.connect() as socket:
        await socket.ask(id=1, cursor=1, log=asking.recorder.log.ident, wait=60)
        await socket.ask(id=2, cursor=0, log=asking.recorder.log.ident)
        assert (await socket.reply())["id"] == 2
        await c.submit(abs, -2)
        reply = await socket.reply()
        assert (reply["id"], reply["next"]) == (1, 2)


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_more_requests_than_are_answered_at_once_wait_for_each_other(
    c: Client, s: Scheduler, a: Worker
) -> None:
    asking = Asking(s)
    log = asking.recorder.log.ident
    async with await asking.connect() as socket:
        for ident in range(20):
            await socket.ask(id=ident, cursor=0, log=log, wait=60)
        (handler,) = handlers(asking.recorder)
        await until_async(lambda: len(handler._asked) == routes.IN_FLIGHT, "the first requests")
        await c.submit(abs, -1)
        replies = [await socket.reply() for _ in range(20)]
        assert {reply["id"] for reply in replies} == set(range(20))
        assert all(reply["next"] == 1 for reply in replies)
        # The last have nobody to wait for any more.
        assert (await socket.read(cursor=1, log=log))["frames"] == []


ODD = [
    ("no JSON", "JSON"),
    ("", "JSON"),
    ("[" * 10_000, "JSON"),
    ("[]", "object"),
    ("5", "object"),
    ("null", "object"),
    ('{"cursor": 0}', "id should"),
    ('{"id": "x"}', "id should"),
    ('{"id": null}', "id should"),
    ('{"id": true}', "id should"),
    ('{"id": -1}', "id should"),
    ('{"id": 1e300}', "id should"),
    ('{"id": ' + "9" * 400 + "}", "id should"),
    (
        '{"id": 1, "stream": "workers of the future"}',
        "stream should be one of counts, details, groups, moment, profile, system, tasks, versions, workers",
    ),
    ('{"id": 1, "stream": null}', "stream should"),
    ('{"id": 1, "stream": ["tasks"]}', "stream should"),
    ('{"id": 1, "stream": {}}', "stream should"),
    ('{"id": 1, "stream": "__class__"}', "stream should"),
    ('{"id": 1, "cursor": -1}', "cursor should"),
    ('{"id": 1, "cursor": 1.5}', "cursor should"),
    ('{"id": 1, "cursor": NaN}', "cursor should"),
    ('{"id": 1, "cursor": Infinity}', "cursor should"),
    ('{"id": 1, "cursor": "0"}', "cursor should"),
    ('{"id": 1, "cursor": null}', "cursor should"),
    ('{"id": 1, "cursor": ' + "9" * 400 + "}", "cursor should"),
    ('{"id": 1, "names": -5}', "names should"),
    ('{"id": 1, "names": []}', "names should"),
    ('{"id": 1, "log": 5}', "log should"),
    ('{"id": 1, "log": null}', "log should"),
    ('{"id": 1, "until": -1}', "until should"),
    ('{"id": 1, "until": "end"}', "until should"),
    ('{"id": 1, "wait": -1}', "wait should"),
    ('{"id": 1, "wait": NaN}', "wait should"),
    ('{"id": 1, "wait": Infinity}', "wait should"),
    ('{"id": 1, "wait": true}', "wait should"),
    ('{"id": 1, "wait": ' + "9" * 400 + "}", "wait should"),
    ('{"id": 1, "max_bytes": -1}', "max_bytes should"),
    ('{"id": 1, "max_bytes": 0.5}', "max_bytes should"),
    ('{"id": 1, "max_bytes": null}', "max_bytes should"),
    (b'{"id": 1}', "binary"),
]


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_odd_requests_get_a_sentence(c: Client, s: Scheduler, a: Worker) -> None:
    asking = Asking(s)
    await c.submit(abs, -1)
    await until_async(lambda: asking.recorder.log.next == 1, "the log")
    async with await asking.connect() as socket:
        for message, expected in ODD:
            await socket.connection.write_message(message, binary=isinstance(message, bytes))
            reply = await socket.reply()
            assert set(reply) == {"id", "error"}, message
            assert expected in reply["error"], message
            assert len(reply["error"]) < 250
        # Numbers that nobody can have come from are the beginning, as for every reader.
        for question in (
            {"cursor": 2**53 - 1},
            {"cursor": 0, "names": 2**53 - 1},
            {"cursor": 0, "until": 2**53 - 1},
            {"cursor": 0, "max_bytes": 2**53 - 1},
            {"cursor": 0, "max_bytes": 0},
            {"cursor": 0, "wait": 1e8},
            {"reader": "x" * 1000, "cursor": 0, "unknown": [1]},
        ):
            reply = await socket.read(log=asking.recorder.log.ident, **question)
            assert reply["next"] == 1, question
    assert asking.recorder.readers == 0


@gen_cluster(nthreads=[])
async def test_a_request_that_is_too_long_ends_the_socket(s: Scheduler) -> None:
    asking = Asking(s)
    socket = await asking.connect()
    await socket.ask(id=1, log="x" * routes.LONGEST_REQUEST)
    assert await socket.reply() is None
    await socket.close()
    await until_async(lambda: asking.recorder.readers == 0, "the reader to be forgotten")


@gen_cluster(nthreads=[])
async def test_a_handshake_that_fails_leaves_no_reader(s: Scheduler) -> None:
    asking = Asking(s)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    for more, code in (
        ({}, 400),
        (upgrade, 426),
        ({**upgrade, "Sec-WebSocket-Version": "13"}, 400),
        ({**upgrade, "Sec-WebSocket-Version": "1"}, 426),
    ):
        assert (await asking.get("stream", {**asking.bearer, **more})).code == code, more
    assert asking.recorder.readers == 0


@gen_cluster(nthreads=[])
async def test_what_fails_here_is_no_end_of_the_socket(s: Scheduler) -> None:
    asking = Asking(s)
    read = asking.recorder.streams["tasks"]

    async def fail(**question: Any) -> dict[str, Any]:
        raise OSError("secret of the scheduler")

    asking.recorder.streams["tasks"] = fail
    async with await asking.connect() as socket:
        reply = await socket.read()
        assert reply == {"id": 0, "error": "The scheduler could not answer; its log says why."}
        asking.recorder.streams["tasks"] = read
        assert (await socket.read())["next"] == 0


@gen_cluster(nthreads=[])
async def test_an_open_socket_is_one_reader_and_a_closed_one_none(s: Scheduler) -> None:
    asking = Asking(s)
    recorder = asking.recorder
    before = len(asyncio.all_tasks())
    sockets = [await asking.connect() for _ in range(3)]
    assert recorder.readers == 3
    for socket in sockets:
        for _ in range(4):
            await socket.ask(id=0, log=recorder.log.ident, wait=60)
    await until_async(lambda: sum(len(h._asked) for h in handlers(recorder)) == 12, "the requests")
    # A socket is a reader however long it is silent.
    assert recorder._readers == {}
    for left, socket in zip((2, 1, 0), sockets, strict=True):
        await socket.close()
        assert recorder.readers == left
    await until_async(lambda: len(asyncio.all_tasks()) <= before, "the tasks to end")


@gen_cluster(nthreads=[])
async def test_nothing_runs_when_nobody_is_connected(s: Scheduler) -> None:
    asking = Asking(s)
    before = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    async with await asking.connect():
        during = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
        assert "StreamHandler._look" in during
    await until_async(
        lambda: not any("StreamHandler" in str(task.get_coro()) for task in asyncio.all_tasks()),
        "the tasks of the socket to end",
    )
    assert not any("dasklens" in name or "StreamHandler" in name for name in before)


async def raw(asking: Asking) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A peer that upgrades, and then does as it likes."""
    host, _, port = asking.url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 12)
    key = base64.b64encode(os.urandom(16)).decode()
    head = "GET /dasklens/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    writer.write((head + f"Authorization: {asking.bearer['Authorization']}\r\n\r\n").encode())
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def masked(text: str) -> bytes:
    data = text.encode()
    assert 126 <= len(data) < 1 << 16
    return b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + b"\0\0\0\0" + data


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_a_peer_that_does_not_read_costs_what_is_under_way(c: Client, s: Scheduler, a: Worker) -> None:
    asking = Asking(s)
    recorder = asking.recorder
    await c.submit(abs, -1, key="x")
    said = {"startstops": (), "status": "OK", "worker": a.address}
    for _ in range(60_000):
        recorder.transition("x", "processing", "memory", **said)
    await until_async(lambda: recorder.log.next == 60_001, "the log")
    _, writer = await raw(asking)
    size = sum(map(len, (await recorder.read(log=recorder.log.ident))["frames"]))
    assert size > 500_000
    question = json.dumps({"id": 1, "cursor": 0, "log": recorder.log.ident, "more": "x" * 100})
    for _ in range(2000):
        writer.write(masked(question))
    (handler,) = handlers(recorder)
    await until_async(lambda: len(handler._asked) == routes.IN_FLIGHT, "the requests")
    # Nothing moves any more: all replies but the one being written wait for it.
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(handler._asked) == routes.IN_FLIGHT
    stream = handler.ws_connection.stream
    assert len(stream._write_buffer) < 1.2 * size
    # It is not closed for being slow, but after some seconds without a sign of life.
    handler._silent = routes.LOOKS - 1
    await until_async(lambda: recorder.readers == 0, "the reader to be given up")
    await until_async(lambda: not handler._asked, "the requests to end")
    writer.close()


@gen_cluster(nthreads=[])
async def test_a_dead_peer_is_noticed_and_a_silent_one_is_not_dead(s: Scheduler) -> None:
    asking = Asking(s)
    assert routes.LOOK_EVERY * (routes.LOOKS + 1) < 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "LOOK_EVERY", 0.01)
        async with await asking.connect():
            (handler,) = handlers(asking.recorder)
            pongs: list[bytes] = []
            on_pong = handler.on_pong
            handler.on_pong = lambda data: pongs.append(data) or on_pong(data)
            _, writer = await raw(asking)
            assert asking.recorder.readers == 2
            # It never answers a ping, though it is connected.
            await until_async(lambda: asking.recorder.readers == 1, "the dead peer to be noticed")
            # The other one does, which is all it does, for much longer.
            answered = len(pongs) + 2 * routes.LOOKS
            await until_async(lambda: len(pongs) > answered, "answers to pings")
            assert asking.recorder.readers == 1
        writer.close()


@gen_cluster(nthreads=[])
async def test_a_scheduler_that_closes_says_so_to_its_readers(s: Scheduler) -> None:
    asking = Asking(s)
    sockets = [await asking.connect() for _ in range(2)]
    for socket in sockets:
        await socket.ask(id=1, log=asking.recorder.log.ident, wait=60)
    await until_async(lambda: sum(len(h._asked) for h in handlers(asking.recorder)) == 2, "the requests")
    await s.close()
    for socket in sockets:
        while await socket.reply() is not None:
            pass
        assert socket.connection.close_code == 1001
        assert socket.connection.close_reason == "the scheduler closes"
        await socket.close()
    assert asking.recorder.readers == 0
    await until_async(lambda: not any(h._asked for h in handlers(asking.recorder)), "the requests to end")


@gen_cluster(nthreads=[], scheduler_kwargs={"http_prefix": "/some/where"})
async def test_below_the_dashboards_prefix(s: Scheduler) -> None:
    asking = Asking(s, prefix="/some/where/")
    hello = json.loads((await asking.get("hello", asking.bearer)).body)
    assert hello["dashboard"]["prefix"] == "/some/where/"
    assert (await asking.get("stream")).code == 401
    async with await asking.connect() as socket:
        assert (await socket.read())["next"] == 0
    asking.url = asking.url.replace("/some/where", "")
    assert (await asking.get("hello", asking.bearer)).code == 404


def test_a_dashboard_over_https() -> None:
    certificate, key = self_signed()
    config = {
        "distributed.scheduler.dashboard.tls.cert": certificate,
        "distributed.scheduler.dashboard.tls.key": key,
        "distributed.scheduler.dashboard.tls.ca-file": certificate,
    }

    @gen_cluster(nthreads=[], config=config)
    async def test(s: Scheduler) -> None:
        asking = Asking(s, scheme="https")
        asking.more = {"ca_certs": certificate}
        hello = json.loads((await asking.get("hello", asking.bearer)).body)
        assert hello["dashboard"]["scheme"] == "https"
        async with await asking.connect() as socket:
            assert (await socket.read())["next"] == 0

    test()


@gen_cluster(nthreads=[])
async def test_beginning_twice_adds_the_routes_once(s: Scheduler) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    rules = len(s.http_application.default_router.rules)
    recorder.begin(s)
    recorder.begin(s)
    assert len(s.http_application.default_router.rules) == rules
    # Another recorder of the same scheduler is the one that is asked.
    await s.unregister_scheduler_plugin("dasklens")
    other = ensure_recorder(s)
    assert other is not recorder
    assert len(s.http_application.default_router.rules) == rules
    asking = Asking(s)
    assert asking.recorder is other
    assert (await asking.get("hello", asking.bearer)).code == 200
    assert (await asking.get("hello", {"Authorization": f"Bearer {recorder.token}"})).code == 401


@gen_cluster(nthreads=[], config={"distributed.scheduler.preload": []})
async def test_a_scheduler_without_a_server_records_all_the_same(s: Scheduler) -> None:
    application = s.http_application
    del s.http_application
    recorder = Recorder()
    recorder.begin(s)
    # It comes later, and the scheduler's own start begins again.
    s.http_application = application
    await recorder.start(s)
    s.add_plugin(recorder, name="dasklens")
    asking = Asking(s)
    assert (await asking.get("hello", asking.bearer)).code == 200


@gen_cluster(
    client=True,
    nthreads=ONE_WORKER,
    config={"distributed.scheduler.preload": [], "distributed.client.preload": []},
)
async def test_an_uploaded_recorder_answers_too(c: Client, s: Scheduler, a: Worker) -> None:
    import dasklens.source.attach as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "local_scheduler", lambda client: None)
        patch.syspath_prepend(s.local_directory)
        hello = await attach(c)
        await attach(c)
    await c.submit(abs, -1)
    asking = Asking(s)
    await until_async(lambda: asking.recorder.log.next == 1, "the log")
    assert type(asking.recorder).__module__.startswith(UPLOADED)
    assert hello["token"] == asking.recorder.token
    assert json.loads((await asking.get(f"proof?nonce={NONCE}")).body)["proof"] == prove(
        hello["token"], NONCE, s.id
    )
    async with await asking.connect() as socket:
        assert (await socket.read())["next"] == 1
    for name in [m for m in sys.modules if m.split(".")[0] == UPLOADED]:
        del sys.modules[name]
    sys.path[:] = [p for p in sys.path if not p.endswith(f"{UPLOADED}.zip")]

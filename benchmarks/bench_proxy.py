"""The websockets of Bokeh pages: how much of the direct rate comes through, beside jupyter-server-proxy.

Scheduler, Jupyter server and page are processes of their own. Two pages are of a real Bokeh server, one with
updates like those of Dask's task stream, one with 2 MB of arrays; the third stream is made of ready messages,
as many as tornado can send. All send as fast as they can; the page only counts, as cheaply as a browser
reads. The three ways take turns, and their order changes.
``DASKLENS_BENCH_ROUNDS`` and ``DASKLENS_BENCH_SECONDS`` make a shorter run.
"""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from rows import Row

# How tests start a Jupyter server is written once.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from jupyter import Jupyter, jupyter, request

ROUNDS = int(os.environ.get("DASKLENS_BENCH_ROUNDS", "12"))
SECONDS = float(os.environ.get("DASKLENS_BENCH_SECONDS", "1.5"))
REQUIRED = 0.9

STREAMS = {
    "tasks": "Bokeh, 1,000 rectangles an update",
    "arrays": "Bokeh, 2 MB of arrays an update",
    "ready": "ready messages of 2 kB",
}

#: Looks enough like a Dask dashboard to be taken for one.
BACKEND = """
import asyncio, json, sys
import numpy as np
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from bokeh.server.server import Server
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

class Said(RequestHandler):
    def initialize(self, says):
        self.says = says
    def get(self):
        self.finish(self.says)

class Ready(WebSocketHandler):
    HEADER = json.dumps({"msgid": "1" * 32, "msgtype": "PATCH-DOC"})
    def check_origin(self, origin):
        return True
    def select_subprotocol(self, names):
        return names[0] if names else None
    def open(self):
        self.set_nodelay(True)
        self.sending = asyncio.ensure_future(self.send("x" * 2000))
    async def send(self, content):
        try:
            while True:
                for message in (self.HEADER, "{}", content):
                    await self.write_message(message)
        except WebSocketClosedError:
            pass

def page(data):
    def build(doc):
        source = ColumnDataSource(data(0))
        plot = figure()
        plot.line(*list(source.data)[:2], source=source)
        doc.add_root(plot)
        turn = 0
        def update():
            nonlocal turn
            turn += 1
            source.data = data(turn)
        doc.add_periodic_callback(update, 1)
    return build

def tasks(turn):
    start = np.arange(1000.0) + turn
    names = [f"inc-{i:032x}" for i in range(1000)]
    return {"start": start, "y": start % 8, "duration": start, "key": names, "name": names,
            "color": ["#440154"] * 1000, "worker": ["tcp://10.0.0.5:40000"] * 1000, "alpha": start}

def arrays(turn):
    x = np.arange(125_000.0) + turn
    return {"x": x, "y": x}

identity = {"type": "Scheduler", "id": "Scheduler-bench", "address": "", "services": {}, "workers": {}}
server = Server(
    {"/tasks": page(tasks), "/arrays": page(arrays)}, port=0, allow_websocket_origin=["*"],
    # A page that was left costs nothing in the next turn.
    unused_session_lifetime_milliseconds=1, check_unused_sessions_milliseconds=50,
    extra_patterns=[
        ("/health", Said, {"says": "ok"}),
        ("/individual-plots.json", Said, {"says": {"Bench": "/bench"}}),
        ("/json/identity.json", Said, {"says": identity}),
        ("/ready/ws", Ready),
    ],
)
server.start()
print(server.port, flush=True)
async def until_closed():
    await asyncio.to_thread(sys.stdin.read)
    server.io_loop.stop()

server.io_loop.add_callback(until_closed)
server.io_loop.start()
"""


@contextmanager
def _backend() -> Iterator[int]:
    command = [sys.executable, "-W", "ignore", "-c", BACKEND]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


class Page:
    """What a browser does with a page's websocket, without drawing: read it."""

    def __init__(self, port: int, path: str, token: str = ""):
        auth = {"Authorization": f"token {token}"} if token else {}
        session = b""
        if not path.endswith("/ready"):
            answer = request(f"http://127.0.0.1:{port}{path}", headers=auth)
            found = re.search(rb'"token":"([^"]+)"', answer.body)
            if found is None:
                raise RuntimeError(f"No page of Bokeh: {answer.status} {answer.body[:200]!r}")
            session = found[1]
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        sent = {
            "Host": f"127.0.0.1:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Protocol": f"bokeh, {session.decode() or 'token'}",
            **auth,
        }
        lines = [f"GET {path}/ws HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._buffer = bytearray(1 << 20)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(4096)
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"No websocket: {head!r}")

    def rate(self, seconds: float) -> float:
        """Bytes a second, after a start of half as long."""
        self._read(seconds / 2)
        return self._read(seconds)

    def _read(self, seconds: float) -> float:
        count, begin = 0, time.perf_counter()
        while (now := time.perf_counter()) < begin + seconds:
            count += self._socket.recv_into(self._buffer)
        return count / (now - begin)

    def close(self) -> None:
        self._socket.close()


def _ways(server: Jupyter, port: int) -> dict[str, tuple[int, str, str]]:
    """Port, root and token of each way to the pages."""
    added = server.post("dasklens/api/schedulers", {"url": f"http://127.0.0.1:{port}"})
    page = server.post(f"dasklens/api/schedulers/{added.json['id']}/page").json["url"]
    return {
        "direct": (port, "/", ""),
        "ours": (server.port, page, ""),
        "peer": (server.port, f"{server.base_url}proxy/{port}/", server.token),
    }


def _row(stream: str, ways: dict[str, tuple[int, str, str]]) -> Row:
    rates: dict[str, list[float]] = {way: [] for way in ways}
    order = list(ways)
    for turn in range(ROUNDS):
        for way in order[turn % 3 :] + order[: turn % 3]:
            port, root, token = ways[way]
            page = Page(port, root + stream, token)
            rates[way].append(page.rate(SECONDS))
            page.close()
            time.sleep(0.2)  # the scheduler forgets it
    ratios = {
        way: sorted(rate / direct for rate, direct in zip(rates[way], rates["direct"], strict=True))
        for way in ("ours", "peer")
    }
    low, high = ratios["ours"][ROUNDS // 4], ratios["ours"][-1 - ROUNDS // 4]
    ours = median(ratios["ours"])
    return Row(
        f"websocket through the proxy: {STREAMS[stream]}",
        f">= {REQUIRED} of direct",
        f"{median(ratios['peer']):.2f}",
        f"{ours:.2f} ({low:.2f}-{high:.2f}; direct {median(rates['direct']) / 1e6:.0f} MB/s)",
        ours >= REQUIRED,
    )


def measure() -> list[Row]:
    """Rows of this file."""
    with tempfile.TemporaryDirectory() as home, _backend() as port, jupyter(Path(home)) as server:
        ways = _ways(server, port)
        return [_row(stream, ways) for stream in STREAMS]

"""20,000 trivial tasks with and without an open side panel, and with Bokeh's `/status` open instead.

As bench_overhead.py, with all that a panel asks for: a Jupyter server in a process of its own, the
websockets of the list of schedulers and of the streams tasks, counts, workers and profile, and the live
summary, read by another process that draws nothing (a person's browser is on another machine). The peer
is a Bokeh session of `/status`, in another process too; both sides of its pairs have that dashboard.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench_overhead import PAIRS, TASKS, Own, Side, closing, ratios_of, row, said
from rows import Row

# How tests start a Jupyter server is written once.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from jupyter import jupyter

#: The peer's ratio is far from ours: it takes fewer pairs to tell.
MOST_PEER_PAIRS = 4

ANNOUNCED = "from dasklens.scheduler.preload import dask_setup; await dask_setup(scheduler)"

#: Reads the streams of a panel and says when the first frame of each has come.
PANEL = """
import asyncio, json, sys, time, urllib.request
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

url, token, ident = json.loads(sys.argv[1])
headers = {"Authorization": f"token {token}"}

def listed():
    request = urllib.request.Request(url + "dasklens/api/schedulers", headers=headers)
    with urllib.request.urlopen(request) as got:
        return json.load(got)["schedulers"]

async def stream(id, name, came):
    request = HTTPRequest(f"ws{url[4:]}dasklens/api/schedulers/{id}/frames?stream={name}", headers=headers)
    socket = await websocket_connect(request, max_message_size=1 << 30)
    await socket.write_message(json.dumps({"cursor": 0, "names": 0, "log": ""}))
    while (message := await socket.read_message()) is not None:
        if isinstance(message, bytes):
            came.set()

async def changes():
    socket = await websocket_connect(
        HTTPRequest(f"ws{url[4:]}dasklens/api/schedulers/changes", headers=headers))
    while await socket.read_message() is not None:
        pass

def summed(id):
    address = f"{url}dasklens/api/schedulers/{id}/summary?seconds=60"
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as got:
        return json.load(got)

async def summaries(id, came):
    while True:
        said = await asyncio.to_thread(summed, id)
        if said["summary"] is not None:
            came.set()
        await asyncio.sleep(2.5)

async def main():
    looking = asyncio.ensure_future(changes())
    while True:
        found = [s["id"] for s in listed() if s["scheduler_id"] == ident and s["state"] == "reachable"]
        if found:
            break
        await asyncio.sleep(0.1)
    came = [asyncio.Event() for _ in range(3)]
    later = [asyncio.Event()] * 2
    running = [asyncio.ensure_future(stream(found[0], name, event))
               for name, event in zip(("counts", "workers", "tasks", "profile"), came + later)]
    running.append(asyncio.ensure_future(summaries(found[0], came[2])))
    for event in came:
        await event.wait()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""

#: A browser's session of a Bokeh page, without the browser: its websocket, read as fast as it comes.
BOKEH = """
import asyncio, json, re, sys, urllib.request
from tornado.websocket import websocket_connect

(url,) = json.loads(sys.argv[1])
page = urllib.request.urlopen(url).read().decode()
token = re.search(r'"token":"([^"]+)"', page).group(1)

async def read(socket):
    while await socket.read_message() is not None:
        pass

async def main():
    ws = "ws" + url[4:] + "/ws"
    socket = await websocket_connect(ws, subprotocols=["bokeh", token], max_message_size=1 << 30)
    await socket.read_message()
    # The document is asked for, as BokehJS does: from then on its changes are sent.
    header = {"msgid": "1", "msgtype": "PULL-DOC-REQ"}
    for part in (header, {}, {}):
        await socket.write_message(json.dumps(part))
    reading = asyncio.ensure_future(read(socket))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    reading.cancel()

asyncio.run(main())
"""


@contextmanager
def watcher(script: str, *args: object) -> Iterator[None]:
    """A process that watches, from the moment at which it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, json.dumps(args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = process.stdout.readline().strip()
        if ready != "ready":
            raise RuntimeError(f"the watcher did not start: {ready!r}")
        yield
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        finally:
            process.kill()


@contextmanager
def sides(peer: bool) -> Iterator[dict[bool, Side]]:
    """A scheduler that nobody watches and one with a panel open, or with a page of Bokeh's."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "DASK_DASKLENS__ANNOUNCE": "true",
        }
        made = {
            False: Side(Own(dashboard=peer), watched=False),
            True: Side(Own("pass" if peer else ANNOUNCED, peer, env), watched=False),
        }
        stack.enter_context(closing(made))
        scheduler = made[True].scheduler
        assert scheduler is not None
        if peer:
            stack.enter_context(watcher(BOKEH, f"http://127.0.0.1:{scheduler.port}/status"))
        else:
            server = stack.enter_context(jupyter(home))
            stack.enter_context(watcher(PANEL, server.url, server.token, scheduler.ident))
        yield made


def pairs(peer: bool) -> tuple[list[float], list[float]]:
    """Ratios of wall and of scheduler CPU, watched to unwatched."""
    walls, cpus = [], []
    for pair in range(min(PAIRS, MOST_PEER_PAIRS) if peer else PAIRS):
        wall, cpu = ratios_of(pair, lambda: sides(peer))
        walls.append(wall)
        cpus.append(cpu)
        print(f"  {'bokeh' if peer else 'panel'} {pair}: {wall:.3f} {cpu:.3f}", file=sys.stderr, flush=True)
    return walls, cpus


def measure() -> list[Row]:
    """Rows of this file."""
    ours, theirs = pairs(peer=False), pairs(peer=True)
    names = (f"wall, {TASKS:,} tasks, panel open", f"scheduler CPU, {TASKS:,} tasks, panel open")
    return [
        row(name, ratios, f"{said(peers)} (/status)")
        for name, ratios, peers in zip(names, ours, theirs, strict=True)
    ]

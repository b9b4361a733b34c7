"""Schedulers in processes of their own, and pages that read their frames."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter import Jupyter
from tornado.websocket import WebSocketClientConnection
from waiting import until, until_async

from dasklens.model.spans import TaskTable
from dasklens.wire.frames import unpack_frame

SCRIPT = """
import asyncio, json, sys
from types import SimpleNamespace as Some
from distributed import Client, Scheduler, Worker

class Group:
    name, prefix, span_id = "filled", Some(name="filled"), None

async def main(port):
    async with (
        Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=f"127.0.0.1:{port}") as s,
        Worker(s.address, nthreads=1),
        Client(s.address, asynchronous=True) as c,
    ):
        recorder = s.plugins.get("dasklens")
        group = Group()

        async def run(keys, fail=False):
            # All ran, and not even the scheduler remembers.
            futures = [c.submit(int if fail else abs, "x" if fail else -1, key=as_key(key)) for key in keys]
            await c.gather(futures, errors="skip")
            del futures

        async def fill(first, n, nbytes=0):
            # Straight into the log, as fast as it goes.
            for i in range(first, first + n):
                start = 1.7e9 + i * 1e-3
                said = dict(worker="tcp://127.0.0.1:1", thread=i % 4, status="OK", nbytes=nbytes,
                            startstops=[dict(action="compute", start=start, stop=start + 1e-3)])
                recorder.log.extend([(Some(key=("filled", i), group=group), said)])
            recorder._wake_drain()

        async def look():
            return dict(next=recorder and recorder.next, readers=recorder and recorder.readers,
                        log=recorder and recorder.log.ident, plugins=list(s.plugins), id=s.id)

        async def port():
            return s.http_server.port

        commands = dict(run=run, fill=fill, look=look, port=port)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            said = json.loads(line)
            print(json.dumps(await commands[said.pop("do")](**said)), flush=True)

def as_key(key):
    return tuple(key) if isinstance(key, list) else key

asyncio.run(main(int(sys.argv[1])))
"""


class Scheduled:
    """A scheduler with one worker; announced where its environment says."""

    def __init__(self, process: subprocess.Popen[str]):
        self.process = process

    def do(self, what: str, **more: Any) -> Any:
        """Have it do something, and wait until it has."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": what, **more}) + "\n")
        stdin.flush()
        return json.loads(stdout.readline())

    def run(self, *keys: Any, fail: bool = False) -> None:
        self.do("run", keys=keys, fail=fail)

    def fill(self, first: int, n: int, **more: Any) -> None:
        self.do("fill", first=first, n=n, **more)

    @property
    def readers(self) -> int:
        readers: int = self.do("look")["readers"]
        return readers

    @property
    def port(self) -> int:
        port: int = self.do("port")
        return port

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Without a word, and so that not even its number is left."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def scheduled(runtime: Path, port: int = 0, env: Mapping[str, str] | None = None) -> Iterator[Scheduled]:
    """Start one that announces itself below this runtime folder, and kill it in the end."""
    complete = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), **(env or {})}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=complete,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Scheduled(process)
        finally:
            process.kill()


PLAIN = {"DASK_DASKLENS__RECORD": "false"}


def entry(server: Jupyter, scheduler_id: str = "") -> dict[str, Any]:
    """What the Jupyter server says of this scheduler, or the only one, once it knows it."""
    found: list[dict[str, Any]] = []

    def known() -> bool:
        every = server.get("dasklens/api/schedulers").json["schedulers"]
        found[:] = [
            one for one in every if scheduler_id in ("", one["scheduler_id"]) and one["state"] == "reachable"
        ]
        return bool(found)

    until(known, "the scheduler to be known", 20)
    assert len(found) == 1
    return found[0]


class Reader:
    """What a page holds of one stream."""

    def __init__(self) -> None:
        self.texts: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        self.table = TaskTable()
        #: Of the table's records; those that a rewind brought again are there twice.
        self.cursors: list[int] = []
        self.missed = 0
        #: Where it would read on.
        self.place: dict[str, Any] = {"log": "", "cursor": 0, "names": 0}
        self.closed = False

    def take(self, message: str | bytes | None) -> None:
        if message is None:
            self.closed = True
        elif isinstance(message, str):
            self.texts.append(json.loads(message))
        else:
            self._take(message)

    def _take(self, data: bytes) -> None:
        frame = unpack_frame(data)
        if frame.log != self.place["log"]:
            self.place = {"log": frame.log, "cursor": 0, "names": 0}
            self.table, self.cursors, self.frames, self.missed = TaskTable(), [], [], 0
        first, have = frame.first - frame.missed, self.place["cursor"]
        assert first <= have, f"a gap: {first} came after {have}"
        self.place["names"] = max(self.place["names"], frame.names0 + len(frame.names))
        self.missed += max(0, frame.first - have)
        self.place["cursor"] = max(have, frame.next)
        self.frames.append(data)
        self.table.append(frame)
        self.cursors += range(frame.first, frame.next)

    @property
    def records(self) -> dict[int, Any]:
        """Keys by cursor."""
        records: dict[int, Any] = {}
        for cursor, key in zip(self.cursors, self.table.keys(), strict=True):
            assert records.setdefault(cursor, key) == key, "another record at the same place"
        return dict(sorted(records.items()))

    @property
    def keys(self) -> list[Any]:
        return list(self.records.values())

    def last(self, kind: str) -> dict[str, Any]:
        return next((text for text in reversed(self.texts) if text["type"] == kind), {})

    @property
    def phase(self) -> str:
        phase: str = self.last("state").get("phase", "")
        return phase

    @property
    def phases(self) -> list[str]:
        """One after the other, without repetitions."""
        said = [text["phase"] for text in self.texts if text["type"] == "state"]
        return [phase for n, phase in enumerate(said) if not n or said[n - 1] != phase]

    async def until(self, phase: str, seconds: float = 20) -> None:
        await until_async(lambda: self.phase == phase, f"{phase} after {self.texts[-3:]}", seconds)

    async def until_key(self, key: Any, seconds: float = 20) -> None:
        await until_async(lambda: key in self.keys, f"task {key!r}", seconds)


class Page(Reader):
    """A page whose socket is open."""

    connection: WebSocketClientConnection

    async def read(self, **place: Any) -> None:
        await self.connection.write_message(json.dumps({**self.place, **place}))

    async def pause(self) -> None:
        await self.connection.write_message('{"pause": true}')


@contextlib.asynccontextmanager
async def page(server: Jupyter, id: str, query: str = "", **more: Any) -> AsyncIterator[Page]:
    """Open one, which does not read yet."""
    page = Page()
    async with server.websocket(
        f"dasklens/api/schedulers/{id}/frames{query}",
        on_message_callback=page.take,
        max_message_size=1 << 30,
        **more,
    ) as page.connection:
        yield page
    await until_async(lambda: page.closed, "the page to hear that its socket is closed")


class Group:
    """Of tasks; and their prefix."""

    span_id = None

    def __init__(self, name: str = "g"):
        self.name = name
        self.prefix = self


GROUP = Group()


def tasks(first: int, n: int, group: Group = GROUP) -> list[tuple[Any, dict[str, Any]]]:
    """Finished tasks that never ran, and what the scheduler says of each."""
    made = []
    for i in range(first, first + n):
        start = 1.7e9 + i * 1e-3
        span = {"action": "compute", "start": start, "stop": start + 1e-3}
        said = {"worker": "tcp://w:1", "thread": i % 4, "status": "OK", "nbytes": i, "startstops": (span,)}
        made.append((SimpleNamespace(key=(group.name, i), group=group), said))
    return made

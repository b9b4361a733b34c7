"""The registry while it runs: who looks, what it costs, how it ends; real schedulers that come and go."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backends import TOKEN, Toy, announcement, silent, write
from registries import Heard, closed_port, only, states
from waiting import until_async

import dasklens
from dasklens.server import registry as registry_module
from dasklens.server import talk
from dasklens.server.config import Dasklens
from dasklens.server.registry import NotThere, Refusal, Registry

# -- notebooks -------------------------------------------------------------------------------------


async def test_kernels_are_named_by_their_notebooks(
    registry: Registry, serverapp: SimpleNamespace, place: Path
) -> None:
    sessions = [
        {"path": "a/b.ipynb", "name": "b.ipynb", "type": "notebook", "kernel": {"id": "k1"}},
        {"path": "c.py", "name": "c.py", "type": "console", "kernel": None},
    ]

    async def list_sessions() -> list[dict[str, Any]]:
        return sessions

    write(place, announcement(closed_port(), kernel="k1"))
    await registry.scan()  # without a session manager
    assert only(registry).notebooks == []
    serverapp.session_manager = SimpleNamespace(list_sessions=list_sessions)
    heard = Heard(registry)
    await registry.scan()
    named = [{"kernel": "k1", "path": "a/b.ipynb", "name": "b.ipynb"}]
    assert only(registry).said()["notebooks"] == named
    assert ("changed", "unreachable") in heard.events
    sessions[0]["path"] = "renamed.ipynb"
    await registry.scan()
    assert only(registry).notebooks[0]["path"] == "renamed.ipynb"
    sessions.append({"odd": 1, "kernel": {}})
    await registry.scan()  # of another kind of session manager: what was known stays
    assert only(registry).notebooks[0]["path"] == "renamed.ipynb"


# -- life ------------------------------------------------------------------------------------------


async def test_changes_are_noticed_while_somebody_looks(registry: Registry, place: Path) -> None:
    await registry.start()
    heard = Heard(registry)
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        await until_async(lambda: ("changed", "reachable") in heard.events, "the scheduler", 1)
        entry = only(registry)
    await until_async(lambda: entry.state == "unreachable", "the loss", 0.5)
    assert "Nothing listens" in entry.reason
    since = entry.since
    async with Toy(token=TOKEN).serve(port=toy.port):
        await until_async(lambda: entry.state == "reachable", "the return", 0.5)
        assert entry.since > since
    assert entry.target is None or entry.target.port == toy.port


async def test_nobody_looks_and_little_is_done(
    serverapp: SimpleNamespace, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(Dasklens(poll_interval=0.1), serverapp)
    reads: list[float] = []
    read = registry._folder.read
    monkeypatch.setattr(registry._folder, "read", lambda: [reads.append(time.monotonic()), read()][1])
    hears = Heard(registry, looking=False)
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        await registry.start()
        await until_async(lambda: len(reads) == 2, "the second look", 5)
        assert reads[1] - reads[0] > 0.9
        assert toy.paths().count("/dasklens/proof") <= 2
        # Whoever comes to look sees at once.
        begin = time.monotonic()
        looks = Heard(registry)
        await until_async(lambda: len(reads) >= 6, "looks", 2)
        assert reads[2] - begin < 0.1
        looks.unsubscribe()
        hears.unsubscribe()
        # A proof for everybody, not one for each who looks.
        assert toy.paths().count("/dasklens/proof") <= len(reads) + 1
    await registry.stop()


async def test_a_home_folder_that_hangs_holds_nobody_up(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        await registry.scan()
        go = threading.Event()
        monkeypatch.setattr(registry._folder, "read", lambda: go.wait(20) and [])
        monkeypatch.setattr(registry_module, "READ_TIMEOUT", 0.05)
        for _ in range(5):
            await registry.scan()
        # What was known stays, and one thread hangs, not five.
        assert await registry.verify(only(registry))
        assert sum(thread.name == "dasklens-aside" for thread in threading.enumerate()) == 1
        go.set()


async def test_a_listener_that_fails_harms_nobody(
    registry: Registry, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry.subscribe(lambda event, entry: 1 / 0)  # type: ignore[arg-type, return-value]
    heard = Heard(registry)
    write(place, announcement(closed_port()))
    await registry.scan()
    assert len(heard.events) == 2
    assert "a listener of the registry failed" in caplog.text


async def test_nothing_is_left_when_it_stops(serverapp: SimpleNamespace, place: Path) -> None:
    fds = len(os.listdir("/proc/self/fd"))
    async with Toy(odd={"*": silent}).serve() as hanging, Toy(token=TOKEN).serve() as toy:
        tasks = len(asyncio.all_tasks())
        for _ in range(3):
            registry = Registry(Dasklens(poll_interval=0.05), serverapp)
            stopped: list[int] = []
            registry.subscribe(
                lambda event, entry: None, looking=True, on_stop=lambda stopped=stopped: stopped.append(1)
            )
            write(place, announcement(hanging.port, scheduler_id="hanging"), "a.json")
            write(place, announcement(toy.port, token=TOKEN), "b.json")
            await registry.start()
            await until_async(lambda: states(registry) == ["checking", "reachable"], "both")  # noqa: B023
            asked = len(hanging.asked)
            assert asked
            await registry.stop()
            assert stopped == [1]
            assert len(asyncio.all_tasks()) - len(hanging.asked) <= tasks
    assert len(asyncio.all_tasks()) == 1
    await until_async(lambda: len(os.listdir("/proc/self/fd")) == fds, "the sockets to close", 2)


# -- real schedulers -------------------------------------------------------------------------------

SCHEDULER = """
import asyncio, sys
from distributed import Scheduler

async def main():
    port, dashboard = sys.argv[1:3]
    async with Scheduler(
        host="127.0.0.1", port=int(port), dashboard_address=f"127.0.0.1:{dashboard}", dashboard=False,
        http_prefix=sys.argv[3],
    ) as scheduler:
        print(scheduler.address, scheduler.http_server.port, scheduler.id, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class Real:
    """A scheduler in a process of its own, recorded and announced or plain."""

    def __init__(self, *, plain: bool = False, port: int = 0, dashboard: int = 0, prefix: str = "/"):
        env = {**os.environ, "DASK_DASKLENS__ANNOUNCE": "true"}
        if plain:
            env["DASK_DISTRIBUTED__SCHEDULER__PRELOAD"] = "[]"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCHEDULER, str(port), str(dashboard), prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().split()
        assert said, "the scheduler did not start"
        self.address, self.dashboard, self.ident = said[0], int(said[1]), said[2]

    def __enter__(self) -> Real:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


async def test_a_real_scheduler_that_is_killed_and_started_again_at_its_address(
    registry: Registry, place: Path
) -> None:
    await registry.start()
    Heard(registry)
    with Real() as first:
        await until_async(lambda: states(registry) == ["reachable"], "the scheduler")
        entry = only(registry)
        assert (entry.scheduler_id, entry.scheduler) == (first.ident, first.address)
        assert (entry.recorded, entry.dasklens) == (True, dasklens.__version__)
        assert (entry.reason, entry.bokeh) == ("", False)
        assert len(entry.token) == 64
        first.process.kill()
        first.process.wait()
        await until_async(lambda: entry.state == "unreachable", "the loss", 2)
        await until_async(lambda: "has ended without a word" in entry.reason, "the reason", 2)
    with Real(port=int(first.address.rpartition(":")[2]), dashboard=first.dashboard) as second:
        await until_async(lambda: len(registry.entries) == 2, "the second scheduler", 10)
        other = registry.entries[1]
        await until_async(lambda: other.state == "reachable", "the second scheduler")
        assert other.scheduler_id == second.ident
        assert other.token != entry.token
        # At the address of the first there is somebody now, who is not it.
        await until_async(lambda: entry.state == "refused", "the refusal")
        assert registry.find("127.0.0.1", first.dashboard) is other
        # It closes properly.
        assert second.process.stdin is not None
        second.process.stdin.close()
        await until_async(lambda: registry.entries == [entry], "the end", 10)


async def test_a_real_scheduler_that_is_suspended_and_goes_on(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "TIMEOUT", 0.5)
    await registry.start()
    Heard(registry)
    with Real() as real:
        await until_async(lambda: states(registry) == ["reachable"], "the scheduler")
        entry = only(registry)
        os.kill(real.process.pid, signal.SIGSTOP)
        try:
            await until_async(lambda: entry.state == "unreachable", "the silence", 3)
            assert "busy or suspended" in entry.reason
            assert "Wait" in entry.remedy
            with pytest.raises(NotThere):
                await registry.verify(entry)
        finally:
            os.kill(real.process.pid, signal.SIGCONT)
        await until_async(lambda: entry.state == "reachable", "the return", 3)
        assert (entry.reason, entry.remedy) == ("", "")


async def test_a_real_plain_scheduler_below_a_prefix_typed_in_and_announced(
    registry: Registry, place: Path
) -> None:
    with Real(plain=True, prefix="/team/dask") as real:
        await registry.scan()
        assert registry.entries == []
        with pytest.raises(Refusal, match="does not answer like a Dask dashboard"):
            await registry.add(f"http://127.0.0.1:{real.dashboard}/status")
        entry = await registry.add(f"http://127.0.0.1:{real.dashboard}/team/dask/status")
        assert (entry.scheduler_id, entry.scheduler) == (real.ident, real.address)
        assert (entry.recorded, entry.dasklens) == (False, "")
        write(place, announcement(real.dashboard, scheduler_id=real.ident, prefix="/team/dask/"))
        await registry.scan()
        assert states(registry) == ["reachable", "reachable"]

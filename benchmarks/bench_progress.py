"""`dasklens.progress` beside `distributed.progress`: how late, how many bytes, what it costs the scheduler.

A cluster in a process of its own; both sides in the same run, in turns. Messages are what ipywidgets sends to
a page: comm messages with their state as JSON, and buffers. The loop of the scheduler is held for as
long as its thread computes between two turns of a callback that is due at every turn; also by the wall,
which others who want the processor make longer. What both are without a tracker is measured, too, in
the same run: while the same messages come and nothing is done with them.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
from distributed import Client, Event, wait
from distributed import progress as upstream
from rows import Row

# What stands for a page in the tests does here too.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from pages import Page

import dasklens
from dasklens.source.attach import attach
from dasklens.source.progress import _chunks

ROUNDS, GROUPS, KEYS, MILLION = 5, 50, 100_000, 1_000_000
#: Of seconds in which tasks of all groups finish.
SECONDS = 8

SCHEDULER = """
import asyncio, gc, sys, time
import dask
from distributed import Scheduler, Worker
dask.config.set({"distributed.scheduler.worker-saturation": float("inf")})

async def watch(late):
    clocks = (time.thread_time, time.perf_counter)
    before = [clock() for clock in clocks]
    while True:
        await asyncio.sleep(0.0003)
        now = [clock() for clock in clocks]
        late[:] = [max(most, b - a) for most, a, b in zip(late, before, now)]
        before = now

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler:
        late = [0.0, 0.0]
        watching = asyncio.ensure_future(watch(late))
        async def longest():
            found, late[:] = list(late), [0.0, 0.0]
            return found
        async def nothing(keys):
            pass
        async def make(n, prefix):
            # Tasks that were, without the time that running them would take.
            from distributed.scheduler import TaskState
            for at in range(n):
                key = f"{prefix}-{at}"
                ts = scheduler.new_task(key, None, "released")
                scheduler.tasks[key].state = "memory"
                ts.nbytes = 8
                if at % 1000 == 0:
                    await asyncio.sleep(0)
            # What Python's collector does with a million tasks is nobody's business here.
            gc.collect(); gc.freeze()
            late[:] = [0.0, 0.0]
        scheduler.handlers.update(bench_longest=longest, bench_make=make, bench_nothing=nothing)
        if len(sys.argv) > 1:
            async with Worker(scheduler.address, nthreads=4):
                print(scheduler.address, flush=True)
                await asyncio.to_thread(sys.stdin.read)
        else:
            print(scheduler.address, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@contextlib.contextmanager
def cluster(*args: str) -> Iterator[Client]:
    command = [sys.executable, "-c", SCHEDULER, *args]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            with Client(process.stdout.readline().strip()) as client:
                client.sync(attach, client)
                yield client
        finally:
            process.kill()


class Told(Page):
    """Writes down when each message was sent, too."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[float, int]] = []
        page = self

        class Sent(list[Any]):
            def append(self, message: Any) -> None:
                _, _, data, buffers = message
                size = len(json.dumps(data, default=str)) + sum(len(buffer) for buffer in buffers)
                page.sizes.append((time.perf_counter(), size))
                super().append(message)

        self.sent = Sent()

    def between(self, begin: float, end: float) -> tuple[int, int]:
        some = [size for at, size in self.sizes if begin <= at < end]
        return len(some), sum(some)


@contextlib.contextmanager
def page() -> Iterator[Told]:
    told, known = Told(), comm.create_comm
    comm.create_comm = told.create_comm
    try:
        yield told
    finally:
        comm.create_comm = known


def show(which: str, futures: Any) -> Any:
    """A bar as a notebook shows it; upstream's listens on the loop of whoever displays it."""
    if which == "ours":
        return dasklens.progress(futures, notebook=True)
    bar = upstream(futures, notebook=True)
    loop = futures[0].client.loop
    loop.add_callback(bar.listen)
    return bar


def last_bar(client: Client, which: str) -> float:
    """Seconds from the end of the last task, as the client hears of it, to the last message."""
    event = Event(client=client)
    gate = client.submit(lambda e: e.wait(), event, pure=False)
    futures = client.map(lambda x, g: x, range(200), g=gate, pure=False)
    with page() as told:
        bar = show(which, futures)
        time.sleep(0.5)
        event.set()
        wait(futures)
        done = time.perf_counter()
        if which == "ours":
            bar.wait(5)
        time.sleep(0.4)
        # What follows the final state says nothing of how far it is.
        at = [when for when, _ in told.sizes if when > done - 0.05]
        if which == "ours":
            bar.close()
        return max(0.0, (max(at) if at else done + 0.4) - done)


def console(client: Client, which: str) -> float:
    """Seconds from the end of the last task to the return."""
    ended: list[float] = []
    futures = client.map(lambda x: time.sleep(0.05), range(20), pure=False)
    futures[-1].add_done_callback(lambda future: ended.append(time.perf_counter()))

    def watch() -> None:
        wait(futures)
        ended.append(time.perf_counter())

    thread = threading.Thread(target=watch)
    thread.start()
    with contextlib.redirect_stdout(io.StringIO()):
        (dasklens.progress if which == "ours" else upstream)(futures, notebook=False)
    returned = time.perf_counter()
    thread.join()
    return max(0.0, returned - max(ended))


def traffic(client: Client, which: str) -> tuple[int, float, float]:
    """Bytes of the creation, and messages and kB a second of 50 groups that all go on."""
    n = 10
    keys = [f"group_{i % GROUPS}-{which}-{i}" for i in range(n * GROUPS)]
    futures = client.map(lambda x: time.sleep(SECONDS * 4 / (n * GROUPS)), range(n * GROUPS), key=keys)
    with page() as told:
        begin = time.perf_counter()
        bar = show(which, futures)
        time.sleep(1)
        created = told.between(begin, begin + 0.5)[1]
        start, end = begin + 1, begin + SECONDS - 2
        time.sleep(max(0.0, end - time.perf_counter()))
        messages, size = told.between(start, end)
        wait(futures)
        if which == "ours":
            bar.close()
    return created, messages / (end - start), size / (end - start) / 1000


#: Seconds for which the scheduler's loop was held at most, by the thread's own clock and by the wall.
Held = tuple[float, float]


def first_count(client: Client, n: int, prefix: str) -> tuple[float, Held]:
    """Seconds to the first count, and how long the scheduler's loop was held."""
    keys = [f"{prefix}-{i}" for i in range(n)]
    client.sync(client.scheduler.bench_longest)
    begin = time.perf_counter()
    bars = dasklens.progress(keys, notebook=True)
    while not bars.following.now.tracked and time.perf_counter() < begin + 30:
        time.sleep(0.001)
    first = time.perf_counter() - begin
    bars.wait(120)
    assert bars.following.now.tracked == n
    time.sleep(0.5)  # and while it lets go of them
    held = client.sync(client.scheduler.bench_longest)
    bars.close()
    return first, tuple(held)


def held_by_messages(client: Client, n: int, prefix: str) -> Held:
    """How long the loop is held when the keys come, and nobody follows them."""

    async def send() -> None:
        for some, _ in _chunks([f"{prefix}-{i}" for i in range(n)]):
            await client.scheduler.bench_nothing(keys=some)

    client.sync(client.scheduler.bench_longest)
    client.sync(send)
    return tuple(client.sync(client.scheduler.bench_longest))


def upstream_held(client: Client, n: int, prefix: str) -> float:
    from distributed.diagnostics.progressbar import TextProgressBar

    keys = [f"{prefix}-{i}" for i in range(n)]
    client.sync(client.scheduler.bench_longest)
    with contextlib.redirect_stdout(io.StringIO()):
        bar = TextProgressBar(keys, scheduler=client.scheduler.address, start=False)
        bar.client = lambda: client
        client.loop.add_callback(bar.listen)
        deadline = time.monotonic() + 20
        while not hasattr(bar, "_last_response") and time.monotonic() < deadline:
            time.sleep(0.01)
        # It would wait for results that nobody holds.
        client.loop.add_callback(bar.comm.abort)
        time.sleep(0.2)
    return float(client.sync(client.scheduler.bench_longest)[0])


def measure() -> list[Row]:
    found: dict[str, dict[str, list[Any]]] = {name: {"ours": [], "peer": []} for name in ("bar", "console")}
    with cluster("worker") as client:
        for _ in range(ROUNDS):
            for which in ("ours", "peer"):
                found["bar"][which].append(last_bar(client, which))
                found["console"][which].append(console(client, which))
        ours, peer = traffic(client, "ours"), traffic(client, "peer")
    with cluster() as client:
        client.sync(client.scheduler.bench_make, n=KEYS, prefix="many")
        theirs = upstream_held(client, KEYS, "many")
        counts = [first_count(client, KEYS, "many") for _ in range(ROUNDS)]
        client.sync(client.scheduler.bench_make, n=MILLION, prefix="million")
        million = [first_count(client, MILLION, "million")[1] for _ in range(3)]
        nothing = [held_by_messages(client, MILLION, "million") for _ in range(3)]
    rows = []
    for name, what in (("bar", "last task to final bar"), ("console", "last task to the console's return")):
        mine, other = (statistics.median(found[name][which]) for which in ("ours", "peer"))
        rows.append(
            _row(what, "no later", f"{1e3 * other:.0f} ms", f"{1e3 * mine:.0f} ms", mine <= other + 0.002)
        )
    rows.append(
        _row(
            "50 groups: creation",
            "<= 60 kB",
            f"{peer[0] / 1e3:.0f} kB",
            f"{ours[0] / 1e3:.0f} kB",
            ours[0] <= 60e3,
        )
    )
    rows.append(
        _row("50 groups: messages a second", "<= 12", f"{peer[1]:.0f}", f"{ours[1]:.1f}", ours[1] <= 12)
    )
    rows.append(
        _row("50 groups: a second", "<= 8 kB", f"{peer[2]:.0f} kB", f"{ours[2]:.1f} kB", ours[2] <= 8)
    )
    first = statistics.median(count for count, _ in counts)
    held = statistics.median(each for _, (each, _) in counts)
    rows.append(_row("100,000 keys: first count", "<= 100 ms", "", f"{1e3 * first:.0f} ms", first <= 0.1))
    rows.append(_row("100,000 keys: loop held", "<= 5 ms", _ms(theirs), _ms(held), held <= 0.005))
    own, wall, floor, floor_wall = (
        statistics.median(each[clock] for each in some) for some in (million, nothing) for clock in (0, 1)
    )
    rows.append(_row("1,000,000 keys: loop held", "<= 5 ms", "", _ms(own), own <= 0.005))
    rows.append(_row("the same without a tracker", "", "", _ms(floor), True))
    rows.append(_row("1,000,000 keys: loop held, by the wall", "", "", _ms(wall), True))
    rows.append(_row("the same without a tracker", "", "", _ms(floor_wall), True))
    return rows


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"


def _row(name: str, requirement: str, peer: str, ours: str, passed: bool) -> Row:
    return Row(f"progress, {name}", requirement, peer, ours, passed)

"""Frames on their way to the browser: how soon, how many, and at whose cost.

Scheduler, workers and Jupyter server are processes of their own, this one is the browser: it reads its
websockets and looks into the frames for cursors and times. For how soon, the tasks are real and each is as
old as its own stop says. For how many and at whose cost, a scheduler that runs nothing feeds its recorder
with finished tasks: no cluster of two cores finishes ten thousand a second.
``DASKLENS_BENCH_SECONDS`` and ``DASKLENS_BENCH_ROUNDS`` make a shorter run.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median

from bench_overhead import interval
from rows import Row

from dasklens.wire.frames import unpack_frame

# How tests start a Jupyter server is written once.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from jupyter import Jupyter, jupyter

SECONDS = float(os.environ.get("DASKLENS_BENCH_SECONDS", "60"))
ROUNDS = int(os.environ.get("DASKLENS_BENCH_ROUNDS", "12"))
#: Spans a second: of the long run, and of the rounds with one page and ten.
RATE, RATE_OF_ROUNDS = 10_000, 2_000
#: Seconds of a round, and of the long run before memory is looked at first.
ROUND, WARM = 3.0, 15.0
PAGES = 10

#: Real tasks: one after the other with pauses, then many without.
CLUSTER = """
import random, sys, time
from distributed import Client, LocalCluster

def work(i):
    time.sleep(0.001)
    return i

if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=True, host="127.0.0.1",
                      dashboard_address="127.0.0.1:0") as cluster, Client(cluster) as client:
        print("ready", flush=True)
        for line in sys.stdin:
            pauses, n = line.split()
            for i in range(int(n)) if pauses == "pauses" else ():
                client.submit(work, i, pure=False).result()
                time.sleep(random.uniform(0.02, 0.4))
            if pauses == "none":
                for _ in range(int(n) // 500):
                    client.gather(client.map(work, range(500), pure=False))
            print("done", flush=True)
"""

#: Finished tasks that never ran, `rate` of them a second.
SYNTHETIC = """
import asyncio, json, sys, time
sys.path.insert(0, {folder!r})
from bench_hot_path import tasks
from distributed import Scheduler

async def main():
    where = dict(host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0")
    async with Scheduler(**where) as scheduler:
        recorder = scheduler.plugins["dasklens"]
        packed = [0, 0]
        read = recorder.streams["tasks"]
        async def counted(**more):
            reply = await read(**more)
            packed[0] += 1
            packed[1] += sum(map(len, reply["frames"]))
            return reply
        recorder.streams["tasks"] = counted
        known, said = tasks(20_000)
        finished = list(zip(known, known.values(), said))
        rate = fed = at = 0

        async def feed():
            nonlocal fed, at
            begin, was, due = time.monotonic(), 0, 0
            while True:
                await asyncio.sleep(0.01)
                if rate != was:
                    begin, was, due = time.monotonic(), rate, 0
                n = int(rate * (time.monotonic() - begin)) - due if rate else 0
                due += n
                for key, task, message in (finished[(at + i) % len(finished)] for i in range(n)):
                    scheduler.tasks[key] = task
                    recorder.transition(key, "processing", "memory", **message)
                    del scheduler.tasks[key]
                at, fed = (at + n) % len(finished), fed + n

        feeding = asyncio.ensure_future(feed())
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            rate = json.loads(line)
            print(json.dumps(dict(fed=fed, next=recorder.next, readers=recorder.readers, replies=packed[0],
                                  nbytes=packed[1], cpu=time.process_time())), flush=True)
        feeding.cancel()

asyncio.run(main())
"""


class Process:
    """A script that is told something by lines and answers each with one."""

    def __init__(self, script: str, runtime: Path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime)},
        )
        self.hear()

    def hear(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the measurement ended")
        return line

    def say(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def rate(self, rate: int) -> dict[str, float]:
        """Of the synthetic one: feed so many a second from now on; says how it stood."""
        said: dict[str, float] = json.loads(self.say(str(rate)))
        return said

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def processes(script: str) -> Iterator[tuple[Jupyter, Process, str]]:
    """A Jupyter server, the script with its scheduler, and that scheduler's id."""
    with tempfile.TemporaryDirectory() as folder, jupyter(Path(folder)) as server:
        process = Process(script, server.runtime)
        try:
            deadline = time.monotonic() + 30
            while True:
                found = server.get("dasklens/api/schedulers").json["schedulers"]
                if found and found[0]["state"] == "reachable":
                    break
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the scheduler was not found: {found}")
                time.sleep(0.1)
            yield server, process, found[0]["id"]
        finally:
            process.close()


class Page:
    """What a page counts; `times` of each record: when its last span stopped, and how long ago that was."""

    def __init__(self, *, timed: bool = False):
        self.timed = timed
        self.next: int | None = None
        self.n = 0
        self.missed = 0
        self.late: list[float] = []
        self.states: list[str] = []

    def take(self, message: str | bytes | None) -> None:
        now = time.time()
        if isinstance(message, bytes):
            frame = unpack_frame(message)
            expected = frame.first - frame.missed if self.next is None else self.next
            self.missed += frame.missed + abs(frame.first - frame.missed - expected)
            self.next = frame.next
            self.n += frame.next - frame.first
            if self.timed:
                stops = array("d", bytes(frame.cols["stop"][1]))
                self.late += [now - frame.base - stop for stop in stops]
        elif message is not None:
            said = json.loads(message)
            if said["type"] == "state":
                self.states.append(said["phase"])


@asynccontextmanager
async def looking(server: Jupyter, id: str, page: Page) -> AsyncIterator[Page]:
    connection = await server.websocket(
        f"dasklens/api/schedulers/{id}/frames", on_message_callback=page.take, max_message_size=1 << 30
    )
    await connection.write_message("{}")
    while "live" not in page.states:
        await asyncio.sleep(0.01)
    try:
        yield page
    finally:
        connection.close()


async def soon(server: Jupyter, cluster: Process, id: str) -> list[Row]:
    rows = []
    for name, line in (("one at a time", "pauses 120"), ("hundreds a second", "none 5000")):
        async with looking(server, id, Page(timed=True)) as page:
            await asyncio.sleep(0.5)  # what was there before is no news
            page.late.clear()
            before = page.n
            await asyncio.to_thread(cluster.say, line)
            await asyncio.sleep(0.5)
        # A span each, and now and then one of unpacking the function.
        late = sorted(page.late)
        all_came = page.n - before == int(line.split()[1]) and not page.missed
        rows.append(
            Row(
                f"from a task's end to its frame at the browser, {name}",
                "median <= 200 ms",
                "",
                f"{median(late) * 1e3:.0f} ms, 95 % {late[int(len(late) * 0.95)] * 1e3:.0f} ms "
                f"({page.n - before:,} tasks)",
                median(late) <= 0.2 and all_came,
            )
        )
    return rows


async def many(server: Jupyter, scheduler: Process, id: str) -> list[Row]:
    warm = min(WARM, SECONDS / 2)
    async with looking(server, id, Page()) as page:
        begin, cpu = time.monotonic(), cpu_of(server.pid)
        scheduler.rate(RATE)
        await asyncio.sleep(warm)
        early = rss_of(server.pid)
        await asyncio.sleep(SECONDS - warm)
        share = (cpu_of(server.pid) - cpu) / (time.monotonic() - begin)
        rate = scheduler.rate(0)["fed"] / (time.monotonic() - begin)
        late = rss_of(server.pid)
        fed = scheduler.rate(0)["fed"]
        for _ in range(100):
            if page.n >= fed:
                break
            await asyncio.sleep(0.05)
    what = f"{rate:,.0f} spans a second for {SECONDS:.0f} s"
    return [
        Row(
            f"{what}: missed",
            "0, and every cursor once",
            "",
            f"{page.missed} of {fed:,}, {page.n:,} came",
            page.missed == 0 and page.n == page.next == fed and rate > 0.98 * RATE,
        ),
        Row(
            f"{what}: CPU of the Jupyter server",
            "< 10 % of a core",
            "",
            f"{share * 100:.1f} %",
            share < 0.1,
        ),
        Row(
            f"{what}: memory of the Jupyter server",
            f"after {warm:.0f} s and at the end within 5 %",
            "",
            f"{early / 2**20:.0f} MiB, {late / 2**20:.0f} MiB",
            late <= early * 1.05,
        ),
    ]


async def ten(server: Jupyter, scheduler: Process, id: str) -> list[Row]:
    """Rounds with nobody, one page and ten, in turns and in changing order."""
    got: dict[int, list[dict[str, float]]] = {0: [], 1: [], PAGES: []}
    await asyncio.sleep(1)
    for turn in range(ROUNDS):
        order = list(got)
        for n in order[turn % 3 :] + order[: turn % 3]:
            async with AsyncExitStack() as stack:
                for _ in range(n):
                    await stack.enter_async_context(looking(server, id, Page()))
                await asyncio.sleep(0.5)  # they have read what was there before
                before = scheduler.rate(RATE_OF_ROUNDS)
                await asyncio.sleep(ROUND)
                after = scheduler.rate(0)
                assert after["readers"] == (1 if n else 0)
            got[n].append({name: after[name] - before[name] for name in ("cpu", "replies", "nbytes")})
    ratios = [b["cpu"] / a["cpu"] for a, b in zip(got[1], got[PAGES], strict=True)]
    mean, low, high = interval(ratios)
    cpu = {n: sum(one["cpu"] for one in rounds) / (len(rounds) * ROUND) for n, rounds in got.items()}
    replies, nbytes = (
        sum(one[name] for one in got[PAGES]) / sum(one[name] for one in got[1])
        for name in ("replies", "nbytes")
    )
    return [
        Row(
            f"{PAGES} pages beside 1: scheduler's CPU, {RATE_OF_ROUNDS:,} spans a second",
            "95 % interval holds 1, mean <= 1.05",
            "",
            f"{mean:.3f} [{low:.3f}, {high:.3f}], {ROUNDS} rounds; nobody {cpu[0] * 100:.1f} %, one "
            f"{cpu[1] * 100:.1f} %, ten {cpu[PAGES] * 100:.1f} % of a core",
            mean <= 1.05 and low <= 1,
        ),
        Row(
            f"{PAGES} pages beside 1: replies and bytes that the recorder packs",
            "<= 1.1",
            "",
            f"{replies:.3f}, {nbytes:.3f}",
            replies <= 1.1 and nbytes <= 1.1,
        ),
    ]


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_of(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure() -> list[Row]:
    """Rows of this file."""
    rows = []
    with processes(CLUSTER) as (server, cluster, id):
        rows += asyncio.run(soon(server, cluster, id))
    synthetic = SYNTHETIC.format(folder=str(Path(__file__).parent))
    for of in (many, ten):
        with processes(synthetic) as (server, scheduler, id):
            rows += asyncio.run(of(server, scheduler, id))
    return rows

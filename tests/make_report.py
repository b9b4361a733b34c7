"""Write a report's document of a real run: ``python tests/make_report.py [FILE [TASKS]]``.

With TASKS its stream of tasks is a made-up one of so many, through the recorder's own log: for measurements.
What is not the page's own business (summary, tables) is made up too, but of the same shape.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import dask.array as da
import distributed
import numpy as np
from distributed import Client, get_worker
from reportparts import document

from dasklens.scheduler.log import TaskLog
from dasklens.scheduler.profiling import Question, about, read_coverage, read_profile
from dasklens.source.attach import rpc_of
from dasklens.source.live import LiveFeed
from dasklens.wire.calltree import pack_profile
from dasklens.wire.frames import unpack_frame

SAMPLE = Path(__file__).parent / "data" / "reports" / "sample.json"
#: Unpacked bytes of a piece of a stream.
PIECE = 4 << 20


def pieces(frames: Iterable[bytes]) -> list[str]:
    """Frames as the ``data`` of a stream."""
    out: list[str] = []
    held = bytearray()
    for frame in frames:
        if held and len(held) + len(frame) > PIECE:
            out.append(_packed(bytes(held)))
            held.clear()
        held += len(frame).to_bytes(4, "little") + frame
    return [*out, _packed(bytes(held))] if held else out


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()


def stream(frames: list[bytes]) -> dict[str, Any]:
    """One entry of ``streams``."""
    records = sum(frame.next - frame.first for frame in map(unpack_frame, frames))
    return {"records": records, "frames": len(frames), "data": pieces(frames)}


# --- a real run -----------------------------------------------------------------------------------


def weigh(n: int) -> float:
    time.sleep(0.02)
    if n == 7:
        get_worker().log_event("weighed", n)
        return 1 / (n - 7)
    return sum(i * i for i in range(20_000 * n)) / 1e9


def recorded() -> dict[str, list[bytes]]:
    """The frames of a run, by stream."""
    frames: dict[str, list[bytes]] = {}

    def keep(new: list[bytes]) -> None:
        for frame in new:
            frames.setdefault(unpack_frame(frame).stream, []).append(frame)

    with (
        dask.config.set({"dasklens.sample.interval": "200ms"}),
        Client(n_workers=2, threads_per_worker=2, dashboard_address=":0", memory_limit="512 MiB") as client,
    ):
        feed = LiveFeed(client, keep, lambda *_: None, ("tasks", "counts", "workers", "groups"))
        feed.start()
        for _ in range(3):
            x = da.random.random((3000, 3000), chunks=(750, 750))
            ((x + x.T) @ x).std().compute()
        futures = client.map(weigh, range(12), key=[f"weigh-{n}" for n in range(12)])
        distributed.wait(futures)
        # Workers hand out their samples in steps of a second.
        time.sleep(2.5)
        feed.catch_up(5)
        for kind in ("worker", "server", "scheduler"):
            frames[f"profile:{kind}"] = [client.sync(_profile, client, kind)]
        feed.close()
        assert futures[0].done()
    return frames


async def _profile(client: Client, kind: str) -> bytes:
    question = Question(server=kind == "server", scheduler=kind == "scheduler")
    answer = await read_profile(rpc_of(client), question)
    coverage = await read_coverage(rpc_of(client), question)
    tree = await asyncio.to_thread(answer.merged)
    text = json.dumps(tree).replace(str(Path(sys.prefix).resolve()), "/env").replace(sys.base_prefix, "/usr")
    tree = json.loads(text.replace(str(Path(__file__).parent.resolve()), "/home/me"))
    return pack_profile(tree, {"kind": kind, **about(question, answer, coverage)}, coverage.timeline)


# --- a made-up one --------------------------------------------------------------------------------


def filled(tasks: int) -> list[bytes]:
    """Frames of so many tasks of 16 threads."""
    log = TaskLog("filled", 1 << 34, lambda worker: worker[-1], lambda _: [])
    log.extend(_records(tasks))
    frames: list[bytes] = []
    at = names = 0
    while at < log.next:
        reply = log.frames(at, names, 2 << 20)
        frames += reply["frames"]
        at, names = reply["next"], reply["names"]
    return frames


@dataclass(frozen=True, eq=False)
class Group:
    """What the log asks of a TaskGroup: it can be a key."""

    name: str
    prefix: SimpleNamespace
    span_id: None = None


def _records(tasks: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    rng = np.random.default_rng(1)
    prefixes = ["random_sample", "add", "transpose", "sum-partial", "tensordot", "mean_agg-aggregate"]
    groups = [Group(f"{name}-{k:032x}", SimpleNamespace(name=name)) for k, name in enumerate(prefixes)]
    clock = np.full(16, 1.79e9)
    for n in range(tasks):
        lane = n % 16
        group = groups[int(rng.integers(len(groups)))]
        start = clock[lane] + rng.exponential(0.002)
        stop = clock[lane] = start + rng.exponential(0.05)
        spans = [{"action": "compute", "start": start, "stop": stop}]
        if n % 5 == 0:
            spans.insert(
                0, {"action": "transfer", "start": start - 0.001, "stop": start, "source": "tcp://w0"}
            )
        yield (
            SimpleNamespace(key=(group.name, n // 100, n % 100), group=group),
            {
                "worker": f"tcp://10.0.0.1:{4000 + lane // 2}",
                "thread": 140_000 + lane,
                "status": "OK",
                "nbytes": 8_000_000,
                "typename": "numpy.ndarray",
                "startstops": spans,
                "stimulus_id": f"task-finished-{stop}",
            },
        )


def written(frames: dict[str, list[bytes]]) -> dict[str, Any]:
    """A report's document of these frames by stream."""
    return document(frames, {name: stream(each) for name, each in frames.items()})


def main(path: Path = SAMPLE, tasks: int = 0) -> None:
    if tasks:
        kept = json.loads(SAMPLE.read_text())
        made = written({"tasks": filled(tasks)})
        made["streams"] = {**kept["streams"], **made["streams"]}
        made["tables"] = kept["tables"]
    else:
        made = written(recorded())
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main(*(kind(arg) for kind, arg in zip((Path, int), sys.argv[1:], strict=False)))

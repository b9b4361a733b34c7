"""Call trees: laid out and panned in Chromium without a GPU; merged from 1,000 workers.

The workers are simulated: each has a tree of its own of some 400 frames. What the scheduler does
meanwhile is measured beside what `Client.profile` has it do for the same answer: it merges on its loop,
where ours only passes on.
"""

from __future__ import annotations

import asyncio
import os
import random
from statistics import median
from time import perf_counter, process_time
from typing import Any

from bench_draw import MEDIAN, NotMeasuredError, chromium, frames_of, run_node
from distributed import profile as upstream
from distributed.core import Server
from distributed.scheduler import Scheduler
from rows import Row

from dasklens.model import profile as tree
from dasklens.wire.calltree import pack_profile

NODES, DEPTH = 200_000, 100
WORKERS, FRAMES = 1000, 400
ROUNDS = 5
LIMIT = 120.0


def state(seed: int) -> dict[str, Any]:
    """The tree of one worker: some of the stacks that all run, and a few of its own."""
    chance = random.Random(seed)
    root = tree.create()
    made = 0
    while made < FRAMES:
        node = root
        node["count"] += 1
        for depth in range(chance.randint(8, 25)):
            own = chance.random() < 0.02
            # Mostly what all do.
            which = 0 if chance.random() < 0.7 else chance.randrange(8)
            name = f"function_{depth}_{which}" + (f"_{seed}" if own else "")
            identifier = f"{name};/env/lib/python3.12/site-packages/pandas/core/{name}.py;{depth}"
            child = node["children"].get(identifier)
            if child is None:
                made += 1
                child = node["children"][identifier] = tree.create()
                child["identifier"] = identifier
                child["description"] = {
                    "name": name,
                    "filename": identifier.split(";")[1],
                    "line_number": depth,
                    "line": "return self._mgr.apply(function)\n",
                }
            child["count"] += 1
            node = child
    return root


def merging(states: list[dict[str, Any]]) -> list[Row]:
    ours, theirs, packing = [], [], []
    for _ in range(ROUNDS):
        at = perf_counter()
        merged = tree.merge(states)
        ours.append(perf_counter() - at)
        at = perf_counter()
        expected = upstream.merge(*states)
        theirs.append(perf_counter() - at)
        assert merged == expected
        at = perf_counter()
        frame = pack_profile(tree.counted(merged))
        packing.append(perf_counter() - at)
    nodes = sum(1 for each in states for _ in tree.nodes(each))
    return [
        Row(
            f"merge of {WORKERS:,} workers, {nodes:,} frames",
            "<= 1 s",
            f"{median(theirs):.2f} s",
            f"{median(ours):.2f} s",
            median(ours) <= 1,
        ),
        Row(
            "packing what came of it",
            "measured",
            "-",
            f"{median(packing) * 1e3:.0f} ms, {len(frame) / 1e6:.2f} MB",
            True,
        ),
    ]


async def _scheduling(states: list[dict[str, Any]]) -> Row:
    """CPU time of the scheduler's loop for one answer of all workers."""

    async def profile(**_asked: Any) -> Any:
        return states[0]

    # One server stands for every worker: what a scheduler does is the same.
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler:
        async with Server({"profile": profile}) as server:
            await server.listen("tcp://127.0.0.1:0")
            asked = [server.address] * 100

            async def theirs() -> None:
                results = await asyncio.gather(*(scheduler.rpc(each).profile() for each in asked))
                upstream.merge(*results)

            async def ours() -> None:
                await scheduler.broadcast(msg={"op": "profile"}, workers=asked, on_error="return_pickle")

            times: dict[Any, list[float]] = {theirs: [], ours: []}
            for _ in range(ROUNDS):
                for act, taken in times.items():
                    at = process_time()
                    await act()
                    taken.append(process_time() - at)
    peer, own = median(times[theirs]), median(times[ours])
    return Row(
        "scheduler's loop, 100 workers answer",
        "<= upstream",
        f"{peer * 1e3:.0f} ms",
        f"{own * 1e3:.0f} ms ({own / peer:.2f})",
        own <= peer,
    )


def drawing() -> list[Row]:
    try:
        environment = {**os.environ, "CHROMIUM": chromium()}
        done = run_node("flame.mjs", str(NODES), str(DEPTH), environment=environment, limit=LIMIT)
    except NotMeasuredError as why:
        return [Row(f"flame graph of {NODES:,} frames", "measured", "-", str(why), False)]
    whole = done["read"] + done["layout"]
    return [
        Row(
            f"layout of {done['nodes']:,} frames, {done['depth']} deep",
            "<= 200 ms",
            "-",
            f"{whole:.0f} ms (read {done['read']:.0f}, lay out {done['layout']:.0f})",
            whole <= 200,
        ),
        Row(
            "the same inverted; functions",
            "measured",
            "-",
            f"{done['inverted']:.0f} ms; {done['functions']:.0f} ms",
            True,
        ),
        Row("tree in until on screen", "measured", "-", f"{done['first_picture_ms']} ms", True),
        *(
            Row(
                f"frame: {what}",
                f"median <= {MEDIAN} ms",
                "-",
                frames_of(done[name]),
                done[name]["median"] <= MEDIAN,
            )
            for name, what in (
                ("pan_half", "pan half of a flame graph"),
                ("pan_near", "pan a hundredth"),
                ("zoom", "zoom out and in"),
            )
        ),
    ]


def measure() -> list[Row]:
    """Rows of this file."""
    states = [state(seed) for seed in range(WORKERS)]
    return [*merging(states), asyncio.run(_scheduling(states)), *drawing()]

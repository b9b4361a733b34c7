"""Drawing a million spans in Chromium without a GPU, beside upstream's `/tasks` page of 100,000.

The pages and what is done on them are in `draw/`; a frame time is the distance between two animation
frames while the picture moves, measured the same way on both pages. The limits are a screen's 60
frames a second: half of them in time, and 19 of 20 at most one late.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

from rows import Row

HERE = Path(__file__).parent / "draw"
ROOT = HERE.parent.parent
SPANS = 1_000_000
LANES = 64
RECTANGLES = 100_000
MEDIAN, P95 = 17, 34
#: Seconds until ours, and upstream's, is given up.
LIMIT, PEER_LIMIT = 240, 60

MOVES = {
    "pan_all": "pan, all of it on screen",
    "zoom": "zoom by the wheel",
    "pan_near": "pan, a twentieth on screen",
    "append_follow": "follow 10,000 spans a second",
}


class NotMeasuredError(Exception):
    """Why there is no measurement, in one sentence."""


def measure() -> list[Row]:
    """Rows of this file."""
    try:
        environment = {**os.environ, "CHROMIUM": chromium()}
        ours = run_node("bench.mjs", str(SPANS), str(LANES), environment=environment, limit=LIMIT)
    except NotMeasuredError as why:
        return [Row(f"frames of {SPANS:,} spans", "measured", "-", str(why), False)]
    rows = []
    shown = seen = "-"
    try:
        peer = upstream(environment)
        shown = f"{frames_of(peer['pan'])} ({RECTANGLES:,})"
        seen = f"{peer['visible_ms'] / 1000:.2f} s ({RECTANGLES:,})"
    except NotMeasuredError as why:
        rows.append(Row("upstream's /tasks page", f"{RECTANGLES:,} spans, beside", str(why), "-", False))
    rows += [
        Row(
            f"frame: {what}",
            f"median <= {MEDIAN} ms, p95 <= {P95} ms",
            shown,
            frames_of(ours[name]),
            ours[name]["median"] <= MEDIAN and ours[name]["p95"] <= P95,
        )
        for name, what in MOVES.items()
    ]
    return [*rows, *loading(ours, seen)]


def loading(ours: dict[str, Any], seen: str) -> list[Row]:
    """Rows of the first picture and of what it costs to hold; `seen` is when the peer's was there."""
    seconds = ours["first_picture_ms"] / 1000
    each = ours["bytes_per_span"]
    return [
        Row(f"first picture of {ours['spans']:,} spans", "<= 2 s", seen, f"{seconds:.2f} s", seconds <= 2),
        Row("browser memory a span", "<= 60 bytes", "-", f"{each:.1f} bytes", each <= 60),
    ]


def frames_of(measured: dict[str, float]) -> str:
    return f"median {measured['median']:.1f} ms, p95 {measured['p95']:.1f} ms"


def upstream(environment: dict[str, str]) -> dict[str, Any]:
    """Drag upstream's page, of a scheduler that lives as long as this call."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "bokeh_page.py"), str(RECTANGLES), str(LANES)],
        stdin=subprocess.PIPE,  # closes with this process, however that ends
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    killer = Timer(PEER_LIMIT, server.kill)
    killer.start()
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        if not address:
            raise NotMeasuredError(f"Upstream's page did not start: {last_line(server.communicate()[1])}")
        return run_node("bokeh.mjs", address, str(RECTANGLES), environment=environment, limit=PEER_LIMIT)
    finally:
        server.communicate()
        killer.cancel()


def run_node(script: str, *arguments: str, environment: dict[str, str], limit: float) -> dict[str, Any]:
    """What a script of `draw/` prints, as the JSON that it is."""
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if node is None:
        raise NotMeasuredError("There is no node: 'make bench' installs it into .venv.")
    theirs, ours = os.pipe()
    try:
        done = subprocess.run(
            [node, str(HERE / script), *arguments, "--while-stdin-open"],
            stdin=theirs,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise NotMeasuredError(f"{script} was not done after {limit:.0f} s.") from None
    finally:
        os.close(theirs)
        os.close(ours)
    if done.returncode != 0:
        raise NotMeasuredError(f"{script} failed: {last_line(done.stderr)}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def chromium() -> str:
    """Path of the browser: $CHROMIUM, or what `ui-tests/find-chromium` finds."""
    if named := os.environ.get("CHROMIUM"):
        return named
    found = subprocess.run([str(ROOT / "ui-tests/find-chromium")], capture_output=True, text=True)
    if found.returncode != 0:
        raise NotMeasuredError(last_line(found.stderr))
    return found.stdout.strip()


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing."

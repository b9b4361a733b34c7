"""`jupyter nbconvert --to dasklens` beside `--to html`: size, time to write, what is drawn without a network.

The same notebooks go through both exporters in one process, each first in turn; what either loads with its
first notebook is not counted. Then both files are opened from disk by Chromium without a network.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import bqplot
import ipywidgets
import nbformat
import numpy as np
from bench_draw import NotMeasuredError, chromium, run_node
from ipywidgets.embed import dependency_state
from nbconvert.exporters import HTMLExporter
from rows import Row

from dasklens.report.nbexport import DasklensExporter

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
CELLS, FIGURES, POINTS = 100, 20, 1_000
TIMES = 5
LIMIT = 120.0


def text() -> Any:
    """A notebook of code, text and printed output."""
    cells: list[Any] = []
    for n in range(CELLS // 2):
        cells.append(
            nbformat.v4.new_markdown_cell(f"## Part {n}\n\nSome *words* on what `part_{n}` does.\n" * 3)
        )
        printed = nbformat.v4.new_output("stream", name="stdout", text="\n".join(map(str, range(30))))
        cells.append(
            nbformat.v4.new_code_cell(f"for n in range(30):\n    print(n)  # {n}", outputs=[printed])
        )
    return nbformat.v4.new_notebook(cells=cells)


def figures() -> Any:
    """A notebook of figures, each with a slider that is linked to it."""
    rng, state, cells = np.random.default_rng(0), {}, []
    for n in range(FIGURES):
        x, y = bqplot.LinearScale(), bqplot.LinearScale()
        marks = bqplot.Scatter(x=rng.random(POINTS), y=rng.random(POINTS), scales={"x": x, "y": y})
        axes = [bqplot.Axis(scale=x), bqplot.Axis(scale=y, orientation="vertical")]
        size = ipywidgets.IntSlider(value=64, max=400)
        box = ipywidgets.VBox([size, bqplot.Figure(marks=[marks], axes=axes, title=f"Figure {n}")])
        link = ipywidgets.jslink((size, "value"), (marks, "default_size"))
        state.update(dependency_state([box, link], drop_defaults=False))
        view = {
            VIEW: {"version_major": 2, "version_minor": 0, "model_id": box.model_id},
            "text/plain": "VBox()",
        }
        output = nbformat.v4.new_output("display_data", data=view)
        cells.append(nbformat.v4.new_code_cell(f"show({n})", outputs=[output]))
    nb = nbformat.v4.new_notebook(cells=cells)
    nb.metadata.widgets = {STATE: {"version_major": 2, "version_minor": 0, "state": state}}
    return nb


def written(nb: Any, folder: Path) -> tuple[dict[str, list[float]], dict[str, Path]]:
    """Seconds that either takes, and the files."""
    exporters = {"ours": DasklensExporter, "peer": HTMLExporter}
    took: dict[str, list[float]] = {whose: [] for whose in exporters}
    files = {whose: folder / f"{whose}.html" for whose in exporters}
    for n in range(TIMES + 1):
        for whose in sorted(exporters, reverse=bool(n % 2)):
            begin = time.perf_counter()
            page, _ = exporters[whose]().from_notebook_node(nb)
            files[whose].write_text(page)
            if n:
                took[whose].append(time.perf_counter() - begin)
    return took, files


def opened(path: Path, figures: int) -> dict[str, Any]:
    environment = {**os.environ, "CHROMIUM": chromium()}
    return run_node("notebook.mjs", str(path), str(figures), environment=environment, limit=LIMIT)


def measure() -> list[Row]:
    """Rows of this file."""
    rows = []
    for name, nb, shown in (
        (f"{CELLS} cells of text", text(), 0),
        (f"{FIGURES} figures", figures(), FIGURES),
    ):
        with tempfile.TemporaryDirectory() as folder:
            took, files = written(nb, Path(folder))
            own, theirs = (statistics.median(took[whose]) for whose in ("ours", "peer"))
            size, size_theirs = (files[whose].stat().st_size for whose in ("ours", "peer"))
            more = size - size_theirs
            rows += [
                _row(
                    f"{name}: size of the file",
                    "<= 0.1 MB more" if not shown else "<= 1.5 MB more",
                    f"{size_theirs / 1e6:.2f} MB",
                    f"{size / 1e6:.2f} MB ({size / size_theirs:.2f})",
                    more <= (1.5e6 if shown else 0.1e6),
                ),
                _row(
                    f"{name}: time to write",
                    "<= 2.5 times plain",
                    f"{theirs:.2f} s",
                    f"{own:.2f} s ({own / theirs:.2f})",
                    own <= 2.5 * theirs,
                ),
            ]
            if shown:
                rows += _openings(name, files, shown)
    return rows


def _openings(name: str, files: dict[str, Path], shown: int) -> list[Row]:
    try:
        ours, peer = opened(files["ours"], shown), opened(files["peer"], shown)
    except NotMeasuredError as why:
        return [_row(f"{name}: opened", "all are drawn", "-", str(why), False)]
    return [
        _row(
            f"{name}: drawn without a network",
            "all of them; nothing is asked for",
            f"{peer['drawn']}, {peer['asked']} requests",
            f"{ours['drawn']}, {ours['asked']} requests",
            ours["drawn"] == shown and ours["asked"] == 0,
        ),
        _row(
            f"{name}: opened until the first is drawn; until all are",
            "measured",
            "-",
            "; ".join(
                "never" if ours[what] is None else f"{ours[what] / 1e3:.2f} s" for what in ("first", "last")
            ),
            True,
        ),
    ]


def _row(name: str, requirement: str, peer: str, ours: str, passed: bool) -> Row:
    return Row(f"notebook as HTML, {name}", requirement, peer, ours, passed)

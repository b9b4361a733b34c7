"""A report as a notebook beside the same report as HTML: size, writing, reading, and plain nbconvert.

Today's tool has no such thing: `distributed` writes a Bokeh page alone, which `bench_report.py` measures. The
tasks are made up, 64 threads of them, and the sizes are those of files with nothing but tasks and a summary.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from bench_report import made as document_of
from nbconvert import HTMLExporter
from rows import Row

from dasklens import load_report
from dasklens.report import static
from dasklens.report.files import write

#: Tasks, and how often each is timed.
RUNS = {1_000: 5, 100_000: 3}
#: GitHub refuses larger files; and says of notebooks far below that they are too large to show.
MOST = {1_000: 500_000, 100_000: 10_000_000}


def timed(repeat: int, act: Callable[[], Any]) -> float:
    """The median of its seconds."""
    taken = []
    for _ in range(repeat):
        begin = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def size(n: int) -> str:
    return f"{n / 1e6:.2f} MB"


def of(tasks: int, repeat: int, folder: Path) -> list[Row]:
    made = document_of(tasks)
    book, page = folder / f"{tasks}.ipynb", folder / f"{tasks}.html"
    # Both once before: imports and the packing of the page's scripts are not of one report.
    write(made, book), write(made, page)
    writing, writing_page = (timed(repeat, lambda path=path: write(made, path)) for path in (book, page))
    reading, reading_page = (timed(repeat, lambda path=path: load_report(path)) for path in (book, page))
    again = load_report(book)
    assert len(again) == tasks
    assert again.to_json() == load_report(page).to_json()
    sizes = book.stat().st_size, page.stat().st_size
    cells = len(nbformat.read(book, 4).cells)
    plain = folder / "plain.html"
    converting = timed(1, lambda: plain.write_text(HTMLExporter().from_filename(str(book))[0]))
    picture = timed(repeat, lambda: static.task_stream(made))
    n = f"{tasks:,} tasks"
    return [
        Row(
            f"{n}: file",
            f"<= {size(MOST[tasks])}",
            f"{size(sizes[1])} (.html)",
            size(sizes[0]),
            sizes[0] <= MOST[tasks],
        ),
        Row(f"{n}: written", "measured", f"{writing_page:.2f} s (.html)", f"{writing:.2f} s", True),
        Row(
            f"{n}: read back, the same to the letter",
            "<= 1.5 of .html, and 0.1 s",
            f"{reading_page:.2f} s (.html)",
            f"{reading:.2f} s",
            reading <= 1.5 * reading_page + 0.1,
        ),
        Row(f"{n}: task stream as PNG", "measured", "-", f"{picture:.2f} s", True),
        Row(
            f"{n}: by plain nbconvert to HTML",
            "measured",
            "-",
            f"{converting:.2f} s, {size(plain.stat().st_size)}, {cells} cells",
            True,
        ),
    ]


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return [row for tasks, repeat in RUNS.items() for row in of(tasks, repeat, Path(folder))]

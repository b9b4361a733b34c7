"""`dasklens report show`: open reports in the browser, as pages that are made anew from their data.

A page that somebody else wrote would run what stands in it. Only its data are taken, as JupyterLab does.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from ..kernel.written import plain
from .reading import Reading, add_files


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add_files(parser)
    parser.add_argument("--no-browser", action="store_true", help="only say where the pages are")


def run(asked: argparse.Namespace, out: Any, err: Any) -> int:
    """Write a page for each file, and open it."""
    from ..report.pages import render

    reading = Reading(err)
    for name, document in reading.each(asked.files):
        try:
            folder = Path(tempfile.mkdtemp(prefix="dasklens-"))
            page = folder / f"{_stem(name)}.dasklens.html"
            page.write_bytes(render(document))
        except OSError as error:
            reading.failed(name, error)
            continue
        out.write(f"{plain(str(page))}\n")
        out.flush()
        if not asked.no_browser and not webbrowser.open(page.as_uri()):
            err.write(f"dasklens: there is no browser to open {page} with\n")
    return reading.code


def _stem(name: str) -> str:
    """A short name for a page that every system takes."""
    last = re.split(r"[\\/]", name)[-1].partition(".")[0]
    return re.sub(r"[^\w-]+", "-", last)[:60].strip("-") or "report"

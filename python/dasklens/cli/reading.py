"""The files that a command is given, read one by one: what is wrong with one leaves the others."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from typing import Any

from ..kernel.written import plain
from ..report.document import Document
from . import FINE, UNUSABLE


def add_files(parser: argparse.ArgumentParser) -> None:
    """The argument FILE…."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="reports (.html, .json), or what was exported of them (.parquet, .arrow, .csv, .trace.json); "
        "also compressed, or a URL that fsspec knows",
    )


def same_file(name: str, target: str) -> bool:
    """Whether what is written to `target` would replace the file `name`."""
    try:
        return os.path.samefile(name, target)
    except (OSError, ValueError):
        return name == target


class Reading:
    """Reads files, and says in a sentence what is wrong with one.

    Attributes
    ----------
    code : int
        The exit code so far.
    """

    def __init__(self, err: Any):
        self.code = FINE
        self._err = err

    def each(self, files: Sequence[str]) -> Iterator[tuple[str, Document]]:
        """Those that can be read."""
        from ..report.files import read

        for name in files:
            try:
                document = read(name)
            except (OSError, ValueError, ImportError) as error:
                self.failed(name, error)
            else:
                yield name, document

    def runs(self, files: Sequence[str]) -> Iterator[tuple[str, Document]]:
        """Those of one run each; a comparison is none."""
        for name, document in self.each(files):
            if document.comparison is None:
                yield name, document
            else:
                self.failed(
                    name,
                    ValueError("this is a comparison, which `dasklens report show` shows; give the reports"),
                )

    def failed(self, name: str, error: Exception) -> None:
        """Say what is wrong with a file."""
        said = getattr(error, "strerror", None) or str(error)
        if said in ("", name):
            # Some libraries say no more than which file it is.
            said = f"it cannot be read ({type(error).__name__})"
        lines = " ".join(str(said).split())
        self._err.write(f"dasklens: {plain(name)}: {lines}\n")
        self.code = UNUSABLE

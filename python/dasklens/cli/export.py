"""`dasklens report export`: reports as files of other tools."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..kernel.written import plain
from ..report.files import check_target, kind_of, write
from ..report.report import Report
from . import UNUSABLE
from .reading import Reading, add_files, same_file

#: What files of each kind end in.
SUFFIXES = {
    "trace-events": ".trace.json",
    "speedscope": ".speedscope.json",
    "parquet": ".parquet",
    "csv": ".csv",
    "arrow": ".arrow",
    # The whole report, in each of the kinds that one is written as.
    **{
        kind: suffix
        for kind, suffix in (
            ("json", ".dasklens.json"),
            ("html", ".dasklens.html"),
            ("ipynb", ".dasklens.ipynb"),
        )
        if kind_of(f"report.{kind}") == kind
    },
}
#: What is taken off a name to put another suffix on it.
_SUFFIXES = (*SUFFIXES.values(), ".feather", ".html", ".json", ".ipynb")


_EXPORTS: dict[str, Callable[[Report, str], Any]] = {
    "trace-events": Report.to_trace_events,
    "speedscope": Report.to_speedscope,
    "parquet": Report.to_parquet,
    "csv": Report.to_csv,
    "arrow": Report.to_arrow,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add_files(parser)
    parser.add_argument("--to", required=True, choices=SUFFIXES, help="what to write")
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="the file to write, or a URL; a folder when there are several FILEs. By default the name of the "
        "FILE with another suffix, in this folder",
    )


def run(asked: argparse.Namespace, out: Any, err: Any) -> int:
    """Export each file, and say where it is."""
    wrong = _wrong(asked)
    if wrong:
        err.write(f"dasklens: {wrong}\n")
        return UNUSABLE
    reading = Reading(err)
    for name, document in reading.runs(asked.files):
        target = _target(name, asked)
        try:
            if same_file(name, target):
                raise ValueError(
                    f"it would be written over by its own export: give another --output than {target}"
                )
            check_target(target)
            if asked.to in _EXPORTS:
                _EXPORTS[asked.to](Report(document), target)
            else:
                write(document, target)
        except (OSError, ValueError, ImportError) as error:
            reading.failed(name, error)
        else:
            out.write(f"{plain(target)}\n")
            out.flush()
    return reading.code


def _wrong(asked: argparse.Namespace) -> str:
    """What is wrong with the command line, in a sentence; nothing as a rule."""
    output = asked.output
    if output is None:
        targets = [_target(name, asked) for name in asked.files]
        twice = sorted({name for name in targets if targets.count(name) > 1})
        return (
            f"{twice[0]} would be written twice: export those files one by one, with --output"
            if twice
            else ""
        )
    if len(asked.files) > 1 and not os.path.isdir(output):
        return f"--output should be a folder that there is, for there are several files; got {output}"
    if asked.to not in _EXPORTS and not os.path.isdir(output) and kind_of(output) != asked.to:
        return f"--output should end in .{asked.to}, got {output}"
    return ""


def _target(name: str, asked: argparse.Namespace) -> str:
    output = asked.output
    if output is not None and not os.path.isdir(output):
        return str(output)
    stem = _stem(Path(name.partition("://")[2] or name).name)
    return os.path.join(output or "", f"{stem}{SUFFIXES[asked.to]}")


def _stem(name: str) -> str:
    from fsspec.utils import infer_compression

    if infer_compression(name) is not None:
        name = os.path.splitext(name)[0]
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return os.path.splitext(name)[0] or "report"

"""`dasklens report compare A B [MORE…]`: what changed between reports, and whether a build should fail."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict
from math import isfinite
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

from ..kernel.written import plain
from . import BAD, FINE, UNUSABLE
from .reading import Reading, same_file
from .summary import not_whole

if TYPE_CHECKING:
    from ..model.compare import Slowdown
    from ..report.comparison import Comparison, Trend

DESCRIPTION = """
Compare reports: the last one with the first. Of each prefix of tasks the medians of compute seconds per task
are compared; their ratio has a 95 % bootstrap interval.
"""
EPILOG = """
With --fail-if-slower 10% a run counts as slower when a prefix that takes 5 % of all compute or more surely
takes 1.10 times as long a task (the lower end of its interval, which is widened for the number of prefixes),
or when the whole takes more than 1.10 times as long and half a second longer at least.
Exit code 0: all is fine; 1: it is slower; 2: the command line is wrong, or a file is.
"""


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.description, parser.epilog = DESCRIPTION.strip(), EPILOG.strip()
    parser.add_argument("files", nargs="+", metavar="FILE", help="reports, .html or .json; two or more")
    parser.add_argument(
        "--fail-if-slower",
        type=_part,
        metavar="10%",
        dest="limit",
        help="exit with 1 if the last is slower than that",
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    parser.add_argument("--output", metavar="FILE", help="write the comparison to a .html or .json")
    parser.add_argument(
        "--min-tasks", type=_count, metavar="N", help="tasks of a prefix that both need to be compared (8)"
    )
    parser.add_argument(
        "--label", action="append", dest="labels", metavar="NAME", help="what a file is called; once for each"
    )


def run(asked: Namespace, out: TextIO, err: TextIO) -> int:
    """Run it.

    Parameters
    ----------
    asked : Namespace
        As the parser of `configure` makes it.
    out, err : text files

    Returns
    -------
    int
        0, 1 when it is slower, 2 when it cannot be said.
    """
    from ..model.compare import FEWEST, slowdowns
    from ..report.comparing import changes_of
    from ..report.comparison import compare
    from ..report.report import Report

    if len(asked.files) < 2:
        return _unusable(err, f"expected two reports or more, got {len(asked.files)}")
    if asked.labels and len(asked.labels) != len(asked.files):
        return _unusable(
            err, f"expected a --label for each of {len(asked.files)} files, got {len(asked.labels)}"
        )
    for name in asked.files:
        if asked.output and same_file(name, asked.output):
            return _unusable(
                err, f"{plain(name)} would be written over by its comparison: give another --output"
            )
    reading = Reading(err)
    runs = [Report(document) for _, document in reading.runs(asked.files)]
    if reading.code:
        return reading.code
    try:
        labels = asked.labels or labels_of(asked.files)
        compared = compare(runs, labels, min_tasks=asked.min_tasks or FEWEST)
        if asked.output:
            compared.save(asked.output)
    except (OSError, ValueError) as error:
        return _unusable(err, str(error) or type(error).__name__)
    slower: list[Slowdown] = []
    if asked.limit is not None:
        durations = next(each["values"] for each in compared.figures if each["name"] == "duration")
        slower = slowdowns(
            changes_of(compared._said), (durations[0] or 0.0, durations[-1] or 0.0), asked.limit
        )
    if asked.json:
        _print_json(compared, slower, asked.limit, out)
    else:
        out.write(f"{compared}\n")
    if asked.limit is None:
        return FINE
    _judge(compared, slower, asked.limit, err)
    # A run that broke off is no quick one.
    broken = not_whole(runs[-1]._to_document())
    for each in broken:
        err.write(f"{labels[-1]} is not the report of a whole run: {each}\n")
    return BAD if slower or broken else FINE


def _judge(compared: Comparison | Trend, slower: list[Slowdown], limit: float, err: TextIO) -> None:
    from ..report.comparedtext import reason, rule, shown

    labels = compared.labels[0], compared.labels[-1]
    if slower:
        err.write(f"{shown(labels[1])} is slower than {shown(labels[0])}:\n")
        for each in slower:
            err.write(f"  {reason(each, labels, limit)}\n")
    else:
        err.write(f"{shown(labels[1])} is not slower than {shown(labels[0])}. {rule(limit)}\n")
    if not compared._said["compared"]:
        err.write(
            "No prefix could be compared, so only the whole was: none has tasks enough (--min-tasks).\n"
        )


def _print_json(
    compared: Comparison | Trend, slower: list[Slowdown], limit: float | None, out: TextIO
) -> None:
    from ..report.document import plain

    said: dict[str, Any] = dict(compared._said)
    if limit is not None:
        said["limit"], said["slower"] = limit, plain([asdict(each) for each in slower])
    # Escaped, so that every terminal and every file takes it.
    out.write(json.dumps(said, indent=1) + "\n")


def labels_of(files: list[str]) -> list[str]:
    """What files are called: their names, with as much of the path as tells them apart."""
    paths = [PurePath(urlsplit(name).path if "://" in name else name).parts for name in files]
    for parts in range(1, max(map(len, paths)) + 1):
        labels = ["/".join(path[-parts:]) for path in paths]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{i + 1}: {name}" for i, name in enumerate(files)]


def _part(said: str) -> float:
    """``10%`` or ``0.1`` as a part of one."""
    try:
        value = float(said.rstrip("% ")) / (100 if said.rstrip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not (isfinite(value) and value >= 0):
        raise ArgumentTypeError(f"expected a part such as 10% or 0.1, got {said!r}")
    return value


def _count(said: str) -> int:
    if not said.isdecimal() or int(said) < 2:
        raise ArgumentTypeError(f"expected a whole number from 2 on, got {said!r}")
    return int(said)


def _unusable(err: TextIO, why: str) -> int:
    err.write(f"dasklens: {why}\n")
    return UNUSABLE

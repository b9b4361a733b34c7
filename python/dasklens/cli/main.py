"""`dasklens report show|summary|compare|export FILE…`: reports in a terminal and in CI jobs.

A report comes from anybody. Whatever a command says goes through streams that escape what would steer a
terminal; what cannot be read is a sentence on the error stream and the exit code 2, never a traceback.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, TextIO

from ..kernel.written import Harmless
from . import UNUSABLE

#: The commands of `dasklens report`: each is a module here, with ``configure(parser)`` and
#: ``run(asked, out, err)``, which gives the exit code.
COMMANDS = {
    "show": "open reports in the browser",
    "summary": "where the time went and what looks wrong",
    "compare": "say what changed between reports, and fail if it is slower",
    "export": "write them as files of other tools",
}
_EPILOG = (
    "Exit code 0: all is fine; 1: a file says something bad; 2: the command line is wrong, or a file is."
)


class Parser(argparse.ArgumentParser):
    """One that says what was typed so that it steers no terminal: names of files are typed by ``*``."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            Harmless(file or sys.stderr).write(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        The exit code; a command line that is wrong exits with 2.
    """
    # Without a console, or with `>&-`, there are none.
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    out, err = _Said(sys.stdout), Harmless(sys.stderr)
    try:
        asked = _parser().parse_args(argv)
        code: int = asked.run(asked, out, err)
        out.flush()
    except OSError as error:
        _to_nowhere(sys.stdout)
        err.write(f"dasklens: what it says cannot be written: {error.strerror or error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        return 130
    return code


class _Said(Harmless):
    """What is printed, until whoever reads it has enough (`| head`): the exit code does not depend on it."""

    def write(self, text: str) -> int:
        """Write, and say how much, as streams do."""
        try:
            super().write(text)
        except BrokenPipeError:
            _to_nowhere(self._out)
        return len(text)

    def flush(self) -> None:
        """Have it seen."""
        try:
            super().flush()
        except BrokenPipeError:
            _to_nowhere(self._out)


def _to_nowhere(stream: TextIO) -> None:
    """What is still to be written there goes nowhere: the interpreter would fail at it once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="dasklens", description="What a Dask cluster did, from its reports.")
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is")
    rooms = parser.add_subparsers(dest="room", required=True, metavar="COMMAND")
    report = rooms.add_parser("report", help="look at reports, sum them up, export them")
    commands = report.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, words in COMMANDS.items():
        command = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        command.epilog = _EPILOG
        module = import_module(f".{name}", __package__)
        module.configure(command)
        command.set_defaults(run=module.run)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_args: Any, **_more: Any) -> None:
        from .. import __version__

        print(f"dasklens {__version__}")
        parser.exit()


if __name__ == "__main__":
    raise SystemExit(main())

"""`jupyter dasklens check [URL]`: the checks of "Why can't I see it?" in a terminal.

Works where no Jupyter server runs. It reads Jupyter's configuration, so that ``c.Dasklens.allowed_hosts``
counts here as it does there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import dasklens

if TYPE_CHECKING:
    from dasklens.server.check_result import Check
    from dasklens.server.config import Dasklens

#: Exit codes: everything is as it should be, something is not. Usage is 2, as argparse has it.
FINE, WRONG = 0, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0 when all is fine, 1 when something is wrong; usage that is wrong exits with 2.
    """
    parser = argparse.ArgumentParser(prog="jupyter dasklens", description="dasklens in Jupyter's server.")
    parser.add_argument("--version", action="version", version=dasklens.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="find out why a scheduler cannot be seen in Jupyter",
        description="Find out why a Dask scheduler cannot be seen in Jupyter, and what to do about it.",
        epilog="Exit code 0: all is fine; 1: something is wrong; 2: the command line is.",
    )
    check.add_argument(
        "url", nargs="?", metavar="URL", help="address of a dashboard; without: all announced schedulers"
    )
    check.add_argument("--json", action="store_true", help="for programs: an object with the list `checks`")
    check.add_argument("--config", metavar="FILE", help="take this one instead of jupyter_server_config.py")
    asked = parser.parse_args(argv)

    checks = _checks(asked.url, asked.config)
    try:
        if asked.json:
            print(json.dumps({"checks": [check.as_json() for check in checks]}, indent=1))
        else:
            write(checks, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read it has enough (`| head`). The interpreter would flush, and fail, once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return WRONG if any(check.ok is False for check in checks) else FINE


def _checks(url: str | None, config_file: str | None) -> list[Check]:
    # Not above: `--help` and a wrong command line need not wait for the network code.
    from dasklens.server.check_run import Surroundings, run

    config, trouble = _configuration(config_file)
    checks = asyncio.run(run(Surroundings.of_this_user(config), url=url))
    return [*trouble, *checks]


def _configuration(file: str | None) -> tuple[Dasklens, list[Check]]:
    """What Jupyter's server would read, and what is wrong with it."""
    from jupyter_core.application import JupyterApp
    from traitlets.config import Config

    from dasklens.server.check_result import Check
    from dasklens.server.config import Dasklens

    app = JupyterApp(log_level="ERROR", raise_config_file_errors=True)
    try:
        # As the server does: the extension's own file first, the server's has the last word.
        for name in ("jupyter_dasklens_config", "jupyter_server_config"):
            app.config_file_name = name
            app.config_file = file if file and name == "jupyter_server_config" else ""
            app.load_config_file(suppress_errors=False)
        return Dasklens(config=Config(app.config)), []
    except (Exception, SystemExit) as error:  # the files are programs: anything may come out of them
        said = f"It cannot be read: {type(error).__name__}: {error}"
        remedy = "Correct it: Jupyter's server reads it too. The checks below are with dasklens' defaults."
        return Dasklens(), [Check("config", "Jupyter's configuration", False, said, remedy)]


def write(checks: Sequence[Check], out: TextIO) -> None:
    """Print results as a table; in colour on a terminal only."""
    terminal = out.isatty()
    colours = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = max(60, min(shutil.get_terminal_size((100, 24)).columns, 120)) if terminal else 100
    marks, encoding = _marks(out), out.encoding or "ascii"
    indent = " " * (max((len(check.title) for check in checks), default=0) + 4)

    def say(text: str) -> None:
        print(text.encode(encoding, "replace").decode(encoding), file=out)

    about = ""
    say(f"dasklens {dasklens.__version__} on {_plain(socket.gethostname())}")
    for check in checks:
        if check.about != about:
            about = check.about
            say(f"\n{_plain(about) or 'In general'}")
        mark, colour = marks[check.ok]
        mark = f"\x1b[{colour}m{mark}\x1b[0m" if colours else mark
        first, *lines = _wrapped(check.said, width - len(indent)) or [""]
        say(f"{mark} {_plain(check.title):<{len(indent) - 4}}  {first}")
        for line in [*lines, *_wrapped(check.remedy, width - len(indent))]:
            say(indent + line)
        for line in check.copy.splitlines():
            # Never wrapped: it is to be copied.
            say(f"{indent}    {_plain(line)}")
    wrong = sum(check.ok is False for check in checks)
    say(f"\n{wrong} of {len(checks)} checks found something." if wrong else "\nAll is fine.")


def _marks(out: TextIO) -> dict[bool | None, tuple[str, int]]:
    """A mark for each kind of result, and its colour on a terminal."""
    try:
        "✓✗\u2013".encode(out.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return {True: ("+", 32), False: ("x", 31), None: ("-", 33)}
    return {True: ("✓", 32), False: ("✗", 31), None: ("\u2013", 33)}


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(_plain(text), max(width, 30), break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Names and answers come from others: nothing of them may steer the terminal."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "?" for letter in text)


if __name__ == "__main__":
    raise SystemExit(main())

"""Progress in a terminal: upstream's line, or a bar for each group.

Keys and exceptions are written by strangers: what could steer a terminal is made visible instead.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator
from typing import Any, TextIO, cast

from distributed.diagnostics.progress import format_time

from ..model.progress import Group, ProgressNow
from ..source.progress import Following
from .written import Written, plain

#: Groups shown, and the widths of a name and of a bar.
MOST, NAME, BAR = 20, 32, 40
#: What stands for tasks by state: done, failed, running, to come.
_SYMBOLS = (("done", "━", "green"), ("erred", "✕", "red"), ("processing", "╍", "cyan"))
#: What a terminal has to be able to encode for bars.
_DRAWN = "━✕╍·…"


class Line:
    """``[####    ] | 50% Completed |  1.2s``, as `distributed.progress` draws it."""

    def __init__(self, out: Written, width: int = BAR):
        self._out, self._width = out, width
        self._drawn = ""

    def draw(self, now: ProgressNow, status: str, elapsed: float) -> None:
        """Draw over what was drawn before."""
        share = now.done / now.total if now.total else float(now.final)
        bar = "#" * int(self._width * share)
        line = f"\r[{bar:<{self._width}}] | {int(100 * share)}% Completed | {format_time(elapsed)}"
        if line != self._drawn:
            self._drawn = line
            self._out.write(line)
            self._out.flush()

    def close(self) -> None:
        """Leave the line as it is."""
        self._out.write("\n")
        self._out.flush()


class Bars:
    """A bar for each group, the total on top, drawn by `rich`."""

    def __init__(self, out: Written):
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=cast(TextIO, out))
        self._live = Live(console=self._console, auto_refresh=False)
        self._live.start()

    def draw(self, now: ProgressNow, status: str, elapsed: float) -> None:
        """Draw over what was drawn before."""
        self._live.update(self._table(now, status, elapsed), refresh=True)

    def close(self) -> None:
        """Leave what was drawn as it is."""
        self._live.stop()

    def _table(self, now: ProgressNow, status: str, elapsed: float) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        for _ in range(3):
            table.add_column(no_wrap=True)
        groups = now.groups
        room = max(1, min(MOST, self._console.height - 4))
        counts = {
            state: sum(g.counts[state] for g in groups) for state in (groups[0].counts if groups else ())
        }
        rows = [Group("all", counts=counts), *groups[:room]] if groups else []
        width = max(10, min(BAR, self._console.width - NAME - 30))
        for row in rows:
            failed = f", {row.counts['erred']:,} failed" if row.counts["erred"] else ""
            name = f"{'✕ ' * bool(failed)}{plain(row.name)}"
            name = name if len(name) <= NAME else name[: NAME - 1] + "…"
            # A Text, never markup: names are not ours.
            table.add_row(
                Text(name, "bold red" if failed else "bold" if row is rows[0] else ""),
                _bar(row, width),
                Text(f"{row.done:,}/{row.total:,}{failed}"),
            )
        more = len(groups) - room
        if more > 0:
            table.add_row(Text(f"and {more:,} more groups", "dim"))
        table.add_row(Text(_words(now, status, elapsed), "dim"))
        return table


def _bar(row: Group, width: int) -> Any:
    from rich.text import Text

    numbers = {"done": row.done, "erred": row.counts["erred"], "processing": row.counts["processing"]}
    bar, left = Text(), width
    for name, symbol, style in _SYMBOLS:
        n = numbers[name]
        size = min(left, max(int(width * n / max(1, row.total)), int(n > 0)))
        bar.append(symbol * size, style)
        left -= size
    bar.append("·" * left, "dim")
    return bar


def _words(now: ProgressNow, status: str, elapsed: float) -> str:
    if now.counting and not now.final:
        return f"counting: {now.tracked:,} so far"
    eta = f", about {format_time(now.eta).strip()} left" if status == "running" and now.eta else ""
    unknown = f", {now.unknown:,} keys not known to the scheduler (yet)" if now.unknown else ""
    return f"{status}, {format_time(elapsed).strip()} elapsed{eta}{unknown}"


class ConsoleProgress:
    """Draws how far something is until it is done, in the calling thread or in one of its own.

    Parameters
    ----------
    following : Following
    multi : bool
        A bar for each group, if `out` is a terminal.
    interval : float
        Seconds between two pictures while nothing changes.
    """

    def __init__(
        self,
        following: Following,
        multi: bool = True,
        interval: float = 0.1,
        width: int = BAR,
        out: TextIO | None = None,
    ):
        self.following = following
        self._out = Written(sys.stdout if out is None else out)
        self._interval = interval
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        terminal = multi and getattr(self._out, "isatty", lambda: False)() and self._out.takes(_DRAWN)
        self._picture: Line | Bars = Bars(self._out) if terminal else Line(self._out, width)

    def run(self) -> None:
        """Draw until it is settled. Ctrl-C stops that, and nothing else."""
        following = self.following
        following.feed.start()
        interrupted = False
        try:
            while not following.settled and not self._stop.is_set():
                self._draw()
                following.wait_for_change(self._interval)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            # Also when it cannot be written any more: a terminal without a cursor is nobody's.
            following.feed.close()
            try:
                self._draw()
            finally:
                self._picture.close()
        self._say_how(interrupted)

    def _draw(self) -> None:
        now = self.following.now
        elapsed = now.elapsed if now.final else time.monotonic() - self._began
        self._picture.draw(now, self.following.status, elapsed)

    def _say_how(self, interrupted: bool) -> None:
        following = self.following
        error, status = following.now.error, following.status
        if interrupted:
            self._write("Not watching any more; the computation goes on.")
        elif error is not None:
            self._write(f"failed: {error['exception']}")
            self._write(f"key: {error['blamed']}")
            if error["worker"]:
                self._write(f"worker: {error['worker']}")
            if error["traceback"]:
                self._write(f"Traceback (most recent call last):\n{error['traceback']}")
        elif status in ("lost", "cancelled"):
            self._write(f"{status}: {following.why}" if following.why else status)

    def _write(self, text: str) -> None:
        self._out.write(plain(text, "\n\t") + "\n")
        self._out.flush()

    # --- in a thread of its own, where the caller must not be held up ----------------------------------

    def start(self) -> None:
        """Draw in a thread."""
        self._thread = threading.Thread(target=self.run, name="dasklens-progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Draw what there is, and no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2)

    @property
    def status(self) -> str:
        """``waiting``, ``running``, ``finished``, ``error``, ``cancelled`` or ``lost``."""
        return self.following.status

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is settled; False when that took longer than `timeout` seconds."""
        return self.following.wait(timeout)

    def __await__(self) -> Generator[Any, None, ConsoleProgress]:
        return self._wait().__await__()

    async def _wait(self) -> ConsoleProgress:
        await self.following.wait_async()
        return self

"""Still pictures of a task stream and of a call tree, for viewers that run no script.

Pixels, patterns and names are those that the mark draws in the browser (`dasklens.model.raster`); around them
is what a person needs to read them: time, lanes, and what the colours stand for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from . import kinds
from .drawing import (
    FAINT,
    LINE,
    Drawing,
    Entry,
    duration,
    fitting,
    legend_height,
    time_ticks,
    width_of,
)
from .flame import Laid
from .overview import Overview
from .palette import (
    ERROR_COLOUR,
    LESS_COLOUR,
    MORE_COLOUR,
    SAME_COLOUR,
    colour_of,
    library_colour,
    wants_dark_text,
)
from .raster import Raster, Rows, Window, paint

#: Width of a picture, and the most that a plot is high.
WIDTH, _HIGHEST = 960, 440
#: Prefixes or libraries in a legend.
LISTED = 12
_LANE, _DEPTH = 22, 17
_PAD = 8
#: As in `js/src/draw/labels.ts`: least room for a name, and names that are drawn.
_LEAST_WIDTH, _LEAST_HEIGHT, _MOST_LABELS = 30, 12, 600
#: From which width a call's span has an edge.
_EDGED = 3
#: Pixels that a worker's name takes beside its lanes.
_WIDEST_NAME = 150


def rows_of(overview: Overview) -> Rows:
    """The spans of a task stream, in the order of the lanes on screen."""
    spans = overview.spans()
    colours = [
        ERROR_COLOUR if slot.kind == kinds.ERROR else colour_of(overview.prefixes[slot.prefix].name)
        for slot in overview.slots
    ]
    row = position_of(overview)[spans.lane]
    kind_of_slot = [slot.kind for slot in overview.slots]
    return Rows(len(overview.lanes), row, spans.slot, spans.start, spans.stop, kind_of_slot, colours)


def task_stream_png(overview: Overview, most_bytes: int | None = None, title: str = "Task stream") -> bytes:
    """A run as a picture: lanes over time, with names, an axis, and a legend of the costliest prefixes.

    Parameters
    ----------
    overview : Overview
    most_bytes : int, optional
        Give up fineness in the picture until it has no more.
    title : str
    """
    rows = rows_of(overview)
    begin, end = extent(rows)
    prefixes = sorted(overview.prefixes, key=lambda tally: (-tally.seconds, tally.name))
    entries = [
        Entry(colour_of(tally.name), tally.name, f"{tally.count:,}, {duration(tally.seconds)}")
        for tally in prefixes[:LISTED]
    ]
    if overview.n_errors:
        entries.append(Entry(ERROR_COLOUR, "failed", f"{overview.n_errors:,}"))
    more = len(prefixes) - LISTED
    note = f"and {more:,} more prefixes. " if more > 0 else ""
    note += _strip_note(overview)
    names = [overview.prefixes[slot.prefix].name for slot in overview.slots]
    plot = _Plot(
        rows,
        begin,
        end,
        height=max(40, min(_HIGHEST, rows.n * _LANE)),
        beside=[_named(overview.lanes[i]) for i in np.argsort(position_of(overview)).tolist()],
        name_of=lambda i: names[int(rows.slot[i])],
    )
    heading = f"{title}: {summary(overview)}"
    return _fitted(most_bytes, lambda coarse: plot.drawn(heading, entries, note, coarse))


def flame_png(
    laid: Laid, seconds_per_sample: float | None = None, most_bytes: int | None = None, title: str = "Profile"
) -> bytes:
    """A call tree as a picture: callers above what they call, as wide as their samples.

    Parameters
    ----------
    laid : Laid
    seconds_per_sample : float, optional
        Without it nothing is said in seconds.
    most_bytes : int, optional
        Give up fineness in the picture until it has no more.
    title : str
    """
    took = f", {duration(laid.samples * seconds_per_sample)} of threads' time" if seconds_per_sample else ""
    if laid.libraries:
        entries = [
            Entry(library_colour(name), name or "(unknown)", f"{share / laid.samples:.1%}")
            for name, share in list(laid.libraries.items())[:LISTED]
        ]
        note = "Samples by whose code was running. "
    else:
        pairs = ((MORE_COLOUR, "takes more"), (SAME_COLOUR, "as much"), (LESS_COLOUR, "takes less"))
        entries = [Entry(colour, words, "") for colour, words in pairs]
        note = ""
    rows = laid.rows
    depths = min(rows.n, _HIGHEST // _DEPTH)
    if depths < rows.n:
        note += f"The outermost {depths:,} of {rows.n:,} depths."
    plot = _Plot(
        rows,
        0.0,
        laid.width,
        height=depths * _DEPTH,
        shown=depths,
        name_of=lambda i: laid.names[i],
        edged=True,
    )
    heading = f"{title}: {laid.samples:,} samples{took}"
    return _fitted(most_bytes, lambda coarse: plot.drawn(heading, entries, note, coarse))


def _fitted(most_bytes: int | None, draw: Callable[[int], bytes]) -> bytes:
    coarse = 1
    while True:
        data = draw(coarse)
        if most_bytes is None or len(data) <= most_bytes or coarse >= 64:
            return data
        coarse *= 2


class _Plot:
    """Rows with what stands around them."""

    def __init__(
        self,
        rows: Rows,
        begin: float,
        end: float,
        *,
        height: int,
        name_of: Callable[[int], str],
        beside: Sequence[tuple[str, str]] = (),
        shown: int | None = None,
        edged: bool = False,
    ):
        self.rows, self.begin, self.end, self.height = rows, begin, end, height
        self.name_of, self.beside, self.edged = name_of, beside, edged
        self.shown = rows.n if shown is None else shown
        self.blocks = list(self._blocks())
        widest = max((width_of(fitting(name, _WIDEST_NAME)) for name, *_ in self.blocks), default=-_PAD)
        self.left = int(_PAD + widest + _PAD)

    def _blocks(self) -> Iterator[tuple[str, float, float]]:
        """Workers that have room for their name: with the first of their lines, and the one behind."""
        per, at = self.height / max(1, self.shown), 0
        free = 0.0
        for (_, name), lanes in groupby(self.beside):
            n = len(list(lanes))
            top, bottom = at * per, (at + n) * per
            at += n
            if (top + bottom) / 2 - LINE / 2 >= free - 2:
                free = (top + bottom) / 2 + LINE / 2
                yield name, top, bottom

    def drawn(self, heading: str, entries: Sequence[Entry], note: str, coarse: int) -> bytes:
        width = WIDTH - self.left - _PAD
        timed = bool(self.beside)
        top = _PAD + LINE + 6
        below = top + self.height + (LINE + 8 if timed else 6)
        legend = legend_height(len(entries), WIDTH - 2 * _PAD)
        drawing = Drawing(WIDTH, below + legend + (LINE if note else 0) + _PAD)
        drawing.text(_PAD, _PAD + LINE // 2, heading, room=WIDTH - 2 * _PAD)
        if timed:
            self._around(drawing, top, width)
        self._paint(drawing, top, width, coarse)
        drawing.legend(entries, _PAD, below, WIDTH - 2 * _PAD)
        if note:
            drawing.text(_PAD, below + legend + LINE // 2, note, colour=FAINT, room=WIDTH - 2 * _PAD)
        return drawing.png()

    def _around(self, drawing: Drawing, top: int, width: int) -> None:
        bottom = top + self.height
        for name, first, end in self.blocks:
            drawing.text(self.left - _PAD, top + (first + end) / 2, name, "rm", FAINT, _WIDEST_NAME)
        long = self.end - self.begin
        for after, words in time_ticks(long, width // 90):
            x = self.left + after / long * width
            drawing.line(x, top, x, bottom + 4)
            if x + width_of(words) / 2 < WIDTH:
                drawing.text(x, bottom + 5 + LINE / 2, words, "mm", FAINT)
        drawing.line(self.left, bottom, self.left + width, bottom)

    def _paint(self, drawing: Drawing, top: int, width: int, coarse: int) -> None:
        if not self.shown or not len(self.rows.row):
            return
        window = Window(max(1, width // coarse), self.height, self.begin, self.end, self.shown)
        if window.thin:
            # Lines are worth as much as columns where there are more lanes than both.
            window = Window(window.width, max(1, self.height // coarse), self.begin, self.end, self.shown)
        rows = self._first_rows()
        raster = paint(rows, window)
        pixels = raster.pixels
        if self.edged:
            clear_edges(pixels, rows, window)
        if coarse > 1:
            pixels = _enlarged(pixels, width, self.height)
        drawing.put(pixels, self.left, top)
        if coarse == 1 and not window.thin:
            for x, room, y, slot, words in labels(rows, window, raster, self.name_of):
                dark = wants_dark_text(rows.colours[slot])
                drawing.text(
                    self.left + x + 3, top + y, words, "lm", "#000000" if dark else "#ffffff", room - 6
                )

    def _first_rows(self) -> Rows:
        rows = self.rows
        if self.shown >= rows.n:
            return rows
        keep = rows.row < self.shown
        kept = np.flatnonzero(keep)
        name_of = self.name_of
        self.name_of = lambda i: name_of(int(kept[i]))
        self.rows = Rows(
            self.shown,
            rows.row[keep],
            rows.slot[keep],
            rows.start[keep],
            rows.stop[keep],
            rows.kinds,
            rows.colours,
        )
        return self.rows


def labels(
    rows: Rows, window: Window, raster: Raster, name_of: Callable[[int], str]
) -> Iterator[tuple[int, int, float, int, str]]:
    """Names of spans that are wide enough, over pixels that the span owns.

    Yields
    ------
    x, width, y : float
        The pixels that a name has, and the middle of its line.
    slot : int
    name : str
    """
    if window.per_row < _LEAST_HEIGHT:
        return
    kind = np.asarray(rows.kinds, np.int64)[rows.slot]
    work = (kind == kinds.COMPUTE) | (kind == kinds.ERROR)
    scale = window.width / (window.end - window.begin)
    wide = np.flatnonzero(((rows.stop - rows.start) * scale >= _LEAST_WIDTH) & work)
    # The widest first: they say most where not all can be named.
    wide = wide[np.argsort(-(rows.stop - rows.start)[wide], kind="stable")][:_MOST_LABELS]
    for i in wide.tolist():
        row, slot = int(rows.row[i]), int(rows.slot[i])
        a = max(0, int(np.ceil(window.x_of(float(rows.start[i])))))
        b = min(window.width, int(np.floor(window.x_of(float(rows.stop[i])))))
        begin, end = _longest_run(raster.band[row, a:b] == slot)
        if end - begin < _LEAST_WIDTH:
            continue
        top, strip_end, bottom = window.box(row)
        striped = raster.striped[row, a + begin : a + end].any() and bottom - strip_end >= _LEAST_HEIGHT
        yield a + begin, end - begin, ((strip_end if striped else top) + bottom) / 2, slot, name_of(i)


def _longest_run(owned: npt.NDArray[np.bool_]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], owned, [False]])))
    if not len(edges):
        return 0, 0
    begins, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - begins))
    return int(begins[best]), int(ends[best])


def clear_edges(pixels: npt.NDArray[np.uint8], rows: Rows, window: Window) -> None:
    """A line of background at the left edge of spans that are wide enough: neighbours of one colour part."""
    scale = window.width / (window.end - window.begin)
    for i in np.flatnonzero((rows.stop - rows.start) * scale >= _EDGED).tolist():
        x = int(np.floor(window.x_of(float(rows.start[i])) + 0.5))
        top, _, bottom = window.box(int(rows.row[i]))
        if 0 <= x < window.width:
            pixels[top:bottom, x] = 0


def _enlarged(pixels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """The same picture on more pixels."""
    lines = np.minimum(np.arange(height) * len(pixels) // height, len(pixels) - 1)
    columns = np.minimum(np.arange(width) * pixels.shape[1] // width, pixels.shape[1] - 1)
    return pixels[lines][:, columns]


def extent(rows: Rows) -> tuple[float, float]:
    """Begin and end of what the spans cover, never the same."""
    if not len(rows.start):
        return 0.0, 1.0
    begin, end = float(rows.start.min()), float(rows.stop.max())
    # What failed last and without length lies on the edge, and has to be seen: a microsecond more, for
    # seconds since the epoch know nothing finer.
    return begin, end + 1e-6


def summary(overview: Overview) -> str:
    """How many tasks on how many threads."""
    n, total = overview.n_tasks, overview.n_tasks + overview.missed
    tasks = f"{n:,} of {total:,} tasks" if overview.missed else f"{n:,} task{'s' * (n != 1)}"
    threads = len(overview.lanes)
    workers = len({lane[0] for lane in overview.lanes})
    failed = f", {overview.n_errors:,} failed" if overview.n_errors else ""
    return (
        f"{tasks}{failed}, on {threads:,} thread{'s' * (threads != 1)} "
        f"of {workers:,} worker{'s' * (workers != 1)}"
    )


_STRIPS = (
    (kinds.TRANSFER, "hatched"),
    (kinds.DISK_READ, "dotted"),
    (kinds.DISK_WRITE, "striped across"),
    (kinds.DESERIALIZE, "striped down"),
)


def _named(lane: tuple[str, Any, str]) -> tuple[str, str]:
    """The worker of a lane: its address, and its name as the axis in the browser has it."""
    address, _, name = lane
    return address, f"worker {name}" if re.fullmatch(r"[0-9]+", name) else name


def _strip_note(overview: Overview) -> str:
    used = {slot.kind: slot.action for slot in overview.slots}
    said = [f"{used[kind]} {look}" for kind, look in _STRIPS if kind in used]
    return f"In the strip above a lane: {', '.join(said)}." if said else ""


def position_of(overview: Overview) -> npt.NDArray[np.int64]:
    """Row of each lane: by worker (numbers in names as numbers), then thread."""

    def key(i: int) -> tuple[list[tuple[int, str]], str, str]:
        worker, thread, name = overview.lanes[i]
        return [_number_or_text(part) for part in re.split(r"(\d+)", name)], worker, str(thread)

    order = sorted(range(len(overview.lanes)), key=key)
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    return position


def _number_or_text(part: str) -> tuple[int, str]:
    # Compared by their length first: a name may hold more digits than int() takes.
    digits = part.lstrip("0")
    return (len(digits), digits) if part.isdecimal() else (-1, part)

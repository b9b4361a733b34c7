"""What changed over time, and parts of a whole, as still pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .drawing import (
    FAINT,
    GRID,
    LINE,
    Curve,
    Drawing,
    Entry,
    count_ticks,
    legend_height,
    size_ticks,
    time_ticks,
    width_of,
)
from .palette import wants_dark_text
from .picture import WIDTH

_HEIGHT, _PAD = 180, 8
#: Points of a curve at most.
MOST_POINTS = 480


@dataclass
class Series:
    """A curve over time.

    Attributes
    ----------
    name, colour : str
    values : (n,) array of float
        NaN where nothing is known.
    stacked : bool
        An area on top of the stacked series before it.
    last : str
        Its last or largest value in words, for the legend.
    """

    name: str
    colour: str
    values: npt.NDArray[np.float64]
    stacked: bool = False
    last: str = ""


@dataclass
class Chart:
    """Curves that share their axes.

    Attributes
    ----------
    title : str
    unit : {"B", "%", ""}
        Bytes, per cent, or things that are counted.
    time : (n,) array of float
        Seconds since the epoch.
    series : list of Series
    begin, end : float
        What the time axis shows.
    note : str
    """

    title: str
    unit: str
    time: npt.NDArray[np.float64]
    series: list[Series] = field(default_factory=list)
    begin: float = 0.0
    end: float = 1.0
    note: str = ""

    def thinned(self) -> Chart:
        """The same with few points: of each few samples the one in which most was used."""
        n = len(self.time)
        step = -(-n // MOST_POINTS)
        if step <= 1:
            return self
        total = np.nansum([each.values for each in self.series], axis=0) if self.series else np.zeros(n)
        keep = np.array([at + int(np.argmax(total[at : at + step])) for at in range(0, n, step)])
        series = [
            Series(each.name, each.colour, each.values[keep], each.stacked, each.last) for each in self.series
        ]
        return Chart(self.title, self.unit, self.time[keep], series, self.begin, self.end, self.note)

    def layers(self) -> list[tuple[Series, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """Each series with its lower and its upper edge; of one that is not stacked both are its values."""
        below = np.zeros(len(self.time))
        found = []
        for each in self.series:
            if each.stacked:
                above = below + np.nan_to_num(each.values)
                found.append((each, below, above))
                below = above
            else:
                found.append((each, each.values, each.values))
        return found


def chart_png(chart: Chart) -> bytes:
    """A chart as a picture, with axes and a legend."""
    chart = chart.thinned()
    layers = chart.layers()
    tops = [float(np.nanmax(above)) for _, _, above in layers if np.isfinite(above).any()]
    top = max([*tops, 1e-9 if chart.unit == "B" else 1.0]) * 1.05
    ticks = (size_ticks if chart.unit == "B" else count_ticks)(top, 4)
    if chart.unit == "%":
        ticks = [(value, f"{words} %") for value, words in ticks]
    left = int(max(width_of(words) for _, words in ticks)) + 2 * _PAD
    width = WIDTH - left - _PAD
    entries = [Entry(each.colour, each.name, each.last) for each in chart.series]
    legend = legend_height(len(entries), WIDTH - 2 * _PAD)
    up = _PAD + LINE + 6
    bottom = up + _HEIGHT
    below = bottom + LINE + 8
    drawing = Drawing(WIDTH, below + legend + (LINE if chart.note else 0) + _PAD)
    drawing.text(_PAD, _PAD + LINE // 2, chart.title, room=WIDTH - 2 * _PAD)
    for value, words in ticks:
        y = bottom - value / top * _HEIGHT
        drawing.line(left, y, left + width, y)
        drawing.text(left - _PAD, y, words, "rm", FAINT)
    long = max(chart.end - chart.begin, 1e-9)
    for after, words in time_ticks(long, width // 90):
        x = left + after / long * width
        drawing.line(x, bottom, x, bottom + 4)
        if x + width_of(words) / 2 < WIDTH:
            drawing.text(x, bottom + 5 + LINE / 2, words, "mm", FAINT)
    x_of = np.clip((chart.time - chart.begin) / long, 0, 1) * width
    curves: list[Curve] = []
    for each, low, high in layers:
        edge, floor = (_HEIGHT - values / top * _HEIGHT for values in (high, low))
        for run in _runs(np.isfinite(edge)):
            line = list(zip(x_of[run].tolist(), edge[run].tolist(), strict=True))
            if each.stacked:
                back = list(zip(x_of[run].tolist(), floor[run].tolist(), strict=True))
                curves.append(Curve([*line, *reversed(back)], each.colour, filled=True))
            curves.append(Curve(line, each.colour))
    drawing.curves(left, up, width, _HEIGHT, curves)
    drawing.legend(entries, _PAD, below, WIDTH - 2 * _PAD)
    if chart.note:
        drawing.text(_PAD, below + legend + LINE // 2, chart.note, colour=FAINT, room=WIDTH - 2 * _PAD)
    return drawing.png()


def _runs(there: npt.NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@dataclass
class Part:
    """A part of a whole: its share (0 to 1), and how much it is in words."""

    name: str
    colour: str
    share: float
    amount: str


def bar_png(title: str, parts: Sequence[Part]) -> bytes:
    """Parts of a whole as one bar with a legend."""
    width, height = WIDTH - 2 * _PAD, 34
    legend = legend_height(len(parts), width)
    top = _PAD + LINE + 6
    drawing = Drawing(WIDTH, top + height + 10 + legend + _PAD)
    drawing.text(_PAD, _PAD + LINE // 2, title, room=width)
    whole = max(1e-9, sum(max(0.0, part.share) for part in parts))
    at = float(_PAD)
    for part in parts:
        end = at + max(0.0, part.share) / whole * width
        # What there is is seen, however little.
        drawing.box(round(at), top, max(round(end), round(at) + (part.share > 0)), top + height, part.colour)
        if end - at > 40:
            colour = "#000000" if wants_dark_text(part.colour) else "#ffffff"
            drawing.text(at + 5, top + height / 2, part.name, colour=colour, room=end - at - 10)
        at = end
    for x, y in ((_PAD, top), (_PAD, top + height)):
        drawing.line(x, y, _PAD + width - 1, y, GRID)
    drawing.legend(
        [Entry(part.colour, part.name, part.amount) for part in parts], _PAD, top + height + 10, width
    )
    return drawing.png()


def bars_png(title: str, bars: Sequence[tuple[str, str, Sequence[Part]]], note: str = "") -> bytes:
    """Bars below each other, each with a name, an amount in words, and its parts of a whole."""
    side, height = 230, 14
    top = _PAD + LINE + 6
    drawing = Drawing(WIDTH, top + len(bars) * (height + 6) + (LINE if note else 0) + _PAD)
    drawing.text(_PAD, _PAD + LINE // 2, title, room=WIDTH - 2 * _PAD)
    for i, (name, amount, parts) in enumerate(bars):
        y, at = top + i * (height + 6), float(side)
        width = WIDTH - 2 * side
        drawing.text(side - _PAD, y + height / 2, name, "rm", room=side - 2 * _PAD)
        drawing.text(side + width + _PAD, y + height / 2, amount, colour=FAINT, room=side - 2 * _PAD)
        drawing.box(side, y, side + width, y + height, GRID)
        for part in parts:
            end = at + part.share * width
            drawing.box(round(at), y, max(round(end), round(at) + (part.share > 0)), y + height, part.colour)
            at = end
    if note:
        drawing.text(_PAD, top + len(bars) * (height + 6) + LINE / 2, note, colour=FAINT)
    return drawing.png()

"""Spans as pixels: what the mark paints in the browser, for numpy.

The twin of ``js/src/draw/raster.ts`` and ``geometry.ts``, on the rule of `dasklens.model.coverage`. A golden
picture in ``tests/data/pictures`` is read by both test suites.

Words: a *row* is a lane, or a depth of a call tree; a *slot* is a colour and a pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from .coverage import NOBODY, cover
from .kinds import ERROR, PATTERNS, PERIOD, STRIP, TRANSFER
from .palette import rgb, wants_dark_text

#: Faintest alpha of a pixel that anything covers: below it a lone short task could not be seen.
FAINTEST = 26
#: Rows lower than this share lines of pixels and have no bands.
_THIN = 2
#: Rows this high have a line of background below them.
_SPACED = 5

Pixels = npt.NDArray[np.uint8]


@dataclass
class Rows:
    """Spans in rows, and what their slots look like.

    Attributes
    ----------
    n : int
        How many rows there are.
    row, slot : (n_spans,) array of int
    start, stop : (n_spans,) array of float
        Seconds, or samples.
    kinds : sequence of int
        Of each slot; see `dasklens.model.kinds`.
    colours : sequence of str
        Of each slot, as ``#rrggbb``.
    """

    n: int
    row: npt.NDArray[np.integer]
    slot: npt.NDArray[np.integer]
    start: npt.NDArray[np.float64]
    stop: npt.NDArray[np.float64]
    kinds: Sequence[int]
    colours: Sequence[str]


@dataclass(frozen=True)
class Window:
    """What a picture shows, on how many pixels.

    Attributes
    ----------
    width, height : int
        Pixels.
    begin, end : float
        Time, or samples, at the left and the right edge.
    rows : float
        Rows from the upper to the lower edge, from row 0 on.
    """

    width: int
    height: int
    begin: float
    end: float
    rows: float

    @property
    def per_row(self) -> float:
        """Pixels a row."""
        return self.height / self.rows

    @property
    def thin(self) -> bool:
        """Whether rows share lines of pixels."""
        return self.per_row < _THIN

    def x_of(self, time: float) -> float:
        """Where a time lies, in pixels from the left."""
        return (time - self.begin) * self.width / (self.end - self.begin)

    def box(self, row: int) -> tuple[int, int, int]:
        """First line of a row, the one behind its strip, and the one behind its last."""
        top, end = (floor(at * self.per_row + 0.5) for at in (row, row + 1))
        gap = 1 if self.per_row >= _SPACED else 0
        bottom = max(top + 1, end - gap)
        return top, top + max(1, floor((bottom - top) * STRIP + 0.5)), bottom


@dataclass
class Raster:
    """A painted picture.

    Attributes
    ----------
    pixels : (height, width, 4) array of uint8
        Red, green, blue and alpha (straight).
    owner : (height, width) array of int32
        The slot that is seen first at each pixel, or `NOBODY`.
    band : (rows, width) array of int32
        The owner within each row's lower band, where names stand; empty where rows are thin.
    striped : (rows, width) array of bool
        Where there is something in the row's strip.
    """

    pixels: Pixels
    owner: npt.NDArray[np.int32]
    band: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))
    striped: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty((0, 0), bool))


def paint(rows: Rows, window: Window) -> Raster:
    """Paint all that a window shows."""
    pixels = np.zeros((window.height, window.width, 4), np.uint8)
    owner = np.full((window.height, window.width), NOBODY, np.int32)
    raster = Raster(pixels, owner)
    if not len(rows.row) or not window.height:
        return raster
    kinds = np.asarray(rows.kinds, np.int64)[rows.slot]
    scale = window.width / (window.end - window.begin)
    left = (rows.start - window.begin) * scale
    right = left + (rows.stop - rows.start) * scale
    look = _Look(rows)
    if window.thin:
        line, which, depth = _lines(rows, window)
        shape = (window.height, window.width)
        found, share, _ = cover(
            line, rows.slot[which], left[which], right[which], shape, kinds[which] == ERROR, depth
        )
        for y in range(window.height):
            raster.pixels[y], raster.owner[y] = look.line(found[y], share[y], y), found[y]
        return raster
    strip = (kinds >= TRANSFER) & (kinds < ERROR)
    shape = (rows.n, window.width)
    bands = [
        cover(rows.row[of], rows.slot[of], left[of], right[of], shape, kinds[of] == ERROR)
        for of in (~strip, strip)
    ]
    (raster.band, share, _), (over, over_share, _) = bands
    raster.striped = over != NOBODY
    for row in range(rows.n):
        top, strip_end, bottom = window.box(row)
        _spread(raster, look, raster.band[row], share[row], top, bottom)
        if raster.striped[row].any():
            _spread(raster, look, over[row], over_share[row], top, strip_end)
    return raster


def _lines(
    rows: Rows, window: Window
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each pair of a span and a line that shows its row: the line and the span; rows of each line."""
    per = window.per_row
    line_of: list[list[int]] = [[] for _ in range(rows.n)]
    depth = np.ones(window.height, np.int64)
    for y in range(window.height):
        # A border between rows that falls on one between lines must not lie beside it by a rounding.
        first, end = floor(y / per + 1e-9), min(rows.n, ceil((y + 1) / per - 1e-9))
        depth[y] = max(1, end - first)
        for row in range(first, end):
            line_of[row].append(y)
    most = max(map(len, line_of), default=0)
    table = np.array([lines + [-1] * (most - len(lines)) for lines in line_of], np.int64).reshape(-1, most)
    lines = table[rows.row]
    which, at = np.nonzero(lines >= 0)
    return lines[which, at], which, depth


def _spread(
    raster: Raster,
    look: _Look,
    owner: npt.NDArray[np.int32],
    share: npt.NDArray[np.float32],
    top: int,
    end: int,
) -> None:
    """Fill lines of the picture with owners in their colours and patterns, over what is there."""
    height = len(raster.pixels)
    there = owner != NOBODY
    lines = [look.line(owner, share, y) for y in range(PERIOD)]
    for y in range(max(0, top), min(height, end)):
        raster.pixels[y] = over(lines[y % PERIOD], raster.pixels[y])
        raster.owner[y, there] = owner[there]


class _Look:
    """The slots' colours and patterns as arrays."""

    def __init__(self, rows: Rows):
        plain = np.array([rgb(colour) for colour in rows.colours], np.float64).reshape(-1, 3)
        dark = np.array([wants_dark_text(colour) for colour in rows.colours], bool)[:, None]
        ink = np.where(dark, plain * 0.45, plain + (255 - plain) * 0.62)
        self.plain, self.ink = plain.astype(np.uint8), np.floor(ink + 0.5).astype(np.uint8)
        self.tiles = np.array(PATTERNS, bool)[np.asarray(rows.kinds, np.int64)]

    def line(self, owner: npt.NDArray[np.int32], share: npt.NDArray[np.float32], y: int) -> Pixels:
        """A line of pixels, at this line of the picture."""
        slot = np.maximum(owner, 0)
        inked = self.tiles[slot, y % PERIOD, np.arange(len(owner)) % PERIOD]
        out = np.empty((len(owner), 4), np.uint8)
        out[:, :3] = np.where(inked[:, None], self.ink[slot], self.plain[slot])
        out[:, 3] = np.maximum(share * 255 + 0.5, FAINTEST)
        out[owner == NOBODY] = 0
        return out


def over(above: Pixels, below: Pixels) -> Pixels:
    """Pixels put over others, all with straight (not premultiplied) alpha."""
    a, b = above[..., 3:].astype(np.float64), below[..., 3:].astype(np.float64)
    seen = b * (255 - a)
    total = np.maximum(255 * a + seen, 1)
    part = 255 * a / total
    colour = below[..., :3] + (above[..., :3].astype(np.float64) - below[..., :3]) * part
    out = np.concatenate([colour, total / 255], axis=-1)
    mixed = (out + 0.5).astype(np.uint8)
    return np.where(a == 0, below, np.where((a == 255) | (b == 0), above, mixed))

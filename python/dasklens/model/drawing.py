"""What a still picture is drawn on: a light canvas, text, and the PNG of it.

Pictures are for viewers that run no script. They are opaque and light, so that they read the same on a dark
page, and their text is in the one font that Pillow brings along: the same picture on every machine. Letters
that the font has not are told in those that it has; the tables beside the pictures have names in full.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from io import BytesIO
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .palette import rgb
from .raster import Pixels, over

if TYPE_CHECKING:
    from collections.abc import Sequence

INK, FAINT, GRID, PAPER = "#24292f", "#59636e", "#d8dee4", "#ffffff"
#: Size of text, and lines of pixels that a line of it takes.
SIZE, LINE = 11, 16
#: Lines and curves are drawn this much larger, then made smaller: their edges are smooth.
_FINER = 3
#: Characters of a text that are looked at: a name may have any number.
_LONGEST = 200


class Entry(NamedTuple):
    """A line of a legend: what a colour stands for, and how much of it there is."""

    colour: str
    name: str
    amount: str


class Drawing:
    """A canvas of so many pixels."""

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def text(
        self, x: float, y: float, words: str, anchor: str = "lm", colour: str = INK, room: float = 1e9
    ) -> None:
        """Put text where Pillow's `anchor` says, cut if it is wider than `room`."""
        shown = fitting(words, room)
        if shown:
            self._draw.text((x, y), shown, fill=colour, font=_font(), anchor=anchor)

    def put(self, pixels: Pixels, left: int, top: int) -> None:
        """Put pixels with alpha over what is there."""
        height, width = pixels.shape[:2]
        paper = np.full((height, width, 4), 255, np.uint8)
        self._image.paste(Image.fromarray(np.ascontiguousarray(over(pixels, paper)[..., :3])), (left, top))

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """Fill a rectangle; its right and lower edge are behind the last pixel."""
        if right > left and bottom > top:
            self._draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=colour)

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: str = GRID) -> None:
        """A straight line along a row or a column of pixels."""
        self._draw.line((x0, y0, x1, y1), fill=colour)

    def curves(self, left: int, top: int, width: int, height: int, curves: Sequence[Curve]) -> None:
        """Draw curves and areas inside a rectangle, with smooth edges."""
        size = (width * _FINER, height * _FINER)
        for points, colour, filled in curves:
            mask = Image.new("L", size, 0)
            ends = [(x * _FINER, y * _FINER) for x, y in points]
            if filled and len(ends) > 2:
                ImageDraw.Draw(mask).polygon(ends, fill=150)
            elif not filled and len(ends) > 1:
                ImageDraw.Draw(mask).line(ends, fill=255, width=2 * _FINER - 1, joint="curve")
            small = mask.resize((width, height), Image.Resampling.BOX)
            self._image.paste(Image.new("RGB", (width, height), rgb(colour)), (left, top), small)

    def legend(self, entries: Sequence[Entry], left: int, top: int, width: int) -> None:
        """Legend entries in columns; `legend_height` says how high it gets."""
        columns = _columns(width)
        room = width // columns
        for at, (colour, name, amount) in enumerate(entries):
            x, y = left + at % columns * room, top + at // columns * LINE + LINE // 2
            self.box(x, y - 5, x + 10, y + 5, colour)
            taken = width_of(amount)
            self.text(x + 15, y, name, room=room - 30 - taken)
            shown = width_of(fitting(name, room - 30 - taken))
            self.text(x + 21 + shown, y, amount, colour=FAINT)

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file, with 256 colours at most: a third of its size otherwise."""
        out = BytesIO()
        few = self._image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(out, "PNG", optimize=True)
        return out.getvalue()


class Curve(NamedTuple):
    """Points in pixels from the left and the top, their colour, and whether they bound an area."""

    points: Sequence[tuple[float, float]]
    colour: str
    filled: bool = False


def legend_height(n: int, width: int) -> int:
    """Lines of pixels that a legend of so many entries takes."""
    return ceil(n / _columns(width)) * LINE


def _columns(width: int) -> int:
    return max(1, width // 290)


def fitting(words: str, room: float) -> str:
    """The text in letters that the font has, cut if need be; empty if next to nothing would be left."""
    whole = _in_font(words[:_LONGEST])
    shown, kept = whole, len(whole)
    while shown and width_of(shown) > room:
        kept = min(kept - 1, int(kept * room / width_of(shown)))
        if kept < 3:
            return ""
        shown = whole[:kept].rstrip() + "…"
    return shown


def width_of(words: str) -> float:
    """Pixels that a text takes."""
    return float(_font().getlength(words))


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(SIZE)
    assert isinstance(font, ImageFont.FreeTypeFont)
    # Letter by letter: shaping would depend on what else is installed.
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


def _in_font(words: str) -> str:
    # A space of this font is two pixels wide: words would run into each other.
    return "".join(_letter(c) for c in words).replace(" ", "  ")


@lru_cache(maxsize=4096)
def _letter(letter: str) -> str:
    if _known(letter):
        return letter
    if letter == "µ":
        return "u"
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if _known(c))
    return plain or "?"


def _known(letter: str) -> bool:
    if not letter.isprintable() or letter == " ":
        return letter == " "
    mask, nothing = _font().getmask(letter), _font().getmask("\uffff")
    return (mask.size, bytes(mask)) != (nothing.size, bytes(nothing))


# -- numbers -------------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """With three digits, as the legend in the browser has it."""
    for unit, long in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * long:
            return f"{float(f'{seconds / long:.3g}'):,.10g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def round_step(long: float, most: int) -> float:
    """1, 2 or 5 times a power of ten that fits `most` times or less into `long`."""
    least = long / max(1, most)
    if not 1e-300 < least < 1e300:
        return 1.0
    power = 10.0 ** floor(log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def time_ticks(seconds: float, most: int) -> list[tuple[float, str]]:
    """Ticks from the beginning on: how many seconds after it, and in words."""
    units = (
        (3600.0, "h", 7200.0),
        (60.0, "min", 120.0),
        (1.0, "s", 1.0),
        (1e-3, "ms", 1e-3),
        (1e-6, "us", 0.0),
    )
    unit, name = next((unit, name) for unit, name, least in units if seconds > least or not least)
    step = round_step(seconds / unit, most)
    n = floor(seconds / unit / step + 1e-9)
    return [(k * step * unit, f"{float(f'{k * step:.9g}'):g} {name}") for k in range(min(n, most) + 1)]


def size_ticks(top: float, most: int) -> list[tuple[float, str]]:
    """Ticks of bytes, which are round as powers of two are."""
    units = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "kiB"), (0.0, "B"))
    unit, name = next((unit or 1.0, name) for unit, name in units if top >= unit)
    step = round_step(top / unit, most)
    return [(k * step * unit, f"{k * step:.6g} {name}") for k in range(floor(top / unit / step + 1e-9) + 1)]


def count_ticks(top: float, most: int) -> list[tuple[float, str]]:
    """Ticks of things that are counted."""
    step = max(1.0, round_step(top, most))
    return [(k * step, f"{k * step:,.0f}") for k in range(floor(top / step + 1e-9) + 1)]


def below_each_other(pictures: Sequence[bytes]) -> bytes:
    """Pictures of one width as one; empty without any."""
    images = [Image.open(BytesIO(each)).convert("RGB") for each in pictures]
    if not images:
        return b""
    drawing = Drawing(max(image.width for image in images), sum(image.height for image in images))
    top = 0
    for image in images:
        drawing._image.paste(image, (0, top))
        top += image.height
    return drawing.png()

"""A still picture of a task stream, for viewers that run no script: an image of few bytes.

One pixel column is a stretch of time, four rows are a lane: the first one shows transfers, disk and
deserialization where there are any, the first three what the thread computed, the last one nothing.
"""

from __future__ import annotations

import re
import struct
import zlib

import numpy as np
import numpy.typing as npt

from .coverage import NOBODY, cover
from .overview import ERROR, STRIP, Overview
from .palette import ERROR_COLOUR, colour_of, rgb

#: Rows of the image a lane takes.
ROWS = 4
#: Faintest alpha of a pixel that anything covers, as in the browser.
_FAINTEST = 26


def paint(overview: Overview, width: int) -> npt.NDArray[np.uint8]:
    """The run as an image.

    Parameters
    ----------
    overview : Overview
    width : int
        Columns of the image.

    Returns
    -------
    (ROWS x lanes, columns, 4) array of uint8
        Red, green, blue and alpha; no rows when nothing has run.
    """
    spans = overview.spans()
    n_lanes = len(overview.lanes)
    if not len(spans.start):
        return np.zeros((0, width, 4), np.uint8)
    begin, end = float(spans.start.min()), float(spans.stop.max())
    scale = width / max(end - begin, 1e-6)
    row = _order(overview)[spans.lane]
    error, strip = spans.flags == ERROR, spans.flags == STRIP
    # What failed last and without length lies on the edge: it belongs to the last pixel.
    left = np.minimum((spans.start - begin) * scale, np.nextafter(width, 0))

    def band(which: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        owner, share, erred = cover(
            row[which],
            spans.prefix[which],
            left[which],
            (spans.stop[which] - begin) * scale,
            (n_lanes, width),
            error[which],
        )
        colours = np.array([[*rgb(colour_of(tally.name)), 255] for tally in overview.prefixes], np.uint8)
        image = colours[np.maximum(owner, 0)]
        image[erred, :3] = rgb(ERROR_COLOUR)
        image[..., 3] = np.maximum(share * 255 + 0.5, _FAINTEST)
        image[owner == NOBODY] = 0
        return image

    image = np.repeat(band(~strip), ROWS, axis=0)
    image[ROWS - 1 :: ROWS] = 0
    if strip.any():
        over = band(strip)
        over[..., :3] = over[..., :3] * 0.6
        there = over[..., 3] > 0
        image[::ROWS][there] = over[there]
    return image


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """An image of shape (rows, columns, 4) as the bytes of a PNG file.

    https://www.w3.org/TR/png-3/
    """
    rows, columns = image.shape[:2]
    # Differences to the row above: most rows repeat it.
    up = np.diff(image, axis=0, prepend=np.zeros((1, columns, 4), np.uint8))
    lines = np.empty((rows, 1 + columns * 4), np.uint8)
    lines[:, 0] = 2
    lines[:, 1:] = up.reshape(rows, columns * 4)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 6))
        + chunk(b"IEND", b"")
    )


def _order(overview: Overview) -> npt.NDArray[np.int64]:
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

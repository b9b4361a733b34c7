"""Which of many spans a pixel shows.

The rule of every picture of dasklens, here for numpy and in ``js/src/core/coverage.ts`` for the
browser: a pixel belongs to the slot that covers most of it (the lower one of two that cover the same),
its share is the part of it that is covered at all, and an erred span is never invisible.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

#: Owner of a pixel that nothing covers.
NOBODY = -1
#: Span and pixel pairs worked on at once: bounds the memory that overlapping spans take.
_AT_ONCE = 2_000_000


def cover(
    row: npt.NDArray[np.integer],
    slot: npt.NDArray[np.integer],
    left: npt.NDArray[np.floating],
    right: npt.NDArray[np.floating],
    shape: tuple[int, int],
    n_slots: int,
    error: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Work out the pixels of a picture.

    Parameters
    ----------
    row, slot : (n,) array of int
        Row of the picture and slot (colour) of every span.
    left, right : (n,) array of float
        Its ends in pixels; what lies outside of the picture is cut off.
    shape : (int, int)
        Rows and columns of the picture.
    n_slots : int
        Slots are numbered below it. Memory goes with rows x columns x slots.
    error : (n,) array of bool, optional
        Spans that own every pixel they touch, the one that they begin in at least, whatever else
        is there; of several the lowest slot.

    Returns
    -------
    owner : (rows, columns) array of int32
        Slot of each pixel, or `NOBODY`.
    share : (rows, columns) array of float32
        Covered part of each pixel, from 0 to 1.
    erred : (rows, columns) array of bool
        Pixels that show an erred span.
    """
    rows, columns = shape
    sums = np.zeros(rows * columns * n_slots)
    erred = np.zeros(rows * columns, bool)
    left = np.asarray(left, float)
    right = np.asarray(right, float)
    inside = (right > 0) & (left < columns) & (right > left)
    fine = inside if error is None else inside & ~error
    r, s = np.asarray(row, np.int64)[fine], np.asarray(slot, np.int64)[fine]
    a, b = np.clip(left[fine], 0, columns), np.clip(right[fine], 0, columns)
    first = np.minimum(a.astype(np.int64), columns - 1)
    n_pixels = np.maximum(np.ceil(b).astype(np.int64), first + 1) - first
    for part in _parts(n_pixels):
        count = n_pixels[part]
        which = np.repeat(np.arange(len(count)), count)
        pixel = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[part][which]
        width = np.minimum(b[part][which], pixel + 1) - np.maximum(a[part][which], pixel)
        at = (r[part][which] * columns + pixel) * n_slots + s[part][which]
        sums += np.bincount(at, np.maximum(width, 0), minlength=len(sums))
    per_pixel = sums.reshape(rows * columns, n_slots)
    total = per_pixel.sum(axis=1) if n_slots else np.zeros(rows * columns)
    owner = per_pixel.argmax(axis=1).astype(np.int32) if n_slots else np.zeros(rows * columns, np.int32)
    owner[total <= 0] = NOBODY
    share = np.minimum(total, 1).astype(np.float32)
    if error is not None:
        begin = np.floor(left).astype(np.int64)
        end = np.maximum(np.ceil(right).astype(np.int64), begin + 1)
        visible = np.flatnonzero(error & (end > 0) & (begin < columns))
        # The lowest slot last: of several it wins.
        for i in visible[np.argsort(-np.asarray(slot, np.int64)[visible], kind="stable")].tolist():
            at = int(row[i]) * columns
            part = slice(at + max(0, int(begin[i])), at + min(columns, int(end[i])))
            owner[part], share[part], erred[part] = slot[i], 1, True
    return owner.reshape(shape), share.reshape(shape), erred.reshape(shape)


def _parts(n_pixels: npt.NDArray[np.int64]) -> list[slice]:
    """Consecutive spans of together some `_AT_ONCE` pixels."""
    ends = np.cumsum(n_pixels)
    if not len(ends):
        return []
    cuts = np.searchsorted(ends, np.arange(_AT_ONCE, ends[-1], _AT_ONCE)) + 1
    edges = [0, *np.unique(cuts).tolist(), len(ends)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]

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
_NO_SLOT = np.int64(1 << 62)


def cover(
    row: npt.NDArray[np.integer],
    slot: npt.NDArray[np.integer],
    left: npt.NDArray[np.floating],
    right: npt.NDArray[np.floating],
    shape: tuple[int, int],
    error: npt.NDArray[np.bool_] | None = None,
    depth: npt.NDArray[np.integer] | None = None,
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
    error : (n,) array of bool, optional
        Spans that own every pixel they touch, the one that they begin in at least, whatever else
        is there; of several the lowest slot.
    depth : (rows,) array of int, optional
        How many lanes share each row of pixels: what covers it is a part of the time of all of them.

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
    n_pixels_all = rows * columns
    erred = np.zeros(n_pixels_all, bool)
    left = np.asarray(left, float)
    right = np.asarray(right, float)
    inside = (right > 0) & (left < columns) & (right > left)
    fine = inside if error is None else inside & ~error
    at, slots, sums = _time_by_pixel_and_slot(
        np.asarray(row, np.int64)[fine] * columns,
        np.asarray(slot, np.int64)[fine],
        np.clip(left[fine], 0, columns),
        np.clip(right[fine], 0, columns),
        columns,
    )
    total = np.bincount(at, sums, minlength=n_pixels_all).astype(np.float64)
    if depth is not None:
        total = total / np.repeat(depth, columns)
    share = np.minimum(total, 1).astype(np.float32)
    owner = np.full(n_pixels_all, NOBODY, np.int32)
    # Pairs are in the order of their pixels, then slots: of a pixel's largest the first one stays.
    starts = np.flatnonzero(np.diff(at, prepend=-1))
    largest = (
        np.repeat(np.maximum.reduceat(sums, starts), np.diff(starts, append=len(at))) if len(at) else sums
    )
    best = np.flatnonzero((sums == largest) & (sums > 0))
    best = best[np.diff(at[best], prepend=-1) > 0]
    owner[at[best]] = slots[best]
    if error is not None:
        which = np.flatnonzero(error)
        begin = np.floor(left[which]).astype(np.int64)
        end = np.maximum(np.ceil(right[which]).astype(np.int64), begin + 1)
        begin, end = np.maximum(begin, 0), np.minimum(end, columns)
        which, begin, end = (part[end > begin] for part in (which, begin, end))
        lowest = np.full(n_pixels_all, _NO_SLOT)
        for part in _parts(end - begin):
            span, pixel = _pairs(begin, end - begin, part)
            np.minimum.at(lowest, np.asarray(row, np.int64)[which][span] * columns + pixel, slot[which][span])
        erred = lowest < _NO_SLOT
        owner[erred], share[erred] = lowest[erred], 1
    return owner.reshape(shape), share.reshape(shape), erred.reshape(shape)


def _time_by_pixel_and_slot(
    row_at: npt.NDArray[np.int64],
    slot: npt.NDArray[np.int64],
    left: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    columns: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Every pair of a pixel and a slot that has time in it, with that time."""
    first = np.minimum(left.astype(np.int64), columns - 1)
    n_pixels = np.maximum(np.ceil(right).astype(np.int64), first + 1) - first
    n_slots = int(slot.max(initial=0)) + 1
    keys, sums = np.empty(0, np.int64), np.empty(0)
    for part in _parts(n_pixels):
        span, pixel = _pairs(first, n_pixels, part)
        width = np.minimum(right[span], pixel + 1) - np.maximum(left[span], pixel)
        key = (row_at[span] + pixel) * n_slots + slot[span]
        keys, sums = _summed(np.append(keys, key), np.append(sums, np.maximum(width, 0)))
    return keys // n_slots, keys % n_slots, sums


def _pairs(
    first: npt.NDArray[np.int64], n_pixels: npt.NDArray[np.int64], part: slice
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of some spans, each with each of its pixels."""
    count = n_pixels[part]
    span = np.repeat(np.arange(part.start, part.stop), count)
    return span, np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count) + first[span]


def _summed(
    keys: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The distinct keys in order, and the sum of the values of each."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[starts], np.add.reduceat(values[order], starts) if len(starts) else values[:0]


def _parts(n_pixels: npt.NDArray[np.int64]) -> list[slice]:
    """Consecutive spans of together some `_AT_ONCE` pixels."""
    ends = np.cumsum(n_pixels)
    if not len(ends):
        return []
    cuts = np.searchsorted(ends, np.arange(_AT_ONCE, ends[-1], _AT_ONCE)) + 1
    edges = [0, *np.unique(cuts).tolist(), len(ends)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]

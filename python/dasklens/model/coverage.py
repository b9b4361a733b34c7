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
    share = np.minimum(np.bincount(at, sums, minlength=n_pixels_all), 1).astype(np.float32)
    owner = np.full(n_pixels_all, NOBODY, np.int32)
    # The largest last, and of two alike the lower slot: of what is assigned to one pixel the last stays.
    order = np.lexsort((-slots, sums))
    order = order[sums[order] > 0]
    owner[at[order]] = slots[order]
    if error is not None:
        begin = np.floor(left).astype(np.int64)
        end = np.maximum(np.ceil(right).astype(np.int64), begin + 1)
        visible = np.flatnonzero(error & (end > 0) & (begin < columns))
        # The lowest slot last: of several it wins.
        for i in visible[np.argsort(-np.asarray(slot, np.int64)[visible], kind="stable")].tolist():
            edge = int(row[i]) * columns
            part = slice(edge + max(0, int(begin[i])), edge + min(columns, int(end[i])))
            owner[part], share[part], erred[part] = slot[i], 1, True
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
        count = n_pixels[part]
        span = np.repeat(np.arange(part.start, part.stop), count)
        pixel = np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count) + first[span]
        width = np.minimum(right[span], pixel + 1) - np.maximum(left[span], pixel)
        key = (row_at[span] + pixel) * n_slots + slot[span]
        keys, sums = _summed(np.append(keys, key), np.append(sums, np.maximum(width, 0)))
    return keys // n_slots, keys % n_slots, sums


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

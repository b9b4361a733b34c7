"""`cover` against a painter that asks every span for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dasklens.model import coverage
from dasklens.model.coverage import NOBODY, cover

ROWS, COLUMNS, SLOTS = 3, 9, 4


@dataclass
class Span:
    row: int
    slot: int
    left: float
    right: float
    error: bool


def spans_of(
    ends: st.SearchStrategy[float], widths: st.SearchStrategy[float]
) -> st.SearchStrategy[list[Span]]:
    each = st.builds(
        lambda row, slot, left, width, error: Span(row, slot, left, left + width, error),
        st.integers(0, ROWS - 1),
        st.integers(0, SLOTS - 1),
        ends,
        widths,
        st.sampled_from([False, False, False, True]),
    )
    return st.lists(each, max_size=25)


#: Sixteenths of a pixel: sums are exact, so that equal ones are equal. Beyond both edges, too.
exact = spans_of(
    st.integers(-64, (COLUMNS + 4) * 16).map(lambda n: n / 16), st.integers(0, 200).map(lambda n: n / 16)
)
inexact = spans_of(st.floats(-4, COLUMNS + 4), st.floats(0, 12))


def covered(spans: list[Span], errors: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return cover(
        np.array([s.row for s in spans], int),
        np.array([s.slot for s in spans], int),
        np.array([s.left for s in spans], float),
        np.array([s.right for s in spans], float),
        (ROWS, COLUMNS),
        np.array([s.error for s in spans], bool) if errors else None,
    )


def sums_of(spans: list[Span], row: int, x: int) -> list[float]:
    """Covered part of a pixel by slot, errors aside."""
    sums = [0.0] * SLOTS
    for s in spans:
        if s.row == row and not s.error:
            sums[s.slot] += max(0.0, min(s.right, x + 1) - max(s.left, x))
    return sums


def errors_at(spans: list[Span], row: int, x: int) -> list[int]:
    """Slots of the errors that touch a pixel."""
    return [
        s.slot
        for s in spans
        if s.error and s.row == row and floor(s.left) <= x < max(ceil(s.right), floor(s.left) + 1)
    ]


@settings(deadline=None)
@given(exact)
def test_every_pixel_shows_what_a_painter_finds_who_asks_every_span(spans: list[Span]) -> None:
    owner, share, erred = covered(spans)
    for row in range(ROWS):
        for x in range(COLUMNS):
            sums = sums_of(spans, row, x)
            wanted = (sums.index(max(sums)) if any(sums) else NOBODY, min(1.0, sum(sums)), False)
            if errors := errors_at(spans, row, x):
                wanted = (min(errors), 1.0, True)
            assert (owner[row, x], share[row, x], erred[row, x]) == wanted


@settings(deadline=None)
@given(inexact)
def test_the_owner_covers_most_up_to_rounding(spans: list[Span]) -> None:
    owner, share, erred = covered(spans)
    for row in range(ROWS):
        for x in range(COLUMNS):
            sums = sums_of(spans, row, x)
            if not erred[row, x]:
                assert share[row, x] == pytest.approx(min(1.0, sum(sums)), abs=1e-6)
                assert (
                    max(sums) <= 1e-9 if owner[row, x] == NOBODY else sums[owner[row, x]] >= max(sums) - 1e-9
                )


@settings(deadline=None)
@given(inexact)
def test_an_error_is_never_invisible(spans: list[Span]) -> None:
    _, share, erred = covered(spans)
    for s in spans:
        if s.error and 0 <= s.left < COLUMNS:
            assert erred[s.row, floor(s.left)]
            assert share[s.row, floor(s.left)] == 1


@pytest.mark.parametrize("order", [1, -1])
def test_of_equals_the_lower_slot_owns(order: int) -> None:
    two = [Span(0, 1, 2.25, 2.5, False), Span(0, 3, 2.5, 2.75, False)][::order]
    owner, share, _ = covered(two)
    assert (owner[0, 2], share[0, 2]) == (1, 0.5)
    three = [Span(0, 2, 5, 6, True), Span(0, 3, 5, 6, True)][::order]
    assert covered(three)[0][0, 5] == 2


def test_errors_are_ordinary_spans_unless_named() -> None:
    owner, share, erred = covered([Span(0, 1, 2, 2.25, True), Span(0, 2, 2, 2.5, False)], errors=False)
    assert (owner[0, 2], share[0, 2], erred.any()) == (2, 0.75, False)


@settings(deadline=None)
@given(exact, st.integers(1, 12))
def test_in_small_parts_it_is_the_same(spans: list[Span], at_once: int) -> None:
    whole = covered(spans)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "_AT_ONCE", at_once)
        for one, other in zip(covered(spans), whole, strict=True):
            assert np.array_equal(one, other)


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 30))
def test_parts_are_bounded_and_leave_nothing_out(n_pixels: list[int], at_once: int) -> None:
    counts = np.array(n_pixels, np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "_AT_ONCE", at_once)
        parts = coverage._parts(counts)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(len(n_pixels)))
    for part in parts:
        # One more span than fits at most.
        assert counts[part].sum() < at_once + max(n_pixels)


def test_nothing_at_all() -> None:
    owner, share, erred = covered([])
    assert (owner == NOBODY).all()
    assert not share.any()
    assert not erred.any()
    empty = np.empty(0)
    owner, _, _ = cover(empty, empty, empty, empty, (2, 3))
    assert (owner == NOBODY).all()
    assert owner.shape == (2, 3)

"""How sure a ratio of medians is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasklens.model.bootstrap import ratio_of_medians, worth_of

DURATIONS = st.lists(st.floats(1e-4, 1e3), min_size=1, max_size=60).map(np.array)


@given(DURATIONS)
def test_what_is_compared_with_itself_is_the_same(took):
    found = ratio_of_medians(took, took)
    assert found.value == 1
    assert found.least <= found.low <= 1 <= found.high <= found.most


@given(DURATIONS, st.floats(0.01, 100))
def test_an_interval_contains_by_how_much_all_are_longer(took, k):
    found = ratio_of_medians(k * took, took, resamples=500)
    assert found.value == pytest.approx(k)
    assert found.low <= k * (1 + 1e-9)
    assert k <= found.high * (1 + 1e-9)


@given(DURATIONS, DURATIONS)
def test_the_same_runs_give_the_same_numbers(after, before):
    found = ratio_of_medians(after, before, resamples=200)
    assert ratio_of_medians(after.copy(), before.copy(), resamples=200) == found


def phases(random, n, long=20):
    """Tasks while a machine is now quiet and now busy: neighbours are alike."""
    busy = np.repeat(random.random(n // long + 1) < 0.5, long)[:n]
    return random.lognormal(0, 0.2, n) * np.where(busy, 2.0, 1.0)


def test_neighbours_that_are_alike_count_as_fewer():
    random = np.random.default_rng(3)
    alike = [worth_of(phases(random, 1000)) for _ in range(50)]
    apart = [worth_of(random.permutation(phases(random, 1000))) for _ in range(50)]
    # Stretches of twenty are worth about one each.
    assert 25 < np.median(alike) < 120
    assert np.median(apart) > 800
    assert max(map(worth_of, (np.ones(100), np.arange(24.0)))) == 100


def test_so_intervals_hold_on_a_busy_machine_too():
    random = np.random.default_rng(4)
    pairs = [(phases(random, 600), phases(random, 600)) for _ in range(300)]
    covered, taken_apart = (
        np.mean([found.low <= 1 <= found.high for found in each])
        for each in (
            [ratio_of_medians(a, b, resamples=600) for a, b in pairs],
            [ratio_of_medians(random.permutation(a), random.permutation(b), resamples=600) for a, b in pairs],
        )
    )
    # Batches are hardly longer than the stretches, so it is not quite 95 %; without them it is far off.
    assert covered > 0.8
    assert taken_apart < 0.6


@given(DURATIONS, DURATIONS)
def test_the_more_is_compared_the_wider_the_interval_that_counts(after, before):
    few, many = (ratio_of_medians(after, before, comparisons=n, resamples=400) for n in (1, 50))
    assert few.low == many.low
    assert few.high == many.high
    assert (few.least, few.most) == (few.low, few.high)
    assert many.least <= few.least
    assert few.most <= many.most


@pytest.mark.parametrize("n", [(8, 8), (11, 30), (200, 50)], ids=str)
@pytest.mark.parametrize("shape", ["lognormal", "exponential", "normal"])
def test_of_a_hundred_intervals_some_95_contain_the_truth(n, shape):
    random = np.random.default_rng(7)
    draw = {
        "lognormal": lambda k: random.lognormal(0, 0.5, k),
        "exponential": lambda k: random.exponential(1, k),
        "normal": lambda k: np.abs(random.normal(1, 0.1, k)),
    }[shape]
    trials, k = 800, 1.7
    found = [ratio_of_medians(k * draw(n[0]), draw(n[1]), seed=i, resamples=800) for i in range(trials)]
    covered = sum(each.low <= k <= each.high for each in found) / trials
    # Four standard errors of a share of 800; a percentile bootstrap of few values is on the safe side.
    assert 0.92 <= covered <= 0.995


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 10])
def test_medians_are_drawn_as_from_resamples(n):
    """What is drawn is distributed as the medians of resamples that are really made."""
    from dasklens.model.bootstrap import _medians

    values = np.arange(1.0, n + 1)
    drawn = _medians(values, 40_000, np.random.default_rng(1))
    really = np.median(np.random.default_rng(2).choice(values, (40_000, n)), axis=1)
    for at in np.arange(1, n + 0.5, 0.5):
        assert (drawn <= at).mean() == pytest.approx((really <= at).mean(), abs=0.015)


def test_what_the_clock_cannot_tell_is_no_difference():
    # Half a microsecond and one: twice as long, and nothing that anybody measured.
    found = ratio_of_medians(np.full(100, 1e-6), np.full(100, 5e-7))
    assert found.value == pytest.approx(2)
    assert found.low <= 1 <= found.high
    nothing = ratio_of_medians(np.zeros(9), np.zeros(9))
    assert (nothing.value, nothing.low, nothing.high) == (1, 0, np.inf)
    longer = ratio_of_medians(np.ones(9), np.zeros(9))
    assert longer.value == np.inf
    assert longer.least > 1


def test_ratios_beyond_all_numbers_are_without_end():
    found = ratio_of_medians(np.full(10, 1e300), np.full(10, 1e-300))
    assert found.value == float("inf")
    assert found.low > 1e300

"""How sure the ratio of two medians is: a percentile bootstrap.

The median of a resample of n values is one of these values (or the mean of two neighbours): which of them is
all that chance decides. So no resample is drawn. The r-th smallest of n uniform numbers has the beta
distribution with r and n + 1 - r (David and Nagaraja, *Order Statistics*, 2003, chapter 2), and its place
among the sorted values is what the r-th smallest of a resample is. One draw a resample instead of n: of
millions of tasks none is left out.

Neighbours may be alike, which a bootstrap of single values knows nothing of: `worth_of` says how many of them
count. The interval itself is the percentile interval of Efron and Tibshirani, *An Introduction to the
Bootstrap* (1993), chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Resamples of each run, and where the draws begin: the same runs give the same interval.
RESAMPLES, SEED = 10_000, 1729
#: Values from which on it can be told whether neighbours are alike.
FEWEST_BATCHED = 25
#: Batches that are made of what lasts long.
BATCHES = 20
#: Seconds within which a duration may be off: of the epoch a float64 resolves a quarter of a microsecond, and
#: clocks of operating systems (`distributed` brings its own for Windows) a microsecond or less.
RESOLUTION = 1e-6


@dataclass(frozen=True)
class Ratio:
    """A ratio of two medians with intervals; ``inf`` where the lower median may be nothing.

    Attributes
    ----------
    value : float
        1 when both medians are 0.
    low, high : float
        The interval of the confidence that was asked for.
    least, most : float
        That of the confidence which all comparisons together have.
    """

    value: float
    low: float
    high: float
    least: float
    most: float


def ratio_of_medians(
    after: Floats,
    before: Floats,
    *,
    confidence: float = 0.95,
    comparisons: int = 1,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Ratio:
    """Median of `after` over the median of `before`, with a percentile bootstrap interval.

    Both are resampled, each apart. As a median is only as good as the clock, either may be off by half of
    `RESOLUTION`: the interval is wider by that.

    Parameters
    ----------
    after, before : array of float
        Durations in seconds, at least one each, none of them negative; in the order in which they ended.
    confidence : float
        Of the interval ``low, high``.
    comparisons : int
        How many such ratios are looked at: ``least, most`` is the interval of Bonferroni's confidence,
        ``1 - (1 - confidence) / comparisons``, with which all of them together are right as often as one.
    resamples : int
    seed : int

    Returns
    -------
    Ratio
    """
    random = np.random.default_rng(seed)
    above, below = (np.asarray(each, np.float64) for each in (after, before))
    drawn = _medians(above, resamples, random), _medians(below, resamples, random)
    half = RESOLUTION / 2
    lows = _over(np.maximum(drawn[0] - half, 0.0), drawn[1] + half)
    highs = _over(drawn[0] + half, np.maximum(drawn[1] - half, 0.0))
    medians = float(np.median(above)), float(np.median(below))
    value = 1.0 if medians == (0.0, 0.0) else float(_over(*medians))
    tail, thin = (1 - confidence) / 2, (1 - confidence) / 2 / max(1, comparisons)
    low, least = _quantiles(lows, (tail, thin))
    high, most = _quantiles(highs, (1 - tail, 1 - thin))
    # With very few values the ratio itself may be rarer than the interval is wide.
    return Ratio(value, min(low, value), max(high, value), min(least, value), max(most, value))


def _medians(values: Floats, resamples: int, random: np.random.Generator) -> Floats:
    """Medians of resamples."""
    ordered = np.sort(values)
    n, worth = len(values), worth_of(values)
    if worth < n:
        # Of so many independent values the median would vary as this one does.
        place = random.beta((worth + 1) / 2, (worth + 1) / 2, resamples)
        return ordered[np.minimum((place * n).astype(np.int64), n - 1)]
    rank = (n + 1) // 2
    lower = random.beta(rank, n + 1 - rank, resamples)
    medians = ordered[np.minimum((lower * n).astype(np.int64), n - 1)]
    if n % 2 == 0:
        # The next one is the smallest of the n - rank that lie above, which are uniform there.
        upper = 1.0 - (1.0 - lower) * random.random(resamples) ** (1.0 / (n - rank))
        medians = (medians + ordered[np.minimum((upper * n).astype(np.int64), n - 1)]) / 2
    return medians


def worth_of(values: Floats) -> float:
    """How many independent values these are worth, which come one after the other.

    While a machine is busy with something else, all tasks are slow: a hundred of them say no more than a few.
    Whether each is above or below the median is averaged over batches of neighbours: as many as a batch has
    values, and twenty, for what lasts longer. Where the means of batches vary more than those of independent
    values would, in either, the values count as fewer. The method of batch means: Law, *Simulation Modeling
    and Analysis* (2015), chapter 9. Of fewer than 25 nothing can be said.
    """
    n = len(values)
    if n < FEWEST_BATCHED:
        return float(n)
    side = np.sign(values - np.median(values))
    varies = float(side.var())
    if not varies:
        return float(n)
    sizes = {int(np.sqrt(n)), max(1, n // BATCHES)}
    inflated = max(
        size * float(side[: n // size * size].reshape(-1, size).mean(axis=1).var(ddof=1)) / varies
        for size in sizes
    )
    return n / max(1.0, inflated)


def _over(above: npt.ArrayLike, below: npt.ArrayLike) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.divide(above, below)


def _quantiles(values: Floats, at: tuple[float, ...]) -> list[float]:
    # The next value outwards: between two, of which one may be infinite, there is no mean.
    ordered = np.sort(values)
    last = len(ordered) - 1
    places = [int(np.floor(q * last) if q < 0.5 else np.ceil(q * last)) for q in at]
    return [float(ordered[place]) for place in places]

"""When a set of tasks will be done, from what its groups have left and how fast it went so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import nan

#: Seconds of the past that say how fast it goes now, and between two notes of it.
WINDOW, EVERY = 30.0, 0.5


class Eta:
    """An estimate of the seconds left.

    The work of a group is its number of tasks times their mean duration, as the scheduler has it by
    prefix (the mean of the others where it has none yet). The time left is the work left by how much
    work a second was done within the last half minute.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[float, float, float]] = deque()

    def note(self, time: float, groups: Iterable[tuple[int, int, float]]) -> float:
        """Take notice of how it is now.

        Parameters
        ----------
        time : float
            Seconds, on any clock that only goes on.
        groups : iterable of (int, int, float)
            Of each group the tasks done, those left, and the seconds one takes (0 or less: not known).

        Returns
        -------
        float
            Seconds left; NaN as long as nothing is known.
        """
        groups = list(groups)
        known = [seconds for done, left, seconds in groups if seconds > 0]
        mean = sum(known) / len(known) if known else 1.0
        done = left = 0.0
        for n_done, n_left, seconds in groups:
            each = seconds if seconds > 0 else mean
            done += n_done * each
            left += n_left * each
        so_far = float(sum(n for n, _, _ in groups))
        past = self._past
        if past and so_far < past[-1][1]:
            # Results were lost: what was done before says nothing any more.
            past.clear()
        if not past or time - past[-1][0] >= EVERY:
            past.append((time, so_far, done))
        while len(past) > 2 and time - past[0][0] > WINDOW:
            past.popleft()
        if left <= 0:
            return 0.0
        begun, n_before, _ = past[0]
        # The mean durations change: how much was done is counted in those of now.
        share = (so_far - n_before) / so_far if so_far else 0.0
        speed = done * share / (time - begun) if time > begun else 0.0
        return left / speed if speed > 0 else nan

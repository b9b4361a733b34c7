"""How often a recording reads samples, whoever reads."""

from __future__ import annotations

#: Samples are read this much of the time that passed apart, and never more seconds apart: a long recording
#: has some hundred samples of its workers, not thousands. The sampler forgets whoever waits longer.
PART, LONGEST_PAUSE = 1 / 600, 4.0


def pause_after(seconds: float) -> float:
    """Seconds until samples are read again, after so many of recording."""
    return min(LONGEST_PAUSE, seconds * PART)

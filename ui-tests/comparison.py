"""Write a comparison of two made-up runs and a trend of five: ``python comparison.py COMPARE TREND``.

The second run's prefix ``weigh`` takes twice as long, and its profile spends more in ``slow_part``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from compared import report

import dasklens


def main(compare: str, trend: str) -> None:
    """Write both."""
    runs: list[Any] = [report(seed, slower={"weigh": 2.0} if seed == 1 else {}) for seed in range(5)]
    runs[0].compare(runs[1]).save(compare)
    dasklens.compare(runs, [f"1.{seed}" for seed in range(5)]).save(trend)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Numbers as people say them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """``"12.3 s"``, ``"4.56 ms"``, ``"7 µs"``."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= unit:
            return f"{number(seconds / unit)} {name}"
    return f"{number(seconds * 1e6)} µs" if seconds > 0 else "0 s"


def size(n: float) -> str:
    """``"1.5 GiB"``."""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "kiB")):
        if n >= unit:
            return f"{number(n / unit)} {name}"
    return f"{n:.0f} B"


def number(value: float) -> str:
    """Three digits of it, or all that are in front of the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percent(part: float, whole: float) -> str:
    """``"31 %"``."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def plural(n: int, one: str) -> str:
    """``"run"`` of one, else ``"runs"``."""
    return one if n == 1 else f"{one}s"

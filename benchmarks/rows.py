"""What a measurement says: one row each, printed as a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One requirement and what was measured.

    Attributes
    ----------
    name, requirement, peer, ours : str
        As printed; `peer` is what today's tool does in the same run.
    passed : bool
    """

    name: str
    requirement: str
    peer: str
    ours: str
    passed: bool


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    cells = [("measured", "requirement", "peer", "ours", "")]
    cells += [(r.name, r.requirement, r.peer, r.ours, "pass" if r.passed else "FAIL") for r in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(5)]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)

"""Which functions take more of the time than before, and which take less."""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.calltree import whole
from .profile import Function, State, flatten


@dataclass(frozen=True)
class Moved:
    """A function whose own share of all samples changed.

    Attributes
    ----------
    before, after : float
        Its own share, 0 to 1.
    samples : tuple of int
        Its own samples, before and after.
    """

    name: str
    filename: str
    line: int
    library: str
    before: float
    after: float
    samples: tuple[int, int]

    @property
    def change(self) -> float:
        """In percent points, as a part of 1."""
        return self.after - self.before


def moved_functions(after: State, before: State, most: int = 30) -> list[Moved]:
    """Functions by how much their own share changed, the largest change first.

    Shares, not samples, are compared: neither run need have taken as long as the other.

    Parameters
    ----------
    after, before : state
        Call trees with samples in their innermost frames too.
    most : int
        How many are told.
    """
    totals = [max(1, whole(tree["count"])) for tree in (before, after)]
    found: dict[str, list[Function | None]] = {}
    for place, tree in enumerate((before, after)):
        for function in flatten(tree):
            found.setdefault(function.identifier, [None, None])[place] = function
    rows = []
    for pair in found.values():
        known = next(each for each in reversed(pair) if each is not None)
        samples = [0 if each is None else each.own for each in pair]
        if samples[0] or samples[1]:
            before_share, after_share = (n / total for n, total in zip(samples, totals, strict=True))
            rows.append(
                Moved(
                    known.name,
                    known.filename,
                    known.line,
                    known.library,
                    before_share,
                    after_share,
                    (samples[0], samples[1]),
                )
            )
    rows.sort(key=lambda row: (-abs(row.change), row.name, row.filename))
    return [row for row in rows if row.change][:most]

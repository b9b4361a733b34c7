"""A call tree laid out as an icicle: a row a depth, the root on top, of siblings the widest first.

The twin of ``js/src/core/flame.ts``: its rows are painted as those of a task stream are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..wire.frames import NO_NAME, Frame, FrameError, unpack_frame
from .kinds import COMPUTE
from .palette import SHADES, STEPS, change_colour, change_step, library_colour, shade_of
from .raster import Rows
from .relog import column

#: Width of the picture of a comparison: there are no samples that both runs would have in common.
_COMPARED_WIDTH = 1e6
#: As in the browser: beyond so many colours the last one is shared.
_MOST_SLOTS = max(SHADES * 60, 2 * STEPS + 1)


@dataclass
class Laid:
    """A tree that is laid out.

    Attributes
    ----------
    rows : Rows
        `Rows.start` and `Rows.stop` count samples, of a comparison parts of a million.
    names : list of str
        The function of each span.
    samples : int
        Those of the root.
    width : float
        Where the root ends.
    libraries : dict of str to float
        Samples by library in which its functions were the innermost ones, most first; of a comparison none.
    """

    rows: Rows
    names: list[str]
    samples: int
    width: float
    libraries: dict[str, float]


def lay_out(data: bytes | Frame) -> Laid:
    """Lay out the tree of a frame of the stream ``profile``.

    Raises
    ------
    FrameError
        When it is no whole frame of this stream.
    """
    frame = data if isinstance(data, Frame) else unpack_frame(data)
    if frame.stream != "profile":
        raise FrameError(f"Expected a frame of the stream 'profile', got {frame.stream!r}.")
    tree = _Tree(frame)
    n = len(tree.wide)
    children: list[list[int]] = [[] for _ in range(n)]
    for node in range(1, n):
        children[tree.parent[node]].append(node)
    start, depth = [0.0] * n, [0] * n
    slots: dict[str, int] = {}
    colours: list[str] = []
    shown: list[tuple[int, int]] = []
    stack = [0]
    while stack:
        node = stack.pop()
        if tree.wide[node] > 0:
            name, colour = tree.look(node)
            if name not in slots:
                slots[name] = min(len(colours), _MOST_SLOTS)
                if len(colours) <= _MOST_SLOTS:
                    colours.append(colour)
            shown.append((node, slots[name]))
        at = start[node]
        # Of equals the one that came first: sorting keeps their order.
        called = sorted(children[node], key=lambda child: -tree.wide[child])
        for child in called:
            start[child], depth[child] = at, depth[node] + 1
            at += tree.wide[child]
        stack.extend(reversed(called))
    nodes = [node for node, _ in shown]
    begin = np.array([start[node] for node in nodes], np.float64)
    rows = Rows(
        n=max((depth[node] for node in nodes), default=-1) + 1,
        row=np.array([depth[node] for node in nodes], np.int64),
        slot=np.array([slot for _, slot in shown], np.int64),
        start=begin,
        stop=begin + np.array([tree.wide[node] for node in nodes], np.float64),
        kinds=[COMPUTE] * len(colours),
        colours=colours,
    )
    names = [tree.name(node) for node in nodes]
    return Laid(rows, names, int(tree.total[0]), tree.wide[0], tree.own_by_library(children))


class _Tree:
    """The columns of a frame as lists, checked as the browser checks them."""

    def __init__(self, frame: Frame):
        n = frame.next - frame.first
        columns = {name: column(frame, name).tolist() for name in ("parent", "function", "count", "before")}
        self.parent, self._function = columns["parent"], columns["function"]
        self.total: list[float] = columns["count"]
        self._before: list[float] | None = columns["before"] or None
        self._names = frame.names
        if not n or any(len(columns[name]) != n for name in ("parent", "function", "count")):
            raise FrameError("Expected a profile with a root and whole columns, got one without.")
        if self.parent[0] != NO_NAME or any(p >= i for i, p in enumerate(self.parent) if i):
            raise FrameError("Expected callers in front of what they call, got a profile with another order.")
        if any(not self._entry(node) for node in set(self._function)):
            raise FrameError("Expected the functions of a profile, got one that speaks of others.")
        for values in (self.total, self._before):
            # No node has less than what it called, whatever the frame says.
            below = [0.0] * n
            for i in range(n - 1, -1, -1) if values else ():
                values[i] = max(values[i], below[i])  # type: ignore[index]
                if i:
                    below[self.parent[i]] += values[i]  # type: ignore[index]
        self.wide = self.total if self._before is None else self._widths()

    def _entry(self, function: int) -> tuple[str, str, int, str] | None:
        entry = self._names[function] if function < len(self._names) else None
        if not isinstance(entry, (tuple, list)) or len(entry) < 4:
            return None
        name, file, line, library = entry[:4]
        texts = [each if isinstance(each, str) else "" for each in (name, file, library)]
        return texts[0], texts[1], line if isinstance(line, int) and line > 0 else 0, texts[2]

    def _of(self, node: int) -> tuple[str, str, int, str]:
        return self._entry(self._function[node]) or ("", "", 0, "")

    def name(self, node: int) -> str:
        if node == 0:
            return "all" if self._before is not None else f"all: {self.total[0]:,.0f} samples"
        name = self._of(node)[0] or "(unknown)"
        points = 100 * self._change(node)
        return f"{points:+.1f} {name}" if abs(points) >= 0.05 else name

    def _change(self, node: int) -> float:
        """Change of a node's share of all samples, -1 to 1."""
        return 0.0 if self._before is None else _share(self.total, node) - _share(self._before, node)

    def look(self, node: int) -> tuple[str, str]:
        """What tells a node's colour from others, and the colour."""
        if self._before is not None:
            step = change_step(self._change(node))
            return f"change {step}", change_colour(step)
        if node == 0:
            return "root", library_colour("python")
        name, file, line, library = self._of(node)
        shade = shade_of(f"{name};{file};{line}")
        return f"{library} {shade}", library_colour(library, shade)

    def own_by_library(self, children: list[list[int]]) -> dict[str, float]:
        if self._before is not None:
            return {}
        found: dict[str, float] = {}
        for node in range(1, len(self.total)):
            own = self.total[node] - sum(self.total[child] for child in children[node])
            if own > 0:
                library = self._of(node)[3]
                found[library] = found.get(library, 0.0) + own
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def _widths(self) -> list[float]:
        assert self._before is not None
        # Each run counts half, or all if the other one is empty: neither need have run as long.
        runs = (self.total[0] > 0) + (self._before[0] > 0)
        scale = _COMPARED_WIDTH / max(1, runs)
        return [scale * (_share(self.total, i) + _share(self._before, i)) for i in range(len(self.total))]


def _share(values: list[float], node: int) -> float:
    return values[node] / values[0] if values[0] > 0 else 0.0

"""Slices of a call tree by time, as columns of its frame: samples of nodes, slice by slice.

``slice_time`` says when each ends, in seconds since the epoch, ``slice_rows`` how many nodes it has, and
``slice_node`` and ``slice_count`` are those nodes, by number, and their samples. `js/src/core/treeslices.ts`
makes a tree of some of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

from .calltree import State, little, whole

Columns = dict[str, tuple[str, bytes]]


def slice_columns(tree: State, slices: Sequence[tuple[float, State]]) -> Columns:
    """Columns for `pack_profile`.

    Parameters
    ----------
    tree : mapping
        All slices merged.
    slices : sequence of (float, mapping)
        When each ends, and its tree.
    """
    nodes = [array("I") for _ in slices]
    counts = [array("I") for _ in slices]
    stack: list[tuple[State, dict[int, State]]] = [(tree, {i: each for i, (_, each) in enumerate(slices)})]
    n = 0
    while stack:
        node, own = stack.pop()
        for i, same in own.items():
            count = whole(same.get("count"))
            if count:
                nodes[i].append(n)
                counts[i].append(count)
        # In the order in which nodes are packed.
        below = [item for item in node["children"].items() if isinstance(item[1], Mapping)]
        for identifier, child in reversed(below):
            found = {i: s["children"][identifier] for i, s in own.items() if identifier in s["children"]}
            stack.append((child, found))
        n += 1
    return {
        "slice_time": ("f8", little(array("d", [stop for stop, _ in slices]))),
        "slice_rows": ("u4", little(array("I", map(len, nodes)))),
        "slice_node": ("u4", b"".join(map(little, nodes))),
        "slice_count": ("u4", b"".join(map(little, counts))),
    }

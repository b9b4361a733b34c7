"""Call trees: merge, prune, invert, flatten, compare.

A *state* is a call tree as `distributed.profile` has it: nested dictionaries with ``count`` (samples
in this frame and in what it called), ``children``, ``identifier`` and ``description`` (``name,
filename, line_number, line``). Functions here take states and leave them as they are. None of them
recurses: a tree may be deeper than Python's stack.

Words: a node's *total* is its ``count``, its *own* samples are those of no child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..wire.calltree import children_of, counted, create, defined_at, merge, text, whole
from ..wire.library import OWN, PYTHON, library_of

__all__ = [
    "OWN",
    "PYTHON",
    "Function",
    "counted",
    "create",
    "diff",
    "flatten",
    "invert",
    "library_of",
    "merge",
    "own",
    "prune",
]

State = Mapping[str, Any]
#: One that is being made.
Made = dict[str, Any]

#: Identifier of the node that stands for those that were too small.
SMALL = "(small)"


def own(node: State) -> int:
    """Samples of a node that none of its children has."""
    return max(0, whole(node["count"]) - sum(whole(child["count"]) for child in children_of(node)))


def nodes(state: State) -> Iterator[State]:
    """Every node of a tree, callers first."""
    stack = [state]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children_of(node)))


def prune(state: State, least: float) -> Made:
    """A tree without nodes of fewer than `least` samples.

    The small children of a node become one, which says how many frames it stands for: no sample goes.
    """
    out = _copy(state)
    stack: list[tuple[State, Made]] = [(state, out)]
    while stack:
        node, into = stack.pop()
        gone: list[State] = []
        for identifier, child in node["children"].items():
            if child["count"] >= least:
                into["children"][identifier] = kept = _copy(child)
                stack.append((child, kept))
            else:
                gone.append(child)
        if gone:
            into["children"][SMALL] = small = create()
            frames = sum(1 for child in gone for _ in nodes(child))
            small.update(identifier=SMALL, count=sum(child["count"] for child in gone))
            small["description"]["name"] = f"({frames:,} smaller frame{'s' * (frames != 1)})"
            if "before" in node:
                small["before"] = sum(child["before"] for child in gone)
    return out


def invert(state: State) -> Made:
    """The tree from its other end: functions by their own samples, below each one who called it.

    Samples that only the root has stay the root's own.
    """
    out = _copy(state)
    # A path is followed up by numbers: copying it for each node would take its length squared.
    parents: list[int] = [-1]
    all_nodes = [state]
    for at, node in enumerate(all_nodes):
        for child in children_of(node):
            all_nodes.append(child)
            parents.append(at)
    for at in range(1, len(all_nodes)):
        samples = own(all_nodes[at])
        into = out
        up = at
        while samples and up > 0:
            node = all_nodes[up]
            into = into["children"].setdefault(node["identifier"], _empty(node))
            into["count"] += samples
            up = parents[up]
    return out


@dataclass(slots=True)
class Function:
    """What a tree says of one function, wherever it was called.

    Attributes
    ----------
    own, total : int
        Samples in itself, and in itself or what it called; a function that calls itself counts once.
    """

    name: str
    filename: str
    line: int
    library: str
    own: int = 0
    total: int = 0
    identifier: str = field(default="", repr=False)


def flatten(state: State) -> list[Function]:
    """Every function of a tree, those with most samples of their own first."""
    functions: dict[str, Function] = {}
    open_: dict[str, int] = {}
    # True marks the end of what was called by a node.
    stack: list[tuple[State, bool]] = [(child, False) for child in reversed(children_of(state))]
    while stack:
        node, done = stack.pop()
        identifier = node["identifier"]
        if done:
            open_[identifier] -= 1
            continue
        function = functions.get(identifier)
        if function is None:
            d = node["description"]
            file = text(d["filename"])
            function = functions[identifier] = Function(
                text(d["name"]), file, defined_at(identifier), library_of(file), identifier=identifier
            )
        function.own += own(node)
        if not open_.get(identifier):
            function.total += whole(node["count"])
        open_[identifier] = open_.get(identifier, 0) + 1
        stack.append((node, True))
        stack.extend((child, False) for child in reversed(children_of(node)))
    return sorted(functions.values(), key=lambda f: (-f.own, -f.total, f.name, f.filename))


def diff(after: State, before: State) -> Made:
    """Two trees in one: ``count`` is what `after` has, ``before`` what the other has.

    Of a node also ``change``: its share of all samples after, less its share before (-1 to 1), which
    is independent of how long either was watched.
    """
    totals = whole(after["count"]), whole(before["count"])
    out: Made = {}
    stack: list[tuple[Made, State | None, State | None]] = [(out, after, before)]
    while stack:
        into, a, b = stack.pop()
        known = a if a is not None else b
        assert known is not None
        counts = [0 if node is None else whole(node["count"]) for node in (a, b)]
        shares = [count / total if total else 0.0 for count, total in zip(counts, totals, strict=True)]
        into["identifier"], into["description"] = known["identifier"], known["description"]
        into["count"], into["before"] = counts
        into["change"] = shares[0] - shares[1]
        children: Made = {}
        into["children"] = children
        in_a = {} if a is None else a["children"]
        in_b = {} if b is None else b["children"]
        for identifier in dict.fromkeys([*in_a, *in_b]):
            child = children[identifier] = {}
            stack.append((child, in_a.get(identifier), in_b.get(identifier)))
    return out


def _copy(node: State) -> Made:
    """A node without its children."""
    return {**node, "children": {}}


def _empty(node: State) -> Made:
    return {
        "count": 0,
        "children": {},
        "identifier": node["identifier"],
        "description": node["description"],
    }

"""The stream ``profile``: a whole call tree as one frame. ``docs/frames.md`` has its columns.

A *state* is a call tree as `distributed.profile` has it: a dictionary with ``count`` (samples in this
frame and in what it called), ``children``, ``identifier`` and ``description``. States come from
workers, and so are believed only as far as they hold: what is no number counts as 0, what is no text
is shown as text. Trees may be deep: nothing here recurses.
"""

from __future__ import annotations

import sys
import uuid
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .frames import NO_NAME, FrameError, pack_frame, pack_name, unpack_frame
from .library import library_of

STREAM = "profile"
#: Most characters of a name, of a file and of a line that are sent: nobody reads more.
LONGEST = 2000

State = Mapping[str, Any]
#: One that is being made.
Made = dict[str, Any]


def pack_profile(
    state: State,
    about: Mapping[str, Any] | None = None,
    timeline: Sequence[tuple[float, float]] = (),
    log: str = "",
    more: Mapping[str, tuple[str, bytes]] | None = None,
) -> bytes:
    """A call tree as one frame of the stream ``profile``.

    Parameters
    ----------
    state : mapping
        As `distributed.Client.profile` gives it; nodes of a comparison have ``before`` too.
    about : mapping, optional
        What the tree covers; see ``docs/frames.md``.
    timeline : sequence of (float, float)
        Seconds since the epoch, and samples that were taken up to then since the entry before.
    log : str, optional
        What tells this tree from any other; made up when missing.
    more : mapping, optional
        Further columns: slices of it by time, see `slice_columns`.
    """
    names: dict[Any, int] = {}
    functions: dict[Any, int] = {}
    packed: list[bytes] = []

    def name(entry: Any) -> int:
        at = names.get(entry)
        if at is None:
            at = names[entry] = len(packed)
            packed.append(pack_name(entry))
        return at

    columns = {each: array("I") for each in ("parent", "function", "line", "source", "count", "before")}
    compared = "before" in state
    stack: list[tuple[int, State]] = [(NO_NAME, state)]
    n = 0
    while stack:
        parent, node = stack.pop()
        described = node.get("description")
        d = described if isinstance(described, Mapping) else {}
        called = (text(d.get("name")), text(d.get("filename")), node.get("identifier"))
        function = functions.get(called) if isinstance(called[2], str) else None
        if function is None:
            file = called[1]
            function = name((called[0], file, defined_at(called[2]), library_of(file)))
            if isinstance(called[2], str):
                functions[called] = function
        columns["parent"].append(parent)
        columns["function"].append(function)
        columns["line"].append(whole(d.get("line_number")))
        line = text(d.get("line")).strip()
        columns["source"].append(name(line) if line else NO_NAME)
        columns["count"].append(whole(node.get("count")))
        if compared:
            columns["before"].append(whole(node.get("before")))
        for child in reversed(children_of(node)):
            stack.append((n, child))
        n += 1
    if not compared:
        del columns["before"]
    base = float(timeline[0][0]) if timeline else 0.0
    times = array("d", [t - base for t, _ in timeline])
    samples = array("I", [whole(count) for _, count in timeline])
    columns["about"] = array("I", [name_of_map(packed, about or {})])
    cols = {key: ("u4", little(column)) for key, column in {**columns, "samples": samples}.items()}
    cols["time"] = ("f8", little(times))
    cols.update(more or {})
    return pack_frame(
        stream=STREAM,
        log=log or uuid.uuid4().hex,
        first=0,
        next=n,
        missed=0,
        names0=0,
        names=packed,
        base=base,
        cols=cols,
    )


def unpack_profile(data: bytes) -> tuple[Made, dict[str, Any], list[tuple[float, int]]]:
    """What `pack_profile` was given: the tree, what it covers, and the timeline.

    Raises
    ------
    FrameError
        When it is not a whole frame of this stream.
    """
    frame = unpack_frame(data)
    if frame.stream != STREAM:
        raise FrameError(f"Expected a frame of the stream {STREAM!r}, got {frame.stream!r}.")
    try:
        cols = {name: _values(*column) for name, column in frame.cols.items()}
        nodes: list[Made] = []
        for i, parent in enumerate(cols["parent"]):
            name, file, first_line = frame.names[cols["function"][i]][:3]
            line, source = cols["line"][i], cols["source"][i]
            node: Made = {
                "count": cols["count"][i],
                "children": {},
                "identifier": f"{name};{file};{first_line}" if i else "root",
                "description": {
                    "name": name,
                    "filename": file,
                    "line_number": line,
                    "line": "" if source == NO_NAME else frame.names[source],
                },
            }
            if "before" in cols:
                node["before"] = cols["before"][i]
            if i:
                if parent >= i:
                    raise ValueError("a node in front of what called it")
                # Two functions of the same name that begin in the same line are still two.
                siblings = nodes[parent]["children"]
                while node["identifier"] in siblings:
                    node["identifier"] += "'"
                siblings[node["identifier"]] = node
            nodes.append(node)
        about: Any = frame.names[cols["about"][0]]
        times = [frame.base + t for t in cols["time"]]
        return nodes[0], dict(about), list(zip(times, cols["samples"], strict=True))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FrameError(
            f"Expected a whole call tree, got one that does not hold together: {error}."
        ) from None


def _values(dtype: str, data: memoryview) -> array[Any]:
    values = array({"u4": "I", "f8": "d"}.get(dtype, "B"), bytes(data))
    if sys.byteorder == "big":
        values.byteswap()
    return values


def counted(state: State) -> State:
    """A tree in which innermost frames have their samples.

    A worker counts a sample in every frame of its stack but the innermost one (distributed 2026.8
    leaves that to its low-level profiler, which is off): leaves have a count of 0, and what was
    sampled in them looks like their caller's own. What a frame has more than its children are samples
    in which one of those was the innermost. An only child gets them; of several nobody can say
    which, and a node of its own says so. A tree that counts its leaves is given back as it is.
    """
    if not any(not children_of(node) and not whole(node.get("count")) for node in _below(state)):
        return state
    out: dict[str, Any] = {**state, "children": {}}
    stack: list[tuple[State, dict[str, Any]]] = [(state, out)]
    while stack:
        node, into = stack.pop()
        children = children_of(node)
        gap = max(0, whole(node.get("count")) - sum(whole(child.get("count")) for child in children))
        for identifier, child in zip(_identifiers(node), children, strict=True):
            count = whole(child.get("count")) + (gap if len(children) == 1 else 0)
            # What is left without samples is named by the node of its siblings' samples.
            if count:
                copy = into["children"][identifier] = {**child, "children": {}, "count": count}
                stack.append((child, copy))
        if gap and len(children) > 1:
            either = _either(children, gap)
            into["children"][either["identifier"]] = either
    return out


def is_tree(state: Any) -> bool:
    """Whether something that came is a call tree throughout, as `distributed.profile` makes them."""
    if not isinstance(state, Mapping) or state.get("identifier") != "root":
        return False
    stack = [state]
    while stack:
        node = stack.pop()
        try:
            children = node["children"]
            if not isinstance(node["count"], int) or not isinstance(node["identifier"], str):
                return False
            if not isinstance(node["description"], dict) or not isinstance(children, dict):
                return False
            if children:
                stack += children.values()
        except (KeyError, TypeError):
            return False
    return True


def create() -> Made:
    """A tree without samples, as `distributed.profile.create` makes it."""
    return {
        "count": 0,
        "children": {},
        "identifier": "root",
        "description": {"filename": "", "name": "", "line_number": 0, "line": ""},
    }


def merge(states: Iterable[State]) -> Made:
    """One tree of all samples, as `distributed.profile.merge` makes it.

    What only one of the trees has is not copied: it belongs to both.

    Raises
    ------
    ValueError
        When the roots are of different functions.
    """
    states = list(states)
    if not states:
        return create()
    if len({state["identifier"] for state in states}) != 1:
        raise ValueError("Only trees with the same root can be merged.")
    out: Made = {}
    stack: list[tuple[Made, list[State]]] = [(out, states)]
    while stack:
        into, nodes = stack.pop()
        first = nodes[0]
        count = 0
        below: dict[str, list[State]] = {}
        for node in nodes:
            count += node["count"]
            for identifier, child in node["children"].items():
                same = below.get(identifier)
                if same is None:
                    below[identifier] = [child]
                else:
                    same.append(child)
        into["description"] = first["description"]
        into["count"] = count
        into["identifier"] = first["identifier"]
        children: Made = {}
        into["children"] = children
        for identifier, same in below.items():
            if len(same) == 1:
                children[identifier] = same[0]
                continue
            both: Made = {}
            children[identifier] = both
            stack.append((both, same))
    return out


#: Functions named by a node of samples whose innermost frame is one of several.
_NAMED = 3


def _either(children: Sequence[State], samples: int) -> State:
    described = [child.get("description") for child in children]
    names = [text(d.get("name")) if isinstance(d, Mapping) else "?" for d in described]
    files = {text(d.get("filename")) if isinstance(d, Mapping) else "" for d in described}
    named = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    libraries = {library_of(file): file for file in sorted(files)}
    name = f"(one of: {named})"
    file = next(iter(libraries.values())) if len(libraries) == 1 else ""
    return {
        "count": samples,
        "children": {},
        "identifier": f"{name};{file};0",
        "description": {
            "name": name,
            "filename": file,
            "line_number": 0,
            "line": "",
        },
    }


def _below(state: State) -> Iterator[State]:
    """Every node but the root."""
    stack = children_of(state)
    while stack:
        node = stack.pop()
        yield node
        stack += children_of(node)


def _identifiers(node: State) -> list[Any]:
    return (
        [identifier for identifier, child in node["children"].items() if isinstance(child, Mapping)]
        if isinstance(node.get("children"), Mapping)
        else []
    )


def name_of_map(packed: list[bytes], entry: Mapping[str, Any]) -> int:
    """A map has no hash: it is appended, and gives its id."""
    packed.append(pack_name(dict(entry)))
    return len(packed) - 1


def children_of(node: State) -> list[State]:
    """The nodes below a node that are nodes."""
    children = node.get("children")
    found: Iterable[Any] = children.values() if isinstance(children, Mapping) else ()
    return [child for child in found if isinstance(child, Mapping)]


def whole(value: Any) -> int:
    """A count or a line as a column holds it: whole, not negative, within 32 bits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0
    return int(min(max(value, 0), NO_NAME - 1))


def text(value: Any) -> str:
    """Text of anybody's making, cut to what is sent."""
    return (value if isinstance(value, str) else "" if value is None else str(value))[:LONGEST]


def defined_at(identifier: Any) -> int:
    """The line of a ``name;file;line`` of `distributed` in which the function begins; 0 if unknown."""
    last = identifier.rpartition(";")[2] if isinstance(identifier, str) else ""
    return whole(int(last)) if last.isascii() and last.isdigit() and len(last) < 10 else 0


def little(column: array[Any]) -> bytes:
    """The bytes of a column, little-endian."""
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()

"""Call trees for tests: at random, deep, and as real runs left them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

FOLDER = Path(__file__).parent / "data" / "profiles"
REAL = sorted(path.stem for path in FOLDER.glob("*.json"))


def real(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def node(name: str, own: int = 0, children: list[Any] | None = None, file: str = "a.py") -> dict[str, Any]:
    children = children or []
    return {
        "count": own + sum(child["count"] for child in children),
        "children": {child["identifier"]: child for child in children},
        "identifier": f"{name};{file};1",
        "description": {"filename": file, "name": name, "line_number": 3, "line": "x = 1\n"},
    }


def rooted(*children: Any, own: int = 0) -> dict[str, Any]:
    root = node("", own, list(children), file="")
    return {**root, "identifier": "root"}


def chain(depth: int, samples: int = 3) -> dict[str, Any]:
    """One function in another, so deep."""
    at = node(f"f{depth}", samples)
    for i in range(depth - 1, 0, -1):
        at = node(f"f{i}", 0, [at])
    return rooted(at)


_NAMES = st.sampled_from(["f", "g", "h", "run", "<b>", "a;b", "ü"])
_TREES = st.recursive(
    st.builds(node, _NAMES, st.integers(1, 9)),
    lambda below: st.builds(node, _NAMES, st.integers(0, 9), st.lists(below, max_size=3)),
    max_leaves=12,
)


@st.composite
def states(draw: st.DrawFn) -> dict[str, Any]:
    """A tree whose innermost frames have samples."""
    return rooted(*draw(st.lists(_TREES, max_size=3)))

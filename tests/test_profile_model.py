"""Call trees as data: whatever is done to them, no sample is lost and none is made up."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from typing import Any

import pytest
from distributed import profile as upstream
from hypothesis import given
from hypothesis import strategies as st
from trees import FOLDER, REAL, chain, node, real, rooted, states

from dasklens.model import profile as tree
from dasklens.wire.calltree import pack_profile
from dasklens.wire.frames import NO_NAME, unpack_frame
from dasklens.wire.library import OWN, PYTHON, library_of

DEEP = 10 * sys.getrecursionlimit()


def own_by_function(state: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in tree.nodes(state):
        if each is not state:
            found[each["identifier"]] += tree.own(each)
    return +found


@given(st.lists(states(), max_size=4))
def test_merging_is_what_distributed_does(many: list[Any]) -> None:
    before = copy.deepcopy(many)
    merged = tree.merge(many)
    assert merged == upstream.merge(*many)
    assert merged["count"] == sum(state["count"] for state in many)
    assert many == before


@pytest.mark.parametrize("name", REAL)
def test_merging_real_runs_is_what_distributed_does(name: str) -> None:
    states = [real(name), real("worker-0"), real("worker-1")]
    assert tree.merge(states) == upstream.merge(*states)


def test_trees_of_two_roots_are_not_merged() -> None:
    with pytest.raises(ValueError, match="same root"):
        tree.merge([tree.create(), node("f")])
    assert tree.merge([]) == upstream.create()


@given(states(), st.integers(0, 30))
def test_pruning_keeps_every_sample(state: Any, least: int) -> None:
    pruned = tree.prune(state, least)
    assert pruned["count"] == state["count"]
    for each in tree.nodes(pruned):
        below = sum(child["count"] for child in each["children"].values())
        assert below <= each["count"]
        if each is not pruned and each["identifier"] != tree.SMALL:
            assert each["count"] >= least
    if least == 0:
        assert pruned == state


@given(states())
def test_inverting_keeps_every_sample(state: Any) -> None:
    inverted = tree.invert(state)
    assert inverted["count"] == state["count"]
    firsts = {child["identifier"]: child["count"] for child in inverted["children"].values()}
    assert firsts == own_by_function(state)


@given(states())
def test_functions_have_the_samples_of_the_tree(state: Any) -> None:
    functions = tree.flatten(state)
    assert {f.identifier: f.own for f in functions if f.own} == own_by_function(state)
    assert sum(f.own for f in functions) + tree.own(state) == state["count"]
    for f in functions:
        assert f.own <= f.total <= state["count"]


def test_a_function_that_calls_itself_counts_once() -> None:
    inner = node("f", 3, [node("g", 2)])
    functions = {f.name: f for f in tree.flatten(rooted(node("f", 1, [inner])))}
    assert (functions["f"].own, functions["f"].total) == (4, 6)
    assert (functions["g"].own, functions["g"].total) == (2, 2)


@given(states(), states())
def test_a_comparison_has_both_and_is_fair(after: Any, before: Any) -> None:
    there, back = tree.diff(after, before), tree.diff(before, after)
    assert (there["count"], there["before"]) == (after["count"], before["count"])
    pairs = zip(_sorted(there), _sorted(back), strict=True)
    for a, b in pairs:
        assert a["identifier"] == b["identifier"]
        assert (a["count"], a["before"]) == (b["before"], b["count"])
        assert a["change"] == pytest.approx(-b["change"])
        assert -1 <= a["change"] <= 1
    assert all(each["change"] == 0 for each in tree.nodes(tree.diff(after, after)))
    # Ten times as long is no change.
    tenfold = tree.merge([after] * 10)
    assert all(abs(each["change"]) < 1e-9 for each in tree.nodes(tree.diff(tenfold, after)))


def _sorted(state: Any) -> list[Any]:
    """The nodes of a tree in an order that does not depend on that of its children."""
    found, stack = [], [state]
    while stack:
        each = stack.pop()
        found.append(each)
        stack += sorted(each["children"].values(), key=lambda child: child["identifier"])
    return found


# --- innermost frames -----------------------------------------------------------------------------


def test_samples_of_an_only_innermost_frame_are_its_own() -> None:
    """As distributed counts: `f` called `g` in 5 samples, and was the innermost in 2 itself."""
    g = node("g")
    f = {**node("f"), "count": 5, "children": {"g": g}}
    state = {**rooted(), "count": 7, "children": {"f": f}}
    counted = tree.counted(state)
    assert counted["count"] == 7
    assert {x.name: (x.own, x.total) for x in tree.flatten(counted)} == {"f": (2, 7), "g": (5, 5)}
    assert tree.counted(counted) is counted


def test_of_several_nobody_can_say_which_and_it_says_so() -> None:
    f = {**node("f"), "count": 5, "children": {"g": node("g"), "h": node("h")}}
    counted = tree.counted({**rooted(), "count": 5, "children": {"f": f}})
    named = {x.name: x.own for x in tree.flatten(counted)}
    assert named == {"f": 0, "(one of: g, h)": 5}


@pytest.mark.parametrize("name", REAL)
def test_counting_innermost_frames_of_real_runs_keeps_every_sample(name: str) -> None:
    state = real(name)
    counted = tree.counted(state)
    assert counted["count"] == state["count"]
    assert sum(f.own for f in tree.flatten(counted)) == state["count"]
    # Before, not one sample is in an innermost frame.
    assert all(f.own == 0 for f in tree.flatten(state) if f.total == 0)
    assert tree.counted(counted) is counted


@given(states())
def test_trees_that_count_their_leaves_stay_as_they_are(state: Any) -> None:
    assert tree.counted(state) is state or any(
        not each["children"] and not each["count"] for each in tree.nodes(state)
    )


# --- depth and frames -------------------------------------------------------------------------------


def test_deep_recursion_never_raises() -> None:
    deep = chain(DEEP)
    assert tree.merge([deep, deep])["count"] == 6
    assert tree.prune(deep, 1)["count"] == 3
    assert tree.diff(deep, deep)["change"] == 0
    assert len(tree.flatten(deep)) == DEEP
    assert tree.invert(chain(2000))["count"] == 3
    assert tree.counted(deep) is deep
    assert unpack_frame(pack_profile(deep)).next == DEEP + 1


@given(states())
def test_a_frame_holds_the_tree(state: Any) -> None:
    frame = unpack_frame(pack_profile(state, {"interval": 0.01}, [(5.0, 2), (6.0, 3)]))
    assert (frame.stream, frame.first, frame.base) == ("profile", 0, 5.0)
    columns = {
        name: memoryview(data).cast("B").cast("d" if dtype == "f8" else "I").tolist()
        for name, (dtype, data) in frame.cols.items()
    }
    nodes = list(tree.nodes(state))
    assert columns["count"] == [each["count"] for each in nodes]
    assert columns["parent"][0] == NO_NAME
    assert all(parent < i for i, parent in enumerate(columns["parent"]) if i)
    names = [frame.names[i] for i in columns["function"]]
    assert [name[0] for name in names] == [each["description"]["name"] for each in nodes]
    assert frame.names[columns["about"][0]] == {"interval": 0.01}
    assert (columns["time"], columns["samples"]) == ([0.0, 1.0], [2, 3])


HOSTILE = ["<img src=x onerror=alert(1)>", "a\nb", "\u202eevil", "x" * 10_000, "\ud800", ""]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_every_kind_are_carried(name: str) -> None:
    state = rooted({**node(name, 2, file=name), "identifier": name})
    frame = unpack_frame(pack_profile(state))
    assert name[:2000] in [entry[0] for entry in frame.names if isinstance(entry, tuple)]
    (function,) = tree.flatten(state)
    assert function.own == 2
    assert (function.name, function.line) == (name[:2000], 0)


def test_nodes_that_are_not_whole_cost_nothing_but_themselves() -> None:
    odd = {"count": "many", "children": {"x": None, "y": {"count": -3}}, "identifier": 5, "description": 7}
    frame = unpack_frame(pack_profile({**rooted(), "children": {"odd": odd}, "count": float("nan")}))
    assert frame.next == 3


# --- whose code -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "library"),
    [
        ("/env/lib/python3.11/site-packages/numpy/linalg/_linalg.py", "numpy"),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml"),
        (r"C:\env\Lib\site-packages\pandas\core\frame.py", "pandas"),
        ("/env/lib/python3.11/site-packages/six.py", "six"),
        ("/env/lib/python3.12/threading.py", PYTHON),
        (r"C:\Python312\Lib\threading.py", PYTHON),
        ("<frozen importlib._bootstrap>", PYTHON),
        ("<__array_function__ internals>", PYTHON),
        ("<low-level>", PYTHON),
        ("", PYTHON),
        ("/home/me/dask/dask/array/core.py", "dask"),
        ("/home/me/project/model.py", OWN),
        ("/tmp/ipykernel_77/123.py", OWN),
        ("<ipython-input-3-abc>", OWN),
        # What cloudpickle makes of the functions of a notebook.
        ("<dynamic-code>", OWN),
        ("/home/me/libs/numpy_tricks.py", OWN),
    ],
)
def test_whose_code_a_file_is(file: str, library: str) -> None:
    assert library_of(file) == library


def test_the_frame_that_the_browser_s_tests_read_is_ours() -> None:
    frame = unpack_frame((FOLDER / "merged.frame").read_bytes())
    made = unpack_frame(pack_profile(tree.counted(real("merged")), {"interval": 0.01}, [(1.7e9, 5)]))
    assert (frame.cols, frame.names, frame.next) == (made.cols, made.names, made.next)

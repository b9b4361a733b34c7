"""What `progress`, `progress_of` and `Profile` say of arguments that they cannot take."""

from __future__ import annotations

import gc
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest
from distributed import Client
from ipywidgets.widgets.widget import _instances
from pages import Page
from traitlets import TraitError

import dasklens
from dasklens.kernel.progress import _settings


@pytest.mark.parametrize("function", [dasklens.progress, dasklens.progress_of])
@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"width": "foo"}, TypeError, "width should be the characters of the bar, such as 40"),
        ({"width": None}, TypeError, "got None"),
        ({"width": True}, TypeError, "got True"),
        ({"width": nan}, ValueError, "width should be the characters of the bar.*got nan"),
        ({"width": inf}, ValueError, "got inf"),
        ({"width": -1}, ValueError, "got -1"),
        ({"width": 10**400}, ValueError, "at most 10,000"),
        ({"interval": "foo"}, ValueError, "interval should be the time between two.*got 'foo'"),
        ({"interval": "5 bananas"}, ValueError, "got '5 bananas'"),
        ({"interval": ""}, ValueError, "got ''"),
        ({"interval": "1e999s"}, ValueError, "got '1e999s'"),
        ({"interval": "-1s"}, ValueError, "interval should be the time between two"),
        ({"interval": None}, TypeError, "interval should be the time between two.*got None"),
        ({"interval": object()}, TypeError, "got <object"),
        ({"interval": nan}, ValueError, "got nan"),
        ({"interval": inf}, ValueError, "got inf"),
        ({"interval": -1}, ValueError, "got -1"),
    ],
)
def test_one_clear_sentence(
    client: Client, function: Any, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    for notebook in (False, True):
        with pytest.raises(error, match=words):
            function(client if function is dasklens.progress_of else [], notebook=notebook, **asked)


def test_what_is_taken() -> None:
    for interval, seconds in [("100ms", 0.1), (2, 2), (0, 0.02), (timedelta(seconds=3), 3), (1.5, 1.5)]:
        assert _settings("prefix", {"interval": interval})["interval"] == seconds
    assert _settings("prefix", {"width": 12})["width"] == 12


@pytest.mark.parametrize(
    ("every", "error"),
    [("x", TypeError), (None, TypeError), (nan, ValueError), (-1, ValueError), (10**400, ValueError)],
)
def test_how_often_a_profile_is_read(page: Page, client: Client, every: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="every should be the seconds between two readings, such as 5, got "):
        dasklens.Profile(client, every=every)


def test_a_layout_that_is_none(page: Page, client: Client) -> None:
    before, shown = set(_instances), set(page.open)
    with pytest.raises(TraitError, match="layout"):
        dasklens.progress([], notebook=True, layout=5)
    # What had been made goes with it, without a word.
    gc.collect()
    assert {ident: _instances[ident] for ident in set(_instances) - before} == {}
    assert set(page.open) == shown


def test_a_block_that_was_not_entered(client: Client) -> None:
    block = dasklens.progress_of(client, notebook=False)
    with pytest.raises(RuntimeError, match=r"write 'with dasklens.progress_of\(\):'"):
        block.__exit__(None, None, None)
    for _ in range(2):
        with block:
            client.submit(pow, 2, 5).result()
    with pytest.raises(RuntimeError, match="Nothing was entered here"):
        block.__exit__(None, None, None)


async def test_a_block_that_was_not_awaited(client: Client) -> None:
    with pytest.raises(RuntimeError, match="Nothing was entered here"):
        await dasklens.progress_of(client, notebook=False).__aexit__(None, None, None)

"""The bell that readers wait for."""

from __future__ import annotations

import asyncio

import pytest

from dasklens.scheduler.bell import Bell


async def test_all_who_wait_are_woken_and_none_who_comes_later() -> None:
    bell = Bell()
    waiting = [asyncio.ensure_future(bell.wait(60)) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await bell.wait(0.001) is False


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait(60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not bell._waiting
    bell.ring()


async def test_a_closed_bell_lets_everybody_go() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait(60))
    await asyncio.sleep(0)
    bell.close()
    assert await waiting is True
    assert await bell.wait(60) is False

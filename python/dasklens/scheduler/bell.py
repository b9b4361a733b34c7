"""A bell: whoever waits for news wakes when it rings, or when the time is up.

As an `asyncio.Event` that is set and made anew, and `asyncio.wait_for`; but a wait is one future and one
timer, with no task of its own: readers wait several times a second on the scheduler's loop.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes all who wait."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[bool]] = set()
        self._closed = False

    async def wait(self, seconds: float) -> bool:
        """Whether it rang within so many seconds; False at once when it will not ring any more."""
        if self._closed:
            return False
        loop = asyncio.get_running_loop()
        rung: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(seconds, _settle, rung, False)
        self._waiting.add(rung)
        try:
            return await rung
        finally:
            timer.cancel()
            self._waiting.discard(rung)

    def ring(self) -> None:
        """Wake all who wait now."""
        for rung in list(self._waiting):
            _settle(rung, True)

    def close(self) -> None:
        """Wake all, and let nobody wait any more."""
        self.ring()
        self._closed = True


def _settle(rung: asyncio.Future[bool], value: bool) -> None:
    if not rung.done():
        rung.set_result(value)

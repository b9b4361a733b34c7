"""Capabilities: the right to read one scheduler's pages, held by whoever knows its address.

A sandboxed page has an opaque origin and sends no cookie, so the address has to be the credential: 256
random bits, minted for somebody who has logged in, good for one scheduler and for a while.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Ended = Literal["expired", "revoked", "closed"]

#: Characters of a secret: 32 bytes as URL-safe base64 without padding.
LENGTH = 43


@dataclass(eq=False)
class Capability:
    """One secret and what it opens.

    Attributes
    ----------
    secret : str
        Never in a log, hence not in the representation either.
    scheduler : str
        Id of the registry's entry.
    expires : float
        Seconds since the epoch.
    ended : str
        Why it opens nothing any more: ``"expired"``, ``"revoked"``, or ``"closed"`` with the server.
    """

    secret: str = field(repr=False)
    scheduler: str
    expires: float
    ended: Ended | Literal[""] = ""
    _closers: dict[int, Callable[[], None]] = field(default_factory=dict, repr=False)
    _attached: int = field(default=0, repr=False)

    def attach(self, closer: Callable[[], None]) -> Callable[[], None]:
        """Have `closer` called, once, when the capability ends; at once if it has.

        Returns
        -------
        detach : callable
            For what has closed by itself; may be called more than once.
        """
        self._attached = key = self._attached + 1
        if self.ended:
            closer()
        else:
            self._closers[key] = closer

        def detach() -> None:
            self._closers.pop(key, None)

        return detach

    @property
    def open(self) -> int:
        """How much hangs on it."""
        return len(self._closers)


class Capabilities:
    """The live ones. To be used on one event loop.

    Parameters
    ----------
    lifetime : float
        Seconds.
    """

    def __init__(self, lifetime: float):
        self.lifetime = lifetime
        self._live: dict[Capability, asyncio.TimerHandle] = {}

    def mint(self, scheduler: str) -> Capability:
        """A capability for a scheduler, for somebody who may have one: callers have checked the login.

        One with more than half of its life left is given again, so that a cross-site page that makes a
        logged-in browser ask a thousand times makes one.
        """
        now = time.time()
        for capability in self._live:
            if capability.scheduler == scheduler and capability.expires - now > self.lifetime / 2:
                return capability
        capability = Capability(secrets.token_urlsafe(32), scheduler, now + self.lifetime)
        timer = asyncio.get_running_loop().call_later(self.lifetime, self._end, capability, "expired")
        self._live[capability] = timer
        return capability

    def of(self, secret: str) -> Capability | None:
        """Whose secret this is, None if nobody's (any more).

        All live ones are compared, each in constant time: how long it takes tells how many there are, never
        how much of a guess is right.
        """
        guess = secret.encode(errors="replace")
        found = None
        for capability in self._live:
            if hmac.compare_digest(guess, capability.secret.encode()):
                found = capability
        # The timer's clock stands still while a laptop sleeps; the wall clock does not.
        if found is not None and time.time() >= found.expires:
            self._end(found, "expired")
            return None
        return found

    def revoke(self, scheduler: str) -> None:
        """End all of a scheduler, and close what they have open."""
        for capability in [c for c in self._live if c.scheduler == scheduler]:
            self._end(capability, "revoked")

    def close(self) -> None:
        """End all."""
        for capability in list(self._live):
            self._end(capability, "closed")

    def _end(self, capability: Capability, why: Ended) -> None:
        timer = self._live.pop(capability, None)
        if timer is None:
            return
        timer.cancel()
        capability.ended = why
        closers = list(capability._closers.values())
        capability._closers.clear()
        for closer in closers:
            closer()

"""Find a known scheduler: where to look, how thoroughly, and what to say when it is not there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import dasklens
from dasklens.server.allowed import Address, Allowed, TypedIn, is_local, is_never, resolve
from dasklens.server.check_words import forward
from dasklens.server.entries import Entry, Place, key_of
from dasklens.server.probe import PROTOCOL, Another, Busy, Expected, Found, first, look, recorded
from dasklens.server.target import NotThere, Refusal, Target, literal

#: Seconds that the id of a plain scheduler holds: asking for it makes the scheduler list its workers.
IDENTIFIED_FOR = 5.0
#: Seconds that it stays good while the scheduler is too busy to say it again.
BUSY_FOR = 60.0
#: Seconds by which a scheduler's own address goes before the end of a tunnel where it was found last.
HEAD_START = 0.5
#: Seconds that a name means the addresses it was resolved to.
RESOLVED_FOR = 30.0
#: After so many seconds without a sign of life the process that announced it counts as hanging or gone.
SILENT = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A scheduler that answered; None is what was not asked this time."""

    target: Target
    scheduler_id: str
    scheduler: str = ""
    token: str = ""
    dasklens: str | None = None
    bokeh: bool | None = None
    reason: str | None = None
    remedy: str | None = None
    identified: bool = False
    links: frozenset[tuple[str, int]] = frozenset()
    state: Literal["reachable"] = "reachable"


class Finder:
    """Looks for entries.

    Parameters
    ----------
    jupyters_ports : callable
        Gives the ports of Jupyter, which are never connected on this machine.
    ca_file : str
        Certificates for dashboards over HTTPS.
    here : str
        This machine's hostname.
    trusted : frozenset of int
        Users, beside us and root, whose programs may listen where it is looked on this machine.
    """

    def __init__(
        self,
        jupyters_ports: Callable[[], set[int]],
        ca_file: str,
        here: str,
        trusted: frozenset[int] = frozenset(),
    ):
        self._jupyters_ports = jupyters_ports
        self._ca_file = ca_file
        self._here = here
        self._trusted = trusted
        self._resolved: dict[str, tuple[float, list[Address]]] = {}

    async def find(self, entry: Entry, allowed: Allowed) -> Finding:
        """Have the entry's scheduler prove itself.

        Raises
        ------
        NotThere
            When it does not: with a reason and a remedy.
        Refusal
            When an address that was typed in is no longer allowed.
        """
        expected = Expected(entry.scheduler_id, entry.tokens)
        begin = time.monotonic()
        fresh = entry.target is not None and entry.bokeh is not None
        if not entry.tokens:
            fresh = fresh and begin - entry.identified < IDENTIFIED_FOR

        known = _unread(entry.dasklens) if entry.source == "typed" else {}

        async def check(target: Target) -> Found:
            known_there = target == entry.target
            try:
                return await look(target, expected, thorough=not fresh or not known_there)
            except Busy:
                # It has said so at this very address not long ago.
                if known_there and begin - entry.identified < BUSY_FOR:
                    return await look(target, expected, thorough=False)
                raise

        try:
            if entry.target is not None and _is_among(entry.target, self._forwarded(entry)):
                # Its own address may only have been slow: whoever listens here is not to be asked for ever.
                with contextlib.suppress(NotThere, asyncio.TimeoutError):
                    own = first(await self.targets(entry, allowed), check)
                    return _finding(await asyncio.wait_for(own, HEAD_START), **known)
            if entry.target is not None:
                # A name that was typed in is not resolved again as long as its address answers.
                try:
                    return _finding(await check(entry.target), **known)
                except NotThere:
                    if time.monotonic() - begin > 1:
                        raise  # others may take as long: they have their turn next time
            return _finding(await first(await self.targets(entry, allowed), check), **known)
        except Another as error:
            if entry.source == "typed":
                raise NotThere(
                    f"Another scheduler is at {error.place} now than when it was typed in.",
                    "Type the address in again if it is this one that you want to see.",
                    "refused",
                ) from None
            raise
        except NotThere as error:
            try:
                return _finding(await first(self._forwarded(entry), check))
            except NotThere:
                pass  # that is somebody else's port, or nobody's
            raise self._explained(entry, error) from None

    async def same(self, entry: Entry, target: Target) -> None:
        """Have whoever is at `target` prove to be the entry's scheduler.

        Raises
        ------
        NotThere
            When it does not.
        """
        await look(target, Expected(entry.scheduler_id, entry.tokens), thorough=False)

    async def typed(self, typed: TypedIn, allowed: Allowed) -> Finding:
        """Look whether a dashboard is where somebody typed it in, whichever it is.

        Raises
        ------
        NotThere, Refusal
            When there is none, or none may be looked for.
        """
        targets = await self._typed(typed, allowed)

        async def check(target: Target) -> Found:
            return await look(target, Expected(), thorough=True)

        found = await first(targets, check)
        links = {(key_of(typed.host), typed.port)}
        if found.link is not None:
            links.add((key_of(found.link[0]), found.link[1]))
        version = await recorded(found.target)
        return _finding(found, dasklens=version, links=frozenset(links), **_unread(version))

    # -- where -------------------------------------------------------------------------------------

    async def targets(self, entry: Entry, allowed: Allowed) -> list[Target]:
        """Where the entry is looked for, best first; the checks look at each of them by itself.

        Raises
        ------
        NotThere, Refusal
            When there is no such place, or none that may be looked at.
        """
        targets: list[Target] = []
        trouble: NotThere | Refusal | None = None
        for place in entry.places:
            if literal(place.host) is not None:
                targets += self._literals([place])
                continue
            try:
                addresses = await self._addresses(place)
            except NotThere as error:
                trouble = error
                continue
            found = [a for a in addresses if entry.here or not a.is_loopback]
            targets += [self._target(place, address, place.host) for address in found]
        for typed in entry.typed:
            try:
                targets += await self._typed(typed, allowed)
            except (NotThere, Refusal) as error:
                trouble = error
        if trouble is not None and not targets:
            raise trouble
        return self._allowed_here(self._last_first(entry, dict.fromkeys(targets)))

    async def _typed(self, typed: TypedIn, allowed: Allowed) -> list[Target]:
        return await allowed.candidates(typed, self._jupyters_ports(), self._ca_file, self._trusted)

    def _forwarded(self, entry: Entry) -> list[Target]:
        """Where a tunnel to one that runs elsewhere would end."""
        try:
            return self._allowed_here(self._literals(entry.afar))
        except NotThere:
            return []

    async def _addresses(self, place: Place) -> list[Address]:
        now = time.monotonic()
        when, addresses = self._resolved.get(place.host, (float("-inf"), []))
        if now - when > RESOLVED_FOR:
            addresses = await resolve(place.host, place.port)
            self._resolved = {host: it for host, it in self._resolved.items() if now - it[0] <= RESOLVED_FOR}
            self._resolved[place.host] = (now, addresses)
        return addresses

    def _literals(self, places: Iterable[Place]) -> list[Target]:
        found = ((place, literal(place.host)) for place in places)
        return [self._target(place, address, "") for place, address in found if address is not None]

    def _target(self, place: Place, address: Address, name: str) -> Target:
        tls = "verified" if place.scheme == "https" else ""
        return Target(
            place.scheme, str(address), place.port, place.prefix, tls, name, self._ca_file, self._trusted
        )

    def _allowed_here(self, targets: Iterable[Target]) -> list[Target]:
        targets, ports = list(targets), self._jupyters_ports()
        kept = []
        for target in targets:
            address = literal(target.host)
            if address is None or is_never(address) or (target.port in ports and is_local(address)):
                continue
            kept.append(target)
        if targets and not kept:
            raise NotThere(
                f"{targets[0].authority} is no address of a dashboard: it is one of Jupyter itself, or one "
                "at which nothing can be.",
                "Start the scheduler with another --dashboard-address.",
                "refused",
            )
        return kept

    @staticmethod
    def _last_first(entry: Entry, targets: Iterable[Target]) -> list[Target]:
        last = entry.last
        if last is None:
            return list(targets)
        others = [target for target in targets if not _is_among(last, [target])]
        # With what was learnt of its certificate.
        return [last, *others] if _is_among(last, targets) else others

    # -- why not -----------------------------------------------------------------------------------

    def _explained(self, entry: Entry, error: NotThere) -> NotThere:
        if entry.source == "typed":
            return error
        if not entry.places and not entry.typed:
            if not entry.afar:
                return NotThere(
                    "This scheduler has no HTTP server, through which it could be seen.",
                    "Start it with a dashboard: --dashboard-address :8787, or dashboard_address=':8787'.",
                )
            error = NotThere(
                f"Its dashboard listens on loopback of {entry.host} only, and this Jupyter server runs on "
                f"{self._here}."
            )
        if error.state != "unreachable":
            return error
        if entry.ended:
            return NotThere(
                f"{error.reason} The process that announced it has ended without a word.",
                "Start the scheduler again.",
            )
        if entry.silent > SILENT:
            return NotThere(
                f"{error.reason} Of the process that announced it nothing is heard either: it hangs, has "
                "ended, or its machine is gone.",
                "Start the scheduler again if it does not come back.",
            )
        if entry.here:
            return NotThere(
                error.reason, error.remedy or "Wait while it is busy: it is asked again and again."
            )
        return NotThere(error.reason, error.remedy or self._forward(entry))

    @staticmethod
    def _forward(entry: Entry) -> str:
        place = (entry.afar or entry.places)[0]
        to = "127.0.0.1" if entry.afar else place.host
        ssh = forward(place.port, to, entry.host, place.port)
        then = (
            "it is found there"
            if entry.afar
            else f"type in http://127.0.0.1:{place.port}{place.prefix}status"
        )
        return (
            f"Forward its port to this machine, {ssh}, and {then}; or start the scheduler with "
            f"--dashboard-address :{place.port} where this machine can reach it."
        )


def _is_among(target: Target, targets: Iterable[Target]) -> bool:
    """Whether it is one of them, whatever was learnt of its certificate."""
    here = (target.scheme, target.host, target.port, target.prefix)
    return any((it.scheme, it.host, it.port, it.prefix) == here for it in targets)


def _unread(version: str) -> dict[str, str]:
    """What a typed-in scheduler lacks when dasklens of that version records there."""
    if not version:
        return {}
    return {
        "reason": f"dasklens {version} records there, but what it recorded is not for everybody who knows "
        "the address: the scheduler is shown as one without dasklens.",
        "remedy": "Connect a client to it in a notebook of this Jupyter server, or start it with the same "
        "home folder: it then announces itself here.",
    }


def _finding(found: Found, **more: object) -> Finding:
    """With what a thorough look says of versions; after a quick one what was said before stays."""
    said: dict[str, object] = {}
    if found.protocol is not None and found.protocol != PROTOCOL:
        theirs = f"dasklens {found.dasklens or '?'} (protocol {found.protocol})"
        ours = f"dasklens {dasklens.__version__} (protocol {PROTOCOL})"
        old = "the Jupyter server" if found.protocol > PROTOCOL else "the scheduler"
        said["reason"] = f"The scheduler has {theirs}, this Jupyter server {ours}: they do not fit."
        said["remedy"] = f"Upgrade dasklens in the environment of {old} and restart it."
    elif found.bokeh is not None:
        said["reason"] = said["remedy"] = ""
    return Finding(
        **{
            "target": found.target,
            "scheduler_id": found.scheduler_id,
            "scheduler": found.scheduler,
            "token": found.token,
            "dasklens": found.dasklens,
            "bokeh": found.bokeh,
            "identified": found.identified,
            **said,
            **more,
        }  # type: ignore[arg-type]
    )

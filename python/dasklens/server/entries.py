"""One scheduler as the registry knows it, put together from all who speak of it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from dasklens.server.allowed import TypedIn, is_local
from dasklens.server.announced import Heard
from dasklens.server.target import Target, is_loopback, literal
from dasklens.wire.announcement import Announcement

State = Literal["checking", "reachable", "unreachable", "refused"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dashboard was said to be: a host, perhaps a name, which nobody has looked up yet."""

    scheme: str
    host: str
    port: int
    prefix: str


@dataclass(eq=False)
class Entry:
    """One scheduler; owned and changed by the registry alone.

    Attributes
    ----------
    id : str
        16 hexadecimal digits, the same after a restart of Jupyter.
    source : str
        ``"announced"`` or ``"typed"``.
    name : str
        For people.
    scheduler_id, scheduler : str
        Its id, and the address of its comm.
    state : str
        ``"checking"`` until it was probed first; ``"reachable"``; ``"unreachable"``; or ``"refused"``, when
        what answers is not to be shown.
    reason, remedy : str
        Why, and what a person can do; also what a reachable one lacks.
    since : float
        Of the state, in seconds since the epoch.
    target : Target or None
        Where it was found; None while it is not reachable.
    token : str
        The recorder's, proved; empty for a plain scheduler. For nobody but the scheduler's own HTTP server.
    recorded : bool or None
        Whether what dasklens recorded there can be read; None when not known yet.
    dasklens : str
        Version of its recorder, or empty.
    bokeh : bool or None
        Whether it has pages.
    kernels : list of str
        Ids of the kernels that run or use it.
    notebooks : list of dict
        ``{"kernel", "path", "name"}`` of these, as far as this server knows them.
    links : set of (str, int)
        Hosts and ports by which a link of `client.dashboard_link` may mean it.
    host : str
        Name of the machine that it runs on, as far as it was said.
    here : bool
        Whether that is this one.
    """

    id: str
    source: Literal["announced", "typed"]
    name: str = ""
    scheduler_id: str = ""
    scheduler: str = ""
    state: State = "checking"
    reason: str = ""
    remedy: str = ""
    since: float = field(default_factory=time.time)
    target: Target | None = None
    token: str = field(default="", repr=False)
    recorded: bool | None = None
    dasklens: str = ""
    bokeh: bool | None = None
    kernels: list[str] = field(default_factory=list)
    notebooks: list[dict[str, str]] = field(default_factory=list)
    links: set[tuple[str, int]] = field(default_factory=set)
    host: str = ""
    here: bool = True

    # What the registry keeps to itself.
    heard: list[Heard] = field(default_factory=list, repr=False)
    #: Addresses that were typed in for it, with the links that they bring.
    typed: dict[TypedIn, set[tuple[str, int]]] = field(default_factory=dict, repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    #: Where to look: as announced, and (`afar`) on loopback of this machine for one that runs elsewhere, in
    #: case the user forwards its port.
    places: list[Place] = field(default_factory=list, repr=False)
    afar: list[Place] = field(default_factory=list, repr=False)
    #: Ids of the processes that announced it, when all of them are on this machine.
    pids: tuple[int, ...] = field(default=(), repr=False)
    #: Where it answered last; monotonic times of its last proof, of its last identity and of the next probe.
    last: Target | None = field(default=None, repr=False)
    proved: float = field(default=float("-inf"), repr=False)
    identified: float = field(default=float("-inf"), repr=False)
    due: float = field(default=float("-inf"), repr=False)
    #: Connections that proved themselves and are open: their end is noticed at once.
    held: int = field(default=0, repr=False)
    probing: asyncio.Task[None] | None = field(default=None, repr=False)
    told: dict[str, Any] = field(default_factory=dict, repr=False)

    def said(self) -> dict[str, Any]:
        """What a browser is told: everything but the token."""
        return {
            "id": self.id,
            "name": self.name,
            "source": self.source,
            "scheduler": self.scheduler,
            "scheduler_id": self.scheduler_id,
            "state": self.state,
            "reason": self.reason,
            "remedy": self.remedy,
            "since": self.since,
            "recorded": self.recorded,
            "dasklens": self.dasklens,
            "bokeh": self.bokeh,
            "host": self.host,
            "address": self.address,
            "tls": self.target.tls if self.target else "",
            "kernels": list(self.kernels),
            "notebooks": [dict(notebook) for notebook in self.notebooks],
        }

    @property
    def address(self) -> str:
        """Where its dashboard is, or should be, as seen from this server."""
        if self.target is not None:
            return f"{self.target.scheme}://{self.target.authority}{self.target.prefix}"
        for typed in self.typed:
            return typed.url
        for place in self.places or self.afar:
            return TypedIn(place.scheme, place.host, place.port, place.prefix).url
        return ""

    @property
    def silent(self) -> float:
        """Seconds since the last sign of life of anybody who announced it; 0 for a typed-in one."""
        return min((heard.silent for heard in self.heard), default=0.0)

    @property
    def ended(self) -> bool:
        """Whether every process that announced it was on this machine, and is there no more."""
        return bool(self.pids) and not any(map(_is_running, self.pids))

    def merge(self, heard: list[Heard], here: str) -> None:
        """Take what all announcements of this scheduler say; `here` is this machine's hostname.

        Its own process and each kernel that uses it may speak of it: what the newest says counts, and of
        lists all.
        """
        newest = sorted(heard, key=lambda one: one.announcement.started, reverse=True)
        all_ = [one.announcement for one in newest]
        self.heard = newest
        self.scheduler_id = all_[0].scheduler_id
        self.scheduler = all_[0].scheduler
        self.name = next((a.name for a in all_ if a.name), "") or self.scheduler or self.scheduler_id
        self.kernels = _each(a.kernel for a in all_ if a.kernel)
        tokens = tuple(_each(a.token for a in all_ if a.token))
        if tokens != self.tokens:
            # It began to record, or another announcement knows better.
            self.tokens, self.proved, self.identified = tokens, float("-inf"), float("-inf")
        near = [_is_here(a, here) for a in all_]
        self.here = any(near)
        self.host = next((a.host for a, n in zip(all_, near, strict=True) if n == self.here), "")
        self.pids = tuple(a.pid for a in all_) if all(a.host == here for a in all_) else ()
        self.places, self.afar = [], []
        self.links = set().union(*self.typed.values())
        for a, n in zip(all_, near, strict=True):
            self._add_places(a, n)
        # Loopback of this machine serves whatever becomes of its network.
        self.places.sort(key=lambda place: not is_loopback(place.host))
        self.places, self.afar = _each(self.places), _each(self.afar)

    def _add_places(self, a: Announcement, near: bool) -> None:
        if not a.port or not a.scheme:
            return
        if a.link_host:
            self.links.add((key_of(a.link_host), a.port))
        if ":" in a.link_host:
            # What distributed makes of an IPv6 address: "[".
            self.links.add(("", a.port))
        for host in a.hosts:
            place = Place(a.scheme, host, a.port, a.prefix)
            if near or not is_loopback(host):
                self.links.add((key_of(host), a.port))
            if near and is_loopback(host):
                self.links.add(("localhost", a.port))  # the link of a client in the scheduler's process
            if near and literal(host) is None and len(a.hosts) > 1:
                continue  # a machine's own name often means 127.0.1.1, where nothing need listen
            (self.places if near or not is_loopback(host) else self.afar).append(place)


def key_of(host: str) -> str:
    """A host as a key: small letters, no brackets."""
    return host.lower().strip("[]")


def id_of(text: str) -> str:
    """The id of the entry of a scheduler's id or of a URL."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _each(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _is_here(a: Announcement, here: str) -> bool:
    """Whether the scheduler runs on this machine, and not only the kernel that speaks of it."""
    address = literal(a.link_host)
    return a.host == here and (address is None or is_local(address))


def _is_running(pid: int) -> bool:
    if not 0 < pid < 2**31:
        return False
    if os.name != "posix":
        return True  # there, asking would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True

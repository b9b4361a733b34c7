"""Which checks are run, about what: an address, one scheduler, or all there are.

Nothing is connected to but what announced itself in the user's own folder, loopback, and what the
administrator's configuration allows: a check of any other address says so, and how to allow it, and that is
all it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from dasklens.server import check_files, check_hints, check_steps
from dasklens.server.allowed import Allowed, TypedIn, is_local, is_never, parse, server_ports
from dasklens.server.announced import Heard, aside
from dasklens.server.check_result import Check
from dasklens.server.check_words import add, allow, dashboard_address, forward
from dasklens.server.config import Dasklens
from dasklens.server.entries import Entry, id_of, key_of
from dasklens.server.finding import Finder
from dasklens.server.target import NotThere, Refusal, literal
from dasklens.wire.announcement import this_host

#: Schedulers that are looked at at the same time.
AT_ONCE = 8


@dataclass
class Surroundings:
    """What the checks are run in.

    Attributes
    ----------
    config : Dasklens
    folder : Path
        Of announcements.
    ports : callable
        Gives Jupyter's own; may block.
    known : list of Entry
        Those of the registry, where a server runs: only it knows what was typed in.
    here : str
        This machine's hostname.
    """

    config: Dasklens
    folder: Path
    ports: Callable[[], set[int]]
    known: Sequence[Entry] = ()
    here: str = field(default_factory=this_host)

    @classmethod
    def of_this_user(cls, config: Dasklens) -> Surroundings:
        """Where no server is at hand: the folder that one would look into, the ports of those that run."""
        runtime = Path(jupyter_runtime_dir())
        return cls(config, runtime / "dasklens", lambda: server_ports(runtime))


async def run(around: Surroundings, url: str | None = None, id: str | None = None) -> list[Check]:
    """Run them.

    Parameters
    ----------
    around : Surroundings
    url : str, optional
        Only what concerns this address of a dashboard.
    id : str, optional
        Only what concerns the scheduler of this id in the registry.

    Raises
    ------
    KeyError
        When nothing has this id.
    """
    heard, readable = await aside(lambda: check_files.read(around.folder))
    ports = await aside(around.ports)
    entries = _entries(heard, around)
    running = _Run(around, ports, asyncio.Semaphore(AT_ONCE))
    if id is not None:
        entries = [entry for entry in entries if entry.id == id]
        if not entries:
            raise KeyError(id)
        return [*readable, *await running.one(entries[0])]
    if url is not None:
        return [*readable, *await running.address(url, entries)]
    if not entries:
        return [*readable, _nothing(around.folder), *await aside(lambda: check_hints.hints(around.folder))]
    found = await asyncio.gather(*(running.one(entry) for entry in entries))
    return [*readable, *(check for checks in found for check in checks)]


def _entries(heard: Iterable[Heard], around: Surroundings) -> list[Entry]:
    """All schedulers, as ones that nobody has looked at yet; the registry's own are left alone."""
    by_scheduler: dict[str, list[Heard]] = {}
    for one in heard:
        by_scheduler.setdefault(one.announcement.scheduler_id, []).append(one)
    typed = {entry.id: entry for entry in around.known if entry.typed}
    entries = []
    for scheduler, all_ in by_scheduler.items():
        entry = Entry(id_of(scheduler), "announced")
        if entry.id in typed:
            entry.typed = dict(typed[entry.id].typed)
        entry.merge(all_, around.here)
        entries.append(entry)
    return entries + [
        Entry(
            entry.id,
            "typed",
            name=entry.name,
            scheduler_id=entry.scheduler_id,
            scheduler=entry.scheduler,
            dasklens=entry.dasklens,
            links=set(entry.links),
            typed=dict(entry.typed),
        )
        for entry in typed.values()
        if entry.source == "typed"
    ]


def _nothing(folder: Path) -> Check:
    return Check(
        "announced",
        "Announced",
        False,
        f"No scheduler has announced itself in {folder}.",
        "Start one in a notebook, or connect a client to one that runs. What may keep it from being heard of "
        "is looked at below.",
        "from dask.distributed import Client; client = Client()",
    )


class _Run:
    """One run of checks."""

    def __init__(self, around: Surroundings, ports: set[int], room: asyncio.Semaphore):
        self._around = around
        self._ports = ports - {0}
        self._room = room
        self._allowed = Allowed(around.config.allowed_hosts)
        config = around.config
        self._finder = Finder(lambda: self._ports, config.ca_file, around.here, config.trusted_ids)

    async def one(self, entry: Entry) -> list[Check]:
        """Everything about a scheduler that is known."""
        about = f"{entry.name}, {entry.address or 'without HTTP server'}"
        async with self._room:
            if entry.source == "typed":
                checks = [Check("announced", "Announced", True, "Not announced, but typed in.")]
                for typed in entry.typed:
                    checks += await self._may(typed)
            else:
                who = entry.heard[0].announcement
                kernel = f", kernel {who.kernel}" if who.kernel else ""
                said = f"By process {who.pid} on {who.host}{kernel}."
                checks = [
                    Check("announced", "Announced", True, said),
                    await check_files.heartbeat(self._around.folder, entry, self._around.here),
                ]
            steps = _skipped(checks) or await check_steps.check(entry, self._finder, self._allowed)
            found = [*checks, *steps, self._pages()]
        return [replace(check, about=about, scheduler=entry.id) for check in found]

    async def address(self, url: str, entries: Sequence[Entry]) -> list[Check]:
        """Everything about an address that somebody typed."""
        try:
            typed = parse(url)
        except Refusal as error:
            return [Check("address", "An address", False, error.sentence, error.remedy, about=url[:200])]
        key = (key_of(typed.host), typed.port)
        known = [entry for entry in entries if key in entry.links]
        if known:
            found = await asyncio.gather(*(self.one(entry) for entry in known))
            return [check for checks in found for check in checks]
        may = await self._may(typed)
        steps = _skipped(may)
        if not steps:
            entry = Entry(id_of(typed.url), "typed", typed={typed: {key}})
            steps = await check_steps.check(entry, self._finder, self._allowed)
        named = [replace(check, about=typed.url) for check in (*may, *steps, self._pages())]
        unknown = Check(
            "announced",
            "Announced",
            False,
            "No announcement names it, so it is not in the list by itself.",
            f"If the address is fine, {add(typed.host, typed.port)}. Or make a client of it in a notebook, "
            "which announces it.",
            about=typed.url,
        )
        return [unknown, *named, *await aside(lambda: check_hints.hints(self._around.folder))]

    async def _may(self, typed: TypedIn) -> list[Check]:
        """Whether anything may be looked for at an address; nothing is connected here."""
        name, title = "allowed", "Host may be looked at"
        try:
            targets = await self._allowed.candidates(typed, (), self._around.config.ca_file)
        except NotThere as error:
            return [Check(name, title, False, error.reason, error.remedy)]
        except Refusal as error:
            address = literal(typed.host)
            if address is not None and is_never(address):
                said = f"{address} is an address at which no dashboard is ever looked for."
                return [Check(name, title, False, said, "Take the address of the scheduler's machine.")]
            if "allowed_hosts" not in error.remedy:
                return [Check(name, title, False, error.sentence, error.remedy)]
            ssh = forward(typed.port, "127.0.0.1", typed.host)
            remedy = (
                "Have the administrator of this Jupyter server put the line below into "
                f"jupyter_server_config.py. Or forward the port, in a terminal on this machine, with {ssh}, "
                "and take the address of the forwarded port."
            )
            line = allow(typed.host, self._around.config.allowed_hosts)
            return [Check(name, title, False, error.sentence, remedy, line)]
        loopback = all(target.loopback for target in targets)
        said = "It is on this machine." if loopback else "c.Dasklens.allowed_hosts names it."
        return [Check(name, title, True, said), await aside(lambda: self._own(typed, targets))]

    def _own(self, typed: TypedIn, targets: Iterable[object]) -> Check:
        name, title = "own_port", "Not a port of Jupyter"
        addresses = (literal(getattr(target, "host", "")) for target in targets)
        if typed.port in self._ports and any(a is not None and is_local(a) for a in addresses):
            remedy = "Take the address that `client.dashboard_link` named before it led through Jupyter."
            if typed.behind:
                remedy = f"It leads through a proxy of Jupyter to the dashboard; try {typed.behind}."
            return Check(
                name,
                title,
                False,
                f"Port {typed.port} is one of Jupyter itself; no dashboard is ever looked for there.",
                f"{remedy} If a scheduler wants this port, give it another one.",
                dashboard_address(0),
            )
        return Check(name, title, True, f"Port {typed.port} is none of Jupyter.")

    def _pages(self) -> Check:
        if self._around.config.pages:
            return Check("pages", "Pages may be opened", True, "c.Dasklens.pages is on.")
        return Check(
            "pages",
            "Pages may be opened",
            False,
            "This Jupyter server is configured to open no pages of schedulers; what dasklens draws is shown.",
            "Have the administrator of this Jupyter server change the setting.",
            "c.Dasklens.pages = True",
        )


def _skipped(checks: Sequence[Check]) -> list[Check]:
    """The steps that are not run because an address may not be looked at."""
    failed = next((check for check in checks if check.name in ("allowed", "own_port") and not check.ok), None)
    if failed is None:
        return []
    steps = check_steps.Steps()
    steps.skip("nothing is looked for at this address.")
    return steps.all()

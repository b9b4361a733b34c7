"""The checks of one scheduler over the network, in the order in which a person would make them.

They ask with the same probes as the registry (``finding.py``, ``probe.py``); only when those fail are the
steps between looked at one by one. A step that depends on one that failed is not run, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tornado.iostream import StreamClosedError

import dasklens
from dasklens.server.allowed import Allowed
from dasklens.server.check_result import Check
from dasklens.server.check_words import add, client_line, dashboard_address, forward, free
from dasklens.server.dial import dial
from dasklens.server.entries import Entry
from dasklens.server.finding import Finder, Finding
from dasklens.server.probe import PROTOCOL, Expected, Found, bearer, look, proving
from dasklens.server.socket import Socket
from dasklens.server.talk import explain, in_time, talking
from dasklens.server.target import NotThere, Refusal, Target

#: Names and titles of all steps, in their order.
TITLES = {
    "server": "Has an HTTP server",
    "port": "Port open from this server",
    "dask": "Answers like Dask",
    "proof": "Proves itself",
    "bokeh": "Has pages (bokeh)",
    "websocket": "Websockets pass",
    "recorded": "Recorded by dasklens",
    "versions": "Versions fit",
}
#: Seconds for a connection.
TIMEOUT = 3.0
#: Bytes of the longest message that a websocket may begin with: an event stream first lists the workers.
MOST = 8 << 20


@dataclass
class Steps:
    """Results so far, each step at most once."""

    done: dict[str, Check] = field(default_factory=dict)

    def fine(self, name: str, said: str) -> None:
        """It is as it should be."""
        self.done[name] = Check(name, TITLES[name], True, said)

    def wrong(self, name: str, said: str, remedy: str, copy: str = "") -> None:
        """It is not."""
        self.done[name] = Check(name, TITLES[name], False, said, remedy, copy)

    def skip(self, reason: str, *names: str) -> None:
        """Not run; without names all that have no result yet."""
        for name in names or TITLES:
            self.done.setdefault(name, Check(name, TITLES[name], None, f"not run: {reason}"))

    def all(self) -> list[Check]:
        """In the order of `TITLES`."""
        return [self.done[name] for name in TITLES if name in self.done]


async def check(entry: Entry, finder: Finder, allowed: Allowed) -> list[Check]:
    """Run all steps.

    Parameters
    ----------
    entry : Entry
        One of nobody's: it is not changed.
    finder : Finder
    allowed : Allowed
        For addresses that were typed in.
    """
    steps = Steps()
    if not (entry.places or entry.afar or entry.typed):
        steps.wrong(
            "server",
            "Its announcement names no HTTP server, through which it could be seen.",
            "Start it with one: --dashboard-address :8787, or dashboard_address=':8787' in Python.",
            dashboard_address(8787),
        )
        steps.skip("it has no HTTP server.")
        return steps.all()
    steps.fine("server", f"Its dashboard should be at {entry.address}")
    learns = not entry.scheduler_id
    try:
        if learns:
            found = await finder.typed(next(iter(entry.typed)), allowed)
        else:
            found = await finder.find(entry, allowed)
    except (NotThere, Refusal) as error:
        trouble = error if isinstance(error, NotThere) else NotThere(error.sentence, error.remedy, "refused")
        await _why_not(steps, entry, finder, allowed, trouble)
        return steps.all()
    target = found.target
    where = f"{target.scheme}://{target.authority}{target.prefix}"
    trusted = ", with a certificate that nobody vouches for" if target.tls == "self-signed" else ""
    steps.fine("port", f"{target.host} port {target.port} is open from this server{trusted}.")
    steps.fine("dask", f"What is at {where} answers like a Dask dashboard.")
    if learns:
        steps.skip("it was not announced, so there is nothing to hold its proof against.", "proof")
    elif found.token:
        steps.fine("proof", "It holds the token that was announced.")
    else:
        steps.fine("proof", "It has the id that was announced; without dasklens there is no other proof.")
    await _pages(steps, found)
    await _websocket(steps, found)
    _recorded(steps, entry, found)
    return steps.all()


# -- when it is not found ----------------------------------------------------------------------------


async def _why_not(steps: Steps, entry: Entry, finder: Finder, allowed: Allowed, trouble: NotThere) -> None:
    """Which step is the first that fails."""
    try:
        targets = await finder.targets(entry, allowed)
    except (NotThere, Refusal) as error:
        reason = error.reason if isinstance(error, NotThere) else error.sentence
        steps.wrong("port", reason, error.remedy or trouble.remedy, dashboard_address(_port(entry)))
        steps.skip("there is nothing to connect to.")
        return
    if not targets:
        _only_there(steps, entry)
        return
    tried = await asyncio.gather(*(_connect(target) for target in targets))
    opened = [target for target, failed in zip(targets, tried, strict=True) if failed is None]
    if not opened:
        _closed(steps, entry, [failed for failed in tried if failed is not None])
        return
    steps.fine("port", f"{', '.join(_place(target) for target in opened)} is open from this server.")
    looked = await asyncio.gather(*(_look(target) for target in opened))
    like_dask = [found for found in looked if isinstance(found, Found)]
    if not like_dask:
        reasons = [reason for reason in looked if isinstance(reason, NotThere)]
        says_most = next((reason for reason in reasons if reason.state == "refused"), reasons[0])
        await _not_dask(steps, opened[0], says_most)
        return
    if trouble.state == "unreachable":
        # It was too busy a moment ago.
        await _not_dask(steps, opened[0], trouble)
        return
    steps.fine("dask", f"What is at {_place(like_dask[0].target)} answers like a Dask dashboard.")
    steps.wrong(
        "proof",
        trouble.reason,
        trouble.remedy or "Start the scheduler again: it then announces itself anew.",
        dashboard_address(0),
    )
    steps.skip("it has not proved to be the scheduler that it should be.")


def _only_there(steps: Steps, entry: Entry) -> None:
    port = _port(entry)
    then, line = _forwarding(entry)
    steps.wrong(
        "port",
        f"Its dashboard listens on loopback of {entry.host} only, where this server does not run.",
        f"Forward the port, from a terminal on this machine: {then}. Or start the scheduler with "
        f"--dashboard-address :{port}, which other machines can reach.",
        line,
    )
    steps.skip("the port is not open from here.")


def _closed(steps: Steps, entry: Entry, errors: Sequence[NotThere]) -> None:
    port = _port(entry)
    said = " ".join(dict.fromkeys(error.reason for error in errors))
    refused = next((error for error in errors if error.state == "refused"), None)
    if refused is not None:
        steps.wrong("port", said, refused.remedy, dashboard_address(0))
    elif entry.source == "announced" and not entry.here:
        then, line = _forwarding(entry)
        steps.wrong(
            "port",
            said,
            f"Forward the port, from a terminal on this machine: {then}. Or have the port opened for this "
            "machine, or start the scheduler with another --dashboard-address.",
            line,
        )
    elif entry.source == "announced":
        steps.wrong(
            "port",
            said,
            "If it is busy, wait: it is asked again and again. If it was closed or hangs, start it again, "
            "perhaps with another --dashboard-address (dashboard_address in Python).",
            dashboard_address(port),
        )
    else:
        steps.wrong(
            "port",
            said,
            "Look what `client.dashboard_link` names where the scheduler runs: when its usual port is taken, "
            "it takes another one. Or choose one with --dashboard-address (dashboard_address in Python).",
            dashboard_address(port),
        )
    steps.skip("the port is not open.")


def _forwarding(entry: Entry) -> tuple[str, str]:
    """What happens after a port of another machine was forwarded, and how that is done."""
    port, to = _port(entry), "127.0.0.1" if entry.afar else entry.places[0].host
    here = free(port)
    # The same port on loopback is looked at anyway, where loopback is what was announced.
    then = (
        "it is found here by itself then" if entry.afar and here == port else f"then {add('127.0.0.1', here)}"
    )
    return then, forward(port, to, entry.host, here)


async def _not_dask(steps: Steps, target: Target, error: NotThere) -> None:
    remedy, copy = error.remedy, "client.dashboard_link" if error.state == "refused" else ""
    scheme = "http" if target.scheme == "https" else "https"
    other = replace(target, scheme=scheme, tls="verified" if scheme == "https" else "")
    if isinstance(await _look(other), Found):
        remedy, copy = f"Take it with {scheme}://, so it answers like Dask.", f"{_place(other)}status"
    elif "ca_file" in remedy:
        copy = 'c.Dasklens.ca_file = "/path/to/certificates.pem"'
    elif target.prefix == "/" and error.state == "refused":
        remedy += " If the scheduler was started with --dashboard-prefix, that belongs to the address."
        copy = f"{target.scheme}://{target.authority}/PREFIX/status"
    steps.wrong("dask", error.reason, remedy.strip() or "Run the checks again when it is less busy.", copy)
    steps.skip("what is there does not answer like Dask.")


async def _connect(target: Target) -> NotThere | None:
    try:
        # Without TLS: whether that fits is seen when it is asked.
        stream = await asyncio.wait_for(dial(replace(target, scheme="http")), TIMEOUT)
    except NotThere as error:
        return error
    except (OSError, StreamClosedError, asyncio.TimeoutError) as error:
        return explain(error, target)
    stream.close()
    return None


async def _look(target: Target) -> Found | NotThere:
    try:
        return await look(target, Expected(), thorough=True)
    except NotThere as error:
        return error


# -- when it is found --------------------------------------------------------------------------------


async def _pages(steps: Steps, found: Finding) -> None:
    if found.bokeh:
        steps.fine("bokeh", "It serves pages.")
        return

    async def ask() -> int:
        async with talking(found.target) as talk:
            return (await talk.get("status")).status

    status = 0
    with contextlib.suppress(NotThere):
        status = await in_time(ask, found.target)
    if status == 404:
        steps.wrong(
            "bokeh",
            "It serves no pages: its dashboard is switched off.",
            "Start it without --no-dashboard (dashboard=True in Python). What dasklens draws needs no pages.",
            dashboard_address(found.target.port, "--dashboard"),
        )
        return
    steps.wrong(
        "bokeh",
        "It serves no pages: bokeh is missing in its environment, or is too old.",
        "Install bokeh in the environment of the scheduler and start it again. What dasklens draws needs no "
        "pages.",
        "pip install bokeh",
    )


async def _websocket(steps: Steps, found: Finding) -> None:
    """Open one as the server would, and close it again."""
    path = "dasklens/stream" if found.token else "eventstream"
    try:
        opened = await _opened(found, path)
    except NotThere as error:
        steps.wrong(
            "websocket",
            f"Requests are answered there, but a websocket ({path}) does not open: {error.reason}",
            "Something between this server and the scheduler, such as a proxy, does not let websockets "
            "through. Have it pass the headers Upgrade and Connection on (below for nginx), or use an "
            "address that does not lead through it.",
            UPGRADE,
        )
        return
    await opened.close()
    steps.fine("websocket", f"{path} opens from this server.")


async def _opened(found: Finding, path: str) -> Socket:
    if not found.token:
        return await Socket.open(found.target, path, lambda _: None, most=MOST)
    async with proving(found.target, found.token, found.scheduler_id) as talk:
        opened = await Socket.open(
            talk.target, path, lambda _: None, headers=bearer(found.token), most=MOST, stream=talk.stream
        )
        talk.release()
        return opened


#: What a reverse proxy needs so that websockets pass.
UPGRADE = """\
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection "upgrade";
proxy_set_header Host $http_host;
proxy_read_timeout 1d;
"""


def _recorded(steps: Steps, entry: Entry, found: Finding) -> None:
    if found.token:
        there, here = found.dasklens or "?", dasklens.__version__
        steps.fine("recorded", f"dasklens {there} records there.")
        if found.reason:  # the only one that a scheduler with a proof can have
            steps.wrong("versions", found.reason, found.remedy or "", f"pip install dasklens=={here}")
        else:
            steps.fine("versions", f"dasklens {there} there and {here} here, protocol {PROTOCOL}.")
        return
    line = client_line(found.scheduler or entry.scheduler)
    unannounced = found.dasklens or entry.dasklens
    if unannounced:
        steps.wrong(
            "recorded",
            f"dasklens {unannounced} records there, but its records are only for those to whom it announced "
            "itself: it is shown as a scheduler without dasklens.",
            "Connect a client to it in a notebook of this Jupyter server, or start it with the same home "
            "folder.",
            line,
        )
    else:
        steps.wrong(
            "recorded",
            "Nothing is recorded there: it is seen from now on only, and without errors of tasks.",
            "Connect a client to it in a notebook of this Jupyter server, which brings the recorder along; "
            "or install dasklens in the scheduler's environment.",
            line,
        )
    steps.skip("it is shown as a scheduler without dasklens.", "versions")


def _place(target: Target) -> str:
    return f"{target.scheme}://{target.authority}{target.prefix}"


def _port(entry: Entry) -> int:
    ports = [place.port for place in (*entry.places, *entry.afar)] + [typed.port for typed in entry.typed]
    return ports[0] if ports else 8787

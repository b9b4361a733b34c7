"""Where the scheduler's own HTTP server may be reached: what no setting says, read off the server itself."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

from ..wire.announcement import is_host

if TYPE_CHECKING:
    from distributed import Scheduler

#: Routes of `distributed` that stand below the prefix, which is not kept anywhere.
_KNOWN = ("individual-plots.json", "json/identity.json", "info/main/workers.html", "health", "metrics")
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def dashboard_of(scheduler: Scheduler) -> dict[str, Any]:
    """Say where the scheduler's dashboard may be reached.

    Returns
    -------
    dict
        ``scheme``: ``"http"`` or ``"https"``, empty without a server; ``hosts``: list of addresses and names,
        the one that is nearest first; ``port``, 0 without a server; ``prefix``: what all paths begin with.
    """
    server = getattr(scheduler, "http_server", None)
    port = int(getattr(server, "port", 0) or 0)
    if not port:
        return {"scheme": "", "hosts": [], "port": 0, "prefix": "/"}
    return {
        "scheme": "https" if getattr(server, "ssl_options", None) is not None else "http",
        "hosts": _hosts(scheduler, _listening(server, port)),
        "port": port,
        "prefix": prefix_of(getattr(scheduler, "http_application", None)),
    }


def link_host_of(address: str) -> str:
    """The host that `distributed` puts into the link to the dashboard of the scheduler at `address`."""
    rest = address.partition("://")[2].partition("/")[0]
    if rest.startswith("["):
        # There the link of distributed is broken; this is the one that was meant.
        return rest[1:].partition("]")[0]
    return rest.partition(":")[0]


def prefix_of(application: Any) -> str:
    """What the paths of the scheduler's HTTP routes begin with: ``"/"``, or ``"/x/y/"``."""
    router = getattr(application, "wildcard_router", None)
    patterns = []
    for rule in getattr(router, "rules", ()):
        pattern = getattr(getattr(rule, "matcher", None), "regex", None)
        if isinstance(pattern, re.Pattern):
            patterns.append(str(pattern.pattern).removesuffix("$"))
    for known in _KNOWN:
        for pattern in patterns:
            if pattern.endswith("/" + known):
                return pattern.removesuffix(known)
    return "/"


def _listening(server: Any, port: int) -> list[str]:
    found = []
    for sock in getattr(server, "_sockets", {}).values():
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            name = sock.getsockname()
            if name[1] == port:
                found.append(str(name[0]))
    return found or [str(getattr(server, "address", ""))]


def _hosts(scheduler: Scheduler, listening: list[str]) -> list[str]:
    hosts = []
    for address in listening:
        # Where it listens everywhere, loopback serves this machine whatever becomes of its network.
        hosts.append(_WILDCARDS.get(address, address))
    if any(address in _WILDCARDS for address in listening):
        # The name is for other machines: only they know how to resolve it.
        hosts += [link_host_of(scheduler.address), socket.gethostname()]
    return list(dict.fromkeys(filter(is_host, hosts)))

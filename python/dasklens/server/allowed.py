"""What a person may type in, and which ports of this machine are never connected.

A dashboard that nobody announced is looked for only on loopback, or on a host that the administrator's
``c.Dasklens.allowed_hosts`` names. Ports of Jupyter (this server, the user's other servers, the kernels of
this one) are no dashboards, whoever says so.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dasklens.server.announced import aside
from dasklens.server.check_words import forward
from dasklens.server.target import NotThere, Refusal, Target, bracketed, literal
from dasklens.wire.announcement import is_prefix

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Letters of the longest URL.
LONGEST_URL = 2000
#: Seconds that a name server may take.
RESOLVE_TIMEOUT = 3.0

_EXAMPLE = "Type in the dashboard's address, as in http://127.0.0.1:8787/status."


@dataclass(frozen=True, slots=True)
class TypedIn:
    """The parts of a typed-in URL that count, checked for what can be checked without asking anybody.

    Attributes
    ----------
    scheme, host, port, prefix
        As in `Target`; `host` is a name or an address, in small letters and without brackets.
    behind : str
        The dashboard's own address, where this is the address of a proxy of Jupyter before it.
    """

    scheme: str
    host: str
    port: int
    prefix: str
    behind: str = ""

    @property
    def url(self) -> str:
        """One spelling for all that mean the same."""
        return f"{self.scheme}://{bracketed(self.host)}:{self.port}{self.prefix}"


def parse(text: object) -> TypedIn:
    """Take a typed-in URL apart.

    People paste the address of a page (``…/status``), so what Dask's pages are called is taken off; and
    they leave ``http://`` out.

    Raises
    ------
    Refusal
        When it cannot be a dashboard's.
    """
    if not isinstance(text, str) or not text.strip():
        raise Refusal("An address is missing.", _EXAMPLE)
    text = text.strip()
    if len(text) > LONGEST_URL:
        raise Refusal(f"An address should have at most {LONGEST_URL} letters.", _EXAMPLE)
    if not re.fullmatch(r"[!-\[\]-~]+", text):
        raise Refusal(
            "An address should have neither spaces, backslashes nor letters beyond ASCII.", _EXAMPLE
        )
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise Refusal("This is no address: its host or port is malformed.", _EXAMPLE) from None
    if parts.scheme in ("tcp", "tls", "ws", "wss", "ucx", "inproc"):
        raise Refusal(
            f"{parts.scheme}:// is the address of a scheduler or websocket, not of a dashboard.", _EXAMPLE
        )
    if parts.scheme not in ("http", "https"):
        raise Refusal("An address should begin with http:// or https://.", _EXAMPLE)
    if "@" in parts.netloc:
        raise Refusal("An address should have no user name or password in it.", _EXAMPLE)
    if port == 0 or parts.netloc.endswith(":"):
        raise Refusal("The port should be a number from 1 to 65535.", _EXAMPLE)
    if literal(host) is None and not re.fullmatch(
        r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_-]+", host
    ):
        raise Refusal("The host should be a name, an IPv4 address or an IPv6 address in brackets.", _EXAMPLE)
    behind = _behind_proxy(parts.path)
    prefix = _prefix(parts.path)
    if not is_prefix(prefix):
        if behind:
            raise _through_proxy(behind)
        raise Refusal("The path of the address is none that a dashboard has.", _EXAMPLE)
    return TypedIn(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), prefix, behind)


#: First parts of the paths that a scheduler serves.
_PAGES = re.compile(
    r"status|workers|tasks|system|profile|profile-server|graph|groups|info|hardware|events|counters|crossfilter"
    r"|stealing|statics?|health|metrics|json|eventstream|sitemap\.json|individual-.*|dasklens"
)


def _prefix(path: str) -> str:
    segments = path.strip("/").split("/")
    known = [i for i, segment in enumerate(segments) if _PAGES.fullmatch(segment)]
    kept = segments[: known[-1]] if known else segments
    while known and kept and _PAGES.fullmatch(kept[-1]):
        kept = kept[:-1]  # …/info/main/workers.html, …/individual-plots.json
    return "/" + "".join(f"{segment}/" for segment in kept if segment or len(segments) > 1)


_PROXY = re.compile(
    r"/(?:proxy/(?:absolute/)?|dasklens/open/)(?:(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):)?(?P<port>\d{1,5})(?:/|$)"
)


def _behind_proxy(path: str) -> str:
    found = _PROXY.search(path)
    if found:
        return f"http://{found['host'] or '127.0.0.1'}:{found['port']}/status"
    return "http://127.0.0.1:8787/status" if re.match(r"/(?:user/[^/]+|hub)/", path) else ""


class Allowed:
    """What may be connected to.

    Parameters
    ----------
    hosts : iterable of str
        ``c.Dasklens.allowed_hosts``.
    """

    def __init__(self, hosts: Iterable[str] = ()):
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._names: list[str] = []
        for host in hosts:
            try:
                self._networks.append(ipaddress.ip_network(host.strip(), strict=False))
            except ValueError:
                self._names.append(host.strip().lower().removesuffix("."))

    async def candidates(
        self,
        typed: TypedIn,
        ports: Iterable[int],
        ca_file: str = "",
        trusted: frozenset[int] = frozenset(),
    ) -> list[Target]:
        """Where to look for a typed-in dashboard. A name is resolved here, and nowhere after.

        Parameters
        ----------
        typed : TypedIn
        ports : iterable of int
            Jupyter's own.
        ca_file, trusted
            Go into the targets.

        Raises
        ------
        Refusal
            When it may not be looked for.
        NotThere
            When its name is not known.
        """
        addresses = await self._addresses(typed)
        for address in addresses:
            if typed.port in set(ports) and is_local(address):
                raise Refusal(f"Port {typed.port} is one of Jupyter itself, not of a dashboard.", _own(typed))
        name = "" if literal(typed.host) else typed.host
        tls = "verified" if typed.scheme == "https" else ""
        return [
            Target(typed.scheme, str(address), typed.port, typed.prefix, tls, name, ca_file, trusted)
            for address in addresses
        ]

    async def _addresses(self, typed: TypedIn) -> list[Address]:
        host = typed.host
        if host == "localhost":
            return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
        address = literal(host)
        if address is not None:
            if address.is_unspecified:
                raise Refusal(
                    f"{host} is where a dashboard listens (everywhere), not where it is found.",
                    f"Type in http://127.0.0.1:{typed.port}/status if it runs on this machine.",
                )
            if not address.is_loopback and (is_never(address) or not self._in_networks(address)):
                raise _not_allowed(typed)
            return [address]
        if not any(_matches(host, name) for name in self._names):
            raise _not_allowed(typed)
        addresses = await resolve(host, typed.port)
        for found in addresses:
            if found.is_loopback or is_never(found):
                raise Refusal(
                    f"The name {host} means the address {found}, to which this server connects for no name.",
                    "Type in the address of the machine that the dashboard listens on.",
                )
        return addresses

    def _in_networks(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _matches(host: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return host.endswith(allowed[1:]) and len(host) > len(allowed[1:])
    return host == allowed


def _own(typed: TypedIn) -> str:
    if typed.behind:
        return f"This leads through a proxy of Jupyter; type in the dashboard's own address: {typed.behind}."
    return _EXAMPLE


def _through_proxy(behind: str) -> Refusal:
    return Refusal(
        "This is the way to a dashboard through a proxy of Jupyter, not the dashboard's own address.",
        f"Type in the address that it has on this machine, perhaps {behind}.",
    )


def _not_allowed(typed: TypedIn) -> Refusal:
    if typed.behind:
        return _through_proxy(typed.behind)
    host, port = typed.host, typed.port
    return Refusal(
        f"{host} is neither this machine nor a host that this Jupyter server is configured to look at.",
        f"Forward the port to this machine, {forward(port, '127.0.0.1', host, port)}, and type in "
        f"http://127.0.0.1:{port}/status; or have the administrator of this Jupyter server set "
        f'c.Dasklens.allowed_hosts = ["{host}"].',
    )


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, each once, in the system's order.

    Raises
    ------
    NotThere
        When nobody knows the name, or the name server does not answer.
    """

    def ask() -> list[Any]:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    try:
        found = await asyncio.wait_for(aside(ask), RESOLVE_TIMEOUT)
    except asyncio.TimeoutError:  # first: it is an OSError too, from Python 3.11 on
        raise NotThere(f"The name server did not say within {RESOLVE_TIMEOUT:g} s who {host} is.") from None
    except (OSError, UnicodeError):
        raise NotThere(f"This server knows no host of the name {host}.", "Type in its address.") from None
    spelled = (literal(str(info[4][0]).partition("%")[0]) for info in found)
    return list(dict.fromkeys(address for address in spelled if address is not None))


def is_never(address: Address) -> bool:
    """Whether no dashboard is ever at this address: link-local, multicast, unspecified, reserved."""
    if address.is_loopback:
        return False
    return address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved


def is_local(address: Address) -> bool:
    """Whether the address is one of this machine."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((str(address), 0))
    except OSError:
        return False
    return True


def server_ports(runtime: Path) -> set[int]:
    """Ports of the user's Jupyter servers, as they write them down. Blocks: call it through `aside`."""
    ports = set()
    for pattern in ("jpserver-*.json", "nbserver-*.json"):
        for file in runtime.glob(pattern):
            try:
                if not file.is_file() or file.stat().st_size > 1 << 16:
                    continue
                port = json.loads(file.read_bytes()).get("port")
            except (OSError, ValueError, AttributeError, RecursionError):
                continue  # half written, or gone in the meantime
            if isinstance(port, int):
                ports.add(port)
    return ports


def own_ports(serverapp: Any) -> set[int]:
    """Ports of this server and of its kernels."""
    ports = {getattr(serverapp, "port", 0)}
    try:
        kernels = serverapp.kernel_manager
        for kernel in list(kernels.list_kernel_ids()):
            ports.update(kernels.get_kernel(kernel).ports)
    except Exception:
        pass  # kernels of a gateway, or of a provisioner of its own, have no ports here
    return ports

"""Where a connection goes: the only way by which a host gets into one.

A *target* names one literal IP address. A name was resolved once, by whoever made the target, and looked at
after that: between a check and a connection nothing is resolved again, so no answer of a name server can
change where it goes. The name stays beside it for two purposes, the ``Host`` header and the certificate.
"""

from __future__ import annotations

import functools
import ipaddress
import ssl
from dataclasses import dataclass
from typing import Any, Literal

#: What stands between a person and a scheduler, for now ("unreachable") or until somebody acts ("refused").
Trouble = Literal["unreachable", "refused"]


class Refusal(Exception):
    """An address that is not taken.

    Attributes
    ----------
    sentence, remedy : str
        What is wrong with it, and what to type or set instead.
    """

    def __init__(self, sentence: str, remedy: str = ""):
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy


class NotThere(Exception):
    """A scheduler that does not answer where it should, or that is not the one it should be.

    Attributes
    ----------
    reason, remedy : str
        Sentences for a person.
    state : str
        ``"unreachable"`` or ``"refused"``.
    """

    def __init__(self, reason: str, remedy: str = "", state: Trouble = "unreachable"):
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.state: Trouble = state


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect.

    Attributes
    ----------
    scheme : str
        ``"http"`` or ``"https"``.
    host : str
        A literal IPv4 or IPv6 address (without brackets), which is what is connected.
    port : int
    prefix : str
        What the dashboard's paths begin with: ``"/"`` or ``"/x/y/"``, already quoted.
    tls : str
        ``""`` (http), ``"verified"``, or ``"self-signed"`` (on loopback only).
    name : str
        The name that was resolved to `host`, or empty: send :attr:`authority` as ``Host``.
    ca_file : str
        What ``"verified"`` is verified against; the system's certificates by default.
    trusted : frozenset of int
        Ids of users, beside ours and root, whose programs may listen there if it is on this machine.
    """

    scheme: str
    host: str
    port: int
    prefix: str
    tls: str = ""
    name: str = ""
    ca_file: str = ""
    trusted: frozenset[int] = frozenset()

    @property
    def authority(self) -> str:
        """Value of the ``Host`` header."""
        return f"{bracketed(self.name or self.host)}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether it cannot leave this machine."""
        return is_loopback(self.host)

    def url(self, path: str) -> str:
        """The URL of a path below the prefix; `path` has no leading slash and is already quoted."""
        return f"{self.scheme}://{self._place}{self.prefix}{path}"

    def ws_url(self, path: str) -> str:
        """The same for a websocket."""
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{self._place}{self.prefix}{path}"

    def ssl_options(self) -> ssl.SSLContext | None:
        """What tornado's clients take as `ssl_options`; the certificate is verified for :attr:`name`.

        Raises
        ------
        NotThere
            Where the file of certificates cannot be read.
        """
        if self.scheme != "https":
            return None
        if self.tls == "self-signed" and self.loopback:
            return _unverified()
        return _verified(self.name, self.ca_file)

    @property
    def _place(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether this literal address is on loopback; names never are."""
    address = literal(host)
    return address is not None and address.is_loopback


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` spells, IPv4 also for an IPv6 address that maps one.

    None for names, and for addresses with a zone (``fe80::1%eth0``), which mean nothing in a URL.
    """
    if "%" in host:
        return None
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def bracketed(host: str) -> str:
    """The host as a URL spells it."""
    return f"[{host}]" if ":" in host else host


class _Context(ssl.SSLContext):
    """Verifies for the name that was typed in, though it is an address that is connected."""

    expected = ""

    def wrap_socket(self, sock: Any, *args: Any, **more: Any) -> ssl.SSLSocket:
        more["server_hostname"] = self.expected or more.get("server_hostname")
        return super().wrap_socket(sock, *args, **more)


@functools.lru_cache(maxsize=64)
def _verified(name: str, ca_file: str) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.expected = name
    if not ca_file:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError:
        raise NotThere(
            "The file of certificates to trust cannot be read.", "Put c.Dasklens.ca_file right.", "refused"
        ) from None
    return context


@functools.lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

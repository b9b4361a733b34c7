"""Who listens at a port of this machine, as Linux tells everybody.

On loopback whoever comes first has a port, also another user; and a proof can be passed on (`wire.proof`): a
stranger who listens there asks the real scheduler, and is sent the token for its answer. So a connection
within this machine is made only to a listener of ours, of root's, or of a user who is trusted. A socket's
owner is whoever made it, which nobody but root can change.

The kernel is asked by ``NETLINK_SOCK_DIAG``, which takes microseconds. Where it does not answer, its tables
in ``/proc`` are read, which takes milliseconds; where there are none, it cannot be known.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Tables of the kernel: IPv4, and IPv6 with what listens for both.
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
#: The state of a socket that listens.
_LISTEN = 10
_AF_INET, _AF_INET6 = 2, 10  # as Linux counts them
#: Of `linux/netlink.h`, `sock_diag.h` and `inet_diag.h`.
_SOCK_DIAG, _BY_FAMILY, _ERROR, _DONE, _DUMP = 4, 20, 2, 3, 0x301
_PIECE, _TIMEOUT = 1 << 16, 1.0


class Listener(NamedTuple):
    """A socket that listens.

    Attributes
    ----------
    host : IPv4Address or IPv6Address
        Where; IPv4 also for an IPv6 address that maps one. ``::`` may stand for all addresses of both kinds.
    port : int
    uid : int
        Whose it is.
    inode : int
        No two sockets that are open have the same.
    """

    host: Address
    port: int
    uid: int
    inode: int


def reached(listeners: Iterable[Listener], host: str, port: int) -> frozenset[Listener]:
    """Those of `listeners` that may get a connection to this literal address and port.

    More than one may, of which Linux prefers the most exact; that is not relied upon. Whether a socket at
    ``::`` takes IPv4 too cannot be seen: it is taken to.
    """
    address = _plain(ipaddress.ip_address(host))
    nothing = (ipaddress.IPv4Address(0), ipaddress.IPv6Address(0))
    wild = nothing if address.version == 4 else nothing[1:]
    return frozenset(it for it in listeners if it.port == port and (it.host == address or it.host in wild))


def strangers(listeners: Iterable[Listener], trusted: Collection[int] = ()) -> list[int]:
    """The users (ids, each once) among `listeners` who are neither us, nor root, nor trusted."""
    good = {os.geteuid(), 0, *trusted}
    return sorted({it.uid for it in listeners} - good)


def listening(port: int) -> list[Listener] | None:
    """Who listens at this port, on whatever address; None where that cannot be known.

    Nothing is remembered: a port may have another owner a moment later.
    """
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError, struct.error):
        return _asked(port)
    try:
        return _looked_up(port)
    except (OSError, ValueError, IndexError):
        return None


# -- asked -------------------------------------------------------------------------------------------


def _asked(port: int) -> list[Listener]:
    found = []
    netlink: Any = socket.AF_NETLINK  # type: ignore[attr-defined,unused-ignore]
    for family in (_AF_INET, _AF_INET6):
        with socket.socket(netlink, socket.SOCK_RAW, _SOCK_DIAG) as sock:
            sock.settimeout(_TIMEOUT)
            sock.send(question(family, port))
            while True:
                data = sock.recv(_PIECE)
                said = list(answers(data))
                found += [it for it in said if it is not None and it.port == port]
                if None in said or not data:
                    break
    return found


def question(family: int, port: int) -> bytes:
    """A message that asks for the sockets of a family that listen at a port (``inet_diag_req_v2``)."""
    place = struct.pack("!HH32s", port, 0, b"") + struct.pack("=I8s", 0, b"\xff" * 8)
    asked = struct.pack("=BBxxI", family, socket.IPPROTO_TCP, 1 << _LISTEN) + place
    return struct.pack("=IHHII", 16 + len(asked), _BY_FAMILY, _DUMP, 1, 0) + asked


def answers(data: bytes) -> Iterator[Listener | None]:
    """The sockets in an answer (``inet_diag_msg``), and None where it is the last.

    Raises
    ------
    OSError, struct.error
        Where it is none.
    """
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        if kind == _DONE:
            yield None
            return
        if kind == _ERROR or size < 16:
            raise OSError("the kernel does not answer for sockets")
        family, state, port, source = struct.unpack_from("!BB2xH2x16s", data, at + 16)
        uid, inode = struct.unpack_from("=II", data, at + 80)
        if state == _LISTEN:
            yield Listener(_address(source[:4] if family == _AF_INET else source), port, uid, inode)
        at += (size + 3) & ~3


# -- looked up ---------------------------------------------------------------------------------------


def _looked_up(port: int) -> list[Listener]:
    found: list[Listener] = []
    for table in TABLES:
        try:
            with open(table, encoding="ascii") as text:
                found += (it for it in parse(text) if it.port == port)
        except FileNotFoundError:
            if table == TABLES[0]:
                raise
            # A kernel without IPv6.
    return found


def parse(lines: Iterable[str], byteorder: str = sys.byteorder) -> Iterator[Listener]:
    """The listeners in a table as ``/proc/net/tcp`` or ``tcp6`` has it.

    Parameters
    ----------
    lines : iterable of str
        The first is its heading.
    byteorder : str
        Of the machine: addresses are written as words of 32 bits, each as that machine holds it.

    Raises
    ------
    ValueError, IndexError
        Where it is no such table.
    """
    for number, line in enumerate(lines):
        if number == 0:
            continue
        parts = line.split()
        if int(parts[3], 16) != _LISTEN:
            continue
        host, _, port = parts[1].partition(":")
        packed = bytes.fromhex(host)
        if byteorder == "little":
            packed = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
        yield Listener(_address(packed), int(port, 16), int(parts[7]), int(parts[9]))


def _address(packed: bytes) -> Address:
    return _plain(ipaddress.ip_address(packed))


def _plain(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address

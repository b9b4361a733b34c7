"""Connect to a target: the one place where connections to schedulers begin.

Within this machine it is looked at who listens, before anything is connected and again before anything is
said: see ``listener.py``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from typing import Any

from tornado.iostream import IOStream, SSLIOStream

from dasklens.server import listener
from dasklens.server.allowed import is_local
from dasklens.server.announced import aside
from dasklens.server.listener import Listener
from dasklens.server.target import NotThere, Target

#: Seconds that looking up a user's name may take; some systems ask their network.
NAME_TIMEOUT = 1.0


async def dial(target: Target, **more: Any) -> IOStream:
    """Connect, with TLS where the target has it. Whoever cancels this leaves no socket behind.

    Parameters
    ----------
    **more
        Of `tornado.iostream.IOStream`, such as `max_buffer_size`.

    Raises
    ------
    NotThere
        When somebody else listens there, on this machine.
    OSError, ssl.SSLError, tornado.iostream.StreamClosedError
        When there is no connection.
    """
    address = ipaddress.ip_address(target.host)
    before = _listeners(target)
    if before:
        await _refuse_strangers(target, before)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        context = target.ssl_options()
        stream = IOStream(sock, **more) if context is None else SSLIOStream(sock, ssl_options=context, **more)
    except BaseException:
        sock.close()
        raise
    try:
        await stream.connect((target.host, target.port), server_hostname=target.name or target.host)
        if before is not None:
            await _look_again(target, before)
        stream.set_nodelay(True)
    except BaseException:
        stream.close()
        raise
    return stream


def _listeners(target: Target) -> frozenset[Listener] | None:
    """Who may get a connection to it; None where it is on another machine, or that cannot be known."""
    if not (target.loopback or is_local(ipaddress.ip_address(target.host))):
        return None
    found = listener.listening(target.port)
    return None if found is None else listener.reached(found, target.host, target.port)


async def _look_again(target: Target, before: frozenset[Listener]) -> None:
    after = _listeners(target)
    if after != before:
        await _refuse_strangers(target, after or frozenset())
        raise NotThere(f"Who listens at {target.authority} changed just now; asking again.")
    if not before and target.loopback:
        # An address that only seems to be of this machine (`ip_nonlocal_bind`) has no listener either.
        raise NotThere(
            f"Something answers at {target.authority}, but no program of this machine can be seen to listen "
            "there: rules of its network lead elsewhere.",
            "Type in the address to which they lead, or forward the port of the dashboard with ssh -N -L.",
            "refused",
        )


async def _refuse_strangers(target: Target, listeners: frozenset[Listener]) -> None:
    strangers = listener.strangers(listeners, target.trusted)
    if not strangers:
        return
    names = [await _name(uid) for uid in strangers]
    whose = " and ".join(f"user {name}" for name in names)
    raise NotThere(
        f"At port {target.port} of {target.name or target.host}, which is this machine, listens a program of "
        f"{whose}. It should be one of yours or of root, so nothing was asked there.",
        "Give your scheduler, or your ssh -L, a port that is free. If that user is to be trusted, have the "
        f"administrator of this Jupyter server set c.Dasklens.trusted_users = {json.dumps(names)}.",
        "refused",
    )


async def _name(uid: int) -> str:
    """The login name of a user, or the number where there is none."""

    def ask() -> str:
        import pwd

        return pwd.getpwuid(uid).pw_name

    try:
        name = await asyncio.wait_for(aside(ask), NAME_TIMEOUT)
    except (KeyError, OSError, ImportError, asyncio.TimeoutError):
        return str(uid)
    return name if name.isprintable() else str(uid)

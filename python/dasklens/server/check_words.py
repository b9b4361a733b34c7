"""Lines to copy: what a person would run, set or type, filled in.

What they are filled with was said by others, and they end in a shell: a part that is not what it should be
is replaced by its name in capitals.
"""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Iterable

_HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
_ADDRESS = re.compile(r"[a-z]+://[A-Za-z0-9_.:\[\]%-]+")


def forward(port: int, to: str, host: str, here: int = 0) -> str:
    """Forward a port of another machine to this one.

    Parameters
    ----------
    port : int
        Of the dashboard.
    to : str
        Where it listens, as seen from `host`.
    host : str
        The machine to log in to.
    here : int
        Port of this machine; by default the same if that is free.
    """
    to = to if _HOST.fullmatch(to) else "127.0.0.1"
    to = f"[{to}]" if ":" in to else to
    host = host if _HOST.fullmatch(host) else "HOST"
    return f"ssh -N -L {here or free(port)}:{to}:{port} {user()}@{host}"


def add(host: str, port: int) -> str:
    """Where in Jupyter the dashboard at an address can be added."""
    host = f"[{host}]" if ":" in host else host
    place = f"dasklens/open/{host}:{port}/status"
    return f"open {place} below the address of your Jupyter and press the button there"


def free(port: int) -> int:
    """The same port, or another one where it is taken on loopback here."""
    for wanted in (port, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            try:
                sock.bind(("127.0.0.1", wanted))
                return int(sock.getsockname()[1])
            except OSError:
                continue
    return port


def user() -> str:
    """The login name of whoever runs this server."""
    try:
        name = getpass.getuser()
    except Exception:  # there are containers whose user has no name
        name = ""
    return name if _USER.fullmatch(name) else "USER"


def allow(host: str, present: Iterable[str]) -> str:
    """The line of Jupyter's configuration by which a host may be looked at."""
    return f"c.Dasklens.allowed_hosts = {json.dumps([*present, host])}"


def dashboard_address(port: int, *more: str) -> str:
    """A scheduler with its dashboard at this port."""
    return " ".join(["dask scheduler --dashboard-address", f":{port}", *more])


def client_line(scheduler: str) -> str:
    """A client of the scheduler at this comm address."""
    address = scheduler if _ADDRESS.fullmatch(scheduler) else "tcp://SCHEDULER:8786"
    return f'from dask.distributed import Client; client = Client("{address}")'

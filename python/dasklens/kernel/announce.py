"""A kernel announces the schedulers that its clients use, so that Jupyter knows whose notebook they serve.

A scheduler of another process does not know this kernel, and may have no dasklens, or another home folder.
One that runs in this very process announces itself.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from time import time
from typing import TYPE_CHECKING, Any

import dask

from ..scheduler.announce import announce as announce_scheduler
from ..scheduler.announce import switched_on
from ..scheduler.dashboard import link_host_of
from ..scheduler.heartbeat import end, keep
from ..scheduler.kernel import kernel_id
from ..source.attach import local_scheduler
from ..wire.announcement import Announcement, this_host

if TYPE_CHECKING:
    from distributed import Client, Scheduler

logger = logging.getLogger(__name__)


def announce(client: Client, hello: dict[str, Any] | None) -> None:
    """Announce the client's scheduler as long as a client of this kernel uses it.

    Parameters
    ----------
    client : distributed.Client
        A connected one.
    hello : dict or None
        What the recorder said; None where nothing is recorded.
    """
    kernel = kernel_id()
    if kernel is None or not switched_on():
        return
    local = local_scheduler(client)
    if local is not None:
        # On its own loop; nothing new where its preload did so.
        local.loop.add_callback(_announce_here, local)
        return
    announcement = announcement_of(client, hello, kernel)
    if announcement is not None:
        scheduler_id = announcement.scheduler_id
        keep(scheduler_id, announcement, client, lambda client: _uses(client, scheduler_id))


def withdraw(client: Client) -> None:
    """Say that this client closes: the last one of a scheduler takes the announcement with it."""
    end(client)


def announcement_of(client: Client, hello: dict[str, Any] | None, kernel: str) -> Announcement | None:
    """What this kernel announces of a scheduler elsewhere; None when it is not known who that is."""
    identity: dict[str, Any] = getattr(client, "_scheduler_identity", None) or {}
    scheduler_id = (hello or {}).get("scheduler_id") or identity.get("id")
    scheduler: Any = client.scheduler
    if not scheduler_id or scheduler is None:
        return None
    address = str(scheduler.address)
    said: dict[str, Any] = (hello or {}).get("dashboard") or {}
    port = said.get("port") or identity.get("services", {}).get("dashboard") or 0
    scheme = said.get("scheme") or _scheme()
    cluster: Any = client.cluster
    return Announcement(
        scheduler_id=scheduler_id,
        scheduler=address,
        name=str(getattr(cluster, "name", "") or ""),
        scheme=scheme if port else "",
        hosts=hosts_of(address, said.get("hosts") or ()) if port else (),
        port=port,
        prefix=said.get("prefix") or "/",
        link_host=link_host_of(str(getattr(cluster, "scheduler_address", "") or address)),
        pid=os.getpid(),
        host=this_host(),
        kernel=kernel,
        token=(hello or {}).get("token", ""),
        dasklens=(hello or {}).get("dasklens", ""),
        started=_started,
    )


def hosts_of(address: str, said: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Where this machine may reach the dashboard of the scheduler at `address`, best first.

    Parameters
    ----------
    address : str
        Of the scheduler, as the client reached it.
    said : sequence of str
        Where the scheduler itself says that its dashboard listens.
    """
    host = link_host_of(address)
    if is_here(host):
        # Or it is the end of a tunnel, which the scheduler knows nothing of.
        return _unique(*(said or ["127.0.0.1"]), host)
    # Its loopback is not ours: there may be anything.
    return _unique(host, *(other for other in said if not _is_loopback(other)))


def is_here(host: str) -> bool:
    """Whether `host` is this machine, as far as can be told without asking anybody."""
    if _is_loopback(host) or host == socket.gethostname():
        return True
    try:
        version = ipaddress.ip_address(host).version
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        # Only an address of this machine can be listened at.
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((host, 0))
    except (ValueError, OSError):
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _announce_here(scheduler: Scheduler) -> None:
    try:
        announce_scheduler(scheduler)
    except Exception as error:
        logger.debug("dasklens cannot announce the scheduler of this process: %s", error)


#: The same in all announcements of this process: one that says nothing new is not written again.
_started = time()


def _unique(*hosts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host for host in hosts if host))


def _scheme() -> str:
    # How distributed decides for the link, in this process too.
    return "https" if dask.config.get("distributed.scheduler.dashboard.tls.cert", None) else "http"


def _uses(client: Client, scheduler_id: str) -> bool:
    if client.status in ("closed", "closing"):
        return False
    # After a reconnect there may be another scheduler at the same address.
    now = (getattr(client, "_scheduler_identity", None) or {}).get("id")
    return now is None or now == scheduler_id

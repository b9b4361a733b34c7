"""A scheduler announces itself, so that the user's Jupyter finds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import dask

from ..wire.announcement import Announcement, this_host
from .dashboard import dashboard_of, link_host_of
from .heartbeat import end, keep
from .kernel import kernel_id
from .recorder import NAME

if TYPE_CHECKING:
    from distributed import Scheduler

#: Says whose kernel a scheduler of its own process belongs to.
KERNEL_VARIABLE = "DASKLENS_KERNEL"
#: Seconds that a closing scheduler waits for its announcement to be removed.
WAIT_FOR_REMOVAL = 1.0


def announce(scheduler: Scheduler) -> None:
    """Announce this scheduler until it closes; once, however often called.

    Where nothing is recorded it is announced as a plain one, which has no token. It is not announced where
    ``dasklens.announce`` is false.
    """
    if switched_on():
        keep(scheduler.id, announcement_of(scheduler), scheduler, _is_open)


async def withdraw(scheduler: Scheduler) -> None:
    """The scheduler closes: remove its announcement."""
    # A home folder may hang; the scheduler closes all the same.
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.wrap_future(end(scheduler)), WAIT_FOR_REMOVAL)


def switched_on() -> bool:
    """Whether the dask configuration lets schedulers be announced."""
    return bool(dask.config.get("dasklens.announce", True))


def announcement_of(scheduler: Scheduler) -> Announcement:
    """What this scheduler announces, apart from when."""
    recorder: Any = scheduler.plugins.get(NAME)
    dashboard = dashboard_of(scheduler)
    return Announcement(
        scheduler_id=scheduler.id,
        scheduler=scheduler.address,
        name=_cluster_name(scheduler),
        scheme=dashboard["scheme"],
        hosts=tuple(dashboard["hosts"]),
        port=dashboard["port"],
        prefix=dashboard["prefix"],
        link_host=link_host_of(scheduler.address),
        pid=os.getpid(),
        host=this_host(),
        kernel=kernel_id() or os.environ.get(KERNEL_VARIABLE),
        token=recorder.token if recorder is not None else "",
        dasklens=recorder.versions()["dasklens"] if recorder is not None else "",
        started=scheduler.time_started,
    )


def _is_open(scheduler: Scheduler) -> bool:
    return scheduler.status.name not in ("closing", "closed", "failed")


def _cluster_name(scheduler: Scheduler) -> str:
    module = sys.modules.get("distributed.deploy.spec")
    for cluster in getattr(getattr(module, "SpecCluster", None), "_instances", ()):
        if getattr(cluster, "scheduler", None) is scheduler:
            return str(cluster.name)
    return ""

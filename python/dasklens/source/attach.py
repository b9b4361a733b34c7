"""Make the scheduler of a client record.

Most schedulers of this environment do so from their first task on (``scheduler/preload.py``). For
any other, the source of ``scheduler`` and ``wire`` is uploaded under a package name of its own and
the recorder is added by reference. Code is never pickled by value: between two Python versions
that crashed a scheduler.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib import resources
from typing import Any

import dask
from distributed import Client, default_client
from distributed.diagnostics.plugin import SchedulerUploadFile

from ..scheduler.recorder import NAME, PROTOCOL, SWITCHED_OFF, ensure_recorder
from .errors import NotRecorded

logger = logging.getLogger(__name__)

#: The package that the uploaded source forms on a scheduler without dasklens.
UPLOADED = "dasklens_uploaded"
_ROOMS = ("scheduler", "wire")
_UPLOAD_PLUGIN = "dasklens-upload"

#: Called with each client that was attached, on its loop, and what the recorder said.
attached: list[Callable[[Client, dict[str, Any]], None]] = []


def resolve_client(client: Client | None) -> Client:
    """The client meant: `client`, or the current one.

    Raises
    ------
    TypeError
        When `client` is something else.
    ValueError
        When there is no client, or it is closed.
    """
    if client is None:
        try:
            client = default_client()
        except ValueError:
            raise ValueError(
                "No Dask client here yet. Make one first: from distributed import Client; client = Client()"
            ) from None
    if not isinstance(client, Client):
        raise TypeError(f"client should be a distributed.Client or None, got {type(client).__name__}.")
    if client.status in ("closed", "closing"):
        raise ValueError(
            "This Dask client is closed. Make a new one: from distributed import Client; client = Client()"
        )
    return client


async def attach(client: Client) -> dict[str, Any]:
    """See to it that the client's scheduler records.

    Returns
    -------
    dict
        The recorder's hello: its versions, log id, cursors and limit, whose scheduler it records, and the
        token and the place to read it over HTTP.

    Raises
    ------
    NotRecorded
        Where recording is switched off, or the scheduler lets nobody add plugins.
    """
    scheduler = rpc_of(client)
    # Asking for a topic is safe everywhere; an unknown handler would put a warning into the log of
    # a scheduler without dasklens.
    if not await scheduler.events(topic=NAME):
        await _add(client)
    hello: dict[str, Any] = await scheduler.dasklens_hello()
    if hello["protocol"] != PROTOCOL:
        from .. import __version__

        raise NotRecorded(
            f"The scheduler runs dasklens {hello['dasklens']} and this kernel {__version__}: "
            "install the same version on both sides and restart the scheduler."
        )
    for listener in attached:
        try:
            listener(client, hello)
        except Exception as error:
            logger.debug("dasklens attached, and then: %s", error)
    return hello


def rpc_of(client: Client) -> Any:
    """The client's own connection to its scheduler; handlers are its attributes."""
    return client.scheduler


async def _add(client: Client) -> None:
    if not dask.config.get("dasklens.record", True):
        raise NotRecorded(
            "Recording is switched off by the Dask configuration: set dasklens.record to true "
            "and start the scheduler again."
        )
    local = local_scheduler(client)
    if local is not None:
        await _on_loop_of(local, ensure_recorder)
        return
    path = os.path.join(tempfile.mkdtemp(prefix="dasklens-"), f"{UPLOADED}.zip")
    try:
        with open(path, "wb") as file:
            file.write(source_zip())
        upload = SchedulerUploadFile(path)
        from distributed.protocol.pickle import dumps

        await rpc_of(client).register_scheduler_plugin(
            plugin=dumps(upload), name=_UPLOAD_PLUGIN, idempotent=False
        )
        # By reference, spelt out: the class exists under this name on the scheduler only.
        recorder = f"c{UPLOADED}.scheduler.recorder\nRecorder\n(tR.".encode()
        await rpc_of(client).register_scheduler_plugin(plugin=recorder, name=NAME, idempotent=True)
    except Exception as error:
        if SWITCHED_OFF in str(error):
            raise NotRecorded(
                f"Recording is switched off at {_address(client)}: set dasklens.record to true in the "
                "Dask configuration of the scheduler and start it again."
            ) from None
        raise NotRecorded(
            f"The scheduler at {_address(client)} does not record for dasklens and lets no "
            f"plugin be added ({type(error).__name__}: {error}). Install dasklens in the "
            "scheduler's environment and start it again, or allow register_scheduler_plugin there."
        ) from error
    finally:
        # Its work is done; every plugin costs the scheduler a call a transition.
        with contextlib.suppress(Exception):
            await rpc_of(client).unregister_scheduler_plugin(name=_UPLOAD_PLUGIN)
        with contextlib.suppress(OSError):
            os.remove(path)
            os.rmdir(os.path.dirname(path))


def source_zip() -> bytes:
    """The source of what runs in a scheduler, as a package called `UPLOADED`."""
    from .. import __version__

    package = __package__.rpartition(".")[0]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{UPLOADED}/__init__.py", f"__version__ = {__version__!r}\n")
        for room in _ROOMS:
            for file in resources.files(f"{package}.{room}").iterdir():
                if file.name.endswith(".py"):
                    archive.writestr(f"{UPLOADED}/{room}/{file.name}", file.read_bytes())
    return out.getvalue()


def _address(client: Client) -> str:
    return str(getattr(client.scheduler, "address", "?"))


def local_scheduler(client: Client) -> Any:
    """The scheduler object, where it lives in this very process."""
    module = sys.modules.get("distributed.scheduler")
    for scheduler in getattr(getattr(module, "Scheduler", None), "_instances", ()):
        if scheduler.address == _address(client) and scheduler.status.name == "running":
            return scheduler
    return None


async def _on_loop_of(scheduler: Any, function: Any) -> Any:
    """Call ``function(scheduler)`` on the scheduler's own loop, which may be another thread's."""
    import asyncio
    import concurrent.futures

    done: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def call() -> None:
        try:
            done.set_result(function(scheduler))
        except Exception as error:
            done.set_exception(error)

    scheduler.loop.add_callback(call)
    return await asyncio.wrap_future(done)

"""What ``etc/dask/dasklens.yaml`` does, for a kernel whose user has preloads of their own.

Lists of Dask's configuration files replace each other, so a user's own preloads leave ours out, and a
package that was installed to another place may bring no ``etc`` at all. Importing ``dasklens`` in a kernel
puts them into this process's configuration. Nothing heavy is imported here. It also brings the cell magic.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import dask

from ..scheduler.kernel import kernel_id
from .link import set_link
from .magic import register

#: Text for text what the file has: a name of a module would stop schedulers that inherit this configuration
#: and have no dasklens.
PRELOADS = {
    "distributed.scheduler.preload": """\
try:
    from dasklens.scheduler.preload import dask_setup, dask_teardown
except Exception:
    pass
""",
    "distributed.client.preload": """\
import sys
if "ipykernel" in sys.modules:
    try:
        from dasklens.kernel.preload import dask_setup, dask_teardown
    except Exception:
        pass
""",
}
#: What logs each preload at each start.
_TALKATIVE = ("distributed.preloading", "distributed.utils")


def prepare() -> None:
    """Treat the clients and clusters of this kernel, those there are and those to come, as the file says."""
    register()
    if kernel_id() is None:
        return
    set_link()
    missing = [key for key in PRELOADS if not _has(key)]
    for key in missing:
        _add(key)
    if "distributed.client.preload" in missing and "distributed.client" in sys.modules:
        _set_up_those_there_are()


def _has(key: str) -> bool:
    return any("dasklens" in text for text in _list(key))


def _add(key: str) -> None:
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    dask.config.set({key: [*_list(key), PRELOADS[key]]})
    arguments = dask.config.get(f"{key}-argv", None) or []
    if not isinstance(arguments, str) and not all(isinstance(argument, str) for argument in arguments):
        # A list for each preload, then there must be as many.
        dask.config.set({f"{key}-argv": [*arguments, []]})


def _list(key: str) -> list[str]:
    found: Any = dask.config.get(key, None) or []
    return [found] if isinstance(found, str) else [str(entry) for entry in found]


def _set_up_those_there_are() -> None:
    from distributed import Client

    from .preload import dask_setup

    for client in list(Client._instances):
        if client.status == "running":
            loop: Any = client.loop
            loop.add_callback(dask_setup, client)

"""`distributed.client.preload`: in a notebook, a scheduler that is elsewhere records and is announced too.

Named in ``etc/dask/dasklens.yaml``, and run for every ``Client()``, also those that workers make;
the text there imports this module inside a Jupyter kernel only.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..scheduler.kernel import kernel_id
from ..source.attach import attach, attached
from .announce import announce, withdraw
from .link import set_link

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

if announce not in attached:
    # Whatever attaches later, a view or a client that found another scheduler, announces as well.
    attached.append(announce)


async def dask_setup(client: Client) -> None:
    """Called by the client once it is connected; must print nothing and break nothing."""
    try:
        if kernel_id() is not None:
            set_link()
        await attach(client)
    except Exception as error:
        logger.debug("dasklens could not attach to the scheduler: %s", error)
        try:
            announce(client, None)
        except Exception as error:
            logger.debug("dasklens cannot announce the scheduler: %s", error)


async def dask_teardown(client: Client) -> None:
    """Called by the client when it begins to close."""
    withdraw(client)

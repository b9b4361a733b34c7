"""`distributed.client.preload`: in a notebook, a scheduler that is elsewhere records too.

Named in ``etc/dask/dasklens.yaml``, and run for every ``Client()``, also those that workers make;
the text there imports this module inside a Jupyter kernel only.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)


async def dask_setup(client: Client) -> None:
    """Called by the client once it is connected; must print nothing and break nothing."""
    try:
        from ..source.attach import attach

        await attach(client)
    except Exception as error:
        logger.debug("dasklens could not attach to the scheduler: %s", error)

"""`distributed.scheduler.preload`: record from the first task on, and let Jupyter know of it.

Named in ``etc/dask/dasklens.yaml``. Whatever goes wrong here, the scheduler starts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Scheduler

logger = logging.getLogger(__name__)


async def dask_setup(scheduler: Scheduler) -> None:
    """Called by the scheduler once it has started."""
    try:
        from .recorder import ensure_recorder

        ensure_recorder(scheduler)
    except Exception as error:
        logger.warning("dasklens does not record on this scheduler: %s", error)
    try:
        from .announce import announce

        announce(scheduler)
    except Exception as error:
        logger.debug("dasklens cannot announce this scheduler: %s", error)


async def dask_teardown(scheduler: Scheduler) -> None:
    """Called by the scheduler when it begins to close."""
    try:
        from .announce import withdraw

        await withdraw(scheduler)
    except Exception as error:
        logger.debug("dasklens could not withdraw an announcement: %s", error)

"""`distributed.scheduler.preload`: record from the first task on.

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

"""Ask workers through their scheduler: whoever does not answer within reasonable time is named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .said import exception_named

#: Seconds that workers may take to answer, many at once and then one by one.
PATIENCE, LAST_CHANCE = 10.0, 3.0
#: Workers asked in one message.
AT_ONCE = 50


@dataclass
class Replies:
    """What workers said to one message, and who said nothing, with why."""

    said: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Iterable[Replies]) -> Replies:
        """All of them."""
        replies = cls()
        for part in parts:
            replies.said |= part.said
            replies.missing |= part.missing
        return replies


async def ask(
    scheduler: Any,
    message: dict[str, Any],
    workers: list[str],
    kinds: tuple[type, ...] = (dict,),
    patience: float | None = None,
) -> Replies:
    """Send a message to workers and collect what they answer within reasonable time.

    Parameters
    ----------
    kinds : tuple of type
        What an answer may be; whoever sends something else is among the missing.
    patience : float, optional
        Seconds that they may take, many at once; then those who are asked one by one have `LAST_CHANCE`.
    """
    groups = [workers[at : at + AT_ONCE] for at in range(0, len(workers), AT_ONCE)]
    parts = (_ask_group(scheduler, message, group, kinds, patience) for group in groups)
    return Replies.of(await asyncio.gather(*parts))


async def _ask_group(
    scheduler: Any,
    message: dict[str, Any],
    workers: list[str],
    kinds: tuple[type, ...],
    patience: float | None,
) -> Replies:
    try:
        said = await asyncio.wait_for(
            scheduler.broadcast(msg=message, workers=workers, on_error="return_pickle"),
            PATIENCE if patience is None else patience,
        )
    except asyncio.TimeoutError:
        if len(workers) == 1:
            return Replies(missing={workers[0]: "does not answer"})
        # One that is stuck must not cost what the others have to say.
        return Replies.of(
            await asyncio.gather(
                *(_ask_group(scheduler, message, [worker], kinds, LAST_CHANCE) for worker in workers)
            )
        )
    came = {worker: reply for worker, reply in said.items() if isinstance(reply, kinds)}
    return Replies(
        came, {worker: exception_named(said.get(worker)) for worker in workers if worker not in came}
    )


async def ask_one(scheduler: Any, message: dict[str, Any], worker: str) -> Any:
    """What one worker answers, without the envelope of ``run``; None when it does not."""
    try:
        said = await asyncio.wait_for(
            scheduler.broadcast(msg=message, workers=[worker], on_error="ignore"), LAST_CHANCE
        )
    except asyncio.TimeoutError:
        return None
    reply = said.get(worker)
    if isinstance(reply, dict) and "result" in reply and "status" in reply:
        return reply["result"] if reply["status"] == "OK" else None
    return reply

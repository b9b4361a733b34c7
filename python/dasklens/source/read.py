"""Read a stretch of the log once."""

from __future__ import annotations

from typing import Any

from distributed import Client

from .attach import attach, rpc_of


async def cursor(client: Client) -> dict[str, Any]:
    """Attach, and say where the log is now: ``{"log": id, "cursor": n}``."""
    await attach(client)
    now: dict[str, Any] = await rpc_of(client).dasklens_cursor()
    return now


async def read_tasks(client: Client, start: dict[str, Any]) -> tuple[list[bytes], int]:
    """Everything that finished since `start` (what :func:`cursor` gave) until now.

    Returns
    -------
    frames : list of bytes
    missed : int
        Records that the log had to drop in between.
    """
    return await read_tasks_of(rpc_of(client), start)


async def read_tasks_of(scheduler: Any, start: dict[str, Any]) -> tuple[list[bytes], int]:
    """The same on a connection of one's own."""
    end = await scheduler.dasklens_cursor()
    # A scheduler that was started anew counts from nought.
    at = start["cursor"] if start["log"] == end["log"] else 0
    log, until, names = end["log"], end["cursor"], 0
    frames: list[bytes] = []
    missed = 0
    while at < until:
        reply = await scheduler.dasklens_read(cursor=at, names=names, log=log, until=until, max_bytes=4 << 20)
        if reply["log"] != log or reply["next"] <= at:
            break
        frames.extend(reply["frames"])
        names = reply["names"]
        missed += reply["missed"]
        at = reply["next"]
    return frames, missed

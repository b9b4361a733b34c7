"""What a scheduler tells at the end of a recording, as readers unpack it; `scheduler/details.py` packs it."""

from __future__ import annotations

from typing import Any

from .frames import NameBudget

#: Version of the answer.
VERSION = 1
TABLES = ("bandwidth_workers", "bandwidth_types", "fine_metrics")


def unpack_details(reply: Any) -> dict[str, Any]:
    """What a scheduler answered to `dasklens_details`, as plain tables.

    Returns
    -------
    dict
        ``time`` (of the scheduler, seconds since the epoch); ``bandwidth_workers``, ``bandwidth_types`` and
        ``fine_metrics``, each ``{"rows": [[…], …], "of": how many there are}``; ``logs``: ``scheduler`` and,
        in ``workers``, by address, ``{"rows": [[time, level, text], …], "more": whether older ones are left
        out}``, the oldest first, and ``missing``, why those did not answer who did not; ``lost``: workers
        that went with work on them, each ``[time, worker, tasks that it was to run, results that are computed
        again, data that is lost for good]``; ``dropped``: how many things were none of these. Rows are
        ``[receiver, sender, bytes a second]``, ``[type, bytes a second]`` and ``[context, span, span id,
        prefix, activity, unit, value]``.

    Raises
    ------
    ValueError
        When it is something else.
    """
    try:
        if reply["v"] != VERSION:
            raise ValueError(f"version {reply['v']!r}")
        tables: dict[str, list[Any]] = {name: [] for name in TABLES}
        logs: dict[str, list[Any]] = {}
        for piece in reply["packed"]:
            table, name, rows = _unpack(piece)
            (logs.setdefault(name, []) if table == "logs" else tables[table]).extend(rows)
        more = set(reply["more"])
        told = {name: {"rows": rows[::-1], "more": name in more} for name, rows in logs.items()}
        return {
            "time": float(reply["time"]),
            **{name: {"rows": rows, "of": int(reply["of"][name])} for name, rows in tables.items()},
            "logs": {
                "scheduler": told.pop("", {"rows": [], "more": False}),
                "workers": told,
                "missing": dict(_unpack(reply["missing"])),
            },
            # A scheduler of an earlier version does not say.
            "lost": _lost(_unpack(reply["lost"])) if "lost" in reply else [],
            "dropped": int(reply["dropped"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Expected the details of a scheduler, version {VERSION}, got {error}.") from error


def metrics_since(before: list[list[Any]], after: list[list[Any]]) -> list[list[Any]]:
    """The rows of ``fine_metrics`` for the time between two answers: differences, none of them 0."""
    known = {tuple(row[:-1]): row[-1] for row in before}
    found = [[*row[:-1], row[-1] - known.get(tuple(row[:-1]), 0)] for row in after]
    return [row for row in found if row[-1]]


def _lost(rows: Any) -> list[list[Any]]:
    return [[float(at), str(worker), *map(int, lost)] for at, worker, *lost in rows]


def _unpack(data: Any) -> Any:
    return NameBudget().unpack(data)

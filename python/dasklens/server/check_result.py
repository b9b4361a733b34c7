"""What a check says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One result.

    Attributes
    ----------
    name, title : str
        For programs, and for people.
    ok : bool or None
        None: it was not run, and `said` names the reason.
    said : str
        What was found, one sentence or two.
    remedy : str
        What to do, if it is not as it should be.
    copy : str
        What to type, run or set for that.
    about : str
        Which scheduler or address it is about, for people; empty for what concerns all.
    scheduler : str
        The registry's id of it, or empty.
    """

    name: str
    title: str
    ok: bool | None
    said: str
    remedy: str = ""
    copy: str = ""
    about: str = ""
    scheduler: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the browser."""
        return asdict(self)

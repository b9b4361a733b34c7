"""Which schedulers there are: announced, or typed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dasklens.server.target import NotThere, Refusal, Target

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from dasklens.server.config import Dasklens

__all__ = ["Entry", "NotThere", "Refusal", "Registry", "Target"]

Event = Literal["added", "changed", "gone"]
Listener = Callable[[str, "Entry"], None]


@dataclass(eq=False)
class Entry:
    """One scheduler; owned by the registry."""

    id: str
    source: Literal["announced", "typed"]
    name: str = ""
    scheduler_id: str = ""
    scheduler: str = ""
    state: Literal["checking", "reachable", "unreachable", "refused"] = "checking"
    reason: str = ""
    remedy: str = ""
    since: float = 0.0
    target: Target | None = None
    token: str = ""
    recorded: bool | None = None
    dasklens: str = ""
    bokeh: bool | None = None
    kernels: list[str] = field(default_factory=list)
    notebooks: list[dict[str, str]] = field(default_factory=list)
    links: set[tuple[str, int]] = field(default_factory=set)

    def said(self) -> dict[str, Any]:
        """What a browser is told: everything but the token."""
        raise NotImplementedError


class Registry:
    """Every scheduler that is known, and whether it answers."""

    def __init__(self, config: Dasklens, serverapp: ServerApp):
        raise NotImplementedError

    @property
    def entries(self) -> list[Entry]:
        """All entries, oldest first."""
        raise NotImplementedError

    def get(self, id: str) -> Entry | None:
        """The entry of this id."""
        raise NotImplementedError

    def find(self, host: str, port: int) -> Entry | None:
        """The entry that a link with this host and port means (exact match in `Entry.links`)."""
        raise NotImplementedError

    async def scan(self) -> None:
        """Read the folder now, and probe what is new."""
        raise NotImplementedError

    async def add(self, url: str) -> Entry:
        """Take a typed-in dashboard; raises Refusal and changes nothing when it is not one."""
        raise NotImplementedError

    def remove(self, id: str) -> None:
        """Forget a typed-in one; raises KeyError for others."""
        raise NotImplementedError

    async def verify(self, entry: Entry) -> Target:
        """Have it prove itself (again, if the last proof is older than 1 s); raises NotThere."""
        raise NotImplementedError

    def subscribe(
        self, listener: Listener, *, looking: bool = False, on_stop: Callable[[], None] | None = None
    ) -> Callable[[], None]:
        """Be told ("added" | "changed" | "gone", entry) until the returned function is called.

        With `looking`, polling is as fast as while somebody looks; without, hearing costs nothing.
        """
        raise NotImplementedError

    async def start(self) -> None:
        """Begin to look."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Leave no task, socket or timer behind."""
        raise NotImplementedError

"""A registry of the test's own, and what it tells."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from backends import folder_of

from dasklens.server.config import Dasklens
from dasklens.server.registry import Entry, Registry

HERE = socket.gethostname()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path / "runtime"


@pytest.fixture
def place(runtime: Path) -> Path:
    return folder_of(runtime)


@pytest.fixture
def serverapp(runtime: Path) -> SimpleNamespace:
    return SimpleNamespace(log=logging.getLogger("test.registry"), runtime_dir=str(runtime), port=8888)


@pytest.fixture
async def registry(serverapp: SimpleNamespace) -> AsyncIterator[Registry]:
    registry = Registry(Dasklens(poll_interval=0.05), serverapp)
    yield registry
    await registry.stop()


class Heard:
    """What the registry told."""

    def __init__(self, registry: Registry, looking: bool = True):
        self.events: list[tuple[str, str]] = []
        self.unsubscribe = registry.subscribe(self._on_change, looking=looking)

    def _on_change(self, event: str, entry: Entry) -> None:
        self.events.append((event, entry.state))


def only(registry: Registry) -> Entry:
    (entry,) = registry.entries
    return entry


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def states(registry: Registry) -> list[str]:
    return [entry.state for entry in registry.entries]

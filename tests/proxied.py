"""The proxy's handlers on a tornado application of their own, before a registry that believes everything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hostile import Got
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from waiting import until_async

from dasklens.server.capability import Capabilities, Capability
from dasklens.server.headers import ALWAYS
from dasklens.server.proxy import ProxyHandler
from dasklens.server.registry import Entry
from dasklens.server.routes import ROUTES
from dasklens.server.target import NotThere, Target

BASE_URL = "/user/some one%40/"  # as a hub makes it of a name


#: What an answer may have, whatever the backend sends.
KNOWN = {name.lower() for name in ALWAYS} | {
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "server",
    "transfer-encoding",
}


@dataclass
class Believing:
    """Takes the place of the registry."""

    entries: dict[str, Entry] = field(default_factory=dict)
    trouble: NotThere | None = None
    verified: int = 0

    def get(self, id: str) -> Entry | None:
        return self.entries.get(id)

    async def verify(self, entry: Entry) -> Target:
        self.verified += 1
        if self.trouble is not None:
            raise self.trouble
        assert entry.target is not None
        return entry.target


@dataclass
class Config:
    pages: bool = True


@dataclass
class Proxied:
    """An application with one scheduler, and the capability for it. It is the handlers' extension too."""

    port: int
    capabilities: Capabilities
    registry: Believing = field(default_factory=Believing)
    config: Config = field(default_factory=Config)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("dasklens.test"))
    #: Whether the proxy itself is behind TLS.
    tls: bool = False
    #: Of all capabilities so far; to be found in no log.
    secrets: list[str] = field(default_factory=list)

    def know(self, port: int, prefix: str = "/", id: str = "one", tls: str = "", **more: Any) -> Capability:
        """Let there be a scheduler on this port."""
        target = Target("https" if tls else "http", "127.0.0.1", port, prefix, tls)
        self.registry.entries[id] = Entry(id, "announced", target=target, state="reachable", **more)
        capability = self.capabilities.mint(id)
        self.secrets.append(capability.secret)
        return capability


def root(capability: Capability) -> str:
    """Path of a capability."""
    return f"{BASE_URL}dasklens/page/{capability.secret}/".replace(" ", "%20")


@contextlib.asynccontextmanager
async def proxied(lifetime: float = 60.0, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxied]:
    """Serve `ProxyHandler` below `BASE_URL`; afterwards no task and no file descriptor is left."""
    path = next(route.path for route in ROUTES if route.handler is ProxyHandler)
    tasks, descriptors = asyncio.all_tasks(), open_descriptors()
    sock, port = bind_unused_port()
    world = Proxied(port, Capabilities(lifetime), tls=tls is not None)
    base = BASE_URL.replace(" ", "%20")
    app = Application([(base + path, ProxyHandler)], dasklens=world, xsrf_cookies=True)
    server = HTTPServer(app, ssl_options=tls)
    server.add_socket(sock)
    try:
        yield world
    finally:
        world.capabilities.close()
        server.stop()
        await server.close_all_connections()
    ours = tasks | {asyncio.current_task()}
    await until_async(lambda: asyncio.all_tasks() <= ours, "the end of all tasks")
    await until_async(lambda: open_descriptors() <= descriptors, "the end of all connections")


def open_descriptors() -> int:
    """File descriptors of this process."""
    return len(os.listdir("/dev/fd"))


def is_protected(got: Got) -> bool:
    """Whether an answer has what everything under a capability has."""
    rules = (got["Content-Security-Policy"] or "").split("; ")
    return (
        {name for name, _ in got.headers} <= KNOWN
        and all(got[name] == value for name, value in ALWAYS.items())
        and ("sandbox" in rules or "sandbox allow-scripts" in rules)
        and {"form-action 'none'", "frame-ancestors 'self'", "base-uri 'none'"} <= set(rules)
    )


@pytest.fixture
async def world(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Proxied]:
    """A proxy that leaves no task, no descriptor, and no secret in a log."""
    caplog.set_level(logging.DEBUG)
    async with proxied() as world:
        yield world
    assert world.secrets
    for secret in world.secrets:
        assert secret not in caplog.text

"""TLS on either side of the proxy: dashboards over HTTPS, and a Jupyter server that serves HTTPS itself."""

from __future__ import annotations

import ssl

import pytest
from backends import CERTIFICATE
from hostile import backend, exchange, reply
from proxied import Proxied, is_protected, proxied, root
from sockets import echo, ended, opened


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's certificate that only itself vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    return context


async def test_a_page_over_tls(world: Proxied, tls: ssl.SSLContext) -> None:
    large = b"x" * (5 << 20)
    async with backend(reply(large), tls) as dask:
        got = await exchange(world.port, root(world.know(dask.port, tls="self-signed")) + "x")
        assert (got.status, got.body == large, is_protected(got)) == (200, True, True)


async def test_a_certificate_that_nobody_vouches_for_shows_nothing(
    world: Proxied, tls: ssl.SSLContext
) -> None:
    async with backend(reply(b"evil"), tls) as dask:
        capability = world.know(dask.port, tls="verified")
        for headers in [{}, {"Upgrade": "websocket"}]:
            got = await exchange(world.port, root(capability) + "x", headers)
            assert got.status in (400, 502)
            assert b"evil" not in got.body
        assert dask.asked == []


@pytest.mark.parametrize("where", ["scheduler", "jupyter", "both"])
async def test_websockets_over_tls(tls: ssl.SSLContext, where: str) -> None:
    jupyter, scheduler = where != "scheduler", where != "jupyter"
    async with (
        proxied(tls=tls if jupyter else None) as world,
        echo(tls if scheduler else None) as (port, _),
    ):
        capability = world.know(port, "/x/", tls="self-signed" if scheduler else "")
        socket = await opened(world, root(capability) + "ws")
        for message in [b"", b"x", b"y" * 65536, b"z" * (5 << 20)]:
            await socket.write_message(message, binary=True)
            assert await socket.read_message() == message
        world.capabilities.revoke("one")
        assert await ended(socket) == (1008, "The scheduler of this address has gone.")

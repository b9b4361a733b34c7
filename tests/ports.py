"""Addresses at which nothing listens."""

from __future__ import annotations

import socket

import pytest


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def address_of_this_machine() -> str:
    """Not a loopback one; what is sent there does not leave the machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # of a datagram socket: nothing is sent
        except OSError:
            pytest.skip("this machine has loopback only")
        address: str = sock.getsockname()[0]
        return address

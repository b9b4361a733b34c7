"""Who listens at a port of this machine, and that nobody else's program there is asked anything."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from backends import TOKEN, Toy, announcement, write
from hostile import backend, exchange, reply
from proxied import Proxied, root
from registries import closed_port, only
from traitlets import TraitError

from dasklens.server import check_steps, listener
from dasklens.server import dial as dial_module
from dasklens.server.allowed import Allowed
from dasklens.server.config import Dasklens
from dasklens.server.dial import dial
from dasklens.server.entries import Entry, Place
from dasklens.server.finding import Finder
from dasklens.server.listener import Listener, answers, listening, parse, reached, strangers
from dasklens.server.probe import Expected, look
from dasklens.server.registry import NotThere, Registry
from dasklens.server.target import Target

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000"
#: As Linux writes them: 127.0.0.1:8787 of 1000, 0.0.0.0:22 of root, a connection, 10.0.0.5:8787 of 1001.
TCP = HEADING + "".join(
    [
        f"   0: 0100007F:2253 00000000:0000 0A {REST}  1000        0 4711 1 0000000000000000 100 0 0 10 0\n",
        f"   1: 00000000:0016 00000000:0000 0A {REST}     0        0 12 1 0000000000000000 100 0 0 10 0\n",
        f"   2: 0100007F:2253 0100007F:C001 01 {REST}  1002        0 4713 1 0000000000000000 20 4 30 10 -1\n",
        f"   3: 0500000A:2253 00000000:0000 0A {REST}  1001        0 4712 1 0000000000000000 100 0 0 10 0\n",
    ]
)
#: [::1]:8787, [::]:8788, [::ffff:127.0.0.1]:8789, [2001:db8::5]:8787.
TCP6 = HEADING + "".join(
    f"   0: {host}:{port:04X} {'0' * 32}:0000 0A {REST}  {uid}        0 {inode} 1 0000000000000000\n"
    for host, port, uid, inode in [
        ("0" * 24 + "01000000", 8787, 1000, 1),
        ("0" * 32, 8788, 1001, 2),
        ("0000000000000000FFFF00000100007F", 8789, 1002, 3),
        ("B80D0120" + "0" * 16 + "05000000", 8787, 1003, 4),
    ]
)


def at(port: int, host: str = "127.0.0.1") -> Target:
    return Target("http", host, port, "/")


def test_a_table_of_ipv4() -> None:
    assert list(parse(TCP.splitlines(), "little")) == [
        Listener(ip_address("127.0.0.1"), 8787, 1000, 4711),
        Listener(ip_address("0.0.0.0"), 22, 0, 12),
        Listener(ip_address("10.0.0.5"), 8787, 1001, 4712),
    ]


def test_a_table_of_ipv6() -> None:
    hosts = ["::1", "::", "127.0.0.1", "2001:db8::5"]
    assert [str(it.host) for it in parse(TCP6.splitlines(), "little")] == hosts
    assert [it.port for it in parse(TCP6.splitlines(), "little")] == [8787, 8788, 8789, 8787]


def test_a_table_of_a_machine_with_the_other_byte_order() -> None:
    big = TCP.replace("0100007F", "7F000001").replace("0500000A", "0A000005")
    assert list(parse(big.splitlines(), "big")) == list(parse(TCP.splitlines(), "little"))


@pytest.mark.parametrize("text", ["sl\nwhat is this\n", "sl\n 0: X:1 0:0 0A a b c d e f\n", "sl\n0: 1 2\n"])
def test_what_is_no_table_is_not_believed(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(parse(text.splitlines()))


@pytest.mark.parametrize(
    ("host", "port", "uids"),
    [
        ("127.0.0.1", 8787, {1000}),
        ("127.0.0.2", 8787, set()),
        ("10.0.0.5", 8787, {1001}),
        ("10.0.0.5", 22, {0}),
        ("127.0.0.1", 8788, {1001}),  # :: takes IPv4 too
        ("::1", 8788, {1001}),
        ("127.0.0.1", 8789, {1002}),  # ::ffff:127.0.0.1
        ("::ffff:127.0.0.1", 8787, {1000}),
        ("::1", 8787, {1000}),
        ("::1", 22, set()),
        ("2001:db8::5", 8787, {1003}),
        ("127.0.0.1", 9999, set()),
    ],
)
def test_which_sockets_an_address_reaches(host: str, port: int, uids: set[int]) -> None:
    table = [*parse(TCP.splitlines(), "little"), *parse(TCP6.splitlines(), "little")]
    assert {it.uid for it in reached(table, host, port)} == uids


def test_whose_program_may_listen() -> None:
    me = os.geteuid()
    sockets = [Listener(ip_address("::"), 1, uid, uid) for uid in (me, 0, me + 7, me + 5, me + 7)]
    assert strangers(sockets) == [me + 5, me + 7]
    assert strangers(sockets, {me + 5}) == [me + 7]
    assert strangers(sockets[:2]) == []


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="who listens can be seen on Linux only")


@pytest.fixture(params=["asked", "looked up"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of knowing."""
    way: str = request.param
    if way == "looked up":

        def silent(port: int) -> list[Listener]:
            raise OSError

        monkeypatch.setattr(listener, "_asked", silent)
    else:
        monkeypatch.setattr(listener, "TABLES", ())
    return way


@LINUX
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"])
def test_this_machine_says_who_listens(way: str, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        port = sock.getsockname()[1]
        assert listening(port) == []
        sock.listen()
        (found,) = listening(port) or []
        assert (found.port, found.uid, found.inode) == (port, os.geteuid(), os.fstat(sock.fileno()).st_ino)
        assert reached([found], "::1" if host == "::1" else "127.0.0.1", port)
        assert found.host == (ip_address("127.0.0.1") if "ffff" in host else ip_address(host))
    assert listening(port) == []


def test_it_is_not_known_where_the_machine_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(port: int) -> list[Listener]:
        raise OSError

    monkeypatch.setattr(listener, "_asked", silent)
    monkeypatch.setattr(listener, "TABLES", ("/proc/there/is/no/such/table",))
    assert listening(8787) is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert listening(8787) is None


@pytest.mark.parametrize("data", [b"\x00" * 16, b"\x10", (20).to_bytes(4, sys.byteorder) + b"\x00" * 16])
def test_an_answer_that_is_none_is_not_believed(data: bytes) -> None:
    with pytest.raises((OSError, struct.error)):
        list(answers(data))


# -- connecting --------------------------------------------------------------------------------------


class Table:
    """Stands for the kernel's: says of ports what the test wants, of others the truth."""

    def __init__(self) -> None:
        self.owners: dict[int, int] = {}
        self.looks = 0

    def listening(self, port: int) -> list[Listener] | None:
        self.looks += 1
        if port in self.owners:
            return [Listener(ip_address("127.0.0.1"), port, self.owners[port], 99)]
        return listening(port)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    table = Table()
    monkeypatch.setattr(dial_module.listener, "listening", table.listening)
    yield table
    monkeypatch.undo()


#: Nobody has this id.
STRANGER = 54321


async def test_a_strangers_listener_is_not_even_connected(table: Table) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        await look(at(toy.port), Expected("Scheduler-toy", (TOKEN,)), thorough=True)
        toy.asked.clear()
        table.owners[toy.port] = STRANGER
        with pytest.raises(NotThere, match=f"port {toy.port} .* listens a program of user 54321") as refused:
            await look(at(toy.port), Expected("Scheduler-toy", (TOKEN,)), thorough=True)
        assert refused.value.state == "refused"
        assert 'trusted_users = ["54321"]' in refused.value.remedy
        assert toy.asked == []
        trusting = replace(at(toy.port), trusted=frozenset({STRANGER}))
        assert await look(trusting, Expected("Scheduler-toy", (TOKEN,)), thorough=True)


@LINUX
async def test_who_takes_the_port_while_it_is_connected_is_told_nothing(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        ours = table.listening

        def changes(port: int) -> list[Listener] | None:
            found = ours(port)
            table.owners[port] = STRANGER
            return found

        monkeypatch.setattr(dial_module.listener, "listening", changes)
        with pytest.raises(NotThere, match="user 54321"):
            await look(at(toy.port), Expected("Scheduler-toy", (TOKEN,)), thorough=True)
        # One of ours that is another one is asked the next time.
        table.owners.clear()
        found = [[Listener(ip_address("127.0.0.1"), toy.port, os.geteuid(), n)] for n in (1, 2)]
        monkeypatch.setattr(dial_module.listener, "listening", lambda port: found.pop())
        with pytest.raises(NotThere, match="changed just now") as refused:
            await look(at(toy.port), Expected("Scheduler-toy", (TOKEN,)), thorough=True)
        assert refused.value.state == "unreachable"
        assert toy.asked == []


async def test_what_nobody_of_this_machine_listens_to_is_not_asked_on_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dial_module.listener, "listening", lambda port: [])
    async with Toy().serve() as toy:
        with pytest.raises(NotThere, match="rules of its network lead elsewhere"):
            await look(at(toy.port), Expected(), thorough=True)
        assert toy.asked == []


async def test_where_it_cannot_be_known_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module.listener, "listening", lambda port: None)
    async with Toy().serve() as toy:
        assert await look(at(toy.port), Expected(), thorough=True)


async def test_another_machine_is_not_looked_at(table: Table) -> None:
    """Its ports are not in the tables of this one."""
    with pytest.raises((OSError, asyncio.TimeoutError)):
        await asyncio.wait_for(dial(at(1, "192.0.2.77")), 0.05)
    assert table.looks == 0


async def test_a_page_of_a_port_that_a_stranger_has_got_by_now_is_not_opened(
    world: Proxied, table: Table
) -> None:
    async with backend(reply(b"a page")) as toy:
        capability = world.know(toy.port)
        assert (await exchange(world.port, root(capability) + "status")).body == b"a page"
        asked = len(toy.asked)
        table.owners[toy.port] = STRANGER
        # It was proved a moment ago: the registry of this test believes anything.
        assert (await exchange(world.port, root(capability) + "status")).status == 502
        assert len(toy.asked) == asked


LISTENS = """
import os, socket, sys
os.seteuid(int(sys.argv[1]))
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
async def test_another_users_program_is_seen_to_be_one(way: str) -> None:
    command = [sys.executable, "-c", LISTENS, str(STRANGER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with pytest.raises(NotThere, match=f"port {port} .* user {STRANGER}"):
            await dial(at(port))
        (await dial(replace(at(port), trusted=frozenset({STRANGER})))).close()
        process.communicate()


# -- the registry ------------------------------------------------------------------------------------


async def test_a_relay_at_the_end_of_a_tunnel_that_is_none_learns_nothing(
    registry: Registry, place: Path, table: Table
) -> None:
    """A stranger on the login node listens where an ``ssh -L`` would, and asks the real one for the proof."""
    async with Toy(token=TOKEN).serve() as relay:
        far = {"host": "node7", "link_host": "192.0.2.5", "hosts": ("127.0.0.1",), "token": TOKEN}
        write(place, announcement(relay.port, **far))
        table.owners[relay.port] = STRANGER
        await registry.scan()
        assert only(registry).state == "unreachable"
        assert relay.asked == []
        # It is ours: then it is the end of a tunnel.
        table.owners.clear()
        assert await registry.verify(only(registry))
        assert only(registry).recorded


async def test_what_a_stranger_has_here_is_refused_by_name_of_the_port(
    registry: Registry, place: Path, table: Table
) -> None:
    async with Toy(token=TOKEN).serve() as relay:
        write(place, announcement(relay.port, token=TOKEN))
        table.owners[relay.port] = STRANGER
        await registry.scan()
        entry = only(registry)
        assert entry.state == "refused"
        assert str(relay.port) in entry.reason
        assert "trusted_users" in entry.remedy
        assert relay.asked == []


async def test_the_checks_name_the_port_and_what_to_do(table: Table) -> None:
    async with Toy(token=TOKEN).serve() as relay:
        table.owners[relay.port] = STRANGER
        entry = Entry("0" * 16, "announced", scheduler_id="Scheduler-toy", tokens=(TOKEN,))
        entry.places = [Place("http", "127.0.0.1", relay.port, "/")]
        checks = await check_steps.check(entry, Finder(set, "", "here"), Allowed())
        (port,) = [check for check in checks if check.name == "port"]
        assert port.ok is False
        assert f"port {relay.port}" in port.said
        assert "trusted_users" in port.remedy
        assert relay.asked == []


async def test_after_a_tunnel_the_schedulers_own_address_is_tried_first_again(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was busy for a moment; who listens where a tunnel would end is not to be asked for ever."""
    async with Toy(token=TOKEN).serve() as near:
        port = near.port
        far = {"host": "node7", "link_host": "192.0.2.5", "token": TOKEN}
        write(place, announcement(port, hosts=("127.0.0.1", "127.0.0.2"), **far))
        await registry.scan()
        entry = only(registry)
        assert entry.target is not None
        assert entry.target.host in ("127.0.0.1", "127.0.0.2")
        real = Target("http", "127.0.0.1", closed_port(), "/")

        async def targets(*_: object) -> list[Target]:
            return [real]

        monkeypatch.setattr(registry._finder, "targets", targets)
        entry.proved = float("-inf")
        assert (await registry.verify(entry)).port == port
        async with Toy(token=TOKEN).serve(port=real.port):
            entry.proved = float("-inf")
            assert (await registry.verify(entry)).port == real.port


async def test_an_address_that_was_typed_in_for_one_that_is_there_has_to_prove_itself_too(
    registry: Registry, place: Path
) -> None:
    async with Toy(token=TOKEN).serve() as real, Toy("Scheduler-toy", token="b2" * 32).serve() as other:
        write(place, announcement(real.port, token=TOKEN))
        await registry.scan()
        entry = only(registry)
        assert entry.target is not None
        with pytest.raises(Exception, match="is not this scheduler"):
            await registry.add(f"http://127.0.0.1:{other.port}/status")
        assert (entry.typed, entry.state) == ({}, "reachable")
        assert registry.find("127.0.0.1", other.port) is None
        async with Toy(token=TOKEN).serve() as tunnel:
            assert await registry.add(f"http://127.0.0.1:{tunnel.port}/status") is entry
            assert "/dasklens/proof" in tunnel.paths()
        assert len(entry.typed) == 1


def test_users_who_are_trusted_are_names_or_ids() -> None:
    config = Dasklens(trusted_users=[getpass.getuser(), 12345, "12346"])
    assert config.trusted_ids == {os.getuid(), 12345, 12346}
    with pytest.raises(TraitError, match=r"should be names or ids of users .*, got 'nobody here'"):
        Dasklens(trusted_users=["nobody here"])

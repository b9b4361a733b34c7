"""The registry: who is announced, in which state, and why."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backends import TOKEN, Toy, announcement, response, silent, write
from registries import HERE, Heard, closed_port, only, states
from waiting import until_async

import dasklens
from dasklens.server import entries, finding
from dasklens.server import registry as registry_module
from dasklens.server.check_words import user
from dasklens.server.config import Dasklens
from dasklens.server.registry import Entry, NotThere, Registry
from dasklens.server.target import Target
from dasklens.wire.announcement import pack


async def test_what_is_announced_is_there_until_it_is_withdrawn(registry: Registry, place: Path) -> None:
    heard = Heard(registry)
    async with Toy(token=TOKEN).serve() as toy:
        path = write(place, announcement(toy.port, token=TOKEN, kernel="k1"))
        await registry.scan()
        entry = only(registry)
        assert registry.get(entry.id) is entry
        assert heard.events == [("added", "checking"), ("changed", "reachable")]
        assert entry.target == Target("http", "127.0.0.1", toy.port, "/")
        assert (entry.recorded, entry.dasklens, entry.bokeh, entry.token) == (True, "0.1.0", True, TOKEN)
        said = entry.said()
        assert json.loads(json.dumps(said)) == said
        assert said["address"] == f"http://127.0.0.1:{toy.port}/"
        assert (said["name"], said["host"], said["kernels"]) == ("toy", HERE, ["k1"])
        assert TOKEN not in json.dumps(said) + repr(entry) + repr(vars(registry))
        path.unlink()
        await registry.scan()
        assert registry.entries == []
        assert registry.get(entry.id) is None
        assert heard.events[2:] == [("gone", "reachable")]
        with pytest.raises(NotThere, match="has gone"):
            await registry.verify(entry)
    heard.unsubscribe()
    assert not registry.looked_at


async def test_an_id_is_the_same_after_a_restart_of_jupyter(
    registry: Registry, serverapp: SimpleNamespace, place: Path
) -> None:
    async with Toy().serve() as toy, Toy("Scheduler-typed").serve() as typed:
        write(place, announcement(toy.port))
        ids = []
        for each in (registry, Registry(Dasklens(), serverapp)):
            await each.scan()
            await each.add(f"http://127.0.0.1:{typed.port}/status")
            ids.append([entry.id for entry in each.entries])
            await each.stop()
    assert ids[0] == ids[1]
    assert all(len(id) == 16 and int(id, 16) for id in ids[0])
    assert len(set(ids[0])) == 2


async def test_all_who_speak_of_a_scheduler_speak_of_one(registry: Registry, place: Path) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        # A kernel that uses it knew no token yet, and calls it nothing.
        kernel = write(place, announcement(toy.port, name="", kernel="k2", link_host="10.0.0.5", started=5.0))
        await registry.scan()
        entry = only(registry)
        assert (entry.recorded, entry.name) == (False, "tcp://127.0.0.1:8786")
        write(place, announcement(toy.port, token=TOKEN, kernel="k1", hosts=("127.0.0.1", "::1")))
        write(place, announcement(toy.port, token="b2" * 32, name="older", kernel="k1", started=0.5))
        await registry.scan()
        await registry.verify(entry)
        assert only(registry) is entry
        assert (entry.recorded, entry.token, entry.name) == (True, TOKEN, "toy")
        assert entry.kernels == ["k2", "k1"]
        for host in ("127.0.0.1", "::1", "[::1]", "10.0.0.5", "localhost", "LOCALHOST"):
            assert registry.find(host, toy.port) is entry
        for host, port in (("127.0.0.1", 1), ("127.0.0.2", toy.port), ("", toy.port), ("10.0.0.5", 0)):
            assert registry.find(host, port) is None
        kernel.unlink()
        await registry.scan()
        assert only(registry).kernels == ["k1"]
        assert registry.find("10.0.0.5", toy.port) is None


async def test_a_plain_scheduler_that_begins_to_record_is_recorded(registry: Registry, place: Path) -> None:
    async with Toy().serve() as toy:
        path = write(place, announcement(toy.port))
        await registry.scan()
        entry = only(registry)
        assert entry.recorded is False
        toy.token = TOKEN
        write(place, announcement(toy.port, token=TOKEN), path.name)
        await registry.scan()
        await registry.verify(entry)
        assert (entry.recorded, entry.token) == (True, TOKEN)


async def test_whoever_has_the_port_of_a_scheduler_is_not_it(registry: Registry, place: Path) -> None:
    heard = Heard(registry)
    async with Toy("Scheduler-toy", token="b2" * 32).serve() as other:
        write(place, announcement(other.port, token=TOKEN))
        await registry.scan()
        entry = only(registry)
        assert (entry.state, entry.target, entry.recorded) == ("refused", None, None)
        assert "is not this scheduler" in entry.reason
        assert entry.remedy
        with pytest.raises(NotThere) as refused:
            await registry.verify(entry)
        assert refused.value.state == "refused"
        assert TOKEN not in str([asked.headers for asked in other.asked])
        assert set(other.paths()) == {"/dasklens/proof"}
    assert heard.events[:2] == [("added", "checking"), ("changed", "refused")]


async def test_another_plain_scheduler_after_a_restart_is_not_it(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Toy().serve() as toy:
        write(place, announcement(toy.port))
        await registry.scan()
        entry = only(registry)
        assert entry.state == "reachable"
        toy.ident = "Scheduler-next"
        monkeypatch.setattr(finding, "IDENTIFIED_FOR", 0.0)
        monkeypatch.setattr(registry_module, "PROVED_FOR", 0.0)
        with pytest.raises(NotThere, match="is not this scheduler"):
            await registry.verify(entry)
        assert (entry.state, entry.target) == ("refused", None)
        # It announces itself, and is another entry.
        write(place, announcement(toy.port, scheduler_id="Scheduler-next"))
        await registry.scan()
        assert states(registry) == ["refused", "reachable"]
        # The link means the one that answers.
        assert registry.find("127.0.0.1", toy.port) is registry.entries[1]


async def test_where_it_is_announced_is_tried_in_order_and_loopback_first(
    registry: Registry, place: Path
) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN, hosts=("127.5.4.3", "127.0.0.1", HERE)))
        await registry.scan()
        assert only(registry).target == Target("http", "127.0.0.1", toy.port, "/")
        assert [place.host for place in only(registry).places] == ["127.5.4.3", "127.0.0.1"]


async def test_jupyters_own_port_is_no_dashboard_whoever_announces_it(
    registry: Registry, serverapp: SimpleNamespace, place: Path
) -> None:
    async with Toy().serve() as toy:
        serverapp.port = toy.port
        write(place, announcement(toy.port))
        await registry.scan()
        entry = only(registry)
        assert entry.state == "refused"
        assert "one of Jupyter itself" in entry.reason
        assert toy.asked == []


@pytest.mark.parametrize("host", ["169.254.169.254", "224.0.0.1", "255.255.255.255", "fe80::1%eth0"])
async def test_where_nothing_can_be_nothing_is_looked_for(registry: Registry, place: Path, host: str) -> None:
    write(place, announcement(80, hosts=(host,)))
    await registry.scan()
    assert only(registry).state in ("refused", "unreachable")
    assert only(registry).target is None


async def test_a_scheduler_without_http_server(registry: Registry, place: Path) -> None:
    write(place, announcement(0, scheme="", hosts=()))
    await registry.scan()
    entry = only(registry)
    assert entry.state == "unreachable"
    assert "no HTTP server" in entry.reason
    assert "--dashboard-address" in entry.remedy
    assert entry.said()["address"] == ""


async def test_a_scheduler_on_loopback_of_another_machine(registry: Registry, place: Path) -> None:
    port = closed_port()
    write(
        place,
        announcement(port, token=TOKEN, host="node7", scheduler="tcp://10.0.0.5:1", link_host="10.0.0.5"),
    )
    await registry.scan()
    entry = only(registry)
    assert entry.state == "unreachable"
    assert "loopback of node7 only" in entry.reason
    assert f"ssh -N -L {port}:127.0.0.1:{port} {user()}@node7" in entry.remedy
    assert f"--dashboard-address :{port}" in entry.remedy
    assert not entry.here
    # Somebody else's dashboard at that port is not it, and makes no difference to what is said.
    async with Toy("Scheduler-other", token="b2" * 32).serve(port=port):
        with pytest.raises(NotThere, match="loopback of node7 only"):
            await registry.verify(entry)
    # The user does as told: it is found.
    async with Toy(token=TOKEN).serve(port=port):
        assert (await registry.verify(entry)).host == "127.0.0.1"
        assert entry.state == "reachable"


async def test_what_an_announcement_says_ends_in_no_shell(registry: Registry, place: Path) -> None:
    """Lines to copy are made of hosts that others chose."""
    evil = "-oProxyCommand=touch${IFS}x"
    far = {"scheduler": "tcp://10.0.0.5:1", "link_host": "10.0.0.5"}
    write(place, pack(announcement(closed_port(), host="node7", **far)).replace(b"node7", evil.encode()))
    await registry.scan()
    assert registry.entries == []
    # Nor by another way.
    entry = Entry("0" * 16, "announced", host=evil, here=False)
    entry.places = [entries.Place("http", "192.0.2.5;x", 8787, "/")]
    remedy = registry._finder._explained(entry, NotThere("")).remedy
    assert f"ssh -N -L 8787:127.0.0.1:8787 {user()}@HOST, and" in remedy
    assert ";x" not in remedy


async def test_a_scheduler_that_another_machine_cannot_be_reached_for(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(target: Target, *_: Any, **__: Any) -> Any:
        raise NotThere(f"No answer from {target.authority}.")

    monkeypatch.setattr(finding, "look", look)
    far = {"host": "node7", "link_host": "192.0.2.5", "token": TOKEN}
    write(place, announcement(8787, hosts=("192.0.2.5",), prefix="/x/", **far))
    await registry.scan()
    entry = only(registry)
    assert entry.reason == "No answer from 192.0.2.5:8787."
    assert f"ssh -N -L 8787:192.0.2.5:8787 {user()}@node7" in entry.remedy
    assert "type in http://127.0.0.1:8787/x/status" in entry.remedy


async def test_a_machines_name_is_resolved_where_it_is_another_machines(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    tried: list[tuple[str, str]] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.1.1", "169.254.1.1", "192.0.2.5")]

    async def look(target: Target, *_: Any, **__: Any) -> Any:
        tried.append((target.host, target.name))
        raise NotThere("No.")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(finding, "look", look)
    write(place, announcement(8787, hosts=("node7",), host="node7", link_host="192.0.2.5"))
    await registry.scan()
    for _ in range(3):
        with pytest.raises(NotThere):
            await registry.verify(only(registry))
    # Its name may mean loopback of this machine, where it is not. It is asked for every now and then only.
    assert set(tried) == {("192.0.2.5", "node7")}
    assert asked == ["node7"]


async def test_a_kernel_here_that_uses_a_scheduler_elsewhere_is_not_its_machine(
    registry: Registry, place: Path
) -> None:
    port = closed_port()
    write(place, announcement(port, token=TOKEN, link_host="192.0.2.5", hosts=("127.0.0.1",)))
    await registry.scan()
    assert not only(registry).here


@pytest.mark.parametrize(
    ("protocol", "old"),
    [(2, "the environment of the Jupyter server"), (0, "the environment of the scheduler")],
)
async def test_versions_that_do_not_fit_name_both_sides(
    registry: Registry, place: Path, protocol: int, old: str
) -> None:
    async with Toy(token=TOKEN, protocol=protocol, version="9.9.9").serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        await registry.scan()
        entry = only(registry)
        assert entry.state == "reachable"
        assert f"dasklens 9.9.9 (protocol {protocol})" in entry.reason
        assert f"dasklens {dasklens.__version__} (protocol 1)" in entry.reason
        assert old in entry.remedy
        # A quick look later does not forget it.
        entry.proved = float("-inf")
        await registry.verify(entry)
        assert old in entry.remedy
        assert entry.dasklens == "9.9.9"


async def test_a_file_that_was_left_behind_is_no_scheduler(registry: Registry, place: Path) -> None:
    path = write(place, announcement(closed_port()))
    old = time.time() - 2 * 3600
    os.utime(path, (old, old))
    await registry.scan()
    assert registry.entries == []
    os.utime(path)
    await registry.scan()
    assert only(registry).state == "unreachable"


async def test_silence_is_told_and_after_a_while_it_is_gone(
    registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.monotonic
    ahead = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + ahead[0])
    async with Toy(token=TOKEN).serve() as toy:
        path = write(place, announcement(toy.port, token=TOKEN))
        await registry.scan()
        entry = only(registry)
        ahead[0] += 700
        await registry.scan()
        # What answers is there, however silent the file.
        assert (await registry.verify(entry)).port == toy.port
    ahead[0] += 2
    with pytest.raises(NotThere, match="nothing is heard either"):
        await registry.verify(entry)
    await registry.scan()
    assert registry.entries == []
    os.utime(path)
    await registry.scan()
    assert only(registry).state == "unreachable"
    assert "nothing is heard" not in only(registry).reason


async def test_a_process_that_was_killed_has_ended_without_a_word(registry: Registry, place: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write(place, announcement(closed_port(), pid=dead.pid))
    await registry.scan()
    assert "has ended without a word" in only(registry).reason
    # On another machine a pid says nothing.
    write(place, announcement(closed_port(), pid=dead.pid, host="node7", scheduler_id="Scheduler-far"))
    await registry.scan()
    assert "ended" not in registry.entries[1].reason


async def test_links_that_mean_several_mean_the_one_that_is_here(registry: Registry, place: Path) -> None:
    async with Toy("Scheduler-here", token=TOKEN).serve() as toy:
        far = {"token": "b2" * 32, "host": "node7", "scheduler_id": "Scheduler-far", "link_host": "127.0.0.1"}
        write(place, announcement(toy.port, **far), "a.json")
        write(place, announcement(toy.port, token=TOKEN, scheduler_id="Scheduler-here"), "b.json")
        await registry.scan()
        found = registry.find("127.0.0.1", toy.port)
        assert found is not None
        assert found.scheduler_id == "Scheduler-here"


# -- verified --------------------------------------------------------------------------------------


async def test_a_proof_holds_a_second_and_those_who_ask_share_one(registry: Registry, place: Path) -> None:
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        await registry.scan()
        entry = only(registry)
        toy.asked.clear()
        await registry.verify(entry)
        assert toy.asked == []
        entry.proved -= registry_module.PROVED_FOR + 0.1
        targets = await asyncio.gather(*(registry.verify(entry) for _ in range(20)))
        assert set(targets) == {entry.target}
        assert toy.paths() == ["/dasklens/proof"]


async def test_who_stops_asking_leaves_the_others_their_answer(registry: Registry, place: Path) -> None:
    go = asyncio.Event()
    async with Toy(token=TOKEN).serve() as toy:
        write(place, announcement(toy.port, token=TOKEN))
        await registry.scan()
        entry = only(registry)

        async def wait(asked: Any, writer: asyncio.StreamWriter) -> None:
            await go.wait()
            writer.write(response(200, toy.body(asked)))

        toy.odd["dasklens/proof"] = wait
        entry.proved = float("-inf")
        one, other = (asyncio.ensure_future(registry.verify(entry)) for _ in range(2))
        await until_async(lambda: len(toy.paths()) == 5, "the question")
        one.cancel()
        go.set()
        assert (await other).port == toy.port
        assert one.cancelled()


async def test_a_scheduler_that_goes_while_it_is_asked(registry: Registry, place: Path) -> None:
    async with Toy(odd={"*": silent}).serve() as toy:
        path = write(place, announcement(toy.port))
        scanning = asyncio.ensure_future(registry.scan())
        await until_async(lambda: bool(toy.asked), "the question")
        entry = only(registry)
        asking = asyncio.ensure_future(registry.verify(entry))
        await asyncio.sleep(0)
        path.unlink()
        await registry._read()
        toy.odd.clear()
        await end_of_probe(entry)
        with pytest.raises(NotThere, match="has gone"):
            await asking
        await scanning
        assert entry.target is None


async def end_of_probe(entry: Entry) -> None:
    """End the probe that is under way as its time-out would."""
    assert entry.probing is not None
    entry.probing.cancel()
    await asyncio.wait([entry.probing])

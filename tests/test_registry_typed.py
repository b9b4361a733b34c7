"""The registry: dashboards that were typed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backends import TOKEN, Asked, Toy, announcement, saying, write
from registries import Heard, closed_port, only

from dasklens.server import finding, probe
from dasklens.server import registry as registry_module
from dasklens.server.registry import NotThere, Refusal, Registry


async def test_a_typed_in_dashboard_is_there_until_it_is_removed(registry: Registry) -> None:
    heard = Heard(registry)
    async with Toy(prefix="/x/").serve() as toy:
        entry = await registry.add(f"localhost:{toy.port}/x/status")
        assert only(registry) is entry
        assert (entry.source, entry.state, entry.recorded, entry.bokeh) == ("typed", "reachable", False, True)
        assert entry.name == "tcp://10.9.8.7:8786"
        assert entry.said()["address"] == f"http://localhost:{toy.port}/x/"
        assert await registry.verify(entry) == entry.target
        # Its own link, and that of a client's `dashboard_link`.
        assert registry.find("localhost", toy.port) is entry
        assert registry.find("10.9.8.7", 8787) is entry
        # Twice is once.
        assert await registry.add(f"http://localhost:{toy.port}/x/workers") is entry
        assert len(registry.entries) == 1
        registry.remove(entry.id)
    assert registry.entries == []
    assert heard.events == [("added", "reachable"), ("gone", "reachable")]
    with pytest.raises(KeyError):
        registry.remove(entry.id)


@pytest.mark.parametrize(
    "make",
    [
        lambda port: f"http://192.0.2.1:{port}",
        lambda port: "http://127.0.0.1:8888",
        lambda port: f"http://user@127.0.0.1:{port}",
        lambda port: f"https://127.0.0.1:{port}",
        lambda port: f"http://127.0.0.1:{port}/not/the/prefix",
        lambda port: f"http://127.0.0.1:{closed_port()}",
        lambda port: None,
    ],
)
async def test_what_is_refused_changes_nothing(registry: Registry, make: Callable[[int], Any]) -> None:
    heard = Heard(registry)
    async with Toy(odd={"/": saying(400)}).serve() as toy:
        with pytest.raises(Refusal) as refused:
            await registry.add(make(toy.port))
        assert refused.value.sentence.endswith(".")
    assert registry.entries == heard.events == []


async def test_a_typed_in_dashboard_keeps_its_id_until_it_is_typed_in_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "IDENTIFIED_FOR", 0.0)
    monkeypatch.setattr(registry_module, "PROVED_FOR", 0.0)
    async with Toy("Scheduler-one").serve() as toy:
        entry = await registry.add(f"http://127.0.0.1:{toy.port}")
        toy.ident = "Scheduler-two"
        for _ in range(2):
            with pytest.raises(NotThere, match="Another scheduler is at"):
                await registry.verify(entry)
            assert (entry.state, entry.target) == ("refused", None)
            assert "Type the address in again" in entry.remedy
        assert await registry.add(f"http://127.0.0.1:{toy.port}") is entry
        assert (entry.state, entry.scheduler_id) == ("reachable", "Scheduler-two")
        assert await registry.verify(entry)


async def test_typing_in_what_is_announced_already_adds_an_address_not_a_scheduler(
    registry: Registry, place: Path
) -> None:
    """As after ``ssh -L`` to another port than the scheduler's own."""
    far = {"token": TOKEN, "host": "node7", "scheduler": "tcp://10.0.0.5:1", "link_host": "10.0.0.5"}
    path = write(place, announcement(closed_port(), **far))
    await registry.scan()
    entry = only(registry)
    assert entry.state == "unreachable"
    async with Toy(token=TOKEN).serve() as toy:
        assert await registry.add(f"http://127.0.0.1:{toy.port}/status") is entry
        assert only(registry) is entry
        assert (entry.state, entry.recorded, entry.token) == ("reachable", True, TOKEN)
        assert registry.find("127.0.0.1", toy.port) is entry
        await registry.scan()
        assert registry.find("127.0.0.1", toy.port) is entry
    # The way is gone; it is asked for again when it is back.
    entry.proved = float("-inf")
    with pytest.raises(NotThere):
        await registry.verify(entry)
    async with Toy(token=TOKEN).serve(port=toy.port):
        assert await registry.verify(entry)
    path.unlink()
    await registry.scan()
    assert registry.entries == []


async def test_who_only_says_to_be_an_announced_scheduler_gets_no_token(
    registry: Registry, place: Path
) -> None:
    write(place, announcement(closed_port(), token=TOKEN))
    await registry.scan()
    before = only(registry).said()
    async with Toy("Scheduler-toy", token="b2" * 32).serve() as toy:
        with pytest.raises(Refusal, match="is not this scheduler"):
            await registry.add(f"http://127.0.0.1:{toy.port}/status")
        assert TOKEN not in str([asked.headers for asked in toy.asked])
        assert registry.find("127.0.0.1", toy.port) is None
    entry = only(registry)
    assert (entry.state, entry.typed, entry.said()["address"]) == ("unreachable", {}, before["address"])


async def test_a_typed_in_recorder_says_why_it_is_not_read(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "IDENTIFIED_FOR", 0.0)
    monkeypatch.setattr(registry_module, "PROVED_FOR", 0.0)
    async with Toy(token=TOKEN, version="1.2.3").serve() as toy:
        entry = await registry.add(f"http://127.0.0.1:{toy.port}")
        assert (entry.recorded, entry.token, entry.dasklens) == (False, "", "1.2.3")
        for _ in range(2):
            assert "dasklens 1.2.3 records there" in entry.reason
            assert entry.remedy
            await registry.verify(entry)


async def test_announced_ones_are_not_removed_by_hand(registry: Registry, place: Path) -> None:
    write(place, announcement(closed_port()))
    await registry.scan()
    with pytest.raises(KeyError):
        registry.remove(only(registry).id)
    assert only(registry)


async def test_typed_in_ones_are_not_without_number(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "MOST_TYPED", 1)
    async with Toy("one").serve() as one, Toy("two").serve() as two:
        await registry.add(f"http://127.0.0.1:{one.port}")
        with pytest.raises(Refusal, match="1 typed-in"):
            await registry.add(f"http://127.0.0.1:{two.port}")
        await registry.add(f"http://127.0.0.1:{one.port}")


async def test_a_scheduler_too_busy_to_say_who_it_is_keeps_its_pages(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """distributed 2026.8 answers 500 for its identity while tasks run."""
    monkeypatch.setattr(probe, "AGAIN_AFTER", 0.0)
    monkeypatch.setattr(finding, "IDENTIFIED_FOR", 0.0)
    monkeypatch.setattr(registry_module, "PROVED_FOR", 0.0)
    async with Toy().serve() as toy:
        fails = saying(500)

        async def fails_twice(asked: Asked, writer: asyncio.StreamWriter) -> None:
            if toy.paths().count("/json/identity.json") > 2:
                del toy.odd["json/identity.json"]
            await (fails if toy.odd else saying(200, toy.body(asked)))(asked, writer)

        toy.odd["json/identity.json"] = fails_twice
        entry = await registry.add(f"http://127.0.0.1:{toy.port}")
        assert (entry.state, entry.scheduler_id) == ("reachable", "Scheduler-toy")
        toy.odd["json/identity.json"] = fails
        assert await registry.verify(entry)
        assert entry.state == "reachable"
        # For ever it is not believed, and never for a failure alone taken for somebody else.
        monkeypatch.setattr(finding, "BUSY_FOR", 0.0)
        with pytest.raises(NotThere, match="does not say just now which scheduler it is"):
            await registry.verify(entry)
        assert entry.state == "unreachable"
        toy.odd.clear()
        assert await registry.verify(entry)
        assert entry.state == "reachable"

"""Capabilities: minted, found, ended."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import pytest
from waiting import until_async

from dasklens.server import capability as capability_module
from dasklens.server.capability import LENGTH, Capabilities


@pytest.fixture
async def capabilities() -> AsyncIterator[Capabilities]:
    capabilities = Capabilities(60.0)
    yield capabilities
    capabilities.close()


async def test_a_secret_is_256_bits_that_no_representation_shows(capabilities: Capabilities) -> None:
    capability = capabilities.mint("one")
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{{LENGTH}}}", capability.secret)
    assert capability.secret not in repr(capability)
    assert capability.secret not in repr(capabilities.__dict__)
    assert capability.expires == pytest.approx(time.time() + 60, abs=5)


async def test_each_scheduler_has_its_own(capabilities: Capabilities) -> None:
    one, two = capabilities.mint("one"), capabilities.mint("two")
    assert one.secret != two.secret
    assert capabilities.of(one.secret) is one
    assert capabilities.of(two.secret) is two
    right = one.secret
    for wrong in ["", "A" * LENGTH, right[:-1], right + "A", right.swapcase(), "é" * LENGTH, "\ud800"]:
        assert capabilities.of(wrong) is None


async def test_a_fresh_one_is_given_again_and_an_old_one_is_not(
    capabilities: Capabilities, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = capabilities.mint("one")
    assert capabilities.mint("one") is first
    now = time.time()
    monkeypatch.setattr(capability_module.time, "time", lambda: now + 31)
    second = capabilities.mint("one")
    assert second is not first
    assert capabilities.of(first.secret) is first  # what is open with it stays open


async def test_every_live_one_is_compared_in_constant_time(
    capabilities: Capabilities, monkeypatch: pytest.MonkeyPatch
) -> None:
    minted = [capabilities.mint(str(i)) for i in range(5)]
    compared: list[bytes] = []
    true = capability_module.hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return true(a, b)

    monkeypatch.setattr(capability_module.hmac, "compare_digest", compare)
    assert capabilities.of(minted[0].secret) is minted[0]
    assert compared == [capability.secret.encode() for capability in minted]


async def test_revoking_closes_what_is_open_once(capabilities: Capabilities) -> None:
    one, two = capabilities.mint("one"), capabilities.mint("two")
    closed: list[str] = []
    one.attach(lambda: closed.append("a"))
    gone = one.attach(lambda: closed.append("b"))
    two.attach(lambda: closed.append("c"))
    gone()
    gone()
    capabilities.revoke("one")
    capabilities.revoke("one")
    assert closed == ["a"]
    assert (one.ended, one.open, capabilities.of(one.secret)) == ("revoked", 0, None)
    assert (two.ended, two.open, capabilities.of(two.secret)) == ("", 1, two)
    capabilities.close()
    assert closed == ["a", "c"]
    assert two.ended == "closed"


async def test_a_closer_may_detach_and_mint_while_all_are_closed(capabilities: Capabilities) -> None:
    one = capabilities.mint("one")
    minted = []

    def closer() -> None:
        detach()
        minted.append(capabilities.mint("one"))

    detach = one.attach(closer)
    capabilities.revoke("one")
    assert minted == [capabilities.mint("one")]
    assert minted[0] is not one


async def test_who_comes_too_late_is_closed_at_once(capabilities: Capabilities) -> None:
    one = capabilities.mint("one")
    capabilities.revoke("one")
    closed: list[str] = []
    one.attach(lambda: closed.append(one.ended))()
    assert (closed, one.open) == (["revoked"], 0)


async def test_it_expires_by_itself() -> None:
    capabilities = Capabilities(0.05)
    capability = capabilities.mint("one")
    closed: list[str] = []
    capability.attach(lambda: closed.append(capability.ended))
    await until_async(lambda: bool(closed), "the end of a capability")
    assert closed == ["expired"]
    assert capabilities.of(capability.secret) is None


async def test_it_expires_by_the_wall_clock_when_the_machine_slept(
    capabilities: Capabilities, monkeypatch: pytest.MonkeyPatch
) -> None:
    capability = capabilities.mint("one")
    closed: list[str] = []
    capability.attach(lambda: closed.append(capability.ended))
    monkeypatch.setattr(capability_module.time, "time", lambda: capability.expires)
    assert capabilities.of(capability.secret) is None
    assert closed == ["expired"]

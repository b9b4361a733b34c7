"""Ask whether a target answers like a Dask dashboard, and whether it is the scheduler that it should be.

A recorded scheduler proves itself by its token, which is never sent before: see ``wire/proof.py``. A plain
one can only be known by its id, which it tells everybody.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from tornado.iostream import StreamClosedError

from dasklens.server.talk import Answer, Broken, Talk, in_time, talking
from dasklens.server.target import NotThere, Target
from dasklens.wire.proof import proves

#: The version of the scheduler's side that this server can read (`scheduler.recorder.PROTOCOL`).
PROTOCOL = 1
#: Seconds after which the next candidate is tried beside one that has not answered yet.
STAGGER = 0.3
#: Bytes of an identity, which lists every worker. What is wanted of it comes before them.
MOST_IDENTITY = 16 << 20
#: How often an identity is asked for that is not there, and seconds between two questions.
TRIES, AGAIN_AFTER = 8, 0.15


#: What a dashboard says of its plots. Whoever asks a scheduler without pages for these has it import Bokeh:
#: a quarter of a second in which it does nothing else, and tens of thousands of objects for its garbage
#: collector. So Bokeh's own word for one of its pages is asked for first.
PLOTS, PAGE = "individual-plots.json", "status/metadata"
#: What every dashboard has, and costs it nothing: the names of what it says in JSON.
INDEX = "json/index.html"


@dataclass(frozen=True, slots=True)
class Expected:
    """Who should answer.

    Attributes
    ----------
    scheduler_id : str
        Empty when it is to be learnt (a typed-in one).
    tokens : tuple of str
        One of which it has to prove to hold; none for a plain scheduler.
    """

    scheduler_id: str = ""
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Who answered; what a quick probe does not ask is None.

    Attributes
    ----------
    target : Target
        As it is to be connected from now on.
    scheduler_id, scheduler : str
        Its id, and the address of its comm (empty when not asked).
    token : str
        The one that was proved, or empty.
    dasklens : str or None
        Version of its recorder.
    protocol : int or None
    bokeh : bool or None
        Whether it has pages.
    identified : bool
        Whether its id was asked for.
    link : (str, int) or None
        Host and port that a client's link to its dashboard names.
    """

    target: Target
    scheduler_id: str
    scheduler: str = ""
    token: str = ""
    dasklens: str | None = None
    protocol: int | None = None
    bokeh: bool | None = None
    identified: bool = False
    link: tuple[str, int] | None = None


class Another(NotThere):
    """Somebody answers, but not who should.

    Attributes
    ----------
    place : str
        Where.
    """

    def __init__(self, place: str):
        self.place = place
        super().__init__(
            f"What answers at {place} is not this scheduler: it does not prove to be it. Another program may "
            "have got the port.",
            "Start the scheduler again; it announces where it is.",
            "refused",
        )


class Busy(NotThere):
    """Somebody answers who cannot say just now who it is."""

    def __init__(self, place: str):
        super().__init__(
            f"What answers at {place} does not say just now which scheduler it is; asking again.",
            "A busy scheduler of some versions of distributed fails to. Let it record for dasklens: then it "
            "proves itself otherwise.",
        )


Check = Callable[[Target], Awaitable[Found]]


async def first(candidates: Iterable[Target], check: Check) -> Found:
    """The first candidate that passes, those before preferred by a head start.

    Raises
    ------
    NotThere
        When none does: for the reason that says most.
    """
    running: dict[asyncio.Task[Found], Target] = {}
    failed: list[NotThere] = []
    waiting = list(candidates)
    try:
        while waiting or running:
            if waiting:
                target = waiting.pop(0)
                running[asyncio.ensure_future(check(target))] = target
            done, _ = await asyncio.wait(
                running, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                del running[task]
                try:
                    return task.result()
                except NotThere as error:
                    failed.append(error)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if not failed:
        raise NotThere("It names no address to look at.")
    # That somebody else has the port says more than that another address cannot be reached.
    raise next((error for error in failed if error.state == "refused"), failed[0])


async def look(target: Target, expected: Expected, *, thorough: bool) -> Found:
    """Ask everything (`thorough`), or only whether it is still the one that it was.

    Raises
    ------
    NotThere
        When it does not answer in time, not like a dashboard, or is not the expected one.
    """

    async def ask() -> Found:
        async with talking(target) as talk:
            found = Found(talk.target, expected.scheduler_id)
            if expected.tokens:
                # Before all else: to whoever cannot, nothing more is said.
                found = await _proven(talk, found, expected)
            elif thorough:
                found = await _identified(talk, found, expected)
            if thorough or not expected.tokens:
                await _healthy(talk)
                found = replace(found, bokeh=bool(await _plots(talk)))
                if not (found.token or found.identified or found.bokeh):
                    # Healthy, and nothing else: that is no dashboard yet.
                    await _indexed(talk)
            if thorough and found.token:
                found = await _versions(talk, found)
            return found

    return await in_time(ask, target)


@asynccontextmanager
async def proving(target: Target, token: str, scheduler_id: str) -> AsyncIterator[Talk]:
    """A connection whose other end has just proved to hold the token: on this one it may be sent.

    Raises
    ------
    NotThere
        When there is none.
    """
    async with AsyncExitStack() as stack:

        async def ask() -> Talk:
            talk = await stack.enter_async_context(talking(target))
            await _proven(talk, Found(talk.target, scheduler_id), Expected(scheduler_id, (token,)))
            return talk

        yield await in_time(ask, target)


def bearer(token: str) -> dict[str, str]:
    """The header that carries the token; only for who has proved to hold it, on that very connection."""
    return {"Authorization": f"Bearer {token}"}


async def recorded(target: Target) -> str:
    """Version of the recorder that a plain question finds there, or empty; proves nothing."""

    async def ask() -> str:
        async with talking(target) as talk:
            answer = await talk.get(f"dasklens/proof?nonce={_nonce()}")
            said = _object(answer.body) if answer.status == 200 else {}
            return _text(said.get("dasklens"))

    try:
        return await in_time(ask, target)
    except NotThere:
        return ""


async def plots(target: Target) -> dict[str, str]:
    """Paths of the individual plots, by name, of a scheduler that has been verified.

    Raises
    ------
    NotThere
    """

    async def ask() -> dict[str, str]:
        async with talking(target) as talk:
            return await _plots(talk)

    return await in_time(ask, target)


# -- what is asked ---------------------------------------------------------------------------------


async def _proven(talk: Talk, found: Found, expected: Expected) -> Found:
    nonce = _nonce()
    answer = await talk.get(f"dasklens/proof?nonce={nonce}")
    said = _object(answer.body) if answer.status == 200 else {}
    token = next(
        (t for t in expected.tokens if proves(said.get("proof"), t, nonce, expected.scheduler_id)), ""
    )
    if not token:
        raise Another(found.target.authority)
    return replace(
        found, token=token, dasklens=_text(said.get("dasklens")), protocol=_number(said.get("protocol"))
    )


async def _identified(talk: Talk, found: Found, expected: Expected) -> Found:
    answer = await talk.get("json/identity.json", most=MOST_IDENTITY)
    for _ in range(TRIES):
        if answer.status != 500:
            break
        # distributed 2026.8 fails to write it when tasks ran since a worker's last heartbeat: metrics with
        # tuples for keys are no JSON. That says nothing about who it is.
        await asyncio.sleep(AGAIN_AFTER)
        answer = await talk.get("json/identity.json", most=MOST_IDENTITY)
    else:
        raise Busy(found.target.authority)
    wanted = ("type", "id", "address", "services")
    said = members(answer.body, wanted) if answer.status == 200 else {}
    ident = _text(said.get("id"))
    # A class derived from distributed's is called otherwise, but all are called something Scheduler.
    if not _text(said.get("type")).endswith("Scheduler") or not ident:
        raise _not_dask(found.target, answer)
    if expected.scheduler_id not in ("", ident):
        raise Another(found.target.authority)
    address, services = _text(said.get("address")), said.get("services")
    port = _number(services.get("dashboard")) if isinstance(services, dict) else None
    link = (host_of(address), port) if port else None
    return replace(found, scheduler_id=ident, scheduler=address, identified=True, link=link)


async def _healthy(talk: Talk) -> None:
    answer = await talk.get("health")
    if answer.status != 200 or answer.body.strip() != b"ok":
        raise _not_dask(talk.target, answer)


async def _indexed(talk: Talk) -> None:
    answer = await talk.get(INDEX)
    if answer.status != 200 or b"identity.json" not in answer.body:
        raise _not_dask(talk.target, answer)


async def _plots(talk: Talk) -> dict[str, str]:
    if (await talk.get(PAGE)).status == 404:
        return {}
    answer = await talk.get(PLOTS)
    try:
        plots = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        plots = None
    if not isinstance(plots, dict) or not all(isinstance(path, str) for path in plots.values()):
        raise _not_dask(talk.target, answer)
    return plots


async def _versions(talk: Talk, found: Found) -> Found:
    try:
        answer = await talk.get("dasklens/hello", bearer(found.token))
    except (StreamClosedError, Broken):
        # Another connection has proved nothing: the token is not for it, and the proof told versions too.
        return found
    said = _object(answer.body) if answer.status == 200 else {}
    if not said:
        raise NotThere(
            f"The recorder at {talk.target.authority} does not take the token that it announced.",
            "Restart the scheduler.",
            "refused",
        )
    return replace(
        found,
        dasklens=_text(said.get("dasklens")) or found.dasklens,
        protocol=_number(said.get("protocol")) or found.protocol,
    )


def members(body: bytes, wanted: tuple[str, ...]) -> dict[str, Any]:
    """The first members of a JSON object, until all `wanted` are there; what follows is not read.

    An identity lists every worker after what is wanted of it: with thousands of them, reading all would
    hold the loop.
    """
    text = body.decode(errors="replace")
    decode = json.JSONDecoder().raw_decode
    found: dict[str, Any] = {}
    at = _skip(text, 0)
    separator = "{"
    try:
        while text[at] == separator and not all(name in found for name in wanted):
            name, at = decode(text, _skip(text, at + 1))
            at = _skip(text, at)
            if not isinstance(name, str) or text[at] != ":":
                return {}
            found[name], at = decode(text, _skip(text, at + 1))
            at = _skip(text, at)
            separator = ","
    except (ValueError, IndexError, RecursionError):
        pass  # cut off, or no JSON: what came before counts
    return found


def host_of(address: str) -> str:
    """The host in the address of a comm."""
    place = address.partition("://")[2].partition("/")[0]
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _nonce() -> str:
    return secrets.token_urlsafe(32)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= 1000 and value.isprintable() else ""


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


# -- what goes wrong -------------------------------------------------------------------------------


def _not_dask(target: Target, answer: Answer) -> NotThere:
    what = "does not answer like a Dask dashboard"
    if 300 <= answer.status < 400:
        what = "sends whoever asks somewhere else, and no redirect is followed"
    elif answer.status in (401, 403, 407):
        what = "asks for a login"
    return NotThere(
        f"What is at {target.authority} {what}.",
        "Take the address that `client.dashboard_link` names where the scheduler runs.",
        "refused",
    )

"""A recorder, read over a websocket to its scheduler: see ``scheduler/routes.py`` for the other end."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, TypeGuard

import msgpack

import dasklens
from dasklens.server.probe import PROTOCOL, bearer, proving
from dasklens.server.reading import Lost, Place, Reply, Unreadable, asked
from dasklens.server.socket import Socket
from dasklens.server.talk import in_time
from dasklens.server.target import NotThere, Target

#: Seconds beyond those that a question may wait, after which its answer is not waited for any longer.
TIMEOUT = 5.0
#: Bytes after which a reply ends, and the most that one may have: its last frame is as long as a chunk of
#: the log, whose names (metadata, texts of errors) may take an eighth of the log's limit.
ENOUGH, MOST = 1 << 19, 96 << 20
#: Members of a reply, and its frames: as many of a hundred bytes as make `ENOUGH`, and then some.
MOST_MEMBERS, MOST_FRAMES = 32, 1 << 13

_SAID = ("dasklens", "protocol", "python")


class Recorded:
    """A source of replies (`reading.Source`): the recorder of a scheduler that has proved itself."""

    recorded = True
    lacks = trouble = ""

    socket: Socket

    def __init__(self, said: dict[str, Any]):
        self.said: dict[str, Any] = {"scheduler": {name: said.get(name) for name in _SAID}}
        self._idents = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}

    @classmethod
    async def open(cls, target: Target, token: str, scheduler_id: str) -> Recorded:
        """Connect. All goes over one connection, which proves itself before the token is sent.

        Raises
        ------
        NotThere
            When that fails.
        """
        async with proving(target, token, scheduler_id) as talk:

            async def hello() -> bytes:
                answer = await talk.get("dasklens/hello", bearer(token))
                return answer.body if answer.status == 200 else b""

            source = cls(_fitting(await in_time(hello, target), target))
            source.socket = await Socket.open(
                talk.target,
                "dasklens/stream",
                source._on_message,
                headers=bearer(token),
                most=MOST,
                stream=talk.stream,
            )
            # Not before: who is cancelled on the way there leaves nothing open.
            talk.release()
        source.socket.lost.add_done_callback(source._on_lost)
        return source

    @property
    def lost(self) -> asyncio.Future[str]:
        """See `reading.Source`."""
        return self.socket.lost

    async def ask(self, stream: str, place: Place, until: int | None, wait: float) -> Reply:
        """See `reading.Source`."""
        if self.lost.done():
            raise Lost(self.lost.result())
        ident = next(self._idents)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[ident] = answer
        name, wanted = asked(stream)
        question = {"id": ident, "stream": name, **place._asdict()}
        if wanted:
            question["question"] = wanted
        question |= {"until": until, "wait": wait, "max_bytes": ENOUGH}
        try:
            self.socket.send(json.dumps(question))
            return _reply(await asyncio.wait_for(answer, wait + TIMEOUT))
        except asyncio.TimeoutError:
            self.socket.lose("The scheduler does not answer.")
            raise Lost(self.lost.result()) from None
        finally:
            del self._asked[ident]

    async def close(self) -> None:
        """See `reading.Source`."""
        await self.socket.close()

    def _on_message(self, message: str | bytes) -> None:
        try:
            if not isinstance(message, bytes):
                raise NoReply
            said = unpack(message)
        except NoReply:
            self.socket.lose("The scheduler answered with something that is no reply.")
            return
        ident = said.get("id")
        answer = self._asked.get(ident) if isinstance(ident, int) else None
        # Who asked may have gone.
        if answer is not None and not answer.done():
            answer.set_result(said)

    def _on_lost(self, lost: asyncio.Future[str]) -> None:
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Lost(lost.result()))


class NoReply(Exception):
    """Bytes that are no reply."""


def unpack(message: bytes) -> dict[str, Any]:
    """Take a reply apart: a map of texts, numbers and bytes, and one list of them, ``frames``.

    Nothing else is made of it: a byte of msgpack can stand for an object of a hundred, lists of lists for
    any number of them.

    Raises
    ------
    NoReply
    """
    try:
        return _unpacked(message)
    except (ValueError, IndexError, msgpack.UnpackException) as error:
        raise NoReply from error


def _unpacked(message: bytes) -> dict[str, Any]:
    unpacker = msgpack.Unpacker(max_buffer_size=MOST, strict_map_key=False, max_ext_len=0)
    unpacker.feed(message)

    def one() -> Any:
        first = message[unpacker.tell()]
        if 0x80 <= first < 0xA0 or 0xDC <= first < 0xE0:
            raise ValueError("a list or map")
        return unpacker.unpack()

    def some(n: int, most: int) -> range:
        if n > most:
            raise ValueError("too many")
        return range(n)

    said: dict[str, Any] = {}
    for _ in some(unpacker.read_map_header(), MOST_MEMBERS):
        name = one()
        if name == "frames":
            said["frames"] = [one() for _ in some(unpacker.read_array_header(), MOST_FRAMES)]
        else:
            said[name] = one()
    if unpacker.tell() != len(message):
        raise ValueError("more than a reply")
    return said


def _fitting(hello: bytes, target: Target) -> dict[str, Any]:
    """What a recorder says of itself, if we understand it."""
    try:
        said = json.loads(hello)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise NotThere(f"The recorder at {target.authority} does not say who it is.")
    if said.get("protocol") != PROTOCOL:
        raise NotThere(
            f"The scheduler has dasklens {said.get('dasklens')} (protocol {said.get('protocol')}), this "
            f"Jupyter server {dasklens.__version__} (protocol {PROTOCOL}): they do not fit.",
            "Upgrade the older one and restart it.",
        )
    return said


def _reply(said: dict[str, Any]) -> Reply:
    error = said.get("error")
    if error is not None:
        raise Unreadable(str(error)[:1000])
    log, frames = said.get("log"), said.get("frames")
    cursor, names, end = (said.get(name) for name in ("next", "names", "end"))
    if (
        not isinstance(log, str)
        or not isinstance(frames, list)
        or not all(isinstance(frame, bytes) for frame in frames)
        or not (_is_count(cursor) and _is_count(names) and _is_count(end))
    ):
        raise Unreadable("The scheduler's reply is not one that this version of dasklens can read.")
    return Reply(Place(log, cursor, names), end, tuple(frames))


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**53

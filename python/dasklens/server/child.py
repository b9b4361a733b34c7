"""A child process that makes summaries and reports: started, spoken to, and ended.

It runs `dasklens.report.child`, which needs what the server does not load, and gets no more of this process
than the two pipes: an environment of a few names, no address and no token. What it says is bounded, and
every question to it ends: with the answer, in time, or with the reason why the child is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dasklens
from dasklens.wire.pipes import LENGTH, MessageError, length_of, pack_message, unpack_message

#: Seconds in which it is to say something of a question, and for which it is waited for at its end.
PATIENCE, GOODBYE = 120.0, 2.0
#: Bytes of a document, and letters of what it writes on its standard error that are kept.
MOST_DOCUMENT, MOST_SAID = 1 << 30, 2000
#: What it gets of the environment: where Python and its packages are, and how times and texts are written.
ENVIRONMENT = (
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TZ",
)


class ChildError(Exception):
    """Why there is no answer, in a sentence; `gone` when there will be none to anything."""

    def __init__(self, reason: str, gone: bool = False):
        super().__init__(reason)
        self.gone = gone


class Child:
    """A running child.

    Parameters
    ----------
    on_recording : callable
        Called with how far the recording is, whenever the child says so.
    on_gone : callable
        Called once with the reason when it is gone without having been told to.

    Attributes
    ----------
    gone : str
        Why it is gone; empty while it runs.
    """

    _process: asyncio.subprocess.Process
    _reading: asyncio.Task[None]
    _hearing: asyncio.Task[None]

    def __init__(self, on_recording: Callable[[dict[str, Any]], None], on_gone: Callable[[str], None]):
        self._on_recording = on_recording
        self._on_gone = on_gone
        self._idents = itertools.count(1)
        self._asked: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        #: Until Python 3.11 only one may wait for a pipe.
        self._draining = asyncio.Lock()
        self._said = ""
        self._closing = False
        self.gone = ""

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @classmethod
    async def start(
        cls, on_recording: Callable[[dict[str, Any]], None], on_gone: Callable[[str], None]
    ) -> Child:
        """Start one.

        Raises
        ------
        ChildError
            When that fails.
        """
        child = cls(on_recording, on_gone)
        try:
            child._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "dasklens.report.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                # Python looks there first: not where notebooks and other people's files are.
                cwd=Path(dasklens.__file__).parent.parent,
            )
        except (OSError, NotImplementedError) as error:
            # The loop that tornado needs on Windows starts no processes.
            why = str(error) or "this event loop starts no processes"
            raise ChildError(f"The process that makes summaries cannot be started ({why}).", True) from None
        child._reading = asyncio.ensure_future(child._read())
        child._hearing = asyncio.ensure_future(child._hear())
        return child

    # -- what it is told and asked -----------------------------------------------------------------

    async def tell(self, do: str, **more: Any) -> None:
        """Tell it something; returns when the pipe has taken it, as far as buffers go.

        Raises
        ------
        ChildError
            When it is gone.
        """
        stdin = self._process.stdin
        assert stdin is not None
        if self.gone:
            raise ChildError(self.gone, True)
        try:
            # At once: whoever is cancelled from here on has told it.
            stdin.write(pack_message({"do": do, **more}))
            async with self._draining:
                await self._drained(stdin)
        except MessageError as error:
            raise ChildError(str(error)) from None
        except (OSError, RuntimeError):
            # Why, reading finds out.
            await asyncio.wait([self._reading])
            raise ChildError(self.gone, True) from None

    def mention(self, do: str) -> None:
        """Tell it something that nobody waits for: not even one that stands still holds up who leaves."""
        stdin = self._process.stdin
        assert stdin is not None
        if not self.gone:
            stdin.write(pack_message({"do": do}))

    async def _drained(self, stdin: asyncio.StreamWriter) -> None:
        # No `wait_for`, which swallows cancellations until Python 3.12: once it is killed the pipe breaks.
        why = f"The process that makes summaries took nothing for {PATIENCE:.0f} s."
        late = asyncio.get_running_loop().call_later(PATIENCE, self._kill, why)
        try:
            await stdin.drain()
        finally:
            late.cancel()

    async def ask(
        self, do: str, on_progress: Callable[[str], None] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Ask it something.

        Returns
        -------
        dict
            The last that it said of it; ``chunks`` are all bytes of before.

        Raises
        ------
        ChildError
        """
        ident = next(self._idents)
        answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._asked[ident] = answers
        chunks: list[bytes] = []
        size = 0
        try:
            await self.tell(do, id=ident, **more)
            while True:
                try:
                    said = await asyncio.wait_for(answers.get(), PATIENCE)
                except asyncio.TimeoutError:
                    self._kill(f"The process that makes summaries said nothing for {PATIENCE:.0f} s.")
                    raise ChildError(self.gone, True) from None
                if "gone" in said:
                    raise ChildError(self.gone, True)
                if "error" in said:
                    raise ChildError(str(said["error"])[:1000])
                chunk = said.get("chunk")
                if isinstance(chunk, bytes):
                    size += len(chunk)
                    if size > MOST_DOCUMENT:
                        raise ChildError(f"It is larger than {MOST_DOCUMENT >> 20:,} MiB.")
                    chunks.append(chunk)
                elif "progress" in said:
                    if on_progress is not None:
                        on_progress(str(said["progress"])[:200])
                else:
                    return {**said, "chunks": chunks}
        finally:
            del self._asked[ident]

    async def close(self) -> None:
        """End it: by its input, which it takes for the end, and if need be without asking."""
        self._closing = True
        self.gone = self.gone or "The process that makes summaries was ended."
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), GOODBYE)
        except asyncio.TimeoutError:
            self._kill(self.gone)
            await self._process.wait()
        await asyncio.gather(self._reading, self._hearing, return_exceptions=True)

    # -- what it says --------------------------------------------------------------------------------

    async def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            while True:
                said = unpack_message(
                    await stdout.readexactly(length_of(await stdout.readexactly(LENGTH.size)))
                )
                recording, ident = said.get("recording"), said.get("id")
                if isinstance(recording, dict):
                    self._on_recording(recording)
                elif isinstance(ident, int) and ident in self._asked:
                    self._asked[ident].put_nowait(said)
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            await asyncio.wait([self._hearing], timeout=GOODBYE)
            last = self._said.strip().splitlines()[-1:]
            why = f": {last[0][:300]}" if last else ""
            self._leave(f"The process that makes summaries ended by itself ({_code(code)}{why}).")
        except MessageError as error:
            self._kill(f"The process that makes summaries said something that is no answer. {error}")

    async def _hear(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        while piece := await stderr.read(4096):
            self._said = (self._said + piece.decode(errors="replace"))[-MOST_SAID:]

    def _kill(self, why: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._leave(why)

    def _leave(self, why: str) -> None:
        if not self.gone:
            self.gone = why
            if not self._closing:
                self._on_gone(why)
        for answers in self._asked.values():
            answers.put_nowait({"gone": True})


def _code(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"

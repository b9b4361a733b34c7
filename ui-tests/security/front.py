"""A JupyterLab behind a TLS-terminating reverse proxy, and a scheduler that outlives it.

Prints one line of JSON when all is there. Then takes lines of JSON, and answers each when it is done:
``{"do": "restart"}`` stops Jupyter and starts it again behind the same address, ``{"do": "run",
"keys": […]}`` has the scheduler run tasks. Ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
import tempfile
from pathlib import Path

# How tests start a Jupyter server and a scheduler is written once.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from certificates import self_signed
from jupyter import BASE_URL, Jupyter, jupyter
from streams import scheduled

ARGS = ("--LabApp.expose_app_in_browser=True", "--Dasklens.poll_interval=0.2")


class Front:
    """The reverse proxy: takes the TLS off, and passes on what comes."""

    def __init__(self) -> None:
        self.behind: Jupyter | None = None

    async def start(self) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self_signed())
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = self.behind
        if behind is None:
            writer.close()
            return
        try:
            there, here = await asyncio.open_connection("127.0.0.1", behind.port)
            await asyncio.gather(_pass(reader, here), _pass(there, writer))
        except (OSError, asyncio.CancelledError):
            # Jupyter is on its way, or all of this ends.
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="dasklens-front-"))
    front = Front()
    port = await front.start()

    with contextlib.ExitStack() as stack:
        running = stack.enter_context(contextlib.ExitStack())

        def begin() -> Jupyter:
            return running.enter_context(jupyter(home, *ARGS, module="jupyterlab"))

        front.behind = await asyncio.to_thread(begin)
        scheduler = stack.enter_context(scheduled(front.behind.runtime))
        said: dict[str, object] = {"url": f"https://127.0.0.1:{port}{BASE_URL}", "token": front.behind.token}
        print(json.dumps(said), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            if asked["do"] == "restart":
                front.behind = None
                await asyncio.to_thread(running.close)
                front.behind = await asyncio.to_thread(begin)
            else:
                await asyncio.to_thread(scheduler.run, *asked["keys"])
            print("{}", flush=True)


asyncio.run(main())

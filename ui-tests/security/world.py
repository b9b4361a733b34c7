"""A Jupyter server with login and XSRF, a hostile dashboard, and a place that must hear nothing of either.

Prints one line of JSON when all three listen, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
from pathlib import Path

from tornado import web, websocket
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

# How tests start a Jupyter server is written once.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from jupyter import jupyter

HITS: list[dict[str, object]] = []
#: What came over each connection to the listener, which answers nothing.
CONNECTIONS: list[str] = []


class Collector(web.RequestHandler):
    """Whatever comes here came from where it must not."""

    def prepare(self) -> None:
        if self.request.path != "/hits":
            HITS.append({"uri": self.request.uri, "headers": dict(self.request.headers)})
        self.set_header("Access-Control-Allow-Origin", "*")

    def get(self) -> None:
        if self.request.path == "/hits":
            self.finish({"hits": HITS, "connections": CONNECTIONS})
        else:
            self.finish("<p id=outside>outside</p>")

    post = get


class CollectorSocket(websocket.WebSocketHandler):
    """A websocket that must not be reached either."""

    def check_origin(self, origin: str) -> bool:
        return True

    def open(self) -> None:
        HITS.append({"uri": self.request.uri, "headers": dict(self.request.headers)})


class Echo(websocket.WebSocketHandler):
    """The dashboard's own websocket, which its page may use."""

    def check_origin(self, origin: str) -> bool:
        return True

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


#: Every header by which a page could do harm to those who share its origin.
DANGEROUS = {
    "Clear-Site-Data": '"*"',
    "Set-Cookie": "_xsrf=hostile; Path=/",
    "Strict-Transport-Security": "max-age=31536000",
    "Link": "</x>; rel=preload",
    "WWW-Authenticate": "Basic realm=x",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Service-Worker-Allowed": "/",
    "Content-Security-Policy": "default-src *; sandbox allow-scripts allow-same-origin allow-top-navigation",
    "X-Frame-Options": "ALLOWALL",
    "Content-Disposition": "attachment; filename=evil.exe",
    "Permissions-Policy": "geolocation=*, camera=*",
    "Refresh": "600; url=/",
}


class Page(web.RequestHandler):
    """The hostile page and its parts."""

    def initialize(self, file: str) -> None:
        self.file = file

    def get(self) -> None:
        for name, value in DANGEROUS.items():
            self.set_header(name, value)
        kind = "text/javascript" if self.file.endswith(".js") else "text/html"
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        text = (Path(__file__).parent / self.file).read_text()
        for name in ("COLLECTOR", "LISTENER"):
            text = text.replace(name, f"127.0.0.1:{self.settings[name.lower()]}")
        self.finish(text)


class Said(web.RequestHandler):
    """What makes it look like a dashboard."""

    def initialize(self, says: object) -> None:
        self.says = says

    def get(self) -> None:
        if isinstance(self.says, dict):
            self.finish(dict(self.says))
        else:
            self.set_header("Content-Type", "text/plain")
            self.finish(str(self.says))


async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keep what is said, as it comes."""
    number = len(CONNECTIONS)
    CONNECTIONS.append("")
    while said := await reader.read(1 << 16):
        CONNECTIONS[number] += said.decode("latin1")
    writer.close()


def listen(app: web.Application) -> tuple[HTTPServer, int]:
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets(sockets)
    return server, sockets[0].getsockname()[1]


async def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="dasklens-security-"))
    _collector, collector = listen(web.Application([(r"/socket", CollectorSocket), (r".*", Collector)]))
    listener = await asyncio.start_server(hear, "127.0.0.1", 0)
    identity = {"type": "Scheduler", "id": f"Scheduler-{secrets.token_hex(8)}", "workers": {}}
    _dashboard, dashboard = listen(
        web.Application(
            [
                (r"/health", Said, {"says": "ok"}),
                (r"/status/metadata", Said, {"says": {"url": "/status", "data": {}}}),
                (r"/individual-plots.json", Said, {"says": {"Individual Hostile": "/individual-hostile"}}),
                (r"/json/identity.json", Said, {"says": identity}),
                (r"/echo", Echo),
                (r"/own.js", Page, {"file": "own.js"}),
                (r"/status", Page, {"file": "hostile.html"}),
                (r"/away", Page, {"file": "away.html"}),
                (r"/ahead", Page, {"file": "ahead.html"}),
            ],
            collector=collector,
            listener=listener.sockets[0].getsockname()[1],
        )
    )
    args = ("--ServerApp.log_level=DEBUG", "--LabApp.expose_app_in_browser=True")
    with jupyter(home, *args, module="jupyterlab") as server:
        world = {"url": server.url, "token": server.token, "log": str(server.log)}
        print(json.dumps({**world, "dashboard": dashboard, "collector": collector}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())

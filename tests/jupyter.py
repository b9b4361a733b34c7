"""A real Jupyter server in a process and a home of its own, and what asks it: a script, or a browser.

``with jupyter(tmp_path) as server: server.get("dasklens/api/hello")``
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect
from waiting import until_async

TOKEN = "secret-of-the-test"
BASE_URL = "/user/someone/"


@dataclass
class Answer:
    """What a server answered, whatever the status. No redirect was followed."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Jupyter:
    """A running server. Paths are below its base URL."""

    url: str
    token: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]
    #: What `_jupyter_env` made of it: kernels and command lines that belong to this server run with it.
    env: dict[str, str]

    @property
    def base_url(self) -> str:
        return "/" + self.url.split("/", 3)[3]

    @property
    def port(self) -> int:
        return int(self.url.split("/")[2].rpartition(":")[2])

    @property
    def runtime(self) -> Path:
        """The runtime folder; announcements are in its ``dasklens``."""
        return self.home / "runtime"

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        """Everything in the log so far."""
        return self.log.read_text(errors="replace")

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, data: Any = None, **more: Any) -> Answer:
        return self.request("POST", path, data, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self.request("DELETE", path, **more)

    def request(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 20,
    ) -> Answer:
        """Ask as a script does: with the token in a header (None: without).

        `data` is sent as it is when it is bytes, else as JSON.
        """
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"token {token or self.token}")
        return request(self.url + path, method, data, sent, timeout=timeout)

    @contextlib.asynccontextmanager
    async def websocket(
        self, path: str, *, token: str | None = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> AsyncIterator[WebSocketClientConnection]:
        """A websocket, of which nothing is left afterwards; refused ones raise `HTTPClientError`."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"token {token or self.token}")
        url = "ws" + (self.url + path).removeprefix("http")
        connection = await websocket_connect(HTTPRequest(url, headers=sent, request_timeout=20), **more)
        assert connection.protocol is not None
        stream = connection.protocol.stream  # type: ignore[attr-defined]
        try:
            yield connection
        finally:
            connection.close()
            # A loop that ends before leaves a socket to the garbage, and to whichever test runs then.
            await until_async(stream.closed, "the websocket to close")

    async def refusal(self, path: str, **more: Any) -> int:
        """The status with which a websocket is refused."""
        try:
            async with self.websocket(path, **more):
                raise AssertionError(f"{path} was opened")
        except HTTPClientError as error:
            return error.code

    def browser(self) -> Browser:
        """Somebody who has logged in: cookies, and no token header."""
        browser = Browser(self)
        browser.get("login")  # its form brings the XSRF cookie
        browser.get(f"login?token={self.token}")
        return browser

    def stop(self) -> None:
        """Shut down as at Ctrl-C twice; kill what does not go."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=20)


@dataclass
class Browser:
    """Asks with the cookies of its login; sends XSRF only when told to."""

    server: Jupyter
    jar: CookieJar = field(default_factory=CookieJar)

    @property
    def xsrf(self) -> str:
        """The value that a page of Jupyter sends along."""
        return next(cookie.value or "" for cookie in self.jar if cookie.name == "_xsrf")

    @property
    def cookie(self) -> str:
        """The header `Cookie`."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, data: Any = None, **more: Any) -> Answer:
        return self.request("POST", path, data, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self.request("DELETE", path, **more)

    def request(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        xsrf: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if xsrf:
            sent["X-XSRFToken"] = self.xsrf
        return request(self.server.url + path, method, data, sent, jar=self.jar)


def request(
    url: str,
    method: str = "GET",
    data: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    jar: CookieJar | None = None,
    timeout: float = 20,
) -> Answer:
    """Ask anybody on this machine; refusals are answers too."""
    body = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
    asked = urllib.request.Request(url, body, dict(headers or {}), method=method)
    if body is not None and not asked.has_header("Content-type"):
        asked.add_header("Content-Type", "application/json")
    handlers: list[Any] = [_NoRedirect, urllib.request.ProxyHandler({})]
    if jar is not None:
        handlers.append(urllib.request.HTTPCookieProcessor(jar))
    try:
        with urllib.request.build_opener(*handlers).open(asked, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def settings(home: Path) -> dict[str, str]:
    """An environment in which nobody's own settings reach Jupyter, and its folders are below `home`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_", "JPY_"))}
    env["HOME"] = str(home)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        env[f"JUPYTER_{name}_DIR"] = str(home / name.lower())
    return env


@contextlib.contextmanager
def jupyter(
    home: Path,
    *args: str,
    base_url: str = BASE_URL,
    token: str = TOKEN,
    env: Mapping[str, str] | None = None,
    module: str = "jupyter_server",
    command: Sequence[str] = (),
) -> Iterator[Jupyter]:
    """Start a server on a free port of 127.0.0.1, and stop it.

    Parameters
    ----------
    home : Path
        An empty folder, or that of a server that has stopped: then it is its successor.
    *args : str
        More of the command line: ``"--Dasklens.poll_interval=0.1"``.
    env : mapping, optional
        Environment variables on top of those of `settings`.
    module : str
        What is run: ``"jupyterlab"`` for one with pages.
    command : sequence of str
        Put before the interpreter's options: ``["-c", "…"]`` replaces ``-m module``.
    """
    runtime = home / "runtime"
    for old in runtime.glob("jpserver-*.json"):
        old.unlink()
    complete = {**settings(home), "JUPYTER_TOKEN": token, **(env or {})}
    line = [sys.executable, *(command or ("-m", module)), "--no-browser"]
    line += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.base_url={base_url}", *args]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")
    log = home / f"server-{time.time_ns()}.log"
    with log.open("wb") as output:
        # Of a shared standard input what JupyterLab starts makes one that does not block.
        process = subprocess.Popen(
            line, cwd=home, env=complete, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    server = Jupyter("", token, home, log, process, complete)
    try:
        server.url = _url(server)
        yield server
    finally:
        server.stop()


def _url(server: Jupyter) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.process.poll() is None:
        for file in server.runtime.glob("jpserver-*.json"):
            try:
                url: str = json.loads(file.read_text())["url"]
            except json.JSONDecodeError:
                continue  # half written
            # "localhost" may be ::1 as well, where it does not listen.
            url = url.replace("//localhost:", "//127.0.0.1:")
            with contextlib.suppress(OSError):  # it is written down before it listens
                socket.create_connection(("127.0.0.1", int(url.split("/")[2].rpartition(":")[2])), 5).close()
                return url
        time.sleep(0.05)
    raise RuntimeError(f"The Jupyter server did not start:\n{server.said()}")

"""The server extension in a real Jupyter server, loaded through the configuration that pip installed."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator

import jupyter_server
import pytest
from jupyter import Jupyter, jupyter
from tornado.web import RequestHandler

import dasklens
from dasklens.server.routes import ROUTES, Route

#: What a websocket's upgrade says; without login it must not get as far as being one.
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server that nobody's own settings reach."""
    with jupyter(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


def example(route: Route) -> str:
    """A path that the route's expression matches."""
    path = route.path.replace("([0-9a-f]{16})", "0" * 16)
    path = path.replace(r"([^/]+):(\d{1,5})(?:/(.*))?", "127.0.0.1:8787/status")
    path = path.replace("([^/]*)(?:/(.*))?", "A" * 43 + "/status")
    assert not set(path) & set("()[]\\*"), f"teach this function what matches {route.path}"
    return path


def test_hello_tells_the_versions_of_the_server_side(server: Jupyter) -> None:
    answer = server.get("dasklens/api/hello")
    assert answer.status == 200
    assert answer.json == {
        "dasklens": dasklens.__version__,
        "jupyter_server": jupyter_server.__version__,
        "python": platform.python_version(),
    }


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "UPGRADE"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_no_route_answers_without_its_guard(
    server: Jupyter, route: Route, method: str, token: str | None
) -> None:
    upgrade = method == "UPGRADE"
    # With the query that Jupyter's pages use too: a wrong token there opens nothing either.
    answer = server.request(
        "GET" if upgrade else method,
        example(route) + ("" if token is None else f"?token={token}"),
        b"{}" if method == "POST" else None,
        token=token,
        headers=UPGRADE if upgrade else {},
    )
    # A person who follows a link is sent to the login, scripts are refused.
    login = f"{server.base_url}login?"
    if answer.status == 302 and route.guard == "login":
        assert (answer.headers["Location"] or "").startswith(login)
    else:
        assert answer.status in (403, 404, 405)
    asked = getattr(route.handler, "get" if upgrade else method.lower())
    if route.guard == "login" and asked is not RequestHandler._unimplemented_method:
        assert answer.status in (302, 403)
    assert dasklens.__version__.encode() not in answer.body


def test_the_server_extension_loads_neither_figures_nor_clients() -> None:
    heavy = ["bqplot", "ipywidgets", "distributed", "numpy"]
    code = f"import sys, dasklens.server; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"

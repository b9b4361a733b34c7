"""The server extension in a real Jupyter server, loaded through the configuration that pip installed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import jupyter_server
import pytest

import dasklens
from dasklens.server.routes import ROUTES

TOKEN = "secret-of-the-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server that nobody's own settings reach."""
    home = tmp_path_factory.mktemp("jupyter")
    env = {**os.environ, "HOME": str(home), "JUPYTER_TOKEN": TOKEN}
    for name in ("CONFIG", "DATA", "RUNTIME"):
        env[f"JUPYTER_{name}_DIR"] = str(home / name.lower())
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--ServerApp.port=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--ServerApp.base_url=/user/someone/"], cwd=home, env=env, stdout=output, stderr=output
        )
    try:
        yield _url(process, home / "runtime", log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _url(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                url: str = json.loads(file.read_text())["url"]
            except json.JSONDecodeError:
                continue  # half written
            return url
        time.sleep(0.1)
    raise RuntimeError(f"The Jupyter server did not start:\n{log.read_text()}")


def get(url: str, token: str | None) -> tuple[int, bytes]:
    request = urllib.request.Request(url)
    if token is not None:
        request.add_header("Authorization", f"token {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_hello_tells_the_versions_of_the_server_side(server: str) -> None:
    status, body = get(server + "dasklens/api/hello", TOKEN)
    assert status == 200
    assert json.loads(body) == {
        "dasklens": dasklens.__version__,
        "jupyter_server": jupyter_server.__version__,
        "python": platform.python_version(),
    }


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize("path", [path for path, _ in ROUTES])
def test_every_route_is_behind_the_login(server: str, path: str, token: str | None) -> None:
    status, body = get(server + path, token)
    assert status == 403
    assert dasklens.__version__.encode() not in body


def test_the_server_extension_loads_neither_figures_nor_clients() -> None:
    heavy = ["bqplot", "ipywidgets", "distributed", "numpy"]
    code = f"import sys, dasklens.server; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"

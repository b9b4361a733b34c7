"""The link to the dashboard that people click, and what importing dasklens does in a kernel."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
import yaml
from kernels import Run, kernel
from test_announce import scheduler_elsewhere

from dasklens.kernel import prepare
from dasklens.kernel.link import link_of, set_link
from dasklens.wire.announcement import unpack

YAML = Path(__file__).parents[1] / "jupyter-config" / "dask" / "dasklens.yaml"
DEFAULT = "{scheme}://{host}:{port}/status"
KEY = "distributed.dashboard.link"
IN_KERNEL = {"DASKLENS_JUPYTER": "12:/user/someone/", "JPY_PARENT_PID": "12"}


@pytest.fixture(autouse=True)
def _default_link() -> Iterator[None]:
    with dask.config.set({KEY: DEFAULT}):
        yield


def test_the_link_leads_through_jupyter() -> None:
    assert set_link(IN_KERNEL)
    template = dask.config.get(KEY)
    assert template == "/user/someone/dasklens/open/{host}:{port}/status"
    from distributed.utils import format_dashboard_link

    assert format_dashboard_link("10.0.0.5", 8787) == "/user/someone/dasklens/open/10.0.0.5:8787/status"
    # Once is as good as twice.
    assert set_link(IN_KERNEL)
    assert dask.config.get(KEY) == template


@pytest.mark.parametrize(
    "configured", ["https://hub.example.org/user/{JUPYTERHUB_USER}/proxy/{port}", "", None]
)
def test_what_the_user_configured_stays(configured: str | None) -> None:
    with dask.config.set({KEY: configured}):
        assert not set_link(IN_KERNEL)
        assert dask.config.get(KEY) == configured


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DASKLENS_JUPYTER": "12:/"},
        {"JPY_PARENT_PID": "12"},
        # A kernel of a server that was started from a kernel of another.
        {"DASKLENS_JUPYTER": "12:/", "JPY_PARENT_PID": "13"},
        {"DASKLENS_JUPYTER": ":/", "JPY_PARENT_PID": ""},
        {"DASKLENS_JUPYTER": "12", "JPY_PARENT_PID": "12"},
        {"DASKLENS_JUPYTER": "12:", "JPY_PARENT_PID": "12"},
        {"DASKLENS_JUPYTER": "12:javascript:alert(1)", "JPY_PARENT_PID": "12"},
        {"DASKLENS_JUPYTER": "12://evil.example/", "JPY_PARENT_PID": "12"},
    ],
)
def test_elsewhere_the_link_is_distributeds(environ: dict[str, str]) -> None:
    assert not set_link(environ)
    assert dask.config.get(KEY) == DEFAULT


@pytest.mark.parametrize(
    "base_url", ["/", "/user/some{one}/", "/user/{0.__class__}/", "/user/a%7bb/x", "/a:b/"]
)
def test_any_base_url_comes_out_as_it_is(base_url: str) -> None:
    link = link_of({"DASKLENS_JUPYTER": f"7:{base_url}", "JPY_PARENT_PID": "7"})
    assert link is not None
    expected = base_url.rstrip("/") + "/dasklens/open/h:1/status"
    assert link.format(scheme="http", host="h", port=1) == expected


# -- preloads that a user's own lists left out ------------------------------------------------------

CLIENT, SCHEDULER = "distributed.client.preload", "distributed.scheduler.preload"


@pytest.fixture
def as_a_kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prepare, "kernel_id", lambda: "the-kernel")
    levels = {name: logging.getLogger(name).level for name in prepare._TALKATIVE}
    with dask.config.set({CLIENT: [], SCHEDULER: [], f"{CLIENT}-argv": [], f"{SCHEDULER}-argv": []}):
        yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_the_preloads_are_those_of_the_file() -> None:
    said = yaml.safe_load(YAML.read_text())
    assert said["distributed"]["client"]["preload"] == [prepare.PRELOADS[CLIENT]]
    assert said["distributed"]["scheduler"]["preload"] == [prepare.PRELOADS[SCHEDULER]]
    assert set(said["logging"]) == set(prepare._TALKATIVE)


def test_a_users_own_preloads_are_kept_and_ours_added_once(as_a_kernel: None) -> None:
    with dask.config.set({CLIENT: "my.module", SCHEDULER: ["one", "two"]}):
        for _ in range(2):
            prepare.prepare()
            assert dask.config.get(CLIENT) == ["my.module", prepare.PRELOADS[CLIENT]]
            assert dask.config.get(SCHEDULER) == ["one", "two", prepare.PRELOADS[SCHEDULER]]


def test_arguments_of_preloads_stay_as_many_as_these(as_a_kernel: None) -> None:
    with dask.config.set({CLIENT: ["one"], f"{CLIENT}-argv": [["--x", "1"]], f"{SCHEDULER}-argv": ["--y"]}):
        prepare.prepare()
        assert dask.config.get(f"{CLIENT}-argv") == [["--x", "1"], []]
        # Meant for all of them.
        assert dask.config.get(f"{SCHEDULER}-argv") == ["--y"]


def test_outside_a_kernel_nothing_is_touched(as_a_kernel: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "kernel_id", lambda: None)
    for name in IN_KERNEL:
        monkeypatch.setenv(name, IN_KERNEL[name])
    prepare.prepare()
    assert (dask.config.get(CLIENT), dask.config.get(SCHEDULER)) == ([], [])
    assert dask.config.get(KEY) == DEFAULT


# -- real kernels -----------------------------------------------------------------------------------

FIRST = """
import logging
from distributed import Client
client = Client(n_workers=0, processes=False, dashboard_address="127.0.0.1:0", protocol="tcp://")
"""
LINK = "print(client.dashboard_link)"
MODULES = "import sys; print([n for n in ('bqplot', 'distributed', 'numpy') if n in sys.modules])"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a kernel that the server with dasklens at ``/user/someone/`` has started: this process."""
    return {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
        "DASK_CONFIG": str(YAML),
        "DASKLENS_JUPYTER": f"{os.getpid()}:/user/someone/",
    }


def announced(tmp_path: Path, run: Run) -> list[Any]:
    run("from dasklens.scheduler import heartbeat; heartbeat._thread.order(lambda: None).result(10)")
    return [unpack(path.read_bytes()) for path in tmp_path.glob("dasklens/*.json")]


def test_a_kernel_without_a_word_of_dasklens(tmp_path: Path, environment: dict[str, str]) -> None:
    with kernel(environment) as (ident, run):
        assert run(FIRST) == ""
        port = run("print(client.cluster.scheduler.http_server.port)").strip()
        assert run(LINK).strip() == f"/user/someone/dasklens/open/127.0.0.1:{port}/status"
        assert f"/user/someone/dasklens/open/127.0.0.1:{port}/status" in run("print(client._repr_html_())")
        (said,) = announced(tmp_path, run)
        assert (said.kernel, said.port, said.link_host) == (ident, int(port), "127.0.0.1")
        assert said.token
        run("client.close()")
        assert announced(tmp_path, run) == []


def test_a_kernel_that_uses_a_scheduler_of_somebody_else(tmp_path: Path, environment: dict[str, str]) -> None:
    with scheduler_elsewhere() as there, kernel(environment) as (ident, run):
        connect = f"from distributed import Client; client = Client({there.address!r})"
        assert run(connect) == ""
        (said,) = announced(tmp_path, run)
        assert (said.kernel, said.scheduler_id, said.port) == (ident, there.id, there.port)
        assert said.token
        assert run(LINK).strip() == f"/user/someone/dasklens/open/127.0.0.1:{there.port}/status"
    # Nobody closed the client: the kernel has ended.
    assert list((tmp_path / "dasklens").iterdir()) == []


def own_lists(tmp_path: Path) -> str:
    """A user's configuration, which replaces both lists."""
    file = tmp_path / "own.yaml"
    mine = [{"preload": ["import sys\nprint('mine', file=sys.__stderr__)\n"]}] * 2
    file.write_text(yaml.safe_dump({"distributed": dict(zip(("scheduler", "client"), mine, strict=True))}))
    return str(file)


@pytest.mark.parametrize("before", [True, False], ids=["imported first", "imported last"])
def test_importing_dasklens_makes_up_for_lists_of_the_users_own(
    tmp_path: Path, environment: dict[str, str], before: bool
) -> None:
    environment["DASK_CONFIG"] = own_lists(tmp_path)
    with kernel(environment) as (ident, run):
        if before:
            assert run("import dasklens\n" + MODULES).strip() == "[]"
            assert run(FIRST) == ""
        else:
            run(FIRST)
            assert "127.0.0.1" in run(LINK)
            assert run("import dasklens") == ""
            run("client.sync(client.scheduler.identity)")
        assert run(LINK).startswith("/user/someone/dasklens/open/127.0.0.1:")
        wait = (
            "import time\nwhile not client.sync(client.scheduler.events, topic='dasklens'): time.sleep(0.01)"
        )
        run(wait)
        # The client's own loop has announced it by the time that it answers again.
        run("client.sync(client.scheduler.identity); client.sync(client.scheduler.identity)")
        (said,) = announced(tmp_path, run)
        assert said.kernel == ident
        assert said.token
        # Their own are still there, and clients to come are announced too.
        kept = json.loads(run("import dask, json; print(json.dumps(dask.config.get('distributed.client')))"))
        assert ["mine" in text for text in kept["preload"]] == [True, False]


def test_a_script_that_a_kernel_started_is_no_kernel(environment: dict[str, str]) -> None:
    environment["JPY_PARENT_PID"] = str(os.getpid())
    code = "import ipykernel, dasklens, sys\nprint('dask' in sys.modules)" + FIRST + LINK
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    loaded, link = ran.stdout.split()
    assert loaded == "False"
    assert link.startswith("http://127.0.0.1:")

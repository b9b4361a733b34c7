"""`jupyter dasklens check`: the checks in a terminal, where no Jupyter server runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from backends import announcement, folder_of, write
from jupyter import settings
from ports import address_of_this_machine, free_port

import dasklens
from dasklens.server import cli
from dasklens.server.check_result import Check
from dasklens.server.config import Dasklens

SCHEDULER = """
import asyncio, sys
from distributed import Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
        print(scheduler.http_server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def jupyter_dasklens(home: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it as a process, with folders of its own."""
    command = [sys.executable, "-m", "dasklens.server.cli", *args]
    return subprocess.run(
        command, env={**settings(home), **env}, capture_output=True, text=True, timeout=60, encoding="utf-8"
    )


@contextlib.contextmanager
def scheduler(home: Path) -> Iterator[int]:
    """Port of a real one that records and has announced itself."""
    command = [sys.executable, "-c", SCHEDULER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings(home)
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.communicate("", timeout=20)


def test_all_is_fine_with_a_scheduler_that_announced_itself(tmp_path: Path) -> None:
    with scheduler(tmp_path) as port:
        for args in ((), (f"http://127.0.0.1:{port}/status",), (f"127.0.0.1:{port}",)):
            result = jupyter_dasklens(tmp_path, "check", *args)
            assert (result.returncode, result.stderr) == (0, ""), result.stdout
            assert result.stdout.endswith("\nAll is fine.\n")
            assert f"http://127.0.0.1:{port}/" in result.stdout
            assert "✗" not in result.stdout
            assert "\x1b" not in result.stdout
    # It has taken its announcement back.
    assert jupyter_dasklens(tmp_path, "check").returncode == 1


def test_nothing_announced_is_wrong_and_says_what_may_be_the_reason(tmp_path: Path) -> None:
    result = jupyter_dasklens(tmp_path, "check")
    assert (result.returncode, result.stderr) == (1, "")
    for said in (
        "✗ Announced ",
        "client = Client()",
        "✓ Schedulers preload dasklens",
        "\u2013 Kernels use the same",
    ):
        assert said in result.stdout
    assert str(tmp_path / "runtime" / "dasklens") in result.stdout


def test_the_users_own_preloads_are_named_with_their_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("distributed: {scheduler: {preload: [mine]}}")
    result = jupyter_dasklens(tmp_path, "check", DASK_CONFIG=str(mine))
    assert str(mine) in "".join(line.strip() for line in result.stdout.splitlines())
    assert "from dasklens.scheduler.preload import dask_setup, dask_teardown" in result.stdout


@pytest.mark.parametrize("args", [(), ("chekc",), ("check", "--jsno"), ("check", "a", "b")])
def test_a_wrong_command_line_is_code_2(tmp_path: Path, args: Sequence[str]) -> None:
    result = jupyter_dasklens(tmp_path, *args)
    assert result.returncode == 2
    assert "usage: jupyter dasklens" in result.stderr


def test_json_is_for_programs(tmp_path: Path) -> None:
    result = jupyter_dasklens(tmp_path, "check", "--json", "http://10.1.2.3:8787/")
    assert (result.returncode, result.stderr) == (1, "")
    checks = json.loads(result.stdout)["checks"]
    keys = {"name", "title", "ok", "said", "remedy", "copy", "about", "scheduler"}
    assert all(set(check) == keys for check in checks)
    [allowed] = [check for check in checks if check["name"] == "allowed"]
    assert allowed["ok"] is False
    assert allowed["copy"] == 'c.Dasklens.allowed_hosts = ["10.1.2.3"]'


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_who_has_read_enough_may_go(tmp_path: Path, more: Sequence[str]) -> None:
    command = [sys.executable, "-m", "dasklens.server.cli", "check", *more]
    process = subprocess.Popen(
        command, env=settings(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


# -- Jupyter's configuration -----------------------------------------------------------------------


def named(result: subprocess.CompletedProcess[str], name: str) -> dict[str, Any]:
    [found] = [check for check in json.loads(result.stdout)["checks"] if check["name"] == name]
    return found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("jupyter_server_config.py", 'c.Dasklens.allowed_hosts = ["127.0.0.0/8", "10.1.0.0/16"]'),
        ("jupyter_server_config.json", '{"Dasklens": {"allowed_hosts": ["10.1.0.0/16"]}}'),
        ("jupyter_dasklens_config.py", 'c.Dasklens.allowed_hosts = ["10.1.0.0/16"]'),
        ("jupyter_config.py", 'c.Dasklens.allowed_hosts = ["10.1.0.0/16"]'),
    ],
)
def test_allowed_hosts_of_jupyters_configuration_count(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / file).write_text(text)
    checked = jupyter_dasklens(tmp_path, "check", "--json", "http://10.2.2.3:8787/")
    assert named(checked, "allowed")["ok"] is False
    assert "10.1.0.0/16" in named(checked, "allowed")["copy"]


def test_an_allowed_host_is_looked_at(tmp_path: Path) -> None:
    host = address_of_this_machine()
    file = tmp_path / "mine.py"
    file.write_text(f'c.Dasklens.allowed_hosts = ["{host}"]\nc.Dasklens.pages = False')
    url = f"http://{host}:{free_port()}/"
    checked = jupyter_dasklens(tmp_path, "check", "--json", "--config", str(file), url)
    assert named(checked, "allowed")["ok"] is True
    assert named(checked, "port")["ok"] is False
    assert named(checked, "pages")["ok"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c.Dasklens.poll_interval = -1", "at least 0.05"),
        ("raise SystemError('of mine')", "of mine"),
        ("import sys; sys.exit('enough')", "enough"),
        ("c.Dasklens.allowed_hosts = (", "SyntaxError"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_a_result_too(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text(text)
    result = jupyter_dasklens(tmp_path, "check", "--json")
    assert result.returncode == 1
    assert said in named(result, "config")["said"]
    assert named(result, "announced")["ok"] is False


def test_ports_of_running_jupyter_servers_are_known(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    port = free_port()
    (runtime / "jpserver-1.json").write_text(json.dumps({"port": port, "pid": 1}))
    checked = jupyter_dasklens(tmp_path, "check", "--json", f"http://127.0.0.1:{port}/proxy/8787/status")
    assert named(checked, "own_port")["ok"] is False


# -- how it looks ----------------------------------------------------------------------------------

CHECKS = [
    Check("a", "Fine", True, "It is."),
    Check(
        "b", "Broken", False, "It is not. " * 20, "Do this.", "copy --this\nand: that", about="toy, http://x/"
    ),
    Check("c", "Skipped", None, "not run: the other failed.", about="toy, http://x/"),
]


def written(checks: Sequence[Check], encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as out:
        cli.write(checks, out)
        out.flush()
        return raw.getvalue().decode(encoding)


def test_a_table_has_a_mark_a_title_and_lines_that_can_be_copied() -> None:
    lines = written(CHECKS).splitlines()
    assert lines[0].startswith(f"dasklens {dasklens.__version__} on ")
    assert lines[1:3] == ["✓ Fine     It is.", ""]
    assert lines[3] == "toy, http://x/"
    assert lines[4].startswith("✗ Broken   It is not. It is not.")
    assert "           Do this." in lines
    assert "               copy --this" in lines
    assert "               and: that" in lines
    assert lines[-3:] == ["\u2013 Skipped  not run: the other failed.", "", "1 of 3 checks found something."]
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_has_no_such_letters_gets_others(encoding: str) -> None:
    said = written([*CHECKS, Check("d", "Name", True, "schön ☃")], encoding)
    assert "\n+ Fine " in said
    assert "\nx Broken " in said
    assert "\n- Skipped " in said
    assert ("sch?n ?" if encoding == "ascii" else "schön ?") in said


def test_what_others_said_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;evil\x07\x1b[2Jname\r\n✓ All is fine\u202e"
    said = written([Check(evil, evil, False, evil, evil, evil, evil)])
    assert not set(said) & {"\x1b", "\x07", "\r", "\u202e"}
    assert not any(line.startswith("✓ All") for line in said.splitlines())


def test_the_name_of_a_cluster_cannot_either(tmp_path: Path) -> None:
    write(folder_of(tmp_path / "runtime"), announcement(free_port(), name="\x1b[31mred\nline"))
    result = jupyter_dasklens(tmp_path, "check")
    assert "red" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(
    tmp_path: Path, env: dict[str, str], coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    environ = {**settings(tmp_path), "TERM": "xterm", **env}
    if "NO_COLOR" not in env:
        environ.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "dasklens.server.cli", "check", "x"]
    with subprocess.Popen(command, env=environ, stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while piece := os.read(ours, 1 << 16):
                said += piece
        os.close(ours)
        assert process.wait(timeout=30) == 1
    assert (b"\x1b[31m" in said) is coloured
    assert "✗".encode() in said


# -- in the documents ------------------------------------------------------------------------------

CONNECTING = (Path(__file__).parent.parent / "docs" / "connecting.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_with_its_default() -> None:
    for name, trait in Dasklens.class_own_traits(config=True).items():
        assert f"| `c.Dasklens.{name}` | `{json.dumps(trait.default()).capitalize()}` |" in CONNECTING


# -- as a command ----------------------------------------------------------------------------------


def test_it_is_quick_to_import() -> None:
    heavy = ["bokeh", "bqplot", "dask", "distributed", "ipywidgets", "jupyter_server", "numpy", "tornado"]
    code = f"import sys, dasklens.server.cli; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"


def test_the_checks_need_neither_a_server_nor_a_client(tmp_path: Path) -> None:
    heavy = ["bokeh", "bqplot", "distributed", "ipywidgets", "jupyter_server", "numpy"]
    code = (
        "import sys; from dasklens.server.cli import main; main(['check', '--json', 'http://127.0.0.1:9/']);"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=settings(tmp_path))
    assert result.stderr.strip() == "[]"


def test_jupyter_finds_the_command(tmp_path: Path) -> None:
    [script] = entry_points(group="console_scripts", name="jupyter-dasklens")
    assert script.load() is cli.main
    folder = str(Path(sys.executable).parent)
    jupyter = shutil.which("jupyter", path=folder)
    assert jupyter is not None
    env = {**settings(tmp_path), "PATH": folder}
    result = subprocess.run([jupyter, "dasklens", "check"], env=env, capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    assert "No scheduler has announced itself" in result.stdout
    version = subprocess.run([jupyter, "dasklens", "--version"], env=env, capture_output=True, text=True)
    assert version.stdout.strip() == dasklens.__version__

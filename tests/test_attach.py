"""Zero configuration: schedulers of other environments, other Pythons, and what stays behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import distributed
import pytest
from distributed import Client, Scheduler, Worker
from distributed.utils_test import gen_cluster

from dasklens import get_task_stream
from dasklens.source.attach import UPLOADED, attach, source_zip
from dasklens.source.errors import NotRecorded

ROOT = Path(__file__).parents[1]
YAML = ROOT / "jupyter-config" / "dask" / "dasklens.yaml"


def other_python() -> str | None:
    """An interpreter of another minor version that runs, or None."""
    mine = sys.version_info[:2]
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    for minor in (12, 13, 11, 10):
        if (3, minor) == mine:
            continue
        found = [shutil.which(f"python3.{minor}")]
        found += [str(p) for root in roots for p in root.glob(f"3.{minor}.*/bin/python")]
        for path in filter(None, found):
            code = "import sys, venv, ensurepip; print(sys.version_info[1])"
            ran = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
            if ran.returncode == 0 and ran.stdout.strip() == str(minor):
                return path
    return None


@pytest.fixture(scope="session")
def foreign_python() -> str:
    """A Python of another version, in an environment with distributed and without dasklens."""
    base = other_python()
    if base is None:
        pytest.skip("only one Python version on this machine: nothing to attach across")
    home = ROOT / ".cache" / f"foreign-{Path(base).parts[-3]}-{distributed.__version__}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([base, "-m", "venv", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, f"distributed=={distributed.__version__}"], check=True)
        (home / "ready").touch()
    return str(python)


SCHEDULER = """
import asyncio, sys
from distributed import Scheduler, Worker

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        async with Worker(scheduler.address, nthreads=1):
            print(scheduler.address, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def foreign_scheduler(foreign_python: str) -> Iterator[str]:
    process = subprocess.Popen(
        [foreign_python, "-c", SCHEDULER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DASK_CONFIG": os.devnull},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    try:
        assert address, process.communicate()[1]
        yield address
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.close()
    assert process.returncode == 0


# The client and the foreign side differ in Python, which distributed remarks on.
@pytest.mark.filterwarnings("ignore::distributed.versions.VersionMismatchWarning")
def test_attach_to_another_python_without_dasklens(foreign_scheduler: str) -> None:
    with Client(foreign_scheduler) as client, Client(foreign_scheduler) as second:
        with get_task_stream(client) as ts, get_task_stream(second) as again:
            # by importable name: functions pickled by value do not cross Python versions
            client.submit(pow, 2, 5, key="over there").result()
        assert [r["key"] for r in ts.data] == [r["key"] for r in again.data] == ["over there"]
        hello = client.sync(attach, client)
        assert not hello["python"].startswith(f"3.{sys.version_info[1]}.")


def test_the_uploaded_source_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / f"{UPLOADED}.zip"
    path.write_bytes(source_zip())
    code = (
        f"import sys; sys.path.insert(0, {str(path)!r}); "
        f"import {UPLOADED}.scheduler.recorder as r; "
        "assert not any(m.split('.')[0] == 'dasklens' for m in sys.modules); "
        "print(r.Recorder.name)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (ran.stdout.strip(), ran.returncode) == ("dasklens", 0), ran.stderr


@gen_cluster(
    client=True,
    nthreads=[("127.0.0.1", 1)],
    config={
        "distributed.scheduler.preload": [],
        "distributed.client.preload": [],
        "distributed.scheduler.blocked-handlers": ["register_scheduler_plugin"],
    },
)
async def test_a_scheduler_that_lets_nobody_in_says_so(c: Client, s: Scheduler, a: Worker) -> None:
    import dasklens.source.attach as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "local_scheduler", lambda client: None)
        with pytest.raises(NotRecorded, match=r"lets no plugin be added.*Install dasklens.*start it again"):
            await attach(c)
    assert set(s.plugins) & {"dasklens", "dasklens-upload"} == set()


SWITCHED_OFF = """
import asyncio, sys, dask
dask.config.set({"dasklens.record": False, "distributed.scheduler.preload": []})
from distributed import Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler:
        print(scheduler.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def test_the_schedulers_own_off_switch_counts() -> None:
    command = [sys.executable, "-c", SWITCHED_OFF]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with dask.config.set({"distributed.client.preload": []}):
            with Client(process.stdout.readline().strip()) as client:
                with pytest.raises(NotRecorded, match="switched off at tcp"):
                    client.sync(attach, client)
                plugins = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.plugins))
                assert "dasklens" not in plugins


@gen_cluster(
    client=True,
    nthreads=[("127.0.0.1", 1)],
    config={"distributed.scheduler.preload": [], "distributed.client.preload": []},
)
async def test_uploading_leaves_only_the_recorder(c: Client, s: Scheduler, a: Worker) -> None:
    import dasklens.source.attach as module

    before = set(s.plugins)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "local_scheduler", lambda client: None)
        patch.syspath_prepend(s.local_directory)
        hello = await attach(c)
        assert await attach(c) == {**hello, "next": hello["next"]}
    assert set(s.plugins) - before == {"dasklens"}
    assert type(s.plugins["dasklens"]).__module__.startswith(UPLOADED)
    for name in [m for m in sys.modules if m.split(".")[0] == UPLOADED]:
        del sys.modules[name]
    sys.path[:] = [p for p in sys.path if not p.endswith(f"{UPLOADED}.zip")]


def run_quiet(tmp_path: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=120,
        env={**os.environ, **env},
    )


CLUSTER = """
from distributed import Client, LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, processes={processes},
                      protocol="tcp://", host="127.0.0.1", dashboard_address=":0",
                      scheduler_kwargs={{"dashboard": False}}) as cluster, \\
         Client(cluster) as client:
        assert client.submit(abs, -1).result() == 1
        print(len(client.sync(client.scheduler.events, topic="dasklens")))
"""


def config_folder(tmp_path: Path, with_yaml: bool) -> str:
    folder = tmp_path / f"config-{with_yaml}"
    folder.mkdir(exist_ok=True)
    if with_yaml:
        shutil.copy(YAML, folder)
    return str(folder)


@pytest.mark.parametrize("processes", [True, False])
def test_client_prints_nothing_new(tmp_path: Path, processes: bool) -> None:
    code = CLUSTER.format(processes=processes)
    config = config_folder(tmp_path, with_yaml=True)
    ran = run_quiet(tmp_path, code, DASK_CONFIG=config, DASK_ROOT_CONFIG=config)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "1"
    assert ran.stderr == ""


REMOTE = """
import sys
sys.modules["ipykernel"] = sys  # as in a notebook
import asyncio
from distributed import Client, Scheduler, Worker

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print("MARK", file=sys.stderr, flush=True)
        async with Client(scheduler.address, asynchronous=True) as client:
            print("MARK", file=sys.stderr, flush=True)
            print(len(await client.scheduler.events(topic="dasklens")))

asyncio.run(main())
"""


def test_client_in_a_notebook_attaches_and_prints_nothing_new(tmp_path: Path) -> None:
    said = {}
    for with_yaml in (True, False):
        config = config_folder(tmp_path, with_yaml)
        ran = run_quiet(tmp_path, REMOTE, DASK_CONFIG=config, DASK_ROOT_CONFIG=config)
        assert ran.returncode == 0, ran.stderr
        said[with_yaml] = [
            re.sub(r"[\d.:-]+|Client-\S+", "", line) for line in ran.stderr.split("MARK")[1].splitlines()
        ]
        if with_yaml:
            assert ran.stdout.strip() == "1"
    assert said[True] == said[False]


def test_a_scheduler_starts_when_dasklens_is_gone_and_the_yaml_is_not(tmp_path: Path) -> None:
    config = config_folder(tmp_path, with_yaml=True)
    gone = "import sys\nsys.modules['dasklens'] = None\n"
    code = gone + CLUSTER.format(processes=False)
    ran = run_quiet(tmp_path, code, DASK_CONFIG=config, DASK_ROOT_CONFIG=config)
    assert (ran.stdout.strip(), ran.returncode) == ("0", 0), ran.stderr
    assert ran.stderr == ""

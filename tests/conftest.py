"""Clusters for tests: real schedulers on 127.0.0.1, closed by the test that started them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import comm
import pytest
from distributed import Client, LocalCluster
from pages import Page
from proxied import world  # noqa: F401 -- a fixture
from registries import place, registry, runtime, serverapp  # noqa: F401 -- fixtures

from dasklens.scheduler import recorder as recorder_module
from dasklens.scheduler.recorder import Recorder, ensure_recorder
from dasklens.source import feed, live

if TYPE_CHECKING:
    from dasklens import TaskStream

#: Even without a dashboard a scheduler serves HTTP, and warns if somebody else has its usual port.
NO_DASHBOARD: dict[str, Any] = {"dashboard_address": ":0", "scheduler_kwargs": {"dashboard": False}}


@pytest.fixture(scope="session", autouse=True)
def _runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Schedulers of tests announce themselves to nobody's Jupyter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        # Where signatures of notebooks are.
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """Two workers of two threads in this process, the scheduler recording or not as configured."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        **NO_DASHBOARD,
    ) as cluster:
        yield cluster


SCHEDULER = """
import asyncio, sys
from distributed import Scheduler, Worker

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler:
        async with Worker(scheduler.address, nthreads=1):
            print(scheduler.address, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def mortal() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of a scheduler and its worker: kill it, and it says goodbye to nobody."""
    command = [sys.executable, "-c", SCHEDULER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """A client whose scheduler records."""
    with Client(cluster) as client:
        yield client


@pytest.fixture
def recorder(client: Client, cluster: LocalCluster) -> Recorder:
    """The recorder of the cluster's scheduler."""

    async def on_loop() -> Recorder:
        found = ensure_recorder(cluster.scheduler)
        assert found is not None
        return found

    result: Recorder = client.sync(on_loop)
    return result


@pytest.fixture
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a feed does at the end of a long poll need not be waited for, nor be forgotten for long."""
    monkeypatch.setattr(live, "WAIT", 0.1)
    monkeypatch.setattr(live, "CONNECT_TIMEOUT", 2.0)
    monkeypatch.setattr(feed, "CONNECT_TIMEOUT", 2.0)
    monkeypatch.setattr(recorder_module, "FORGET_AFTER", 0.5)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """What a page is sent of all widgets."""
    page = Page()
    monkeypatch.setattr(comm, "create_comm", page.create_comm)
    return page


@pytest.fixture
def ts(page: Page, client: Client, recorder: Recorder, short_polls: None) -> Iterator[TaskStream]:
    """A live task stream."""
    from dasklens import TaskStream

    ts = TaskStream(client)
    yield ts
    ts.close()

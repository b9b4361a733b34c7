"""Announcement files: there while their scheduler is, right, private, and nobody's burden."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
from certificates import self_signed
from distributed import Client, LocalCluster, Scheduler
from distributed.security import Security
from distributed.utils_test import gen_cluster
from waiting import until, until_async

from dasklens.kernel import announce as kernel_announce
from dasklens.kernel import preload as kernel_preload
from dasklens.scheduler import announce, heartbeat
from dasklens.scheduler.dashboard import dashboard_of, link_host_of
from dasklens.wire.announcement import Announcement, unpack

YAML = Path(__file__).parents[1] / "jupyter-config" / "dask" / "dasklens.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where announcements of this test are."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    # As `pip install` would have it, whatever is installed here.
    monkeypatch.setitem(os.environ, "DASK_CONFIG", str(YAML))
    return tmp_path / "runtime" / "dasklens"


def read(folder: Path, pid: int | None = None) -> list[Announcement]:
    """The announcements there are, of one process or all."""
    found = [unpack(path.read_bytes()) for path in folder.glob("*.json")]
    return [one for one in found if pid is None or one.pid == pid]


def flush() -> None:
    """Wait for what the thread was told so far."""
    heartbeat._thread.order(lambda: None).result(10)


@contextlib.contextmanager
def cluster(**more: Any) -> Iterator[LocalCluster]:
    options = {"n_workers": 0, "processes": False, "protocol": "tcp://", "host": "127.0.0.1", **more}
    options = {"dashboard_address": "127.0.0.1:0", **options}
    with LocalCluster(**options) as cluster:
        yield cluster


def test_a_cluster_is_announced_while_it_lives(folder: Path) -> None:
    before = time.time()
    with cluster(name="of this test") as there:
        until(lambda: len(read(folder)) == 1, "the announcement")
        (said,) = read(folder)
        scheduler = there.scheduler
        assert said == Announcement(
            scheduler_id=scheduler.id,
            scheduler=scheduler.address,
            name="of this test",
            scheme="http",
            hosts=("127.0.0.1",),
            port=scheduler.http_server.port,
            prefix="/",
            link_host="127.0.0.1",
            pid=os.getpid(),
            host=socket.gethostname(),
            kernel=None,
            token=scheduler.plugins["dasklens"].token,
            dasklens=said.dasklens,
            started=scheduler.time_started,
        )
        assert said.port not in (0, 8787)
        assert said.dasklens
        assert before - 60 < said.started < time.time()
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert file.name.removesuffix(".json").isalnum()
        assert len(file.name) == 32 + len(".json")
    # When `close` has returned it is gone, and so is what kept it.
    assert list(folder.iterdir()) == []
    until(lambda: not any(t.name == "dasklens-announcing" for t in threading.enumerate()), "the thread's end")


def test_two_clusters_are_two_files(folder: Path) -> None:
    with cluster() as one:
        with cluster() as two:
            until(lambda: len(read(folder)) == 2, "both")
            ids = {one.scheduler.id, two.scheduler.id}
            assert {said.scheduler_id for said in read(folder)} == ids
        assert [said.scheduler_id for said in read(folder)] == [one.scheduler.id]


def test_what_is_not_recorded_is_announced_as_plain(folder: Path) -> None:
    with dask.config.set({"dasklens.record": False}), cluster() as there:
        until(lambda: len(read(folder)) == 1, "the announcement")
        (said,) = read(folder)
        assert (said.token, said.dasklens, said.port) == ("", "", there.scheduler.http_server.port)


def test_switched_off(folder: Path) -> None:
    with dask.config.set({"dasklens.announce": False}), cluster() as there:
        flush()
        assert there.scheduler.plugins["dasklens"] is not None
        assert not folder.exists()


@gen_cluster(nthreads=[], scheduler_kwargs={"dashboard_address": "127.0.0.1:0"})
async def test_a_dashboard_on_loopback_is_nowhere_else(s: Scheduler) -> None:
    assert dashboard_of(s)["hosts"] == ["127.0.0.1"]


@gen_cluster(nthreads=[], scheduler_kwargs={"dashboard_address": "0.0.0.0:0", "http_prefix": "a/b"})
async def test_a_dashboard_on_all_addresses_is_tried_on_loopback_first(s: Scheduler) -> None:
    found = dashboard_of(s)
    assert found == {
        "scheme": "http",
        "hosts": ["127.0.0.1", socket.gethostname()],
        "port": s.http_server.port,
        "prefix": "/a/b/",
    }
    s.contact_address = "tcp://10.1.2.3:4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(s), "address", "tcp://10.1.2.3:4")
        assert dashboard_of(s)["hosts"] == ["127.0.0.1", "10.1.2.3", socket.gethostname()]


@gen_cluster(nthreads=[])
async def test_no_server_no_dashboard(s: Scheduler) -> None:
    class Without:
        address = s.address

    assert dashboard_of(Without()) == {"scheme": "", "hosts": [], "port": 0, "prefix": "/"}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("tcp://10.0.0.5:8786", "10.0.0.5"),
        ("tls://node-7.example.org:8786", "node-7.example.org"),
        ("inproc://10.0.0.5/123/4", "10.0.0.5"),
        ("tls://[fe80::1]:8786", "fe80::1"),
        ("", ""),
    ],
)
def test_the_host_that_distributed_puts_into_the_link(address: str, host: str) -> None:
    assert link_host_of(address) == host


def test_it_is_what_the_link_of_a_cluster_names(folder: Path) -> None:
    # The dashboard listens on loopback, the scheduler elsewhere: the link then leads nowhere.
    with LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as there:
        until(lambda: len(read(folder)) == 1, "the announcement")
        (said,) = read(folder)
        assert there.dashboard_link == f"http://{said.link_host}:{said.port}/status"
        assert said.hosts == ("127.0.0.1",)


# -- the file ---------------------------------------------------------------------------------------


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT", 0.05)


def test_the_heartbeat_is_the_time_of_the_file(folder: Path, often: None) -> None:
    with cluster():
        until(lambda: len(read(folder)) == 1, "the announcement")
        (file,) = folder.iterdir()
        content = file.read_bytes()
        for _ in range(3):
            seen = file.stat().st_mtime_ns
            until(lambda: file.stat().st_mtime_ns > seen, "a heartbeat")  # noqa: B023
        assert file.read_bytes() == content
        file.unlink()
        until(file.exists, "the file that somebody removed")
        assert file.read_bytes() == content


def test_a_scheduler_that_ended_without_teardown_is_not_announced(folder: Path, often: None) -> None:
    with cluster() as there:
        until(lambda: len(read(folder)) == 1, "the announcement")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(announce, "_is_open", lambda scheduler: False)
            heartbeat._thread._kept[there.scheduler.id].alive = lambda scheduler: False
            until(lambda: not read(folder), "the end of the announcement")


SCHEDULER = """
import asyncio, os, sys
from distributed import Scheduler
from dasklens.scheduler import heartbeat

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
        heartbeat._thread.order(lambda: None).result(30)
        print(scheduler.id, flush=True)
{then}

asyncio.run(main())
"""


def script(then: str) -> subprocess.Popen[str]:
    """A process that does so when its scheduler is announced."""
    code = SCHEDULER.format(then=textwrap.indent(then, " " * 8))
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], text=True, **pipes)


WAIT = "await asyncio.to_thread(sys.stdin.read)"


def test_a_process_that_ends_takes_its_files_along(folder: Path) -> None:
    for then in (
        WAIT,
        "print(len(os.listdir(os.environ['JUPYTER_RUNTIME_DIR'] + '/dasklens'))); sys.exit(5)",
    ):
        with script(then) as process:
            out, _ = process.communicate()
            assert process.returncode in (0, 5)
            assert out.startswith("Scheduler-")
        assert list(folder.iterdir()) == []
    assert out.endswith("\n1\n")


def test_a_killed_one_leaves_its_file_for_a_day(folder: Path) -> None:
    with script(WAIT) as process:
        assert process.stdout is not None
        killed = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (left,) = folder.iterdir()
    assert [said.scheduler_id for said in read(folder)] == [killed]
    beside = folder / (".tmp-" + "0" * 32)
    beside.write_text("half a file")
    foreign = folder / "of somebody else.json"
    foreign.write_text("{}")
    with cluster():
        until(lambda: len(list(folder.iterdir())) == 4, "the announcement")
        assert left.exists()
    for file in (left, beside, foreign):
        os.utime(file, (time.time() - heartbeat.LEFT_BEHIND - 60,) * 2)
    with cluster():
        until(lambda: not left.exists() and not beside.exists(), "the old ones to go")
        assert foreign.exists()
    assert list(folder.iterdir()) == [foreign]


FORK = """
import atexit
child = os.fork()
if not child:
    atexit._run_exitfuncs()
    os._exit(0)
os.waitpid(child, 0)
print(len(os.listdir(os.environ["JUPYTER_RUNTIME_DIR"] + "/dasklens")), flush=True)
print(list(heartbeat._thread._kept) == [scheduler.id], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_leaves_the_parents_file_alone(folder: Path) -> None:
    with script(FORK) as process:
        out, err = process.communicate()
    assert out.split()[-2:] == ["1", "True"], err
    assert list(folder.iterdir()) == []


def test_a_forked_child_begins_with_nothing() -> None:
    thread = heartbeat._Thread()
    thread._kept["x"] = heartbeat._Kept(None, lambda owner: True)  # type: ignore[arg-type]
    thread._lock.acquire()
    thread.begin()
    assert not thread._kept
    assert not thread._lock.locked()
    thread.close()
    # At the end of a process nothing begins any more.
    thread.order(lambda: 1 / 0).result(0)
    assert thread._thread is None


def test_a_folder_that_others_could_read_is_closed_to_them(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o755)
    with cluster():
        until(lambda: len(read(folder)) == 1, "the announcement")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_where_nothing_can_be_written_nothing_happens(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], often: None
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.parent.mkdir()
    for make in (
        lambda: folder.symlink_to(elsewhere),
        lambda: folder.write_text("a file"),
        lambda: (folder.parent.rmdir(), folder.parent.write_text("a file")),
    ):
        make()
        with cluster() as there:
            capfd.readouterr()
            flush()
            assert there.scheduler.plugins["dasklens"] is not None
            with Client(there) as client:
                assert client.scheduler_info()["id"] == there.scheduler.id
        assert list(elsewhere.iterdir()) == []
        assert "announce" not in "".join(capfd.readouterr())
        if folder.is_symlink() or folder.exists():
            folder.unlink()


def test_a_home_folder_that_hangs_holds_nobody_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, threads = threading.Event(), []

    def write(self: heartbeat.AnnouncementFile) -> None:
        threads.append(threading.current_thread().name)
        hangs.wait(30)

    monkeypatch.setattr(heartbeat.AnnouncementFile, "write", write)
    monkeypatch.setattr(announce, "WAIT_FOR_REMOVAL", 0.05)
    begin = time.monotonic()
    with cluster():
        until(lambda: threads == ["dasklens-announcing"], "the thread that writes")
    assert time.monotonic() - begin < 20
    hangs.set()
    flush()


# -- the kernel's side ------------------------------------------------------------------------------


@pytest.fixture
def in_kernel(monkeypatch: pytest.MonkeyPatch) -> str:
    """As if this process were a kernel."""
    monkeypatch.setattr(kernel_announce, "kernel_id", lambda: "the-kernel")
    monkeypatch.setattr(announce, "kernel_id", lambda: "the-kernel")
    monkeypatch.setattr(kernel_preload, "kernel_id", lambda: "the-kernel")
    return "the-kernel"


@pytest.fixture
def as_in_a_notebook() -> Iterator[None]:
    """Clients have the preload of the file, without its question whether this is a notebook."""
    text = "from dasklens.kernel.preload import dask_setup, dask_teardown\n"
    with dask.config.set({"distributed.client.preload": [text]}):
        yield


ELSEWHERE = """
import asyncio, json, sys
from distributed import Scheduler
from distributed.security import Security

async def main():
    options = json.loads(sys.argv[1])
    if "tls" in options:
        files = options.pop("tls")
        options["security"] = Security(
            tls_ca_file=files[0], tls_scheduler_cert=files[0], tls_scheduler_key=files[1],
            require_encryption=True)
    options = {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0", **options}
    async with Scheduler(**options) as s:
        print(s.address, s.id, s.http_server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class Elsewhere:
    """A scheduler in another process."""

    def __init__(self, line: str, process: subprocess.Popen[str]):
        self.address, self.id, port = line.split()
        self.port = int(port)
        self.process = process


@contextlib.contextmanager
def scheduler_elsewhere(preload: bool = False, **options: Any) -> Iterator[Elsewhere]:
    """With our preloads or without; without, nobody but a kernel announces it."""
    env = {**os.environ, "DASK_CONFIG": str(YAML)}
    if not preload:
        env["DASK_DISTRIBUTED__SCHEDULER__PRELOAD"] = "[]"
    command = [sys.executable, "-c", ELSEWHERE, json.dumps(options)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env,
    ) as process:
        assert process.stdout is not None
        yield Elsewhere(process.stdout.readline(), process)
        process.communicate()


def test_a_scheduler_elsewhere_is_announced_for_the_kernel(
    folder: Path, in_kernel: str, as_in_a_notebook: None
) -> None:
    with scheduler_elsewhere(http_prefix="/x") as there, Client(there.address) as client:
        until(lambda: len(read(folder)) == 1, "the announcement")
        (said,) = read(folder)
        hello = client.sync(client.scheduler.dasklens_hello)
        assert (said.scheduler_id, said.scheduler) == (there.id, there.address)
        assert (said.scheme, said.port, said.prefix) == ("http", there.port, "/x/")
        assert said.hosts == ("127.0.0.1",)
        assert said.link_host == "127.0.0.1"
        assert (said.kernel, said.pid) == (in_kernel, os.getpid())
        assert said.token == hello["token"] != ""
        with Client(there.address) as second:
            second.sync(second.scheduler.identity)
            flush()
            assert read(folder) == [said]
        assert read(folder) == [said]
    until(lambda: not read(folder), "the end of the announcement")


def test_its_own_and_the_kernels_speak_of_one_scheduler(
    folder: Path, in_kernel: str, as_in_a_notebook: None
) -> None:
    with scheduler_elsewhere(preload=True) as there:
        until(lambda: len(read(folder)) == 1, "its own announcement")
        with Client(there.address):
            until(lambda: len(read(folder)) == 2, "the kernel's announcement")
            own, ours = read(folder, there.process.pid), read(folder, os.getpid())
            assert own[0].token == ours[0].token != ""
            assert own[0].scheduler_id == ours[0].scheduler_id == there.id
            assert (own[0].kernel, ours[0].kernel) == (None, in_kernel)
        until(lambda: not read(folder, os.getpid()), "the end of the kernel's")
        assert len(read(folder)) == 1
    assert list(folder.iterdir()) == []


def test_a_scheduler_here_announces_itself_and_nobody_else_does(
    folder: Path, in_kernel: str, as_in_a_notebook: None
) -> None:
    with cluster() as there, Client(there):
        until(lambda: len(read(folder)) == 1, "the announcement")
        flush()
        (said,) = read(folder)
        assert (said.scheduler_id, said.kernel) == (there.scheduler.id, in_kernel)
        assert said.token == there.scheduler.plugins["dasklens"].token
    assert list(folder.iterdir()) == []


def test_a_scheduler_here_whose_preload_was_left_out_is_announced_by_its_client(
    folder: Path, in_kernel: str, as_in_a_notebook: None
) -> None:
    with dask.config.set({"distributed.scheduler.preload": []}):
        with cluster() as there:
            flush()
            assert not folder.exists()
            with Client(there):
                until(lambda: len(read(folder)) == 1, "the announcement")
                assert read(folder)[0].token == there.scheduler.plugins["dasklens"].token
            # It belongs to the scheduler, not to the client.
            flush()
            assert len(read(folder)) == 1


def test_over_tls(folder: Path, in_kernel: str, as_in_a_notebook: None) -> None:
    certificate, key = self_signed()
    security = Security(
        tls_ca_file=certificate, tls_client_cert=certificate, tls_client_key=key, require_encryption=True
    )
    with scheduler_elsewhere(tls=[certificate, key], protocol="tls://") as there:
        assert there.address.startswith("tls://")
        with Client(there.address, security=security):
            until(lambda: len(read(folder)) == 1, "the announcement")
            (said,) = read(folder)
            assert (said.scheduler, said.port, said.scheme) == (there.address, there.port, "http")
            assert said.token


async def test_of_an_asynchronous_client(folder: Path, in_kernel: str, as_in_a_notebook: None) -> None:
    with scheduler_elsewhere() as there:
        async with Client(there.address, asynchronous=True):
            await until_async(lambda: len(read(folder)) == 1, "the announcement")
            assert read(folder)[0].token
        await until_async(lambda: not read(folder), "the end of the announcement")


def test_one_that_cannot_be_attached_is_announced_as_plain(
    folder: Path, in_kernel: str, as_in_a_notebook: None
) -> None:
    with dask.config.set({"dasklens.record": False}), scheduler_elsewhere() as there:
        with Client(there.address) as client:
            until(lambda: len(read(folder)) == 1, "the announcement")
            (plain,) = read(folder)
            assert (plain.token, plain.dasklens, plain.prefix) == ("", "", "/")
            assert (plain.scheduler_id, plain.port) == (there.id, there.port)
            assert plain.hosts == ("127.0.0.1",)
            # Whatever attaches later tells the rest, and it stays told.
            dask.config.set({"dasklens.record": True})
            from dasklens.source.attach import attach

            client.sync(attach, client)
            until(lambda: read(folder)[0].token != "", "the token")
            kernel_announce.announce(client, None)
            flush()
            assert read(folder)[0].token != ""
        assert list(folder.iterdir()) == []


def test_the_clients_off_switch_counts(folder: Path, in_kernel: str, as_in_a_notebook: None) -> None:
    with dask.config.set({"dasklens.announce": False}), scheduler_elsewhere() as there:
        with Client(there.address):
            flush()
            assert not folder.exists()


def test_no_kernel_no_announcement(folder: Path, as_in_a_notebook: None) -> None:
    with scheduler_elsewhere() as there, Client(there.address) as client:
        # A worker, or a script that happens to import ipykernel.
        assert client.sync(client.scheduler.events, topic="dasklens")
        flush()
        assert not folder.exists()


def test_another_scheduler_at_the_same_address_is_another(
    folder: Path, in_kernel: str, as_in_a_notebook: None, often: None
) -> None:
    with scheduler_elsewhere() as there, Client(there.address) as client:
        until(lambda: len(read(folder)) == 1, "the announcement")
        client._scheduler_identity["id"] = "Scheduler-of-later"
        until(lambda: not read(folder), "the end of the announcement")


def test_a_client_that_nobody_holds_any_more_announces_nothing(folder: Path, often: None) -> None:
    class Owner:
        pass

    owner = Owner()
    with cluster() as there:
        said = announce.announcement_of(there.scheduler)
    heartbeat.keep("Scheduler-x", said, owner, lambda owner: True)
    until(lambda: len(read(folder)) == 1, "the announcement")
    del owner
    until(lambda: not read(folder), "the end of the announcement")


HERE = socket.gethostname()


@pytest.mark.parametrize(
    ("address", "said", "hosts"),
    [
        ("tcp://127.0.0.1:1", (), ("127.0.0.1",)),
        ("tcp://127.0.0.1:1", ("127.0.0.1",), ("127.0.0.1",)),
        ("tcp://localhost:1", ("10.9.8.7",), ("10.9.8.7", "localhost")),
        (f"tcp://{HERE}:1", ("127.0.0.1", HERE), ("127.0.0.1", HERE)),
        # On another machine: its loopback is not ours.
        ("tcp://192.0.2.7:1", (), ("192.0.2.7",)),
        ("tcp://192.0.2.7:1", ("127.0.0.1",), ("192.0.2.7",)),
        ("tls://192.0.2.7:1", ("127.0.0.1", "::1", "localhost", "node-7"), ("192.0.2.7", "node-7")),
        ("tcp://[2001:db8::7]:1", ("::1",), ("2001:db8::7",)),
        ("tcp://node-7.example.org:1", ("127.0.0.1", "10.0.0.7"), ("node-7.example.org", "10.0.0.7")),
    ],
)
def test_where_a_kernel_would_look(address: str, said: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    assert kernel_announce.hosts_of(address, said) == hosts

"""The checks of "Why can't I see it?": each is broken in a way of its own, and names the remedy for that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
import pytest
import yaml
from backends import TOKEN, Asked, Toy, announcement, folder_of, saying, silent, write
from distributed import Scheduler
from jupyter import Jupyter, jupyter
from ports import address_of_this_machine, free_port
from waiting import until, until_async

import dasklens
from dasklens.scheduler.recorder import ensure_recorder
from dasklens.server import check_files, check_hints, check_steps
from dasklens.server.check_result import Check
from dasklens.server.check_run import Surroundings, run
from dasklens.server.check_words import user
from dasklens.server.config import Dasklens
from dasklens.server.entries import id_of
from dasklens.server.target import Target
from dasklens.wire.announcement import LIMIT, pack

HERE = socket.gethostname()
ROOT = Path(__file__).parent.parent


@dataclass
class World:
    """What a check finds; a fault changes it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    config: dict[str, Any] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)

    def announce(self, port: int, **changes: Any) -> str:
        """Announce a toy; returns the id of its entry."""
        path = write(self.folder, announcement(port, **changes))
        os.utime(path)
        return id_of(changes.get("scheduler_id", "Scheduler-toy"))

    async def check(self, **about: Any) -> list[Check]:
        around = Surroundings(Dasklens(**self.config), self.folder, lambda: self.ports)
        return await run(around, **about)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return World(folder_of(tmp_path / "runtime"), monkeypatch)


def one(checks: list[Check], name: str) -> Check:
    found = [check for check in checks if check.name == name]
    assert len(found) == 1, f"{name} in {[check.name for check in checks]}"
    return found[0]


@contextlib.asynccontextmanager
async def scheduler(**more: Any) -> AsyncIterator[Scheduler]:
    """A real one; whether it records and announces itself is as the environment's preloads have it."""
    more.setdefault("dashboard", True)
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0", **more) as scheduler:
        yield scheduler


@contextlib.asynccontextmanager
async def plain(**more: Any) -> AsyncIterator[Scheduler]:
    """A real one that knows nothing of dasklens."""
    with dask.config.set({"distributed.scheduler.preload": []}):
        async with scheduler(**more) as it:
            yield it


def url_of(it: Scheduler) -> str:
    return f"http://127.0.0.1:{it.http_server.port}/status"


# -- when nothing is wrong -------------------------------------------------------------------------


async def test_a_recorded_scheduler_that_announces_itself_passes_every_check(world: World) -> None:
    async with scheduler() as it:
        await until_async(lambda: list(world.folder.glob("*.json")) != [], "the announcement")
        checks = await world.check()
        assert {check.name for check in checks} == {
            *("readable", "announced", "heartbeat", *check_steps.TITLES, "pages")
        }
        assert [check for check in checks if check.ok is not True] == []
        assert one(checks, "announced").scheduler == id_of(it.id)
        # By its id and by its address it is the same.
        assert await world.check(id=id_of(it.id)) == checks
        assert await world.check(url=url_of(it)) == checks


async def test_what_is_found_through_a_forwarded_port_of_another_machine_passes(world: World) -> None:
    async with Toy(token=TOKEN, odd={"dasklens/stream": upgraded}).serve() as toy:
        world.announce(toy.port, token=TOKEN, host="elsewhere", link_host="elsewhere")
        checks = await world.check()
    assert [check for check in checks if check.ok is not True] == []


async def test_an_unknown_id_is_no_subject_of_a_check(world: World) -> None:
    with pytest.raises(KeyError):
        await world.check(id="0" * 16)


async def upgraded(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A websocket's handshake, as far as a check looks at it."""
    from dasklens.server.proxy_ws import _proof

    accept = _proof(asked.headers["sec-websocket-key"])
    head = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n".encode())


# -- one fault each --------------------------------------------------------------------------------

Fault = Callable[[World], "contextlib.AbstractAsyncContextManager[dict[str, Any]]"]
FAULTS: list[Any] = []


def fault(name: str, remedy: str, copy: str = "", *, then: str = "") -> Callable[[Any], Any]:
    """Enter a fault into the table.

    `name` is the check that finds it, `remedy` and `copy` are to be in what it says; `then` is a check that
    is not run because of it.
    """

    def enter(function: Any) -> Any:
        made = contextlib.asynccontextmanager(function)
        FAULTS.append(pytest.param(made, name, remedy, copy, then, id=function.__name__))
        return function

    return enter


Rows = AsyncIterator[dict[str, Any]]


@pytest.mark.parametrize(("broken", "name", "remedy", "copy", "then"), FAULTS)
async def test_a_fault_is_found_and_its_remedy_named(
    world: World, broken: Fault, name: str, remedy: str, copy: str, then: str
) -> None:
    async with broken(world) as about:
        checks = await world.check(**about)
    found = one([check for check in checks if check.ok is False or check.name != name], name)
    assert found.said
    assert remedy in found.remedy
    assert copy.format(version=dasklens.__version__) in found.copy
    if then:
        skipped = one(checks, then)
        assert skipped.ok is None
        assert skipped.said.startswith("not run: ")


# Files.


@fault("readable", "token in it", "chmod 600 ")
async def an_announcement_that_others_may_read(world: World) -> Rows:
    write(world.folder, announcement(), mode=0o644)
    yield {}


@fault("readable", "nobody else into the folder", "chmod 700 ")
async def a_folder_that_others_may_use(world: World) -> Rows:
    world.folder.chmod(0o755)
    yield {}


@fault("readable", "start the scheduler again", "rm ")
async def half_an_announcement(world: World) -> Rows:
    write(world.folder, pack(announcement())[:100])
    yield {}


@fault("readable", "real file", "rm ")
async def a_link_in_place_of_an_announcement(world: World) -> Rows:
    elsewhere = write(world.folder.parent, announcement(), "elsewhere.json")
    (world.folder / "a.json").symlink_to(elsewhere)
    yield {}


@fault("readable", "none so large", "rm ")
async def an_announcement_that_is_too_large(world: World) -> Rows:
    write(world.folder, b" " * (LIMIT + 1))
    yield {}


@fault("readable", "have to run as you", "rm -r ")
async def an_announcement_of_another_user(world: World) -> Rows:
    path = write(world.folder, announcement())
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)
    yield {}


@fault("announced", "Start one in a notebook", "client = Client()")
async def nobody_has_announced_anything(world: World) -> Rows:
    yield {}


@fault("announced", "open dasklens/open/127.0.0.1:")
async def an_address_that_nobody_announced(world: World) -> Rows:
    async with plain() as it:
        yield {"url": url_of(it)}


# Configuration of Dask.


def dask_reads(world: World, config: dict[str, Any]) -> None:
    file = world.folder.parent / "mine.yaml"
    file.write_text(yaml.safe_dump(config))
    world.monkeypatch.setattr(dask.config, "paths", [*dask.config.paths, str(file)])


@fault("preload", "Add the entry of dasklens to that list", "from dasklens.scheduler.preload import")
async def the_user_has_scheduler_preloads_of_their_own(world: World) -> Rows:
    dask_reads(world, {"distributed": {"scheduler": {"preload": ["mine"]}}})
    yield {}


@fault("preload", "`import dasklens` before `Client()`", "from dasklens.kernel.preload import")
async def the_user_has_client_preloads_of_their_own(world: World) -> Rows:
    dask_reads(world, {"distributed": {"client": {"preload": "mine.py"}}})
    yield {}


@fault("preload", "Install dasklens again", "from dasklens.scheduler.preload import")
async def the_preloads_are_not_installed(world: World) -> Rows:
    dask_reads(
        world, {"distributed": {"client": {"preload": check_hints.ENTRY["distributed.client.preload"]}}}
    )
    world.monkeypatch.setattr(dask.config, "paths", dask.config.paths[-1:])
    yield {}


@fault("preload", "Correct the file")
async def a_configuration_that_dask_cannot_read(world: World) -> Rows:
    file = world.folder.parent / "broken.yaml"
    file.write_text("a: [")
    world.monkeypatch.setattr(dask.config, "paths", [str(file)])
    yield {}


@fault("record", "Remove dasklens.record", "record: true")
async def recording_is_switched_off(world: World) -> Rows:
    dask_reads(world, {"dasklens": {"record": False}})
    yield {}


@fault("announce", "Remove dasklens.announce", "announce: true")
async def announcing_is_switched_off_in_the_environment(world: World) -> Rows:
    world.monkeypatch.setenv("DASK_DASKLENS__ANNOUNCE", "false")
    yield {}


# Who announces.


@contextlib.contextmanager
def ended() -> Any:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        yield process.pid


def silent_since_long(world: World, **changes: Any) -> None:
    world.monkeypatch.setattr(check_files, "HEARTBEAT", 0.2)
    world.announce(free_port(), **changes)
    for file in world.folder.glob("*.json"):
        os.utime(file, (1e9, 1e9))


@fault("heartbeat", "without taking its announcement back", "rm ")
async def a_process_that_was_killed(world: World) -> Rows:
    with ended() as pid:
        silent_since_long(world, pid=pid)
        yield {}


@fault("heartbeat", "if it was stopped", f"kill -CONT {os.getpid()}")
async def a_process_that_is_stopped(world: World) -> Rows:
    silent_since_long(world)
    yield {}


@fault("heartbeat", "whether its job still runs on elsewhere", "rm ")
async def a_process_of_another_machine_that_is_silent(world: World) -> Rows:
    silent_since_long(world, host="elsewhere")
    yield {}


# Addresses.


@fault("address", "http://127.0.0.1:8787/status")
async def an_address_of_a_scheduler_instead_of_a_dashboard(world: World) -> Rows:
    yield {"url": "tcp://127.0.0.1:8786"}


@fault(
    "allowed",
    "jupyter_server_config.py",
    'c.Dasklens.allowed_hosts = ["*.lab", "dask.example.org"]',
    then="port",
)
async def a_host_that_is_not_allowed(world: World) -> Rows:
    world.config["allowed_hosts"] = ["*.lab"]
    yield {"url": "http://dask.example.org:8787/status"}


@fault("allowed", "Take the address of the scheduler's machine", then="port")
async def an_address_where_no_dashboard_is(world: World) -> Rows:
    world.config["allowed_hosts"] = ["0.0.0.0/0"]
    yield {"url": "http://169.254.169.254/latest/meta-data"}


@fault("allowed", "Type in its address", then="port")
async def an_allowed_name_that_nobody_knows(world: World) -> Rows:
    def unknown(*args: Any, **more: Any) -> Any:
        raise socket.gaierror

    world.monkeypatch.setattr(socket, "getaddrinfo", unknown)
    world.config["allowed_hosts"] = ["nowhere.invalid"]
    yield {"url": "http://nowhere.invalid:8787"}


@fault("own_port", "client.dashboard_link", "--dashboard-address :0", then="dask")
async def a_port_of_jupyter(world: World) -> Rows:
    async with Toy().serve() as toy:
        world.ports = {toy.port}
        yield {"url": f"http://127.0.0.1:{toy.port}/status"}
    assert toy.asked == []


@fault("own_port", "try http://127.0.0.1:8788/status", "--dashboard-address", then="dask")
async def the_address_of_a_proxy_of_jupyter(world: World) -> Rows:
    world.ports = {8888}
    yield {"url": "http://127.0.0.1:8888/proxy/8788/status"}


@fault("port", "another --dashboard-address", "--dashboard-address", then="dask")
async def an_announcement_of_a_port_of_jupyter(world: World) -> Rows:
    async with Toy().serve() as toy:
        world.ports = {toy.port}
        world.announce(toy.port)
        yield {}
    assert toy.asked == []


# The network.


@fault("server", "--dashboard-address :8787", "--dashboard-address :8787", then="port")
async def a_scheduler_without_http_server(world: World) -> Rows:
    world.announce(0, scheme="", hosts=())
    yield {}


@fault("port", "another --dashboard-address", "dask scheduler --dashboard-address :", then="dask")
async def an_announced_port_that_is_closed(world: World) -> Rows:
    world.announce(free_port())
    yield {}


@fault("port", "client.dashboard_link", "dask scheduler --dashboard-address :", then="dask")
async def a_typed_in_port_that_is_closed(world: World) -> Rows:
    yield {"url": f"http://localhost:{free_port()}/status"}


@fault("port", "then open dasklens/open/127.0.0.1:", "@elsewhere", then="dask")
async def a_port_of_another_machine_that_is_closed(world: World) -> Rows:
    address = address_of_this_machine()
    world.announce(free_port(), host="elsewhere", link_host="elsewhere", hosts=(address,))
    yield {}


@fault("port", "have the port opened", ":127.0.0.1:", then="dask")
async def a_port_of_another_machine_that_listens_everywhere_behind_a_firewall(world: World) -> Rows:
    hosts = ("127.0.0.1", address_of_this_machine())
    world.announce(free_port(), host="elsewhere", link_host="elsewhere", hosts=hosts)
    yield {}


#: Where nobody listens; 8787 may be somebody's.
CLOSED = free_port()


@fault("port", "found here by itself", f":127.0.0.1:{CLOSED} ", then="proof")
async def a_dashboard_on_loopback_of_another_machine(world: World) -> Rows:
    world.announce(CLOSED, host="elsewhere", link_host="10.1.2.3", token=TOKEN)
    yield {}


@fault("dask", "--dashboard-prefix", "/PREFIX/status", then="proof")
async def a_server_that_is_not_dask(world: World) -> Rows:
    async with Toy(odd={"*": saying(200, "<h1>Welcome</h1>")}).serve() as toy:
        yield {"url": f"http://127.0.0.1:{toy.port}"}


@fault("dask", "--dashboard-prefix", "/PREFIX/status", then="websocket")
async def a_dashboard_behind_a_prefix_that_was_left_out(world: World) -> Rows:
    async with plain(http_prefix="/behind/this") as it:
        yield {"url": url_of(it)}


@fault("dask", "Take it with http://", "http://127.0.0.1:", then="proof")
async def https_where_there_is_none(world: World) -> Rows:
    async with plain() as it:
        yield {"url": url_of(it).replace("http:", "https:")}


@fault("dask", "Take it with https://", "https://localhost:", then="proof")
async def http_where_there_is_https(world: World) -> Rows:
    async with Toy().serve(tls=True) as toy:
        yield {"url": f"http://localhost:{toy.port}/status"}


@fault("dask", "name the certificates", "c.Dasklens.ca_file = ", then="proof")
async def a_certificate_that_nobody_vouches_for_on_another_machine(world: World) -> Rows:
    world.monkeypatch.setattr(Target, "loopback", False)
    async with Toy().serve(tls=True) as toy:
        yield {"url": f"https://127.0.0.1:{toy.port}/status"}


@fault("dask", "less busy", then="proof")
async def a_scheduler_that_does_not_answer(world: World) -> Rows:
    world.monkeypatch.setattr("dasklens.server.talk.TIMEOUT", 0.3)
    async with Toy(odd={"*": silent}).serve() as toy:
        world.announce(toy.port)
        yield {}


@fault("dask", "asked again", then="proof")
async def a_scheduler_that_was_too_busy_a_moment_ago(world: World) -> Rows:
    world.monkeypatch.setattr("dasklens.server.talk.TIMEOUT", 0.3)
    async with Toy().serve() as toy:

        async def once(asked: Asked, writer: asyncio.StreamWriter) -> None:
            del toy.odd["*"]
            await silent(asked, writer)

        toy.odd["*"] = once
        world.announce(toy.port)
        yield {}


@fault("proof", "Start the scheduler again", then="recorded")
async def another_token_than_announced(world: World) -> Rows:
    async with Toy(token="b2" * 32).serve() as toy:
        world.announce(toy.port, token=TOKEN)
        yield {}


@fault("proof", "Start the scheduler again", then="versions")
async def another_scheduler_than_announced(world: World) -> Rows:
    async with plain() as it:
        world.announce(it.http_server.port)
        yield {}


@fault("bokeh", "Install bokeh in the environment of the scheduler", "pip install bokeh")
async def a_scheduler_without_bokeh(world: World) -> Rows:
    # What distributed.http.scheduler.missing_bokeh answers.
    async with Toy(plots={}, odd={"status": saying(200, "<p>Dask needs bokeh</p>")}).serve() as toy:
        yield {"url": f"http://127.0.0.1:{toy.port}"}


@fault("bokeh", "--no-dashboard", "--dashboard")
async def a_scheduler_whose_dashboard_is_switched_off(world: World) -> Rows:
    async with plain(dashboard=False) as it:
        yield {"url": url_of(it)}


@fault("websocket", "Upgrade", "proxy_set_header Upgrade $http_upgrade;")
async def something_between_that_takes_no_websockets(world: World) -> Rows:
    async with Toy(odd={"eventstream": saying(400, "Can upgrade only to websocket")}).serve() as toy:
        yield {"url": f"http://127.0.0.1:{toy.port}"}


@fault("websocket", "Upgrade", "proxy_set_header Upgrade $http_upgrade;")
async def something_between_that_never_answers_a_websocket(world: World) -> Rows:
    world.monkeypatch.setattr("dasklens.server.socket.TIMEOUT", 0.3)
    async with Toy(token=TOKEN, odd={"dasklens/stream": silent}).serve() as toy:
        world.announce(toy.port, token=TOKEN)
        yield {}


@fault("recorded", "brings the recorder along", 'Client("tcp://127.0.0.1:', then="versions")
async def a_scheduler_without_dasklens(world: World) -> Rows:
    async with plain() as it:
        yield {"url": url_of(it)}


@fault("recorded", "same home folder", 'Client("tcp://127.0.0.1:', then="versions")
async def a_recorded_scheduler_that_announced_itself_to_somebody_else(world: World) -> Rows:
    async with plain() as it:
        ensure_recorder(it)
        yield {"url": url_of(it)}


@fault(
    "versions", "Upgrade dasklens in the environment of the Jupyter server", "pip install dasklens=={version}"
)
async def a_recorder_of_another_protocol(world: World) -> Rows:
    async with Toy(token=TOKEN, protocol=2, version="9.9").serve() as toy:
        world.announce(toy.port, token=TOKEN)
        yield {}


@fault("pages", "administrator", "c.Dasklens.pages = True")
async def pages_that_are_switched_off(world: World) -> Rows:
    world.config["pages"] = False
    world.announce(free_port())
    yield {}


# -- what holds for all of them --------------------------------------------------------------------


def test_the_table_has_a_fault_for_every_check() -> None:
    names = {row.values[1] for row in FAULTS}
    assert names >= {"readable", "announced", "heartbeat", *check_steps.TITLES, "pages"}
    assert names >= {"preload", "record", "announce", "address", "allowed", "own_port"}


@pytest.mark.parametrize(
    "url", ["http://10.1.2.3:8787", "http://dask.example.org/status", "https://[2001:db8::1]"]
)
async def test_nothing_is_asked_of_a_host_that_is_not_allowed(world: World, url: str) -> None:
    def never(*args: Any, **more: Any) -> Any:
        raise AssertionError(f"asked {args}")

    for name in ("connect", "connect_ex", "sendto"):
        # A socket's methods cannot be replaced, its class can.
        world.monkeypatch.setattr(socket, "socket", type("Never", (socket.socket,), {name: never}))
    world.monkeypatch.setattr(socket, "getaddrinfo", never)
    checks = await world.check(url=url)
    assert one(checks, "allowed").ok is False
    assert all(one(checks, name).ok is None for name in check_steps.TITLES)


@pytest.mark.parametrize("evil", ["x; rm -rf ~ #", "-oProxyCommand=evil", "-x", "$(x)", "a b", "", "a\n"])
def test_what_is_to_be_copied_holds_nothing_that_a_shell_would_run(evil: str) -> None:
    from dasklens.server.check_words import forward

    assert forward(8787, "127.0.0.1", evil, 8788).endswith("8788:127.0.0.1:8787 " + f"{user()}@HOST")
    assert f" 8788:127.0.0.1:8787 {user()}@node7" in forward(8787, evil, "node7", 8788)


async def test_a_host_that_is_none_is_said_to_be_none(world: World) -> None:
    data = pack(announcement(8787, host="node7", link_host="10.1.2.3", token=TOKEN))
    write(world.folder, data.replace(b"node7", b"-oProxyCommand=evil"))
    checks = await world.check()
    assert "'host'" in one(checks, "readable").said
    assert [check for check in checks if "oProxy" in check.copy] == []


async def test_a_scheduler_says_nothing_that_is_to_be_copied(world: World) -> None:
    async def evil(asked: Asked, writer: asyncio.StreamWriter) -> None:
        said = {"type": "Scheduler", "id": "Scheduler-x", "address": 'tcp://x:1"); evil("'}
        await saying(200, said)(asked, writer)

    async with Toy(odd={"json/identity.json": evil}).serve() as toy:
        checks = await world.check(url=f"http://127.0.0.1:{toy.port}")
    assert one(checks, "recorded").copy.endswith('Client("tcp://SCHEDULER:8786")')


def test_the_forwarded_port_is_another_one_where_it_is_taken() -> None:
    from dasklens.server.check_words import forward

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        taken = sock.getsockname()[1]
        line = forward(taken, "127.0.0.1", "node7")
        assert f":127.0.0.1:{taken} " in line
        assert f"-L {taken}:" not in line
    assert line.endswith("@node7")
    assert f"-L {taken}:127.0.0.1:{taken} " in forward(taken, "127.0.0.1", "node7")


async def test_a_heartbeat_of_a_machine_with_a_wrong_clock_is_seen(world: World) -> None:
    world.monkeypatch.setattr(check_files, "HEARTBEAT", 2.0)
    world.announce(free_port(), host="elsewhere")
    [file] = world.folder.glob("*.json")
    os.utime(file, (1e9, 1e9))

    async def beat() -> None:
        await asyncio.sleep(0.1)
        os.utime(file, (1e9 + 5, 1e9 + 5))

    checks, _ = await asyncio.gather(world.check(), beat())
    assert one(checks, "heartbeat").ok is True


async def test_every_check_of_a_scheduler_is_documented(world: World) -> None:
    document = (ROOT / "docs" / "connecting.md").read_text(encoding="utf-8")
    async with Toy().serve() as toy:
        typed = await world.check(url=f"http://127.0.0.1:{toy.port}")
        world.announce(toy.port)
        announced = await world.check()
    titles = {check.title for check in (*typed, *announced) if check.about}
    assert len(titles) == len(check_steps.TITLES) + 5
    assert [title for title in titles if f"\n| {title} | " not in document] == []


def test_the_entries_to_copy_are_those_that_are_installed() -> None:
    installed = yaml.safe_load((ROOT / "jupyter-config" / "dask" / "dasklens.yaml").read_text())
    for key, text in check_hints.ENTRY.items():
        assert dask.config.get(key, config=yaml.safe_load(text)) == dask.config.get(key, config=installed)


async def test_no_check_leaves_a_task_or_a_connection_behind(world: World) -> None:
    async with scheduler() as it:
        await until_async(lambda: list(world.folder.glob("*.json")) != [], "the announcement")
        plugins = set(it.plugins)
        recorder = ensure_recorder(it)
        assert recorder is not None
        before = asyncio.all_tasks()
        descriptors = len(os.listdir("/dev/fd"))
        await world.check()
        await until_async(lambda: asyncio.all_tasks() <= before, "the end of all tasks")
        await until_async(lambda: len(os.listdir("/dev/fd")) <= descriptors, "the end of all connections")
        await until_async(lambda: recorder.readers == 0, "the reader to be forgotten")
        await until_async(lambda: set(it.plugins) == plugins, "the end of the event stream")


# -- over REST -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with jupyter(tmp_path_factory.mktemp("jupyter"), "--Dasklens.allowed_hosts=10.0.0.0/8") as server:
        yield server


def named(checks: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [found] = [check for check in checks if check["name"] == name]
    return found


def test_the_route_runs_the_checks_of_all_there_are(server: Jupyter) -> None:
    answer = server.post("dasklens/api/check", {})
    assert answer.status == 200
    assert set(answer.json) == {"checks"}
    keys = {"name", "title", "ok", "said", "remedy", "copy", "about", "scheduler"}
    assert all(set(check) == keys for check in answer.json["checks"])
    announced = named(answer.json["checks"], "announced")
    assert announced["ok"] is False
    assert str(server.runtime / "dasklens") in announced["said"]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'"x"', b"[]", b"{", b"[" * 10_000])
def test_a_request_that_is_none_is_refused(server: Jupyter, body: bytes) -> None:
    answer = server.post("dasklens/api/check", body)
    assert answer.status == (200 if body in (b"", b"{}") else 400)
    if answer.status == 400:
        assert answer.json["message"].endswith(".")
        assert answer.json["remedy"].startswith("Send ")


@pytest.mark.parametrize(
    "asked",
    [
        {"url": 8787},
        {"url": ["x"]},
        {"url": "x" * 3000},
        {"id": 5},
        {"id": "x" * 65},
        {"url": "http://127.0.0.1:1", "id": "0" * 16},
        {"websocket": "yes"},
        {"more": "x" * (20 << 10)},
    ],
)
def test_a_request_of_another_form_is_refused(server: Jupyter, asked: dict[str, Any]) -> None:
    answer = server.post("dasklens/api/check", asked)
    assert answer.status == 400
    assert "xxx" not in answer.body.decode()


def test_an_unknown_id_is_not_found(server: Jupyter) -> None:
    answer = server.post("dasklens/api/check", {"id": "0" * 16})
    assert answer.status == 404
    assert "list" in answer.json["remedy"]


def test_a_page_needs_login_and_xsrf(server: Jupyter) -> None:
    assert server.post("dasklens/api/check", {}, token=None).status == 403
    browser = server.browser()
    assert browser.post("dasklens/api/check", {}).status == 403
    assert browser.post("dasklens/api/check", {}, xsrf=True).status == 200


def test_the_configuration_of_the_server_counts(server: Jupyter) -> None:
    for host, ok in (("192.168.1.1", False), ("127.0.0.1", True)):
        checks = server.post("dasklens/api/check", {"url": f"http://{host}:{free_port()}"}).json["checks"]
        assert named(checks, "allowed")["ok"] is ok
    assert 'allowed_hosts = ["10.0.0.0/8", "192.168.1.1"]' in named(
        server.post("dasklens/api/check", {"url": "http://192.168.1.1"}).json["checks"], "allowed"
    )["copy"]  # fmt: skip


def test_the_port_of_this_server_is_refused(server: Jupyter) -> None:
    checks = server.post("dasklens/api/check", {"url": server.url + "proxy/8787/status"}).json["checks"]
    assert named(checks, "own_port")["ok"] is False
    assert "8787/status" in named(checks, "own_port")["remedy"]


def test_a_page_that_gets_no_websocket_through_is_told_what_the_proxy_lacks(server: Jupyter) -> None:
    def browser(asked: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        return named(server.post("dasklens/api/check", asked, headers=headers).json["checks"], "browser")

    assert browser({})["ok"] is None
    assert browser({})["said"].startswith("not run: ")
    assert browser({"websocket": True})["ok"] is True
    stripped = browser({"websocket": False}, {"X-Forwarded-For": "10.1.1.1"})
    assert stripped["ok"] is False
    assert "A reverse proxy is in front" in stripped["said"]
    assert "Upgrade" in stripped["remedy"]
    assert "proxy_set_header Upgrade" in stripped["copy"]
    assert "No proxy names itself" in browser({"websocket": False})["said"]


def test_an_announced_and_a_typed_in_scheduler_are_checked_by_their_ids(server: Jupyter) -> None:
    code = (
        "import asyncio, sys\n"
        "from distributed import Scheduler\n"
        "async def main():\n"
        "    async with Scheduler(host='127.0.0.1', port=0, dashboard_address='127.0.0.1:0') as s:\n"
        "        print(s.http_server.port, flush=True)\n"
        "        await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())\n"
    )
    env = {**server.env, "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "[]"}
    for environ in (server.env, env):
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        ) as process:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            try:
                if environ is env:
                    url = f"http://127.0.0.1:{port}/status"
                    assert server.post("dasklens/api/schedulers", {"url": url}).status == 201
                until(lambda: server.get("dasklens/api/schedulers").json["schedulers"] != [], "the scheduler")
                [entry] = server.get("dasklens/api/schedulers").json["schedulers"]
                checks = server.post("dasklens/api/check", {"id": entry["id"]}).json["checks"]
                wrong = [check["name"] for check in checks if check["ok"] is False]
                assert wrong == (["recorded"] if environ is env else [])
                assert named(checks, "announced")["scheduler"] == entry["id"]
                everything = server.post("dasklens/api/check", {}).json["checks"]
                assert [check["name"] for check in everything] == [check["name"] for check in checks]
            finally:
                process.communicate("", timeout=20)
        if environ is env:
            assert server.delete(f"dasklens/api/schedulers/{entry['id']}").status == 204

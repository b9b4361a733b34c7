"""What may be typed in: a table of what is taken, and a longer one of what is not."""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasklens.server import allowed as allowed_module
from dasklens.server.allowed import Allowed, own_ports, parse, server_ports
from dasklens.server.check_words import user
from dasklens.server.target import NotThere, Refusal, Target

TAKEN = {
    "http://127.0.0.1:8787/status": "http://127.0.0.1:8787/",
    "http://127.0.0.1:8787": "http://127.0.0.1:8787/",
    "  localhost:8787/status\n": "http://localhost:8787/",
    "127.0.0.1:8787": "http://127.0.0.1:8787/",
    "HTTP://LOCALHOST:8787/STATUS/": "http://localhost:8787/STATUS/",
    "http://localhost.:8787": "http://localhost:8787/",
    "https://dask.example.org/": "https://dask.example.org:443/",
    "http://dask.example.org/workers?a=b#c": "http://dask.example.org:80/",
    "http://[::1]:8787/status": "http://[::1]:8787/",
    "http://[::FFFF:127.0.0.1]:8787/status": "http://[::ffff:127.0.0.1]:8787/",
    "http://127.0.0.1:8787/team/dask/status": "http://127.0.0.1:8787/team/dask/",
    "http://127.0.0.1:8787/team/dask": "http://127.0.0.1:8787/team/dask/",
    "http://127.0.0.1:8787/team/dask/": "http://127.0.0.1:8787/team/dask/",
    "http://127.0.0.1:8787/team/info/main/workers.html": "http://127.0.0.1:8787/team/",
    "http://127.0.0.1:8787/individual-task-stream": "http://127.0.0.1:8787/",
    "http://127.0.0.1:8787/json/identity.json": "http://127.0.0.1:8787/",
    "http://127.0.0.1:8787//evil.example/status": "http://127.0.0.1:8787/evil.example/",
    # A prefix that an administrator chose so, for the way through a proxy.
    "http://127.0.0.1:8787/user/ada/proxy/8787/status": "http://127.0.0.1:8787/user/ada/proxy/8787/",
}


@pytest.mark.parametrize("url", TAKEN)
def test_what_people_paste_is_taken(url: str) -> None:
    assert parse(url).url == TAKEN[url]
    assert parse(parse(url).url) == parse(url)


MALFORMED = [
    (None, "missing"),
    (8787, "missing"),
    ("", "missing"),
    (" \t", "missing"),
    ("http://127.0.0.1/" + "x" * 2000, "at most 2000"),
    ("http://127.0.0.1:8787/a b", "spaces"),
    ("http://127.0.0.1:8787\r\nHost: evil", "spaces"),
    ("http://127.0.0.1:8787\x00.example.org", "spaces"),
    ("http:\\\\127.0.0.1:8787", "backslashes"),
    ("http://127.0.0.1\\@evil.example:8787", "backslashes"),
    ("http://dask.exämple.org", "ASCII"),
    ("http://①②⑦.⓪.⓪.①:8787", "ASCII"),
    ("ftp://127.0.0.1/", "http:// or https://"),
    ("file:///etc/passwd", "http:// or https://"),
    ("gopher://127.0.0.1:8787", "http:// or https://"),
    ("tcp://127.0.0.1:8786", "scheduler"),
    ("ws://127.0.0.1:8787/eventstream", "websocket"),
    ("javascript:alert(1)", "malformed"),
    ("http://user@127.0.0.1:8787", "user name"),
    ("http://user:pass@127.0.0.1:8787", "user name"),
    ("http://127.0.0.1:8787@evil.example/", "user name"),
    ("http://@127.0.0.1:8787/", "user name"),
    ("http://127.0.0.1:0", "1 to 65535"),
    ("http://127.0.0.1:", "1 to 65535"),
    ("http://127.0.0.1:65536", "malformed"),
    ("http://127.0.0.1:-1", "malformed"),
    ("http://127.0.0.1:+8787", "malformed"),
    ("http://127.0.0.1:8787:80", "malformed"),
    ("http://[::1", "malformed"),
    ("http://::1:8787", "malformed"),
    ("http://[::1%25lo]:8787", "host should be"),
    ("http://", "host should be"),
    ("http:///status", "host should be"),
    ("http://.:8787", "host should be"),
    ("http://a..b:8787", "host should be"),
    ("http://-a.b:8787", "host should be"),
    ("http://a%2eb:8787", "host should be"),
    ("http://127.0.0.1:8787/../../etc/status", "path"),
    ("http://127.0.0.1:8787/%2e%2e/x", "path"),
    ("http://127.0.0.1:8787/a/<script>/", "path"),
    ("http://127.0.0.1:8787/a;b/", "path"),
]


@pytest.mark.parametrize(("url", "sentence"), MALFORMED, ids=[ascii(row[0])[:60] for row in MALFORMED])
def test_what_is_no_address_is_refused_in_one_sentence(url: Any, sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(url)
    assert sentence in refused.value.sentence
    assert refused.value.sentence.endswith(".")
    assert refused.value.remedy


@given(st.one_of(st.text(), st.text().map(lambda text: f"http://{text}"), st.none(), st.integers()))
def test_nothing_breaks_the_parser(url: Any) -> None:
    try:
        typed = parse(url)
    except Refusal:
        return
    assert typed.scheme in ("http", "https")
    assert 0 < typed.port < 65536
    assert typed.prefix[0] == typed.prefix[-1] == "/"
    assert parse(typed.url) == typed


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name server of the test's own."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


HOSTS = [
    "dask.example.org",
    "*.cluster.example.org",
    "10.1.0.0/16",
    "192.0.2.7",
    "2001:db8::/32",
    "0.0.0.0/0",
]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("127.255.1.2", ["127.255.1.2"]),
        ("[::1]", ["::1"]),
        ("[::ffff:127.0.0.1]", ["127.0.0.1"]),
        ("localhost", ["127.0.0.1", "::1"]),
    ],
)
async def test_loopback_needs_no_configuration(
    host: str, found: list[str], names: dict[str, list[str]]
) -> None:
    targets = await Allowed().candidates(parse(f"http://{host}:8787/x/status"), [])
    assert [target.host for target in targets] == found
    assert {target.prefix for target in targets} == {"/x/"}


@pytest.mark.parametrize(
    ("host", "configured"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("10.1.2.3", "10.1.2.3"),
        ("[::ffff:10.1.2.3]", "10.1.0.0/16"),
        ("[2001:db8::1]", "2001:db8::/32"),
        ("dask.example.org", "dask.example.org"),
        ("dask.example.org", "DASK.example.org."),
        ("a.cluster.example.org", "*.cluster.example.org"),
        ("a.b.cluster.example.org", "*.cluster.example.org"),
    ],
)
async def test_a_host_is_taken_where_it_is_configured_and_only_there(
    host: str, configured: str, names: dict[str, list[str]]
) -> None:
    names[host] = ["192.0.2.99", "2001:db8::99"]
    typed = parse(f"https://{host}:8787")
    targets = await Allowed([configured]).candidates(typed, [], "/ca.pem")
    if host in names and host[0].isalpha():
        # The name is for the certificate; what is connected is what it was resolved to.
        assert [(t.host, t.name) for t in targets] == [("192.0.2.99", host), ("2001:db8::99", host)]
        assert targets[1].url("health") == "https://[2001:db8::99]:8787/health"
        assert targets[1].authority == f"{host}:8787"
    else:
        assert [t.name for t in targets] == [""]
    assert {(t.tls, t.ca_file) for t in targets} == {("verified", "/ca.pem")}
    for other in (
        [],
        ["example.org", "*.example.com", "10.2.0.0/16", "cluster.example.org", "*.org.example"],
    ):
        with pytest.raises(Refusal, match="neither this machine nor a host") as refused:
            await Allowed(other).candidates(typed, [])
        assert f"ssh -N -L 8787:127.0.0.1:8787 {user()}@{typed.host}" in refused.value.remedy
        assert f'c.Dasklens.allowed_hosts = ["{typed.host}"]' in refused.value.remedy


@pytest.mark.parametrize(
    "host",
    [
        "cluster.example.org",  # a wildcard is for what is below
        "evilcluster.example.org",
        "dask.example.org.evil.example",
        "xdask.example.org",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.nip.io",
        "localhost.evil.example",
        "localtest.me",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[ff02::1]",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "[::ffff:169.254.169.254]",
        "metadata.google.internal",
    ],
)
async def test_no_spelling_gets_around_the_configuration(host: str, names: dict[str, list[str]]) -> None:
    """Even where the administrator allows every IPv4 address."""
    names[host] = ["127.0.0.1"]
    with pytest.raises(Refusal, match="neither this machine nor a host"):
        await Allowed([*HOSTS, "::/0"] if "::" not in host else HOSTS).candidates(
            parse(f"http://{host}:8787"), []
        )


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "[::ffff:0.0.0.0]"])
async def test_where_a_dashboard_listens_is_not_where_it_is(host: str) -> None:
    with pytest.raises(Refusal, match="where a dashboard listens") as refused:
        await Allowed(["0.0.0.0/0", "::/0"]).candidates(parse(f"http://{host}:8787"), [])
    assert "http://127.0.0.1:8787/status" in refused.value.remedy


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "fe80::1%eth0",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ],
)
async def test_an_allowed_name_that_means_no_host_of_the_network_is_refused(
    address: str, names: dict[str, list[str]]
) -> None:
    names["dask.example.org"] = ["192.0.2.1", address]
    with pytest.raises(Refusal, match="connects for no name"):
        await Allowed(HOSTS).candidates(parse("http://dask.example.org:8787"), [])


async def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer would be another."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("192.0.2.1" if len(asked) == 1 else "127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    (target,) = await Allowed(HOSTS).candidates(parse("http://dask.example.org:8787"), [])
    assert asked == ["dask.example.org"]
    assert target.host == "192.0.2.1"
    assert target.url("x") == "http://192.0.2.1:8787/x"
    assert target.ws_url("x") == "ws://192.0.2.1:8787/x"


async def test_a_name_that_nobody_knows(names: dict[str, list[str]]) -> None:
    with pytest.raises(NotThere, match=r"no host of the name dask\.example\.org"):
        await Allowed(HOSTS).candidates(parse("http://dask.example.org:8787"), [])


async def test_a_name_server_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [go.wait(20)])
    monkeypatch.setattr(allowed_module, "RESOLVE_TIMEOUT", 0.05)
    with pytest.raises(NotThere, match="did not say within"):
        await Allowed(HOSTS).candidates(parse("http://dask.example.org:8787"), [])
    go.set()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "[::1]", "localhost", "[::ffff:127.0.0.1]"])
async def test_jupyters_own_ports_are_refused(host: str) -> None:
    with pytest.raises(Refusal, match="Port 8888 is one of Jupyter itself"):
        await Allowed().candidates(parse(f"http://{host}:8888/status"), [8888, 9999])
    assert await Allowed().candidates(parse(f"http://{host}:8787/status"), [8888, 9999])


async def test_jupyters_own_ports_are_refused_at_this_machines_other_addresses(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]
) -> None:
    """Not only at loopback; on another machine the port is anybody's."""
    bound: list[str] = []

    def bind(sock: socket.socket, address: tuple[str, int]) -> None:
        bound.append(address[0])
        if address[0] != "192.0.2.7":
            raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(allowed_module.socket, "socket", type("S", (socket.socket,), {"bind": bind}))
    with pytest.raises(Refusal, match="one of Jupyter itself"):
        await Allowed(HOSTS).candidates(parse("http://192.0.2.7:8888"), [8888])
    names["dask.example.org"] = ["10.1.0.1", "192.0.2.7"]
    with pytest.raises(Refusal, match="one of Jupyter itself"):
        await Allowed(HOSTS).candidates(parse("http://dask.example.org:8888"), [8888])
    assert await Allowed(HOSTS).candidates(parse("http://10.1.0.1:8888"), [8888])
    assert bound == ["192.0.2.7", "10.1.0.1", "192.0.2.7", "10.1.0.1"]


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("user/ada/proxy/8787/status", "http://127.0.0.1:8787/status"),
        ("hub/user-redirect/proxy/8787/status", "http://127.0.0.1:8787/status"),
        ("user/ada/proxy/10.1.2.3:8787/status", "http://10.1.2.3:8787/status"),
        ("user/ada/proxy/absolute/8787/status", "http://127.0.0.1:8787/status"),
        ("proxy/8787/", "http://127.0.0.1:8787/status"),
        ("user/ada/dasklens/open/10.1.2.3:8787/status", "http://10.1.2.3:8787/status"),
        ("user/ada/lab", "http://127.0.0.1:8787/status"),
    ],
)
async def test_an_address_of_a_hub_is_told_from_the_dashboards_own(path: str, own: str) -> None:
    with pytest.raises(Refusal, match="through a proxy of Jupyter") as refused:
        await Allowed().candidates(parse(f"https://hub.example.org/{path}"), [])
    assert own in refused.value.remedy
    with pytest.raises(Refusal, match=r"one of Jupyter itself|through a proxy of Jupyter") as refused:
        await Allowed().candidates(parse(f"http://127.0.0.1:8888/{path}"), [8888])
    assert own in refused.value.remedy


def test_the_ports_of_the_users_servers_are_read(tmp_path: Path) -> None:
    (tmp_path / "jpserver-1.json").write_text(json.dumps({"port": 8888}))
    (tmp_path / "nbserver-2.json").write_text(json.dumps({"port": 8889}))
    (tmp_path / "jpserver-3.json").write_text('{"port": 88')
    (tmp_path / "jpserver-4.json").write_text("[]")
    (tmp_path / "jpserver-5.json").write_text('{"port": "x"}')
    (tmp_path / "jpserver-6.json").mkdir()
    os.mkfifo(tmp_path / "jpserver-7.json")
    (tmp_path / "kernel-8.json").write_text(json.dumps({"port": 1}))
    assert server_ports(tmp_path) == {8888, 8889}
    assert server_ports(tmp_path / "none") == set()


def test_the_ports_of_this_server_and_its_kernels() -> None:
    kernel = SimpleNamespace(ports=[1, 2, 3])
    kernels = SimpleNamespace(list_kernel_ids=lambda: ["k"], get_kernel=lambda id: kernel)
    assert own_ports(SimpleNamespace(port=8888, kernel_manager=kernels)) == {8888, 1, 2, 3}
    assert own_ports(SimpleNamespace(port=8888)) == {8888}


def test_a_target_spells_urls() -> None:
    target = Target("http", "::1", 8787, "/x/")
    assert target.url("a?b=c") == "http://[::1]:8787/x/a?b=c"
    assert target.ws_url("a") == "ws://[::1]:8787/x/a"
    assert target.authority == "[::1]:8787"
    assert target.ssl_options() is None
    assert (
        Target("https", "192.0.2.1", 1, "/", "verified", "dask.example.org").authority == "dask.example.org:1"
    )

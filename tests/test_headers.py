"""What passes between a browser and a scheduler's page, what is added, and what stays inside."""

from __future__ import annotations

import pytest
from hostile import DANGEROUS
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders

import dasklens
from dasklens.server.headers import ALWAYS, BadAnswer, answered, asked, policy, valid_host
from dasklens.server.inside import path_inside, query_inside, redirect_inside
from dasklens.server.target import Target

TARGET = Target("http", "10.0.0.5", 8787, "/")
BELOW = Target("https", "10.0.0.5", 443, "/x/y/", "verified", "dask.example")


def test_a_scheduler_is_told_what_it_needs_to_answer_and_not_who_asks() -> None:
    passed = {
        "Accept": "text/html",
        "Accept-Encoding": "gzip, br",
        "Accept-Language": "de",
        "If-Modified-Since": "Wed, 25 Nov 2026 00:00:00 GMT",
        "If-None-Match": '"x"',
    }
    dropped = {
        "Authorization": "token x",
        "Connection": "keep-alive",
        "Cookie": "_xsrf=1",
        "Forwarded": "for=1.2.3.4",
        "Host": "jupyter.example",
        "Origin": "null",
        "Proxy-Authorization": "x",
        "Range": "bytes=0-1",
        "Referer": "https://jupyter.example/lab",
        "Sec-Fetch-Site": "same-origin",
        "TE": "trailers",
        "Transfer-Encoding": "chunked",
        "User-Agent": "Mozilla/5.0",
        "X-Forwarded-For": "1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-XSRFToken": "1",
    }
    told = dict(asked(HTTPHeaders({**passed, **dropped}), "10.0.0.5:8787"))
    ours = {"Host": "10.0.0.5:8787", "User-Agent": f"dasklens/{dasklens.__version__}"}
    assert told == {**passed, **ours}


def test_a_browser_is_told_nothing_that_is_not_on_the_list() -> None:
    passed = {
        "Content-Encoding": "br",
        "Content-Length": "5",
        "Content-Type": "text/html; charset=utf-8",
        "Etag": 'W/"x"',
        "Last-Modified": "Wed, 25 Nov 2026 00:00:00 GMT",
    }
    assert {
        name.title(): value for name, value in answered(200, HTTPHeaders({**passed, **DANGEROUS})).items()
    } == passed


@pytest.mark.parametrize("code", [0, 99, 100, 101, 103, 199, 299, 600, 999])
def test_no_unknown_or_informational_status_is_passed_on(code: int) -> None:
    with pytest.raises(BadAnswer):
        answered(code, HTTPHeaders())


@pytest.mark.parametrize(
    "kind", ["multipart/x-mixed-replace; boundary=x", " Multipart/Related", "message/rfc822"]
)
def test_what_has_headers_within_is_only_bytes(kind: str) -> None:
    assert answered(200, HTTPHeaders({"Content-Type": kind})) == {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize(
    "kind",
    [
        "text/html, multipart/x-mixed-replace; boundary=b",
        "text/html,multipart/x-mixed-replace; boundary=b",
        'text/html; a="x", multipart/x-mixed-replace; boundary=b',
        'text/html; a="x\\", multipart/x-mixed-replace; boundary=b',
        "text/html; charset=utf-8, text/html",
        "text/html multipart/x-mixed-replace",
        "text/html; a",
        "text/html;;multipart/x-mixed-replace",
        "text",
        "/",
        "",
    ],
)
def test_what_is_not_one_media_type_is_only_bytes(kind: str) -> None:
    """Of a list, browsers take the last."""
    assert answered(200, HTTPHeaders({"Content-Type": kind})) == {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "text/html; charset=utf-8",
        "text/html;charset=UTF-8 ; x=y",
        'application/json; a="b, c; \\" d"',
        "image/svg+xml",
        "application/vnd.bokeh+json; v=1.2",
    ],
)
def test_one_media_type_is_passed_on(kind: str) -> None:
    assert answered(200, HTTPHeaders({"Content-Type": kind})) == {"Content-Type": kind}


def test_a_header_that_comes_twice_says_nothing() -> None:
    headers = HTTPHeaders()
    for name, value in [
        ("Content-Type", "text/html"),
        ("Content-Type", "multipart/x-mixed-replace; boundary=b"),
        ("ETag", '"a"'),
        ("ETag", '"b"'),
        ("Last-Modified", "Wed, 25 Nov 2026 00:00:00 GMT"),
        ("Last-Modified", "Wed, 25 Nov 2026 00:00:01 GMT"),
    ]:
        headers.add(name, value)
    assert answered(200, headers) == {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize("length", ["-1", "+1", "1, 2", "0x10", "1_0", "1.0", "9" * 19, "x", "1\t2", "²"])
def test_a_length_that_readers_may_disagree_about_is_refused(length: str) -> None:
    with pytest.raises(BadAnswer):
        answered(200, HTTPHeaders({"Content-Length": length}))


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": "a\x00b"},
        {"Content-Type": "a\x0bb"},
        {"Last-Modified": "\x7f"},
        {"Transfer-Encoding": "gzip, chunked"},
    ],
)
def test_values_that_readers_may_disagree_about_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadAnswer):
        answered(200, HTTPHeaders(headers))


def test_the_length_is_that_of_the_body() -> None:
    assert answered(200, HTTPHeaders({"Content-Length": "5, 5"})) == {"Content-Length": "5"}
    assert answered(200, HTTPHeaders({"Content-Length": "5", "Transfer-Encoding": "chunked"})) == {}
    assert answered(204, HTTPHeaders({"Content-Length": "5"})) == {}


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:8888", "jupyter.example.org", "a_b-c.d:1", "[::1]:8888", "[fe80::1]", "x" * 200],
)
def test_hosts(host: str) -> None:
    assert valid_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "a;b",
        "a,b",
        "a/b",
        "a'b",
        '"',
        "*",
        "*.example.org",
        "a@b",
        "a:b",
        "a:",
        "a:123456",
        "::1",
        "[::1",
        "[x]",
        "a\n",
        "ä",
        "-a",
        ".a",
        "a\x00",
        "x" * 256,
        "a; sandbox allow-same-origin",
    ],
)
def test_hosts_that_could_say_something_else_in_a_policy(host: str) -> None:
    assert not valid_host(host)


def test_the_policy_keeps_a_page_to_its_own_path() -> None:
    said = policy("jupyter.example:8888", "/user/a b;c,d'e%40/dasklens/page/secret/")
    place = "jupyter.example:8888/user/a%20b%3Bc%2Cd%27e%40/dasklens/page/secret/"
    assert said.split("; ") == [
        "sandbox allow-scripts",
        f"default-src http://{place} https://{place} ws://{place} wss://{place} "
        "'unsafe-inline' 'unsafe-eval' data: blob:",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "webrtc 'block'",
    ]
    assert "," not in said  # where a second policy would begin


def test_what_is_always_said() -> None:
    assert ALWAYS["Cache-Control"] == "no-store"
    assert ALWAYS["Referrer-Policy"] == "no-referrer"
    assert ALWAYS["X-Content-Type-Options"] == "nosniff"
    features = ALWAYS["Permissions-Policy"].split(", ")
    assert all(feature.endswith("=()") for feature in features)
    assert {"camera=()", "clipboard-read=()", "fullscreen=()", "geolocation=()"} <= set(features)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "status",
        "info/main/workers.html",
        "status/",
        "a%20b",
        "task/%28%27x-1%27%2C%200%29.html",
        "a..b/...",
        "x/jupyter",
        "jupyterx",
        "%ff",
        "%25%32%65",
        "%252e%252e/x",
        "a//b",
        "%zz",
        "a:b@c",
    ],
)
def test_paths_that_stay_as_they_are(path: str) -> None:
    assert path_inside(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "..",
        ".",
        "../x",
        "x/..",
        "x/./y",
        "%2e%2e/x",
        ".%2E/x",
        "x%2f..%2fy",
        "x/%2e%2e",
        "..%5cx",
        "x\\..\\y",
        "x%5c%2e%2e%5cy",
        "..;/x",
        "x/..;a=b/y",
        "/evil.example/",
        "%2fevil.example/",
        "%2F%2Fevil.example/",
        "\\evil.example",
        "%5c%5cevil.example",
        "a%00b",
        "a%0d%0aSet-Cookie:x",
        "a%0ab",
        "a%7fb",
        "a\tb",
        "jupyter",
        "jupyter/lab",
        "%6aupyter/api",
        "jupyter%2flab",
        "Jupyter/lab",
        "jupyter;x/lab",
        "dasklens/stream",
        "dasklens/proof?",
    ],
)
def test_paths_that_lead_elsewhere(path: str) -> None:
    assert path_inside(path) is None


def test_what_should_have_been_quoted_is() -> None:
    assert path_inside('a"<>#^`{|}é') == "a%22%3C%3E%23%5E%60%7B%7C%7D%E9"


@given(st.text(st.characters(max_codepoint=255), max_size=30))
def test_no_path_inside_can_end_a_request_line_or_climb(path: str) -> None:
    inside = path_inside(path)
    if inside is not None:
        assert inside.isascii()
        assert inside.isprintable()
        assert not set(inside) & set(' \\#?"<>')
        assert ".." not in inside.split("/")


def test_the_query_loses_only_what_says_who_asks() -> None:
    assert query_inside("") == ""
    assert query_inside("a=1&b=%20+x&a=2&c") == "a=1&b=%20+x&a=2&c"
    assert query_inside("token=x&a=1&_xsrf=y&token=&token") == "a=1"
    assert query_inside("%74oken=x&_%78srf=1&t%6Fken=2") == ""
    assert query_inside("tokens=1&xtoken=2&Token=3") == "tokens=1&xtoken=2&Token=3"
    assert query_inside("token=x") == ""
    assert query_inside("q=a'b\"é[]") == "q=a'b%22%E9[]"


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/status", "status"),
        ("status", "info/status"),
        ("../status?a=b#c", "status?a=b#c"),
        ("?x=1", "info/main?x=1"),
        ("", "info/main"),
        ("/", ""),
        ("http://10.0.0.5:8787/status", "status"),
        ("HTTP://10.0.0.5:8787", ""),
        ("//10.0.0.5:8787/status", "status"),
        ("http://dash.example:8787/status", "status"),
        ("http://DASH.example:8787/status", "status"),
        (" /status\t", "status"),
        ("/a b<\xe9", "a%20b%3C%E9"),
        ("../../../status", "status"),
    ],
)
def test_redirects_inside(location: str, place: str) -> None:
    assert redirect_inside(location, "info/main", TARGET, {("dash.example", 8787)}) == place


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.5/status",
        "http://10.0.0.5:8788/status",
        "https://10.0.0.5:8787/status",
        "http://10.0.0.6:8787/status",
        "http://10.0.0.5.evil.example:8787/",
        "http://10.0.0.5:8787@evil.example/",
        "http://user@10.0.0.5:8787/",
        "http://dash.example/status",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "http:\\\\evil.example",
        "/\tx",
        "/\x00",
        "/%2e%2e/x",
        "//10.0.0.5:8787//evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "blob:x",
        "file:///etc/passwd",
        "ftp://10.0.0.5:8787/",
        "http://[::1",
        "http://10.0.0.5:99999/",
        "/jupyter/lab",
    ],
)
def test_redirects_to_anywhere_else(location: str) -> None:
    assert redirect_inside(location, "info/main", TARGET, {("dash.example", 8787)}) is None


@pytest.mark.parametrize("location", ["///evil.example/", "http:/evil.example/", "http:evil.example/"])
def test_redirects_that_browsers_and_python_read_differently(location: str) -> None:
    # Which way they are read matters not: what is passed on is a path below the capability.
    place = redirect_inside(location, "status", TARGET)
    assert place in (None, "evil.example/")


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/x/y/status", "status"),
        ("/x/y", ""),
        ("https://dask.example/x/y/status", "status"),
        ("https://10.0.0.5/x/y/status", "status"),
        ("status", "status"),
        ("/status", None),
        ("/x/yz", None),
        ("..", None),
        ("../../x/y/../z", None),
        ("http://dask.example/x/y/status", None),
    ],
)
def test_redirects_below_a_prefix(location: str, place: str | None) -> None:
    assert redirect_inside(location, "status", BELOW) == place

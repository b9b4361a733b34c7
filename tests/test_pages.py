"""From Jupyter's login to a page of a scheduler, in a real Jupyter server before toy dashboards."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from backends import Toy, announcement, folder_of, saying, write
from jupyter import BASE_URL, Answer, Browser, Jupyter, jupyter
from registries import closed_port

from dasklens.server import notice

SECRET = re.compile(rf"{BASE_URL}dasklens/page/([A-Za-z0-9_-]{{43}})/")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    home = tmp_path_factory.mktemp("jupyter")
    with jupyter(home, "--debug", "--Dasklens.allowed_hosts=192.0.2.0/24") as server:
        yield server
        secrets = SECRETS.copy()
        SECRETS.clear()
        said = server.said()
    assert secrets
    for secret in secrets:
        assert secret not in said


#: What was minted; to be found in no log of a server at debug level.
SECRETS: set[str] = set()


@pytest.fixture(scope="module")
def browser(server: Jupyter) -> Browser:
    return server.browser()


async def ask(who: Jupyter | Browser, method: str, path: str, data: Any = None, **more: Any) -> Answer:
    """Ask while the toys of this loop answer."""
    answer = await asyncio.to_thread(who.request, method, path, data, **more)
    for found in SECRET.findall(answer.headers["Location"] or "") + SECRET.findall(
        answer.body.decode("latin1")
    ):
        SECRETS.add(found)
    return answer


def announce(server: Jupyter, toy: Toy, **changes: Any) -> Path:
    """Have the server find it."""
    return write(
        folder_of(server.runtime), replace(announcement(toy.port, scheduler_id=toy.ident), **changes)
    )


def text(answer: Answer) -> str:
    """A page of ours: that it is one, and what it says."""
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = (answer.headers["Content-Security-Policy"] or "").split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'self'"} <= set(policy)
    assert "'unsafe-inline'" not in str(policy)
    page = answer.body.decode()
    assert "http://" not in re.sub(
        r"http://(127.0.0.1|192.0.2.\d|198.51.100.1)", "", page
    )  # it loads nothing
    return page


async def opened(server: Jupyter, browser: Browser, port: int, page: str = "status") -> str:
    """Path of a capability page, below the base URL."""
    answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{port}/{page}")
    assert answer.status == 200, answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    (src,) = re.findall(r'<iframe sandbox="allow-scripts" .* src="([^"]+)"', answer.body.decode())
    # It can go nowhere but below its own address.
    found = SECRET.match(src)
    assert found is not None
    root = found[0]
    host = f"127.0.0.1:{server.port}"
    policy = set((answer.headers["Content-Security-Policy"] or "").split("; "))
    assert {"default-src 'none'", f"frame-src http://{host}{root} https://{host}{root}"} <= policy
    assert "script" not in str(policy)
    return html.unescape(src).removeprefix(BASE_URL)


async def test_a_link_leads_through_the_login_to_the_page(server: Jupyter) -> None:
    async with Toy("Scheduler-link", odd={"status": saying(200, "the page")}).serve() as toy:
        file = announce(server, toy)
        place = f"dasklens/open/127.0.0.1:{toy.port}/status"
        visitor = Browser(server)
        answer = await ask(visitor, "GET", place)
        assert answer.status == 302
        assert unquote(answer.headers["Location"] or "") == f"{BASE_URL}login?next={BASE_URL}{place}"
        # The server may have looked who is there by itself by now.
        assert "/status" not in toy.paths()
        browser = server.browser()
        page = await opened(server, browser, toy.port)
        assert SECRET.fullmatch(BASE_URL + page.removesuffix("status"))
        # The page itself needs no cookie, for it can send none.
        answer = await ask(Browser(server), "GET", page)
        assert (answer.status, answer.body) == (200, b"the page")
        assert (await ask(server, "GET", page, token=None)).status == 200
        assert toy.asked[-1].path == "/status"
        assert not {"cookie", "authorization", "referer", "origin"} & set(toy.asked[-1].headers)
        file.unlink()


async def test_opening_it_again_mints_no_more(server: Jupyter, browser: Browser) -> None:
    async with Toy("Scheduler-again").serve() as toy:
        file = announce(server, toy)
        pages = {await opened(server, browser, toy.port, page) for page in ["status", "", "status"]}
        assert len(pages) == 1
        other = await opened(server, browser, toy.port, "info/main/workers.html?a=1&token=x&_xsrf=y")
        assert other.startswith(pages.pop().removesuffix("status"))
        assert other.endswith("/info/main/workers.html?a=1")
        file.unlink()


async def test_who_is_not_logged_in_mints_nothing(server: Jupyter) -> None:
    async with Toy("Scheduler-stranger").serve() as toy:
        file = announce(server, toy)
        id = await id_of(server, toy)
        for who in [Browser(server)]:
            assert (await ask(who, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status")).status == 302
            assert (await ask(who, "POST", f"dasklens/open/127.0.0.1:{toy.port}/status", b"")).status == 403
            assert (await ask(who, "POST", f"dasklens/api/schedulers/{id}/page")).status == 403
        file.unlink()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object", "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_what_no_person_follows_leads_nowhere(
    server: Jupyter, browser: Browser, headers: dict[str, str]
) -> None:
    async with Toy("Scheduler-cross").serve() as toy:
        file = announce(server, toy)
        answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status", headers=headers)
        assert (answer.status, answer.headers["Location"]) == (403, None)
        assert "followed by a person" in text(answer)
        person = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
        answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status", headers=person)
        assert answer.status == 200
        file.unlink()


async def test_another_extension_finds_the_plots_at_the_link(server: Jupyter, browser: Browser) -> None:
    plots = {"Individual Task Stream": "/individual-task-stream", "Away": "//evil.example/x", "Up": "/../x"}
    odd = {"individual-plots.json": saying(200, json.dumps(plots))}
    async with Toy("Scheduler-plots", odd=odd).serve() as toy:
        announce(server, toy)
        place = f"dasklens/open/127.0.0.1:{toy.port}/individual-plots.json"
        fetched = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
        answer = await ask(browser, "GET", place, headers=fetched)
        assert answer.status == 200
        assert answer.json == {"Individual Task Stream": "/individual-task-stream"}
        assert (answer.headers["Content-Type"] or "").startswith("application/json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for site in ("cross-site", "same-site"):
            refused = await ask(browser, "GET", place, headers={**fetched, "Sec-Fetch-Site": site})
            assert refused.status == 403
        assert (await ask(Browser(server), "GET", place)).status in (302, 403)
        unknown = "dasklens/open/127.0.0.1:1/individual-plots.json"
        assert (await ask(browser, "GET", unknown, headers=fetched)).status == 404


async def test_a_link_to_what_is_not_known_can_be_added(server: Jupyter, browser: Browser) -> None:
    async with Toy("Scheduler-new", odd={"status": saying(200, "the new page")}).serve() as toy:
        place = f"dasklens/open/127.0.0.1:{toy.port}/status"
        answer = await ask(browser, "GET", place)
        assert answer.status == 404
        page = text(answer)
        assert f"No dashboard is known at 127.0.0.1:{toy.port}" in page
        assert f'<form method="post" action="{BASE_URL}{place}">' in page
        assert toy.asked == []  # nothing that was not announced is looked at
        # The form sends its origin, which Jupyter checks, only under such a policy.
        assert answer.headers["Referrer-Policy"] == "same-origin"
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert xsrf is not None
        answer = await ask(
            browser, "POST", place, b"", headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert (answer.status, toy.asked) == (403, [])
        form = f"_xsrf={xsrf[1]}".encode()
        origin = {"Content-Type": "application/x-www-form-urlencoded", "Origin": server.url.split("/user")[0]}
        answer = await ask(browser, "POST", place, form, headers=origin)
        assert (answer.status, answer.headers["Location"]) == (303, BASE_URL + place)
        page = await opened(server, browser, toy.port)
        assert (await ask(Browser(server), "GET", page)).body == b"the new page"


async def test_what_cannot_be_added_says_why(server: Jupyter, browser: Browser) -> None:
    place = f"dasklens/open/127.0.0.1:{closed_port()}/status"
    answer = await ask(browser, "POST", place, b"", xsrf=True)
    assert answer.status == 409
    assert "was not added" in text(answer)
    answer = await ask(browser, "POST", f"dasklens/open/127.0.0.1:{server.port}/status", b"", xsrf=True)
    assert answer.status == 409
    assert "Jupyter" in text(answer)


async def test_an_address_that_may_not_be_added_has_a_remedy_and_no_button(
    server: Jupyter, browser: Browser
) -> None:
    answer = await ask(browser, "GET", "dasklens/open/198.51.100.1:8787/status")
    assert answer.status == 404
    page = text(answer)
    assert "<form" not in page
    assert "c.Dasklens.allowed_hosts" in page
    answer = await ask(browser, "GET", "dasklens/open/192.0.2.7:8787/status")  # as configured
    assert "<form" in text(answer)


@pytest.mark.parametrize(
    "host", [HOSTILE.replace("/", "%2F"), "%22onmouseover=x", "a%0d%0aSet-Cookie:x=1", "%ff"]
)
async def test_what_is_in_a_link_is_text(server: Jupyter, browser: Browser, host: str) -> None:
    answer = await ask(browser, "GET", f"dasklens/open/{host}:8787/status")
    assert answer.status in (400, 404)
    assert b"<script>" not in answer.body
    assert b'"onmouseover' not in answer.body
    assert not [value for value in answer.headers.get_all("Set-Cookie") or [] if value.startswith("x=")]
    if answer.status == 404:
        text(answer)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1.", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "127.0.0.1%00", "127.0.0.1@x"],
)
async def test_a_link_is_a_key_to_be_matched_exactly(server: Jupyter, browser: Browser, host: str) -> None:
    async with Toy("Scheduler-key").serve() as toy:
        file = announce(server, toy)
        await opened(server, browser, toy.port)
        before = len(toy.asked)
        answer = await ask(browser, "GET", f"dasklens/open/{host}:{toy.port}/status")
        assert (answer.status, answer.headers["Location"], len(toy.asked)) == (404, None, before)
        file.unlink()


@pytest.mark.parametrize("page", ["..", "%2e%2e/x", "/evil.example", "jupyter/lab", "a%0d%0ab"])
async def test_a_link_to_no_page(server: Jupyter, browser: Browser, page: str) -> None:
    async with Toy("Scheduler-page").serve() as toy:
        file = announce(server, toy)
        answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/{page}")
        assert (answer.status, answer.headers["Location"]) == (400, None)
        text(answer)
        file.unlink()


async def test_a_scheduler_that_does_not_answer_says_why(server: Jupyter, browser: Browser) -> None:
    toy = Toy("Scheduler-dead", port=closed_port())
    file = announce(server, toy)
    answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status")
    assert answer.status == 502
    assert "cannot be shown" in text(answer)
    entry = await entry_of(server, toy)
    assert entry["reason"]
    answer = await ask(server, "POST", f"dasklens/api/schedulers/{entry['id']}/page")
    assert (answer.status, answer.json["message"]) == (409, entry["reason"])
    assert answer.json["remedy"] == entry["remedy"]
    file.unlink()


async def test_a_scheduler_without_bokeh_has_no_pages(server: Jupyter, browser: Browser) -> None:
    async with Toy("Scheduler-plain", plots={}).serve() as toy:
        file = announce(server, toy)
        answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status")
        assert answer.status == 502
        assert "Install bokeh" in text(answer)
        answer = await ask(server, "POST", f"dasklens/api/schedulers/{await id_of(server, toy)}/page")
        assert answer.status == 409
        assert "bokeh" in answer.json["message"] + answer.json["remedy"]
        file.unlink()


async def test_the_api_mints_for_a_while(server: Jupyter, browser: Browser) -> None:
    async with Toy("Scheduler-api", odd={"x": saying(200, "x")}).serve() as toy:
        file = announce(server, toy)
        place = f"dasklens/api/schedulers/{await id_of(server, toy)}/page"
        answer = await ask(browser, "POST", place, xsrf=True)
        assert (answer.status, set(answer.json)) == (200, {"url", "expires"})
        assert SECRET.fullmatch(answer.json["url"])
        assert answer.json["expires"] == pytest.approx(time.time() + 8 * 3600, abs=60)
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await ask(browser, "POST", place, xsrf=True)).json == answer.json
        page = answer.json["url"].removeprefix(BASE_URL)
        assert (await ask(Browser(server), "GET", page + "x")).body == b"x"
        assert (await ask(browser, "POST", place)).status == 403
        assert (await ask(browser, "GET", place)).status == 405
        assert (await ask(server, "POST", "dasklens/api/schedulers/0000000000000000/page")).status == 404
        file.unlink()


async def test_a_port_that_somebody_else_has_now_shows_nothing(server: Jupyter, browser: Browser) -> None:
    async with Toy("Scheduler-first", token="a1" * 32).serve() as toy:
        file = announce(server, toy, token=toy.token, dasklens="0.1.0")
        page = await opened(server, browser, toy.port)
        port = toy.port
    async with Toy("Scheduler-first", token="b2" * 32, odd={"status": saying(200, "evil")}).serve(
        port=port
    ) as other:
        # A proof holds for a second.
        deadline = time.monotonic() + 20
        while (answer := await ask(Browser(server), "GET", page)).status != 404:
            assert time.monotonic() < deadline
        other.asked.clear()
        answer = await ask(Browser(server), "GET", page)
        assert answer.status == 404
        assert b"evil" not in answer.body
        assert other.paths().count("/status") == 0
        assert {asked.path for asked in other.asked} <= {
            "/dasklens/proof",
            "/health",
            "/individual-plots.json",
            "/json/identity.json",
        }
        assert not any("authorization" in asked.headers for asked in other.asked)
        answer = await ask(browser, "GET", f"dasklens/open/127.0.0.1:{port}/status")
        assert answer.status == 502
        text(answer)
    file.unlink()


async def test_a_scheduler_that_has_gone_closes_its_pages(server: Jupyter, browser: Browser) -> None:
    async with Toy("Scheduler-gone", odd={"status": saying(200, "x")}).serve() as toy:
        file = announce(server, toy)
        page = await opened(server, browser, toy.port)
        assert (await ask(Browser(server), "GET", page)).status == 200
        file.unlink()
        assert (await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status")).status == 404
        assert (await ask(Browser(server), "GET", page)).status == 404


async def test_pages_may_be_turned_off(tmp_path: Path) -> None:
    with jupyter(tmp_path, "--Dasklens.pages=False") as server:
        browser = server.browser()
        async with Toy("Scheduler-off").serve() as toy:
            announce(server, toy)
            id = await id_of(server, toy)
            for answer in [
                await ask(browser, "GET", f"dasklens/open/127.0.0.1:{toy.port}/status"),
                await ask(browser, "POST", f"dasklens/open/127.0.0.1:{toy.port}/status", b"", xsrf=True),
                await ask(browser, "GET", f"dasklens/page/{'A' * 43}/status"),
            ]:
                assert answer.status == 403
                assert "turned off" in text(answer)
            answer = await ask(server, "POST", f"dasklens/api/schedulers/{id}/page")
            assert answer.status == 403
            assert "c.Dasklens.pages" in answer.json["remedy"]


async def entry_of(server: Jupyter, toy: Toy) -> dict[str, Any]:
    """What the server knows of a toy."""
    deadline = time.monotonic() + 20
    while True:
        answer = await ask(server, "GET", "dasklens/api/schedulers")
        for entry in answer.json["schedulers"]:
            if entry["scheduler_id"] == toy.ident and entry["state"] != "checking":
                return dict(entry)
        assert time.monotonic() < deadline


async def id_of(server: Jupyter, toy: Toy) -> str:
    return str((await entry_of(server, toy))["id"])


# The pages themselves.


def test_everything_in_a_page_is_text() -> None:
    page = notice.page(HOSTILE, HOSTILE, "", form=notice.Form('"' + HOSTILE, HOSTILE, HOSTILE))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 6
    assert 'action="&#34;&lt;script' in page
    assert page.count("<p>") == 1


def test_a_page_follows_the_colours_of_the_system_and_loads_nothing() -> None:
    page = notice.page("title", "text")
    assert "color-scheme: light dark" in page
    assert not re.search(r"src=|href=|url\(|@import|<script", page)
    assert "<form" not in page

"""What of a notebook's HTML stays when nothing may be fetched, run, or lead elsewhere by itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_report_page import source

from dasklens.report.nbclean import Cleaned, cleaned

TAGS = [
    "meta",
    "link",
    "base",
    "iframe",
    "object",
    "embed",
    "frame",
    "portal",
    "script",
    "img",
    "video",
    "style",
    "svg",
]


def clean(body: str, scripts: bool = False) -> Cleaned:
    return cleaned(f"<html><head><meta charset='utf-8'></head><body>{body}</body></html>", scripts)


@pytest.mark.parametrize(
    "body",
    [
        "<meta http-equiv='refresh' content='0;url=https://x.org'>",
        "<META HTTP-EQUIV=refresh CONTENT='0'>",
        "<svg><style><meta http-equiv=refresh></style></svg>",
        "<textarea><meta http-equiv=refresh content=0></textarea>",
        "</body></html><meta http-equiv=refresh content=0>",
        "<!-- --!><meta http-equiv=refresh content=0>-->",
        "<link rel='preconnect' href='https://x.org'><base href='https://x.org'>",
        "<iframe srcdoc='<meta http-equiv=refresh>'></iframe>",
        "<noscript><iframe src=x></noscript>",
        "<b title='<base href=x>'>b</b><base\nhref=x>",
    ],
)
def test_nothing_leads_elsewhere_by_itself(body: str) -> None:
    found = clean(body).html.replace("<meta charset", "")
    assert not re.search(r"<(meta|link|base|iframe)[\s/>]", re.sub(r'"[^"]*"', '""', found), re.I)


@given(
    st.lists(
        st.sampled_from(
            [*(f"<{tag}" for tag in TAGS), *(f"</{tag}>" for tag in TAGS), "<!--", "-->", ">", " ", "'"]
        )
        | st.text(max_size=3),
        max_size=20,
    ).map("".join)
)
def test_no_text_makes_an_element_of_those(body: str) -> None:
    found = clean(body).html.partition("</head>")[2]
    assert not re.search(r"<(meta|link|base|iframe|object|embed|portal)[\s/>]", found, re.I)


def test_what_is_elsewhere_is_said_in_its_place() -> None:
    found = clean(
        "<img src='https://x.org/a.png' alt='A plot' srcset='b.png 2x'><iframe src='https://x.org/v'></iframe>"
        "<video><source src='clip.mp4'></video><img src='data:image/png;base64,AA'>"
    )
    assert found.left_out == {"picture": 1, "frame": 1, "video": 1}
    assert "A picture “A plot” is not in this page: " in found.html
    assert '<a href="https://x.org/v" rel="noreferrer">https://x.org/v</a>' in found.html
    assert "A video is not in this page: clip.mp4." in found.html
    assert found.html.count("<img") == 1


def test_addresses_of_others_are_no_links() -> None:
    assert "<a" not in clean("<iframe src='javascript:alert(1)'></iframe>").html


def test_scripts_are_left_out_and_their_output_says_so_once() -> None:
    found = clean(
        "<div class='jp-OutputArea-output'><p>plot</p>"
        "<script>a()</script><script type='module'>b()</script></div>"
        "<p onclick='c()'>text</p><a href=' javascript:d()'>link</a>"
        "<script type='application/json'>{}</script>"
    )
    assert found.left_out == {"script": 4}
    assert found.html.count("do not run in this page") == 1
    assert found.scripts == []
    for gone in ("a()", "b()", "c()", "d()"):
        assert gone not in found.html
    assert '<script type="application/json">{}</script>' in found.html


def test_scripts_that_may_run_are_named_and_those_from_elsewhere_are_not() -> None:
    found = clean(
        "<script>if (1 < 2 && true) a()</script><script src='https://x.org/a.js'></script>"
        "<p onclick='c()'>x</p>",
        scripts=True,
    )
    assert found.scripts == [source("if (1 < 2 && true) a()")]
    assert "if (1 < 2 && true) a()" in found.html
    assert found.left_out == {"script": 2}


@pytest.mark.parametrize(
    "address", ["java\nscript:x()", " j\ta v\rascript\n:x()", "JavaScript:x()", "\x01javascript:x()"]
)
def test_scripts_are_no_addresses(address: str) -> None:
    found = clean(f'<a href="{address}">a</a>')
    assert "href" not in found.html
    assert found.left_out["script"] == 1

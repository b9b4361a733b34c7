"""Which headers pass between a browser and a scheduler's page, and which are added.

Both directions are allow-lists. A deny-list is not enough: a page that sends ``Clear-Site-Data`` logs the
user out of Jupyter, and the next header of that kind is not invented yet.
"""

from __future__ import annotations

import re
from http.client import responses
from urllib.parse import quote

from tornado.httputil import HTTPHeaders

import dasklens

#: What a scheduler is told of a request. Never who asks: no Cookie, Authorization, Referer or Origin.
REQUEST = ("Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since")

#: What a browser is told of an answer, beside Content-Length and Location, which are looked at first.
RESPONSE = ("Content-Encoding", "Content-Type", "ETag", "Last-Modified")

_FEATURES = """
    accelerometer autoplay bluetooth browsing-topics camera clipboard-read clipboard-write compute-pressure
    cross-origin-isolated display-capture encrypted-media fullscreen gamepad geolocation gyroscope hid
    identity-credentials-get idle-detection keyboard-map local-fonts magnetometer microphone midi
    otp-credentials payment picture-in-picture publickey-credentials-create publickey-credentials-get
    screen-wake-lock serial storage-access sync-xhr usb web-share window-management xr-spatial-tracking
"""

#: Sent with everything under a capability. There is no Cross-Origin-Resource-Policy: a page of an opaque
#: origin is a stranger to its own scripts too. Nor a Cross-Origin-Opener-Policy: browsers refuse to show a
#: sandboxed page that has one.
ALWAYS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES.split()),
}


#: One media type (RFC 9110, 8.3.1); a list of them means to a browser what its last member says.
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_KIND = re.compile(rf'{_WORD}/{_WORD}(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|"(?:[^"\\]|\\.)*"))*')


class BadAnswer(Exception):
    """An answer that is not passed on."""


def asked(headers: HTTPHeaders, authority: str) -> HTTPHeaders:
    """Headers of the request to a scheduler.

    Parameters
    ----------
    headers : HTTPHeaders
        The browser's.
    authority : str
        Value of ``Host``.
    """
    passed = HTTPHeaders({"Host": authority, "User-Agent": f"dasklens/{dasklens.__version__}"})
    for name in REQUEST:
        if name in headers:
            passed[name] = headers[name]
    return passed


def answered(code: int, headers: HTTPHeaders) -> dict[str, str]:
    """Headers of the answer to the browser, without Location and without what is always added.

    Raises
    ------
    BadAnswer
        For a status, a length or a value that cannot be passed on.
    """
    if code not in responses or code < 200:
        raise BadAnswer
    passed = {name: headers[name] for name in RESPONSE if name in headers}
    # Not every tornado since 6.2 refuses these where they are read.
    if any(re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) for value in passed.values()):
        raise BadAnswer
    if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise BadAnswer
    for name in ("ETag", "Last-Modified"):
        if len(headers.get_list(name)) > 1:
            del passed[name]
    kind = passed.get("Content-Type", "text/plain").strip(" \t")
    if not _KIND.fullmatch(kind) or kind.lower().startswith(("multipart/", "message/")):
        # The parts have headers of their own, Set-Cookie and a Content-Security-Policy among them.
        passed["Content-Type"] = "application/octet-stream"
    length = _length(headers)
    if length and code != 204:
        passed["Content-Length"] = length
    return passed


def _length(headers: HTTPHeaders) -> str:
    """Content-Length, empty where the body says itself where it ends."""
    if "Transfer-Encoding" in headers:
        return ""
    lengths = {length.strip() for length in headers.get("Content-Length", "").split(",")}
    length = lengths.pop()
    if lengths or not re.fullmatch(r"[0-9]{0,18}", length):
        raise BadAnswer
    return length


#: A name, an IPv4 address, or an IPv6 address in brackets; perhaps a port.
_HOST = re.compile(r"(?=.{1,255}$)([A-Za-z0-9_](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def valid_host(host: str) -> bool:
    """Whether a header ``Host`` may be put into a policy."""
    return _HOST.fullmatch(host) is not None


def policy(host: str, root: str) -> str:
    """The Content-Security-Policy of a page: an opaque origin that loads from its own path only.

    Parameters
    ----------
    host : str
        As the browser knows this server; `valid_host`.
    root : str
        Path of the capability, with a slash at its end.

    Notes
    -----
    Whether the browser came by TLS is not known here, and with a port in them http (ws) does not stand for
    https (wss). A path with a slash at its end stands for all below.

    What eval runs, an inline script could be: nothing is given away by allowing it, and Bokeh's tables, on
    Dask's page of workers, need it.
    """
    own = sources(host, root, "http", "https", "ws", "wss")
    return (
        "sandbox allow-scripts; "
        f"default-src {own} 'unsafe-inline' 'unsafe-eval' data: blob:; "
        # What a page says to a STUN server is no load that default-src would see.
        "form-action 'none'; frame-ancestors 'self'; base-uri 'none'; webrtc 'block'"
    )


def sources(host: str, root: str, *schemes: str) -> str:
    """What stands in a policy for everything below `root`."""
    place = host + quote(root, safe="/%:@!$&()*+=~")  # never a ; or a , which end a source
    return " ".join(f"{scheme}://{place}" for scheme in schemes)

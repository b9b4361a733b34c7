"""The checks of "Why can't I see it?" as a route: what is checked, and how, is in ``check_run.py``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tornado.web
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

from dasklens.server.allowed import LONGEST_URL, own_ports, server_ports
from dasklens.server.check_result import Check
from dasklens.server.check_run import Surroundings, run
from dasklens.server.check_steps import UPGRADE

if TYPE_CHECKING:
    from dasklens.server.app import Extension

#: Bytes of the largest request.
MOST_BODY = 16 << 10
#: What a reverse proxy adds to the requests that it passes on.
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via")
#: One run at a time for everybody: each connects to all schedulers.
_RUNNING = "dasklens_checking"


class CheckHandler(APIHandler):
    """`POST dasklens/api/check`: answers with ``{"checks": [{"name", "title", "ok", "said", …}]}``.

    The request is ``{"url": …}`` for an address, ``{"id": …}`` for a scheduler of the registry, or ``{}`` for
    all. A page may add ``"websocket": true | false``: whether it got one through to this server.
    """

    auth_resource = "dasklens"

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Run the checks."""
        try:
            asked = _asked(self.request.body)
        except ValueError as error:
            self._refuse(400, str(error), 'Send {}, {"url": "http://127.0.0.1:8787/status"} or {"id": …}.')
            return
        lock = self.settings.setdefault(_RUNNING, asyncio.Lock())
        async with lock:
            try:
                checks = await run(self._surroundings(), url=asked.get("url"), id=asked.get("id"))
            except KeyError:
                self._refuse(
                    404, "There is no scheduler of this id.", "It may have gone: take one from the list."
                )
                return
        checks.append(self._browser(asked.get("websocket")))
        self.finish({"checks": [check.as_json() for check in checks]})

    def _surroundings(self) -> Surroundings:
        extension: Extension = self.settings["dasklens"]
        server: Any = self.serverapp
        runtime = Path(getattr(server, "runtime_dir", "") or jupyter_runtime_dir())
        # Kernels are asked here, on the loop that they belong to; files in a thread.
        own = own_ports(server)
        return Surroundings(
            extension.config,
            Path(jupyter_runtime_dir()) / "dasklens",
            lambda: own | server_ports(runtime),
            extension.registry.entries,
        )

    def _browser(self, websocket: bool | None) -> Check:
        """Only the page can try its own way here; what it says is put into words."""
        name, title = "browser", "Websockets from the browser"
        behind = any(header in self.request.headers for header in _PROXY_HEADERS)
        if websocket:
            return Check(name, title, True, "This page has one to Jupyter.")
        where = "A reverse proxy is in front of this Jupyter server" if behind else "No proxy names itself"
        if websocket is None:
            said = f"not run: only a page can try. {where}."
            return Check(name, title, None, said)
        return Check(
            name,
            title,
            False,
            f"This page can send requests to Jupyter but not open a websocket to it. {where}.",
            "Have whatever is between browser and Jupyter pass websockets on: the headers Upgrade and "
            "Connection (below for nginx). Kernels need them as well.",
            UPGRADE,
        )

    def _refuse(self, status: int, message: str, remedy: str) -> None:
        self.set_status(status)
        self.finish({"message": message, "remedy": remedy})


def _asked(body: bytes) -> dict[str, Any]:
    """What a request asks; raises ValueError with a sentence. Of what came nothing is repeated."""
    if len(body) > MOST_BODY:
        raise ValueError(f"The request should have at most {MOST_BODY} bytes.")
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ValueError("The request should be JSON.") from None
    if not isinstance(asked, dict):
        raise ValueError("The request should be a JSON object.")
    for field, kind, most in (("url", str, LONGEST_URL), ("id", str, 64)):
        value = asked.get(field)
        if value is not None and (not isinstance(value, kind) or len(value) > most):
            raise ValueError(f"In the request, {field} should be a text of at most {most} letters.")
    if asked.get("url") is not None and asked.get("id") is not None:
        raise ValueError("The request should have url or id, not both.")
    if asked.get("websocket") not in (None, True, False):
        raise ValueError("In the request, websocket should be true or false.")
    return asked

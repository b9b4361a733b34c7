"""Pages of schedulers, below a capability: read-only, sandboxed, and nothing else within reach.

The address is the credential, so no cookie is read and no login asked for, and the address is written to no
log. Where a request goes is the registry's to say, never the path's.
"""

from __future__ import annotations

import asyncio
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import Finish, HTTPError, RequestHandler

from dasklens.server import notice
from dasklens.server.headers import ALWAYS, BadAnswer, answered, asked, policy, valid_host
from dasklens.server.inside import path_inside, query_inside, redirect_inside
from dasklens.server.proxy_http import IDLE, Answer, CutOff, Unanswered, ask
from dasklens.server.proxy_ws import POLICY, NotAWebsocket, Tunnel, accepts, agreed, handshake
from dasklens.server.target import NotThere, Target

if TYPE_CHECKING:
    from dasklens.server.app import Extension
    from dasklens.server.capability import Capability
    from dasklens.server.registry import Entry

#: What a page of ours says, by status. Nothing of a request or of an answer is ever in one.
_SAID = {
    400: ("This address cannot be asked for", "It is not that of a page of a scheduler."),
    403: (
        "Pages of schedulers are turned off",
        "Whoever runs this Jupyter server has set c.Dasklens.pages = False.",
    ),
    404: (
        "This address opens nothing",
        "It has expired, or the scheduler it was for has gone. Open the page again from JupyterLab.",
    ),
    405: ("Pages of schedulers are read only", "This was a request to change something."),
    421: (
        "This page cannot be shown safely",
        "Browsers cannot keep a page to one path of an IPv6 address. Open Jupyter by a name or by an IPv4 "
        "address, such as localhost or 127.0.0.1.",
    ),
    500: ("This page cannot be shown", "Something went wrong in dasklens; Jupyter's log has it."),
    502: (
        "The scheduler does not answer",
        "It may have ended, be too busy, or have answered with what is not passed on. Reload to try again, "
        "or look at JupyterLab's list of schedulers.",
    ),
}

#: What a page's websocket is told at the end of its capability.
_ENDED = {
    "": "",
    "expired": "This address has expired. Open the page again from JupyterLab.",
    "revoked": "The scheduler of this address has gone.",
    "closed": "Jupyter is shutting down.",
}


class ProxyHandler(RequestHandler):
    """`GET`, `HEAD` and websockets of `dasklens/page/<capability>/<path>`.

    A handler of tornado's, not of Jupyter's: that one reads cookies and sends headers of its own.
    """

    SUPPORTED_METHODS = ("GET", "HEAD")

    _capability: Capability | None = None
    _gone = False
    _asking: asyncio.Future[Answer] | None = None

    @allow_unauthenticated
    async def get(self, secret: str, _path: str | None = None) -> None:
        """Ask the scheduler, or connect to its websocket."""
        capability = self._of(secret)
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            await self._websocket(capability)
        else:
            await self._page(capability)

    @allow_unauthenticated
    async def head(self, secret: str, _path: str | None = None) -> None:
        """Ask the scheduler for headers."""
        await self._page(self._of(secret))

    # Which capability, which path, which target.

    @property
    def _extension(self) -> Extension:
        extension: Extension = self.settings["dasklens"]
        return extension

    def _of(self, secret: str) -> Capability:
        if not self._extension.config.pages:
            self._say(403)
        if not valid_host(self.request.headers.get("Host", "")):
            self._say(400)
        capability = self._extension.capabilities.of(secret)
        if capability is None:
            self._say(404)
        self._capability = capability
        return capability

    def _place(self, capability: Capability) -> tuple[str, str, str]:
        """Path of the capability, then path and query below it, as they were sent."""
        before, name, rest = self.request.path.partition(f"/dasklens/page/{capability.secret}")
        query = query_inside(self.request.query)
        query = f"?{query}" if query else ""
        if not rest:
            # What is relative in the page has to be so to this.
            self.redirect(f"{before}{name}/{query}")
            raise Finish
        path = path_inside(rest[1:])
        if path is None:
            self._say(400)
        return f"{before}{name}/", path, query

    async def _target(self, capability: Capability) -> tuple[Entry, Target]:
        """Where to ask: proven, again, to be the scheduler that the capability is for."""
        registry = self._extension.registry
        entry = registry.get(capability.scheduler)
        if entry is None:
            self._say(404)
        try:
            target = await registry.verify(entry)
        except NotThere as trouble:
            if trouble.state == "refused":
                # Somebody else has its port.
                self._extension.capabilities.revoke(capability.scheduler)
            self._say(404 if capability.ended else 502)
        if capability.ended:
            self._say(404)
        return entry, target

    async def _ask(self, target: Target, path: str, headers: HTTPHeaders) -> Answer:
        """Send the request; whatever makes it pointless stops it."""
        assert self.request.method is not None
        self._asking = asyncio.ensure_future(ask(target, self.request.method, target.prefix + path, headers))
        try:
            return await self._asking
        except (Unanswered, NotThere):
            # Who has the port now, the registry will see too.
            self._say(502)
        except asyncio.CancelledError:
            if self._asking.cancelled() and self._gone:
                raise Finish from None
            raise

    # HTTP.

    async def _page(self, capability: Capability) -> None:
        root, path, query = self._place(capability)
        if self.request.host.startswith("["):
            self._say(421)
        entry, target = await self._target(capability)
        detach = capability.attach(self._cut)
        try:
            answer = await self._ask(target, path + query, asked(self.request.headers, target.authority))
            try:
                self._head(answer, root, path, target, entry)
                await self._body(answer)
            finally:
                answer.close()
        finally:
            detach()

    def _head(self, answer: Answer, root: str, path: str, target: Target, entry: Entry) -> None:
        """Status and headers for the browser."""
        try:
            headers = answered(answer.code, answer.headers)
        except BadAnswer:
            self._say(502)
        if "Location" in answer.headers:
            inside = redirect_inside(answer.headers["Location"], path, target, entry.links)
            if inside is None:
                self._say(502)
            headers["Location"] = root + inside
        self.set_status(answer.code)
        self.clear_header("Content-Type")
        for name, value in headers.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", policy(self.request.headers["Host"], root))

    async def _body(self, answer: Answer) -> None:
        """Pass on what comes; the next piece is asked for when the browser has taken this one."""
        try:
            await asyncio.wait_for(self.flush(), IDLE)
            while chunk := await answer.chunk():
                self.write(chunk)
                await asyncio.wait_for(self.flush(), IDLE)
            self.finish()
        except (StreamClosedError, CutOff, asyncio.TimeoutError):
            # Ended in the usual way it would look whole.
            self._cut()
        except BaseException:
            self._cut()
            raise

    # Websockets.

    async def _websocket(self, capability: Capability) -> None:
        _, path, query = self._place(capability)
        try:
            proof = accepts(self.request.headers)
        except NotAWebsocket:
            self._say(400)
        _, target = await self._target(capability)
        headers = asked(self.request.headers, target.authority)
        offered = self.request.headers.get("Sec-WebSocket-Protocol")
        key = handshake(headers, offered)
        detach = capability.attach(self._cut)
        try:
            answer = await self._ask(target, path + query, headers)
        finally:
            detach()
        try:
            protocol = agreed(answer, key, offered)
            stream = await self._upgrade(proof, protocol)
        except NotAWebsocket:
            answer.close()
            self._say(502)
        except BaseException:
            answer.close()
            raise
        tunnel = Tunnel(stream, answer.stream)
        detach = capability.attach(lambda: tunnel.end(POLICY, _ENDED[capability.ended]))
        try:
            await tunnel.run()
        finally:
            detach()

    async def _upgrade(self, proof: str, protocol: str | None) -> IOStream:
        """Say yes to the browser."""
        self.clear()
        self.set_status(101)
        for name in list(self._headers):
            self.clear_header(name)
        self.set_header("Upgrade", "websocket")
        self.set_header("Connection", "Upgrade")
        self.set_header("Sec-WebSocket-Accept", proof)
        if protocol is not None:
            self.set_header("Sec-WebSocket-Protocol", protocol)
        await self.flush()
        self.finish()
        stream = self.detach()
        stream.set_nodelay(True)
        return stream

    # Ends.

    def on_connection_close(self) -> None:
        """Called when the browser has gone."""
        self._cut()

    def _cut(self) -> None:
        """Close both sides at once."""
        self._gone = True
        connection = self.request.connection
        if isinstance(connection, HTTP1Connection) and connection.stream is not None:
            connection.stream.close()
        if self._asking is None:
            return
        self._asking.cancel()
        if self._asking.done() and not self._asking.cancelled() and self._asking.exception() is None:
            self._asking.result().close()

    # What is said, and what is not logged.

    def set_default_headers(self) -> None:
        """What everything under a capability has, also what is an error."""
        for name, value in {**ALWAYS, **notice.headers(sandboxed=True)}.items():
            self.set_header(name, value)

    def _say(self, code: int) -> NoReturn:
        self.clear()
        self.set_status(code)
        raise Finish(notice.page(*_SAID.get(code, _SAID[500])))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong, in words of ours."""
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        self.finish(notice.page(*_SAID.get(status_code, _SAID[500])))

    def decode_argument(self, value: bytes | None, name: str | None = None) -> str:
        """Any path is taken: what is in it is looked at later, and said to nobody."""
        return (value or b"").decode("latin1")

    def _request_summary(self) -> str:
        whose = self._capability.scheduler if self._capability else "nobody"
        return f"{self.request.method} a page of {whose}"

    def _log(self) -> None:
        # Instead of Jupyter's line, which has the whole address.
        took = self.request.request_time() * 1e3
        self._extension.log.debug("%d %s %.2f ms", self.get_status(), self._request_summary(), took)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log a traceback, without the address."""
        if isinstance(value, HTTPError):
            return
        text = "".join(traceback.format_exception(typ, value, tb))
        if self._capability:
            text = text.replace(self._capability.secret, "…")
        self._extension.log.error("Uncaught exception: %s\n%s", self._request_summary(), text)

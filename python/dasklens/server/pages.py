"""How a person comes to a page of a scheduler: by a link, or by a click in JupyterLab.

Both need Jupyter's login, and both end in a capability: the page itself, under an address of its own, is
`proxy.py`'s. It is shown in a frame that cannot go elsewhere: a link's in `framed.py`, JupyterLab's in a tab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler

from dasklens.server import framed, notice
from dasklens.server.allowed import Allowed, parse
from dasklens.server.headers import valid_host
from dasklens.server.inside import path_inside, query_inside
from dasklens.server.probe import PLOTS, plots
from dasklens.server.target import NotThere, Refusal

if TYPE_CHECKING:
    from dasklens.server.app import Extension
    from dasklens.server.capability import Capability
    from dasklens.server.registry import Entry

TURNED_OFF = "Pages of schedulers are turned off in this Jupyter server."
TURN_ON = "Its administrator can set c.Dasklens.pages = True."

NO_BOKEH = "This scheduler has no pages, because bokeh is not installed where it runs."
GET_BOKEH = "Install bokeh in the scheduler's environment and start the scheduler again."


def page_url(base_url: str, capability: Capability) -> str:
    """Path of the root of a scheduler's pages; those of Dask are below it (``status``)."""
    return f"{base_url}dasklens/page/{capability.secret}/"


async def _ready(extension: Extension, entry: Entry) -> Capability:
    """Mint for a scheduler that is there and has pages; raises NotThere for others."""
    await extension.registry.verify(entry)
    if entry.bokeh is False:
        raise NotThere(NO_BOKEH, GET_BOKEH)
    return extension.capabilities.mint(entry.id)


class PageHandler(APIHandler):
    """`POST dasklens/api/schedulers/<id>/page`: where the pages of a scheduler are, for a while."""

    auth_resource = "dasklens"

    @tornado.web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """Answer with ``{"url", "expires"}``, or say why there are no pages (``{"message", "remedy"}``)."""
        extension: Extension = self.settings["dasklens"]
        self.set_header("Cache-Control", "no-store")
        entry = extension.registry.get(id)
        if not extension.config.pages:
            self._say(403, TURNED_OFF, TURN_ON)
        elif entry is None:
            self._say(404, "There is no scheduler of this id, or it has gone.", "")
        else:
            try:
                capability = await _ready(extension, entry)
            except NotThere as trouble:
                self._say(409, trouble.reason, trouble.remedy)
            else:
                self.finish({"url": page_url(self.base_url, capability), "expires": capability.expires})

    def _say(self, code: int, message: str, remedy: str) -> None:
        self.set_status(code)
        self.finish({"message": message, "remedy": remedy})


class OpenHandler(JupyterHandler):
    """`dasklens/open/<host>:<port>/<page>`: what `client.dashboard_link` leads to.

    Host and port are a key into the registry, to be matched exactly, and never where a request goes.
    """

    auth_resource = "dasklens"

    @tornado.web.authenticated
    @authorized
    async def get(self, host: str, port: str, page: str | None = None) -> None:
        """Show the scheduler's page, or say why that cannot be."""
        extension: Extension = self.settings["dasklens"]
        if page == PLOTS:
            await self._send_plots(extension, host, port)
            return
        self._check_navigation()
        if not extension.config.pages:
            self._show(403, TURNED_OFF, TURN_ON)
        await extension.registry.scan()
        entry = extension.registry.find(host.strip("[]").lower(), int(port))
        if entry is None:
            await self._show_unknown(host, port)
        try:
            capability = await _ready(extension, entry)
        except NotThere as trouble:
            self._show(502, f"The dashboard at {host}:{port} cannot be shown", trouble.reason, trouble.remedy)
        place = path_inside(self.request.path.partition("/dasklens/open/")[2].partition("/")[2] or "status")
        if place is None:
            self._show(400, "This is not the address of a page of a scheduler")
        if not valid_host(self.request.host):
            self._show(400, "This is not a name under which a page can be shown")
        query = query_inside(self.request.query)
        root = page_url(self.base_url, capability)
        for name, value in framed.headers(self.request.host, root).items():
            self.set_header(name, value)
        title = f"Dask at {host}:{port}"
        self.finish(framed.page(title, root + place + (f"?{query}" if query else "")))

    @tornado.web.authenticated
    @authorized
    async def post(self, host: str, port: str, page: str | None = None) -> None:
        """Add the dashboard as if its address had been typed in, and go on as if it had been known."""
        extension: Extension = self.settings["dasklens"]
        if not extension.config.pages:
            self._show(403, TURNED_OFF, TURN_ON)
        try:
            await extension.registry.add(f"http://{host}:{port}")
        except Refusal as refusal:
            self._show(409, f"{host}:{port} was not added", refusal.sentence, refusal.remedy)
        self.redirect(self.request.path, status=303)

    async def _send_plots(self, extension: Extension, host: str, port: str) -> None:
        """The paths of the plots as JSON, for a page of Jupyter's own.

        Other extensions take the link for the address of a dashboard and look there what it has.
        """
        self.set_header("Cache-Control", "no-store")
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise tornado.web.HTTPError(403)
        await extension.registry.scan()
        entry = extension.registry.find(host.strip("[]").lower(), int(port))
        if entry is None or not extension.config.pages:
            raise tornado.web.HTTPError(404)
        try:
            found = await plots(await extension.registry.verify(entry))
        except NotThere:
            raise tornado.web.HTTPError(502) from None
        self.finish(
            {name: path for name, path in found.items() if path_inside(path.removeprefix("/")) is not None}
        )

    def _check_navigation(self) -> None:
        """Refuse what no person asked for: other sites' pages, images and frames that point here.

        They could not read the address that this leads to, but they have no business with it. Browsers that
        do not say (``Sec-Fetch-*``) are let through: nothing rests on this alone.
        """
        headers = self.request.headers
        mode, site = headers.get("Sec-Fetch-Mode", "navigate"), headers.get("Sec-Fetch-Site", "none")
        framed = headers.get("Sec-Fetch-Dest", "document") != "document"
        if mode != "navigate" or (framed and site != "same-origin"):
            self._show(403, "This link is to be followed by a person", "Open it in a window of its own.")

    async def _show_unknown(self, host: str, port: str) -> NoReturn:
        title = f"No dashboard is known at {host}:{port}"
        why = (
            "Schedulers announce themselves to the Jupyter server whose kernels start or use them. This one "
            "may have ended, be another user's, or run in an environment without dasklens."
        )
        extension: Extension = self.settings["dasklens"]
        try:
            # The ports of Jupyter itself are refused when it is added.
            await Allowed(extension.config.allowed_hosts).candidates(parse(f"http://{host}:{port}"), ())
        except Refusal as refusal:
            self._show(404, title, why, refusal.sentence, refusal.remedy)
        except NotThere as trouble:
            self._show(404, title, why, trouble.reason, trouble.remedy)
        form = notice.Form(self.request.path, self.xsrf_token.decode("ascii"), "Add it")
        self._show(404, title, why, "If it is a dashboard of yours, add it.", form=form)

    def _show(self, code: int, title: str, *paragraphs: str, form: notice.Form | None = None) -> NoReturn:
        self.set_status(code)
        for name, value in notice.headers(sandboxed=False).items():
            self.set_header(name, value)
        raise tornado.web.Finish(notice.page(title, *paragraphs, form=form))

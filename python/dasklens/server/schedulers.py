"""The routes of the registry: list, add, remove, and a websocket of its changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import tornado.web
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from dasklens.server.target import Refusal

if TYPE_CHECKING:
    from dasklens.server.entries import Entry
    from dasklens.server.reckoning import Reckoners
    from dasklens.server.registry import Registry

#: Bytes of the largest request.
MOST_BODY = 16 << 10


class RegistryHandler(APIHandler):
    """What the routes below ``dasklens/api/schedulers`` share."""

    auth_resource = "dasklens"

    @property
    def registry(self) -> Registry:
        """Which schedulers there are."""
        registry: Registry = self.settings["dasklens"].registry
        return registry

    def refuse(self, status: int, message: str, remedy: str = "") -> None:
        """Answer with one sentence, and what to do."""
        self.set_status(status)
        self.finish({"message": message, "remedy": remedy})

    def refuse_unknown(self) -> None:
        """Answer that there is no such scheduler; of what was asked nothing is repeated."""
        self.refuse(404, "There is no scheduler of this id.", "It may have gone: take one from the list.")


class SchedulersHandler(RegistryHandler):
    """`dasklens/api/schedulers`: which schedulers there are, and one more."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with ``{"schedulers": […]}``, read and probed anew as far as they are new."""
        await self.registry.scan()
        self.finish({"schedulers": [entry.said() for entry in self.registry.entries]})

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Take ``{"url": …}``: 201 and the scheduler, or why not."""
        try:
            entry = await self.registry.add(_typed_url(self.request.body))
        except Refusal as refusal:
            self.refuse(400, refusal.sentence, refusal.remedy)
            return
        self.set_status(201)
        self.finish(entry.said())


class SchedulerHandler(RegistryHandler):
    """`dasklens/api/schedulers/<id>`: one of them."""

    @tornado.web.authenticated
    @authorized
    async def get(self, id: str) -> None:
        """Answer with the scheduler."""
        entry = self.registry.get(id)
        if entry is None:
            self.refuse_unknown()
            return
        self.finish(entry.said())

    @tornado.web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Forget a typed-in one: 204."""
        entry = self.registry.get(id)
        if entry is None:
            self.refuse_unknown()
        elif entry.source != "typed":
            self.refuse(
                409,
                "This scheduler announces itself: it goes when it is closed.",
                "Close its client or cluster.",
            )
        else:
            self.registry.remove(id)
            self.set_status(204)
            self.finish()


def _typed_url(body: bytes) -> str:
    example = 'Send {"url": "http://127.0.0.1:8787/status"}.'
    if len(body) > MOST_BODY:
        raise Refusal(f"The request should have at most {MOST_BODY} bytes.", example)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("The request should be JSON.", example) from None
    if not isinstance(said, dict) or not isinstance(said.get("url"), str):
        raise Refusal("The request should be a JSON object whose url is a text.", example)
    url: str = said["url"]
    return url


class ChangesHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`dasklens/api/schedulers/changes`, a websocket: the list, then each change of it; and of recordings.

    A page that reads slowly gets the newest state of each scheduler, and of its recording, not each state
    that there was: nothing piles up.
    """

    auth_resource = "dasklens"

    def set_default_headers(self) -> None:
        """None: those of Jupyter are for pages."""

    @ws_authenticated
    @authorized
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the websocket, after Jupyter's login and its check of the origin."""
        await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin to look, for this page."""
        super().open(*args, **kwargs)
        registry: Registry = self.settings["dasklens"].registry
        #: What the page has to hear next, by id; and which schedulers it knows.
        self._news: dict[str, tuple[str, Entry]] = {}
        self._knows: set[str] = set()
        self._recordings: dict[str, dict[str, Any] | None] = {}
        self._more = asyncio.Event()
        self._unsubscribe = registry.subscribe(self._on_change, looking=True, on_stop=self._end)
        reckoners: Reckoners = self.settings["dasklens"].reckoners
        self._unsubscribe_recordings = reckoners.subscribe(self._on_recording)
        self._sending = asyncio.ensure_future(self._send(registry, reckoners))

    def on_message(self, message: str | bytes) -> None:
        """Nothing is asked over this websocket."""

    def on_close(self) -> None:
        """Look no longer."""
        super().on_close()
        self._unsubscribe()
        self._unsubscribe_recordings()
        self._sending.cancel()

    def _end(self) -> None:
        self._sending.cancel()
        self.close(1001, "The server stops.")

    def _on_change(self, event: str, entry: Entry) -> None:
        known = entry.id in self._knows
        if event == "gone" and not known:
            self._news.pop(entry.id, None)
        else:
            self._news[entry.id] = ("gone" if event == "gone" else "changed" if known else "added", entry)
        self._more.set()

    def _on_recording(self, id: str, said: dict[str, Any] | None) -> None:
        self._recordings[id] = said
        self._more.set()

    async def _send(self, registry: Registry, reckoners: Reckoners) -> None:
        with contextlib.suppress(WebSocketClosedError):
            await registry.scan()
            self._news.clear()
            entries = registry.entries
            self._knows = {entry.id for entry in entries}
            said = [entry.said() for entry in entries]
            await self.write_message({"schedulers": said, "recordings": reckoners.recordings})
            while True:
                await self._more.wait()
                self._more.clear()
                while self._recordings:
                    id, recording = self._recordings.popitem()
                    await self.write_message({"event": "recording", "id": id, "recording": recording})
                while self._news:
                    id = next(iter(self._news))
                    event, entry = self._news.pop(id)
                    (self._knows.discard if event == "gone" else self._knows.add)(id)
                    # Returns when the page has taken it, as far as buffers go.
                    await self.write_message({"event": event, "scheduler": entry.said()})

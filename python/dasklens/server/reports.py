"""The routes of live summaries and of recordings: ``…/summary`` and ``…/recording`` of a scheduler."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import tornado.web
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized

from dasklens.server.child import ChildError
from dasklens.server.recordings import Refused
from dasklens.server.schedulers import MOST_BODY, RegistryHandler
from dasklens.wire.pipes import LONGEST_WINDOW, SHORTEST_WINDOW

if TYPE_CHECKING:
    from dasklens.server.reckoning import Reckoner, Reckoners

#: Letters of a folder, and of a title.
LONGEST_FOLDER, LONGEST_TITLE = 4000, 200


class _ReportsHandler(RegistryHandler):
    def reckoner(self, id: str) -> Reckoner | None:
        """That of a scheduler; None, and refused, when there is no such scheduler and nothing of it."""
        reckoners: Reckoners = self.settings["dasklens"].reckoners
        if self.registry.get(id) is None and id not in reckoners.recordings:
            self.refuse_unknown()
            return None
        return reckoners.of(id)


class SummaryHandler(_ReportsHandler):
    """`dasklens/api/schedulers/<id>/summary?seconds=300`: where the time went in the last so many seconds."""

    @tornado.web.authenticated
    @authorized
    async def get(self, id: str) -> None:
        """Answer with `Summaries.summary`. What makes it is ended when nobody has asked for a while."""
        seconds = _seconds(self.get_query_argument("seconds", "300"))
        if seconds is None:
            self.refuse(
                400,
                f"seconds should be a number from {SHORTEST_WINDOW:.0f} to {LONGEST_WINDOW:.0f}.",
                "Ask for ?seconds=300.",
            )
            return
        reckoner = self.reckoner(id)
        if reckoner is None:
            return
        try:
            self.finish(await reckoner.summaries.summary(seconds))
        except ChildError as error:
            self.refuse(503, str(error), "It is tried again with the next request.")


class RecordingHandler(_ReportsHandler):
    """`dasklens/api/schedulers/<id>/recording`: what is being recorded of it, for all pages the same."""

    @tornado.web.authenticated
    @authorized
    async def get(self, id: str) -> None:
        """Answer with ``{"recording": …}``: `Recording.said`, or null."""
        reckoner = self.reckoner(id)
        if reckoner is not None:
            recording = reckoner.recording
            self.finish({"recording": recording.said if recording is not None else None})

    @tornado.web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """Record from now on: 201, or 409 and why not."""
        reckoner = self.reckoner(id)
        if reckoner is None:
            return
        entry = self.registry.get(id)
        address = (entry.scheduler or entry.address) if entry is not None else ""
        try:
            recording = await reckoner.record(address)
        except Refused as refused:
            self.refuse(409, str(refused))
            return
        self.set_status(201)
        self.finish({"recording": recording.said})

    @tornado.web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Stop, and save it: 202, and what becomes of it is told like any other change.

        ``{"folder": …}`` is where, ``{"title": …}`` what the report is called. ``{"discard": true}`` gives
        up what was recorded instead: 204.
        """
        try:
            said = _body(self.request.body)
        except ValueError as error:
            self.refuse(400, str(error), 'Send {"folder": "", "title": ""}, or {"discard": true}.')
            return
        reckoner = self.reckoner(id)
        if reckoner is None:
            return
        if reckoner.recording is None:
            self.refuse(409, "This scheduler is not being recorded.")
            return
        if said.get("discard"):
            await reckoner.forget()
            self.set_status(204)
            self.finish()
            return
        # It becomes a file of Jupyter's: that is another permission than to look at schedulers.
        if not await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "write", "contents")
        ):
            self.refuse(403, "You may not write files here, so this recording cannot be saved.")
            return
        try:
            reckoner.recording.stop(said.get("folder", ""), said.get("title", ""), self.contents_manager)
        except Refused as refused:
            self.refuse(409, str(refused))
            return
        self.set_status(202)
        self.finish({"recording": reckoner.recording.said})


def _seconds(said: str) -> float | None:
    try:
        seconds = float(said)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and SHORTEST_WINDOW <= seconds <= LONGEST_WINDOW else None


def _body(body: bytes) -> dict[str, Any]:
    """What a request to stop says.

    Raises
    ------
    ValueError
        With a sentence that says what is wrong.
    """
    if len(body) > MOST_BODY:
        raise ValueError(f"The request should have at most {MOST_BODY} bytes.")
    try:
        said = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise ValueError("The request should be JSON.") from None
    if not isinstance(said, dict):
        raise ValueError("The request should be a JSON object.")
    for name, most in (("folder", LONGEST_FOLDER), ("title", LONGEST_TITLE)):
        value = said.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            raise ValueError(f"{name} should be a text of at most {most:,} letters.")
    return said

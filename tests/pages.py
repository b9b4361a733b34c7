"""What a page would see of the widgets: every message that a kernel sends, and answers to them."""

from __future__ import annotations

from typing import Any

import comm.base_comm
from ipywidgets import Widget

from dasklens.model.overview import Overview
from dasklens.model.spans import TaskTable


class Page:
    """Takes the place of the front end: give its `create_comm` to ipywidgets."""

    def __init__(self) -> None:
        #: (kind, comm id, data, buffers), as they were sent.
        self.sent: list[tuple[str, str, dict[str, Any], list[bytes]]] = []
        #: Ids of the comms that are open, in the order of their opening.
        self.open: dict[str, None] = {}

    def create_comm(self, *args: Any, **kwargs: Any) -> comm.base_comm.BaseComm:
        page = self

        class Comm(comm.base_comm.BaseComm):
            def publish_msg(self, msg_type: str, data: Any = None, *args: Any, **more: Any) -> None:
                if msg_type == "comm_open":
                    page.open[self.comm_id] = None
                if msg_type == "comm_close":
                    page.open.pop(self.comm_id, None)
                page.sent.append((msg_type, self.comm_id, data or {}, list(more.get("buffers") or [])))

        return Comm(*args, **kwargs)

    def ask(self, widget: Widget, **content: Any) -> None:
        """Send a custom message to the kernel."""
        self._say(widget, {"method": "custom", "content": content})

    def set(self, widget: Widget, **state: Any) -> None:
        """Change traits as a person's click would."""
        self._say(widget, {"method": "update", "state": state, "buffer_paths": []})

    def _say(self, widget: Widget, data: dict[str, Any]) -> None:
        widget.comm.handle_msg({"content": {"data": data}, "buffers": []})

    def frames(self, widget: Widget) -> list[bytes]:
        """The frames sent to a mark so far."""
        found: list[bytes] = []
        for kind, _, data, buffers in self._to(widget):
            content = data.get("content", {})
            if kind == "comm_msg" and data["method"] == "custom" and content["type"] == "frames":
                assert content["n"] == len(buffers) > 0
                found += buffers
        return found

    def keys(self, widget: Widget) -> list[Any]:
        """Keys of all tasks that a mark was sent, as often as they were."""
        return TaskTable(self.frames(widget)).keys()

    def overview(self, widget: Widget) -> Overview:
        """What was sent to a mark, frames that came twice counted once."""
        overview = Overview()
        for frame in self.frames(widget):
            overview.append(frame)
        return overview

    def values(self, widget: Widget, name: str) -> list[Any]:
        """All values that a trait was sent with."""
        states = [data.get("state", {}) for _, _, data, _ in self._to(widget)]
        return [state[name] for state in states if name in state]

    def _to(self, widget: Widget) -> list[tuple[str, str, dict[str, Any], list[bytes]]]:
        return [message for message in list(self.sent) if message[1] == widget.model_id]

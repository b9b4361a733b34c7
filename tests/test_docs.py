"""What the documents say is so."""

import json
import re
import runpy
from pathlib import Path

import dask
import distributed  # noqa: F401 -- brings its settings
import pytest

ROOT = Path(__file__).parent.parent


def test_the_api_reference_is_what_the_docstrings_say():
    made = runpy.run_path(str(ROOT / "docs" / "make_api.py"))["page"]()
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == made, "run: python docs/make_api.py"


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_of_distributed_is_one(page):
    text = page.read_text(encoding="utf-8")
    rooms = "|".join(dask.config.get("distributed"))
    named = re.findall(rf"`(distributed\.(?:{rooms})\.[a-z.-]+)[`:]", text)
    assert [name for name in named if dask.config.get(name, "none") == "none"] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_of_ours_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_tour_is_clean_and_names_a_kernel():
    tour = json.loads((ROOT / "examples" / "tour.ipynb").read_text(encoding="utf-8"))
    assert tour["metadata"]["kernelspec"]["name"] == "python3"
    assert not any(cell.get("outputs") for cell in tour["cells"])

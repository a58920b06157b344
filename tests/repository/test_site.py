"""The documentation site: every page has a place in it, and its places are filled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from site_pages import MAKERS
from site_pages.contents import CONTENTS

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"^<!-- site: ([\w-]+) -->$", re.MULTILINE)
PAGES = sorted((ROOT / "docs").glob("**/*.md"))


def place_of(entry: str) -> Path:
    """Return the file that a line of the contents names."""
    name = entry.rpartition("<")[2].removesuffix(">")
    return (ROOT if name.startswith("/") else ROOT / "docs") / f"{name.removeprefix('/')}.md"


def test_the_contents_name_each_page_once() -> None:
    named = [place_of(entry) for entries in CONTENTS.values() for entry in entries]
    first = ROOT / "docs" / "index.md"

    assert sorted(path for path in named if path.parent == ROOT / "docs") == [
        page for page in PAGES if page.parent == ROOT / "docs" and page != first
    ]
    assert [path for path in named if not path.is_file()] == []
    assert len(set(named)) == len(named)


def test_the_first_page_leads_to_the_contents() -> None:
    assert PLACE.findall((ROOT / "docs" / "index.md").read_text("utf-8")) == ["contents"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_place_on_a_page_can_be_filled(page: Path) -> None:
    assert set(PLACE.findall(page.read_text("utf-8"))) <= set(MAKERS)


def test_figures_of_the_first_page_are_those_of_the_readme() -> None:
    """What a manager reads was measured: both pages change together."""
    first, readme = (
        " ".join((ROOT / name).read_text("utf-8").split())
        for name in ("docs/index.md", "README.md")
    )
    figures = re.findall(r"\d+(?:,\d+)+|\b\d+ (?:s|MB|differences)\b", first)

    assert len(figures) >= 4
    assert [figure for figure in figures if figure not in readme] == []

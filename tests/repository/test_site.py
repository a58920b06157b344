"""The documentation site: every page has a place in it, and its places are filled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from site_pages import MAKERS
from site_pages.command_line import command_line, walk
from site_pages.config_keys import config_keys, described_classes, explanations, own_keys
from site_pages.contents import CONTENTS
from site_pages.contracts import GROUPS, contracts
from site_pages.markdown import cell
from site_pages.messages import by_error, messages

from ztoq_core import plugin
from ztoq_core.cli.app import ztoq
from ztoq_core.contracts import Connection
from ztoq_core.errors import Exit
from ztoq_core.settings.config import TABLES

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"^<!-- site: ([\w-]+) -->$", re.MULTILINE)
PAGES = sorted((ROOT / "docs").glob("**/*.md"))


def place_of(entry: str) -> Path:
    """Return the file that a line of the contents names."""
    name = entry.rpartition("<")[2].removesuffix(">")
    return (ROOT if name.startswith("/") else ROOT / "docs") / f"{name.removeprefix('/')}.md"


def test_the_contents_name_each_page_once() -> None:
    named = [place_of(entry) for entries in CONTENTS.values() for entry in entries]
    docs = ROOT / "docs"
    first = docs / "index.md"

    assert sorted([first, *(path for path in named if docs in path.parents)]) == PAGES
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


@pytest.mark.parametrize("cls", sorted(set(described_classes()), key=str), ids=str)
def test_each_key_of_the_configuration_is_explained(cls: type[Any]) -> None:
    """The site shows what the docstrings say; a key that they leave out would be a name alone."""
    said = " ".join(explanations(cls))
    keys = [each.name for each in own_keys(cls)]
    if cls is not Connection and issubclass(cls, Connection):
        keys.remove("base_url")

    assert [key for key in keys if f"``{key}``" not in said] == []


def test_the_page_of_keys_has_all_tables() -> None:
    made = config_keys()
    of_core = [name for name in TABLES if name not in {"source", "sink", "losses"}]

    assert [name for name in of_core if f"## `[{name}]`\n" not in made] == []
    for part in ('`[source]` with `use = "zephyr"`', '`[sink]` with `use = "qtest"`'):
        assert f"## {part}\n" in made
    assert '| `url` | text or secret | `"sqlite:///ztoq.db"` | `ZTOQ_STORE_URL` |' in made
    assert "| `project` | whole number | required | `ZTOQ_SINK_PROJECT` |" in made


def test_the_page_of_commands_has_each_command_with_its_options() -> None:
    made = command_line()
    for path, command in walk(ztoq, "ztoq"):
        shown = [each for each in command.params if not getattr(each, "hidden", False)]
        options = [name for each in shown for name in each.opts if name.startswith("--")]
        assert command is ztoq or f"## `{path}`\n" in made
        assert [name for name in options if name not in made] == []
    assert "| `--limit N` | Only the first N test cases. |" in made


def test_the_page_of_contracts_has_all_that_plugins_may_import() -> None:
    listed = set(re.findall(r":: ztoq_core\.[\w.]+\.(\w+)$", contracts(), re.MULTILINE))
    of_groups = {name for modules in GROUPS.values() for each in modules for name in each.__all__}

    assert listed == of_groups
    assert set(GROUPS) | listed <= set(plugin.__all__)


def test_messages_are_read_from_the_lines_that_raise_them() -> None:
    assert "| Another run uses this store: …; wait for it or end it | `ztoq-core` |" in by_error()
    assert len(list(messages())) > 200


ERRORS = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
ADVICE = ERRORS.partition("| message | do |\n")[2].partition("\n\n")[0]
QUOTED = re.findall(r"^\| (?!---)(.+?) \| .+ \|$", ADVICE, re.MULTILINE)


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_with_advice_is_one_that_the_code_has(message: str) -> None:
    """Without its end, where it goes on; never in other words."""
    assert any(cell(each.text).startswith(message) for each in messages())


@pytest.mark.parametrize("code", Exit)
def test_the_readme_explains_each_exit_code(code: Exit) -> None:
    assert f"\n| {int(code)} | " in (ROOT / "README.md").read_text("utf-8")

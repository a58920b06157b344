"""What the pages say is there: hooks, commands, options, tables, files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import peewee as pw
import pytest

from ztoq_core import hookspecs
from ztoq_core.cli import app
from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.store import State, tables

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT, *map(ROOT.joinpath, ("docs", "docs/reference", "plugins")))
PAGES = sorted(
    path for folder in (*FOLDERS, *ROOT.glob("[pm]*/ztoq-*")) for path in folder.glob("*.md")
)
HOOKS = [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)]
CODE = re.compile(r"```.*?\n(.*?)```|(?<!`)`([^`\n]+)`|^ {4}(\S[^\n]*)$", re.DOTALL | re.MULTILINE)


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words after ``ztoq`` of each command in the code of a page."""
    for block in CODE.findall(page.read_text("utf-8")):
        for line in "".join(block).replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|", line.partition("  #")[0]):
                words = part.strip().removeprefix("$ ").split()
                if words[:1] == ["ztoq"]:
                    yield words[1:]


def test_there_are_pages() -> None:
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md"} <= {ids(page) for page in PAGES}
    assert [list(commands(ROOT / "README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_that_a_page_shows_exist(page: Path) -> None:
    for words in commands(page):
        command: click.Command = app.ztoq
        known = options_of(command)
        for word in words:
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"ztoq {' '.join(words)}: {word}"
            elif isinstance(command, click.Group) and re.fullmatch("[a-z]+", word):
                assert word in names_in(command), f"ztoq {' '.join(words)}: {word}"
                command = loaded(command, word)
                known |= options_of(command)


def names_in(group: click.Group) -> list[str]:
    return group.list_commands(click.Context(group))


def loaded(group: click.Group, name: str) -> click.Command:
    return group.load(name) if isinstance(group, LazyGroup) else group.commands[name]


def options_of(command: click.Command) -> set[str]:
    return {"--help", *(option for each in command.params for option in each.opts)}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")):
        if "://" in path:
            continue
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page may name, as GitHub and the site make it."""
    text = re.sub(
        r"^( *)```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook: str) -> None:
    page = (ROOT / "plugins" / "README.md").read_text("utf-8")
    headings = re.findall(r"^## `(\w+)\(\)`$", page, re.MULTILINE)

    assert headings.count(hook) == 1
    assert set(headings) == set(HOOKS), "a hook that is not there is documented"


def test_the_architecture_page_names_all_states_and_tables() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    known = {
        model._meta.table_name  # noqa: SLF001 - peewee's documented place for it
        for model in vars(tables).values()
        if isinstance(model, type) and issubclass(model, pw.Model)
    }
    assert not [state for state in State if f"`{state}`" not in page]
    assert not [table for table in known if f"`{table}`" not in page]


def test_the_architecture_page_names_all_rooms() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    package = ROOT / "ztoq_core"
    rooms = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    rooms |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert not [room for room in rooms if f"`{room}`" not in page]

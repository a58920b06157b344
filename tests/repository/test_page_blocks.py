"""Commands and snippets of the pages are run, or a table says why one is not.

Some pages have a test of their own, which runs them from top to bottom. Of the others, pieces of
configuration are read, code is compiled, and commands run between the simulators, section by
section. Blocks without a language, or of JSON, XML and the like, show what is printed or stored.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.simulator import Simulator as Zephyr

from tests.corpus.background import in_background
from tests.corpus.in_process import ztoq
from tests.corpus.setting import environment, write_config
from tests.pages import compare, steps, write
from tests.repository.test_docs import PAGES
from ztoq_core import Config

KEY = "DEMO"
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "inhouse-mapping" / "acme_mapping" / "__init__.py"
TESTED = {
    "docs/embedding.md": "tests/repository/test_embedding.py",
    "docs/files.md": "tests/repository/test_files_page.py",
    "docs/first-mapping.md": "tests/repository/test_first_mapping.py",
    "docs/mapping-files.md": "mappings/ztoq-mappings/tests/test_mapping_page.py",
    "docs/plugin-authors.md": "tests/repository/test_plugin_page.py",
    "mappings/ztoq-mappings/README.md": "mappings/ztoq-mappings/tests/test_readme.py",
}
"""Pages with a test of their own."""

NOT_RUN = {
    "python3 -m venv .venv && ": "installs from the index; .ci/run and `tox -e wheels` do it",
    "python -m pip install tox && ": "it would run this test within itself; .ci/run does it",
    "export ZEPHYR_TOKEN=": "the reader's own secrets; tests give those of the simulators",
    "sha256sum -c report.sha256": "not on every system; tests/unit/report compares the checksums",
}
"""Lines of shell that no test runs, by their beginnings, and why."""

BEFORE = {
    ("docs/running.md", "Second run and cut-over"): ("migrate",),
    ("docs/running.md", "Undo"): ("migrate",),
    ("docs/running.md", "Status"): ("migrate",),
    ("docs/running.md", "Fields of the target"): ("extract", "transform"),
    ("docs/map.md", "Check"): ("extract",),
    ("docs/map.md", "Show"): ("extract",),
    ("docs/map.md", "Test"): ("map test cases --update",),
    ("docs/report.md", "The report"): ("migrate",),
    ("docs/validation.md", "The source's side"): ("migrate",),
}
"""What the reader has done before a section."""

FILES = {("docs/map.md", "Test", "json"): "cases/a-ticked-box/in.json"}
"""Files that the blocks of a section are."""

BLOCK = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
VARYING = re.compile(r":\d{5}|\(\d+ s(?:, [\d,]+ calls?)?\)")
"""Ports, seconds and calls, which differ from run to run."""
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@attrs.frozen
class Block:
    """A block of a page, with the heading above it."""

    page: str
    heading: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page} {self.heading} {self.text.split(chr(10))[0]}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in BLOCK.finditer(text):
        heading = HEADING.findall(text[: found.start()])[-1]
        name = page.relative_to(ROOT).as_posix()
        yield Block(name, heading, found[2], dedent(found[3]))


ALL = [
    block
    for page in (*PAGES, *(ROOT / "examples").glob("*/README.md"))
    for block in blocks_of(page)
]
OTHERS = [block for block in ALL if block.page not in TESTED]
CONFIG = [block for block in OTHERS if block.language == "toml"]
PYTHON = [block for block in OTHERS if block.language == "python"]
SHELL = [block for block in OTHERS if block.language == "sh"]
SECTIONS = sorted(
    {(block.page, block.heading) for block in SHELL if block.text.startswith("ztoq ")}
)


def test_there_are_blocks_of_each_language() -> None:
    assert len(ALL) > 80
    assert all((CONFIG, PYTHON, SHELL))


@pytest.mark.parametrize(("page", "test"), TESTED.items())
def test_a_page_with_a_test_of_its_own_is_named_there(page: str, test: str) -> None:
    assert Path(page).name in (ROOT / test).read_text("utf-8")
    assert page in {block.page for block in ALL}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_python_that_a_page_starts_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for path in re.findall(r"`(?:\$ )?python (tests/[\w/]+\.py)", text):
        assert (ROOT / path).is_file(), path
    for module in re.findall(r"python3? -m ((?:ztoq|tests)[\w.]*)", text):
        assert find_spec(module), module


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (block,) = (block for block in OTHERS if block.language == "console")
    ((command, shown),) = steps(block.text)
    done = ztoq(tmp_path, *shlex.split(command)[1:], env=environment("", "") | {"COLUMNS": "200"})

    expected = [VARYING.sub("~", line) for line in shown if line != "…"]
    compare(command, VARYING.sub("~", done.stderr + done.stdout), expected)


def test_each_line_of_shell_is_run_or_is_in_the_table() -> None:
    lines = [line for block in SHELL for line in block.text.splitlines()]
    left = [line for line in lines if not line.startswith("ztoq ")]

    assert [line for line in left if not line.startswith(tuple(NOT_RUN))] == []
    assert [each for each in NOT_RUN if not any(line.startswith(each) for line in left)] == []


@pytest.mark.parametrize("block", CONFIG, ids=str)
def test_a_piece_of_configuration_can_be_used(block: Block, tmp_path: Path) -> None:
    """The other tables are those of any configuration, and what it names is there."""
    config = write_config(tmp_path, "https://zephyr.example.com/v2", "https://qtest.example.com")
    (tmp_path / "saved-pictures").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "acme.py")
    whole: dict[str, Any] = {"plugins": ["acme.py"], **tomllib.loads(config.read_text("utf-8"))}
    for name, given in tomllib.loads(block.text).items():
        whole[name] = {**whole.get(name, {}), **given} if isinstance(given, dict) else given

    Config.of(whole, folder=tmp_path)


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_a_piece_of_code_is_python(block: Block) -> None:
    compile(block.text, block.page, "exec")


@pytest.mark.acceptance
@pytest.mark.parametrize(("page", "heading"), SECTIONS)
def test_the_commands_of_a_section_end_well(page: str, heading: str, tmp_path: Path) -> None:
    lines = [
        line
        for block in SHELL
        if (block.page, block.heading) == (page, heading)
        for line in block.text.replace("ACME-", f"{KEY}-").splitlines()
        if line.startswith("ztoq ")
    ]
    zephyr, qtest = Zephyr(shop()), QTest(Options(token="of-a-simulator"))
    with in_background(zephyr.serving(), qtest.serving()) as (read_at, write_at):
        write_config(tmp_path, read_at, write_at, project=KEY)
        for block in (each for each in ALL if (each.page, each.heading) == (page, heading)):
            if file := FILES.get((page, heading, block.language)):
                write(file, block.text, tmp_path)
        env = environment(zephyr.token(), "of-a-simulator")
        for line in (*(f"ztoq {verb}" for verb in BEFORE.get((page, heading), ())), *lines):
            done = ztoq(tmp_path, *shlex.split(line)[1:], env=env)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

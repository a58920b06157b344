"""What the README shows of each transformer is what it does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ztoq_mappings import ztoq_transformers
from ztoq_mappings.to_qtest import FORMER

from ztoq_core.plugin import Record, Schema, Skip, TestCase, Transform, TransformContext
from ztoq_core.settings.reader import Tables

README = Path(__file__).parents[1] / "README.md"
PLUGINS = {plugin.name: plugin for plugin in ztoq_transformers() if plugin is not FORMER}
FILES = {
    "acme-mapping.toml": "format = 1\n",
    "acme-values.csv": "field,from,to\n@priority,Highest,High\n",
}
"""What examples name beside their configuration."""
ROW = re.compile(r"^\| `(.+?)` \| (?:`(.+)`|(left out)) \|$", re.MULTILINE)


def sections() -> Mapping[str, str]:
    parts = README.read_text("utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: part for part in parts}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Transform]:
    """Builds a transformer as its section's example says."""
    monkeypatch.setenv("ZTOQ_MASK_SEED", "of a test")

    def build(name: str) -> Transform:
        section = sections()[name]
        for file, body in FILES.items():
            (tmp_path / file).write_text(body, "utf-8")
        for body in re.findall(r"```text\n(.*?)```", section, re.DOTALL):
            (tmp_path / "people.csv").write_text(body, "utf-8")
        (example,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
        (table,) = tomllib.loads(example)["transform"]
        assert table.pop("use") == name
        reader = Tables(tmp_path)
        options = reader.structure(table, PLUGINS[name].config, "transform")
        assert not reader.problems
        context = TransformContext(source=Schema(), source_config=SimpleNamespace(project="ACME"))
        return PLUGINS[name].build(options, context)

    return build


def test_every_transformer_has_a_section() -> None:
    assert set(PLUGINS) <= set(sections())


@pytest.mark.parametrize("name", PLUGINS)
def test_the_example_of_a_section_is_a_configuration(
    name: str, built: Callable[[str], Transform]
) -> None:
    case = TestCase(key="ACME-T1", name="x")
    assert built(name)(case).ref == case.ref


def form(text: str) -> str:
    """Return the text with a letter for each letter and a digit for each digit, but for keys."""
    parts = re.split(r"(ACME-T\d+)", text)
    parts[::2] = [
        re.sub("[0-9]", "9", re.sub("[a-z]", "x", re.sub("[A-Z]", "X", part)))
        for part in parts[::2]
    ]
    return "".join(parts)


SHOWN: Mapping[str, tuple[Callable[[str], Record], Callable[[Any], str]]] = {
    "users": (lambda who: TestCase(key="ACME-T1", name="x", owner=who), lambda case: case.owner),
    "text": (
        lambda html: TestCase(key="ACME-T1", name="x", description=html),
        lambda case: case.description,
    ),
    "folders": (
        lambda path: TestCase(key="ACME-T1", name="x", path=tuple(path.split("/"))),
        lambda case: "/".join(case.path),
    ),
    "mask": (lambda name: TestCase(key="ACME-T1", name=name), lambda case: form(case.name)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_the_rows_of_a_section_are_true(name: str, built: Callable[[str], Transform]) -> None:
    transform = built(name)
    make, show = SHOWN[name]
    rows = ROW.findall(sections()[name])
    assert len(rows) >= 2
    for before, after, out in rows:
        if out:
            with pytest.raises(Skip):
                transform(make(before))
        else:
            assert show(transform(make(before))) == after

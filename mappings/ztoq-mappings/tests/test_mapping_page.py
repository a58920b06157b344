"""Every example of ``docs/mapping-files.md`` does what its golden case says.

``mapping_page/HEADING/in.json`` holds records, and where they matter ``fields``, ``step_fields``
(as observed) and ``users``; ``out.json`` what becomes of them; ``pytest --update`` rewrites
the latter.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest
from ztoq_mappings.fields import FieldsOptions
from ztoq_mappings.fields.format import TYPE_WORDS, MappingFile
from ztoq_mappings.fields.parse import parse
from ztoq_mappings.fields.parse_values import READERS
from ztoq_mappings.fields.properties import PROPERTIES
from ztoq_mappings.fields.sections import Section
from ztoq_mappings.fields.transformer import compile_mapping

from ztoq_core.convert import converter, dumps, loads
from ztoq_core.plugin import (
    ConfigError,
    FieldSpec,
    Kind,
    MappingError,
    Schema,
    Skip,
    TransformContext,
    User,
)

CASES = Path(__file__).parent / "mapping_page"
PAGE = Path(__file__).parents[3] / "docs" / "mapping-files.md"
TEXT = PAGE.read_text("utf-8")


def mapped(mapping: MappingFile, before: dict[str, Any]) -> list[dict[str, Any]]:
    source = Schema(
        fields=converter.structure(before.get("fields", ()), tuple[FieldSpec, ...]),
        step_fields=converter.structure(before.get("step_fields", ()), tuple[FieldSpec, ...]),
        users=converter.structure(before.get("users", ()), tuple[User, ...]),
    )
    transform = compile_mapping(mapping, TransformContext(source=source))
    found: list[dict[str, Any]] = []
    for each in before["records"]:
        try:
            record = transform(loads(Kind(each["kind"]), orjson.dumps(each["record"])))
        except MappingError as error:
            found.append({"error": str(error)})
        except Skip as skip:
            found.append({"skip": skip.why, "loss": skip.loss})
        else:
            found.append({"kind": each["kind"], "record": orjson.loads(dumps(record))})
    return found


def test_every_case_has_an_example() -> None:
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    slugs = {"-".join(re.findall(r"[a-z]+", heading.lower())) for heading in headings}
    assert {path.name for path in CASES.iterdir()} <= slugs


def test_an_example_of_the_page(example: tuple[str, str], request: pytest.FixtureRequest) -> None:
    slug, text = example
    case = CASES / slug
    after = mapped(parse(text, slug, case).mapping, orjson.loads((case / "in.json").read_bytes()))
    golden = case / "out.json"
    if request.config.getoption("--update", default=False):
        golden.write_bytes(
            orjson.dumps(after, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    assert after == orjson.loads(golden.read_bytes())


def test_the_table_that_the_page_shows_is_the_one_that_its_example_reads() -> None:
    (table,) = re.findall(r"```text\n(from,to.*?)```", TEXT, re.DOTALL)
    assert table == (CASES / "other-values-from-a-csv-file" / "browsers.csv").read_text("utf-8")


def test_the_page_shows_each_key_and_each_property() -> None:
    used = "\n".join(re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL))
    keys = {key.removesuffix("_") for of in READERS.values() for key in of} - set(Section)
    assert [key for key in keys if not re.search(rf"\b{key}\b", used)] == []
    table = set(re.findall(r"`(@\w+)`", TEXT))
    assert table == {name for properties in PROPERTIES.values() for name in properties}
    assert [word for word in TYPE_WORDS if f"`{word}`" not in TEXT] == []


def test_the_page_names_the_properties_of_each_kind() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`@\w+` ?)+)\|$", TEXT, re.MULTILINE)
    named = {Section(kind): set(re.findall(r"@\w+", names)) for kind, names in rows}
    assert named == {section: set(PROPERTIES[section]) for section in Section}
    (listed,) = re.findall(r"can be filled as well: (.*?), as far", TEXT, re.DOTALL)
    assert set(re.findall(r"@\w+", listed)) == {
        name
        for properties in PROPERTIES.values()
        for name, found in properties.items()
        if found.settable
    }
    (spent,) = re.findall(r"nothing but a field to the default mapping \((.*?)\)", TEXT, re.DOTALL)
    assert set(re.findall(r"@\w+", spent)) == {
        name
        for properties in PROPERTIES.values()
        for name, found in properties.items()
        if found.spent
    }


def test_the_configuration_that_the_page_shows_is_one() -> None:
    (block,) = re.findall(r"```toml\n(\[\[transform\]\].*?)```", TEXT, re.DOTALL)
    (table,) = tomllib.loads(block)["transform"]
    assert table.pop("use") == "fields"
    assert str(FieldsOptions(**table).mapping) == "acme-mapping.toml"


def test_the_message_that_the_page_shows_is_the_one_that_comes() -> None:
    (shown,) = re.findall(r"^acme-mapping\.toml:12: .*$", TEXT, re.MULTILINE)
    above = "format = 1\n" + "\n" * 9
    rule = '[[test_case.field]]\nform = "Brwoser"\nfrom = "Brwoser"\nto = "Browser"\n'
    with pytest.raises(ConfigError) as caught:
        parse(above + rule, "acme-mapping.toml")
    assert str(caught.value) == shown

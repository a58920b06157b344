"""What is wrong with a mapping file is told with its line; parser and JSON Schema agree."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import orjson
import pytest
from ztoq_mappings.fields import FIELDS, FieldsOptions
from ztoq_mappings.fields.format import (
    TYPE_WORDS,
    Condition,
    DeclaredTypes,
    KindRules,
    MappingFile,
    Replacement,
    Rule,
)
from ztoq_mappings.fields.parse import parse, read
from ztoq_mappings.fields.parse_values import READERS
from ztoq_mappings.fields.sections import Section

from ztoq_core.plugin import ConfigError, FieldType, Schema, TransformContext
from ztoq_core.plugins import Plugins
from ztoq_core.settings.config import from_tables

SCHEMA: dict[str, Any] = orjson.loads(
    files("ztoq_mappings.fields").joinpath("mapping.schema.json").read_bytes()
)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
RULE = '[[test_case.field]]\nfrom = "A"\nto = "B"\n'


PAGE = Path(__file__).parent / "mapping_page"


def problems(text: str, folder: Path = Path()) -> list[str]:
    try:
        parse(text, "x.toml", folder)
    except ConfigError as error:
        return str(error).splitlines()
    return []


def refused_by_schema(text: str) -> bool:
    return not VALIDATOR.is_valid(tomllib.loads(text))


# ------------------------------------------------------------------------------------- the schema


def keys(of: type[Any]) -> set[str]:
    return {each.name.removesuffix("_") for each in attrs.fields(of)}


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_schema_and_parser_know_the_same_keys_and_words() -> None:
    known = SCHEMA["definitions"]
    assert set(SCHEMA["properties"]) == keys(MappingFile)
    assert set(SCHEMA["properties"]["types"]["properties"]) == keys(DeclaredTypes)
    assert set(known["kind"]["properties"]) == keys(KindRules)
    assert set(known["rule"]["properties"]) == keys(Rule)
    assert set(known["condition"]["properties"]) == keys(Condition)
    assert set(known["replacement"]["properties"]) == keys(Replacement)
    assert known["rule"]["properties"]["type"]["enum"] == list(FieldType)
    assert known["types"]["additionalProperties"]["enum"] == list(TYPE_WORDS)
    assert keys(MappingFile) - {"format", "types"} == set(Section)


def test_every_attribute_has_a_reader_or_is_a_table() -> None:
    tables = {
        Rule: {"when", "replace"},
        KindRules: {"field", "skip_when"},
        MappingFile: {"types", *Section},
    }
    for of in (MappingFile, DeclaredTypes, KindRules, Rule, Condition, Replacement):
        read_ = {each.removesuffix("_") for each in READERS[of]}
        assert keys(of) == read_ | tables.get(of, set())


def test_every_key_of_the_schema_says_what_it_is() -> None:
    for name in ("kind", "rule", "condition", "replacement"):
        for key, said in SCHEMA["definitions"][name]["properties"].items():
            assert said.get("description"), f"{name}.{key}"


def test_the_schema_takes_each_example(example: tuple[str, str]) -> None:
    VALIDATOR.validate(tomllib.loads(example[1]))


# ---------------------------------------------------------------------------------- single errors


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        # keys
        (f"format = 1\n{RULE}tpye = 'text'", 5, "unknown key 'tpye' (did you mean 'type'?)"),
        (f"format = 1\n{RULE}zzzz = 1", 5, "unknown key 'zzzz' (known: "),
        ("format = 1\n\n[tset_case]", 3, "unknown key 'tset_case' (did you mean 'test_case'?)"),
        ("format = 1\n\n[[testcase.field]]\nto = 'A'", 3, "unknown key 'testcase' (did you mean"),
        ("format = 1\n[types.testcase]\nA = 'text'", 2, "unknown key 'testcase' (did you mean"),
        ("format = 1\n[test_case]\nfeild = []", 3, "test_case: unknown key 'feild' (did you mean"),
        ("format = 1\n[[test_case.field]]\nfrom = 'A'", 2, "field 'A': missing key 'to'"),
        ("\n# no format\n[test_case]", 1, "missing key 'format'"),
        ("format = 2", 1, "format: expected 1, the format that this release reads, got 2"),
        ("format = true", 1, "format: expected 1"),
        # wrong values
        ("format = 1\ntypes = 3", 2, "types: expected a table"),
        ("format = 1\n[types]\ntest_case = 3", 3, 'test_case: expected a table such as "Due"'),
        (
            "format = 1\n[types.test_case]\nB = 'txt'",
            3,
            "types.test_case: 'B': 'txt' is not a",
        ),
        (
            "format = 1\n[test_case]\nfield = 3",
            3,
            "test_case: field: expected a list: two brackets",
        ),
        ("format = 1\n[test_case]\nfield = [3]", 3, "test_case.field: expected a table"),
        ("format = 1\n[test_case.field]\nto = 'A'", 2, "field: expected a list: two brackets"),
        ("format = 1\n[test_case]\nleave_out = ['']", 3, "expected a string that is not empty"),
        ("format = 1\n[test_case]\nleave_out = '@key'", 3, "'@key' is not a custom field"),
        (
            f"format = 1\n{RULE}type = 'chioce'",
            5,
            "type: 'chioce' is not a known word (did you",
        ),
        (f"format = 1\n{RULE}type = 1979-05-27", 5, "type: expected a string, got a date"),
        (f"format = 1\n{RULE}type = 07:32:00", 5, "type: expected a string, got a time"),
        (f"format = 1\n{RULE}type = 1979-05-27 07:32:00", 5, "got a date with time"),
        (f"format = 1\n{RULE}keep_source = 'yes'", 5, "expected true or false, got a string"),
        (f"format = 1\n{RULE}part = true", 5, "expected a whole number, got true or false"),
        (f"format = 1\n{RULE}part = 0", 5, "part: expected 1 or more, or -1 or less to count"),
        (f"format = 1\n{RULE}type = 'number'\nround = 16", 6, "round: expected 0 to 15, got 16"),
        (f"format = 1\n{RULE}type = 'number'\nmultiply = nan", 6, "a number that is not that"),
        (f"format = 1\n{RULE}type = 'number'\nmultiply = false", 6, "expected a number, got true"),
        (f"format = 1\n{RULE}split = ''", 5, "split: expected a string that is not empty"),
        (f"format = 1\n{RULE}values = 3", 5, 'values: expected a table such as { "old" = "new" }'),
        (f"format = 1\n{RULE}values = {{}}", 5, "values: expected a table such as"),
        (f"format = 1\n{RULE}if_empty = [1]", 5, "if_empty: expected a string, got a whole number"),
        (
            f"format = 1\n{RULE}if_empty = 07:32:00",
            5,
            "a number, true or false, got a time",
        ),
        (f"format = 1\n{RULE}otherwise = 'skip'", 5, "expected 'keep', 'drop', 'fail' or { value"),
        (f"format = 1\n{RULE}otherwise = {{ valeu = 1 }}", 5, "otherwise: expected 'keep'"),
        (f"format = 1\n{RULE}when = 'x'", 5, "when: expected a table, or a list of tables"),
        (f"format = 1\n{RULE}read_date = []", 5, "read_date: expected a list that is not empty"),
        # what keys demand of each other
        ("format = 1\n[[test_case.field]]\nto = 'B'", 2, "'constant', this one has none"),
        (f"format = 1\n{RULE}constant = 1", 2, "this one has 'from' and 'constant'"),
        (f"format = 1\n{RULE}values = {{ a = 'b' }}", 5, "'values' needs 'otherwise': \"keep\""),
        (f"format = 1\n{RULE}extract = 'x'", 5, "'extract' needs 'otherwise'"),
        (f"format = 1\n{RULE}person = 'name'", 5, "'person' needs 'otherwise'"),
        (f"format = 1\n{RULE}split = ','\npart = -1", 6, "'part' needs 'otherwise'"),
        (f"format = 1\n{RULE}round = 1", 5, "'round' needs type = \"number\""),
        (f"format = 1\n{RULE}max_length = 1", 5, '"text" or "long_text" or "choice" or "multi_cho'),
        (f"format = 1\n{RULE}write_date = '%d'", 5, "'write_date' needs type = "),
        (f"format = 1\n{RULE}read_date = '%d'", 5, "'read_date' needs type = \"date\" or"),
        (f"format = 1\n{RULE}split = ','", 5, "'split' gives several values: add 'part'"),
        (f"format = 1\n{RULE}type = 'multi_choice'\njoin = ','", 6, "'join' makes one text"),
        (
            "format = 1\n[[test_case.field]]\nto = 'B'\nfrom = ['A', 'C']",
            4,
            "'A + C': several fields need 'join'",
        ),
        (
            "format = 1\n[[test_case.field]]\nto = 'B'\nconstant = 'x'\nhtml = 'text'",
            5,
            "'html' changes nothing about a 'constant'",
        ),
        (f"format = 1\n{RULE}{RULE}", 7, "'B' is always filled by rule 1; give that one a 'when'"),
        (f"format = 1\n{RULE}letters = 'title'", 5, "letters: 'title' is not a known word"),
        (f"format = 1\n{RULE}type = 'text'\nadd = true", 6, "'add' needs type = \"multi_choice\""),
        (f"format = 1\n{RULE}add = 'yes'", 5, "add: expected true or false, got a string"),
        (f"format = 1\n{RULE}shift_days = 1", 5, "'shift_days' needs type = \"date\" or"),
        (f"format = 1\n{RULE}type = 'date'\nshift_days = 0.5", 6, "expected a whole number, got a"),
        (f"format = 1\n{RULE}type='date'\nshift_days=4000000", 6, "expected -3652058 to 3652058"),
        (
            f"format = 1\n{RULE}add = true\ntype = 'multi_choice'\n{RULE}",
            9,
            "'B' is always filled by rule 1",
        ),
        (
            f"format = 1\n{RULE}when = {{ field = 'x', below = 'soon' }}",
            5,
            "below: expected a number, or a date such as '2026-12-31', got 'soon'",
        ),
        (
            f"format = 1\n{RULE}when = {{ field = 'x', at_least = true }}",
            5,
            "expected a number, got",
        ),
        ("format = 1\n[test_case]\nskip_when = 3", 3, "skip_when: expected a table, or a list"),
        (
            "format = 1\n[test_case]\nskip_when = { field = 'x' }",
            3,
            "test_case.skip_when: a condition has one of 'is', 'is_not', 'at_least',",
        ),
        (
            "format = 1\n[test_case]\nskip_when = { field = '@x', is = 1 }",
            3,
            "a test_case has no '@x'",
        ),
        (
            "format = 1\n[test_step]\nskip_when = { field = 'x', is = 1 }",
            3,
            "a step cannot be left out: the results of executions belong to it",
        ),
        ("format = 1\n[[attachment.field]]\nfrom='@name'\nto='A'", 4, "a file has no fields in a"),
        ("format = 1\n[[folder.field]]\nfrom='@name'\nto='@tree'", 4, "'@tree' cannot be filled"),
        # names
        (
            "format = 1\n[[test_case.field]]\nfrom = '@prio'\nto = 'B'",
            3,
            "a test_case has no '@pri",
        ),
        ("format = 1\n[[test_case.field]]\nfrom = 'A'\nto = '@key'", 4, "'@key' cannot be filled"),
        ("format = 1\n[[test_run.field]]\nfrom = 'A'\nto = '@nam'", 4, "(did you mean '@name'?)"),
        (f"format = 1\n[[test_case.field]]\nfrom='A'\nto='{'x' * 101}'", 4, "at most 100 charact"),
        (
            "format = 1\n[[test_case.field]]\nfrom='A'\nto='@name'\ntype='text'",
            5,
            "a type of its o",
        ),
        (f"format = 1\n{RULE}when = {{ field = '@x', is = 1 }}", 5, "a test_case has no '@x'"),
        (f"format = 1\n{RULE}when = {{ field = 'x' }}", 5, "'matches', 'empty', not none"),
        (
            f"format = 1\n{RULE}when = {{ field = 'x', is = 1, empty = true }}",
            5,
            "'at_least', 'below', 'matches', 'empty', not 'is' and 'empty'",
        ),
        (
            f"format = 1\n{RULE}[test_case.field.when]\nfeild = 'x'",
            6,
            "unknown key 'feild' (did yo",
        ),
        # expressions, templates, dates, zones
        (
            f"format = 1\n{RULE}otherwise = 'keep'\nextract = '('",
            6,
            "'(' is not a regular",
        ),
        (
            f"format = 1\n{RULE}otherwise = 'keep'\nextract = '(?=a)'",
            6,
            "not a regular expression of",
        ),
        (f"format = 1\n{RULE}when = {{ field = 'x', matches = '[' }}", 5, "matches: '[' is not a"),
        (
            f"format = 1\n{RULE}replace = {{ find = '[', with = '' }}",
            5,
            "replace: '[' is not a regular",
        ),
        (
            f"format = 1\n{RULE}replace = {{ find = '(a)', with = '\\2' }}",
            5,
            r"'\\2' may say \1 to \1 for a group of '(a)' and \\ for a backslash, not \2",
        ),
        (f"format = 1\n{RULE}replace = {{ find = 'a' }}", 5, "missing key 'with'"),
        ("format = 1\n[[test_case.field]]\nto='B'\ntemplate='{A'", 4, "a brace without its other"),
        ("format = 1\n[[test_case.field]]\nto='B'\ntemplate='A}'", 4, "a brace without its other"),
        ("format = 1\n[[test_case.field]]\nto='B'\ntemplate='{}'", 4, "without a name"),
        ("format = 1\n[[test_case.field]]\nto='B'\ntemplate='A'", 4, "names no field in braces"),
        ("format = 1\n[[test_case.field]]\nto='B'\ntemplate='{@x}'", 4, "a test_case has no '@x'"),
        (f"format = 1\n{RULE}type = 'date'\nread_date = '%Q'", 6, "'%Q' is not a date format"),
        (f"format = 1\n{RULE}type = 'date'\nread_date = 'dd.mm'", 6, "'dd.mm' is not a date"),
        (
            f"format = 1\n{RULE}type = 'date'\ntime_zone = 'Europe/Berln'",
            6,
            "did you mean 'Europe/B",
        ),
        (f"format = 1\n{RULE}type = 'date'\ntime_zone = '../x'", 6, "(such as 'Europe/Berlin')"),
        # values that the type cannot hold
        (
            f"format = 1\n{RULE}type = 'date'\nif_empty = 'soon'",
            6,
            "if_empty: 'soon' is not a",
        ),
        (
            f"format = 1\n{RULE}type='url'\notherwise={{ value='x' }}",
            6,
            "otherwise: 'x' is not a",
        ),
        (
            f"format = 1\n{RULE}type = 'number'\notherwise = 'drop'\nvalues = {{ a = 1, x = 'x' }}",
            7,
            "values: 'x' is not a number",
        ),
        (f"format = 1\n{RULE}type='choice'\nif_empty=['a', 'b']", 6, "['a', 'b'] is not a choice"),
        (f"format = 1\n{RULE}type = 'url'\nif_empty = true", 6, "if_empty: true is not a url"),
        (f"format = 1\n{RULE}type = 'checkbox'\nif_empty = 1", 6, "if_empty: 1 is not a checkbox"),
    ],
)
def test_a_problem_names_its_line(text: str, line: int, said: str) -> None:
    found = problems(text)
    assert [each for each in found if each.startswith(f"x.toml:{line}: ") and said in each], found


@pytest.mark.parametrize(
    "more",
    [
        "type = 'checkbox'\nif_empty = false",
        "type = 'number'\nif_empty = 0",
        "type = 'number'\nvalues = { a = '' }\notherwise = { value = 0 }",
        "type = 'date'\nread_date = '%d.%m.%Y %%'",
        "type = 'text'\nwrite_date = '%d'\nif_empty = 'unknown'\ntime_zone = 'UTC'",
        "replace = []",
        "when = [ { field = 'A', is = [1, 'a', true] } ]",
    ],
)
def test_what_is_right_is_taken_by_parser_and_schema(more: str) -> None:
    text = f"format = 1\n{RULE}{more}"
    assert problems(text) == []
    assert not refused_by_schema(text)


def test_two_rules_may_fill_a_field_if_the_first_has_a_condition() -> None:
    assert not problems(f"format = 1\n{RULE}when = {{ field = 'A', empty = false }}\n{RULE}")


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    text = f"format = 1\n{RULE}type = 'x'\nround = 'y'\n{RULE}kind = 3\n[types.test_run]\nA = 3"
    assert [each.split(":")[1] for each in problems(text)] == ["5", "6", "10", "12"]


def test_what_cannot_be_read_hides_no_problem_of_a_rule_that_can() -> None:
    text = f"format = 1\n{RULE}round = 1\n{RULE}tpye = 'x'\n[test_run]\nfield = [3]"
    found = problems(text)
    assert [each.split(":")[1] for each in found] == ["5", "9", "11"]
    assert "'round' needs type = \"number\"" in found[0]


# -------------------------------------------------------------------------------------- mutations


def mutations(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield line, mutated text and whether a schema can tell, for each key of each rule."""
    lines = text.splitlines()
    table = ""
    for place, line in enumerate(lines):
        if line.startswith("["):
            table = line.strip("[]")
            first = table.partition(".")[0]
            misspelt = line.replace(first, first.replace("_", "") + "s")
            yield place + 1, "\n".join([*lines[:place], misspelt, *lines[place + 1 :]]), True
        key, equals, value = line.partition(" = ")
        if not equals or line.startswith((" ", "#", '"')) or key == "format":
            continue

        def changed(to: str, at: int = place) -> tuple[int, str]:
            return at + 1, "\n".join([*lines[:at], to, *lines[at + 1 :]])

        whole = value[-1] not in "[{"
        yield (*changed(f"{key}x = {value}"), True)
        if whole:
            yield (*changed(f"{key} = 07:32:00"), False)
            yield (*changed(f"{key} = {{ a = {{}} }}"), True)
            if not table.startswith("types"):
                yield (*changed(f"{key} = [[]]"), True)
        if key == "type":
            yield (*changed('type = "txet"'), True)
        if key == "from" and whole:
            yield (*changed('from = "@nothing"'), False)
        if key == "otherwise" and re.search("values|extract|part|person", text):
            yield (-1, changed("")[1], True)


def test_every_mutation_of_an_example_is_refused_with_its_line(example: tuple[str, str]) -> None:
    slug, text = example
    folder = PAGE / slug
    assert problems(text, folder) == []
    count = 0
    for line, mutated, schema_can_tell in mutations(text):
        found = problems(mutated, folder)
        at = f"x.toml:{line}:" if line > 0 else "x.toml:"
        assert [each for each in found if each.startswith(at)], (line, mutated, found)
        if schema_can_tell:
            assert refused_by_schema(mutated), mutated
        count += 1
    assert count


def test_what_the_schema_refuses_the_parser_refuses(example: tuple[str, str]) -> None:
    """Each key taken away and each value exchanged: the parser may know more, never less."""
    data = tomllib.loads(example[1])
    for mutated in _changed(data):
        if not VALIDATOR.is_valid(mutated):
            assert problems(_written(mutated), PAGE / example[0]), orjson.dumps(mutated)


def _changed(data: Any) -> Iterator[Any]:
    """Yield the data with one thing in it taken away or exchanged."""
    for place in list(data) if isinstance(data, dict) else range(len(data)):
        less = copy.copy(data)
        del less[place]
        yield less
        for other in ("", 7, True, ["x"], {"a": "b"}):
            more = copy.copy(data)
            more[place] = other
            yield more
        if isinstance(data[place], dict | list):
            for inner in _changed(data[place]):
                around = copy.copy(data)
                around[place] = inner
                yield around


def _written(data: dict[str, Any]) -> str:
    """Return the data as TOML, a line for each key of the top; tomlkit is slow with so many."""
    return "\n".join(f"{_inline(key)} = {_inline(value)}" for key, value in data.items())


def _inline(data: Any) -> str:
    if isinstance(data, dict):
        inside = ", ".join(f"{_inline(key)} = {_inline(value)}" for key, value in data.items())
        return f"{{{inside}}}"
    if isinstance(data, list):
        return f"[{', '.join(map(_inline, data))}]"
    return json.dumps(data, ensure_ascii=False)


# ------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "t.csv:1: expected the columns from,to, got []"),
        (b"old,new\na,b\n", "t.csv:1: expected the columns from,to, got ['old', 'new']"),
        (b"from;to\n", "t.csv has no rows"),
        (
            b"from,to\na\nb,c,d\n",
            "t.csv:2: expected 2 cells, got 1; t.csv:3: expected 2 cells, got 3",
        ),
        (b"from,to\nFF,x\n\nff ,y\n", "t.csv:4: 'ff ' is in line 2 already"),
        (b'from,to\n"a,b\n', "t.csv:2: unexpected end of data"),
        (b"\xff", "it is not UTF-8 text"),
        (b"from,to\nx,soon\n", "values: 'soon' is not a date"),
        (None, "No such file or directory"),
    ],
)
def test_a_table_in_a_csv_file_is_told_by_file_and_line(
    tmp_path: Path, table: bytes | None, said: str
) -> None:
    if table is not None:
        (tmp_path / "t.csv").write_bytes(table)
    text = f"format = 1\n{RULE}type = 'date'\notherwise = 'keep'\nvalues = 't.csv'"
    found = problems(text, tmp_path)
    assert [each.startswith("x.toml:7: ") and said in each for each in found] == [True], found


def test_a_table_in_a_csv_file_belongs_to_the_mapping_of_a_plan(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufefffrom;to\nFF;Firefox, new\n", "utf-8")
    (tmp_path / "m.toml").write_text(f"format = 1\n{RULE}otherwise='keep'\nvalues='t.csv'", "utf-8")
    tables = {
        "source": {"use": "jsonl", "path": "a"},
        "sink": {"use": "jsonl", "path": "b"},
        "transform": [{"use": "fields", "mapping": "m.toml"}],
    }
    config = from_tables(tables, Plugins.installed(), tmp_path)
    (before,) = config.mapping()
    assert set(before.files) == {"m.toml", "t.csv"}
    assert read(tmp_path / "m.toml").mapping.test_case.field[0].values == {"FF": "Firefox, new"}
    (tmp_path / "t.csv").write_text("from,to\nFF,Firefox\n", "utf-8")
    assert config.mapping() != (before,)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no mapping file .*map suggest"):
        read(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"cannot read .*: Is a directory"):
        read(tmp_path)
    file = tmp_path / "m.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        read(file)
    file.write_text("format = 1\nx = [", "utf-8")
    with pytest.raises(ConfigError, match=r"m\.toml is not valid TOML: .*line 2"):
        FIELDS.build(FieldsOptions(mapping=file), TransformContext(source=Schema()))


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(f"\ufeffformat = 1\n{RULE}", "utf-8")
    assert len(read(file).mapping.test_case.field) == 1


def test_a_file_nested_too_deep_is_told() -> None:
    assert "not valid TOML" in problems("a = " + "[" * 100_000)[0]

"""``ztoq map``: what a mapping makes of fields and values, before anything is written."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Program, Said, ztoq
from tests.unit.cli.memory_shop import SINKS
from tests.unit.engine.deleting import Deleting
from ztoq_core.contracts import FieldSpec, Schema
from ztoq_core.installed import entry_points
from ztoq_core.records import FieldType, Kind
from ztoq_core.store import State, Store

__all__ = ["ztoq"]  # the fixture of the core's own commands

BROWSER = FieldSpec(kind=Kind.TEST_CASE, name="ACME Browser", type=FieldType.TEXT)


@pytest.fixture(autouse=True)
def _house(monkeypatch: pytest.MonkeyPatch, ztoq: Program) -> None:
    entries = [
        EntryPoint(name=name, value=f"tests.unit.cli.{module}", group="ztoq")
        for name, module in (("memory", "memory_shop"), ("house", "mapping_shop"))
    ]
    monkeypatch.setattr(
        "ztoq_core.plugins.entry_points",
        lambda group: entries if group == "ztoq" else entry_points(group=group),
    )
    use(ztoq)


def use(ztoq: Program, house: str = "", source: str = "", sink: str = "") -> None:
    ztoq.config(source=source, sink=sink, more=f'[[transform]]\nuse = "house"\n{house}')


def target(ztoq: Program, *fields: FieldSpec, **more: Any) -> None:
    SINKS[str(ztoq.folder)] = Deleting(schema=Schema(fields=fields, **more))


def checked(ztoq: Program, house: str = "", sink: str = "") -> Said:
    use(ztoq, house=house, sink=sink)
    return ztoq("--json", "map", "check")


# ------------------------------------------------------------------------------------------ check


def test_check_counts_every_value(ztoq: Program) -> None:
    ztoq("extract")
    said = checked(ztoq)
    assert said.code == 0
    (result,) = said.lines
    (field,) = result["fields"]
    assert field == {
        "kind": "test_case",
        "field": "Browser",
        "of_steps": False,
        "values": 1,
        "exact": 1,
        "lossy": 0,
        "fallback": 0,
        "unmapped": 0,
        "failed": 0,
        "skipped": 0,
        "targets": ["ACME Browser"],
        "reasons": [],
    }
    assert result["totals"]["values"] == result["totals"]["exact"] == 1
    assert result["records"]["test_case"] == {"mapped": 2, "skipped": 0, "failed": 0}
    assert result["missing"] == ["test case: a field 'ACME Browser' of type text (1 record)"]
    assert result["complete"]


def test_check_writes_nothing(ztoq: Program) -> None:
    ztoq("extract")
    checked(ztoq)
    assert ztoq.sink.objects == {}
    with Store(f"sqlite:///{ztoq.folder}/ztoq.db") as store:
        assert store.reporting.counts()[Kind.TEST_CASE] == {State.EXTRACTED: 2}


def test_check_shows_a_table_and_the_reasons(ztoq: Program) -> None:
    ztoq("extract")
    use(ztoq, house='leaves_out = ["Browser"]\nfails = ["ACME-P1"]\nskips = ["ACME-F3"]')
    said = ztoq("map", "check")
    assert said.code == 1
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "test_case values exact lossy fallback unmapped target" in lines
    assert "Browser 1 0 0 0 1" in lines
    assert "test_case 'Browser': 1 value: no field comes from it" in lines
    assert "1 of test_plan, such as ACME-P1: no status fits" in lines
    assert lines[-1].endswith("records mapped, 1 left out, 1 failed. 1 value: 1 unmapped.")
    assert "mapping" in said.err


@pytest.mark.parametrize(
    ("house", "code"),
    [
        ("", 0),
        ('leaves_out = ["Browser"]', 1),
        ('fails = ["ACME-P1"]', 1),
        ('skips = ["ACME-T1"]', 0),
        ('loses = ["ACME-T1"]', 1),
        ('finding = "error"', 1),
        ('finding = "warning"', 0),
    ],
)
def test_check_fails_where_something_does_not_arrive(ztoq: Program, house: str, code: int) -> None:
    ztoq("extract")
    assert checked(ztoq, house).code == code


def test_check_only_warns_of_what_stands_as_text(ztoq: Program) -> None:
    ztoq("extract")
    said = checked(ztoq, sink="create_fields = false")
    assert said.code == 0
    (reason,) = said.result["fields"][0]["reasons"]
    assert reason == {
        "class": "fallback",
        "text": "the target has no field 'ACME Browser'",
        "count": 1,
    }
    shown = ztoq("map", "check").out
    assert "The target lacks:" in shown
    assert "As text, since the target has no field or value for it:" in shown


def test_check_fails_where_a_required_field_of_the_target_stays_empty(ztoq: Program) -> None:
    target(
        ztoq,
        BROWSER,
        FieldSpec(kind=Kind.TEST_CASE, name="Risk", type=FieldType.TEXT, required=True),
    )
    ztoq("extract")
    said = checked(ztoq)
    assert said.code == 1
    assert said.result["required"] == [
        (
            "test case: the required field 'Risk' has no value in 2 records: map a constant to it, "
            "give it a default value in the target, or make it optional there"
        )
    ]
    assert said.result["missing"] == []


def test_check_tells_what_transformers_find(ztoq: Program) -> None:
    target(ztoq, BROWSER)
    ztoq("extract")
    said = checked(ztoq, 'finding = "info"')
    assert said.result["findings"] == [
        {"by": "house", "level": "info", "text": "1 fields, 1 in the target"}
    ]
    assert "house: 1 fields, 1 in the target" in ztoq("map", "check").out


def test_check_ends_where_it_is_interrupted(ztoq: Program) -> None:
    ztoq("extract")
    said = checked(ztoq, 'interrupts = "ACME-T1"')
    assert (said.code, said.result["exit"]) == (130, 130)
    said = ztoq("map", "check")
    assert said.code == 130
    assert "Interrupted." in said.err


def test_what_the_target_notes_is_told(ztoq: Program) -> None:
    ztoq("extract")
    said = checked(ztoq, sink='says = "Nobody may list the people"')
    assert said.result["findings"] == [
        {"by": "memory", "level": "warning", "text": "Nobody may list the people"}
    ]
    assert "Nobody may list the people" in ztoq("map", "suggest").err


@pytest.mark.parametrize("verb", ["check", "suggest", "show"])
def test_a_store_is_needed(ztoq: Program, verb: str) -> None:
    said = ztoq("map", verb, *(["ACME-T1"] if verb == "show" else []))
    assert said.code == 2
    assert "run ztoq extract first" in said.err


@pytest.mark.parametrize("verb", ["check", "suggest"])
def test_something_must_have_been_extracted(ztoq: Program, verb: str) -> None:
    use(ztoq, source='at_check = "silent"')
    ztoq("extract")
    said = ztoq("map", verb)
    assert said.code == 2
    assert "nothing was extracted yet: run `ztoq extract` first" in said.err


@pytest.mark.parametrize("verb", ["check", "suggest"])
def test_an_incomplete_extraction_is_pointed_out(ztoq: Program, verb: str) -> None:
    use(ztoq, source='at_cycles = "silent"')
    ztoq("extract")
    said = ztoq("map", verb)
    assert said.code == 0
    assert "The extraction is not complete" in said.err


@pytest.mark.parametrize(
    ("sink", "code"),
    [
        ('token = { env = "NOT_SET" }', 2),
        ('at_check = "refused"', 2),
        ('at_check = "silent"', 3),
    ],
)
@pytest.mark.parametrize("verb", ["check", "suggest"])
def test_a_target_that_cannot_be_asked_ends_it(
    ztoq: Program, verb: str, sink: str, code: int
) -> None:
    ztoq("extract")
    use(ztoq, sink=sink)
    assert ztoq("map", verb).code == code


# ---------------------------------------------------------------------------------------- suggest


def test_suggest_prints_a_mapping(ztoq: Program) -> None:
    target(ztoq, FieldSpec(kind=Kind.TEST_CASE, name="Browser", type=FieldType.TEXT))
    ztoq("extract")
    said = ztoq("map", "suggest")
    assert said.code == 0
    assert said.out.splitlines() == [
        "# 1 fields in the target",
        "# exact: it is there",
        'test_case.Browser = "text"',
    ]
    assert "1 field of the source: 1 exact, 0 close, 0 unmapped" in said.err


def test_suggest_counts_what_the_target_has(ztoq: Program) -> None:
    target(ztoq, FieldSpec(kind=Kind.TEST_CASE, name="Colour", type=FieldType.TEXT))
    ztoq("extract")
    result = ztoq("--json", "map", "suggest").result
    assert {"exact": 0, "close": 0, "unmapped": 1}.items() <= result.items()
    assert result["transformer"] == "house"
    assert result["text"].startswith("# 1 fields")


def test_suggest_writes_a_file_once(ztoq: Program) -> None:
    ztoq("extract")
    said = ztoq("map", "suggest", "--write", "fields.toml")
    assert said.out == (
        "Wrote fields.toml and mapping_shop.py. Look at it, then: ztoq map check. "
        "For that add to ztoq.toml:\n\n"
        '[[transform]]\nuse = "house"\nrules = "fields.toml"\n'
    )
    path = ztoq.folder / "fields.toml"
    beside = ztoq.folder / "mapping_shop.py"
    assert "def suggest" in beside.read_text()
    beside.write_text("my own")
    path.write_text("mine")
    again = ztoq("map", "suggest", "--write", "fields.toml")
    assert again.code == 2
    assert "'fields.toml' exists; --force overwrites it" in again.err
    assert path.read_text() == "mine"
    forced = ztoq("--json", "map", "suggest", "--write", "fields.toml", "--force")
    assert forced.result["file"] == "fields.toml"
    assert path.read_text().startswith("#")
    assert (forced.result["beside"], beside.read_text()) == ([], "my own")


def test_suggest_knows_a_file_that_the_config_names(ztoq: Program) -> None:
    ztoq("extract")
    use(ztoq, house='rules = "fields.toml"')
    said = ztoq("map", "suggest", "--write", "fields.toml")
    assert said.out == "Wrote fields.toml and mapping_shop.py. Look at it, then: ztoq map check\n"


def test_suggest_says_where_it_cannot_write(ztoq: Program) -> None:
    ztoq("extract")
    said = ztoq("map", "suggest", "--write", "nowhere/fields.toml")
    assert said.code == 2
    assert "cannot write 'nowhere/fields.toml'" in said.err


def test_suggest_takes_the_transformer_that_is_named(ztoq: Program) -> None:
    ztoq("extract")
    assert ztoq("map", "suggest", "--use", "house").code == 0
    said = ztoq("map", "suggest", "--use", "mute")
    assert said.code == 2
    assert "'mute' writes no mappings (those that do: house)" in said.err
    assert ztoq("map", "suggest", "--use", "mouse").code == 2


def test_suggest_finds_a_transformer_that_the_config_does_not_name(ztoq: Program) -> None:
    ztoq.config()
    ztoq("extract")
    assert ztoq("--json", "map", "suggest").result["transformer"] == "house"


def test_suggest_needs_a_transformer_that_writes(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EntryPoint(name="memory", value="tests.unit.cli.memory_shop", group="ztoq")
    monkeypatch.setattr(
        "ztoq_core.plugins.entry_points",
        lambda group: [entry] if group == "ztoq" else entry_points(group=group),
    )
    ztoq.config()
    ztoq("extract")
    said = ztoq("map", "suggest")
    assert said.code == 2
    assert "no installed transformer writes mappings" in said.err


def test_suggest_needs_no_source(ztoq: Program) -> None:
    ztoq("extract")
    use(ztoq, source='token = { env = "NOT_SET" }')
    said = ztoq("map", "suggest")
    assert (said.code, said.err) == (0, ztoq("map", "suggest").err)
    assert "NOT_SET" not in said.err


# ------------------------------------------------------------------------------------------- test


def write(ztoq: Program, name: str, before: Any, after: Any = None) -> Path:
    folder = ztoq.folder / "cases" / name
    folder.mkdir(parents=True)
    (folder / "in.json").write_text(json.dumps(before))
    if after is not None:
        (folder / "out.json").write_text(json.dumps(after))
    return folder


CASE: dict[str, Any] = {"kind": "test_case", "record": {"key": "ACME-T1", "name": "A case"}}


def test_golden_cases_run_without_any_secret(ztoq: Program) -> None:
    use(
        ztoq,
        source='token = { env = "NOT_SET" }\nat_check = "silent"',
        sink='token = { env = "NOT_SET" }\nat_check = "silent"',
    )
    write(ztoq, "plain", CASE, CASE)
    said = ztoq("map", "test")
    assert (said.code, said.out) == (0, "1 case: all come out as expected\n")
    assert not (ztoq.folder / "ztoq.db").exists()


def test_a_difference_is_shown_by_its_path(ztoq: Program) -> None:
    record = CASE["record"] | {"fields": [{"name": "OS", "value": "mac"}]}
    write(ztoq, "plain", CASE, CASE)
    write(ztoq, "typed", CASE | {"record": record}, CASE | {"record": record})
    said = ztoq("map", "test", "cases")
    assert said.code == 1
    assert "--- typed/out.json\n" in said.out
    assert '@@ record.fields[OS].name @@\n-"OS"\n+"ACME OS"\n' in said.out
    assert said.out.endswith("2 cases: 1 comes out differently\n")
    result = ztoq("--json", "map", "test").result
    (different,) = result["different"]
    assert different["case"] == "typed"
    assert "$.record.fields[0].name: expected 'OS', got 'ACME OS'" in different["differences"]


def test_what_comes_out_can_become_what_is_expected(ztoq: Program) -> None:
    use(ztoq, house='skips = ["ACME-T1"]')
    folder = write(ztoq, "new", CASE)
    said = ztoq("map", "test")
    assert said.code == 1
    assert "@@ there is no out.json yet; --update writes it @@" in said.out
    said = ztoq("map", "test", "--update")
    assert said.code == 0
    assert said.out.endswith("1 case: 1 rewritten, read the difference\n")
    assert json.loads((folder / "out.json").read_bytes()) == {"loss": False, "skip": "not wanted"}
    assert ztoq("map", "test").code == 0


def test_what_a_case_says_of_the_sides_wins(ztoq: Program) -> None:
    record = CASE["record"] | {"fields": [{"name": "OS", "value": "mac"}]}
    folder = write(ztoq, "other", CASE | {"record": record, "source": {"project": "SHOP"}})
    ztoq("map", "test", "--update")
    after = json.loads((folder / "out.json").read_bytes())
    assert after["record"]["fields"][0]["name"] == "SHOP OS"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (CASE | {"options": {"skips": []}}, "'options' are for the test of a single transformer"),
        (CASE | {"kind": "test_cas"}, "did you mean 'test_case'?"),
    ],
)
def test_a_case_that_cannot_be_used_is_named(ztoq: Program, before: Any, words: str) -> None:
    write(ztoq, "wrong", before)
    said = ztoq("map", "test")
    assert said.code == 2
    assert "wrong/in.json" in said.err
    assert words in said.err


def test_a_folder_without_cases_is_an_error(ztoq: Program) -> None:
    said = ztoq("map", "test")
    assert said.code == 2
    assert f"there are no golden cases in '{ztoq.folder}/cases'" in said.err


# ------------------------------------------------------------------------------------------- show


def test_show_tells_each_step(ztoq: Program) -> None:
    use(ztoq, house="brings = true")
    ztoq("extract")
    said = ztoq("map", "show", "ACME-T1")
    assert said.code == 0
    told, house = said.out.index("Told by the engine"), said.out.index("\nhouse\n")
    assert said.out.index("\nBefore\n") < told < house < said.out.index("\nAfter\n")
    assert "executed: nothing -> true" in said.out[told:house]
    assert 'fields[Browser].name: "Browser" -> "ACME Browser"' in said.out[house:]
    assert "brings folder home" in said.out[house:]


def test_show_as_json_has_the_record_after_each_step(ztoq: Program) -> None:
    more = '[[transform]]\nuse = "house"\n[[transform]]\nuse = "mute"\nskips = ["ACME-T1"]\n'
    ztoq.config(more=more)
    ztoq("extract")
    (record,) = ztoq("--json", "map", "show", "ACME-T1").result["records"]
    house, mute = record["steps"]
    assert record["record"]["fields"] == [{"name": "Browser", "value": "Firefox"}]
    assert house["record"]["fields"][0]["origin"] == "Browser"
    assert (mute["end"], mute["record"]) == ("left out: not wanted", None)
    shown = ztoq("map", "show", "ACME-T1").out
    assert shown.endswith("mute\n  left out: not wanted\n")


def test_show_says_where_nothing_changes(ztoq: Program) -> None:
    ztoq("extract")
    assert "house\n  changes nothing\n" in ztoq("map", "show", "ACME-P1").out
    ztoq.config()
    assert "No transformer runs" in ztoq("map", "show", "ACME-P1").out


def test_show_of_what_the_mapping_brought(ztoq: Program) -> None:
    use(ztoq, house="brings = true")
    ztoq("extract")
    ztoq("transform")
    said = ztoq("map", "show", "home")
    assert "it was added by the mapping" in said.out
    assert "house" not in said.out


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("ACME-T3",), "'ACME-T2', 'ACME-T1'"),
        (("acme-t1", "--kind", "test_case"), "'ACME-T1'"),
        (("AMCE-T1",), "'ACME-T1'"),
    ],
)
def test_show_names_the_nearest_keys(ztoq: Program, arguments: tuple[str, ...], near: str) -> None:
    ztoq("extract")
    said = ztoq("map", "show", *arguments)
    assert said.code == 2
    assert f"the store knows no record {arguments[0]!r}" in said.err
    assert f"(did you mean {near}" in said.err


def test_show_of_a_key_like_no_other(ztoq: Program) -> None:
    ztoq("extract")
    said = ztoq("map", "show", "something else altogether")
    assert said.code == 2
    assert "did you mean" not in said.err


def test_show_hides_secrets(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "Firefox")
    use(ztoq, source='token = { env = "TOKEN" }')
    ztoq("extract")
    assert "Firefox" not in ztoq("map", "show", "ACME-T1").out


@pytest.mark.parametrize("secret", ["e", "kind", "1"])
def test_show_is_not_spoilt_by_a_short_secret(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("TOKEN", secret)
    use(ztoq, source='token = { env = "TOKEN" }')
    ztoq("extract")
    said = ztoq("map", "show", "ACME-T1")
    assert said.code == 0
    assert "test_case ACME-T1" in said.out
    assert "Firefox" in said.out


# ------------------------------------------------------------------------- a mapping file in each

FILE = """format = 1
[test_case]
skip_when = { field = "@name", matches = "^Log" }
[[test_case.field]]
from = "Browser"
values = "browsers.csv"
otherwise = "fail"
to = "Agent"
type = "multi_choice"
add = true
"""


def test_check_test_and_show_follow_a_mapping_file_and_its_table(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {"memory": "tests.unit.cli.memory_shop", "mappings": "ztoq_mappings"}
    entries = [EntryPoint(name=each, value=modules[each], group="ztoq") for each in modules]
    monkeypatch.setattr(
        "ztoq_core.plugins.entry_points",
        lambda group: entries if group == "ztoq" else entry_points(group=group),
    )
    (ztoq.folder / "m.toml").write_text(FILE, "utf-8")
    (ztoq.folder / "browsers.csv").write_text("from;to\nFirefox;Gecko\n", "utf-8")
    fields, folders = '[[transform]]\nuse = "fields"\nmapping = "m.toml"\n', '"Web/Nope" = "X"\n'
    ztoq.config(more=f'{fields}[[transform]]\nuse = "folders"\n[transform.rename]\n{folders}')
    ztoq("extract")
    checked = ztoq("--json", "map", "check").result
    assert checked["records"]["test_case"] == {"mapped": 1, "skipped": 1, "failed": 0}
    (row,) = [each for each in checked["fields"] if each["field"] == "Browser"]
    assert (row["exact"], row["targets"]) == (1, ["Agent"])
    texts = [each["text"] for each in checked["findings"]]
    assert any("rename: there is no folder 'Web/Nope'" in text for text in texts), texts
    shown = ztoq("map", "show", "ACME-T2").out
    assert "the mapping file leaves it out: '@name' matches '^Log'" in shown
    case = {"kind": "test_case", "record": {"key": "ACME-T9", "name": "Log out"}}
    skipped = {"skip": "the mapping file leaves it out: '@name' matches '^Log'", "loss": False}
    write(ztoq, "left-out", case, skipped)
    assert ztoq("map", "test").code == 0
    (ztoq.folder / "browsers.csv").write_text("from,to\nFirefox\n", "utf-8")
    said = ztoq("map", "check")
    assert said.code == 2
    assert "m.toml:6: test_case.field 'Browser': values: browsers.csv:2: expected 2" in said.err

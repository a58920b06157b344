from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from ztoq_mappings import ztoq_transformers
from ztoq_mappings.values import VALUES, ValuesOptions

from ztoq_core.plugin import (
    ConfigError,
    FieldSpec,
    FieldTrace,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    MappingError,
    Record,
    Ref,
    Schema,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    TransformContext,
    Tree,
)

RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
CASE = Ref(Kind.TEST_CASE, "ACME-T1")
SCENE = TransformContext(source=Schema())


def changed(record: Record, **options: Any) -> Any:
    return VALUES.build(ValuesOptions(**options), SCENE)(record)


def fields(*pairs: tuple[str, Any]) -> tuple[FieldValue, ...]:
    return tuple(FieldValue(name=name, value=value) for name, value in pairs)


def test_ztoq_transformers_declares_values() -> None:
    assert VALUES in ztoq_transformers()
    assert VALUES.keeps_default


def test_the_readme_shows_a_table_that_is_one() -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (block,) = [each for each in page.split("```toml\n") if 'use = "values"' in each]
    (table,) = tomllib.loads(block.partition("```")[0])["transform"]
    assert table.pop("use") == "values"
    assert set(ValuesOptions(**table).fields) == {"Browser"}


def test_other_words_for_what_a_case_has() -> None:
    case = TestCase(
        key="ACME-T1",
        name="x",
        status=" active ",
        priority="P1",
        component="10",
        labels=("smoke", "Smoke", "old", "web"),
        fields=fields(("Browser", "FF"), ("Sites", ("DE", "FR", "US")), ("Effort", 3)),
        steps=(
            TestStep(key="1", fields=fields(("Browser", "FF"))),
            TestStep(key="2", description="x"),
        ),
    )
    found = changed(
        case,
        status={"Active": "Approved"},
        priority={"P1": "High"},
        component={"10": "Login"},
        labels={"SMOKE": "quick", "old": ""},
        fields={
            "Browser": {"ff": "Firefox"},
            "Sites": {"DE": "Europe", "FR": "Europe"},
            "Effort": {"3": "4"},
        },
    )
    assert (found.status, found.priority, found.component) == ("Approved", "High", "Login")
    assert found.labels == ("quick", "web")
    assert [each.value for each in found.fields] == ["Firefox", ("Europe", "US"), 3]
    assert [[field.value for field in step.fields] for step in found.steps] == [["Firefox"], []]


def test_other_words_for_runs_executions_plans_and_cycles() -> None:
    words = {
        "environment": {"win": "Windows"},
        "execution_status": {"OK": "Pass"},
        "status": {"Done": "Closed"},
    }
    log = TestLog(
        key="E",
        run=RUN,
        case=CASE,
        status="ok",
        environment="Win",
        results=(StepResult(key="1", status="OK"), StepResult(key="2", status="Fail")),
    )
    found = changed(log, **words)
    assert (found.status, found.environment) == ("Pass", "Windows")
    assert [each.status for each in found.results] == ["Pass", "Fail"]
    run = TestRun(key=RUN.key, case=CASE, environment="WIN")
    assert changed(run, **words).environment == "Windows"
    assert changed(TestPlan(key="P", name="x", status="Done"), **words).status == "Closed"
    assert changed(TestCycle(key="R", name="x", status="done"), **words).status == "Closed"
    folder = Folder(key="F", name="x", tree=Tree.CASES, fields=fields(("A", "x")))
    assert changed(folder, **words) is folder
    assert changed(folder, fields={"A": {"x": "y"}}).fields == fields(("A", "y"))


def test_placed_fields_and_empty_ones_stay() -> None:
    placed = FieldValue(name="A", value="x", type=FieldType.TEXT, placed=True)
    case = TestCase(key="T", name="x", fields=(placed, *fields(("A", ""), ("A", None))))
    assert changed(case, otherwise="fail", fields={"A": {"y": "z"}}) == case


def test_a_value_without_another_fails_if_told_so() -> None:
    case = TestCase(key="ACME-T1", name="x", priority="Blocker")
    assert changed(case, priority={"High": "P1"}) == case
    with pytest.raises(MappingError, match="ACME-T1: value 'Blocker' of '@priority' has no mappi"):
        changed(case, priority={"High": "P1"}, otherwise="fail")


def test_a_table_in_a_csv_file(tmp_path: Path) -> None:
    file = tmp_path / "values.csv"
    file.write_text(
        '\ufefffield,from,to\n@priority,P1,High\nBrowser,"F, F",Firefox\n\nBrowser,Ch,Chrome\n',
        encoding="utf-8",
    )
    case = TestCase(key="T", name="x", priority="P1", fields=fields(("Browser", "F, F")))
    found = changed(case, table=file)
    assert (found.priority, found.fields[0].value) == ("High", "Firefox")
    assert changed(case, table=file, priority={"p1": "Top"}).priority == "Top"


def test_a_table_in_a_toml_file(tmp_path: Path) -> None:
    file = tmp_path / "values.toml"
    file.write_text('[priority]\nP1 = "High"\n[fields.Browser]\nFF = "Firefox"', encoding="utf-8")
    case = TestCase(key="T", name="x", priority="P1", fields=fields(("Browser", "FF")))
    found = changed(case, table=file)
    assert (found.priority, found.fields[0].value) == ("High", "Firefox")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("v.csv", "a,b\n", r"v\.csv:1: expected the columns field,from,to, got"),
        ("v.csv", "", r"v\.csv:1: expected the columns"),
        ("v.csv", "field,from,to\nx,y\n\nx\n", r"v\.csv:2: expected 3 cells, got 2\nv\.csv:4: "),
        ("v.csv", "field,from,to\n@prio,y,z", r"v\.csv:2: there is no '@prio' \(did you mean '@pr"),
        ("v.csv", "field,from,to\n@status,y,", r"v\.csv:2: @status: 'y' needs another value"),
        ("v.toml", "x = [", r"v\.toml is not valid TOML"),
        ("v.toml", "[prio]\nx = 'y'", r"v\.toml: there is no '@prio'"),
        ("v.toml", "[priority]\nx = 1", r"v\.toml: @priority: expected a table of strings"),
        ("v.toml", "fields = 1", r"v\.toml: fields: expected a table of strings"),
        ("v.toml", "[fields]\nA = 1", r"v\.toml: A: expected a table of strings"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        VALUES.build(ValuesOptions(table=tmp_path / name), SCENE)


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the table .*: No such file"):
        VALUES.build(ValuesOptions(table=tmp_path / "none.csv"), SCENE)
    (tmp_path / "v.csv").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        VALUES.build(ValuesOptions(table=tmp_path / "v.csv"), SCENE)


def test_a_status_cannot_be_taken_away() -> None:
    with pytest.raises(ConfigError, match="@execution_status: 'Pass' needs another value"):
        VALUES.build(ValuesOptions(execution_status={"Pass": ""}), SCENE)


def test_a_value_that_is_taken_away_is_noted() -> None:
    case = TestCase(key="T", name="x", priority="P1", fields=fields(("OS", ("a",)), ("B", "b")))
    options: dict[str, Any] = {"priority": {"P1": ""}, "fields": {"OS": {"a": ""}, "B": {"b": "c"}}}
    found = changed(case, **options)
    assert [(note.code, note.text) for note in found.notes] == [
        ("value-dropped", "values of '@priority', 'OS' are dropped, as the table says")
    ]
    assert found.notes[0].fields == (FieldTrace(name="@priority"), FieldTrace(name="OS"))
    assert changed(found, **options).notes == found.notes


def test_check_names_the_fields_that_no_record_has() -> None:
    own = FieldSpec(kind=Kind.TEST_CASE, name="Odds", type=FieldType.TEXT, system=True)
    browser = FieldSpec(kind=Kind.TEST_CASE, name="Browser", type=FieldType.CHOICE)
    source = Schema(fields=(browser, own))
    options = ValuesOptions(
        status={"a": "b"}, fields={"Browser": {"a": "b"}, "Brwoser": {"a": "b"}, "Odd": {"a": "b"}}
    )
    found = VALUES.check(options, source, Schema())
    assert [(each.level, each.text) for each in found] == [
        ("error", "values: no record has a field 'Brwoser' (did you mean 'Browser'?)"),
        ("warning", "values: no record has a field 'Odd' (known: Browser)"),
    ]
    assert VALUES.check(options, Schema(), Schema()) == ()

"""People of the source become people of the target: by table, by e-mail, by name, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_mappings.users import USERS, Options

from ztoq_core.plugin import (
    ConfigError,
    FieldSpec,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Level,
    Record,
    Ref,
    Schema,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    TransformContext,
    Tree,
    User,
)

ADA = User(id="557058:ada", name="Ada Lovelace", email="ada@acme.example")
BOB = User(id="557058:bob", name="Bob")
SOURCE = Schema(
    fields=(FieldSpec(kind=Kind.TEST_CASE, name="Reviewer", type=FieldType.USER),),
    users=(ADA, BOB, User(id="557058:nameless", name="")),
)


def changed(record: Record, **options: Any) -> Any:
    return USERS.build(Options(**options), TransformContext(source=SOURCE))(record)


def owner(person: str, **options: Any) -> str:
    return str(changed(TestCase(key="ACME-T1", name="x", owner=person), **options).owner)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("557058:ada", "ada@acme.example"),
        ("557058:bob", "Bob"),
        ("557058:nobody", "557058:nobody"),
        ("557058:nameless", "557058:nameless"),
        ("ADA@acme.example", "ada@acme.example"),
        ("", ""),
    ],
)
def test_without_a_table_the_directory_says_who_it_is(person: str, expected: str) -> None:
    assert owner(person) == expected


@pytest.mark.parametrize("key", ["557058:ada", " Ada@ACME.example", "ada lovelace "])
def test_a_table_names_people_by_id_email_or_name(key: str) -> None:
    assert owner("557058:ada", table={key: "a.lovelace"}) == "a.lovelace"


def test_an_id_goes_before_an_email_and_this_before_a_name() -> None:
    table = {"Ada Lovelace": "by-name", "ada@acme.example": "by-email"}
    assert owner("557058:ada", table=table) == "by-email"
    assert owner("557058:ada", table=table | {"557058:ada": "by-id"}) == "by-id"


@pytest.mark.parametrize(
    ("fallback", "expected", "level"),
    [
        ("keep", "557058:nobody", Level.FALLBACK),
        ("drop", "", Level.CHANGE),
        ("lead@acme.example", "lead@acme.example", Level.CHANGE),
    ],
)
def test_the_fallback_is_for_whom_nothing_maps(fallback: str, expected: str, level: Level) -> None:
    case = TestCase(key="ACME-T1", name="x", owner="557058:nobody")
    after = changed(case, fallback=fallback)
    assert after.owner == expected
    assert [note.level for note in after.notes] == [level]


def test_people_stand_in_many_places() -> None:
    ada, mail = "557058:ada", "ada@acme.example"
    run = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
    case = Ref(Kind.TEST_CASE, "ACME-T1")
    assert changed(TestPlan(key="ACME-P1", name="x", owner=ada)).owner == mail
    assert changed(TestCycle(key="ACME-R1", name="x", owner=ada)).owner == mail
    assert changed(TestRun(key=run.key, case=case, assigned_to=ada)).assigned_to == mail
    log = changed(
        TestLog(key="E", run=run, case=case, status="Pass", executed_by=ada, assigned_to=ada)
    )
    assert (log.executed_by, log.assigned_to) == (mail, mail)


def test_custom_fields_of_people_are_changed_and_no_others() -> None:
    ada, mail = "557058:ada", "ada@acme.example"
    case = TestCase(
        key="ACME-T1",
        name=ada,
        description=ada,
        steps=(TestStep(key="1", fields=(FieldValue(name="By", value=ada, type=FieldType.USER),)),),
        fields=(
            FieldValue(name="Reviewer", value=ada),
            FieldValue(name="Team", value=(ada, "557058:nobody"), type=FieldType.USER),
            FieldValue(name="Text", value=ada),
            FieldValue(name="Reviewer", value=ada, type=FieldType.TEXT),
            FieldValue(name="Reviewer", value=None),
            FieldValue(name="Reviewer", value="557058:nobody"),
        ),
    )
    after = changed(case, fallback="drop")
    assert [field.value for field in after.fields] == [mail, (mail,), ada, ada, None, None]
    assert after.steps[0].fields[0].value == mail
    assert (after.name, after.description) == (ada, ada)


def test_a_record_without_people_is_the_same() -> None:
    folder = Folder(key="ACME-F1", name="x", tree=Tree.CASES)
    assert changed(folder) is folder


# -------------------------------------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    "text",
    [
        "id,email,name,target\n557058:ada,,,a.lovelace\n,,Bob,b\n\n",
        "\ufeffID;Target\r\n557058:ada;a.lovelace\r\n557058:bob;b\r\n",
        'target,name\na.lovelace,"Ada Lovelace"\nb,Bob\n',
    ],
)
def test_a_csv_file_is_a_table(tmp_path: Path, text: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, "utf-8")
    assert owner("557058:ada", file=file) == "a.lovelace"
    assert owner("557058:bob", file=file) == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no line of titles"),
        ("id,targett\n", ":1: unknown title 'targett' (did you mean 'target'?)"),
        ("id,wiki\n", ":1: unknown title 'wiki' (expected 'target' and"),
        ("id\n", ":1: the titles are 'id' (expected 'target' and"),
        ("target\n", ":1: the titles are 'target'"),
        ("id,id,target\n", ":1: the titles are 'id, id, target'"),
        ("id,target\na,b\nA ,c\n", ":3: 'A ' appears a second time (first: "),
        ("id,name,target\na,,b\n,a,b\n", ":3: 'a' appears a second time"),
        ("id,target\na,b,c\n", ":2: 3 cells, but 2 titles"),
        ("id,target\na\n", ":2: the row does not name a target"),
        ("id,target\n,b\n", ":2: the row does not name anybody to map"),
        ('id,target\n"' + "x" * 200_000 + '",b\n', ":2: field larger than field limit"),
    ],
)
def test_a_csv_file_that_cannot_be_used_names_the_line(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        changed(TestCase(key="ACME-T1", name="x"), file=file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_csv_file_that_is_not_there_or_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        owner("a", file=tmp_path / "no.csv")
    (tmp_path / "people.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        owner("a", file=tmp_path / "people.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fallback": "kep"}, "fallback = 'kep' is not 'keep', 'drop' or a person .*'keep'"),
        ({"fallback": " "}, "fallback = ' ' is not"),
        ({"table": {"a": "x", "A": "y"}}, "users.table: 'A' appears a second time"),
        ({"table": {"a": " "}}, "users.table: 'a' = ' ' names nobody"),
    ],
)
def test_options_that_cannot_be_used_are_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        owner("a", **options)


# ------------------------------------------------------------------------------------------ check


def checked(sink: Schema, **options: Any) -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in USERS.check(Options(**options), SOURCE, sink)]


def test_the_check_names_people_whom_nothing_maps_or_the_target_does_not_know() -> None:
    sink = Schema(users=(User(id="7", name="Ada L", email="ada@acme.example"),))
    assert checked(sink) == [
        (
            "warning",
            "nothing maps 1 of the source's people: 557058:nameless; fallback = 'keep' applies",
        ),
        ("warning", "the target does not know 1 of the source's people: Bob (Bob)"),
    ]
    table = {"Bob": "7", "557058:nameless": "ADA L", "557058:gone": "who@acme.example"}
    assert checked(sink, table=table, fallback="lead") == [
        ("warning", "users: nobody in the target is called 'who@acme.example'"),
        ("warning", "users: nobody in the target is called 'lead'"),
    ]
    assert checked(sink, table={"Bob": "7", "557058:nameless": "7"}) == []


def test_the_check_names_some_of_many_and_says_what_it_cannot_check() -> None:
    many = attrs.evolve(SOURCE, users=tuple(User(id=str(n), name="") for n in range(7)))
    sink = Schema(users=(ADA,))
    (finding,) = USERS.check(Options(), many, sink)
    assert "nothing maps 7 of the source's people: 0, 1, 2, 3, 4 …" in finding.text
    ((level, _),) = checked(Schema())
    assert level == "info"

"""Whatever a table does not give back of a test case is noted when it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ztoq_files.note_codes import NO_COLUMN, TEXT_AS_PLAIN, TEXT_CLEANED, VALUE_AS_TEXT
from ztoq_files.table import TableConfig, TableSinkConfig, open_sink, open_source
from ztoq_files.table.selection import TABLE
from ztoq_testkit import lent

from tests.file_projects import read_project
from tests.generated import TEXTS, record_of
from ztoq_core.plugin import (
    Attachment,
    Call,
    FieldDefinition,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Note,
    Record,
    Ref,
    RejectedError,
    Schema,
    Skip,
    TestCase,
    TestCycle,
    TestStep,
    TransformContext,
    Tree,
    Written,
)

FORMS = [("cases.csv", "zephyr"), ("cases.xlsx", "zephyr"), ("cases.csv", "qtest")]
NUMBERS = count(1)
THERE = Written(target_id="?")
OF_THE_ENGINE = {"raw", "companions", "notes", "images", "text_refs", "path", "executed", "approve"}
WORDS = {"estimated": "estimated time", "links": "link ("}
"""What notes say for an attribute of another name."""

FOLDERS = st.lists(TEXTS.filter(bool), max_size=2).map(
    lambda names: tuple(
        Folder(
            key=f"F{number}",
            name=name,
            tree=Tree.CASES,
            parent=Ref(Kind.FOLDER, f"F{number - 1}") if number else None,
        )
        for number, name in enumerate(names)
    )
)


async def through(
    folder: Path, form: tuple[str, str], records: Sequence[Record]
) -> tuple[dict[Ref, Record], dict[Ref, tuple[Note, ...]]]:
    """Return what a reader of the table gets, and the notes by record."""
    file, columns = form
    notes: dict[Ref, tuple[Note, ...]] = {}
    place = folder / str(next(NUMBERS)) / file
    place.parent.mkdir()
    async with open_sink(TableSinkConfig(path=place, columns=columns), lent()) as sink:
        for record in records:
            links = dict.fromkeys(record.parents(), THERE)
            notes[record.ref] = (await sink.write(record, None, links, None)).notes
    async with open_source(TableConfig(path=place), lent()) as source:
        return await read_project(source), notes


def differing(case: TestCase, held: TestCase) -> Iterator[str]:
    """Yield the attributes that are not as they were."""
    for field in attrs.fields(TestCase):
        sent, there = getattr(case, field.name), getattr(held, field.name)
        if field.name == "steps":
            sent, there = (tuple(map(_told, steps)) for steps in (sent, there))
        elif field.name == "fields":
            values = {each.name: each.value for each in there}
            filled = [each for each in sent if each.value not in (None, "", ())]
            yield from (
                f"field {each.name!r}" for each in filled if values.get(each.name) != each.value
            )
            continue
        elif field.name == "links":
            there = sent if set(sent) <= set(there) else there
        elif field.name == "folder":
            continue
        if field.name not in OF_THE_ENGINE and sent != there:
            yield field.name


def _told(step: TestStep) -> tuple[object, ...]:
    filled = tuple((each.name, each.value) for each in step.fields)
    return step.description, step.data, step.expected, step.call, filled


@pytest.mark.parametrize("form", FORMS, ids="-".join)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=record_of(Kind.TEST_CASE), folders=FOLDERS)
async def test_what_does_not_come_back_is_noted(
    tmp_path: Path, form: tuple[str, str], case: TestCase, folders: tuple[Folder, ...]
) -> None:
    place = folders[-1].ref if folders else None
    # what a text says of another record becomes words, as for every target
    case = attrs.evolve(case, key="ACME-T1", name=f"A{case.name}", folder=place, text_refs=())

    read, notes = await through(tmp_path, form, (*folders, case))

    held = read[case.ref]
    assert isinstance(held, TestCase)
    said = " ".join(note.text for note in notes[case.ref])
    for name in differing(case, held):
        assert WORDS.get(name, name).rstrip("s") in said, (name, said)
    names = [each.name for each in folders]
    if held.folder is not None or names:
        same = held.folder is not None and held.folder.key == "".join(f"/{n}" for n in names)
        assert same or "folder" in said


SHOP = Folder(key="F1", name="Shop", tree=Tree.CASES)
PLAIN = TestCase(
    key="ACME-T1",
    name="Log in",
    folder=SHOP.ref,
    status="Approved",
    priority="High",
    component="Web",
    owner="quinn",
    labels=("smoke", "night"),
    steps=(TestStep(key="1", description="Open", expected="It opens"),),
    fields=(FieldValue(name="Browser", value="Firefox"),),
)
RICH = attrs.evolve(
    PLAIN,
    description="<p>One <b>&amp;</b> all</p>",
    precondition="a<br>b",
    estimated=5400.0,
    links=(
        Link(type=LinkType.COVERAGE, issue_key="ACME-1"),
        Link(type=LinkType.WEB, url="https://acme.example.com"),
    ),
    steps=(
        TestStep(key="1", description="Open", data="{user}", expected="It opens"),
        TestStep(key="2", description="<p>Pay</p>"),
    ),
)
NOTED: dict[str, tuple[TestCase, str, list[tuple[str, str]]]] = {
    "all of it": (RICH, "zephyr", []),
    "plain, for qTest": (PLAIN, "qtest", []),
    "rich, for qTest": (
        RICH,
        "qtest",
        [
            ("text-as-plain", "description, test data of steps, steps"),
            ("no-column", "estimated time, link (coverage), link (web)"),
        ],
    ),
    "label with a comma": (
        attrs.evolve(PLAIN, labels=("a, b",)),
        "zephyr",
        [("no-column", "labels")],
    ),
    "folder with a slash": (
        attrs.evolve(PLAIN, folder=Ref(Kind.FOLDER, "F2")),
        "zephyr",
        [("no-column", "folder")],
    ),
    "number": (
        attrs.evolve(PLAIN, fields=(FieldValue(name="Risk", value=5),)),
        "zephyr",
        [("value-as-text", "field 'Risk'")],
    ),
    "several labels": (
        attrs.evolve(PLAIN, fields=(FieldValue(name="Risk", value=("a", "b")),)),
        "zephyr",
        [("value-as-text", "field 'Risk'")],
    ),
    "field like a column": (
        attrs.evolve(PLAIN, fields=(FieldValue(name="status", value="x"),)),
        "zephyr",
        [("no-column", "field 'status'")],
    ),
    "called case": (
        attrs.evolve(
            PLAIN, steps=(TestStep(key="1", call=Call(case=Ref(Kind.TEST_CASE, "ACME-T2"))),)
        ),
        "zephyr",
        [("no-column", "called test cases of steps")],
    ),
    "line breaks": (
        attrs.evolve(PLAIN, description="a\r\nb\0"),
        "zephyr",
        [("text-cleaned", "description")],
    ),
    "like an escaped letter": (attrs.evolve(PLAIN, description="_x0041_ a_x000D_"), "zephyr", []),
    "like two escaped letters": (
        attrs.evolve(PLAIN, description="_x005F_x0041_"),
        "zephyr",
        [("text-cleaned", "description")],
    ),
    "labels of a field with a comma": (
        attrs.evolve(PLAIN, fields=(FieldValue(name="Risk", value=("a, b", "c")),)),
        "zephyr",
        [("no-column", "field 'Risk'")],
    ),
    "too long": (
        attrs.evolve(PLAIN, description="a" * 32_768),
        "zephyr",
        [("no-column", "description")],
    ),
    "project": (
        attrs.evolve(PLAIN, project="OTHER", gone=True),
        "zephyr",
        [("no-column", "project, gone")],
    ),
}


@pytest.mark.parametrize(("case", "columns", "expected"), NOTED.values(), ids=NOTED)
async def test_a_note_names_what_is_lost(
    tmp_path: Path, case: TestCase, columns: str, expected: list[tuple[str, str]]
) -> None:
    slash = Folder(key="F2", name="A/B", tree=Tree.CASES)
    read, notes = await through(tmp_path, ("cases.xlsx", columns), (SHOP, slash, case))
    if not expected:
        held = read[case.ref]
        assert isinstance(held, TestCase)
        assert list(differing(case, held)) == []

    found = [(note.code, note.text.partition(": ")[2]) for note in notes[case.ref]]
    assert sorted(found) == sorted(expected)


def test_every_reason_has_an_example() -> None:
    codes = {code for _, _, notes in NOTED.values() for code, _ in notes}
    assert codes == {each.name for each in (NO_COLUMN, TEXT_AS_PLAIN, TEXT_CLEANED, VALUE_AS_TEXT)}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (TestCycle(key="R1", name="Night"), "a table of test cases has no rows for test cycles"),
        (
            Folder(key="F", name="Nightly", tree=Tree.CYCLES),
            "a table of test cases has no rows for folders of cycles",
        ),
        (
            Attachment(key="ACME-T1#1", name="a.png", owner=PLAIN.ref),
            "a table of test cases has no rows for attachments",
        ),
    ],
)
async def test_what_has_no_row_is_left_out_as_a_loss(
    tmp_path: Path, record: Record, why: str
) -> None:
    async with open_sink(TableSinkConfig(path=tmp_path / "cases.csv"), lent()) as sink:
        with pytest.raises(Skip) as caught:
            await sink.write(record, None, dict.fromkeys(record.parents(), THERE), None)
    assert (caught.value.why, caught.value.loss) == (why, True)
    with pytest.raises(Skip, match=why):
        TABLE.build(TABLE.config(), TransformContext(source=Schema()))(record)
    assert not (tmp_path / "cases.csv").exists()


async def test_a_field_of_other_records_needs_no_column(tmp_path: Path) -> None:
    field = FieldDefinition(
        key="test_run/Build", of=Kind.TEST_RUN, name="Build", type=FieldType.TEXT
    )
    async with open_sink(TableSinkConfig(path=tmp_path / "cases.csv"), lent()) as sink:
        with pytest.raises(Skip) as caught:
            await sink.write(field, None, {}, None)
    assert caught.value.why == "the table has no column for the field 'Build' of test runs"
    assert not caught.value.loss


async def test_a_key_that_no_cell_holds_is_refused(tmp_path: Path) -> None:
    async with open_sink(TableSinkConfig(path=tmp_path / "cases.csv"), lent()) as sink:
        with pytest.raises(RejectedError, match="no cell holds the key"):
            await sink.write(attrs.evolve(PLAIN, key=" A", folder=None), None, {}, None)

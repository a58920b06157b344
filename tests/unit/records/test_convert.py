"""Records and outside bodies to JSON and back."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import cattrs
import pytest

from ztoq_core.convert import converter, dumps, loads, read_json, show_json, write_json
from ztoq_core.records import (
    FieldTrace,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Level,
    Note,
    Record,
    Ref,
    TestCase,
    TestStep,
    Tree,
)

CASE = TestCase(
    key="ACME-T1",
    name="Log in",
    created=datetime(2025, 3, 1, 8, tzinfo=UTC),
    steps=(TestStep(key="1", description="<b>Open</b>"),),
    fields=(
        FieldValue(name="Browsers", value=("Firefox", "Chrome"), type=FieldType.MULTI_CHOICE),
        FieldValue(name="Risk", value=2.5),
        FieldValue(name="Checked", value=True),
        FieldValue(name="Nothing", value=None),
    ),
)


@pytest.mark.parametrize("record", [CASE, Folder(key="F", name="f", tree=Tree.CASES)])
def test_a_record_survives_the_store(record: Record) -> None:
    assert loads(record.kind, dumps(record)) == record


def test_what_has_its_own_place_is_not_part_of_the_record() -> None:
    whole = loads(Kind.TEST_CASE, dumps(CASE), {"id": 1})

    assert whole.raw == {"id": 1}
    assert dumps(whole) == dumps(CASE)


def test_records_of_version_0_1_are_read_and_written_as_they_were() -> None:
    stored = b'{"key":"ACME-T1","name":"Log in","refers":[{"key":"ACME-T2","kind":"test_case"}]}'
    record = loads(Kind.TEST_CASE, stored)
    assert record.text_refs == (Ref(Kind.TEST_CASE, "ACME-T2"),)
    assert dumps(record) == stored


def test_what_a_note_says_of_fields_changes_no_digest() -> None:
    plain = Note(level=Level.CHANGE, code="field-left-out", text="the field 'OS' is left out")
    traced = attrs.evolve(plain, fields=(FieldTrace(name="OS"),))
    one, other = (attrs.evolve(CASE, notes=(note,)) for note in (plain, traced))

    assert dumps(one) == dumps(other)
    assert loads(Kind.TEST_CASE, dumps(other)) == one


def test_a_lone_surrogate_survives_the_store() -> None:
    broken = Folder(key="F", name="a\ud83db", tree=Tree.CASES)

    assert loads(Kind.FOLDER, dumps(broken)) == broken


@pytest.mark.parametrize("body", [b'{"a":"\\ud83d"}', b'{"a":1}'])
def test_bodies_from_outside_are_read(body: bytes) -> None:
    assert set(read_json(body)) == {"a"}


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        read_json(b"<html>")


def test_json_is_sorted_so_that_equal_values_are_equal_bytes() -> None:
    assert write_json({"b": 1, "a": 2}) == b'{"a":2,"b":1}'


@pytest.mark.parametrize("text", ["a", "a\ud83db"])
def test_json_for_people_keeps_the_order_and_survives_broken_texts(text: str) -> None:
    assert list(read_json(show_json({"b": text, "a": 2}).encode())) == ["b", "a"]
    assert read_json(show_json({"b": text}, indented=True).encode()) == {"b": text}
    assert show_json({"b": text}, indented=True).startswith('{\n  "b"')


def test_a_time_without_a_zone_is_utc() -> None:
    read = converter.structure("2025-03-01T08:00:00", datetime)

    assert read == datetime(2025, 3, 1, 8, tzinfo=UTC)


def test_a_problem_names_its_path() -> None:
    with pytest.raises(cattrs.BaseValidationError) as caught:
        converter.structure({"key": "F", "name": "f", "tree": "nowhere"}, Folder)

    assert "$.tree" in cattrs.transform_error(caught.value)[0]

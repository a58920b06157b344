"""Lines of JSON hold records without loss, and say exactly what is wrong with others."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_files.record_lines import line_of, object_in

from tests.generated import record_of
from ztoq_core.plugin import Kind, Note, Record, RecordJsonError, record_from_json

CASE = '{"key":"A-T1","name":"Log in"'

MALFORMED = {
    "text": (Kind.TEST_CASE, "hello", "is not JSON: Expecting value (character 1)"),
    "half": (Kind.TEST_CASE, CASE, "is not JSON: Expecting ',' delimiter (character 30)"),
    "list": (Kind.TEST_CASE, "[]", "is not a record: it is a list, expected an object"),
    "not a number": (Kind.TEST_CASE, '{"a":NaN}', "is not JSON: NaN is not a number of JSON"),
    "deep": (Kind.TEST_CASE, "[" * 100_000, "is not a record: it nests too deep"),
    "twice": (Kind.TEST_CASE, '{"key":"A","key":"B"}', "has the key 'key' twice"),
    "no name": (Kind.TEST_CASE, '{"key":"A-T1"}', "'name' is missing"),
    "no key": (Kind.TEST_CASE, '{"key":" ","name":""}', "the key of a test case is empty"),
    "bad key": (
        Kind.TEST_CASE,
        r'{"key":"A\u0000","name":""}',
        r"the key 'A\x00' holds characters that no database takes",
    ),
    "misspelt": (
        Kind.TEST_CASE,
        CASE + ',"steps":[{"key":"1"},{"key":"2","descripton":"x"}]}',
        (
            "'steps[1]' has the unknown key 'descripton' (known: call, data, description, expected,"
            " fields, key, source_id)"
        ),
    ),
    "payload": (Kind.TEST_PLAN, '{"key":"P","name":"","raw":{}}', "has the unknown key 'raw'"),
    "number": (Kind.TEST_CASE, '{"key":"A","name":5}', "'name' is 5, expected a text"),
    "null": (Kind.TEST_CASE, '{"key":"A","name":null}', "'name' is null, expected a text"),
    "word": (Kind.TEST_CASE, CASE + ',"gone":"no"}', "'gone' is \"no\", expected true or false"),
    "float": (
        Kind.TEST_LOG,
        (
            '{"key":"E","status":"","number":1.5,"run":{"kind":"test_run","key":"R"},'
            '"case":{"kind":"test_case","key":"T"}}'
        ),
        "'number' is 1.5, expected a whole number",
    ),
    "letters": (Kind.TEST_CASE, CASE + ',"labels":"ab"}', "'labels' is \"ab\", expected a list"),
    "label": (Kind.TEST_CASE, CASE + ',"labels":["a",4]}', "'labels[1]' is 4, expected a text"),
    "tree": (
        Kind.FOLDER,
        '{"key":"F","name":"","tree":"trees"}',
        "'tree' is \"trees\", expected one of cases, cycles, plans",
    ),
    "reference": (
        Kind.FOLDER,
        '{"key":"F","name":"","tree":"cases","parent":"F1"}',
        "'parent' is \"F1\", expected an object",
    ),
    "half a reference": (
        Kind.FOLDER,
        '{"key":"F","name":"","tree":"cases","parent":{"kind":"folder"}}',
        "'parent.key' is missing",
    ),
    "time": (
        Kind.TEST_CASE,
        CASE + ',"created":"2025-03-01"}',
        (
            "'created' is \"2025-03-01\", expected a time with its zone, such as"
            " '2025-03-01T08:00:00+00:00'"
        ),
    ),
    "value": (
        Kind.TEST_CASE,
        CASE + ',"fields":[{"name":"Browser","value":{}}]}',
        "'fields[0].value' is an object, expected a text, a number, true, false or a list of texts",
    ),
    "many": (
        Kind.TEST_CASE,
        CASE + ',"gone":0,"approve":1,"executed":2,"labels":3}',
        (
            "'labels' is 3, expected a list; 'gone' is 0, expected true or false; 'executed' is 2,"
            " expected true or false and 1 more"
        ),
    ),
}


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
def test_any_record_comes_back_as_it_was(kind: Kind, data: st.DataObject) -> None:
    record = data.draw(record_of(kind))

    line = line_of(record)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert record_from_json(kind, object_in(line)) == record


def test_what_belongs_to_the_store_is_left_out() -> None:
    """The types that ``generated`` draws from are all attributes but these."""
    kept = {each.name for each in attrs.fields(Record)} - {"raw", "companions"}
    assert kept == {"key", "path", "fields", "links", "notes", "images", "text_refs"}
    assert {each.name for each in attrs.fields(Note)} == {"level", "code", "text", "fields"}


@pytest.mark.parametrize(("kind", "line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_described(kind: Kind, line: str, message: str) -> None:
    with pytest.raises(RecordJsonError) as caught:
        record_from_json(kind, object_in(line.encode()))

    assert str(caught.value).startswith(message)


def test_bytes_that_are_not_utf_8_are_described() -> None:
    with pytest.raises(RecordJsonError, match=r"^is not UTF-8 text \(byte 9\)$"):
        object_in('{"key":"é"}'.encode("latin-1"))

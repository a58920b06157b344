"""Records as JSON at the door for plugins; ``ztoq-files`` tests every malformed value."""

from __future__ import annotations

import json

import attrs
import pytest
from ztoq_testkit import PROJECT

from ztoq_core.plugin import Kind, Record, RecordJsonError, record_from_json, record_to_json


@pytest.mark.parametrize("record", PROJECT, ids=lambda each: str(each.ref))
def test_a_record_comes_back_from_plain_json(record: Record) -> None:
    value = record_to_json(record)
    plain = json.loads(json.dumps(value))
    assert plain == value
    assert record_from_json(record.kind, plain) == attrs.evolve(record, raw=None, companions=())


def test_what_equals_its_default_is_left_out_and_words_are_texts() -> None:
    record = next(each for each in PROJECT if each.kind is Kind.FOLDER)
    value = record_to_json(record)
    assert "description" not in value
    assert all(type(each) is str for each in value.values() if isinstance(each, str))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"key": "A"}, "'name' is missing"),
        ({"key": "A", "name": 3}, "'name' is 3, expected a text"),
        ({"key": "A", "name": "B", "labelss": []}, "has the unknown key 'labelss'"),
        ({"key": " ", "name": "B"}, "the key of a test case is empty"),
        ({"key": "A", "name": "B", "steps": [{"key": "1", "data": 1}]}, r"'steps\[0\].data' is 1"),
    ],
)
def test_what_is_wrong_is_named(value: dict[str, object], message: str) -> None:
    with pytest.raises(RecordJsonError, match=message):
        record_from_json(Kind.TEST_CASE, value)

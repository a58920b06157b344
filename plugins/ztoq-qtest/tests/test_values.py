"""How values travel and how texts are marked, without a site."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_qtest import html
from ztoq_qtest.fields.encoding import decode, encode, fit, index_people, parse_time
from ztoq_qtest.fields.field import Choice, Field, parse_field

from ztoq_core.plugin import FieldSpec, FieldType, FieldValue, Fit, Kind, User

ALICE = User(id="8", name="Alice Tester", email="alice@example.com")
CHOICES = (
    Choice(id=1, label="High"),
    Choice(id=2, label="high"),
    Choice(id=3, label="Low"),
    Choice(id=4, label="Gone", active=False),
)


def field(type_: FieldType, *, multiple: bool = False, choices: Any = CHOICES) -> Field:
    return Field(id=40, label="F", type=type_, multiple=multiple, choices=choices)


def value(content: Any, *alternatives: str) -> FieldValue:
    return FieldValue(name="F", value=content, alternatives=alternatives)


@pytest.mark.parametrize(
    ("of", "given_value", "travels", "left"),
    [
        (field(FieldType.CHOICE), value("high"), "2", None),
        (field(FieldType.CHOICE), value("HIGH"), "1", None),
        (field(FieldType.CHOICE), value("Blocker", "Low"), "3", None),
        (field(FieldType.CHOICE), value("Gone"), None, "Gone"),
        (field(FieldType.CHOICE), value(("Low",)), "3", None),
        (field(FieldType.CHOICE), value(("Low", "High")), None, ("Low", "High")),
        (field(FieldType.CHOICE), value(None), None, None),
        (field(FieldType.MULTI_CHOICE), value(("Low", "x")), "[3]", ("x",)),
        (field(FieldType.MULTI_CHOICE), value("Low"), "[3]", None),
        (field(FieldType.MULTI_CHOICE, choices=CHOICES[:1]), value(content=True), "[1]", None),
        (field(FieldType.MULTI_CHOICE, choices=CHOICES[:1]), value(content=False), "[]", None),
        (field(FieldType.USER), value("ALICE@example.com"), "8", None),
        (field(FieldType.USER), value("Alice Tester"), "8", None),
        (field(FieldType.USER), value("8"), "8", None),
        (field(FieldType.USER), value("x", "alice@example.com"), "8", None),
        (field(FieldType.USER), value("Nobody"), None, "Nobody"),
        (field(FieldType.USER, multiple=True), value(("8", "9")), "[8]", ("9",)),
        (field(FieldType.NUMBER), value(3), "3", None),
        (field(FieldType.NUMBER), value("4.50"), "4.50", None),
        (field(FieldType.NUMBER), value("many"), None, "many"),
        (field(FieldType.NUMBER), value(content=True), None, True),
        (field(FieldType.DATE), value("2026-06-30"), "2026-06-30T00:00:00+00:00", None),
        (field(FieldType.DATE), value("soon"), None, "soon"),
        (field(FieldType.TEXT), value("a\n b"), "a b", None),
        (field(FieldType.TEXT), value(("a", "b")), "a, b", None),
        (field(FieldType.TEXT), value(content=True), "Yes", None),
        (field(FieldType.RICH_TEXT), value("a < b"), "a &lt; b", None),
        (
            field(FieldType.LONG_TEXT),
            FieldValue(name="F", value="<p>a</p><p>b</p>", type=FieldType.RICH_TEXT),
            "a\nb",
            None,
        ),
    ],
)
def test_values_travel_as_the_field_demands(
    of: Field, given_value: FieldValue, travels: str | None, left: Any
) -> None:
    sent = encode(of, given_value, index_people([ALICE]))
    assert (sent.text, sent.rest) == (travels, left)


def test_a_name_of_two_people_names_neither() -> None:
    other = User(id="9", name="Alice Tester", email="other@example.com")
    gone = User(id="10", name="Gone", active=False)
    people = index_people([ALICE, other, gone])
    assert people == {"8": "8", "9": "9", "alice@example.com": "8", "other@example.com": "9"}


@pytest.mark.parametrize(
    ("raw", "type_"),
    [
        ({"data_type": 13, "constrained": True}, FieldType.CHOICE),
        ({"data_type": 13, "original_name": "PlannedStartTestRun"}, FieldType.DATETIME),
        ({"data_type": 99, "attribute_type": "Date"}, FieldType.DATETIME),
        ({"data_type": 99, "instanceType": "UserListDataType"}, FieldType.USER),
        ({"data_type": 99, "attribute_type": "Number"}, FieldType.NUMBER),
        ({"data_type": 99, "constrained": True, "multiple": True}, FieldType.MULTI_CHOICE),
        ({}, FieldType.TEXT),
        ({"data_type": 8}, FieldType.MULTI_CHOICE),
    ],
)
def test_data_types_that_no_document_names_are_told_by_their_hints(
    raw: dict[str, Any], type_: FieldType
) -> None:
    assert parse_field({"id": 1, "label": "F", **raw}).type is type_


@pytest.mark.parametrize(
    ("of", "raw", "content"),
    [
        (field(FieldType.MULTI_CHOICE), {"field_value": "[1,3]"}, ("High", "Low")),
        (field(FieldType.MULTI_CHOICE), {"field_value": ""}, ()),
        (field(FieldType.CHOICE), {"field_value": "3"}, "Low"),
        (field(FieldType.NUMBER), {"field_value": "1.5"}, 1.5),
        (field(FieldType.TEXT), {"field_value": ""}, None),
        (None, {"field_value": "8", "field_value_name": "Alice"}, "Alice"),
    ],
)
def test_values_are_read_back(of: Field | None, raw: dict[str, Any], content: Any) -> None:
    assert decode(of, {"field_id": 40, "field_name": "F", **raw}).value == content


def test_a_person_is_read_back_with_the_id_since_two_may_bear_one_name() -> None:
    raw = {"field_id": 40, "field_value": "8", "field_value_name": "Ann Ray"}
    read = decode(field(FieldType.USER), raw)
    assert (read.value, read.alternatives) == ("Ann Ray", ("8",))


@pytest.mark.parametrize(("several", "text"), [(False, "8"), (True, "[8]")])
def test_a_person_is_found_by_any_of_the_names(text: str, *, several: bool) -> None:
    of = attrs.evolve(field(FieldType.USER), multiple=several)
    given = FieldValue(name="F", value="unknown", alternatives=("Alice Tester",))
    assert encode(of, given, index_people([ALICE])).text == text


def test_times_are_instants_in_whole_seconds() -> None:
    assert parse_time("2024-01-01T07:00:00.5+07:00") == parse_time("2024-01-01T00:00:00Z")
    assert parse_time(None) is None


KEYS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=60
).filter(lambda text: text == " ".join(text.split()))


BEFORE_MARKS = (
    "",
    "<p>Zephyr key</p>",
    "<table><tr><td>x</td></tr></table>",
    "Looks good",
    "a<br>b <i>c</i>",
    "<blockquote>said</blockquote>",
)


@given(KEYS, st.sampled_from(BEFORE_MARKS))
def test_a_mark_is_read_back_as_it_was_written(key: str, text: str) -> None:
    marked = html.add_mark(text, "Zephyr key", key)
    assert html.find_keys_in(marked, "Zephyr key") == (key,)
    assert html.split_additions(marked, "Zephyr key") == (text, ())


def test_an_added_table_is_read_back_and_what_follows_it_stays() -> None:
    rows = (("Browser & OS", "Chrome"), ("Notes", "<table><tr><td>inner</td></tr></table>"))
    whole = f"<p>Mine</p>{html.table(rows)}<p>Somebody's</p>"
    marked = html.add_mark(whole, "Zephyr key", "ACME-T1")
    assert html.split_additions(marked, "Zephyr key") == ("<p>Mine</p><p>Somebody's</p>", rows)


@pytest.mark.parametrize("heading", html.HEADINGS)
def test_the_table_is_known_by_its_present_and_by_its_former_heading(heading: str) -> None:
    rows = (("Area", "Pay"),)
    text = f"<p>Mine</p>{html.table(rows, heading)}"
    assert html.split_additions(text, "Zephyr key") == ("<p>Mine</p>", rows)


@given(KEYS, KEYS)
def test_a_key_after_a_name_is_read_back(name: str, key: str) -> None:
    named = html.with_suffix(name, key)
    assert html.find_key_in_name(named) == key
    assert html.without_key(named, key) == name


def test_a_name_never_gets_too_long() -> None:
    assert html.with_suffix("n" * 600, "Chrome", "K-1") == "n" * 485 + " [Chrome] [K-1]"


def test_several_people_fit_where_the_field_takes_several() -> None:
    people = {"ann": "1", "ben": "2"}
    both = FieldValue(name="Team", value=("Ann", "Ben"), type=FieldType.USER)
    three = attrs.evolve(both, value=("Ann", "Ben", "Cid"))
    one = FieldSpec(kind=Kind.TEST_CASE, name="Team", type=FieldType.USER)
    team = attrs.evolve(one, multiple=True)
    assert fit(team, both, people) == Fit()
    assert fit(team, three, people) == Fit(rest=("Cid",))
    assert fit(one, both, people) == Fit(rest=("Ann", "Ben"))

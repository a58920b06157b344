from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.to_qtest import fields
from ztoq_mappings.to_qtest.fields import FieldLabels
from ztoq_mappings.to_qtest.name_tables import name_tables
from ztoq_mappings.to_qtest.people import People

from ztoq_core.plugin import FieldSpec, FieldType, FieldValue, Kind, Schema, User, Value

CASE = Kind.TEST_CASE


def field_labels(*specs: tuple[Kind, str, FieldType]) -> FieldLabels:
    found = tuple(FieldSpec(kind=kind, name=name, type=type_) for kind, name, type_ in specs)
    return FieldLabels(Schema(fields=found), name_tables().reserved)


def placed(value: Value, observed: FieldType, declared: FieldType | None = None) -> FieldValue:
    field = FieldValue(name="Field", value=value, type=declared)
    (found,) = field_labels((CASE, "Field", observed)).values(CASE, (field,), NoteCollector())
    return found


@pytest.mark.parametrize(
    ("value", "kind_of", "kept"),
    [
        (True, FieldType.CHOICE, "true"),
        (1, FieldType.MULTI_CHOICE, "1"),
        ("yes", FieldType.CHECKBOX, "yes"),
        (True, FieldType.NUMBER, "true"),
        (float("inf"), FieldType.NUMBER, "inf"),
        (1, FieldType.DATE, "1"),
        ("soon", FieldType.DATE, "soon"),
        ("0001-01-01T00:00:00+05:00", FieldType.DATETIME, "0001-01-01T00:00:00+05:00"),
        (("a",), FieldType.URL, "a"),
        (1, FieldType.USER, "1"),
        (("two\nlines", "a"), FieldType.MULTI_CHOICE, "two\nlines\na"),
        ("two\nlines", FieldType.CHOICE, "two\nlines"),
    ],
)
def test_a_value_of_another_type_stands_beside_as_text(
    value: Value, kind_of: FieldType, kept: str
) -> None:
    found = placed(value, kind_of, kind_of)
    assert (found.name, found.type, found.value) == ("Field (text)", FieldType.LONG_TEXT, kept)


@pytest.mark.parametrize(
    ("value", "kind_of", "expected"),
    [
        ("A", FieldType.MULTI_CHOICE, ("A",)),
        (False, FieldType.TEXT, "false"),
        (("A", "B"), FieldType.TEXT, "A, B"),
        (("A", "B"), FieldType.RICH_TEXT, "A<br>B"),
        (2.5, FieldType.LONG_TEXT, "2.5"),
        ("2026-06-30T23:00:00-02:00", FieldType.DATE, "2026-06-30"),
        ("2026-06-30T23:00", FieldType.DATETIME, "2026-06-30T23:00:00Z"),
    ],
)
def test_a_value_takes_the_shape_of_the_type(
    value: Value, kind_of: FieldType, expected: Value
) -> None:
    found = placed(value, kind_of)
    assert (found.name, found.type, found.value) == ("Field", kind_of, expected)


def test_a_person_is_a_user_where_somebody_knows_more_than_the_id() -> None:
    account = "5b10a2844c20165700ede21f"
    assert placed(account, FieldType.USER).type is FieldType.TEXT
    assert placed("ann@example.com", FieldType.TEXT, FieldType.USER).type is FieldType.USER
    schema = Schema(fields=(FieldSpec(kind=CASE, name="Field", type=FieldType.USER),))
    people = People.of(
        [User(id=account, name="Ann", email="ann@example.com"), User(id="x", name="")]
    )
    found = FieldLabels(schema, name_tables().reserved, people)
    values = [
        found.values(CASE, (FieldValue(name="Field", value=value),), NoteCollector())[0]
        for value in (account, "x", (account,))
    ]
    assert [(each.value, each.type, each.alternatives) for each in values] == [
        ("ann@example.com", FieldType.USER, ("Ann", account)),
        ("x", FieldType.TEXT, ()),
        (account, FieldType.TEXT, ()),
    ]


def test_values_in_steps_have_the_types_that_were_observed() -> None:
    account = "5b10a2844c20165700ede21f"
    seen = {"By": FieldType.USER, "On": FieldType.DATE, "Risk": FieldType.CHOICE}
    specs = tuple(FieldSpec(kind=CASE, name=name, type=of) for name, of in seen.items())
    people = People.of([User(id=account, name="Ann", email="ann@example.com")])
    field_labels = FieldLabels(Schema(step_fields=specs), name_tables().reserved, people)
    given: dict[str, Value] = {
        "By": account,
        "On": "2024-05-01T00:00:00Z",
        "Risk": "x\ny",
        "New": True,
        "No": "",
    }
    fields = tuple(FieldValue(name=name, value=value) for name, value in given.items())
    placed_one = FieldValue(name="On", value="May", type=FieldType.TEXT, placed=True)
    found = field_labels.of_step((*fields, placed_one), NoteCollector())
    assert [(each.name, each.value, each.type) for each in found] == [
        ("By", "ann@example.com", FieldType.USER),
        ("On", "2024-05-01", FieldType.DATE),
        ("Risk", "x\ny", FieldType.TEXT),  # no label, and its name stays
        ("New", True, FieldType.CHECKBOX),
        ("On", "May", FieldType.TEXT),
    ]
    assert found[0].alternatives == ("Ann", account)


@pytest.mark.parametrize(
    ("name", "email", "shown"),
    [
        ("Ann", "ann@example.com", "Ann (ann@example.com)"),
        ("Ann", "", "Ann"),
        (" ", "ann@example.com", "ann@example.com"),
        ("ann@example.com", "ann@example.com", "ann@example.com"),
        ("", "", "7"),
    ],
)
def test_a_person_is_called_by_what_is_known(name: str, email: str, shown: str) -> None:
    assert People.of([User(id="7", name=name, email=email)]).text("7") == shown


@pytest.mark.parametrize(
    ("value", "kind_of", "lossy"),
    [
        ("2026-06-30", FieldType.DATE, False),
        ("2026-06-30T00:00:00Z", FieldType.DATE, False),
        ("2026-06-30T00:00:01Z", FieldType.DATE, True),
        ("2026-06-30T10:00:00+02:00", FieldType.DATETIME, False),
        ("2026-06-30T10:00:00.5Z", FieldType.DATETIME, True),
        ("a\x00", FieldType.TEXT, True),
        ("a\x00", FieldType.CHOICE, True),
        (("a\x00", "b"), FieldType.MULTI_CHOICE, True),
        ("[~a", FieldType.TEXT, False),
        ("two\nlines", FieldType.CHOICE, False),
    ],
)
def test_a_value_that_says_less_than_before_is_marked(
    value: Value, kind_of: FieldType, *, lossy: bool
) -> None:
    found = placed(value, kind_of)
    assert (found.lossy, found.origin) == (lossy, "Field")


@pytest.mark.parametrize(
    ("value", "kind_of", "kept", "type_"),
    [
        ("[~a]\x00", FieldType.TEXT, "[ ~a]\ufffd", FieldType.TEXT),
        ("[~a]", FieldType.RICH_TEXT, "[<span>~</span>a]", FieldType.RICH_TEXT),
        ("https://x/[~", FieldType.URL, "https://x/%5B~", FieldType.URL),
        (("[~a", ""), FieldType.CHOICE, ("[ ~a",), FieldType.CHOICE),
        (float("inf"), FieldType.NUMBER, "inf", FieldType.TEXT),
        (2.5, FieldType.NUMBER, 2.5, FieldType.NUMBER),
        ("<b>x</b>", None, "<b>x</b>", FieldType.RICH_TEXT),
    ],
)
def test_a_placed_value_keeps_label_and_type_and_is_made_safe(
    value: Value, kind_of: FieldType | None, kept: Value, type_: FieldType
) -> None:
    field = FieldValue(name="Status", value=value, type=kind_of, placed=True, alternatives=("[~",))
    (found,) = field_labels().values(CASE, (field,), NoteCollector())
    assert (found.name, found.value, found.type) == ("Status", kept, type_)
    assert (found.alternatives, found.origin, found.placed) == (("[ ~",), "Status", True)


def test_a_placed_label_is_its_owns_alone() -> None:
    own = (FieldValue(name="Labels", value="own"), FieldValue(name="Other", value="own"))
    given = (
        FieldValue(name="LABELS ", value="placed", placed=True),
        FieldValue(name="Browser", value=None, placed=True),
        FieldValue(name="Browser", value="custom"),
        FieldValue(name="\n", value="nameless", placed=True),
    )
    found = field_labels((CASE, "Browser", FieldType.TEXT)).values(
        CASE, given, NoteCollector(), own
    )
    assert [(each.name, each.value) for each in found] == [
        ("Other", "own"),
        ("LABELS", "placed"),
        ("Browser (Zephyr)", "custom"),
        ("Field", "nameless"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (("A",), FieldType.MULTI_CHOICE),
        (True, FieldType.CHECKBOX),
        (1, FieldType.NUMBER),
        ("<br>", FieldType.RICH_TEXT),
        ("x", FieldType.TEXT),
        ("x" * 256, FieldType.LONG_TEXT),
    ],
)
def test_a_field_that_was_never_observed_gets_a_type(value: Value, expected: FieldType) -> None:
    field = FieldValue(name=" Status", value=value)
    (found,) = field_labels().values(Kind.TEST_LOG, (field,), NoteCollector())
    assert (found.name, found.type) == ("Status (Zephyr)", expected)


def test_alternatives_and_optional_pass() -> None:
    field = FieldValue(name="A", value="x", alternatives=("y",), optional=True)
    (found,) = field_labels().values(CASE, (field,), NoteCollector())
    assert (found.alternatives, found.optional) == (("y",), True)


def test_labels_are_unlike_each_other_and_unlike_qtests_own() -> None:
    names = ["status", "Status", "STATUS ", "x" * 130, "x" * 131, "\n", "Zephyr owner"]
    found = field_labels(*[(CASE, name, FieldType.TEXT) for name in names])
    labels = [found.label(CASE, name) for name in names]
    assert labels == [
        "status (Zephyr 3)",
        "Status (Zephyr 2)",
        "STATUS (Zephyr)",
        "x" * 100,
        "x" * 91 + " (Zephyr)",
        "Field",
        "Zephyr owner (Zephyr)",
    ]


def test_logs_and_runs_share_their_labels() -> None:
    found = field_labels(
        (Kind.TEST_RUN, "Build", FieldType.TEXT), (Kind.TEST_LOG, "build", FieldType.TEXT)
    )
    assert found.label(Kind.TEST_RUN, "Build") == "Build"
    assert found.label(Kind.TEST_LOG, "build") == "build (Zephyr)"


def test_a_long_text_needs_a_long_field() -> None:
    assert fields.text("A", "x" * 255, NoteCollector()).type is FieldType.TEXT
    assert fields.text("A", "x" * 256, NoteCollector()).type is FieldType.LONG_TEXT
    assert fields.text("A", "two\nlines", NoteCollector()).type is FieldType.LONG_TEXT


def test_a_number_is_whole_where_it_can_be() -> None:
    assert [field.value for field in fields.number("A", 2.0)] == [2]
    assert [field.value for field in fields.number("A", 2.5)] == [2.5]
    assert fields.number("A", None) == fields.number("A", float("nan")) == ()


def test_a_moment_is_written_in_whole_seconds_utc() -> None:
    moment = datetime(2024, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    found = fields.moment("A", moment)
    assert (found.value, found.lossy) == ("2024-01-01T12:00:00Z", True)

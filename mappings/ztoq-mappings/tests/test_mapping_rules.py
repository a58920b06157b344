"""What rules do, beyond what the page shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from ztoq_mappings import ztoq_transformers
from ztoq_mappings.fields import FIELDS, FieldsOptions
from ztoq_mappings.fields.coerce import shaped
from ztoq_mappings.fields.parse import parse
from ztoq_mappings.fields.patterns import compiled, finder, replacer
from ztoq_mappings.fields.transformer import compile_mapping
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.to_qtest import TO_QTEST, Options

from ztoq_core.plugin import (
    FieldSpec,
    FieldTrace,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Level,
    MappingError,
    Record,
    Ref,
    Requirement,
    Schema,
    Skip,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    Transform,
    TransformContext,
    Tree,
    Value,
)


def transform(rules: str, *fields: FieldSpec) -> Transform:
    text = f"format = 1\n{rules}"
    return compile_mapping(
        parse(text, "m.toml").mapping, TransformContext(source=Schema(fields=fields))
    )


def case(**fields: Value) -> TestCase:
    values = tuple(FieldValue(name=name, value=value) for name, value in fields.items())
    return TestCase(key="ACME-T1", name="Log in", fields=values)


def made(rule: str, value: Value, *specs: FieldSpec) -> FieldValue | None:
    """Return what a rule from the field A to the field B makes of a value."""
    text = f'[[test_case.field]]\nfrom = "A"\nto = "B"\n{rule}'
    found = transform(text, *specs)(case(A=value)).fields
    return next((each for each in found if each.placed), None)


def spec(kind_of: FieldType) -> FieldSpec:
    return FieldSpec(kind=Kind.TEST_CASE, name="A", type=kind_of)


def test_ztoq_transformers_declares_the_mapping_file() -> None:
    assert FIELDS in ztoq_transformers()
    assert FIELDS.keeps_default
    assert FIELDS.config is FieldsOptions


def test_a_kind_without_rules_and_a_folder_pass_untouched() -> None:
    change = transform('[[test_run.field]]\nfrom = "A"\nto = "B"')
    records: list[Record] = [case(A=1), Folder(key="ACME-F1", name="Web", tree=Tree.CASES)]
    assert [change(record) for record in records] == records


# ------------------------------------------------------------------------------------------ types


@pytest.mark.parametrize(
    ("kind_of", "value", "expected"),
    [
        (FieldType.TEXT, 7.0, "7"),
        (FieldType.TEXT, 7.5, "7.5"),
        (FieldType.TEXT, True, "yes"),
        (FieldType.TEXT, ("a", "", "b"), "a, b"),
        (FieldType.LONG_TEXT, ("a", "b"), "a\nb"),
        (FieldType.RICH_TEXT, ("a", "<b>b</b>", "1 < 2"), "a<br><b>b</b><br>1 &lt; 2"),
        (FieldType.NUMBER, "1e3", 1000),
        (FieldType.NUMBER, 2.5, 2.5),
        (FieldType.NUMBER, "1_000", None),
        (FieldType.NUMBER, "٣", None),
        (FieldType.NUMBER, "inf", None),
        (FieldType.NUMBER, True, None),
        (FieldType.NUMBER, 10**400, None),
        (FieldType.CHECKBOX, " YES ", True),
        (FieldType.CHECKBOX, "no", False),
        (FieldType.CHECKBOX, 1, None),
        (FieldType.DATE, "2026-06-30T22:30:00-05:00", "2026-06-30"),
        (FieldType.DATETIME, "2026-06-30T22:30:00.5-05:00", "2026-07-01T03:30:00Z"),
        (FieldType.DATETIME, "0001-01-01T00:00:00+05:00", None),
        (FieldType.CHOICE, "x" * 100, "x" * 100),
        (FieldType.CHOICE, "x" * 101, None),
        (FieldType.CHOICE, "two\nlines", None),
        (FieldType.CHOICE, ("a", "b"), None),
        (FieldType.MULTI_CHOICE, ("a", "b", "a"), ("a", "b")),
        (FieldType.MULTI_CHOICE, "a", ("a",)),
        (FieldType.MULTI_CHOICE, ("a", "x" * 101), None),
        (FieldType.USER, "ann@example.com", "ann@example.com"),
        (FieldType.URL, "https://example.com/[~x", "https://example.com/%5B~x"),
        (FieldType.URL, "example.com", None),
        (FieldType.TEXT, "[~x]\x00", "[ ~x]\ufffd"),
    ],
)
def test_a_value_takes_the_shape_of_the_type_or_fails(
    kind_of: FieldType, value: Value, expected: Value
) -> None:
    if expected is None:
        with pytest.raises(MappingError, match=rf"of field 'A' is not a {kind_of.value}"):
            made(f'type = "{kind_of.value}"', value)
    else:
        assert (
            made(f'type = "{kind_of.value}"', value)
            == FieldValue(name="B", value=expected, type=kind_of, placed=True, origin="A")
            or kind_of is FieldType.DATE
        )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (("a", "b"), FieldType.MULTI_CHOICE),
        (True, FieldType.CHECKBOX),
        (3, FieldType.NUMBER),
        ("x", FieldType.LONG_TEXT),
        ("2026-01-01", FieldType.LONG_TEXT),
    ],
)
def test_without_any_type_the_value_tells(value: Value, expected: FieldType) -> None:
    found = made("", value)
    assert found is not None
    assert found.type is expected


def test_html_without_any_type_becomes_rich_text_where_it_stays() -> None:
    found = made('html = "keep"', "<b>x</b>")
    assert found is not None
    assert (found.type, found.value) == (FieldType.RICH_TEXT, "<b>x</b>")


def test_the_type_of_the_source_is_the_targets() -> None:
    found = made("", "a", spec(FieldType.CHOICE))
    assert found is not None
    assert found.type is FieldType.CHOICE


def test_an_account_id_stays_text_until_the_rule_says_whom_it_means() -> None:
    found = made("", "5b10", spec(FieldType.USER))
    assert found is not None
    assert found.type is FieldType.TEXT
    found = made('person = "email"\notherwise = "keep"', "5b10", spec(FieldType.USER))
    assert found is not None
    assert found.type is FieldType.USER


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('join = "/"', FieldType.LONG_TEXT),
        ('type = "choice"', FieldType.CHOICE),
        ("", FieldType.LONG_TEXT),
    ],
)
def test_some_keys_tell_the_type(rule: str, expected: FieldType) -> None:
    found = made(rule, "2026-01-02")
    assert found is not None
    assert found.type is expected


def test_a_fixed_value_has_the_type_that_it_shows() -> None:
    found = transform('[[test_case.field]]\nconstant = 7\nto = "B"')(case()).fields
    assert [(each.type, each.value) for each in found] == [(FieldType.NUMBER, 7)]


def test_a_template_shows_html_as_text_in_a_text() -> None:
    rules = '[[test_case.field]]\ntemplate = "{A}, {C}"\nto = "B"'
    (found,) = transform(rules)(case(A="<b>x</b> &amp; y", C=("a", "b"))).fields
    assert (found.type, found.value) == (FieldType.LONG_TEXT, "x & y, a, b")


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("round = 1", 2.25, 2.3),
        ("round = 0", -2.5, -3),
        ("round = 2", 1.005, 1.01),
        ("round = 15", 1e300, 1e300),
        ("multiply = 3", 0.1, 0.3),
        ('decimal = ","', "1 234,5", 1234.5),
    ],
)
def test_numbers_come_out_as_people_reckon(rule: str, value: Value, expected: float) -> None:
    found = made(f'type = "number"\n{rule}', value)
    assert found is not None
    assert found.value == expected
    assert found.lossy is (rule.startswith("round") and value != expected)


def test_groups_stand_in_replacements() -> None:
    assert replacer("(a)(b)", r"\2\\\1")("ab") == r"b\a"


def test_several_fields_without_a_type_are_judged_by_their_values() -> None:
    rule = '[[test_case.field]]\nfrom = ["A", "C"]\nto = "@labels"'
    found = transform(rule)(case(A="x", C=("y",)))
    assert isinstance(found, TestCase)
    assert found.labels == ("x", "y")


def test_declared_types_win_in_the_default_mapping_too() -> None:
    context = TransformContext(source=Schema(fields=(spec(FieldType.CHOICE),)))
    change = transform('[types.test_case]\nA = "NUMBER"', spec(FieldType.CHOICE))
    (found,) = (
        each
        for each in TO_QTEST.build(Options(), context)(change(case(A=7))).fields
        if each.name == "A"
    )
    assert (found.type, found.value) == (FieldType.NUMBER, 7)


# ------------------------------------------------------------------------------------- the values


def test_a_number_of_the_source_finds_its_word_in_a_table() -> None:
    rule = 'type = "choice"\notherwise = "fail"\nvalues = { "3" = "Three", "true" = "Yes" }'
    assert [
        found.value for value in (3, 3.0, "3", True) if (found := made(rule, value)) is not None
    ] == ["Three", "Three", "Three", "Yes"]


def test_the_exact_word_goes_before_one_of_another_case() -> None:
    rule = 'type = "choice"\notherwise = "fail"\nvalues = { "a" = "small", "A" = "large" }'
    assert [found.value for value in ("a", "A") if (found := made(rule, value))] == [
        "small",
        "large",
    ]


def test_a_long_value_is_shown_in_short() -> None:
    with pytest.raises(MappingError) as caught:
        made('type = "url"', "x" * 1000)
    assert len(str(caught.value)) < 200


def test_what_stands_for_an_unfit_value_fits() -> None:
    found = made('type = "number"\notherwise = { value = 0 }', "seven")
    assert found is not None
    assert (found.value, found.lossy) == (0, True)


def test_an_unfit_value_is_dropped_with_a_note() -> None:
    rules = '[[test_case.field]]\nfrom = "A"\nto = "B"\ntype = "url"\notherwise = "drop"'
    found = transform(rules)(case(A="nowhere"))
    assert found.fields == ()
    assert [(note.level, note.code) for note in found.notes] == [(Level.CHANGE, "value-dropped")]


def test_a_value_that_means_none_is_dropped_with_a_note() -> None:
    rules = '[[test_case.field]]\nfrom = "A"\nto = "B"\nvalues = { x = "" }\notherwise = "keep"'
    change = transform(rules)
    found = change(case(A="x"))
    said = "values of 'A' are dropped, as the mapping says"
    assert (found.fields, [note.text for note in found.notes]) == ((), [said])
    some = change(case(A=("x", "y")))
    assert [(each.value, each.lossy) for each in some.fields] == [("y", True)]
    assert [note.code for note in some.notes] == ["value-dropped"]
    assert change(case(A="y")).notes == ()


def test_what_goes_into_a_property_is_noted() -> None:
    rules = """[[test_case.field]]
from = "Area"
to = "@priority"
[[test_case.field]]
template = "{@description} {Notes} {More}"
to = "@description"
[[test_case.field]]
from = "Long"
to = "@component"
extract = "..."
otherwise = "keep"
"""
    change = transform(rules)
    found = change(case(Area="a", Notes="b", Long="long"))
    said = "the field 'Area' goes into '@priority'; the field 'Notes' goes into '@description'"
    assert [(note.code, note.text) for note in found.notes if "into" in note.code] == [
        (
            "field-into-property",
            said + ", as the mapping says",
        ),
        (
            "field-partly-into-property",
            "the field 'Long' goes into '@component', as the mapping says",
        ),
    ]
    assert [trace for note in found.notes for trace in note.fields] == [
        FieldTrace(name="Area", into="@priority"),
        FieldTrace(name="Notes", into="@description"),
        FieldTrace(name="Long", into="@component", lossy=True),
    ]
    assert change(case(Other="x")).notes == ()


def test_a_number_in_reading_keeps_what_is_none() -> None:
    rule = 'type = "text"\nwrite_date = "%d %b %Y"\notherwise = "keep"'
    assert (found := made(rule, "some day")) is not None
    assert found.value == "some day"


@pytest.mark.parametrize("value", [True, "x", 10**400])
def test_what_is_no_number_has_no_digits(value: Value) -> None:
    assert made('type = "number"\nround = 2\notherwise = "drop"', value) is None


def test_a_date_beyond_its_time_zone_is_none() -> None:
    rule = 'type = "date"\ntime_zone = "America/New_York"\notherwise = "drop"'
    assert made(rule, "0001-01-01T00:00:00Z") is None


def test_a_time_that_was_twice_is_the_earlier_one() -> None:
    found = made('type = "datetime"\ntime_zone = "Europe/Berlin"', "2026-10-25T02:30:00")
    assert found is not None
    assert found.value == "2026-10-25T00:30:00Z"


def test_a_value_that_html_alone_made_is_nothing() -> None:
    assert made('type = "text"', "<br>") is None
    assert (found := made('type = "text"', ("<b>a</b>", "7"))) is not None
    assert found.value == "a, 7"


def test_a_person_by_name_or_account_id() -> None:
    rule = 'type = "user"\nperson = "name"\notherwise = "fail"'
    with pytest.raises(MappingError, match="'5b10' of field 'A' is a person whose name is not kn"):
        made(rule, "5b10")


LEAVES_NOTHING = [
    ('split = "/"\npart = 2', "API", "'API' of field 'A' has no part 2"),
    ('split = "/"\npart = -3', "Web/Login", "'Web/Login' of field 'A' has no part -3"),
    ('split = "/"\npart = 1', "//", "'//' of field 'A' has no part 1"),
    ("part = 3", ("x", "y"), "'x, y' of field 'A' has no part 3"),
    ('split = "/"\njoin = ","', "/", "'/' of field 'A' has no part beside '/'"),
    (r"extract = '(\d*)'", "none", r"'none' of field 'A' does not match '(\\d*)'"),
]
"""Conversions that leave nothing of a value."""


@pytest.mark.parametrize(("keys", "value", "said"), LEAVES_NOTHING)
def test_otherwise_decides_about_a_value_of_which_nothing_is_left(
    keys: str, value: Value, said: str
) -> None:
    rule = f'type = "text"\n{keys}\notherwise = '
    whole = ", ".join(value) if isinstance(value, tuple) else value
    with pytest.raises(MappingError) as caught:
        made(f'{rule}"fail"', value)
    assert str(caught.value) == f"ACME-T1: value {said}"
    for word, expected in (('"keep"', whole), ('{ value = "None" }', "None")):
        assert (found := made(rule + word, value)) is not None
        assert found.value == expected
    change = transform(f'[[test_case.field]]\nfrom = "A"\nto = "B"\n{rule}"drop"')
    left = change(case(A=value))
    assert (left.fields, [note.code for note in left.notes]) == ((), ["value-dropped"])


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("replace = { find = '.*', with = '' }", "n/a"),
        ('html = "text"', '<p><img src="x.png"></p>'),
    ],
)
def test_a_value_that_a_rule_takes_away_is_noted(keys: str, value: Value) -> None:
    rules = f'[[test_case.field]]\nfrom = "A"\nto = "B"\ntype = "text"\n{keys}'
    found = transform(rules)(case(A=value))
    assert (found.fields, [note.code for note in found.notes]) == ((), ["value-dropped"])


@pytest.mark.parametrize(
    ("part", "expected", "lossy"),
    [(1, "a", True), (3, "c", True), (-1, "c", True), (-3, "a", True)],
)
def test_a_part_counts_from_the_beginning_or_the_end(
    part: int, expected: str, *, lossy: bool
) -> None:
    found = made(f'type = "text"\notherwise = "fail"\nsplit = "/"\npart = {part}', "a / b//c")
    assert found is not None
    assert (found.value, found.lossy) == (expected, lossy)


def test_parts_that_are_all_taken_lose_nothing_wherever_they_count_from() -> None:
    rule = 'from = "A"\nsplit = "/"\ntype = "text"\notherwise = "drop"\n'
    rules = "".join(f'[[test_case.field]]\n{rule}to = "{n}"\npart = {n}\n' for n in (1, 2, -1))
    assert [each.lossy for each in transform(rules)(case(A="a/b/c")).fields] == [False] * 3
    assert [each.lossy for each in transform(rules)(case(A="a/b/c/d")).fields] == [True] * 3


def test_a_label_is_added_to_what_rules_and_the_source_gave() -> None:
    rule = '[[test_case.field]]\nto = "Tags"\ntype = "multi_choice"\nadd = true\n'
    change = transform(f'{rule}constant = ["b", "c"]\n{rule}from = "A"')
    (found,) = change(case(Tags=("a", "b"), A="d")).fields
    assert (found.value, found.origin) == (("a", "b", "c", "d"), "Tags, A")
    (alone,) = change(case()).fields
    assert (alone.value, alone.origin) == (("b", "c"), "")


def test_labels_that_a_rule_took_elsewhere_are_not_there_to_be_added_to() -> None:
    taken = '[[test_case.field]]\nfrom = "@labels"\nto = "Tags"\n'
    added = '[[test_case.field]]\nconstant = "new"\nto = "@labels"\nadd = true\n'
    found = transform(taken + added)(attrs.evolve(case(), labels=("a",)))
    assert isinstance(found, TestCase)
    assert (found.labels, [each.value for each in found.fields]) == (("new",), [("a",)])


def test_what_is_there_and_is_no_label_is_for_otherwise() -> None:
    rules = '[[test_case.field]]\nto = "Tags"\ntype = "multi_choice"\nadd = true\nfrom = "A"\n'
    record = case(Tags="x" * 101, A="d")
    with pytest.raises(MappingError, match="is not a multi_choice"):
        transform(rules)(record)
    kept = transform(f'{rules}otherwise = "keep"')(record)
    assert kept.fields == record.fields


def test_a_date_is_moved_by_days_and_keeps_its_time_in_the_zone() -> None:
    rule = 'type = "datetime"\ntime_zone = "Europe/Berlin"\nshift_days = 1'
    found = made(rule, "2026-03-28T12:00:00")  # the day before summer time begins
    assert found is not None
    assert (found.value, found.lossy) == ("2026-03-29T10:00:00Z", False)
    with pytest.raises(MappingError, match="is moved out of the years 1 to 9999"):
        made('type = "date"\nshift_days = 1', "9999-12-31")


@pytest.mark.parametrize(
    ("bound", "value", "expected"),
    [
        ("at_least = 5", 5, True),
        ("at_least = 5", 4.9, False),
        ("at_least = 5", " 7", True),
        ("at_least = 5", "seven", False),
        ("at_least = 0", True, False),
        ("below = 5", 5, False),
        ("below = 5", ("x", "4"), True),
        ("below = 5", None, False),
        ('below = "2026-01-01"', "2025-12-31T23:59:59Z", True),
        ('below = "2026-01-01"', "2026-01-01T00:30:00+01:00", True),
        ('below = "2026-01-01"', "2026-01-01", False),
        ('at_least = "2026-01-01T12:00:00Z"', "2026-01-01", False),
        ('at_least = "2026-01-01"', "20 March", False),
    ],
)
def test_a_condition_compares_numbers_and_dates(
    bound: str, value: Value, *, expected: bool
) -> None:
    rule = '[[test_case.field]]\nconstant = "x"\nto = "B"\n'
    change = transform(f'{rule}when = {{ field = "A", {bound} }}')
    assert bool([each for each in change(case(A=value)).fields if each.placed]) is expected


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('is = ["x", 7]', "'A' is 'x' or '7'"),
        ('is_not = "y"', "'A' is not 'y'"),
        ('matches = "^x"', "'A' matches '^x'"),
        ("empty = false", "'A' is not empty"),
    ],
)
def test_the_reason_of_a_record_left_out_is_its_conditions(condition: str, said: str) -> None:
    rules = (
        f'[test_case]\nskip_when = [{{ field = "A", {condition} }}, {{ field = "B", below = 3 }}]'
    )
    change = transform(rules)
    with pytest.raises(Skip) as caught:
        change(case(A="x", B=2))
    assert caught.value.why == f"the mapping file leaves it out: {said} and 'B' is below 3"
    assert not caught.value.loss
    assert change(case(A="x", B=3)).fields


# -------------------------------------------------------------------------- what is done to records


def test_a_placed_field_is_left_alone() -> None:
    earlier = FieldValue(name="A", value="x", type=FieldType.TEXT, placed=True, origin="Z")
    change = transform('[test_case]\nleave_out = "A"\n[types.test_case]\nA = "number"')
    record = TestCase(key="ACME-T1", name="x", fields=(earlier,))
    assert change(record) == record


@pytest.mark.parametrize(
    ("record", "kind", "name", "attribute"),
    [
        (
            TestCase(key="T", name="x", created=datetime(2024, 1, 1, tzinfo=UTC)),
            "test_case",
            "@created",
            "created",
        ),
        (TestCase(key="T", name="x", estimated=5), "test_case", "@estimated", "estimated"),
        (TestPlan(key="P", name="x", labels=("a",)), "test_plan", "@labels", "labels"),
        (TestCycle(key="R", name="x", owner="o"), "test_cycle", "@owner", "owner"),
        (
            TestLog(
                key="E",
                status="Pass",
                run=Ref(Kind.TEST_RUN, "r"),
                case=Ref(Kind.TEST_CASE, "c"),
                automated=True,
            ),
            "test_log",
            "@automated",
            "automated",
        ),
    ],
)
def test_a_property_that_is_only_a_field_is_used_up(
    record: Record, kind: str, name: str, attribute: str
) -> None:
    found = transform(f'[[{kind}.field]]\nfrom = "{name}"\nto = "B"')(record)
    assert [each.origin for each in found.fields] == [name]
    empty: Any = attrs.fields_dict(type(record))[attribute].default
    assert getattr(found, attribute) == empty
    kept = transform(f'[[{kind}.field]]\nfrom = "{name}"\nto = "B"\nkeep_source = true')(record)
    assert getattr(kept, attribute) == getattr(record, attribute)


def test_a_property_that_does_more_stays() -> None:
    record = Requirement(key="ACME-1", name="Pay", issue_key="ACME-1")
    found = transform('[[requirement.field]]\nfrom = "@name"\nto = "B"')(record)
    assert isinstance(found, Requirement)
    assert found.name == "Pay"


# ------------------------------------------------------------------------------------------- html


def test_clean_html_shows_the_same_and_does_nothing() -> None:
    html = (
        '<p onclick="x()">a<script>y()</script> <a href="javascript:z()">b</a><img src="c.png"></p>'
    )
    found = made('type = "rich_text"\nhtml = "clean"', html)
    assert found
    assert found.value == '<p>a <a>b</a><img src="c.png"></p>'


# ---------------------------------------------------------------------------- regular expressions


@pytest.mark.timeout(5)
@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "(a*)*(b*)*c"])
def test_no_expression_takes_long(pattern: str) -> None:
    finder(pattern)("a" * 100_000 + "!")
    replacer(pattern, "")("a" * 100_000 + "!")


def test_an_expression_that_would_take_much_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="not a regular expression of RE2"):
        compiled("((a{100}){100}){100}")
    with pytest.raises(ValueError, match="not UTF-8"):
        compiled("\ud800")


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    assert finder("b.")("a\ud800b\ud800") == "b\ufffd"
    assert replacer("b", "c")("\ud800b") == "\ufffdc"


def test_a_group_that_took_no_part_is_no_match() -> None:
    assert finder("a|(b)")("a") is None


def test_values_that_are_none_of_a_type_have_no_shape() -> None:
    assert shaped(["x"], FieldType.NUMBER, NoteCollector()) is None

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.rules import RULES
from ztoq_core.contracts import FieldLimits, FieldSpec
from ztoq_core.engine.schema_inference import FieldTypeInference
from ztoq_core.records import FieldType, FieldValue, Kind, Value

CASE = Kind.TEST_CASE


def spec(*values: Value, declared: FieldType | None = None) -> FieldSpec:
    observer = FieldTypeInference(RULES, FieldLimits())
    for value in values:
        observer.add(CASE, FieldValue(name="Field", value=value, type=declared))
    (found,) = observer.schema()
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((("A", "B"), ("A",)), FieldType.MULTI_CHOICE),
        ((("A",),), FieldType.MULTI_CHOICE),
        ((("A",), ("a ",)), FieldType.LONG_TEXT),
        ((("two\nlines",),), FieldType.LONG_TEXT),
        ((True, False), FieldType.CHECKBOX),
        ((1, 2.5), FieldType.NUMBER),
        (("2026-06-30T00:00:00Z", "2024-02-29"), FieldType.DATE),
        (("2026-06-30T00:00:00Z", "2017-03-02T16:15:00.000Z"), FieldType.DATETIME),
        (("2024-02-30", "2024-02-28"), FieldType.TEXT),
        (("person-1", "person-2"), FieldType.USER),
        (("person-1", "nobody"), FieldType.TEXT),
        (("https://example.com/a", "http://example.com/b"), FieldType.URL),
        (("https://example.com/a", "see https://example.com/b"), FieldType.TEXT),
        (("a<br>b", "plain"), FieldType.RICH_TEXT),
        (("fish &amp; chips",), FieldType.RICH_TEXT),
        (("use <name> here",), FieldType.TEXT),
        (("two\nlines",), FieldType.LONG_TEXT),
        (("x" * 256,), FieldType.LONG_TEXT),
        (("x" * 255,), FieldType.TEXT),
        (("Low", "High", "Low", "High"), FieldType.CHOICE),
        (("Low", "High", "Low"), FieldType.TEXT),
        (("Low", "low", "low", "Low"), FieldType.TEXT),
        (("x" * 101, "x" * 101), FieldType.TEXT),
        ((" ", " "), FieldType.TEXT),
        (("true",), FieldType.CHOICE),
        (("true", "false"), FieldType.CHOICE),
        ((None, "", ()), FieldType.TEXT),
        (("A", 1), FieldType.TEXT),
        (("A", ("B",)), FieldType.LONG_TEXT),
        (("<p>A</p>", True), FieldType.RICH_TEXT),
    ],
)
def test_the_type_follows_from_the_values(values: tuple[Value, ...], expected: FieldType) -> None:
    assert spec(*values).type is expected


@pytest.mark.parametrize(("each", "expected"), [(19, FieldType.TEXT), (20, FieldType.CHOICE)])
def test_more_than_60_labels_need_to_occur_20_times_each(each: int, expected: FieldType) -> None:
    assert spec(*[f"label {n}" for n in range(61)] * each).type is expected


def test_a_choice_has_its_labels_in_order_of_first_use() -> None:
    assert spec("b", "a", "b", "a").values == ("b", "a")
    assert spec(("b", "a"), ("c",)).values == ("b", "a", "c")


def test_501_labels_are_no_choice() -> None:
    assert spec(tuple(str(n) for n in range(500))).type is FieldType.MULTI_CHOICE
    assert spec(tuple(str(n) for n in range(501))).type is FieldType.LONG_TEXT
    assert spec(tuple(str(n) for n in range(501)), ("later",)).values == ()


def test_the_target_says_what_a_label_and_a_text_hold() -> None:
    limits = FieldLimits(text_length=3, label_length=2, labels=2)

    def inferred(*values: Value) -> FieldType:
        observer = FieldTypeInference(RULES, limits)
        for value in values:
            observer.add(CASE, FieldValue(name="Field", value=value))
        return observer.schema()[0].type

    assert inferred(("ab", "cd")) is FieldType.MULTI_CHOICE
    assert inferred(("abc", "cd")) is FieldType.LONG_TEXT
    assert inferred(("ab", "cd", "ef")) is FieldType.LONG_TEXT
    assert [inferred("abc"), inferred("abcd")] == [FieldType.TEXT, FieldType.LONG_TEXT]


def test_the_origin_counts_the_values_and_tells_of_mixed_types() -> None:
    assert spec("A", None, "B").origin == "inferred from 2 values"
    assert spec("A", 1).origin == "inferred from 2 values of mixed types"
    assert spec(None).origin == "inferred from 0 values"


def test_a_declared_type_holds_and_still_collects_labels() -> None:
    found = spec("A", "B", declared=FieldType.CHOICE)
    assert (found.type, found.origin, found.values) == (FieldType.CHOICE, "declared", ("A", "B"))


def test_the_schema_is_sorted_by_kind_and_name() -> None:
    observer = FieldTypeInference(RULES, FieldLimits())
    for kind, name in ((Kind.TEST_LOG, "a"), (CASE, "b"), (CASE, "a")):
        observer.add(kind, FieldValue(name=name, value="x"))
    assert [(f.kind, f.name) for f in observer.schema()] == [
        (CASE, "a"),
        (CASE, "b"),
        (Kind.TEST_LOG, "a"),
    ]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from(["A", "B", "true", "2024-01-01", "https://example.com", "<br>"]),
    st.lists(st.text()).map(tuple),
)


@given(st.lists(VALUES))
def test_a_choice_is_never_lossy(values: list[Value]) -> None:
    found = spec(*values, "x")
    if found.type in (FieldType.CHOICE, FieldType.MULTI_CHOICE):
        used = {x for v in [*values, "x"] for x in (v if isinstance(v, tuple) else (v,)) if x}
        assert used <= set(found.values)
        assert all(1 <= len(label) <= 100 for label in found.values)


@given(st.lists(VALUES))
def test_the_order_of_values_does_not_change_the_type(values: list[Value]) -> None:
    assert spec(*values, None).type is spec(*reversed(values), None).type

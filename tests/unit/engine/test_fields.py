"""What mapped records want of the target's fields, held against what it has."""

from __future__ import annotations

import attrs
import pytest

from ztoq_core.contracts import FieldSpec, Schema
from ztoq_core.engine.load.target_fields import field_definitions, missing_fields
from ztoq_core.records import FieldType, Kind
from ztoq_core.store import FieldNeed

CASE = Kind.TEST_CASE


def want(name: str, type_: FieldType, value: str = "", *, optional: bool = False) -> FieldNeed:
    return FieldNeed(CASE, name, type_, value, 1, optional)


@pytest.mark.parametrize(
    ("types", "made"),
    [
        ((FieldType.TEXT, FieldType.LONG_TEXT), FieldType.LONG_TEXT),
        ((FieldType.USER, FieldType.TEXT), FieldType.USER),
        ((FieldType.TEXT,), FieldType.TEXT),
        ((FieldType.DATE, FieldType.DATETIME), FieldType.DATETIME),
        ((FieldType.CHOICE, FieldType.MULTI_CHOICE), FieldType.MULTI_CHOICE),
        ((FieldType.NUMBER, FieldType.TEXT), FieldType.TEXT),
        ((FieldType.RICH_TEXT, FieldType.LONG_TEXT), FieldType.RICH_TEXT),
    ],
)
def test_a_field_is_made_for_the_widest_of_its_values(
    types: tuple[FieldType, ...], made: FieldType
) -> None:
    for order in (types, types[::-1]):
        (definition,) = field_definitions(
            missing_fields([want("F", each) for each in order], Schema())
        )
        assert definition.type is made


def test_an_optional_person_makes_no_field() -> None:
    assert missing_fields([want("Assigned To", FieldType.USER, optional=True)], Schema()) == []


def test_a_field_whose_name_differs_in_capitals_is_there() -> None:
    spec = FieldSpec(kind=CASE, name="browser", type=FieldType.CHOICE, values=("chrome",))
    wants = [
        want("Browser", FieldType.CHOICE),
        want("Browser", FieldType.CHOICE, "Chrome"),
        want("Browser", FieldType.CHOICE, "Edge"),
    ]
    (field,) = missing_fields(wants, Schema(fields=(spec,)))
    assert (field.exists, field.values) == (True, ("Edge",))


def test_a_required_field_is_filled_under_other_capitals_too() -> None:
    spec = FieldSpec(kind=CASE, name="Area", type=FieldType.TEXT, required=True)
    total = FieldNeed(CASE, "", FieldType.TEXT, "", 2, optional=True)
    schema = Schema(fields=(spec,))
    assert [
        field.count for field in missing_fields([total, want("AREA", FieldType.TEXT)], schema)
    ] == [1]
    filled = FieldNeed(CASE, "area", FieldType.TEXT, "", 2, optional=False)
    assert missing_fields([total, filled], schema) == []


def test_the_administrators_list_speaks_plainly_and_names_the_labels_to_make() -> None:
    labels = [want("Browser", FieldType.MULTI_CHOICE, each) for each in ("Chrome", "Edge")]
    (field,) = missing_fields([want("Browser", FieldType.MULTI_CHOICE), *labels], Schema())
    assert str(field) == (
        "test case: a field 'Browser' of type multiple choice with the values 'Chrome', 'Edge'"
        " (1 record)"
    )
    many = attrs.evolve(field, values=tuple(map(str, range(12))), exists=True)
    assert str(many).endswith("'9' and 2 more")


def test_labels_of_a_field_that_becomes_a_text_are_not_asked_for() -> None:
    wants = [
        want("Browser", FieldType.TEXT),
        want("Browser", FieldType.CHOICE),
        want("Browser", FieldType.CHOICE, "Edge"),
    ]
    (field,) = missing_fields(wants, Schema())
    assert str(field) == "test case: a field 'Browser' of type text (2 records)"


def test_where_fields_cannot_be_listed_the_usual_ones_are_not_asked_for_but_the_mark_is() -> None:
    total = FieldNeed(CASE, "", FieldType.TEXT, "", 2, optional=True)
    wants = [total, want("Description", FieldType.RICH_TEXT), want("Browser", FieldType.TEXT)]
    schema = Schema(
        fields_known=False,
        assumed_fields=frozenset({(CASE, "Description")}),
        mark_field="Zephyr key",
        mark_kinds=frozenset({CASE}),
    )
    assert [field.name for field in missing_fields(wants, schema)] == ["Browser", "Zephyr key"]
    listed = attrs.evolve(schema, fields_known=True)
    assert "Description" in [field.name for field in missing_fields(wants, listed)]


def test_what_logs_bring_fills_no_required_field_of_their_runs() -> None:
    spec = FieldSpec(kind=Kind.TEST_RUN, name="Team", type=FieldType.TEXT, required=True)
    schema = Schema(fields=(spec,), field_owner={Kind.TEST_LOG: Kind.TEST_RUN})
    wants = [
        FieldNeed(Kind.TEST_RUN, "", FieldType.TEXT, "", 2, optional=True),
        FieldNeed(Kind.TEST_LOG, "", FieldType.TEXT, "", 2, optional=True),
        FieldNeed(Kind.TEST_LOG, "Team", FieldType.TEXT, "", 2, optional=False),
    ]
    (field,) = missing_fields(wants, schema)
    assert (field.of, field.count, field.required) == (Kind.TEST_RUN, 2, True)


def test_a_required_field_is_filled_under_its_stable_name() -> None:
    spec = FieldSpec(kind=CASE, name="Wer", alias="Assigned To", type=FieldType.USER, required=True)
    total = FieldNeed(CASE, "", FieldType.TEXT, "", 1, optional=True)
    assert (
        missing_fields([total, want("Assigned To", FieldType.USER)], Schema(fields=(spec,))) == []
    )

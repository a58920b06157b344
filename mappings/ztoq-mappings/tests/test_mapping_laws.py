"""Any record through any valid mapping: placed values of the declared type, or a MappingError."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import tomlkit
from hypothesis import event, given, reject
from hypothesis import strategies as st
from ztoq_mappings.fields.parse import parse
from ztoq_mappings.fields.transformer import compile_mapping
from ztoq_mappings.texts import is_html

from ztoq_core.convert import dumps, loads
from ztoq_core.plugin import (
    ConfigError,
    FieldSpec,
    FieldType,
    FieldValue,
    Kind,
    MappingError,
    Schema,
    TestCase,
    TransformContext,
    User,
    Value,
    plain_text,
)

T = FieldType
PERSON = "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077"
NAMES = ["Browser", "Effort", "Due", "Notes"]
PROPERTIES = ["@name", "@labels", "@priority", "@path", "@created", "@estimated", "@owner"]
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("[~<>&;,.\"'/a1 \n\x00\ud800\U0001f600"), max_size=12),
    st.sampled_from(
        ["1.234,5", "-7", "yes", "nan", "30.06.2026", "2026-06-30T22:30:00Z", "0001-01-01",
         "9999-12-31T23:59:59-12:00", "https://x.example", "<p>a</p>", "x" * 130, PERSON]
    ),
)  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    TEXTS,
    st.lists(TEXTS, max_size=3).map(tuple),
)
WRITTEN = st.text(st.characters(exclude_categories=["C"]), max_size=9)
GIVEN: Mapping[FieldType, st.SearchStrategy[Any]] = {
    T.NUMBER: st.integers(-9, 9),
    T.CHECKBOX: st.booleans(),
    T.DATE: st.dates().map(date.isoformat),
    T.DATETIME: st.datetimes().map(datetime.isoformat),
    T.URL: st.just("https://example.com/x"),
    T.MULTI_CHOICE: st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2),
}
LABELS = st.sampled_from(["Other", "None", "é"])


def keys(kind_of: FieldType) -> st.SearchStrategy[dict[str, Any]]:
    """Return what a rule of a type may say besides where its value comes from."""
    given = GIVEN.get(kind_of, LABELS)
    table = st.dictionaries(st.one_of(WRITTEN, st.just("yes")), given, min_size=1, max_size=3)
    some: dict[str, st.SearchStrategy[Any]] = {
        "html": st.sampled_from(["keep", "clean", "text"]),
        "extract": st.sampled_from(["(.)", r"\d+", "a|(b)", "(a*)*", "^$"]),
        "replace": st.lists(
            st.fixed_dictionaries({"find": st.sampled_from(["a", r"(\s)"]), "with": WRITTEN}),
            max_size=2,
        ),
        "letters": st.sampled_from(["upper", "lower"]),
        "values": table,
        "person": st.sampled_from(["email", "name", "account_id"]),
        "if_empty": given,
        "part": st.sampled_from([1, 2, 3, -1, -2]),
        "keep_source": st.booleans(),
        "when": st.sampled_from(
            [
                {"field": "Notes", "empty": False},
                {"field": "@labels", "is": ["a", 1, True]},
                {"field": "Due", "is_not": "x"},
                {"field": "@name", "matches": "L"},
            ]
        ),
    }
    if kind_of is T.NUMBER:
        some |= {
            "decimal": st.sampled_from([",", "."]),
            "multiply": st.floats(-1e9, 1e9),
            "round": st.integers(0, 15),
        }
    if kind_of in (T.DATE, T.DATETIME):
        some |= {
            "read_date": st.sampled_from([["%d.%m.%Y"], ["%Y-%m-%dT%H:%M:%S%z", "%y"]]),
            "shift_days": st.sampled_from([0, 1, -400_000]),
            "time_zone": st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]),
        }
    if kind_of in (T.TEXT, T.LONG_TEXT, T.CHOICE):
        some |= {"write_date": st.sampled_from(["%d %b %Y", "%H:%M"]), "max_length": st.just(5)}
    if kind_of is T.MULTI_CHOICE:
        some |= {"split": st.sampled_from([",", "; "]), "max_length": st.just(5)}
        some |= {"add": st.booleans()}
    else:
        some |= {"join": st.sampled_from(["", ", "])}
    fallback = st.one_of(
        st.sampled_from(["keep", "drop", "fail"]), given.map(lambda value: {"value": value})
    )
    return st.fixed_dictionaries({"otherwise": fallback}, optional=some)


@st.composite
def rules(draw: st.DrawFn, to: str) -> dict[str, Any]:
    kind_of = draw(st.sampled_from(FieldType))
    rule: dict[str, Any] = {"to": to, "type": kind_of.value}
    name = st.sampled_from([*NAMES, *PROPERTIES])
    form = draw(st.sampled_from(["from", "several", "template", "constant"]))
    if form == "constant":
        return rule | {"constant": draw(GIVEN.get(kind_of, LABELS))}
    rule |= draw(keys(kind_of))
    if form == "template":
        return rule | {"template": f"{draw(WRITTEN)} {{{draw(name)}}}-{{{draw(name)}}}"}
    if form == "several" and (kind_of is T.MULTI_CHOICE or "join" in rule):
        return rule | {"from": draw(st.lists(name, min_size=2, max_size=3))}
    return rule | {"from": draw(name)}


CASES = st.builds(
    TestCase,
    key=st.just("ACME-T1"),
    name=TEXTS,
    path=st.lists(TEXTS, max_size=2).map(tuple),
    labels=st.lists(TEXTS, max_size=2).map(tuple),
    priority=TEXTS,
    owner=st.one_of(TEXTS, st.just(PERSON)),
    estimated=st.one_of(st.none(), st.floats()),
    fields=st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)).map(
        lambda found: tuple(FieldValue(name=name, value=value) for name, value in found.items())
    ),
)
SCENE = TransformContext(
    source=Schema(
        fields=tuple(FieldSpec(kind=Kind.TEST_CASE, name=each, type=T.TEXT) for each in NAMES),
        users=(User(id=PERSON, name="Ann", email="ann@example.com"), User(id="a", name="")),
    )
)


def _number(value: Value) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def _labels(value: Value) -> bool:
    return isinstance(value, tuple) and all(0 < len(each) <= 100 for each in value)


def _day(value: Value) -> bool:
    return isinstance(value, str) and date.fromisoformat(value).isoformat() == value


def _instant(value: Value) -> bool:
    return isinstance(value, str) and value.endswith("Z") and bool(datetime.fromisoformat(value))


def _label(value: Value) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and "\n" not in value


# written apart from the product's own judgement
FITS: Mapping[FieldType, Callable[[Value], bool]] = {
    T.TEXT: lambda value: isinstance(value, str),
    T.LONG_TEXT: lambda value: isinstance(value, str),
    T.RICH_TEXT: lambda value: isinstance(value, str),
    T.NUMBER: _number,
    T.CHECKBOX: lambda value: isinstance(value, bool),
    T.DATE: _day,
    T.DATETIME: _instant,
    T.CHOICE: _label,
    T.MULTI_CHOICE: _labels,
    T.USER: _label,
    T.URL: lambda value: isinstance(value, str) and value.startswith(("http://", "https://")),
}


@given(rules("One"), rules("Two"), CASES)
def test_any_mapping_places_values_of_the_declared_type_or_names_the_field(
    one: dict[str, Any], two: dict[str, Any], case: TestCase
) -> None:
    text = tomlkit.dumps({"format": 1, "test_case": {"field": [one, two]}})
    try:
        mapping = parse(text, "any.toml").mapping
    except ConfigError:
        reject()  # keys that contradict each other
    declared = {each["to"]: FieldType(each["type"]) for each in (one, two)}
    try:
        found = compile_mapping(mapping, SCENE)(case)
    except MappingError as error:
        event("a MappingError")
        said = str(error)
        named = (*NAMES, *PROPERTIES, "One", "Two")
        if not any(said.startswith("ACME-T1: value ") and f"field '{n}" in said for n in named):
            raise
        return
    placed = [field for field in found.fields if field.placed]
    event(f"{len(placed)} placed")
    for field in placed:
        assert field.type is declared[field.name]
        assert FITS[declared[field.name]](field.value), field
        assert "[~" not in str(field.value)
    assert (found.key, found.kind) == (case.key, case.kind)
    assert loads(found.kind, dumps(found)) is not None


@given(st.sampled_from(FieldType).flatmap(keys), VALUES)
def test_no_value_vanishes_without_a_word(rule: dict[str, Any], value: Value) -> None:
    """A value arrives, stays in its field, is noted as dropped, or fails its record."""
    text = tomlkit.dumps(
        {"format": 1, "test_case": {"field": [{"from": "Browser", "to": "One", **rule}]}}
    )
    try:
        mapping = parse(text, "any.toml").mapping
    except ConfigError:
        reject()
    field = FieldValue(name="Browser", value=value)
    try:
        found = compile_mapping(mapping, SCENE)(
            TestCase(key="ACME-T1", name="Log in", labels=("a",), fields=(field,))
        )
    except MappingError:
        return
    says = isinstance(value, bool | float | int) or (
        any(map(_says, value)) if isinstance(value, tuple) else _says(value)
    )
    dropped = any(trace.name == "Browser" for note in found.notes for trace in note.fields)
    assert found.fields or dropped or not says


def _says(value: str | None) -> bool:
    return bool(value and (not is_html(value) or plain_text(value)))

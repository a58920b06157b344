"""What a mapping makes of every value of the source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_mappings.workbench.coverage import Coverage, Covered
from ztoq_mappings.workbench.fitting import Fitting, Outcome, ValueFit
from ztoq_qtest.fields.encoding import LIMITS, index_people
from ztoq_qtest.fields.encoding import fit as qtest_fit
from ztoq_testkit.memory import MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import FieldSpec, Schema, Skip, Transform, User
from ztoq_core.engine import Event
from ztoq_core.engine.transform.transform import dry_run
from ztoq_core.errors import MappingError
from ztoq_core.records import (
    FieldTrace,
    FieldType,
    FieldValue,
    Kind,
    Level,
    Note,
    Record,
    TestCase,
    TestLog,
    TestRun,
    TestStep,
    Value,
)
from ztoq_core.selection import Selection
from ztoq_core.store import FieldNeed, MappingOutcome, State, Store

CASE = Kind.TEST_CASE


def quiet(_: Event) -> None:
    """Tell nobody."""


def spec(kind_of: FieldType, values: tuple[str, ...] = (), **more: Any) -> FieldSpec:
    return attrs.evolve(
        FieldSpec(kind=CASE, name="X", type=kind_of, values=values),
        **more,
    )


def value(content: Value, kind_of: FieldType = FieldType.TEXT, **more: Any) -> FieldValue:
    return FieldValue(name="X", value=content, type=kind_of, **more)


def noted(*traces: FieldTrace, text: str = "what is said is not read") -> Note:
    return Note(level=Level.CHANGE, code="any-code", text=text, fields=traces)


def sink_of(users: tuple[User, ...] = (), **more: Any) -> Schema:
    """Return a target that takes values as qTest does."""
    fits = partial(qtest_fit, people=index_people(users))
    return Schema(users=users, fits=fits, **more)


def fit(field: FieldValue, target: FieldSpec | None, **more: Any) -> ValueFit | None:
    schema = sink_of(fields=(target,) if target else (), **more)
    return Fitting(schema, LIMITS).fit(CASE, field)


# ---------------------------------------------------------------------------------------- fitting

TEXT, LONG, RICH = FieldType.TEXT, FieldType.LONG_TEXT, FieldType.RICH_TEXT
CHOICE, MANY, TICK = FieldType.CHOICE, FieldType.MULTI_CHOICE, FieldType.CHECKBOX
DATE, MOMENT, USER = FieldType.DATE, FieldType.DATETIME, FieldType.USER
NUMBER, URL = FieldType.NUMBER, FieldType.URL


@pytest.mark.parametrize(
    ("field", "target", "outcome"),
    [
        (value("a"), spec(TEXT), "exact"),
        (value("a", lossy=True), spec(TEXT), "lossy"),
        (value("a\nb"), spec(TEXT), "lossy"),
        (value("a\nb"), spec(LONG), "exact"),
        (value("a" * 256), spec(TEXT, max_length=255), "fallback"),
        (value("<b>a</b>", RICH), spec(LONG), "lossy"),
        (value("a", RICH), spec(LONG), "exact"),
        (value("<b>a</b>", RICH), spec(RICH), "exact"),
        (value(("a", "b"), MANY), spec(LONG), "exact"),
        (value(("a, b", "c"), MANY), spec(LONG), "lossy"),
        (value("example"), spec(URL), "fallback"),
        (value("https://example.com", URL), spec(URL), "exact"),
        (value("a ", CHOICE), spec(CHOICE, ("a",)), "exact"),
        (value("A", CHOICE), spec(CHOICE, ("a",)), "lossy"),
        (value("A", CHOICE), spec(CHOICE, ("a",), system=True), "exact"),
        (value("B", CHOICE), spec(CHOICE, ("a",)), "fallback"),
        (value("B", CHOICE, alternatives=("C", "a")), spec(CHOICE, ("a",)), "lossy"),
        (value(("a", "b"), MANY), spec(MANY, ("a", "b")), "exact"),
        (value(("a", "c"), MANY), spec(MANY, ("a", "b")), "fallback"),
        (value(("a", "b"), MANY), spec(CHOICE, ("a", "b")), "fallback"),
        (value(ticked := True, TICK), spec(CHOICE, ("Yes", "No")), "exact"),
        (value(not ticked, TICK), spec(CHOICE, ("Yes",)), "fallback"),
        (value(not ticked, TICK), spec(MANY, ("X",)), "exact"),
        (value(ticked, TICK), spec(TICK), "exact"),
        (value("maybe"), spec(TICK), "fallback"),
        (value(1.5, NUMBER), spec(NUMBER), "exact"),
        (value("many"), spec(NUMBER), "fallback"),
        (value("+1.5"), spec(NUMBER), "exact"),
        (value("007"), spec(NUMBER), "fallback"),
        (value(float("inf"), NUMBER), spec(NUMBER), "fallback"),
        (value(ticked, TICK), spec(NUMBER), "fallback"),
        (value("2024-05-01", DATE), spec(DATE), "exact"),
        (value("2024-05-01T00:00:00Z", MOMENT), spec(DATE), "exact"),
        (value("2024-05-01T10:00:00Z", MOMENT), spec(DATE), "lossy"),
        (value("2024-05-01T10:00:00Z", MOMENT), spec(DATE, system=True), "exact"),
        (value("2024-05-01T10:00:00Z", MOMENT), spec(MOMENT), "exact"),
        (value("2024-05-01T10:00:00.5Z", MOMENT), spec(MOMENT), "lossy"),
        (value("tomorrow"), spec(MOMENT), "fallback"),
        (value("tomorrow"), spec(DATE), "fallback"),
        (value("ann@example.com", USER), spec(USER), "exact"),
        (value("557058:x", USER, alternatives=("Ann",)), spec(USER), "exact"),
        (value("Bob", USER), spec(USER), "fallback"),
        (value("Twin", USER), spec(USER), "fallback"),
        (value("a"), None, "fallback"),
    ],
)
def test_a_value_arrives_as_the_target_allows(
    field: FieldValue, target: FieldSpec | None, outcome: str
) -> None:
    people = (
        User(id="1", name="Ann", email="Ann@example.com"),
        User(id="2", name="Bob", active=False),
        User(id="3", name="Twin"),
        User(id="4", name="Twin"),
    )
    found = fit(field, target, users=people)
    assert found is not None
    assert found.outcome == outcome
    assert bool(found.why) == (outcome != "exact")


@pytest.mark.parametrize(
    ("field", "target", "outcome"),
    [
        (value("a"), None, "exact"),
        (value("a", lossy=True), None, "lossy"),
        (attrs.evolve(value("a"), type=None), None, "fallback"),
        (value("a" * 256), None, "fallback"),
        (value("a" * 256, LONG), None, "exact"),
        (value("a\nb"), None, "lossy"),
        (value("many", NUMBER), None, "fallback"),
        (value(("a", "b"), MANY), None, "exact"),
        (value(content=True, kind_of=TICK), None, "exact"),
        (value("Ann", USER), None, "exact"),
        (value("Bob", USER), None, "fallback"),
        (value("B", CHOICE), spec(CHOICE, ("a",)), "exact"),
        (value("B", CHOICE), spec(CHOICE, ("a",), system=True), "fallback"),
        (value("B"), spec(CHOICE, ("a",)), "fallback"),
    ],
)
def test_what_is_missing_will_be_created_where_it_may(
    field: FieldValue, target: FieldSpec | None, outcome: str
) -> None:
    found = fit(field, target, can_create_fields=True, users=(User(id="1", name="Ann"),))
    assert found is not None
    assert found.outcome == outcome


def test_an_optional_value_without_a_place_is_carried_by_another() -> None:
    assert fit(value("a", optional=True), None, can_create_fields=True) is None
    assert fit(value("B", CHOICE, optional=True), spec(CHOICE, ("a",))) is None
    assert fit(value("a", CHOICE, optional=True), spec(CHOICE, ("a",))) == ValueFit(Outcome.EXACT)


def test_fields_are_known_by_alias_and_borrowed_from_their_owner() -> None:
    renamed = attrs.evolve(spec(TEXT), name="Ypsilon", alias="X")
    assert fit(value("a"), renamed) == ValueFit(Outcome.EXACT)
    assert fit(value("a"), attrs.evolve(spec(TEXT), name="x ")) == ValueFit(Outcome.EXACT)
    fitting = Fitting(sink_of(fields=(spec(TEXT),), field_owner={Kind.TEST_LOG: CASE}), LIMITS)
    assert fitting.fit(Kind.TEST_LOG, value("a")) == ValueFit(Outcome.EXACT)


def test_a_target_that_does_not_tell_its_fields_gets_texts() -> None:
    found = fit(value("a"), None, fields_known=False, can_create_fields=True)
    assert found == ValueFit(Outcome.FALLBACK, "the target's fields cannot be listed")


def test_what_the_target_takes_no_record_of_does_not_arrive() -> None:
    found = fit(value("a"), spec(TEXT), kinds=frozenset({Kind.FOLDER}))
    assert found == ValueFit(Outcome.UNMAPPED, "the target takes no test_case")


# --------------------------------------------------------------------------------------- counting


def case(key: str = "ACME-T1", *fields: FieldValue, **more: Any) -> TestCase:
    return TestCase(key=key, name="A case", fields=fields, **more)


def given_(name: str, content: Value) -> FieldValue:
    return FieldValue(name=name, value=content)


def counted(source: Record, mapped: Record | None, sink: Schema | None = None) -> Coverage:
    coverage = Coverage(sink or sink_of(can_create_fields=True), LIMITS)
    state = State.READY if mapped else State.SKIPPED
    coverage.add(source.kind, [MappingOutcome(item=1, source=source, record=mapped, state=state)])
    return coverage


def row(coverage: Coverage, field: str) -> Covered:
    (found,) = (each for each in coverage.rows() if each.field == field)
    return found


def test_a_value_is_found_again_by_its_origin() -> None:
    source = case("ACME-T1", given_("Browser", "Firefox"), given_("Empty", ""), given_("OS", "mac"))
    mapped = attrs.evolve(source, fields=(value("firefox", origin="Browser"),))
    coverage = counted(source, mapped)
    assert row(coverage, "Browser").counts[Outcome.EXACT] == 1
    assert row(coverage, "Browser").targets == ("X",)
    assert row(coverage, "OS").counts[Outcome.UNMAPPED] == 1
    assert coverage.totals().total() == 2


def test_a_field_without_origin_counts_for_the_source_field_of_its_name() -> None:
    source = case("ACME-T1", given_("X", "a"))
    mapped = attrs.evolve(source, fields=(value("a"),))
    assert row(counted(source, mapped), "X").counts[Outcome.EXACT] == 1


@pytest.mark.parametrize(
    ("traces", "outcome"),
    [
        ((FieldTrace(name="OS"),), "skipped"),
        ((FieldTrace(name="O"), FieldTrace(name="OS")), "skipped"),
        ((FieldTrace(name="OS", steps=("1",)),), "unmapped"),  # of a step
        ((FieldTrace(name="O"),), "unmapped"),
        ((), "unmapped"),
    ],
)
def test_what_is_left_out_on_purpose_is_not_forgotten(
    traces: tuple[FieldTrace, ...], outcome: str
) -> None:
    source = case("ACME-T1", given_("OS", "mac"))
    note = noted(*traces, text="the field 'OS' is left out")
    found = row(counted(source, attrs.evolve(source, fields=(), notes=(note,))), "OS")
    assert found.counts[Outcome(outcome)] == found.values == 1
    assert found.reasons[0].outcome == outcome


def test_a_field_that_several_sources_fill_counts_for_each_of_them() -> None:
    source = case("ACME-T1", given_("OS", "mac"), given_("Size, now", "1"), given_("Size", "2"))
    source = attrs.evolve(source, status="Draft", priority="High")
    fields = (value("mac Draft", origin="OS, @status"), value("1", origin="Size, now"))
    coverage = counted(source, attrs.evolve(source, fields=fields))
    found = {each.field: each.counts[Outcome.EXACT] for each in coverage.rows()}
    assert found == {"OS": 1, "@status": 1, "Size, now": 1, "Size": 0}
    assert row(coverage, "Size").counts[Outcome.UNMAPPED] == 1


@pytest.mark.parametrize(
    ("lossy", "fields", "outcome", "targets"),
    [
        (False, (), "exact", ("@priority",)),
        (True, (), "lossy", ("@priority",)),
        (False, (value("high", origin="@priority"),), "exact", ("@priority",)),
        (False, (value("many", NUMBER, origin="@priority"),), "fallback", ("X",)),
        (False, (value("A's", origin="A's"),), "exact", ("X",)),
    ],
)
def test_what_goes_into_a_property_is_not_forgotten(
    *, lossy: bool, fields: tuple[FieldValue, ...], outcome: str, targets: tuple[str, ...]
) -> None:
    source = case("ACME-T1", given_("A's", "high"))
    dropped, other = FieldTrace(name="A's"), FieldTrace(name="B", into="@name")
    note = noted(dropped, other, FieldTrace(name="A's", into="@priority", lossy=lossy))
    coverage = counted(source, attrs.evolve(source, fields=fields, notes=(note,)))
    found = row(coverage, "A's")
    assert found.counts[Outcome(outcome)] == found.values == 1
    assert found.targets == targets
    assert bool(found.reasons) == (outcome != "exact")


def test_an_attribute_that_is_dropped_is_skipped_where_it_is_shown() -> None:
    source = case(status="Draft")
    note = noted(FieldTrace(name="@status"))
    coverage = counted(source, attrs.evolve(source, fields=(value("Draft", origin="@status"),)))
    coverage.add(
        CASE, [MappingOutcome(item=2, source=source, record=attrs.evolve(source, notes=(note,)))]
    )
    counts = row(coverage, "@status").counts
    assert (counts[Outcome.EXACT], counts[Outcome.SKIPPED]) == (1, 1)


def test_several_labels_are_one_value_and_the_best_target_counts() -> None:
    source = case("ACME-T1", given_("OS", ("mac", "win", "linux")))
    fields = (
        FieldValue(name="Nowhere", value="mac", origin="OS"),
        value(("mac", "win", "linux"), MANY, origin="OS"),
    )
    found = row(counted(source, attrs.evolve(source, fields=fields)), "OS")
    assert (found.values, found.counts[Outcome.EXACT], found.reasons) == (1, 1, ())
    assert found.targets == ("Nowhere", "X")


def test_attributes_count_where_the_mapping_names_them() -> None:
    source = case(status="Draft", priority="High")
    mapped = attrs.evolve(
        source, fields=(value("Draft", origin="@status"), value("now", origin="@updated"))
    )
    coverage = counted(source, mapped)
    coverage.add(CASE, [MappingOutcome(item=2, source=source, record=source)])
    assert [each.field for each in coverage.rows()] == ["@status", "@updated"]
    status = row(coverage, "@status")
    assert (status.counts[Outcome.EXACT], status.counts[Outcome.UNMAPPED]) == (1, 1)


def test_values_of_records_that_fail_or_are_left_out_are_counted_so() -> None:
    source = case("ACME-T1", given_("X", "a"))
    coverage = counted(source, None)
    failed = MappingOutcome(
        item=2, source=source, record=None, state=State.FAILED, reason="no type", loss=True
    )
    coverage.add(CASE, [failed, failed])
    found = row(coverage, "X")
    assert (found.counts[Outcome.SKIPPED], found.counts[Outcome.FAILED]) == (1, 2)
    assert coverage.failures == {(CASE, "no type"): 2}
    assert coverage.losses == 2


def test_failures_of_one_reason_are_one_whatever_their_keys() -> None:
    coverage = Coverage(sink_of(), LIMITS)
    for key in ("ACME-T1", "ACME-T2"):
        reason = f"{key}: no status fits"
        lost = MappingOutcome(
            item=1, source=case(key), record=None, state=State.FAILED, reason=reason
        )
        coverage.add(CASE, [lost])
    assert coverage.failures == {(CASE, "no status fits"): 2}
    assert coverage.examples == {(CASE, "no status fits"): "ACME-T1"}


def test_values_of_a_type_that_does_not_fit_are_one_reason_with_one_sample() -> None:
    coverage = Coverage(sink_of(fields=(spec(NUMBER),)), LIMITS)
    for day in ("2024-02-02", "2024-02-03"):
        source = case("ACME-T1", given_("X", day))
        mapped = attrs.evolve(source, fields=(value(day, FieldType.DATE),))
        coverage.add(CASE, [MappingOutcome(item=1, source=source, record=mapped)])
    (reason,) = row(coverage, "X").reasons
    assert (reason.count, reason.text) == (2, "'X' (number) takes no date such as '2024-02-02'")


def test_only_so_many_reasons_are_told_apart() -> None:
    coverage = Coverage(sink_of(fields=(spec(FieldType.CHOICE, ("yes",)),)), LIMITS)
    for number in range(40):
        source = case(f"ACME-T{number}", given_("X", f"no {number}"))
        mapped = attrs.evolve(source, fields=(value(f"no {number}", FieldType.CHOICE),))
        lost = MappingOutcome(
            item=9, source=source, record=None, state=State.FAILED, reason=f"why {number}"
        )
        coverage.add(CASE, [MappingOutcome(item=1, source=source, record=mapped), lost])
    found = row(coverage, "X")
    assert len(found.reasons) == len(coverage.failures) == 26
    assert sum(each.count for each in found.reasons) == 40
    assert sum(coverage.failures.values()) == 40


STEP = TestStep(key="1", fields=(given_("Device", "A's & B"), given_("Note", "")))


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (STEP, "fallback"),
        (TestStep(key="1", description="<p>Device: a&#x27;s &amp;&nbsp;<b>B</b></p>"), "fallback"),
        (TestStep(key="1", description="Log in"), "unmapped"),
        (TestStep(key="2"), "unmapped"),
    ],
)
def test_fields_of_steps_are_texts(step: TestStep, outcome: str) -> None:
    source = case(steps=(STEP,))
    coverage = counted(source, attrs.evolve(source, steps=(step,)))
    found = row(coverage, "Device")
    assert found.of_steps
    assert found.counts[Outcome(outcome)] == found.values == coverage.totals().total() == 1
    assert row(counted(source, None), "Device").counts[Outcome.SKIPPED] == 1


def counted_in_step(step: TestStep, *traces: FieldTrace) -> Covered:
    """Count a step with 'Device' and 'Note' for a target that has a field 'Risk' of steps."""
    sink = sink_of(
        fields=(attrs.evolve(spec(FieldType.TEXT), name="Level"),),
        step_fields=(attrs.evolve(spec(FieldType.CHOICE, ("High",)), name="Risk"),),
        can_create_fields=True,
    )
    source = case("ACME-T1", given_("Device", ""), steps=(STEP,))
    mapped = attrs.evolve(source, steps=(step,), notes=(noted(*traces),))
    coverage = counted(source, mapped, sink)
    (found,) = (each for each in coverage.rows() if each.field == "Device")
    assert found.values == 1
    return found


def held(name: str, content: str, **more: Any) -> TestStep:
    kept = attrs.evolve(value(content, FieldType.CHOICE, origin="Device", **more), name=name)
    return TestStep(key="1", description="Log in", fields=(kept,))


@pytest.mark.parametrize(
    ("step", "outcome", "targets"),
    [
        (held("risk", "High"), "exact", ("risk",)),
        (held("Risk", "High", lossy=True), "lossy", ("Risk",)),
        (held("Risk", "Low"), "fallback", ()),  # labels of the site are never made
        (held("Level", "High"), "fallback", ()),  # a field of cases is none of steps
        (held("Risk", "Low", optional=True), "unmapped", ()),
    ],
)
def test_fields_of_steps_are_held_against_those_of_the_target(
    step: TestStep, outcome: str, targets: tuple[str, ...]
) -> None:
    found = counted_in_step(step)
    assert found.counts[Outcome(outcome)] == 1
    assert found.targets == targets


@pytest.mark.parametrize(
    ("trace", "outcome"),
    [
        (FieldTrace(name="Device", steps=("1", "2")), "skipped"),
        (FieldTrace(name="Device", steps=("2", "11")), "unmapped"),  # of other steps
        (FieldTrace(name="Device"), "unmapped"),  # of the case
        (FieldTrace(name="Device", into="@data", steps=("1",)), "exact"),
        (FieldTrace(name="Device", into="@data", lossy=True, steps=("1",)), "lossy"),
    ],
)
def test_notes_say_what_became_of_fields_of_steps(trace: FieldTrace, outcome: str) -> None:
    other = FieldTrace(name="Note", steps=("1",))
    found = counted_in_step(TestStep(key="1", description="Log in"), other, trace)
    assert found.counts[Outcome(outcome)] == 1


def test_texts_of_steps_are_counted_where_a_field_comes_from_them() -> None:
    sink = sink_of(step_fields=(attrs.evolve(spec(FieldType.RICH_TEXT), name="Test data"),))
    steps = tuple(TestStep(key=key, data=data) for key, data in (("1", "a"), ("2", "b"), ("3", "")))
    source = case(steps=steps)
    placed = attrs.evolve(value("a", FieldType.RICH_TEXT, origin="@data"), name="Test data")
    mapped = (
        TestStep(key="1", fields=(placed,)),
        TestStep(key="2", description="Data: b"),
        TestStep(key="3"),
    )
    coverage = Coverage(sink, LIMITS)
    for record in (attrs.evolve(source, steps=mapped), None):
        state = State.READY if record else State.SKIPPED
        coverage.add(CASE, [MappingOutcome(item=1, source=source, record=record, state=state)])
    found = row(coverage, "@data")
    assert found.of_steps
    counts = {each.value: number for each, number in found.counts.items() if number}
    assert counts == {"exact": 1, "fallback": 1, "skipped": 2}
    assert len(coverage.rows()) == 1  # descriptions go their usual way


def test_a_ticked_box_of_a_step_is_said_in_words() -> None:
    ticked = FieldValue(name="Done", value=True)
    source = case(steps=(TestStep(key="1", fields=(ticked,)),))
    step = TestStep(key="1", description="Done: yes")
    found = row(counted(source, attrs.evolve(source, steps=(step,))), "Done")
    assert found.counts[Outcome.FALLBACK] == 1


CONTENTS_OF_FIELDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.sampled_from(["", "a", "b\nc", "<b>d</b>", "2024-05-01"]),
    st.lists(st.sampled_from(["", "a", "b"]), max_size=3).map(tuple),
)
FIELDS = st.dictionaries(st.sampled_from(["A", "B", "@c"]), CONTENTS_OF_FIELDS)


@given(
    data=st.lists(
        st.tuples(
            FIELDS,
            st.lists(
                st.tuples(
                    st.sampled_from(["A", "B", "T"]),
                    st.sampled_from(["", "A", "B", "@c", "@status"]),
                    CONTENTS_OF_FIELDS,
                    st.sampled_from([None, *FieldType]),
                    st.booleans(),
                )
            ),
            st.sampled_from([State.READY, State.SKIPPED, State.FAILED]),
        )
    ),
    specs=st.lists(
        st.tuples(st.sampled_from(["A", "B", "T"]), st.sampled_from(list(FieldType))),
        unique_by=lambda each: each[0],
    ),
    creates=st.booleans(),
)
def test_every_value_is_in_one_class(
    data: list[
        tuple[dict[str, Value], list[tuple[str, str, Value, FieldType | None, bool]], State]
    ],
    specs: list[tuple[str, FieldType]],
    *,
    creates: bool,
) -> None:
    sink = sink_of(
        fields=tuple(FieldSpec(kind=CASE, name=n, type=t, values=("a",)) for n, t in specs),
        can_create_fields=creates,
    )
    coverage = Coverage(sink, LIMITS)
    expected: dict[str, int] = {}
    for fields, mapped, state in data:
        source = case("ACME-T1", *(given_(name, content) for name, content in fields.items()))
        made = tuple(
            FieldValue(name=name, value=content, type=type_, origin=origin, optional=optional)
            for name, origin, content, type_, optional in mapped
        )
        record = attrs.evolve(source, fields=made) if state is State.READY else None
        coverage.add(CASE, [MappingOutcome(item=1, source=source, record=record, state=state)])
        for name, content in fields.items():
            full = any(content) if isinstance(content, tuple) else content not in (None, "")
            if not name.startswith("@"):
                expected[name] = expected.get(name, 0) + full
    found = {each.field: each.values for each in coverage.rows()}
    assert {name: found.get(name, 0) for name in expected} == expected


# ------------------------------------------------------------------------------------ the rehearsal


async def extracted(store: Store, records: Sequence[Record] = PROJECT) -> None:
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(records, CONTENTS))


async def rehearsed(store: Store, change: Transform) -> tuple[Coverage, list[FieldNeed]]:
    coverage = Coverage(sink_of(can_create_fields=True), LIMITS)
    wants = await dry_run(engine.Run(store), [change], coverage.add)
    return coverage, wants


def typed(record: Record) -> Record:
    fields = tuple(attrs.evolve(each, type=TEXT, origin=each.name) for each in record.fields)
    return attrs.evolve(record, fields=fields)


async def test_a_rehearsal_counts_everything_and_writes_nothing(store: Store) -> None:
    await extracted(store)
    before = store.reporting.counts()
    coverage, wants = await rehearsed(store, typed)
    assert {kind: sum(states.values()) for kind, states in coverage.records.items()} == {
        kind: sum(states.values()) for kind, states in before.items()
    }
    assert store.reporting.counts() == before
    assert not store.transformation.needs.now()
    assert FieldNeed(CASE, "Browser", TEXT, "", 1, optional=False) in wants
    assert row(coverage, "Browser").counts[Outcome.EXACT] == 1


async def test_a_rehearsal_looks_at_what_is_not_selected(store: Store) -> None:
    await extracted(store)
    chosen = Selection(case=("ACME-T2",))
    await engine.transform(engine.Run(store), lambda _: [typed], selection=chosen)
    coverage, _ = await rehearsed(store, typed)
    assert coverage.records[CASE] == {State.READY: 2}
    assert coverage.records[Kind.TEST_LOG] == {State.READY: 2}


async def test_a_rehearsal_tells_records_what_only_the_whole_knows(store: Store) -> None:
    await extracted(store)
    seen: dict[str, Record] = {}

    def watch(record: Record) -> Record:
        seen[record.key] = record
        if record.key == "ACME-P1":
            raise Skip("not wanted")
        if record.key == "ACME-F3":
            raise MappingError("no place")
        return record

    coverage, _ = await rehearsed(store, watch)
    logs = [each for each in seen.values() if isinstance(each, TestLog)]
    (run,) = (each for each in seen.values() if isinstance(each, TestRun))
    assert run.name == "Add to the basket"
    assert [log.last for log in logs] == [False, True]
    assert [result.step for result in logs[0].results] == ["1", "2/1"]
    assert coverage.records[Kind.TEST_PLAN] == {State.SKIPPED: 1}
    assert coverage.records[Kind.FOLDER] == {State.READY: 2, State.FAILED: 1}
    assert coverage.failures == {(Kind.FOLDER, "no place"): 1}


async def test_a_rehearsal_ends_where_it_is_stopped(store: Store) -> None:
    await extracted(store)
    waits = engine.Waits()
    waits.stop()
    coverage = Coverage(sink_of(), LIMITS)
    assert await dry_run(engine.Run(store, waits=waits), [typed], coverage.add) == []
    assert coverage.records == {}

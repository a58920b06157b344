"""Any record survives the mapping and comes out in a form that the target takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_mappings.to_qtest import TO_QTEST, Options

from ztoq_core.convert import dumps
from ztoq_core.plugin import (
    RECORD_TYPES,
    Attachment,
    Call,
    FieldSpec,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Parameter,
    Record,
    Ref,
    Requirement,
    Schema,
    Script,
    Skip,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Transform,
    TransformContext,
    Tree,
)

TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(st.sampled_from("[~<>&#;\"'/a \n\x00\ud800\U0001f600"), max_size=20),
    st.sampled_from(["[~x]", "<p title='[~x]'>[~</p>", "&#91;~x]", "n" * 501, "<b>ok</b>"]),
)
NAMES = st.sampled_from(["Browser", "Effort", "Due", "Wiki", "Notes", "Status", "L" * 101, "[~x]"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.sampled_from(["2024-01-01", "2024-01-01T10:00:00Z", "https://example.com/[~"]),
    st.lists(TEXTS, max_size=3).map(tuple),
)
FIELDS = st.lists(
    st.builds(
        FieldValue, name=NAMES, value=VALUES, type=st.one_of(st.none(), st.sampled_from(FieldType))
    ),
    max_size=4,
).map(tuple)
TIMES = st.one_of(
    st.none(), st.datetimes(timezones=st.sampled_from([UTC])).filter(lambda t: t.year > 1)
)
DURATIONS = st.one_of(st.none(), st.floats())
LINKS = st.lists(
    st.builds(
        Link,
        type=st.sampled_from(LinkType),
        issue_id=st.one_of(st.none(), st.just("10")),
        issue_key=st.one_of(st.none(), st.sampled_from(["ACME-10", "ACME-11"])),
        url=st.one_of(TEXTS, st.just("https://example.com/[~x]")),
        text=TEXTS,
    ),
    max_size=3,
).map(tuple)
CASES = st.sampled_from(["ACME-T1", "ACME-T2"]).map(lambda key: Ref(Kind.TEST_CASE, key))
CALLS = st.builds(
    Call,
    case=CASES,
    parameters=st.lists(st.builds(Parameter, name=TEXTS, value=TEXTS), max_size=2).map(tuple),
)
STEPS = st.lists(
    st.builds(
        TestStep,
        key=st.just("1"),
        description=TEXTS,
        data=TEXTS,
        expected=TEXTS,
        call=st.one_of(st.none(), CALLS),
        fields=FIELDS,
    ),
    max_size=2,
).map(tuple)
RESULTS = st.lists(
    st.builds(
        StepResult,
        key=st.just("1"),
        status=TEXTS,
        description=TEXTS,
        data=TEXTS,
        expected=TEXTS,
        actual=TEXTS,
        row=st.one_of(st.none(), st.just(1)),
        links=LINKS,
    ),
    max_size=2,
).map(tuple)
LABELS = st.lists(TEXTS, max_size=3).map(tuple)
FOLDER = st.one_of(st.none(), st.just(Ref(Kind.FOLDER, "ACME-F1")))
COMMON: dict[str, Any] = {
    "key": st.just("ACME-T1"),
    "fields": FIELDS,
    "links": LINKS,
    "path": st.lists(TEXTS, max_size=2).map(tuple),
}
LOGS = st.builds(
    TestLog,
    **COMMON,
    run=st.just(Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")),
    case=CASES,
    status=TEXTS,
    executed=st.booleans(),
    ended=TIMES,
    duration=DURATIONS,
    planned_start=TIMES,
    planned_end=TIMES,
    executed_by=TEXTS,
    assigned_to=TEXTS,
    version=TEXTS,
    estimated=DURATIONS,
    comment=TEXTS,
    automated=st.booleans(),
    results=RESULTS,
    last=st.booleans(),
    siblings_executed=st.booleans(),
    drift=st.booleans(),
)
RECORDS = st.one_of(
    st.builds(Folder, **COMMON, name=TEXTS, tree=st.sampled_from(Tree), description=TEXTS),
    st.builds(Requirement, **COMMON, name=TEXTS, issue_key=st.just("X-1"), description=TEXTS),
    st.builds(
        TestCase,
        **COMMON,
        name=TEXTS,
        folder=FOLDER,
        description=TEXTS,
        precondition=TEXTS,
        steps=STEPS,
        script=st.one_of(
            st.none(),
            st.builds(Script, language=st.sampled_from(["plain", "bdd"]), text=TEXTS),
        ),
        status=TEXTS,
        priority=TEXTS,
        component=TEXTS,
        labels=LABELS,
        owner=TEXTS,
        created=TIMES,
        estimated=DURATIONS,
        project=st.sampled_from(["", "OTHER"]),
        gone=st.booleans(),
    ),
    st.builds(
        TestPlan,
        **COMMON,
        name=TEXTS,
        folder=FOLDER,
        description=TEXTS,
        status=TEXTS,
        labels=LABELS,
        owner=TEXTS,
        start=TIMES,
        end=TIMES,
        note=TEXTS,
    ),
    st.builds(
        TestCycle,
        **COMMON,
        name=TEXTS,
        description=TEXTS,
        status=TEXTS,
        owner=TEXTS,
        version=TEXTS,
        planned_start=TIMES,
        planned_end=TIMES,
    ),
    st.builds(
        TestRun,
        **COMMON,
        name=TEXTS,
        case=CASES,
        cycle=st.one_of(st.none(), st.just(Ref(Kind.TEST_CYCLE, "ACME-R1"))),
        assigned_to=TEXTS,
    ),
    LOGS,
    st.builds(
        Attachment,
        **COMMON,
        name=TEXTS,
        owner=st.sampled_from(Kind).map(lambda kind: Ref(kind, "ACME-R1")),
    ),
)
OBSERVED = Schema(
    fields=tuple(
        FieldSpec(kind=kind, name=name, type=type_)
        for kind in Kind
        for name, type_ in (
            ("Browser", FieldType.CHOICE),
            ("Effort", FieldType.NUMBER),
            ("Due", FieldType.DATE),
            ("Wiki", FieldType.URL),
            ("Notes", FieldType.RICH_TEXT),
        )
    )
)
# what the target does not get: the source's own words stand beside what is written
NOT_WRITTEN = {
    "path", "raw", "companions", "notes", "status", "priority", "component", "labels", "owner",
    "version", "executed_by", "assigned_to", "environment", "key", "locator", "call", "origin",
}  # fmt: skip


@pytest.fixture(scope="module")
def transform() -> Transform:
    return TO_QTEST.build(Options(), TransformContext(source=OBSERVED))


def mapped(transform: Transform, record: Record) -> Record | None:
    try:
        return transform(record)
    except Skip:
        return None


def texts(value: object) -> Iterator[str]:
    """Yield every text that is written to the target."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts(each)
    elif attrs.has(type(value)):
        for attribute in attrs.fields(cast("type[attrs.AttrsInstance]", type(value))):
            if attribute.name not in NOT_WRITTEN:
                yield from texts(getattr(value, attribute.name))


@given(record=RECORDS)
def test_any_record_survives(transform: Transform, record: Record) -> None:
    after = mapped(transform, record)
    if after is None:
        return
    assert after.ref == record.ref
    assert repr(mapped(transform, record)) == repr(after), "the mapping is pure"
    name = getattr(after, "name", "a log has none")
    assert 1 <= len(name) <= 500
    assert name.strip()
    assert len(name.splitlines()) == 1
    for text in texts(after):
        assert "[~" not in text
        text.encode()
        assert "\x00" not in text


@given(record=RECORDS)
def test_fields_come_out_typed_and_shaped(transform: Transform, record: Record) -> None:
    after = mapped(transform, record)
    for field in after.fields if after else ():
        assert field.type is not None
        assert field.value is not None
        assert field.value not in ("", ())
        assert 1 <= len(field.name) <= 100
        assert len(field.name.splitlines()) == 1
        match field.type:
            case FieldType.MULTI_CHOICE:
                assert isinstance(field.value, tuple)
            case FieldType.CHECKBOX:
                assert isinstance(field.value, bool)
            case FieldType.NUMBER:
                assert isinstance(field.value, int | float)
            case _:
                assert isinstance(field.value, str)


@given(record=RECORDS)
def test_the_store_takes_what_comes_out(transform: Transform, record: Record) -> None:
    after = mapped(transform, record)
    if after is None:
        return
    for brought in after.companions:
        dumps(brought)
        assert brought.kind in RECORD_TYPES
        assert mapped(transform, brought) == brought


@given(record=LOGS)
def test_a_log_has_a_start_before_its_end(transform: Transform, record: Record) -> None:
    after = mapped(transform, record)
    if not isinstance(after, TestLog):
        return
    assert after.start is not None
    assert after.end is not None
    assert after.start <= after.end
    assert after.start.microsecond == after.end.microsecond == 0
    assert after.end.utcoffset() == timedelta(0)
    assert after.statuses
    assert all(result.statuses for result in after.results)
    assert after.end != datetime.max.replace(tzinfo=UTC)

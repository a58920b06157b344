"""Any test case survives the default mapping, qTest over HTTP and the way back, as types allow."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from html import escape, unescape
from itertools import count
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ztoq_demo.qtest import Options, Simulator
from ztoq_mappings.to_qtest import TO_QTEST
from ztoq_mappings.to_qtest import Options as Mapping_
from ztoq_qtest import QtestConfig, open_qtest
from ztoq_qtest.sink import QtestSink
from ztoq_testkit import lent

from tests.tables import examples
from ztoq_core.contracts import (
    FieldSpec,
    Schema,
    Secret,
    Transform,
    TransformContext,
    User,
    Written,
)
from ztoq_core.records import (
    FieldDefinition,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Record,
    Ref,
    TestCase,
    TestStep,
    Tree,
    Value,
)

FOLDER = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)
ALICE = User(id="5b10a2844c20165700ede200", name="Alice Tester", email="alice@example.com")
LABELS = ("Chrome", "Fire fox", "<b> & 'c'")
TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)

TEXTS = st.text(st.sampled_from("aZ09 é漢😀<>&;'\"\\[],=\n\t"), max_size=300)
LINES = TEXTS.map(lambda text: " ".join(text.split()))
HTML = TEXTS.map(lambda text: f"<p>{escape(text)}</p>")
TIMES = st.datetimes(*map(datetime.fromisoformat, ("1980-01-01", "2090-01-01")))
SOME = st.sampled_from([*LABELS, "Opera"])
VALUES: Mapping[FieldType, st.SearchStrategy[Value]] = {
    FieldType.TEXT: LINES,
    FieldType.LONG_TEXT: TEXTS,
    FieldType.RICH_TEXT: HTML,
    FieldType.NUMBER: st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9) | st.just("many"),
    FieldType.CHECKBOX: st.booleans(),
    FieldType.DATE: st.dates().map(str) | st.just("soon"),
    FieldType.DATETIME: TIMES.map(lambda time: time.replace(tzinfo=UTC).isoformat()),
    FieldType.CHOICE: SOME,
    FieldType.MULTI_CHOICE: st.lists(SOME, max_size=4).map(tuple),
    FieldType.USER: st.sampled_from([ALICE.id, "5b10a2844c20165700ede2ff"]),
    FieldType.URL: st.just("https://example.com/a?b=c&d='e'") | LINES,
}
FIELDS = st.lists(st.sampled_from(FieldType), unique=True).flatmap(
    lambda types: st.tuples(
        *(st.builds(FieldValue, name=st.just(name_of(each)), value=VALUES[each]) for each in types)
    )
)
STEPS = st.lists(st.tuples(HTML, HTML), max_size=3).map(
    lambda pairs: tuple(
        TestStep(key=str(number), description=one, expected=other)
        for number, (one, other) in enumerate(pairs, 1)
    )
)
CASES = st.builds(
    TestCase,
    key=st.just("ACME-T1"),
    name=LINES,
    folder=st.just(FOLDER.ref),
    description=HTML,
    precondition=HTML,
    fields=FIELDS,
    steps=STEPS,
)


def name_of(type_: FieldType) -> str:
    return f"Some {type_.value}"


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, unescape(TAG.sub(" ", text))))


@attrs.define(kw_only=True)
class Site:
    """A simulated site with a field of each type, and the mapping to it."""

    qtest: Simulator
    sink: QtestSink
    change: Transform
    links: dict[Ref, Written | None]
    numbers: count[int] = attrs.field(factory=lambda: count(1))

    async def there_and_back(self, case: TestCase) -> tuple[TestCase, Written, str, Record]:
        """Return the case as mapped, what writing it gave, its whole description, and itself."""
        number = next(self.numbers)
        case = attrs.evolve(case, key=f"ACME-T{number}", name=f"Case {number} {case.name}")
        mapped = self.change(case)
        assert isinstance(mapped, TestCase)
        made = await self.sink.write(mapped, None, self.links, None)
        titles = {tuple(each["name"].split()[:2]): each for each in self.qtest.dump()["test_cases"]}
        raw = titles["Case", str(number)]
        return mapped, made, raw["description"], await self.sink.read(case.kind, made.target_id)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    qtest = Simulator(Options())
    async with qtest.serving() as base_url:
        config = QtestConfig(
            base_url=base_url,
            project=qtest.options.project,
            token=Secret(qtest.options.token),
            create_fields=True,
        )
        specs = tuple(
            FieldSpec(kind=Kind.TEST_CASE, name=name_of(each), type=each) for each in FieldType
        )
        context = TransformContext(
            source=Schema(fields=specs, users=(ALICE,)),
            source_config=SimpleNamespace(project="ACME"),
            sink_config=config,
        )
        change = TO_QTEST.build(Mapping_(), context)
        async with open_qtest(config, lent()) as sink:
            links: dict[Ref, Written | None] = {}
            for spec in (*specs, attrs.evolve(specs[0], name="Zephyr key", type=FieldType.TEXT)):
                labels: tuple[str, ...] = LABELS if "choice" in spec.type.value else ()
                labels = ("Yes", "No") if spec.type is FieldType.CHECKBOX else labels
                field = FieldDefinition(
                    key=f"test_case/{spec.name}",
                    of=spec.kind,
                    name=spec.name,
                    type=spec.type,
                    values=labels,
                )
                await sink.write(field, None, links, None)
            links[FOLDER.ref] = await sink.write(FOLDER, None, links, None)
            yield Site(qtest=qtest, sink=sink, change=change, links=links)


def same(field: FieldValue, back: Value) -> bool:
    """Return whether a value came back as its type allows."""
    value = field.value
    match field.type:
        case FieldType.CHECKBOX:
            value = "Yes" if value else "No"
        case FieldType.DATE:
            back = str(back)[:10]
        case FieldType.DATETIME:
            return datetime.fromisoformat(str(back)) == datetime.fromisoformat(str(value))
        case FieldType.MULTI_CHOICE:
            return isinstance(back, tuple) and isinstance(value, tuple) and set(back) == set(value)
        case FieldType.USER:
            value = ALICE.name
        case FieldType.RICH_TEXT:
            value, back = letters(str(value)), letters(str(back))
    return back == value


def readable(field: FieldValue) -> list[str]:
    """Return what a text must say where the field does not hold all of the value."""
    if isinstance(field.value, tuple):
        return [letters(each) for each in field.value]
    return [letters(str(field.value))]


@settings(max_examples=examples(0.3), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=CASES)
async def test_a_case_comes_back_as_it_went(site: Site, case: TestCase) -> None:
    mapped, made, whole, back = await site.there_and_back(case)
    assert isinstance(back, TestCase)
    assert back.name == mapped.name
    assert letters(case.name) in letters(back.name)
    assert letters(case.description) in letters(back.description)
    assert letters(case.precondition) == letters(back.precondition)
    assert [(letters(each.description), letters(each.expected)) for each in case.steps] == [
        (letters(each.description), letters(each.expected)) for each in back.steps
    ]

    came = {field.origin: field for field in mapped.fields}
    # what the site's field does not hold comes back under its name, too, after it
    held = {field.name: field.value for field in reversed(back.fields)}
    for given_ in case.fields:
        if given_.value in (None, "", ()):
            continue
        field = came[given_.name]
        there = held.get(field.name)
        if there is None or not same(field, there):
            # what the site's field does not hold stands in the description, and is said
            parts = there if isinstance(there, tuple) else ()
            rest = set(readable(field)) - {letters(str(part)) for part in parts}
            assert all(text in letters(whole) for text in rest), (field, there, whole)
            assert made.notes or mapped.notes, field

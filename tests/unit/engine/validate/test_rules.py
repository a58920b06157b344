"""Each rule of the comparison: what it lets pass, and a loss that it must not hide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from ztoq_core.contracts import FieldSpec, Schema, User, Written
from ztoq_core.engine.comparison.compare import compare
from ztoq_core.engine.comparison.rules import Outcome, Rule
from ztoq_core.engine.comparison.single_values import Known
from ztoq_core.records import (
    Attachment,
    Call,
    FieldDefinition,
    FieldType,
    FieldValue,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Value,
)

DOCS = Path(__file__).parents[4] / "docs" / "validation.md"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
CASE = TestCase(key="ACME-T1", name="Log in")
LOG = TestLog(
    key="ACME-E1",
    run=Ref(Kind.TEST_RUN, "R"),
    case=CASE.ref,
    status="Pass",
    statuses=("Pass", "Passed"),
    start=NOON,
    end=NOON + timedelta(minutes=5),
)
HELD_LOG = attrs.evolve(LOG, status="Passed")
FILE = Attachment(key="ACME-T1#1", name="größe.png", owner=CASE.ref, size=3, sha256="a" * 64)
OTHER = Ref(Kind.TEST_CASE, "ACME-T2")


def spec(name: str, type_: FieldType, *values: str, default: bool = False) -> FieldSpec:
    return FieldSpec(
        kind=Kind.TEST_CASE, name=name, type=type_, values=values, default=default, max_length=20
    )


SCHEMA = Schema(
    fields=(
        spec("Priority", FieldType.CHOICE, "High", "Low", "Yes", "No"),
        spec("Browsers", FieldType.MULTI_CHOICE, "Chrome", "Firefox", "Opera"),
        spec("Due", FieldType.DATE),
        spec("Done", FieldType.DATETIME),
        spec("Minutes", FieldType.NUMBER),
        spec("Owner", FieldType.USER),
        spec("Device", FieldType.TEXT),
        spec("Type", FieldType.CHOICE, "Manual", "Other", default=True),
        spec("Story", FieldType.RICH_TEXT),
    ),
    statuses=("Passed", "Failed", "Blocked"),
    users=(
        User(id="7", name="Ann Lee", email="ann@example.com"),
        User(id="8", name="Bob Ray", email="bob@example.com"),
    ),
)
KNOWN = Known(
    schema=SCHEMA,
    links={
        OTHER: Written(target_id="502", url="https://qtest.example.com/502"),
        LOG.run: Written(target_id="R"),
    },
)


def labelled(label: str) -> FieldDefinition:
    return FieldDefinition(key="test_case/key", of=Kind.TEST_CASE, name=label, type=FieldType.TEXT)


def field(
    name: str,
    value: Value,
    type_: FieldType | None = None,
    *,
    alternatives: tuple[str, ...] = (),
    optional: bool = False,
) -> TestCase:
    made = FieldValue(
        name=name, value=value, type=type_, alternatives=alternatives, optional=optional
    )
    return attrs.evolve(CASE, fields=(made,))


def described(text: str) -> TestCase:
    return attrs.evolve(CASE, description=text)


def noted(text: str) -> TestLog:
    return attrs.evolve(HELD_LOG, note=text)


def rows(actual: str, status: str) -> TestLog:
    result = StepResult(key="1", status=status, actual=actual, source_id="31", step="1")
    return attrs.evolve(HELD_LOG, results=(result,))


def row(number: int, status: str) -> StepResult:
    return StepResult(
        key=str(number), status=status, actual=f"<p>seen {number}</p>", row=number, step="1"
    )


TICKED = True
PIXEL = FieldValue(name="Device", value="Pixel")
MANUAL = FieldValue(name="Type", value="Manual", type=FieldType.CHOICE)
SMOKE = FieldValue(name="Type", value="Smoke", type=FieldType.RICH_TEXT)
DEFECT = Link(type=LinkType.BLOCKS, issue_key="ACME-9")
WITH_DEFECT = attrs.evolve(LOG, note="<p>Ann</p>", links=(DEFECT,))
LOSING = attrs.evolve(KNOWN, losses=frozenset({"field-lost"}))
ROWS = attrs.evolve(LOG, results=(row(1, "Passed"), row(2, "Failed")))
PARTS = attrs.evolve(KNOWN, parts={"1": "31", "2": "31"})

STEP = StepResult(key="1", step="1", status="Failed", description="<p>Pay</p>", actual="no")
JOINED = attrs.evolve(LOG, note="<p>Ann</p>", results=(STEP,))
UNSET = StepResult(key="1", status="Unexecuted", source_id="41")
"""A step log that the target made by itself, for a log that was sent without."""
IN_NOTE = attrs.evolve(
    HELD_LOG,
    note="<p>Ann</p><h3>Executed steps</h3><table><tbody><tr><th>Step 1: Failed</th>"
    "<td><p>Pay</p><br>no</td></tr></tbody></table>",
    results=(UNSET,),
)
PLAN = TestPlan(key="ACME-P1", name="May", description="<p>All</p>", note="<p>A / B</p>")

PICTURE = '<img src="https://qtest.example.com/502"/>'
RUN = TestRun(key="ACME-R1/ACME-T2/", case=OTHER, name="Pay")


def bound(case: str) -> TestRun:
    return attrs.evolve(RUN, case=Ref(Kind.TEST_CASE, case))


# what was sent, what is held by the rule, what is held after a loss, what else is known
EXAMPLES: dict[Rule, list[tuple[Record, Record, Record, Known]]] = {
    Rule.REWRITTEN_HTML: [
        (
            described("<p>Don't<br>touch <b>it</b></p>"),
            described("<div>Don&#39;t<br />touch <strong>it</strong></div>"),
            described("<p>Don't<br>touch it</p>"),
            KNOWN,
        ),
        (described("Type <name>"), described("Type &lt;name&gt;"), described("Type"), KNOWN),
        (described("one</nav>two</p>3"), described("onetwo<p></p>3"), described("onetwo3"), KNOWN),
        *(
            (
                described(f'<a href="{address}">Run</a> <a href="https://x.example">it</a>'),
                described('<a>Run</a> <a href="https://x.example">it</a>'),
                described('<a>Run</a> <a href="https://y.example">it</a>'),
                KNOWN,
            )
            for address in (
                "javascript:go()",
                " Java\tScript:go()",
                "vbscript:x",
                "data:text/html,x",
            )
        ),
        (
            described("<ul><li>a<li>b</ul>"),
            described("<ul><li>a</li><li>b</li></ul>"),
            described("<ul><li>b</li><li>a</li></ul>"),
            KNOWN,
        ),
    ],
    Rule.ADDRESS_RESOLVED: [
        (
            described(f'<a href="{OTHER.address}">see</a>'),
            described('<a href="https://qtest.example.com/502">see</a>'),
            described('<a href="https://qtest.example.com/503">see</a>'),
            KNOWN,
        ),
        (
            field("Story", f'<p>See <img src="{OTHER.address}"></p>', FieldType.RICH_TEXT),
            field("Story", f"<p>See {PICTURE}</p>", FieldType.RICH_TEXT),
            field("Story", "<p>See</p>", FieldType.RICH_TEXT),
            KNOWN,
        ),
    ],
    Rule.ADDED_TEXT: [
        (
            attrs.evolve(WITH_DEFECT, note="<p>Ann</p>"),
            noted("<p>Ann</p><p>Defects: ACME-9</p>"),
            noted("<p>Defects: ACME-9</p>"),
            KNOWN,
        )
    ],
    Rule.ONE_LINE: [
        (
            attrs.evolve(CASE, name="Log  in"),
            attrs.evolve(CASE, name="Log in"),
            attrs.evolve(CASE, name="Log"),
            KNOWN,
        ),
        (
            field("Device", "Pixel\n6", FieldType.TEXT),
            field("Device", "Pixel 6", FieldType.TEXT),
            field("Device", "Pixel", FieldType.TEXT),
            KNOWN,
        ),
    ],
    Rule.PLAIN_TEXT: [
        (
            field("Device", "<p>Pixel <b>6</b></p>", FieldType.RICH_TEXT),
            field("Device", "Pixel 6", FieldType.TEXT),
            field("Device", "Pixel 7", FieldType.TEXT),
            KNOWN,
        ),
        (
            field("Device", f'Pixel <img src="{LOG.case.address}">', FieldType.RICH_TEXT),
            field("Device", "Pixel [Picture missing]", FieldType.TEXT),
            field("Device", "Pixel", FieldType.TEXT),
            KNOWN,
        ),
    ],
    Rule.READABLE_TEXT: [
        (
            field("Nobody's", ("a", "b"), FieldType.MULTI_CHOICE),
            field("Nobody's", "a, b", FieldType.RICH_TEXT),
            field("Nobody's", "a", FieldType.RICH_TEXT),
            KNOWN,
        ),
        (
            field("Device", f'See <img src="{OTHER.address}">', FieldType.RICH_TEXT),
            field("Device", f"See {PICTURE}", FieldType.RICH_TEXT),
            field("Device", "See", FieldType.RICH_TEXT),
            KNOWN,
        ),
        (
            attrs.evolve(CASE, requirements=(Ref(Kind.REQUIREMENT, "ACME-7"),)),
            field("Covers", '<a href="https://jira">ACME-7 Pay</a>', FieldType.RICH_TEXT),
            CASE,
            KNOWN,
        ),
        (
            field("Type", "Smoke"),
            attrs.evolve(CASE, fields=(MANUAL, SMOKE)),
            attrs.evolve(CASE, fields=(MANUAL,)),
            KNOWN,
        ),
        (  # a target whose objects of this kind have no fields
            field("Browsers", ("Opera",), FieldType.MULTI_CHOICE),
            field("Browsers", "Opera", FieldType.RICH_TEXT),
            field("Browsers", "Oper", FieldType.RICH_TEXT),
            KNOWN,
        ),
        (JOINED, IN_NOTE, attrs.evolve(IN_NOTE, note="<p>Ann</p>"), KNOWN),
    ],
    Rule.FILE_NAME_ENCODED: [
        (
            FILE,
            attrs.evolve(FILE, name="gr%C3%B6%C3%9Fe.png"),
            attrs.evolve(FILE, name="gr%C3%B6%C3%9Fer.png"),
            KNOWN,
        )
    ],
    Rule.SAME_SIZE: [
        (
            FILE,
            attrs.evolve(FILE, sha256=""),
            attrs.evolve(FILE, sha256="", size=4),
            KNOWN,
        )
    ],
    Rule.SAME_NUMBER: [
        (field("Minutes", 5.0), field("Minutes", 5), field("Minutes", 50), KNOWN),
    ],
    Rule.SAME_INSTANT: [
        (
            field("Done", "2025-03-01T12:00:00Z"),
            field("Done", "2025-03-01T19:00:00+07:00"),
            field("Done", "2025-03-01T12:00:00+07:00"),
            KNOWN,
        ),
        (
            attrs.evolve(LOG, end=NOON + timedelta(microseconds=9)),
            attrs.evolve(HELD_LOG, end=NOON),
            attrs.evolve(HELD_LOG, end=NOON + timedelta(seconds=1)),
            KNOWN,
        ),
    ],
    Rule.SAME_DAY: [
        (
            field("Due", "2025-03-01T09:30:00Z"),
            field("Due", "2025-03-01T00:00:00Z"),
            field("Due", "2025-03-02T00:00:00Z"),
            KNOWN,
        )
    ],
    Rule.START_AFTER_END: [
        (
            attrs.evolve(LOG, start=NOON + timedelta(hours=1), end=NOON),
            attrs.evolve(HELD_LOG, start=NOON, end=NOON),
            attrs.evolve(HELD_LOG, start=NOON - timedelta(hours=1), end=NOON),
            KNOWN,
        )
    ],
    Rule.YES_NO: [
        (
            field("Priority", TICKED),
            field("Priority", "Yes", FieldType.CHOICE),
            field("Priority", "No", FieldType.CHOICE),
            KNOWN,
        ),
        (field("Nobody's", not TICKED), CASE, field("Nobody's", "Yes", FieldType.RICH_TEXT), KNOWN),
    ],
    Rule.LETTER_CASE: [
        (labelled("Zephyr key"), labelled("ZEPHYR KEY"), labelled("Zephyr id"), KNOWN),
        (
            field("Priority", "HIGH"),
            field("Priority", "High", FieldType.CHOICE),
            field("Priority", "Low", FieldType.CHOICE),
            KNOWN,
        ),
    ],
    Rule.NEXT_CANDIDATE: [
        (
            field("Priority", "Urgent", alternatives=("High", "Low")),
            field("Priority", "High", FieldType.CHOICE),
            field("Priority", "Low", FieldType.CHOICE),
            KNOWN,
        ),
        (LOG, HELD_LOG, attrs.evolve(HELD_LOG, status="Failed"), KNOWN),
    ],
    Rule.ANY_ORDER: [
        (
            field("Browsers", ("Chrome", "Opera")),
            field("Browsers", ("Opera", "Chrome"), FieldType.MULTI_CHOICE),
            field("Browsers", ("Chrome",), FieldType.MULTI_CHOICE),
            KNOWN,
        )
    ],
    Rule.SAME_PERSON: [
        (
            field("Owner", "ann@example.com", FieldType.USER),
            field("Owner", "Ann Lee", FieldType.USER),
            field("Owner", "Bob Ray", FieldType.USER),
            KNOWN,
        )
    ],
    Rule.OPTIONAL: [
        (
            field("Nobody's", "x", optional=True),
            CASE,
            field("Nobody's", "y", FieldType.RICH_TEXT),
            KNOWN,
        )
    ],
    Rule.TARGET_DEFAULT: [
        (
            field("Type", None),
            field("Type", "Manual", FieldType.CHOICE),
            attrs.evolve(field("Type", "Manual", FieldType.CHOICE), name=""),
            KNOWN,
        )
    ],
    Rule.SEVERAL_ROWS: [
        (
            ROWS,
            rows("<p>Row 1: Passed</p><p>seen 1</p><p>Row 2: Failed</p><p>seen 2</p>", "Failed"),
            rows("<p>Row 1: Passed</p><p>seen 1</p><p>Row 2: Failed</p><p>seen 2</p>", "Passed"),
            PARTS,
        ),
        (
            ROWS,
            rows("<p>Row 1: Passed</p><p>seen 1</p><p>Row 2: Failed</p><p>seen 2</p>", "Failed"),
            rows("<p>Row 1: Passed</p><p>seen 1</p>", "Failed"),
            PARTS,
        ),
    ],
    Rule.DEFECT_ELSEWHERE: [
        (
            attrs.evolve(LOG, results=(attrs.evolve(row(1, "Passed"), row=None, links=(DEFECT,)),)),
            attrs.evolve(rows("<p>seen 1</p>", "Passed"), links=(DEFECT,)),
            rows("<p>seen 1</p>", "Passed"),
            PARTS,
        )
    ],
    Rule.CASE_MADE_AGAIN: [
        (RUN, bound("499"), bound("503"), attrs.evolve(KNOWN, unknown=frozenset({"499"}))),
    ],
    Rule.REPORTED_LOSS: [
        (
            TestCycle(key="ACME-R1", name="Night", planned_start=NOON),
            TestCycle(key="ACME-R1", name="Night"),
            TestCycle(key="ACME-R1", name="Night", planned_start=NOON + timedelta(days=1)),
            LOSING,
        ),
        (field("Nobody's", "x"), CASE, field("Nobody's", "y", FieldType.RICH_TEXT), LOSING),
        (
            attrs.evolve(CASE, fields=(PIXEL, FieldValue(name="Nobody's", value="x"))),
            attrs.evolve(CASE, fields=(PIXEL,)),
            CASE,  # the target has this field, so that its loss was not reported
            LOSING,
        ),
        (
            field("Type", "Smoke"),
            attrs.evolve(CASE, fields=(MANUAL,)),
            attrs.evolve(CASE, fields=(MANUAL, attrs.evolve(SMOKE, value="Sm"))),
            LOSING,
        ),
        (
            CASE,
            attrs.evolve(CASE, name="Log"),
            attrs.evolve(CASE, name="in"),
            attrs.evolve(KNOWN, losses=frozenset({"name-cut"})),
        ),
    ],
}
PAIRS = [
    pytest.param(rule, *example, id=f"{rule}-{number}")
    for rule, examples in EXAMPLES.items()
    for number, example in enumerate(examples)
]


def wrong(sent: Record, held: Record, known: Known) -> list[str]:
    return [str(each) for each in compare(sent, held, known) if each.wrong]


@pytest.mark.parametrize(("rule", "sent", "held", "lost", "known"), PAIRS)
def test_a_rule_lets_its_difference_pass_and_hides_no_loss(
    rule: Rule, sent: Record, held: Record, lost: Record, known: Known
) -> None:
    found = compare(sent, held, known)
    assert not wrong(sent, held, known)
    assert rule in {each.rule for each in found}
    assert len(wrong(sent, lost, known)) == 1, compare(sent, lost, known)


def test_results_in_the_note_count_also_for_a_store_that_adopted_the_log() -> None:
    """A new store takes the step logs that the target made by itself for those of the results."""
    adopted = attrs.evolve(KNOWN, parts={"1": "41"})
    assert not wrong(JOINED, IN_NOTE, adopted)
    assert wrong(JOINED, attrs.evolve(IN_NOTE, note="<p>Ann</p>"), adopted)


def test_a_target_may_have_one_text_for_the_description_and_note_of_a_plan() -> None:
    both = attrs.evolve(PLAN, description="<p>All</p><p>A / B</p>", note="")
    assert not wrong(PLAN, both, KNOWN)
    assert len(wrong(PLAN, attrs.evolve(PLAN, note=""), KNOWN)) == 1


def test_a_target_may_hold_a_result_for_each_row_of_data() -> None:
    own = attrs.evolve(KNOWN, parts={"1": "31", "2": "32"})
    held = tuple(attrs.evolve(each, source_id=own.parts[each.key]) for each in ROWS.results)
    second = attrs.evolve(held[1], actual="<p>seen 3</p>")

    assert not wrong(ROWS, attrs.evolve(HELD_LOG, results=held), own)
    lost = compare(ROWS, attrs.evolve(HELD_LOG, results=(held[0], second)), own)
    assert [each.detail for each in lost if each.wrong] == ["is '3', sent '2'"]


def test_results_that_the_target_shows_nowhere_are_not_proved() -> None:
    held = attrs.evolve(HELD_LOG, note="<p>Ann</p>")
    found = {each.field: each.outcome for each in compare(JOINED, held, KNOWN)}
    assert found["results of the steps"] is Outcome.UNCHECKED
    assert not wrong(JOINED, held, KNOWN)


def test_a_name_that_is_cut_counts_as_lost_only_where_that_was_noted() -> None:
    cut = attrs.evolve(CASE, name="Log")
    assert len(wrong(CASE, cut, KNOWN)) == len(wrong(CASE, cut, LOSING)) == 1


def test_each_rule_has_an_example_and_a_line_in_the_docs() -> None:
    assert set(EXAMPLES) == set(Rule)
    written = DOCS.read_text("utf-8")
    assert [rule for rule in Rule if f"`{rule}`" not in written] == []


def test_what_is_equal_needs_no_rule() -> None:
    for sent in (CASE, FILE, field("Priority", "High")):
        assert {each.outcome for each in compare(sent, sent, KNOWN)} == {Outcome.EQUAL}


def steps(*texts: str) -> TestCase:
    return attrs.evolve(
        CASE,
        steps=tuple(
            TestStep(key=str(number), description=text, expected=f"{text} done")
            for number, text in enumerate(texts, 1)
        ),
    )


@pytest.mark.parametrize(
    ("held", "named"),
    [
        (steps("a", "b", "c"), []),
        (steps("b", "a", "c"), ["order of steps"]),
        (steps("a", "c"), ["step 2"]),
        (steps("a", "b"), ["step 3"]),
        (steps("a", "b", "c", "d"), ["step 4"]),
        (steps("a", "x", "c"), ["step 2: description", "step 2: expected result"]),
        (steps(), ["step 1", "step 2", "step 3"]),
    ],
)
def test_steps_are_named_by_what_happened_to_them(held: TestCase, named: list[str]) -> None:
    found = compare(steps("a", "b", "c"), held, KNOWN)
    assert [each.field for each in found if each.wrong] == named


def test_a_called_case_is_compared_by_its_id_and_not_by_the_texts_that_it_brings() -> None:
    sent = attrs.evolve(CASE, steps=(TestStep(key="1", call=Call(case=OTHER)),))
    held = TestStep(key="1", description="Open", call=Call(case=Ref(Kind.TEST_CASE, "502")))
    assert not wrong(sent, attrs.evolve(CASE, steps=(held,)), KNOWN)
    other = attrs.evolve(held, call=Call(case=Ref(Kind.TEST_CASE, "503")))
    assert len(wrong(sent, attrs.evolve(CASE, steps=(other,)), KNOWN)) == 1


@pytest.mark.parametrize(
    ("held", "outcome"),
    [
        (FILE, Outcome.EQUAL),
        (attrs.evolve(FILE, sha256="b" * 64), Outcome.DIFFERENT),
        (attrs.evolve(FILE, sha256="", size=4), Outcome.DIFFERENT),
        (attrs.evolve(FILE, sha256="", size=0), Outcome.UNCHECKED),
    ],
)
def test_a_file_is_compared_by_what_the_target_gives(held: Attachment, outcome: Outcome) -> None:
    (content,) = (each for each in compare(FILE, held, KNOWN) if each.field == "content")
    assert content.outcome is outcome

"""Compares a record that was sent with what the target holds, field by field.

Pure: no store, no calls. Both records are in the neutral vocabulary; in the held one, references
have the target's ids as keys (``ContentReading.read``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from ztoq_core.engine.comparison.parts import (
    compare_defects,
    compare_results,
    compare_steps,
)
from ztoq_core.engine.comparison.rules import FieldResult, Outcome, Rule
from ztoq_core.engine.comparison.single_values import (
    Known,
    compare_moment,
    compare_name,
    compare_place,
    compare_plain,
    compare_status,
    compare_text,
    differs,
)
from ztoq_core.engine.comparison.texts import plain_words, shape_of
from ztoq_core.engine.comparison.values import compare_fields
from ztoq_core.records import (
    Attachment,
    FieldDefinition,
    Folder,
    Kind,
    Record,
    Requirement,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
)
from ztoq_core.spelling import folded


def compare(sent: Record, held: Record, known: Known) -> tuple[FieldResult, ...]:
    """Return a result for each field of ``sent``, in the order in which people read a record."""
    return tuple(_BY_KIND[sent.kind](sent, held, known))


def _definition(
    sent: FieldDefinition, held: FieldDefinition, known: Known
) -> Iterator[FieldResult]:
    del known
    if sent.name != held.name and folded(sent.name) == folded(held.name):
        yield FieldResult("name", Outcome.BY_RULE, Rule.LETTER_CASE)
    else:
        yield compare_plain("name", sent.name, held.name)
    there = {each.casefold() for each in held.values}
    for value in sent.values:
        if value.casefold() in there:
            yield FieldResult(f"value {value!r}", Outcome.EQUAL)
        else:
            yield FieldResult(f"value {value!r}", Outcome.MISSING, None, "the field lacks it")


def _folder_or_requirement(
    sent: Folder | Requirement, held: Folder | Requirement, known: Known
) -> Iterator[FieldResult]:
    yield compare_name(sent.name, held.name, known)
    here, there = (next(iter(each.parents()), None) for each in (sent, held))
    yield from compare_place("folder", here, there, known)
    yield compare_text("description", sent.description, held.description, known)
    yield from compare_fields(sent.kind, sent.fields, held.fields, known)


def _case(sent: TestCase, held: TestCase, known: Known) -> Iterator[FieldResult]:
    yield compare_name(sent.name, held.name, known)
    yield from compare_place("folder", sent.folder, held.folder, known)
    yield compare_text("description", sent.description, held.description, known)
    yield compare_text("precondition", sent.precondition, held.precondition, known)
    yield from compare_steps(sent.steps, held.steps, known)
    yield from compare_fields(sent.kind, sent.fields, held.fields, known)
    if not sent.requirements:
        return
    linked = {each.key for each in held.requirements}
    shown = {word for each in held.fields for word in plain_words(shape_of(str(each.value)))}
    for ref in sent.requirements:
        written, field = known.links.get(ref), f"link to requirement {ref.key}"
        if written is None and ref.key in shown:
            yield FieldResult(field, Outcome.BY_RULE, Rule.READABLE_TEXT)
        elif written is not None and written.target_id in linked:
            yield FieldResult(field, Outcome.EQUAL)
        elif known.losses:
            yield FieldResult(field, Outcome.BY_RULE, Rule.REPORTED_LOSS)
        else:
            yield FieldResult(field, Outcome.MISSING, None, "the target shows no such link")


def _plan(sent: TestPlan, held: TestPlan, known: Known) -> Iterator[FieldResult]:
    yield compare_name(sent.name, held.name, known)
    yield from compare_place("folder", sent.folder, held.folder, known)
    if sent.note and not held.note:  # the target may have one text for both
        both = sent.description + sent.note
        yield compare_text("description and note", both, held.description, known)
    else:
        yield compare_text("description", sent.description, held.description, known)
        yield compare_text("note", sent.note, held.note, known)
    yield from compare_moment("start", sent.start, held.start)
    yield from compare_moment("end", sent.end, held.end)
    yield from compare_fields(sent.kind, sent.fields, held.fields, known)


def _cycle(sent: TestCycle, held: TestCycle, known: Known) -> Iterator[FieldResult]:
    yield compare_name(sent.name, held.name, known)
    yield from compare_place("folder", sent.folder, held.folder, known)
    yield compare_text("description", sent.description, held.description, known)
    for which, due, there in (
        ("planned start", sent.planned_start, held.planned_start),
        ("planned end", sent.planned_end, held.planned_end),
    ):
        if due and there is None and known.losses:  # in some targets these are fields like others
            yield FieldResult(which, Outcome.BY_RULE, Rule.REPORTED_LOSS)
        else:
            yield from compare_moment(which, due, there)
    if not sent.version:  # else the target may know a release of that name
        first = next((ref for ref in sent.plans if known.links.get(ref)), None)
        yield from compare_place("test plan", first, next(iter(held.plans), None), known)
    yield from compare_fields(sent.kind, sent.fields, held.fields, known)


def _run(sent: TestRun, held: TestRun, known: Known) -> Iterator[FieldResult]:
    yield compare_name(sent.name, held.name, known)
    if held.case.key in known.unknown:
        yield FieldResult("test case", Outcome.BY_RULE, Rule.CASE_MADE_AGAIN)
    else:
        yield from compare_place("test case", sent.case, held.case, known)
    yield from compare_place("test cycle", sent.cycle, held.cycle, known)
    if sent.environment and sent.environment.casefold() == held.environment.casefold():
        rule = None if sent.environment == held.environment else Rule.LETTER_CASE
        outcome = Outcome.BY_RULE if rule else Outcome.EQUAL
        yield FieldResult("environment", outcome, rule)
    elif sent.environment:
        yield compare_plain("environment", sent.environment, held.environment)
    yield from compare_fields(sent.kind, sent.fields, held.fields, known)


def _log(sent: TestLog, held: TestLog, known: Known) -> Iterator[FieldResult]:
    yield from compare_place("test run", sent.run, held.run, known)
    yield compare_status("status", sent.statuses or (sent.status,), held.status, known)
    if sent.start and sent.end and sent.start > sent.end and held.start == sent.end:
        yield FieldResult("start", Outcome.BY_RULE, Rule.START_AFTER_END)
    else:
        yield from compare_moment("start", sent.start, held.start)
    yield from compare_moment("end", sent.end, held.end)
    yield from compare_results(sent, held, known)
    yield from compare_fields(sent.kind, sent.fields, held.fields, known)
    yield from compare_defects(sent, held)


def _file(sent: Attachment, held: Attachment, known: Known) -> Iterator[FieldResult]:
    del known
    if held.name == sent.name:
        yield FieldResult("name", Outcome.EQUAL)
    elif unquote(held.name) == sent.name:
        yield FieldResult("name", Outcome.BY_RULE, Rule.FILE_NAME_ENCODED)
    else:
        yield differs("name", repr(held.name), repr(sent.name))
    if held.sha256:
        same = held.sha256 == sent.sha256
        detail = "" if same else f"is {held.sha256[:12]}…, sent {sent.sha256[:12]}… (SHA-256)"
        yield FieldResult("content", Outcome.EQUAL if same else Outcome.DIFFERENT, None, detail)
    elif not held.size:
        yield FieldResult("content", Outcome.UNCHECKED, None, "the target gives no size")
    elif held.size == sent.size:
        yield FieldResult("content", Outcome.BY_RULE, Rule.SAME_SIZE)
    else:
        yield differs("content", f"{held.size:,} bytes", f"{sent.size:,} bytes")


_BY_KIND: Mapping[Kind, Callable[[Any, Any, Known], Iterator[FieldResult]]] = {
    Kind.FIELD: _definition,
    Kind.FOLDER: _folder_or_requirement,
    Kind.REQUIREMENT: _folder_or_requirement,
    Kind.TEST_CASE: _case,
    Kind.TEST_PLAN: _plan,
    Kind.TEST_CYCLE: _cycle,
    Kind.TEST_RUN: _run,
    Kind.TEST_LOG: _log,
    Kind.ATTACHMENT: _file,
}

"""Compares the steps of a test case, and the results and defects of a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from ztoq_core.engine.comparison.rules import FieldResult, Outcome, Rule
from ztoq_core.engine.comparison.single_values import (
    Known,
    chosen_status,
    compare_note,
    compare_status,
    compare_text,
    differs,
    position,
    shapes,
)
from ztoq_core.engine.comparison.texts import plain_words, shape_of
from ztoq_core.engine.comparison.values import compare_fields
from ztoq_core.records import Kind, Link, StepResult, TestLog, TestStep

_WORST = ("failed", "blocked")
"""Of several rows of test data, the status of the step: these before all others."""


def compare_steps(
    sent: Sequence[TestStep], held: Sequence[TestStep], known: Known
) -> Iterator[FieldResult]:
    """Compare steps by their place; where steps are gone, added or moved, say that alone."""
    if len(sent) == len(held) and all(map(_as_sent, sent, held)):
        for step, found in zip(sent, held, strict=True):
            yield from _step(step, found, known)
        return
    wanted = [_identity_sent(each, known) for each in sent]
    there = [_identity_held(each) for each in held]
    if wanted != there and sorted(map(str, wanted)) == sorted(map(str, there)):
        moved = [
            n for n, pair in enumerate(zip(wanted, there, strict=True), 1) if len(set(pair)) > 1
        ]
        detail = f"steps {', '.join(map(str, moved))} are not where they were sent"
        yield FieldResult("order of steps", Outcome.DIFFERENT, None, detail)
        return
    if len(sent) == len(held):
        pairs = list(zip(sent, held, strict=True))
    else:
        pairs = []
        for word, one, upto, other, end in SequenceMatcher(
            None, wanted, there, autojunk=False
        ).get_opcodes():
            pairs += zip(sent[one:upto], held[other:end], strict=False)
            number = min(upto - one, end - other)
            for step in sent[one + number : upto]:
                yield FieldResult(f"step {step.key}", Outcome.MISSING, None, "the step is gone")
            for position in range(other + number, end):
                detail = f"a step that was not sent ({word})"
                yield FieldResult(f"step {position + 1}", Outcome.DIFFERENT, None, detail)
    for step, found in pairs:
        yield from _step(step, found, known)


def _as_sent(sent: TestStep, held: TestStep) -> bool:
    """Whether a step has the very texts that were sent, so that it was not moved."""
    texts = sent.description == held.description and sent.expected == held.expected
    return texts and not sent.call and not held.call


def _identity_sent(step: TestStep, known: Known) -> tuple[object, ...]:
    if step.call and (written := known.links.get(step.call.case)):
        return (written.target_id,)
    texts = (step.description, step.expected)
    return tuple(shapes(text, "", known)[0] for text in texts)


def _identity_held(step: TestStep) -> tuple[object, ...]:
    if step.call:
        return (step.call.case.key,)
    return shape_of(step.description), shape_of(step.expected)


def _step(sent: TestStep, held: TestStep, known: Known) -> Iterator[FieldResult]:
    where = f"step {sent.key}: "
    called = known.links.get(sent.call.case) if sent.call else None
    if called is not None:
        there = held.call.case.key if held.call else "nothing"
        if there == called.target_id:  # its texts are those of the case that it calls
            yield FieldResult(f"{where}called test case", Outcome.EQUAL)
        else:
            yield differs(f"{where}called test case", there, called.target_id)
        return
    if sent.call and not sent.description:
        words = plain_words(shape_of(held.description))
        named = sent.call.case.key in words
        outcome = Outcome.BY_RULE if named else Outcome.MISSING
        rule = Rule.READABLE_TEXT if named else None
        yield FieldResult(f"{where}called test case", outcome, rule)
    else:
        yield compare_text(f"{where}description", sent.description, held.description, known)
    if sent.data or held.data:
        yield compare_text(f"{where}test data", sent.data, held.data, known)
    yield compare_text(f"{where}expected result", sent.expected, held.expected, known)
    yield from compare_fields(Kind.TEST_CASE, sent.fields, held.fields, known, step=where)


# ---------------------------------------------------------------------------------------- results


def compare_results(sent: TestLog, held: TestLog, known: Known) -> Iterator[FieldResult]:
    """Compare the note of a log, and the results of its steps where they are.

    A sink puts the results into the note if it cannot join them to the steps, or if the target
    refuses them. Such a log may all the same have results, which nobody set.
    """
    joined = [each for each in sent.results if each.step and not sent.drift]
    note = compare_note(sent.note, held.note, _added(sent, held), known)
    in_note = False
    if joined and note.wrong:
        pieces = _added(sent, held, results=True)
        with_results = compare_note(sent.note, held.note, pieces, known)
        if with_results.rule is Rule.ADDED_TEXT:
            note, in_note = with_results, True
    yield note
    if in_note:
        yield FieldResult("results of the steps", Outcome.BY_RULE, Rule.READABLE_TEXT)
    elif held.results:
        yield from _results(joined, held.results, known)
    elif joined:
        detail = "the target shows no results of steps"
        yield FieldResult("results of the steps", Outcome.UNCHECKED, None, detail)


def _added(sent: TestLog, held: TestLog, *, results: bool = False) -> list[str]:
    """Return what the note may show besides what was sent, as HTML: results, defects."""
    pieces: list[str] = []
    if results:
        for each in sent.results:
            parts = (each.description, each.data, each.expected, each.actual)
            pieces += [(each.statuses or (each.status,))[0], *(part for part in parts if part)]
    there = {each.issue_key for each in _links_of(held)}
    keys = (each.issue_key for each in _links_of(sent) if each.issue_key)
    lacking = dict.fromkeys(key for key in keys if key not in there)
    return [*pieces, *(key for key in lacking if key not in plain_words(shape_of(sent.note)))]


def _results(
    sent: Sequence[StepResult], held: Sequence[StepResult], known: Known
) -> Iterator[FieldResult]:
    """Compare the results that joined steps, by the ids that the target gave to the steps."""
    by_id = {each.source_id: each for each in held}
    by_step = {each.step: each for each in held if each.step}
    rows: dict[str, list[StepResult]] = {}
    for each in sent:
        rows.setdefault(each.step, []).append(each)
    for step, results in rows.items():
        number = known.parts.get(results[0].key, "")
        found = by_id.get(number) if number else by_step.get(step)
        where = f"result of step {step}: "
        # a target may hold a result for each row of data, or one for all of them
        own = [by_id.get(known.parts.get(each.key, "")) for each in results]
        if found is None:
            yield FieldResult(f"result of step {step}", Outcome.MISSING, None, "it is gone")
        elif [each and each.row for each in own] == [each.row for each in results] and (
            len({each.source_id for each in own if each}) == len(results)
        ):
            for each, there in zip(results, own, strict=True):
                yield from _result(where, each, there or found, known)
        elif len(results) == 1 and results[0].row is None:
            yield from _result(where, results[0], found, known)
        else:
            yield from _rows(where, results, found, known)


def _result(where: str, sent: StepResult, held: StepResult, known: Known) -> Iterator[FieldResult]:
    candidates = sent.statuses or (sent.status,)
    yield compare_status(f"{where}status", candidates, held.status, known)
    yield compare_text(f"{where}actual result", sent.actual, held.actual, known)


def _rows(
    where: str, sent: Sequence[StepResult], held: StepResult, known: Known
) -> Iterator[FieldResult]:
    """Compare a step that ran with several rows of data: one status, each row in the text."""
    chosen = [chosen_status(each.statuses or (each.status,), known) for each in sent]
    worst = [each for word in _WORST for each in chosen if each.casefold() == word]
    wanted = set(worst[:1] or chosen)
    if held.status in wanted:
        yield FieldResult(f"{where}status", Outcome.BY_RULE, Rule.SEVERAL_ROWS)
    else:
        yield differs(f"{where}status", repr(held.status), " or ".join(sorted(wanted)))
    words = plain_words(shape_of(held.actual))
    field = f"{where}actual result"
    for each, status in zip(sent, chosen, strict=True):
        for piece in (status, each.data, each.actual):
            wanted_words = plain_words(shapes(piece, "", known)[0])
            start = position(words, wanted_words)
            if start is None:
                detail = f"lacks {' '.join(wanted_words)[:60]!r}"
                yield FieldResult(field, Outcome.DIFFERENT, None, detail)
                return
            words = words[start + len(wanted_words) :]
    yield FieldResult(field, Outcome.BY_RULE, Rule.SEVERAL_ROWS)


def _links_of(log: TestLog) -> list[Link]:
    return [*log.links, *(link for each in log.results for link in each.links)]


def compare_defects(sent: TestLog, held: TestLog) -> Iterator[FieldResult]:
    keys = dict.fromkeys(each.issue_key for each in _links_of(sent) if each.issue_key)
    if not keys:
        return
    own = {each.issue_key for each in held.links}
    steps = {each.issue_key for result in held.results for each in result.links}
    named = set(plain_words(shape_of(held.note)))
    of_log = {each.issue_key for each in sent.links}
    for key in keys:
        field = f"defect {key}"
        if key in (own if key in of_log else steps):
            yield FieldResult(field, Outcome.EQUAL)
        elif key in own | steps:
            yield FieldResult(field, Outcome.BY_RULE, Rule.DEFECT_ELSEWHERE)
        elif key in named:
            yield FieldResult(field, Outcome.BY_RULE, Rule.READABLE_TEXT)
        else:
            yield FieldResult(field, Outcome.MISSING, None, "the target shows no such defect")

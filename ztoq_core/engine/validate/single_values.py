"""Compares single values of records: names, texts, moments, places, statuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from ztoq_core.engine.validate.known import Known
from ztoq_core.engine.validate.rules import FieldResult, Outcome, Rule
from ztoq_core.engine.validate.texts import Shape, excerpt, has_rest, plain_words, shape_of
from ztoq_core.records import ADDRESS, Ref

_NAME_CUT = "name-cut"
"""The code of the loss that a sink notes where a name is too long for the target."""
_LABELS = 3
"""Words that a sink may put before each thing that it adds to a text, such as ``Defects:``."""


def compare_plain(field: str, sent: str, held: str) -> FieldResult:
    if sent == held:
        return FieldResult(field, Outcome.EQUAL)
    if sent.split() == held.split():
        return FieldResult(field, Outcome.BY_RULE, Rule.ONE_LINE)
    return differs(field, repr(held) if held else "empty", repr(sent), empty=not held)


def compare_name(sent: str, held: str, known: Known) -> FieldResult:
    found = compare_plain("name", sent, held)
    cut = _NAME_CUT in known.losses and " ".join(sent.split()).startswith(" ".join(held.split()))
    if found.wrong and cut and held:
        return FieldResult("name", Outcome.BY_RULE, Rule.REPORTED_LOSS)
    return found


def differs(field: str, held: str, sent: str, *, empty: bool = False) -> FieldResult:
    outcome = Outcome.MISSING if empty else Outcome.DIFFERENT
    return FieldResult(field, outcome, None, f"is {held}, sent {sent}")


def compare_text(field: str, sent: str, held: str, known: Known) -> FieldResult:
    """Compare HTML: the same words, lines, emphasis, cells, links and pictures in their order."""
    if sent == held:
        return FieldResult(field, Outcome.EQUAL)
    wanted, there = shapes(sent, held, known)
    if wanted == there:
        rule = Rule.ADDRESS_RESOLVED if ADDRESS in sent else Rule.REWRITTEN_HTML
        return FieldResult(field, Outcome.BY_RULE, rule)
    return _unlike(field, wanted, there)


def shapes(sent: str, held: str, known: Known) -> tuple[Shape, Shape]:
    return known.shape(sent), shape_of(held)


def _unlike(field: str, wanted: Shape, there: Shape) -> FieldResult:
    held, sent = excerpt(there, wanted), excerpt(wanted, there)
    return differs(field, held if there else "empty", sent, empty=not there)


def compare_added(
    field: str, sent: str, held: str, pieces: Sequence[str], known: Known
) -> FieldResult:
    """Compare a text to which the sink may have added ``pieces`` (HTML), and nothing else."""
    found = compare_text(field, sent, held, known)
    if not found.wrong or not pieces:
        return found
    rest = has_rest(*shapes(sent, held, known))
    words = plain_words(rest or ())
    for piece in pieces:
        wanted = plain_words(shapes(piece, "", known)[0])
        start = position(words, wanted)
        if start is None:
            return found
        del words[start : start + len(wanted)]
    if len(words) > _LABELS * (1 + len(pieces)):
        return found
    return FieldResult(field, Outcome.BY_RULE, Rule.ADDED_TEXT)


def position(words: Sequence[str], wanted: Sequence[str]) -> int | None:
    ends = range(len(words) - len(wanted) + 1)
    return next((n for n in ends if list(words[n : n + len(wanted)]) == list(wanted)), None)


def compare_moment(
    field: str, sent: datetime | None, held: datetime | None
) -> Iterator[FieldResult]:
    """Compare a point in time; nothing where none was sent."""
    if sent is None:
        return
    if sent == held:
        yield FieldResult(field, Outcome.EQUAL)
    elif held is not None and _whole(sent) == _whole(held):
        yield FieldResult(field, Outcome.BY_RULE, Rule.SAME_INSTANT)
    else:
        there = f"{held:%Y-%m-%d %H:%M:%S}" if held else "empty"
        yield differs(field, there, f"{sent:%Y-%m-%d %H:%M:%S}", empty=held is None)


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def compare_place(
    field: str, sent: Ref | None, held: Ref | None, known: Known
) -> Iterator[FieldResult]:
    """Compare what a record lies in; nothing where it was sent without."""
    if sent is None:
        return
    written = known.links.get(sent)
    if written is None:
        yield FieldResult(field, Outcome.UNCHECKED, None, f"{sent} is not in the target")
    elif held is None:
        yield FieldResult(field, Outcome.UNCHECKED, None, "the target does not say")
    elif held.key == written.target_id:
        yield FieldResult(field, Outcome.EQUAL)
    else:
        yield differs(field, held.key, f"{written.target_id} ({sent.key})")


def chosen_status(candidates: Sequence[str], known: Known) -> str:
    """Return the first candidate that the target has as a status, else the first."""
    there = {each.strip().casefold(): each for each in reversed(known.schema.statuses)}
    found = (there.get(each.strip().casefold()) for each in candidates)
    return next((each for each in found if each), candidates[0] if candidates else "")


def compare_status(field: str, candidates: Sequence[str], held: str, known: Known) -> FieldResult:
    expected = chosen_status(candidates, known)
    if held != expected:
        return differs(field, repr(held) if held else "empty", repr(expected), empty=not held)
    if held == candidates[0]:
        return FieldResult(field, Outcome.EQUAL)
    return FieldResult(field, Outcome.BY_RULE, Rule.NEXT_CANDIDATE)

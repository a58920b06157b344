"""Compares single values of records, and what is known besides: names, texts, moments, places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import attrs

from ztoq_core.contracts import FieldSpec, Links, Schema
from ztoq_core.engine.comparison.rules import FieldResult, Outcome, Rule
from ztoq_core.engine.comparison.texts import Shape, excerpt, has_rest, plain_words, shape_of
from ztoq_core.pictures.addresses import ref_of
from ztoq_core.records import ADDRESS, Kind, Ref
from ztoq_core.spelling import folded


@attrs.frozen(kw_only=True)
class Known:
    """What the comparison of a record knows besides both records.

    ``links`` are what the record refers to as it is in the target. ``losses`` are the codes of
    what its notes call lost. ``parts`` maps its steps or results to their ids in the target.
    ``unknown`` are ids in the held record that no record of the store has.
    """

    schema: Schema = attrs.field(factory=Schema)
    links: Links = attrs.field(factory=dict)
    losses: frozenset[str] = frozenset()
    parts: Mapping[str, str] = attrs.field(factory=dict)
    unknown: frozenset[str] = frozenset()

    def shape(self, html: str) -> Shape:
        """Return a text that was sent as the target must show it, with the target's addresses."""
        return shape_of(html, self._address)

    def _address(self, given: str) -> str | None:
        ref = ref_of(given)
        if ref is None:
            return given
        written = self.links.get(ref)
        return written.url if written and written.url else None

    def spec(self, kind: Kind, name: str, *, step: bool = False) -> FieldSpec | None:
        """Return the target's field of that name, in any case of letters."""
        owner = self.schema.field_owner.get(kind, kind)
        return self.schema.step_field(name) if step else self.schema.field(owner, name)


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


def compare_note(sent: str, held: str, pieces: Sequence[str], known: Known) -> FieldResult:
    """Compare a note to which the sink may have added ``pieces`` (HTML), and nothing else."""
    found = compare_text("note", sent, held, known)
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
    return FieldResult("note", Outcome.BY_RULE, Rule.ADDED_TEXT)


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
    there = {folded(each): each for each in reversed(known.schema.statuses)}
    found = (there.get(folded(each)) for each in candidates)
    return next((each for each in found if each), candidates[0] if candidates else "")


def compare_status(field: str, candidates: Sequence[str], held: str, known: Known) -> FieldResult:
    expected = chosen_status(candidates, known)
    if held != expected:
        return differs(field, repr(held) if held else "empty", repr(expected), empty=not held)
    if held == candidates[0]:
        return FieldResult(field, Outcome.EQUAL)
    return FieldResult(field, Outcome.BY_RULE, Rule.NEXT_CANDIDATE)

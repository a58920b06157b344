"""Compares the values of fields: what was sent with what the target's field or text holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from html import escape

import attrs

from ztoq_core.contracts import FieldSpec
from ztoq_core.engine.comparison.rules import FieldResult, Outcome, Rule
from ztoq_core.engine.comparison.single_values import Known
from ztoq_core.engine.comparison.texts import excerpt, plain_words, shape_of
from ztoq_core.records import ADDRESS, FieldType, FieldValue, Kind
from ztoq_core.spelling import folded

_EMPTY = (None, "", ())
_YES = ("Yes", "True", "Checked", "On", "Y")
_NO = ("No", "False", "Unchecked", "Off", "N")
_QUOTED = 60
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.ASCII)


def instant(value: object) -> datetime | None:
    """Return the moment of an ISO text in whole seconds, None for what is not a date."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def compare_fields(
    kind: Kind,
    sent: Sequence[FieldValue],
    held: Sequence[FieldValue],
    known: Known,
    *,
    step: str = "",
) -> Iterator[FieldResult]:
    """Yield a result for each value that was sent; ``step`` is what precedes a step's fields."""
    taken: set[tuple[Kind, str]] = set()
    for value in sent:
        spec = known.spec(kind, value.name, step=bool(step))
        names = {value.name.strip().casefold()} | ({spec.name.casefold()} if spec else set())
        these = [each for each in held if each.name.strip().casefold() in names]
        field = _Field(value=value, spec=spec, known=known, label=f"{step}field {value.name!r}")
        if spec and value.value not in _EMPTY:
            field.first = (spec.kind, spec.name) not in taken
            taken.add((spec.kind, spec.name))
        yield field.result(these)


@attrs.define(kw_only=True)
class _Field:
    """One value that was sent. ``first``: no other value was sent for the same field before."""

    value: FieldValue
    spec: FieldSpec | None
    known: Known
    label: str
    first: bool = True

    def result(self, held: Sequence[FieldValue]) -> FieldResult:
        """Compare it with all that the target holds under its name."""
        fields = [each for each in held if not self.is_text(each)]
        texts = [each for each in held if self.is_text(each)]
        if self.value.value in _EMPTY:
            return self.empty(fields)
        there = fields if self.first and not self.defaulted() else []
        if self.several():
            return self.several_result(there, texts)
        if there:
            return self.compared(there[0])
        if texts:
            return self.in_text(texts)
        return self.absent()

    def is_text(self, held: FieldValue) -> bool:
        """Whether this is readable text beside the fields, and no value of the field itself."""
        if held.type is not FieldType.RICH_TEXT:
            return False
        if self.spec is None and self.known.schema.fields_known:
            # a target that keeps any field as it is holds it under its own type
            return self.value.type is not FieldType.RICH_TEXT
        return self.spec is None or self.spec.type is not FieldType.RICH_TEXT

    def defaulted(self) -> bool:
        """Whether the field shows a default of the target, since it did not get the value.

        That is so for each field where the target does not say which it has.
        """
        if self.spec is None:
            return not self.known.schema.fields_known
        return self.spec.default and not self.fits()

    def equal(self, rule: Rule | None = None) -> FieldResult:
        return FieldResult(self.label, Outcome.BY_RULE if rule else Outcome.EQUAL, rule)

    def different(self, held: object) -> FieldResult:
        detail = f"is {_quoted(held)}, sent {_quoted(self.value.value)}"
        return FieldResult(self.label, Outcome.DIFFERENT, None, detail)

    # ----------------------------------------------------------------------------- nothing there

    def empty(self, held: Sequence[FieldValue]) -> FieldResult:
        filled = [each.value for each in held if each.value not in _EMPTY]
        if not filled:
            return self.equal()
        if self.spec and (self.spec.default or self.spec.required):
            return self.equal(Rule.TARGET_DEFAULT)
        if self.known.losses:
            return self.equal(Rule.REPORTED_LOSS)
        return FieldResult(
            self.label, Outcome.DIFFERENT, None, f"is {_quoted(filled[0])}, sent nothing"
        )

    def absent(self) -> FieldResult:
        if not self.fits():
            if self.value.optional:
                return self.equal(Rule.OPTIONAL)
            if self.known.losses:
                return self.equal(Rule.REPORTED_LOSS)
        if self.value.value is False:  # an unticked box and none at all say the same
            return self.equal(Rule.YES_NO)
        detail = f"is empty, sent {_quoted(self.value.value)}"
        return FieldResult(self.label, Outcome.MISSING, None, detail)

    def fits(self) -> bool:
        """Whether the target's field can hold the value."""
        spec, value = self.spec, self.value.value
        if spec is None or not self.first:
            return False
        people = (self.person(name) for name in (*_texts(self.value), *self.value.alternatives))
        length = len(", ".join(_texts(self.value)))
        fits = {
            FieldType.CHOICE: self.expected(_texts(self.value)) is not None,
            FieldType.MULTI_CHOICE: self.expected(_texts(self.value)) is not None,
            FieldType.USER: any(people),
            FieldType.NUMBER: _number(value) is not None,
            FieldType.DATE: instant(value) is not None,
            FieldType.DATETIME: instant(value) is not None,
        }
        return fits.get(spec.type, spec.max_length is None or length <= spec.max_length)

    # -------------------------------------------------------------------------------- one value

    def compared(self, held: FieldValue) -> FieldResult:
        """Compare with the value of the target's field, as its type asks."""
        sent = self.value.value
        type_ = self.spec.type if self.spec else held.type
        if type_ is FieldType.USER:
            return self.same_person(held)
        if held.value == sent and type(held.value) is type(sent):
            return self.equal()
        by_type = {
            FieldType.CHOICE: self.chosen,
            FieldType.DATE: self.dated,
            FieldType.DATETIME: self.dated,
            FieldType.RICH_TEXT: self.rich,
        }
        if compare := by_type.get(type_ or FieldType.TEXT):
            return compare(str(held.value))
        as_number = type_ is FieldType.NUMBER or isinstance(sent, int | float)
        number = _number(sent) if as_number else None
        if number is not None and number == _number(held.value):
            return self.equal(Rule.SAME_NUMBER)
        return self.worded(str(held.value))

    def same_person(self, held: FieldValue) -> FieldResult:
        sent = self.first_person((*_texts(self.value), *self.value.alternatives))
        # the id first: it says more than a name
        there = self.first_person((*held.alternatives, *_texts(held)))
        named_alike = held.value == self.value.value
        if sent != there or not (sent or named_alike):
            return self.different(held.value)
        return self.equal(None if named_alike else Rule.SAME_PERSON)

    def first_person(self, names: Sequence[str]) -> str:
        return next((found for each in names if (found := self.person(each))), "")

    def chosen(self, held: str) -> FieldResult:
        expected = self.expected(_texts(self.value))
        if held != (expected or _texts(self.value)[0]):
            return self.different(held)
        if held == self.value.value:
            return self.equal()
        if isinstance(self.value.value, bool):
            return self.equal(Rule.YES_NO)
        alike = held.casefold() == str(self.value.value).strip().casefold()
        return self.equal(Rule.LETTER_CASE if alike else Rule.NEXT_CANDIDATE)

    def expected(self, texts: Sequence[str]) -> str | None:
        """Return the first candidate that the field allows, exactly, else in any case."""
        values = self.spec.values if self.spec else ()
        candidates = (*texts[:1], *self.value.alternatives, *texts[1:])
        folded: dict[str, str] = {}
        for each in values:
            folded.setdefault(" ".join(each.split()).casefold(), each)
        exact = (each for each in candidates if each in values)
        alike = (folded.get(" ".join(each.split()).casefold()) for each in candidates)
        return next(exact, None) or next((each for each in alike if each), None)

    def dated(self, held: str) -> FieldResult:
        sent, there = instant(self.value.value), instant(held)
        if sent is None or there is None:
            return self.worded(held)
        if sent == there:
            return self.equal(Rule.SAME_INSTANT)
        by_day = self.spec is not None and self.spec.type is FieldType.DATE
        if by_day and sent.date() == there.date():
            return self.equal(Rule.SAME_DAY)
        return self.different(held)

    def rich(self, held: str) -> FieldResult:
        text = str(self.value.value)
        rich = self.value.type is FieldType.RICH_TEXT
        html = text if rich else escape(", ".join(_texts(self.value))).replace("\n", "<br>")
        if held == text:
            return self.equal()
        rule = Rule.ADDRESS_RESOLVED if ADDRESS in html else Rule.REWRITTEN_HTML
        return self.same_shape(html, [held], rule)

    def same_shape(self, html: str, held: Sequence[str], rule: Rule) -> FieldResult:
        """Compare HTML with the texts that may show it: words, emphasis, links and pictures."""
        wanted = self.known.shape(html)
        shown = [shape_of(each) for each in held]
        if wanted in shown:
            return self.equal(rule)
        detail = f"is {excerpt(shown[0], wanted)}, sent {excerpt(wanted, shown[0])}"
        return FieldResult(self.label, Outcome.DIFFERENT, None, detail)

    def worded(self, held: str) -> FieldResult:
        """Compare with a field of plain text."""
        sent = self.value.value
        texts = [", ".join(_texts(self.value)[: 1 if isinstance(sent, bool) else None])]
        if self.value.type is FieldType.USER:
            texts += _readable(self.value)
        if self.value.type is FieldType.RICH_TEXT:
            words = plain_words(self.known.shape(str(sent)))
            same = words == held.split()
            return self.equal(Rule.PLAIN_TEXT) if same else self.different(held)
        for text in texts:
            if held == text:
                rule = Rule.YES_NO if isinstance(sent, bool) else Rule.READABLE_TEXT
                return self.equal(None if text == sent else rule)
            if held.split() == text.split():
                return self.equal(Rule.ONE_LINE)
        return self.different(held)

    def in_text(self, held: Sequence[FieldValue]) -> FieldResult:
        if self.value.type is FieldType.RICH_TEXT:
            texts = [str(each.value) for each in held]
            return self.same_shape(str(self.value.value), texts, Rule.READABLE_TEXT)
        wanted = [
            plain_words(shape_of(escape(text, quote=False))) for text in _readable(self.value)
        ]
        for each in held:
            if plain_words(shape_of(str(each.value))) in wanted:
                return self.equal(Rule.READABLE_TEXT)
        return self.different(" ".join(plain_words(shape_of(str(held[0].value)))))

    def person(self, text: str) -> str:
        """Return the id of the target's user with that id, e-mail or name, or an empty text."""
        wanted = folded(text)
        found = {
            each.id: each.active
            for each in self.known.schema.users
            if wanted in {folded(each.id), folded(each.email), folded(each.name)}
        }
        # only those who are active can be assigned: one who left may bear the same name
        found = {each: active for each, active in found.items() if active} or found
        return next(iter(found)) if wanted and len(found) == 1 else ""

    # ---------------------------------------------------------------------------- several values

    def several(self) -> bool:
        return self.takes_several() or isinstance(self.value.value, tuple)

    def takes_several(self) -> bool:
        if self.spec is None:
            return self.value.type is FieldType.MULTI_CHOICE
        people = self.spec.type is FieldType.USER and self.spec.multiple
        return people or self.spec.type is FieldType.MULTI_CHOICE

    def several_result(
        self, held: Sequence[FieldValue], texts: Sequence[FieldValue]
    ) -> FieldResult:
        """Compare with all that is held, of which a part may be in the text."""
        if self.spec is not None and not self.takes_several():
            return self.joined(held, texts)
        if isinstance(self.value.value, bool):
            return self.box(held)
        filled = any(each.value not in _EMPTY for each in held)
        whole = self.in_text(texts) if texts and not filled else None
        if whole is not None and not whole.wrong:
            return whole
        return self.as_set(held, texts)

    def as_set(self, held: Sequence[FieldValue], texts: Sequence[FieldValue]) -> FieldResult:
        """Compare a set: what the field allows must be in it, what it does not in the text."""
        there: list[str] = []
        for each in held:
            there += each.value if isinstance(each.value, tuple) else [str(each.value)]
        if there == _texts(self.value):
            return self.equal()
        allowed = {text: self.allowed(text) for text in _texts(self.value)}
        if self.spec is not None and self.spec.type is FieldType.USER:
            there = [self.person(each) or each for each in there]
            if len(allowed) == 1:
                names = (*allowed, *self.value.alternatives)
                allowed = dict.fromkeys(allowed, self.first_person(names) or None)
        elif not any(allowed.values()) and self.value.alternatives:
            allowed = {_texts(self.value)[0]: self.expected(_texts(self.value))}
        wanted = {choice for choice in allowed.values() if choice}
        rest = tuple(text for text, choice in allowed.items() if not choice)
        if wanted != set(there):
            return self.different(", ".join(there)) if there else self.absent()
        if not rest:
            return self.equal(Rule.ANY_ORDER)
        left = attrs.evolve(self, value=attrs.evolve(self.value, value=rest), first=False)
        return left.in_text(texts) if texts else left.absent()

    def allowed(self, text: str) -> str | None:
        if self.spec is None:
            return text
        if self.spec.type is FieldType.USER:
            return self.person(text) or None
        return attrs.evolve(self, value=FieldValue(name=self.value.name, value=text)).expected(
            [text]
        )

    def box(self, held: Sequence[FieldValue]) -> FieldResult:
        """Compare a tick with a list of boxes: one of them ticked, or none."""
        ticked = [each for each in held if each.value not in _EMPTY]
        said = str(ticked[0].value[0]) if ticked and isinstance(ticked[0].value, tuple) else ""
        no = not ticked or said.casefold() in {each.casefold() for each in _NO}
        return self.equal(Rule.YES_NO) if self.value.value is not no else self.different(said)

    def joined(self, held: Sequence[FieldValue], texts: Sequence[FieldValue]) -> FieldResult:
        """Compare several values with a field for one: joined, or readable beside it."""
        if len(_texts(self.value)) == 1 or not held:
            one = attrs.evolve(self.value, value=", ".join(_texts(self.value)))
            single = attrs.evolve(self, value=one)
            if held:
                return single.compared(held[0])
            return single.in_text(texts) if texts else single.absent()
        return self.worded(str(held[0].value))


def _texts(value: FieldValue) -> list[str]:
    content = value.value
    if isinstance(content, bool):
        return list(_YES if content else _NO)
    if isinstance(content, tuple):
        return list(content)
    return [_number_text(content)] if isinstance(content, float) else [str(content)]


def _readable(value: FieldValue) -> list[str]:
    """Return a value as people read it in a text, in the ways that sinks show it."""
    if isinstance(value.value, bool):
        return _texts(value)[:1]
    shown = [", ".join(_texts(value))]
    if value.type is FieldType.USER:
        first = shown[0]
        shown += [*value.alternatives, *(f"{name} ({first})" for name in value.alternatives)]
    return shown


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _number_text(value: float) -> str:
    number = _number(value)
    return f"{number:f}".removesuffix(".0") if number is not None else str(value)


def _quoted(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return repr(text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…")

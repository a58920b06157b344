"""The conversions that a rule applies to values, in the order of the keys of ``format.Rule``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import attrs
import nh3

from ztoq_core.plugin import (
    FieldType,
    MappingError,
    User,
    Value,
    folded,
    plain_text,
)
from ztoq_mappings.fields.coerce import moment, words
from ztoq_mappings.fields.format import Fallback, Given, Rule
from ztoq_mappings.fields.patterns import finder, replacer
from ztoq_mappings.note_codes import VALUE_CUT
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import is_html

_LETTERS: Mapping[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}
DATES = frozenset({FieldType.DATE, FieldType.DATETIME})
LONGEST_SHOWN = 80
_ALL_DIGITS = 1e12
"""From here on a number is taken for whole; below, 15 decimal places fit Decimal's 28 digits."""


@attrs.define
class RuleRun:
    """One rule applied to one record, or to one ``step`` of it.

    ``kept``: the value does not fit, so the record stays as it is. ``dropped``: the rule drops a
    value.
    """

    key: str
    field: str
    otherwise: Fallback | None
    notes: NoteCollector
    step: str = ""
    lossy: bool = False
    kept: bool = False
    dropped: bool = False
    alternatives: tuple[str, ...] = ()

    def without(self, value: Value, why: str) -> list[Value]:
        """Return what replaces a value, or several together, that has no mapping.

        Raises:
            MappingError: The rule has "fail", or no word for it.
        """
        if self.otherwise is None or self.otherwise.word == "fail":
            raise self.error(value, why)
        if self.otherwise.word == "keep":
            return listed(value)
        self.lossy = True
        if self.otherwise.word == "drop":
            self.dropped = True
            return []
        return listed(self.otherwise.value)

    def error(self, value: Value, why: str) -> MappingError:
        """Return the error to raise about a value."""
        text = words(value)
        shown = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
        where = f" in step {self.step}" if self.step else ""
        return MappingError(f"{self.key}: value {shown!r} of field {self.field!r}{where} {why}")


Conversion = Callable[[list[Value], RuleRun], list[Value]]
"""Takes the values so far, and returns them converted."""


def listed(value: Value) -> list[Value]:
    """Return the values one by one, without empty ones."""
    many = value if isinstance(value, tuple) else (value,)
    return [each for each in many if each is not None and each != ""]


def conversions(
    rule: Rule,
    kind_of: FieldType | None,
    people: Mapping[str, User],
    taken: frozenset[int] = frozenset(),
) -> tuple[Conversion, ...]:
    """Return the conversions that the keys of a rule need.

    ``taken`` are the parts that this and other rules take of the same values. A conversion that
    leaves nothing of a value says so to ``RuleRun``; HTML without text and picture is no value.
    """
    given = (
        _html(rule, kind_of) if rule.template is None else None,
        _extract(rule.extract) if rule.extract is not None else None,
        *(_replace(replacer(each.find, each.with_)) for each in rule.replace),
        _replace(_LETTERS[rule.letters]) if rule.letters is not None else None,
        _split(rule.split) if rule.split is not None and rule.part is None else None,
        _part(rule.part, rule.split, taken) if rule.part is not None else None,
        _values(rule.values) if rule.values is not None else None,
        _person(rule.person, people) if rule.person is not None else None,
        _number(rule) if {rule.decimal, rule.multiply, rule.round} != {None} else None,
        _date(rule, kind_of) if kind_of in DATES or rule.write_date is not None else None,
        _join(rule.join) if rule.join is not None else None,
        _cut(rule.max_length) if rule.max_length is not None else None,
    )
    return tuple(each for each in given if each)


def cleaner(rule: Rule, kind_of: FieldType | None) -> Callable[[str], str] | None:
    """Return the function that a rule applies to HTML, None if it stays as it is."""
    how = rule.html or ("keep" if kind_of is FieldType.RICH_TEXT else "text")
    return {"clean": _clean, "text": plain_text}.get(how)


def _clean(html: str) -> str:
    """Return the HTML without scripts, styles, event handlers and unknown tags."""
    return nh3.clean(html, link_rel=None)


def _html(rule: Rule, kind_of: FieldType | None) -> Conversion | None:
    change = cleaner(rule, kind_of)
    if change is None:
        return None

    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            if isinstance(value, str) and is_html(value):
                changed = change(value)
                run.lossy = run.lossy or changed != value
                run.dropped = run.dropped or (not changed and "<img" in value.casefold())
                found += listed(changed)
            else:
                found.append(value)
        return found

    return step


def _extract(pattern: str) -> Conversion:
    find = finder(pattern)

    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            text = words(value)
            match = find(text)
            if not match:
                found += run.without(value, f"does not match {pattern!r}")
            else:
                run.lossy = run.lossy or match != text
                found.append(match)
        return found

    return step


def _replace(replace: Callable[[str], str]) -> Conversion:
    def step(values: list[Value], run: RuleRun) -> list[Value]:
        texts = [replace(words(value)) for value in values]
        if not all(texts):  # as the file says, so it is no value without a mapping
            run.dropped = run.lossy = True
        return listed(tuple(texts))

    return step


def _split(separator: str) -> Conversion:
    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            parts = _parts(value, separator)
            found += parts or run.without(value, f"has no part beside {separator!r}")
        return found

    return step


def _part(number: int, separator: str | None, taken: frozenset[int]) -> Conversion:
    """Return the conversion to one part of a text, or to one of several values.

    A ``number`` below 0 counts from the end.
    """

    def place(number: int, among: int) -> int:
        return number - 1 if number > 0 else among + number

    def step(values: list[Value], run: RuleRun) -> list[Value]:
        parts = values
        if separator is not None:
            parts = [part for value in values for part in _parts(value, separator)]
        if not 0 <= place(number, len(parts)) < len(parts):
            whole = values[0] if len(values) == 1 else tuple(map(words, values))
            return run.without(whole, f"has no part {number}")
        elsewhere = {place(each, len(parts)) for each in taken}
        run.lossy = run.lossy or not elsewhere.issuperset(range(len(parts)))
        return [parts[place(number, len(parts))]]

    return step


def _parts(value: Value, separator: str) -> list[Value]:
    return listed(tuple(part.strip() for part in words(value).split(separator)))


def _values(table: Mapping[str, Given]) -> Conversion:
    by_folded = {folded(key): value for key, value in reversed(list(table.items()))}

    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            text = str(value).lower() if isinstance(value, bool) else words(value)
            given = table.get(text)
            if given is None:
                given = by_folded.get(folded(text))
            if given is None:
                found += run.without(value, "has no mapping")
            elif new := listed(given):
                found += new
            else:
                run.dropped = run.lossy = True
        return found

    return step


def _person(what: str, people: Mapping[str, User]) -> Conversion:
    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            known = people.get(words(value).strip())
            ways = (
                {"account_id": known.id, "email": known.email, "name": known.name} if known else {}
            )
            if shown := ways.pop(what, ""):
                found.append(shown)
                run.alternatives = tuple(filter(None, ways.values()))
            else:
                found += run.without(value, f"is a person whose {what} is not known")
        return found

    return step


def _number(rule: Rule) -> Conversion:
    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            number = _read_number(value, rule.decimal or ".")
            if number is None:
                found += run.without(value, "is not a number")
                continue
            if rule.multiply is not None:
                # through the decimal digits: 0.1 * 3 is 0.3 to a reader
                number = float(f"{number * rule.multiply:.15g}")
            if rule.round is not None:
                whole = _rounded(number, rule.round)
                run.lossy = run.lossy or whole != number
                number = whole
            found.append(number)
        return found

    return step


def _rounded(number: float, places: int) -> float:
    """Return the number rounded as people do: halves away from zero, by its decimal digits."""
    if not abs(number) < _ALL_DIGITS:
        return number
    step = Decimal(1).scaleb(-places)
    return float(Decimal(repr(number)).quantize(step, ROUND_HALF_UP))


def _read_number(value: Value, decimal: str) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            thousands = "." if decimal == "," else ","
            digits = "".join(value.split()).replace(thousands, "").replace(decimal, ".")
            return float(digits)
        number = float(value)  # type: ignore[arg-type]  # a list of texts was taken apart before
    except (ValueError, OverflowError):
        return None
    return number


def _date(rule: Rule, kind_of: FieldType | None) -> Conversion:
    zone: tzinfo | None = ZoneInfo(rule.time_zone) if rule.time_zone else None
    shift = timedelta(days=rule.shift_days or 0)

    def step(values: list[Value], run: RuleRun) -> list[Value]:
        found: list[Value] = []
        for value in values:
            when = moment(words(value), rule.read_date, zone or UTC)
            if when is None:
                found += run.without(value, "is not a date")
                continue
            try:
                when = (when.astimezone(zone) if zone else when) + shift
            except OverflowError:
                found += run.without(value, "is moved out of the years 1 to 9999")
                continue
            run.lossy = run.lossy or (kind_of is FieldType.DATE and _has_time(when))
            found.append(when.strftime(rule.write_date) if rule.write_date else when.isoformat())
        return found

    return step


def _has_time(when: datetime) -> bool:
    return any((when.hour, when.minute, when.second, when.microsecond))


def _join(separator: str) -> Conversion:
    def step(values: list[Value], _: RuleRun) -> list[Value]:
        return [separator.join(map(words, values))] if values else []

    return step


def _cut(length: int) -> Conversion:
    def step(values: list[Value], run: RuleRun) -> list[Value]:
        texts = [words(value) for value in values]
        if any(len(text) > length for text in texts):
            run.lossy = True
            run.notes.add(
                VALUE_CUT,
                f"a value of {run.field!r} is cut at {length} characters, as the mapping says",
            )
        return [text[:length] for text in texts]

    return step

"""Infers the types of a source's fields from their values.

A source may not publish definitions of its custom fields.
``infer_schema`` feeds every record's fields to a ``FieldTypeInference`` and returns the schema that
the transformers get. Memory is bounded by the number of fields.

The rules, in order, applied to the values that are not empty (None, ``""``, no choices):

1. A type that the source declares holds, in ``describe`` or with a value.
2. Lists are a multiple choice, booleans a check box, numbers a number. Values of several of these
   shapes are text, and ``origin`` says so.
3. Strings that are all ISO 8601 dates are a date, or a date-time if one has a time of day other
   than midnight UTC.
4. Strings that are all ids of people, as the source's plugin recognises them, are a user.
5. Strings that are all http or https addresses are a URL.
6. Strings of which one holds HTML are rich text; line breaks without HTML are long text.
7. ``true`` and ``false`` as strings are a choice; so are at most 60 different labels that occur
   twice each on average, and more than 60 that occur 20 times each.
8. All else is text, long text if one value is longer than the target's text boxes hold.

A choice is never lossy: its labels are on one line, no longer and not more than the target takes,
and differ in more than case and surrounding blanks. Otherwise the field is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import attrs

from ztoq_core.contracts import FieldLimits, FieldSpec, Schema, SourceRules, User
from ztoq_core.convert import converter
from ztoq_core.engine.run import Run
from ztoq_core.records import FieldType, FieldValue, Kind, Tree, Value, counted
from ztoq_core.spelling import folded
from ztoq_core.store import Store

FEW_LABELS = 60
"""Up to so many different strings need to occur only twice each to be a choice, more 20 times.

Measured on the 4,366 public Mattermost cases: a real single choice there has 61 labels in 3,545
values, the others fewer than 10.
"""

# dates and times as services send them: with seconds or not, with a zone or not
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:T00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_HTML = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|cite|code|col|colgroup|dd|del|div|dl|dt|em|fieldset|figure"
    r"|font|h[1-6]|hr|i|iframe|img|input|ins|kbd|label|li|mark|ol|p|pre|q|s|samp|section|small"
    r"|span|strike|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|var|video)\b[^<>]*>"
    r"|&(?:[a-z]{2,8}|#\d{1,7}|#x[0-9a-f]{1,6});",
    re.IGNORECASE,
)


class FieldTypeInference:
    """Collects values of fields, and infers their types.

    The order of the values only affects the order of a choice's labels.
    """

    def __init__(self, rules: SourceRules, limits: FieldLimits) -> None:
        """Recognise people by the source's rules; choices and texts keep to the target's limits."""
        self._is_person = rules.is_person
        self._limits = limits
        self._fields: dict[tuple[Kind, str], _Seen] = {}

    def declare(self, fields: Iterable[FieldSpec]) -> None:
        """Take the types of these fields as certain."""
        for each in fields:
            self._of(each.kind, each.name).declared = each.type

    def _of(self, kind: Kind, name: str) -> _Seen:
        seen = self._fields.get((kind, name))
        if seen is None:
            seen = self._fields[kind, name] = _Seen(self._is_person, self._limits)
        return seen

    def add(self, kind: Kind, field: FieldValue) -> None:
        """Take one value of a field of records of ``kind``."""
        seen = self._of(kind, field.name)
        if field.type is not None and seen.declared is None:
            seen.declared = field.type
        seen.add(field.value)

    def schema(self) -> tuple[FieldSpec, ...]:
        """Return what is known so far, sorted by kind and name.

        Fields that only had empty values are text, inferred from 0 values.
        """
        return tuple(
            seen.spec(kind, name)
            for (kind, name), seen in sorted(
                self._fields.items(), key=lambda item: (item[0][0].rank, item[0][1])
            )
        )


@attrs.define
class _Seen:
    """What is known of one field. A flag is true as long as all strings so far agree."""

    is_person: Callable[[str], bool]
    limits: FieldLimits
    declared: FieldType | None = None
    count: int = 0
    shapes: set[str] = attrs.field(factory=set)
    moments: bool = True
    days: bool = True
    people: bool = True
    urls: bool = True
    html: bool = False
    lines: bool = False
    longest: int = 0
    # None once the values can no longer be the labels of a choice
    labels: dict[str, None] | None = attrs.field(factory=dict)

    def add(self, value: Value) -> None:
        if value is None or value in ("", ()):
            return
        self.count += 1
        if isinstance(value, tuple):
            self.shapes.add("list")
            for label in value:
                self._add_label(label)
        elif isinstance(value, str):
            self.shapes.add("text")
            self._add_text(value)
            self._add_label(value)
        else:
            self.shapes.add("checkbox" if isinstance(value, bool) else "number")

    def _add_text(self, value: str) -> None:
        if self.moments:
            self.moments = _is_moment(value)
        if self.days:
            self.days = self.moments and _DAY.fullmatch(value) is not None
        if self.people:
            self.people = self.is_person(value)
        if self.urls:
            self.urls = _URL.fullmatch(value) is not None
        if not self.html:
            self.html = _HTML.search(value) is not None
        if not self.lines:
            self.lines = not _one_line(value)
        self.longest = max(self.longest, len(value))

    def _add_label(self, label: str) -> None:
        if self.labels is None or label in self.labels:
            return
        if (
            len(self.labels) == self.limits.labels
            or len(label) > self.limits.label_length
            or not label.strip()
            or not _one_line(label)
        ):
            self.labels = None
        else:
            self.labels[label] = None

    def spec(self, kind: Kind, name: str) -> FieldSpec:
        origin = f"inferred from {counted(self.count, 'value')}"
        if len(self.shapes) > 1:
            origin += " of mixed types"
        kind_of = self.declared or self._infer()
        choice = kind_of in (FieldType.CHOICE, FieldType.MULTI_CHOICE)
        return FieldSpec(
            kind=kind,
            name=name,
            type=kind_of,
            origin="declared" if self.declared else origin,
            values=tuple(self.labels or ()) if choice else (),
        )

    def _infer(self) -> FieldType:
        if self.shapes == {"list"}:
            return FieldType.MULTI_CHOICE if self._distinct() else FieldType.LONG_TEXT
        if self.shapes == {"checkbox"}:
            return FieldType.CHECKBOX
        if self.shapes == {"number"}:
            return FieldType.NUMBER
        if self.shapes == {"text"}:
            return self._infer_text()
        return self._text()

    def _infer_text(self) -> FieldType:
        if self.moments:
            return FieldType.DATE if self.days else FieldType.DATETIME
        if self.people:
            return FieldType.USER
        if self.urls:
            return FieldType.URL
        if not self.html and self._distinct() and self._repeated():
            return FieldType.CHOICE
        return self._text()

    def _text(self) -> FieldType:
        if self.html:
            return FieldType.RICH_TEXT
        if self.lines or self.longest > self.limits.text_length or "list" in self.shapes:
            return FieldType.LONG_TEXT
        return FieldType.TEXT

    def _distinct(self) -> bool:
        # a target may take "Chrome" and "chrome " for the same label
        labels = self.labels
        return labels is not None and len(set(map(folded, labels))) == len(labels)

    def _repeated(self) -> bool:
        labels = self.labels or {}
        if labels.keys() <= {"true", "false"}:
            return True
        times = 2 if len(labels) <= FEW_LABELS else 20
        return len(labels) * times <= self.count


def _is_moment(value: str) -> bool:
    if not _MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:  # such as 2024-02-30
        return False
    return True


def _one_line(value: str) -> bool:
    return len(value.splitlines()) == 1


async def infer_schema(run: Run) -> Schema:
    """Return the source's schema: what it declares, then what all records show."""
    store = run.store
    declared = store.facts.declared
    inferred, of_steps = (FieldTypeInference(run.rules, run.limits) for _ in range(2))
    inferred.declare(each for each in declared.fields if not each.system)
    of_steps.declare(declared.step_fields)
    rows, trees = {}, {}
    for kind in Kind:
        after = 0
        while batch := await store.transformation.field_values(kind, after, 1000):
            for _, plain in batch:
                if kind is Kind.FOLDER:
                    rows[plain["key"]] = plain["name"], (plain.get("parent") or {}).get("key")
                    trees[plain["key"]] = Tree(plain["tree"])
                for field in plain.get("fields", ()):
                    inferred.add(kind, converter.structure(field, FieldValue))
                for step in plain.get("steps", ()):
                    for field in step.get("fields", ()):
                        of_steps.add(kind, converter.structure(field, FieldValue))
            after = batch[-1][0]
    users = {each.id: each for each in (*declared.users, *await _known_users(store))}
    return Schema(
        fields=tuple(_declared(inferred.schema(), declared.fields)),
        step_fields=tuple(_declared(of_steps.schema(), declared.step_fields)),
        statuses=declared.statuses,
        users=tuple(users.values()),
        folders=frozenset((tree, folder_path(key, rows)) for key, tree in trees.items()),
    )


def folder_path(key: str, rows: Mapping[str, tuple[str, str | None]]) -> str:
    """Return the path ``A/B`` of a folder; ``rows`` are names and keys of the folders around."""
    names: list[str] = []
    seen: set[str] = set()
    place: str | None = key
    while place is not None and place in rows and place not in seen:
        seen.add(place)
        name, place = rows[place]
        names.append(name)
    return "/".join(reversed(names))


def _declared(inferred: Iterable[FieldSpec], declared: Iterable[FieldSpec]) -> Iterator[FieldSpec]:
    """Yield the fields, declared ones as declared, with the labels that occur besides."""
    known = {(each.kind, each.name): each for each in declared}
    for each in inferred:
        spec = known.get((each.kind, each.name), each)
        yield attrs.evolve(spec, values=tuple(dict.fromkeys((*spec.values, *each.values))))


async def _known_users(store: Store) -> tuple[User, ...]:
    """Return the people whose names are known, with the ids that records have."""
    return tuple(
        User(id=each.id, name=each.name, email=each.email, active=each.active)
        for each in await store.id_names.people()
    )

"""What the store remembers besides records: its schema, both sides, how far each stage came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar, cast, overload

import attrs

from ztoq_core.contracts import FieldSpec, Finding, Schema, User
from ztoq_core.convert import converter, read_json, write_json
from ztoq_core.records import Kind, Tree, counted
from ztoq_core.selection import Selection
from ztoq_core.store.database import Database
from ztoq_core.store.sql import clean

T = TypeVar("T")

_DOUBT = 0.05
"""The probability that the conclusion from a sample is wrong."""


class Extracted(StrEnum):
    """How the last extraction ended."""

    NOT_YET = ""
    COMPLETE = "complete"
    STREAMED = "streamed"
    """With files left at the source, to be passed on while loading."""


class Phase(StrEnum):
    """Whether something that several runs may share was begun and ended."""

    NONE = ""
    BEGUN = "begun"
    ENDED = "ended"


@attrs.frozen(kw_only=True)
class Compared:
    """One kind on both sides: how many should be in the target and how many are.

    ``missing``, ``duplicate`` and ``unlisted`` (there, but in no list) are keys; ``foreign``
    counts objects without a mark of ours.
    """

    kind: Kind
    source: int
    target: int
    missing: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    foreign: int = 0


class ValidationLevel(StrEnum):
    """How closely a validation looks."""

    COUNTS = "counts"
    """Which objects there are."""
    SAMPLE = "sample"
    """Which objects there are, and every field of some that are chosen at random."""
    CONTENTS = "contents"
    """Every field; files by size, or by their bytes if the target lists no size."""
    FILES = "files"
    """Every field, and all bytes of all files."""


@attrs.frozen
class ComparedContents:
    """How the contents of one kind compare: numbers of records, and of their fields by result."""

    kind: Kind
    records: int
    equal: int = 0
    by_rule: int = 0
    wrong: int = 0
    unchecked: int = 0


@attrs.frozen(kw_only=True)
class Sample:
    """Objects chosen at random, by a seed: ``size`` were asked for, ``compared`` of ``total`` were.

    It says nothing certain about the objects outside of it.
    """

    size: int
    seed: int
    compared: int = 0
    total: int = 0

    @property
    def excluded(self) -> int:
        """The least number of wrong objects among all of which the sample had met one.

        With 95 % probability, that is: without replacement, so that it is exact for any share of
        the whole. For a small share of many it comes to ``1 - 0.05 ** (1 / compared)`` of all.
        """
        none_met, wrong = 1.0, 0
        while none_met > _DOUBT and wrong < self.total:
            none_met *= max(0, self.total - self.compared - wrong) / (self.total - wrong)
            wrong += 1
        return wrong

    def __str__(self) -> str:
        """Return what a sample without a finding means, for people."""
        share = self.excluded / self.total if self.total else 0
        return (
            f"{self.compared:,} of {self.total:,} objects, drawn with the seed {self.seed}, hold "
            f"what was sent; with 95 % confidence fewer than {self.excluded:,} of all "
            f"({100 * share:.2f} %) do not"
        )


@attrs.frozen(kw_only=True)
class Uncompared:
    """Objects whose contents need not be what was sent: how many, why, and the first keys."""

    kind: Kind
    why: str
    count: int
    keys: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Validation:
    """The result of the last ``ztoq validate``; ``findings`` are sentences for people.

    ``journal`` is the last entry of the journal then: a later one makes the validation outdated.
    ``unproved`` says why contents are not proved though nothing was found; empty if they are.
    ``sample``: contents of these objects alone were compared. ``uncompared`` exist in the target,
    and their contents were left out.
    """

    at: datetime
    rows: tuple[Compared, ...]
    findings: tuple[str, ...] = ()
    journal: int = -1
    level: ValidationLevel = ValidationLevel.COUNTS
    contents: tuple[ComparedContents, ...] = ()
    unproved: tuple[str, ...] = ()
    sample: Sample | None = None
    uncompared: tuple[Uncompared, ...] = ()


@attrs.frozen(kw_only=True)
class FinalCheck:
    """What the final check found. ``digest`` is over all ``records`` of the source as brought over.

    ``reasons`` say why the migration is not final; without any it is.
    """

    at: datetime
    run: int
    records: int
    digest: str
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the line for people."""
        if self.reasons:
            return f"not final: {'; '.join(self.reasons)}"
        read = counted(self.records, "record")
        return f"final: the source did not change, {read} read twice with the digest {self.digest}"


@attrs.frozen(kw_only=True)
class MappingStep:
    """A transformer that mapped the records: plugin, its package, settings, SHA-256 of its files.

    ``settings`` is JSON without the paths of ``files``, so that it is the same in another folder.
    """

    name: str
    package: str
    settings: str
    files: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ListedAgain:
    """One kind of the source, listed again: how many records, and what differs from the store.

    ``missing`` are not in the store, ``changed`` differ, ``gone`` are in the store alone.
    """

    kind: Kind
    listed: int
    missing: int = 0
    changed: int = 0
    gone: int = 0
    missing_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    gone_keys: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class SourceCheck:
    """What listing the source again showed; ``reasons`` say why it is still needed."""

    at: datetime
    run: int
    rows: tuple[ListedAgain, ...]
    reasons: tuple[str, ...] = ()

    @property
    def listed(self) -> int:
        """How many records the lists hold."""
        return sum(row.listed for row in self.rows)

    def __str__(self) -> str:
        """Return the line for people."""
        if self.reasons:
            return f"The source is still needed: {'; '.join(self.reasons)}"
        some = counted(self.listed, "listed record is", "listed records are")
        return f"Safe to end the licence of the source: all {some} in the store, unchanged"


@attrs.frozen(kw_only=True)
class SourceSchema:
    """What is known of the source's fields, statuses, people and folders, as in ``Schema``."""

    fields: tuple[FieldSpec, ...] = ()
    step_fields: tuple[FieldSpec, ...] = ()
    statuses: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    folders: frozenset[tuple[Tree, str]] | None = None

    @classmethod
    def of(cls, schema: Schema) -> Self:
        """Return this of a schema."""
        return cls(**{each.name: getattr(schema, each.name) for each in attrs.fields(cls)})

    def schema(self) -> Schema:
        """Return it as transformers are told it."""
        return Schema(**attrs.asdict(self, recurse=False))


@attrs.frozen
class Fact(Generic[T]):
    """A fact's name, and how its value is read from a text (empty if it was never saved)."""

    name: str
    parse: Callable[[str], T]
    format: Callable[[T], str] = str

    @overload
    def __get__(self, facts: None, _: type) -> Self: ...
    @overload
    def __get__(self, facts: Facts, _: type) -> T: ...
    def __get__(self, facts: Facts | None, _: type) -> Self | T:
        """Return the value, or of the class the fact itself."""
        return self if facts is None else self.parse(facts.text(self.name))


def _flag(name: str) -> Fact[bool]:
    return Fact(name, bool, lambda value: "yes" if value else "")


def _number(name: str) -> Fact[int]:
    return Fact(name, lambda text: int(text or 0))


def _json(name: str, kind: Any, empty: T) -> Fact[T]:
    """Return a fact of the type ``kind``; nothing is saved for None, which reads as ``empty``."""

    def parse(text: str) -> T:
        return cast("T", converter.structure(read_json(text.encode()), kind)) if text else empty

    def format_(value: T) -> str:
        if value is None:
            return ""
        return clean(write_json(converter.unstructure(value, kind)).decode())

    return Fact(name, parse, format_)


_UNDER_WAY = "under way"
_SELECTION = _json("selection", Selection, Selection())


class Facts:
    """The facts of one store: read as properties, saved by ``save``.

    ``Facts.mapped`` names a fact, ``store.facts.mapped`` is its value.
    """

    schema = Fact("schema", lambda text: int(text or 1))
    """The version of the tables."""
    source = Fact("source", str)
    """The identity of the source, empty before it is known."""
    sink = Fact("sink", str)
    """The identity of the target, empty before it is known."""

    extracted = Fact("extract", Extracted)
    """How the last extraction ended."""
    extraction = _number("extract_run")
    """The run in which the present extraction began; 0 before the first."""
    files_left = _flag("files left")
    """Whether a run of the present extraction left files at the source."""
    quick_pass = _flag("quick pass")
    """Whether a pass over what changed was begun and not ended."""
    looked_up: Fact[Mapping[Kind, int]] = _json("looked up", dict[Kind, int], {})
    """How many records of each kind were looked up, since no list held them."""
    unread: Fact[Mapping[Kind, str]] = _json("unread lists", dict[Kind, str], {})
    """Why lists could not be read to their ends by the last extraction, by kind."""
    names_gathered = _number("names")
    """The extraction whose ids were gathered last."""
    names_advice = Fact("names advice", str)
    """What the user may do so that more ids get names."""

    selection: Fact[Selection | None] = Fact(
        "selection",
        lambda text: None if text == _UNDER_WAY else _SELECTION.parse(text),
        lambda value: _UNDER_WAY if value is None else _SELECTION.format(value),
    )
    """What the last transformation selected; None if it did not end."""
    selection_given: Fact[Selection | None] = _json("selection wished", Selection, None)
    """What options selected for the stages to come; None if the config decides."""
    mapped = _flag("mapped")
    """Whether the mapping came to its end after the last extraction."""
    mapped_schema: Fact[SourceSchema | None] = _json("schema of source", SourceSchema, None)
    """The source's schema in the last transformation."""
    mapping: Fact[tuple[MappingStep, ...] | None] = _json("mapping", tuple[MappingStep, ...], None)
    """The transformers of the last transformation."""

    adoption = Fact("adoption", Phase)
    """Whether the target's marks were read for objects of a lost store."""
    migration = Fact("migration", Phase)
    """Whether ``ztoq migrate`` was begun and came to its end."""
    search_lag: Fact[float | None] = Fact(
        "search lag", lambda text: float(text) if text else None, lambda lag: f"{lag:.3f}"
    )
    """Seconds until the target's search finds a new object, None if it was not measured."""
    paces: Fact[dict[str, dict[str, float]]] = _json("paces", dict[str, dict[str, float]], {})
    """How each host answered in the last run with many calls to it, as plain data."""
    validation: Fact[Validation | None] = _json("validation", Validation, None)
    """What the last validation found."""
    validating = Fact("validating", str)
    """How far a validation came that has not ended, as JSON; empty if none is under way."""
    final: Fact[FinalCheck | None] = _json("final", FinalCheck, None)
    """What the final check found."""
    declared = _json("declared", SourceSchema, SourceSchema())
    """What the source declared in the last extraction."""
    source_check: Fact[SourceCheck | None] = _json("source check", SourceCheck, None)
    """What listing the source again showed."""
    source_findings: Fact[tuple[Finding, ...]] = _json(
        "findings of source", tuple[Finding, ...], ()
    )
    """What the check of the source found."""
    sink_findings: Fact[tuple[Finding, ...]] = _json("findings of sink", tuple[Finding, ...], ())
    """What the check of the target found."""

    def __init__(self, database: Database) -> None:
        """Keep facts in ``database``."""
        self._database = database

    async def save(self, fact: Fact[T], value: T) -> None:
        """Remember a fact; return once it is committed."""
        await self._database.write(self.put, fact, value)

    def save_now(self, fact: Fact[T], value: T) -> None:
        """Remember a fact, and block until it is committed."""
        self._database.write_now(self.put, fact, value)

    def put(self, fact: Fact[T], value: T) -> None:
        """Remember a fact, within a transaction of the writer."""
        self.put_text(fact.name, fact.format(value))

    def drop(self, *facts: Fact[Any]) -> None:
        """Forget facts, within a transaction of the writer."""
        names = [each.name for each in facts]
        self._database.execute("DELETE FROM meta WHERE name IN ??", (), names)

    def text(self, name: str) -> str:
        """Return a fact as it is stored, or an empty text."""
        rows = self._database.select("SELECT value FROM meta WHERE name = ?", (name,))
        return next((str(value) for (value,) in rows), "")

    def put_text(self, name: str, value: str) -> None:
        """Remember a fact as it is stored, within a transaction of the writer."""
        text = """INSERT INTO meta (name, value) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
        self._database.execute(text, (name, value))

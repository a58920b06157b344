"""Names for ids: gathered and asked for at the end of an extraction, put into records for mapping.

Records as extracted keep the source's ids, since a directory may be added later; what is known is
put into them each time before the transformers see them. People stay ids in records: transformers
find them among ``Schema.users``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs
from loguru import logger

from ztoq_core.contracts import Directory, Schema
from ztoq_core.engine.progress import Stop, Teller
from ztoq_core.records import (
    FieldType,
    IdKind,
    Kind,
    Link,
    Record,
    ResolvedName,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
)
from ztoq_core.store import Store
from ztoq_core.words import counted

__all__ = ["NAMELESS", "ask_names", "known_names", "nameless", "tell_nameless", "with_names"]

Names = Mapping[tuple[IdKind, str], ResolvedName]
_People = tuple[Collection[tuple[Kind, str]], Collection[str]]
"""The fields of records that hold people, and those of steps."""

_ADVICE = "names advice"
"""The store's fact that says what can be done about ids that stay unknown."""
_AT_ONCE = 100
"""Ids that a directory is asked for at once, so that a stop repeats at most so many questions."""
_KINDS = (Kind.TEST_CASE, Kind.TEST_PLAN, Kind.TEST_CYCLE, Kind.TEST_RUN, Kind.TEST_LOG)
_PEOPLE = ("owner", "executed_by", "assigned_to")
_WORDS = {
    IdKind.ISSUE: ("issue", "issues"),
    IdKind.PERSON: ("person", "people"),
    IdKind.COMPONENT: ("component", "components"),
    IdKind.VERSION: ("version", "versions"),
}
# an issue's address in Jira's API, as other products show it; what people open lies beside it
_API_ADDRESS = re.compile(r"(?P<site>https?://.+)/rest/api/(?:\d+|latest)/issue/[^/?#]+/?")


# ------------------------------------------------------------------------------------ extraction


async def ask_names(  # noqa: PLR0913, PLR0917 - what the extraction knows
    store: Store,
    directory: Directory,
    schema: Schema,
    extraction: int,
    teller: Teller,
    stop: Stop,
    since_run: int = 0,
) -> None:
    """Ask for the name of each id that extracted records have, once in an ``extraction``.

    What is known already is not asked for again, unless it is at hand. ``since_run`` as for
    ``Mapped.field_values``.
    """
    people = {(each.kind, each.name) for each in schema.fields if each.type is FieldType.USER}
    of_steps = {each.name for each in schema.step_fields if each.type is FieldType.USER}
    for kind in _KINDS:
        await _gather(store, kind, (people, of_steps), extraction, since_run)
    await store.write(store.names.gathered, extraction)
    await store.write(store.put_meta, _ADVICE, directory.advice)
    learned = dict.fromkeys(IdKind, 0)
    names = store.names
    for topic in IdKind:
        after = ""
        while ids := await store.read(names.seen, extraction, topic, after, 1000):
            after = ids[-1]
            if found := directory.at_hand(topic, ids):
                known = [each.id for each in found]
                learned[topic] += await store.write(names.save, extraction, topic, known, found)
        after = ""
        while not stop.wished and (
            ids := await store.read(names.to_ask, extraction, topic, after, _AT_ONCE)
        ):
            with logger.contextualize(stage="extract", kind=topic.value, key=ids[0]):
                found = await directory.look_up(topic, ids)
            after = ids[-1]
            learned[topic] += await store.write(names.save, extraction, topic, ids, found)
    figures = [counted(number, *_WORDS[topic]) for topic, number in learned.items() if number]
    if figures:
        teller.say(f"known by name now: {', '.join(figures)}")


async def _gather(
    store: Store, kind: Kind, people: _People, extraction: int, since_run: int
) -> None:
    after = 0
    while batch := await store.read(store.mapped.field_values, kind, after, 1000, since_run):
        found: dict[IdKind, set[str]] = {}
        for _, plain in batch:
            for topic, id_ in _ids(kind, plain, people):
                found.setdefault(topic, set()).add(id_)
        await store.write(store.names.use, extraction, found)
        after = batch[-1][0]


def _ids(kind: Kind, plain: Mapping[str, Any], people: _People) -> Iterator[tuple[IdKind, str]]:
    """Yield the ids in the plain JSON of a record."""
    for holder in (plain, *plain.get("results", ())):
        for link in holder.get("links", ()):
            if link.get("issue_id") and not link.get("issue_key"):
                yield IdKind.ISSUE, link["issue_id"]
    for name in _PEOPLE:
        if plain.get(name):
            yield IdKind.PERSON, plain[name]
    for topic in (IdKind.COMPONENT, IdKind.VERSION):
        if plain.get(topic.value):
            yield topic, plain[topic.value]
    for field in _of_people(kind, plain, people):
        if value := field.get("value"):
            yield from ((IdKind.PERSON, str(each)) for each in _each(value))


def _of_people(kind: Kind, plain: Mapping[str, Any], people: _People) -> Iterator[Any]:
    """Yield the fields of a record, and of its steps, that hold people."""
    of_records, of_steps = people
    yield from (each for each in plain.get("fields", ()) if (kind, each["name"]) in of_records)
    for step in plain.get("steps", ()) if of_steps else ():
        yield from (each for each in step.get("fields", ()) if each["name"] in of_steps)


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else (value,)


# ------------------------------------------------------------------------------- what is unknown


NAMELESS = "nameless"
"""The topic of the sentence about ids without a name, which every stage tells."""


def nameless(store: Store) -> str:
    """Return a sentence about the ids that nobody knows by name; empty where there is none."""
    counts = [each for each in store.names.counts() if each.unknown]
    if not counts:
        return ""
    figures = [f"{each.unknown:,} of {counted(each.total, *_WORDS[each.topic])}" for each in counts]
    advice = store.meta(_ADVICE)
    return f"{', '.join(figures)} could not be resolved to names; ids are used instead. {advice}"


async def tell_nameless(store: Store, teller: Teller) -> None:
    """Warn of the ids that nobody knows by name, if there are any."""
    if sentence := await store.read(nameless, store):
        teller.say(sentence, "warning", NAMELESS)


# ---------------------------------------------------------------------------------------- mapping


async def known_names(store: Store, records: Iterable[Record]) -> Names:
    """Return what is known of the ids in these records, people apart."""
    ids: dict[IdKind, set[str]] = {}
    for record in records:
        for topic, id_ in _wanted(record):
            ids.setdefault(topic, set()).add(id_)
    return await store.read(store.names.known, ids) if ids else {}


def with_names(record: Record, names: Names) -> Record:
    """Return the record with names where they are known: issues, components, versions."""
    changes: dict[str, Any] = {}
    if any(_is_open(link) for link in record.links):
        changes["links"] = _linked(record.links, names)
    if isinstance(record, TestLog) and any(map(_is_open, _of_results(record.results))):
        changes["results"] = tuple(
            attrs.evolve(each, links=_linked(each.links, names)) for each in record.results
        )
    if isinstance(record, TestCase):
        changes |= _called(
            "component", record.component, names.get((IdKind.COMPONENT, record.component))
        )
    if isinstance(record, TestCycle | TestLog):
        version = names.get((IdKind.VERSION, record.version))
        changes |= _called("version", record.version, version)
        if version and isinstance(record, TestCycle):
            changes |= {"version_start": version.start, "version_end": version.end}
    return attrs.evolve(record, **changes) if changes else record


def _called(attribute: str, id_: str, named: ResolvedName | None) -> dict[str, str]:
    return {attribute: named.name} if named and named.name and named.name != id_ else {}


def _wanted(record: Record) -> Iterator[tuple[IdKind, str]]:
    links = record.links
    if isinstance(record, TestLog):
        links = (*links, *_of_results(record.results))
    for link in links:
        if link.issue_id and not link.issue_key:
            yield IdKind.ISSUE, link.issue_id
    if isinstance(record, TestCase) and record.component:
        yield IdKind.COMPONENT, record.component
    if isinstance(record, TestCycle | TestLog) and record.version:
        yield IdKind.VERSION, record.version


def _of_results(results: Iterable[StepResult]) -> Iterator[Link]:
    return (link for result in results for link in result.links)


def _is_open(link: Link) -> bool:
    return bool(link.issue_id) and not link.issue_key


def _linked(links: Iterable[Link], names: Names) -> tuple[Link, ...]:
    return tuple(
        _resolved(link, named)
        if _is_open(link) and (named := names.get((IdKind.ISSUE, link.issue_id or "")))
        else link
        for link in links
    )


def _resolved(link: Link, issue: ResolvedName) -> Link:
    """Return the link with the key and summary of its issue, at an address that people open."""
    url = link.url
    api = _API_ADDRESS.fullmatch(url)
    if not url or api:
        beside = f"{api['site']}/browse/{issue.key}" if api and issue.key else url
        url = issue.url or beside
    return attrs.evolve(link, issue_key=issue.key or None, text=link.text or issue.name, url=url)

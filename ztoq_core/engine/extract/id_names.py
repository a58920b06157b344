"""Names for the ids in extracted records, asked for at the end of an extraction.

Records in the store keep the source's ids, since a directory may be added later. Each mapping puts
the names in that are known by then (``transform.resolved_names``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from loguru import logger

from ztoq_core.contracts import Directory
from ztoq_core.engine.run import ProgressReporter, Run
from ztoq_core.engine.schema_inference import infer_schema
from ztoq_core.records import FieldType, IdKind, Kind, counted
from ztoq_core.store import Facts, Store

_People = tuple[Collection[tuple[Kind, str]], Collection[str]]
"""The fields of records that hold people, and those of steps."""

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


# ------------------------------------------------------------------------------------ extraction


async def resolve_ids(
    run: Run,
    directory: Directory,
    reporter: ProgressReporter,
    extraction: int,
    since_run: int = 0,
) -> None:
    """Ask for the name of each id that extracted records have, once in an ``extraction``.

    A known name is asked for again only if that costs no call (``Directory.at_hand``). With
    ``since_run``, only records that were read since that run are looked at.
    """
    store = run.store
    schema = await infer_schema(run)
    people = {(each.kind, each.name) for each in schema.fields if each.type is FieldType.USER}
    of_steps = {each.name for each in schema.step_fields if each.type is FieldType.USER}
    for kind in _KINDS:
        await _gather(store, kind, (people, of_steps), extraction, since_run)
    await store.facts.save(Facts.names_gathered, extraction)
    await store.facts.save(Facts.names_advice, directory.advice)
    learned = dict.fromkeys(IdKind, 0)
    for topic in IdKind:
        after = ""
        while ids := await store.id_names.seen(extraction, topic, after, 1000):
            after = ids[-1]
            if found := directory.at_hand(topic, ids):
                known = [each.id for each in found]
                learned[topic] += await store.id_names.save(extraction, topic, known, found)
        after = ""
        while not run.waits.stopping and (
            ids := await store.id_names.to_ask(extraction, topic, after, _AT_ONCE)
        ):
            with logger.contextualize(stage="extract", kind=topic.value, key=ids[0]):
                found = await directory.look_up(topic, ids)
            after = ids[-1]
            learned[topic] += await store.id_names.save(extraction, topic, ids, found)
    figures = [counted(number, *_WORDS[topic]) for topic, number in learned.items() if number]
    if figures:
        reporter.message(f"known by name now: {', '.join(figures)}")


async def _gather(
    store: Store, kind: Kind, people: _People, extraction: int, since_run: int
) -> None:
    after = 0
    while batch := await store.transformation.field_values(kind, after, 1000, since_run):
        found: dict[IdKind, set[str]] = {}
        for _, plain in batch:
            for topic, id_ in _ids(kind, plain, people):
                found.setdefault(topic, set()).add(id_)
        await store.id_names.use(extraction, found)
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


UNRESOLVED_IDS = "nameless"
"""The topic of the warning about ids without a name, which every stage repeats."""


def unresolved_ids(store: Store) -> str:
    """Return a sentence about the ids without a known name, ``""`` if there are none."""
    counts = [each for each in store.id_names.counts.now() if each.unknown]
    if not counts:
        return ""
    figures = [f"{each.unknown:,} of {counted(each.total, *_WORDS[each.topic])}" for each in counts]
    advice = store.facts.names_advice
    return f"{', '.join(figures)} could not be resolved to names; ids are used instead. {advice}"


async def warn_unresolved_ids(store: Store, reporter: ProgressReporter) -> None:
    """Warn of the ids without a known name, if there are any."""
    if sentence := await store.database.read(unresolved_ids, store):
        reporter.message(sentence, "warning", UNRESOLVED_IDS)

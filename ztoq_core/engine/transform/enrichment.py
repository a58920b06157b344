"""Enriches extracted records with facts that need the whole project, before they are mapped.

Names of ids and of folders; which pictures are missing and why; whether a case was executed, and
which of its calls close a cycle; the name of a run's case; whether a log is the newest of its run,
and which steps its results belong to. People stay ids in records; transformers find them among
``Schema.users``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs

from ztoq_core.engine.run import Run
from ztoq_core.engine.transform.execution_order import sort_executions
from ztoq_core.engine.transform.step_matching import flatten_steps, match_results
from ztoq_core.pictures.collector import LOST
from ztoq_core.records import (
    Folder,
    IdKind,
    Image,
    Kind,
    Link,
    Record,
    Ref,
    ResolvedName,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestRun,
)
from ztoq_core.store import ExtractedRecord, Store

Names = Mapping[tuple[IdKind, str], ResolvedName]
IssuePage = Callable[[str, str], str]
"""``SourceRules.issue_page``."""
Calls = Callable[[Ref], Sequence[Ref]]


async def enriched(run: Run, number: int, ref: Ref) -> Record | None:
    """Return the extracted record in row ``number`` as the transformers get it."""
    store = run.store
    record = await store.transformation.record(ref)
    if record is None:
        return None
    enrichment = Enrichment(run)
    if not isinstance(record, TestLog):
        alone = await enrichment.named([ExtractedRecord(number, record)])
        return (await enrichment.enriched(ref.kind, alone))[0].record
    logs = await enrichment.named(await store.transformation.logs_of(record.sequence().group))
    of_run = enrichment.enriched_run(await enrichment.with_lost(logs))
    return next((log for each, log in of_run if each.item == number), record)


class Enrichment:
    """Enriches batches of records; remembers the cases that it read."""

    def __init__(self, run: Run) -> None:
        """Enrich from what the run's store holds, by the rules of its source."""
        self._store = run.store
        self._rules = run.rules
        self._case = lru_cache(maxsize=1024)(self._read_case)
        self._folder = lru_cache(maxsize=16_384)(self._read_folder)
        # only the keys of called cases are kept: chains of calls are followed to their ends
        self._calls = lru_cache(maxsize=65_536)(self._read_calls)

    async def named(self, batch: Sequence[ExtractedRecord]) -> list[ExtractedRecord]:
        """Return the records with the known names of their ids."""
        names = await known_names(self._store, (each.record for each in batch))
        if not names:
            return list(batch)
        page = self._rules.issue_page
        return [attrs.evolve(each, record=with_names(each.record, names, page)) for each in batch]

    async def enriched(self, kind: Kind, batch: Sequence[ExtractedRecord]) -> list[ExtractedRecord]:
        """Return records of a kind other than logs with facts that need the whole project."""
        batch = [
            each if record is each.record else attrs.evolve(each, record=record)
            for each in await self.with_lost(batch)
            for record in [self._in_folders(each.record)]
        ]
        if kind is Kind.TEST_CASE:
            keys = [each.record.key for each in batch]
            executed = await self._store.transformation.run_cases(keys)
            return [
                attrs.evolve(
                    each,
                    record=attrs.evolve(
                        self._with_cycles_marked(each.record), executed=each.record.key in executed
                    ),
                )
                if isinstance(each.record, TestCase)
                else each
                for each in batch
            ]
        if kind is Kind.TEST_RUN:
            cases = [each.record.case.key for each in batch if isinstance(each.record, TestRun)]
            known = await self._store.transformation.records(Kind.TEST_CASE, cases)
            return [attrs.evolve(each, record=_named(each.record, known)) for each in batch]
        return batch

    async def with_lost(self, batch: Sequence[ExtractedRecord]) -> Sequence[ExtractedRecord]:
        """Return the records with the reasons why pictures of theirs are missing."""
        keys = [image.file.key for each in batch for image in each.record.images]
        if not keys:
            return batch
        lost = await self._store.transformation.lost_files(keys)
        return [
            attrs.evolve(each, record=attrs.evolve(each.record, images=images))
            if (images := _with_reasons(each.record.images, lost)) != each.record.images
            else each
            for each in batch
        ]

    def enriched_run(
        self, run: Sequence[ExtractedRecord]
    ) -> Iterator[tuple[ExtractedRecord, TestLog]]:
        """Yield a run's logs in order, each with facts that need the whole run."""
        run = sort_executions(run)
        logs = [each.record for each in run if isinstance(each.record, TestLog)]
        executed = [log.executed for log in logs]
        for place, (scanned, log) in enumerate(zip(run, logs, strict=True)):
            others = executed[:place] + executed[place + 1 :]
            enriched = attrs.evolve(log, last=place == len(logs) - 1, siblings_executed=any(others))
            if log.results and scanned.chosen:
                enriched = self._joined(enriched, scanned)
            yield scanned, enriched

    def _joined(self, log: TestLog, scanned: ExtractedRecord) -> TestLog:
        """Join a log's results to the steps of its case.

        A log that is in the target keeps the steps that it was written with: those of the case's
        version then, even if the case has changed since.
        """
        if (then := scanned.joined) is not None:
            results = tuple(attrs.evolve(each, step=then.get(each.key, "")) for each in log.results)
            return attrs.evolve(log, results=results, drift=not then)
        if all(each.step for each in log.results):
            return log  # the source knows the steps, as a folder that ztoq wrote does
        case = self._case(log.case)
        return match_results(
            log, flatten_steps(case, self._case) if case else (), self._rules.mask_parameters
        )

    def _in_folders(self, record: Record) -> Record:
        """Return the record with the names of its folders, unless one of them is not known."""
        way: dict[Ref, str] = {}
        above = record
        while (ref := _folder_of(above)) and ref not in way:
            folder = self._folder(ref)
            if folder is None:
                return record
            way[ref], above = folder.name, folder
        path = tuple(reversed(way.values()))
        return record if path in ((), record.path) else attrs.evolve(record, path=path)

    def _read_folder(self, ref: Ref) -> Folder | None:
        record = self._store.transformation.record.now(ref)
        if not isinstance(record, Folder):
            return None
        return attrs.evolve(record, description="", fields=())  # many are kept in memory

    def _read_case(self, ref: Ref) -> TestCase | None:
        record = self._store.transformation.record.now(ref)
        return record if isinstance(record, TestCase) else None

    def _read_calls(self, ref: Ref) -> tuple[Ref, ...]:
        case = self._read_case(ref)
        return called_by(case) if case else ()

    def _with_cycles_marked(self, case: TestCase) -> TestCase:
        """Return the case with those of its calls marked that close a cycle."""
        closes = calls_closing_a_cycle(case.ref, self._calls) if called_by(case) else ()
        if not closes:
            return case
        steps = tuple(
            attrs.evolve(step, call=attrs.evolve(step.call, circular=True))
            if step.call and step.call.case in closes
            else step
            for step in case.steps
        )
        return attrs.evolve(case, steps=steps)


def _folder_of(record: Record) -> Ref | None:
    return next((ref for ref in record.parents() if ref.kind is Kind.FOLDER), None)


def _with_reasons(images: Sequence[Image], lost: Mapping[str, str]) -> tuple[Image, ...]:
    reasons = {key: why.rpartition(LOST)[2] for key, why in lost.items()}
    return tuple(attrs.evolve(each, lost=reasons.get(each.file.key, "")) for each in images)


def _named(record: Record, cases: dict[str, Record]) -> Record:
    if not isinstance(record, TestRun):
        return record
    case = cases.get(record.case.key)
    name = case.name if isinstance(case, TestCase) else record.case.key
    return attrs.evolve(record, name=name)


async def known_names(store: Store, records: Iterable[Record]) -> Names:
    """Return the known names of the ids in these records, except people."""
    ids: dict[IdKind, set[str]] = {}
    for record in records:
        for topic, id_ in _wanted(record):
            ids.setdefault(topic, set()).add(id_)
    return await store.id_names.known(ids) if ids else {}


def with_names(record: Record, names: Names, page: IssuePage) -> Record:
    """Return the record with the known names of its issues, components and versions."""
    changes: dict[str, Any] = {}
    if any(_is_open(link) for link in record.links):
        changes["links"] = _linked(record.links, names, page)
    if isinstance(record, TestLog) and any(map(_is_open, _of_results(record.results))):
        changes["results"] = tuple(
            attrs.evolve(each, links=_linked(each.links, names, page)) for each in record.results
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


def _linked(links: Iterable[Link], names: Names, page: IssuePage) -> tuple[Link, ...]:
    return tuple(
        _resolved(link, named, page)
        if _is_open(link) and (named := names.get((IdKind.ISSUE, link.issue_id or "")))
        else link
        for link in links
    )


def _resolved(link: Link, issue: ResolvedName, page: IssuePage) -> Link:
    """Return the link with the key and summary of its issue, and an address for people."""
    url = page(link.url, issue.key)
    if not url or url != link.url:
        url = issue.url or url or link.url
    return attrs.evolve(link, issue_key=issue.key or None, text=link.text or issue.name, url=url)


def called_by(case: TestCase) -> tuple[Ref, ...]:
    """Return the cases that a case calls, each once, in the order of its steps."""
    return tuple(dict.fromkeys(step.call.case for step in case.steps if step.call))


def calls_closing_a_cycle(case: Ref, calls: Calls) -> frozenset[Ref]:
    """Return the called cases whose call closes a cycle.

    It is the same call whichever case of the cycle is asked: calls are looked at by key and order,
    and the first that leads back over earlier ones closes the cycle.
    """
    cycle = _cycle(case, calls)
    if not cycle:
        return frozenset()
    kept: dict[Ref, list[Ref]] = {each: [] for each in cycle}
    closes = []
    for caller in sorted(cycle, key=lambda ref: ref.key):
        for callee in calls(caller):
            if callee not in cycle:
                continue
            if callee == caller or caller in _reachable(callee, kept):
                closes.append((caller, callee))
            else:
                kept[caller].append(callee)
    return frozenset(callee for caller, callee in closes if caller == case)


def _cycle(case: Ref, calls: Calls) -> Collection[Ref]:
    """Return the cases that the case calls, directly or not, and that call it back."""
    found: dict[Ref, Sequence[Ref]] = {}
    waiting = [case]
    while waiting:
        if (one := waiting.pop()) not in found:
            found[one] = calls(one)
            waiting += found[one]
    back: dict[Ref, list[Ref]] = {}
    for caller, callees in found.items():
        for callee in callees:
            back.setdefault(callee, []).append(caller)
    return _reachable(case, back) if case in back else ()


def _reachable(start: Ref, edges: Mapping[Ref, Sequence[Ref]]) -> set[Ref]:
    found: set[Ref] = set()
    waiting = [start]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += edges.get(one, ())
    return found

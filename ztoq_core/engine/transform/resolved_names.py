"""Puts names into records where their ids are known: of issues, components and versions.

People stay ids in records; transformers find them among ``Schema.users``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from ztoq_core.records import (
    IdKind,
    Link,
    Record,
    ResolvedName,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
)
from ztoq_core.store import Store

Names = Mapping[tuple[IdKind, str], ResolvedName]
IssuePage = Callable[[str, str], str]
"""``SourceRules.issue_page``."""


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

"""Finds the project's requirements by the keys of Jira issues, and makes those that are missing.

One that the project has already is only linked. Nothing keeps two migrations from making the same
requirement at the same time, so each looks again after it made one: the older one stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from ztoq_core.plugin import (
    AccessError,
    FieldType,
    FieldValue,
    Kind,
    Level,
    Note,
    RejectedError,
    Requirement,
    Skip,
    Written,
)
from ztoq_qtest.api.object_types import ROOT_CASES, Place, place_of
from ztoq_qtest.api.project import FORBIDDEN, MISSING, PAGE_SIZE, Project, Query
from ztoq_qtest.fields.encoding import readable_table
from ztoq_qtest.fields.settings import fallbacks
from ztoq_qtest.html import add_mark, with_suffix
from ztoq_qtest.objects.marks import keys_of
from ztoq_qtest.objects.stamps import written
from ztoq_qtest.write.save import Desk, Job, looking_at_new, parent_place, save

__all__ = ["write_requirement"]

KEY = r"[A-Z][A-Z0-9_]*-\d+"
ISSUE = re.compile(KEY)
# "ACME-7 Pay", "[ACME-7] Pay", "Pay (ACME-7)"; never the ACME-7 of ACME-70 or ACME-7-b
FIRST = re.compile(rf"\s*[\[(]?({KEY})(?![\w-])")
LAST = re.compile(rf"[\[(]({KEY})[\])]\s*$")
PASSES = 5  # over a list that others change meanwhile


@attrs.define(eq=False)
class _Shelf:
    """The project's requirements by issue key; the surest way of telling first, then the oldest.

    ``mirrors`` counts those that Jira made, ``size`` is how many a page holds.
    """

    places: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    seen: set[int] = attrs.field(factory=set)
    mirrors: int = 0
    size: int = PAGE_SIZE

    def add(self, item: Mapping[str, Any]) -> bool:
        """Take one in; return whether it is new."""
        number = int(item["id"])
        if number in self.seen:
            return False
        self.seen.add(number)
        self.mirrors += any((item.get("external_properties") or {}).values())
        for trust, key in _issue_keys(item):
            self.places[key] = min(self.places.get(key, (trust, number)), (trust, number))
        return True

    def find(self, key: str) -> int | None:
        """Return the id of the requirement of an issue."""
        return self.places[key][1] if key in self.places else None


def _issue_keys(item: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    external = item.get("external_properties") or {}
    link = urlsplit(str(external.get("link") or "")).path.rstrip("/").rpartition("/")[2]
    for text in (external.get("unique_id"), external.get("id"), link):
        if ISSUE.fullmatch(str(text or "")):
            yield 0, str(text)
    name = str(item.get("name") or "")
    if first := FIRST.match(name):
        yield 1, first.group(1)
    elif last := LAST.search(name):
        yield 2, last.group(1)


async def write_requirement(desk: Desk, requirement: Requirement, job: Job) -> Written:
    """Write a requirement, or name the one that the project already has for the issue.

    One that ztoq did not make bears no mark of its own; it is linked and never changed.

    Raises:
        Skip: The project mirrors Jira's issues, or the config says to link only, and this one is
            not there yet. A later run finds it.
    """
    project = desk.project
    if job.target_id:
        place = place_of(Kind.REQUIREMENT, job.target_id)
        now = await project.get(place.path)
        if requirement.key not in keys_of(
            "requirements", now, await desk.settings.fields("requirements"), project.config
        ):
            return _borrowed(place, now)
        return await _save(desk, requirement, job)
    shelf = await _shelf(desk)
    found = shelf.find(requirement.issue_key)
    if found is not None:
        place = Place("requirements", found)
        return _borrowed(place, await project.get(place.path))
    if await _links_only(desk, shelf):
        raise Skip(
            f"no requirement of {requirement.issue_key} is in qTest yet; retrieve it there from"
            " Jira, and the next migration links it",
            code="requirement-not-retrieved",
        )
    made = await _save(desk, requirement, job)
    with looking_at_new(requirement.ref, new=True):
        return await _older(desk, shelf, requirement, made)


def _borrowed(place: Place, now: Mapping[str, Any]) -> Written:
    # others may change it as they like: without a stamp that is no conflict
    return attrs.evolve(written(place, str(place.id), now), borrowed=True, stamp="")


async def _save(desk: Desk, requirement: Requirement, job: Job) -> Written:
    project, settings = desk.project, desk.settings
    fields = await settings.fields("requirements")
    marked = await settings.has_key_field(Kind.REQUIREMENT)
    filled = await settings.properties(
        Kind.REQUIREMENT, requirement.fields, mark=requirement.key, clear=job.target_id is not None
    )
    properties, rest = filled.properties, filled.rest
    text = requirement.description + readable_table(rest)
    name, notes = requirement.name, filled.notes("description")
    if described := fields.named("Description"):
        text = text if marked else add_mark(text, project.config.key_field, requirement.key)
        value = FieldValue(name=described.label, value=text, type=FieldType.RICH_TEXT)
        properties += (await settings.properties(Kind.REQUIREMENT, [value])).properties
    else:
        name = name if marked else with_suffix(name, requirement.key)
        described_ = (FieldValue(name="Description", value=text),) if text else ()
        notes = (*filled.changes, *fallbacks((*rest, *described_), ""))
    root = ROOT_CASES if project.config.root_module else None
    parent = parent_place(job.links, requirement.folder, root, requirement)
    body = {"name": name, "properties": properties}
    at = place_of(Kind.REQUIREMENT, job.target_id) if job.target_id else "requirements"
    answer = await save(project, at, body, parent, requirement.ref)
    place = Place("requirements", int(answer["id"]))
    return written(place, str(place.id), answer, notes=notes)


# ------------------------------------------------------------------------------- what is there


async def _shelf(desk: Desk) -> _Shelf:
    """Return the project's requirements, listed once a run and completed by what this run sees."""
    name = f"qtest requirements {desk.project.config.project}"
    return await desk.project.services.once(name, lambda: _listed(desk.project))


async def _listed(project: Project) -> _Shelf:
    """List all requirements, again until nothing new shows: the list may shift as it is read."""
    shelf = _Shelf()
    for _ in range(PASSES):
        if not await _read_on(project, shelf, 1):
            break
    return shelf


async def _read_on(project: Project, shelf: _Shelf, page: int, *, short: bool = False) -> int:
    """Read the list from a page to its end; return how many were new.

    ``short``: a page with fewer than the first one is the last one.
    """
    # "all Requirements or Requirements under a specific Module" (vendor's document)
    query: Query = {"size": PAGE_SIZE, "includeExternalProperties": "true"}
    fresh = 0
    last: set[int] = set()
    while True:
        items = await project.get("requirements", **query, page=page)
        numbers = {int(item["id"]) for item in items}
        if not numbers or numbers <= last:
            return fresh
        if page == 1:
            shelf.size = len(items)
        fresh += sum([shelf.add(item) for item in items])
        if short and page > 1 and len(items) < shelf.size:
            return fresh
        last |= numbers
        page += 1


async def _older(desk: Desk, shelf: _Shelf, requirement: Requirement, made: Written) -> Written:
    """Return what was made, or an older requirement of the issue that another run made meanwhile.

    New ones stand at the end of the list, or at its begin (guess): where the own one shows, another
    one would. The page before the last is read too, as some may have gone. Ids grow.
    """
    project, number = desk.project, int(made.target_id)
    end = max(1, len(shelf.seen) // max(1, shelf.size))
    await _read_on(project, shelf, end, short=True)
    if end > 1 and number not in shelf.seen:
        items = await project.get(
            "requirements", page=1, size=PAGE_SIZE, includeExternalProperties="true"
        )
        for item in items:
            shelf.add(item)
    found = shelf.find(requirement.issue_key)
    if found is None or found >= number:
        return made
    place = Place("requirements", found)
    try:
        await project.send("DELETE", f"requirements/{number}", accept={MISSING})
    except (AccessError, RejectedError) as error:
        text = (
            f"requirement {found} came in for {requirement.issue_key} while ztoq made {number},"
            f" which could not be removed ({error}); remove it by hand"
        )
        note = Note(level=Level.FALLBACK, code="requirement-doubled", text=text)
        return attrs.evolve(made, notes=(*made.notes, note))
    return _borrowed(place, await project.get(place.path))


# ------------------------------------------------------------------------- qTest-Jira integration


async def _links_only(desk: Desk, shelf: _Shelf) -> bool:
    chosen = desk.project.config.requirements
    if chosen != "auto":
        return chosen == "link-only"
    if shelf.mirrors:
        return True
    name = f"qtest mirrors Jira {desk.project.config.project}"
    return await desk.project.services.once(name, lambda: _mirrors(desk.project))


async def _mirrors(project: Project) -> bool:
    """Whether the project is set to mirror issues as requirements.

    Guess: it has an active connection to Jira with a mapping of requirements. Who may not ask is
    told nothing, and then only mirrored requirements tell. A mapping names project and issue type
    by Jira's numbers (vendor's document), which no record has: so it counts for all issues.
    """
    path = "settings/integration/connections"
    for each in await _asked(project, path):
        if each.get("active") is False or each.get("id") is None:
            continue
        if await _asked(project, f"{path}/{each['id']}/requirement/mappings"):
            return True
    return False


async def _asked(project: Project, path: str) -> list[Mapping[str, Any]]:
    try:
        body = await project.get(path)
    except AccessError as error:
        if error.status != FORBIDDEN:
            raise
        return []
    except RejectedError:
        return []  # a site without the integration may refuse in any way
    # the document has one object where it speaks of all
    items = body if isinstance(body, list) else [body]
    return [each for each in items if isinstance(each, dict) and each]

"""Finds the project's requirements by the keys of Jira issues, and creates those that are missing.

An existing requirement is only linked, never changed. Two migrations may create a requirement for
the same issue at the same time, and qTest has no lock. So each lists the requirements once more
after it created one; the older requirement stays, and ztoq deletes its own if it is the younger.
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
    RecordError,
    RejectedError,
    Requirement,
    Skip,
    Written,
)
from ztoq_qtest.api.object_types import ROOT_CASES, ObjectRef, object_ref
from ztoq_qtest.api.project import (
    FORBIDDEN,
    KEPT_CHANGING,
    MISSING,
    PAGE_SIZE,
    PASSES,
    Project,
    Query,
    is_whole,
    items_of,
)
from ztoq_qtest.fields.encoding import values_table
from ztoq_qtest.fields.settings import fallback_notes
from ztoq_qtest.html import add_mark
from ztoq_qtest.note_codes import REQUIREMENT_DOUBLED, REQUIREMENT_NOT_RETRIEVED
from ztoq_qtest.objects.marks import find_keys
from ztoq_qtest.objects.stamps import as_written
from ztoq_qtest.write.save import (
    Draft,
    Session,
    WriteRequest,
    doubt_if_created,
    find_parent,
    save_draft,
    suffixed,
)

KEY = r"[A-Z][A-Z0-9_]*-\d+"
ISSUE = re.compile(KEY)
# "ACME-7 Pay", "[ACME-7] Pay", "Pay (ACME-7)"; never the ACME-7 of ACME-70 or ACME-7-b
FIRST = re.compile(rf"\s*[\[(]?({KEY})(?![\w-])")
LAST = re.compile(rf"[\[(]({KEY})[\])]\s*$")


@attrs.define(eq=False)
class _RequirementIndex:
    """The project's requirements by issue key.

    ``found`` holds (rank of the evidence, id) per key: a link to Jira ranks before a key in the
    name, then the lowest id wins. ``mirrors`` counts requirements that the Jira integration made,
    ``size`` is the number of items on a page.
    """

    found: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    seen: set[int] = attrs.field(factory=set)
    mirrors: int = 0
    size: int = PAGE_SIZE

    def add(self, item: Mapping[str, Any]) -> None:
        """Add a requirement, unless it is known."""
        number = int(item["id"])
        if number in self.seen:
            return
        self.seen.add(number)
        self.mirrors += any((item.get("external_properties") or {}).values())
        for rank, key in _issue_keys(item):
            self.found[key] = min(self.found.get(key, (rank, number)), (rank, number))

    def find(self, key: str) -> int | None:
        """Return the id of the requirement of an issue."""
        return self.found[key][1] if key in self.found else None


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


async def write_requirement(
    session: Session, requirement: Requirement, request: WriteRequest
) -> Written:
    """Write a requirement, or return the one that the project already has for the issue.

    A requirement that ztoq did not make has no mark; it is linked and never changed.

    Raises:
        Skip: The project mirrors Jira's issues, or the config allows linking only, and qTest has
            no requirement of the issue yet. A later run may find it.
    """
    project = session.project
    if request.target_id:
        target = object_ref(Kind.REQUIREMENT, request.target_id)
        now = await project.get(target.path)
        if requirement.key not in find_keys(
            "requirements", now, await session.settings.fields("requirements"), project.config
        ):
            return _as_borrowed(target, now)
        return await _save(session, requirement, request)
    index = await _requirement_index(session)
    found = index.find(requirement.issue_key)
    if found is not None:
        target = ObjectRef("requirements", found)
        return _as_borrowed(target, await project.get(target.path))
    if await _only_links(session, index):
        raise Skip(
            f"qTest has no requirement for {requirement.issue_key} yet; retrieve the issue from"
            " Jira in qTest, and the next migration links it",
            code=REQUIREMENT_NOT_RETRIEVED,
        )
    made = await _save(session, requirement, request)
    with doubt_if_created(requirement.ref, new=True):
        return await _keep_older(session, index, requirement, made)


def _as_borrowed(target: ObjectRef, now: Mapping[str, Any]) -> Written:
    # Its owners may change it at any time. Without a stamp such a change is not a conflict.
    return attrs.evolve(as_written(target, str(target.id), now), borrowed=True, stamp="")


async def _save(session: Session, requirement: Requirement, request: WriteRequest) -> Written:
    draft = await draft_requirement(session, requirement, request)
    target, answer = await save_draft(session.project, draft, requirement, request)
    return as_written(target, str(target.id), answer, notes=draft.notes)


async def draft_requirement(
    session: Session, requirement: Requirement, request: WriteRequest
) -> Draft:
    """Return what is sent for a requirement."""
    project, settings = session.project, session.settings
    fields = await settings.fields("requirements")
    marked = await settings.has_key_field(Kind.REQUIREMENT)
    filled = await settings.encode_properties(
        Kind.REQUIREMENT,
        requirement.fields,
        mark=requirement.key,
        clear=request.target_id is not None,
    )
    properties, rest = filled.properties, filled.rest
    text = requirement.description + values_table(rest)
    name, notes = requirement.name, filled.notes("description")
    if described := fields.named("Description"):
        text = text if marked else add_mark(text, project.config.key_field, requirement.key)
        value = FieldValue(name=described.label, value=text, type=FieldType.RICH_TEXT)
        properties += (await settings.encode_properties(Kind.REQUIREMENT, [value])).properties
    else:
        name, cut = (name, ()) if marked else suffixed(name, requirement.key)
        described_ = (FieldValue(name="Description", value=text),) if text else ()
        notes = (*cut, *filled.changes, *fallback_notes((*rest, *described_), ""))
    root = ROOT_CASES if project.config.root_module else None
    parent = find_parent(request.links, requirement.folder, root, requirement)
    body = {"name": name, "properties": properties}
    return Draft(type="requirements", parent=parent, body=body, notes=tuple(notes))


# -------------------------------------------------------------------------- existing requirements


async def _requirement_index(session: Session) -> _RequirementIndex:
    """Return the project's requirements, listed once per run and kept up to date by this run."""
    name = f"qtest requirements {session.project.config.project}"
    return await session.project.services.once(name, lambda: _listed(session.project))


async def _listed(project: Project) -> _RequirementIndex:
    """List all requirements, as ``Project.pages``, and how many items a page has."""
    index = _RequirementIndex()
    earlier = None
    for _ in range(PASSES):
        here = await _read_pages(project, index, 1)
        if not here or is_whole(earlier, here):
            return index
        earlier = here
    raise RecordError(KEPT_CHANGING.format("requirements"))


async def _read_pages(
    project: Project, index: _RequirementIndex, page: int, *, short: bool = False
) -> set[int]:
    """Read the list from ``page`` to its end; return the ids that it showed.

    ``short``: a page with fewer items than the first page is the last one.
    """
    # "all Requirements or Requirements under a specific Module" (vendor's document)
    query: Query = {"size": PAGE_SIZE, "includeExternalProperties": "true"}
    shown: set[int] = set()
    while True:
        items = items_of(await project.get("requirements", **query, page=page))
        numbers = {int(item["id"]) for item in items}
        if numbers <= shown:
            return shown
        if page == 1:
            index.size = len(items)
        for item in items:
            index.add(item)
        shown |= numbers
        if short and page > 1 and len(items) < index.size:
            return shown
        page += 1


async def _keep_older(
    session: Session, index: _RequirementIndex, requirement: Requirement, made: Written
) -> Written:
    """Return ``made``, or an older requirement that another run made for the same issue.

    Guess: the list shows new requirements at its end or at its beginning. The end at which
    ``made`` shows is the end at which a rival would show. Deleted requirements shift the pages,
    so the page before the last is read too. Ids grow, so the lower id is older.
    """
    project, number = session.project, int(made.target_id)
    end = max(1, len(index.seen) // max(1, index.size))
    await _read_pages(project, index, end, short=True)
    if end > 1 and number not in index.seen:
        first = await project.get(
            "requirements", page=1, size=PAGE_SIZE, includeExternalProperties="true"
        )
        for item in items_of(first):
            index.add(item)
    found = index.find(requirement.issue_key)
    if found is None or found >= number:
        return made
    target = ObjectRef("requirements", found)
    try:
        await project.send("DELETE", f"requirements/{number}", accept={MISSING})
    except (AccessError, RejectedError) as error:
        text = (
            f"another program made requirement {found} for {requirement.issue_key} while ztoq made"
            f" {number}, which ztoq could not delete ({error}); delete {number} in qTest"
        )
        note = REQUIREMENT_DOUBLED.note(text)
        return attrs.evolve(made, notes=(*made.notes, note))
    return _as_borrowed(target, await project.get(target.path))


# ------------------------------------------------------------------------- qTest-Jira integration


async def _only_links(session: Session, index: _RequirementIndex) -> bool:
    chosen = session.project.config.requirements
    if chosen != "auto":
        return chosen == "link-only"
    if index.mirrors:
        return True
    name = f"qtest mirrors Jira {session.project.config.project}"
    return await session.project.services.once(name, lambda: _is_mirrored(session.project))


async def _is_mirrored(project: Project) -> bool:
    """Return whether the project is configured to mirror Jira issues as requirements.

    Guess: that is so if it has an active connection to Jira with a mapping of requirements. Most
    tokens may not read the connections; then only an existing mirrored requirement shows it. A
    mapping names project and issue type by Jira's numeric ids (vendor's document), which records
    do not have, so any mapping counts for all issues.
    """
    path = "settings/integration/connections"
    for each in await _ask(project, path):
        if each.get("active") is False or each.get("id") is None:
            continue
        if await _ask(project, f"{path}/{each['id']}/requirement/mappings"):
            return True
    return False


async def _ask(project: Project, path: str) -> list[Mapping[str, Any]]:
    try:
        body = await project.get(path)
    except AccessError as error:
        if error.status != FORBIDDEN:
            raise
        return []
    except RejectedError:
        return []  # a site without the integration may answer with any error
    return [each for each in body if each]

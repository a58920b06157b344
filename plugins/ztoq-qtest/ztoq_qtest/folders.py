"""Writes modules, test cycles that are folders, and requirements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Folder,
    Kind,
    RecordError,
    Requirement,
    Tree,
    Written,
)
from ztoq_qtest.fields import fallbacks
from ztoq_qtest.kinds import ROOT_CASES, ROOT_CYCLES, Place, place_of
from ztoq_qtest.marks import keys_of
from ztoq_qtest.saving import Desk, Job, parent_place, save
from ztoq_qtest.stamps import written
from ztoq_qtest.texts import add_mark, with_suffix
from ztoq_qtest.values import readable_table

__all__ = ["write_folder", "write_requirement"]

ISSUE = re.compile(r"[A-Z][A-Z0-9_]*-\d+(?![\w-])")


async def write_folder(desk: Desk, folder: Folder, job: Job) -> Written:
    """Write a module or a test cycle; the key always stands in its description."""
    config = desk.project.config
    if folder.tree is Tree.CASES:
        type_, root = "modules", ROOT_CASES if config.root_module else None
    elif folder.tree is Tree.CYCLES or config.plans == "cycle":
        type_, root = "test-cycles", ROOT_CYCLES if config.root_cycle else None
    else:
        raise RecordError(f"{folder.ref}: qTest has no folders of releases")
    parent = parent_place(job.links, folder.parent, root, folder)
    text = folder.description + readable_table(folder.fields)
    body = {"name": folder.name, "description": add_mark(text, config.key_field, folder.key)}
    at = place_of(Kind.FOLDER, job.target_id) if job.target_id else type_
    answer = await save(desk.project, at, body, parent, folder.ref)
    place = Place(type_, int(answer["id"]))
    notes = fallbacks((f for f in folder.fields if not f.optional), "description")
    return written(place, place.path, answer, notes=notes)


async def write_requirement(desk: Desk, requirement: Requirement, job: Job) -> Written:
    """Write a requirement, or name the one that the project already has for the issue.

    One that ztoq did not make bears no mark of its own; it is linked and never changed.
    """
    project, settings = desk.project, desk.settings
    if job.target_id:
        place = place_of(Kind.REQUIREMENT, job.target_id)
        now = await project.get(place.path)
        if requirement.key not in keys_of(
            "requirements", now, await settings.fields("requirements"), project.config
        ):
            return attrs.evolve(written(place, job.target_id, now), borrowed=True)
    elif found := (await _known(desk)).get(requirement.issue_key):
        place = Place("requirements", found)
        there = written(place, str(found), await project.get(place.path))
        return attrs.evolve(there, borrowed=True)
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


async def _known(desk: Desk) -> Mapping[str, int]:
    """Return the project's requirements by the issue key that they mirror or are named by."""

    async def ask() -> dict[str, int]:
        found: dict[str, int] = {}
        # "all Requirements or Requirements under a specific Module" (vendor's document)
        query = {"includeExternalProperties": "true"}
        async for item in desk.project.pages("requirements", query, size_name="size"):
            for key in _issue_keys(item):
                found.setdefault(key, int(item["id"]))
        return found

    name = f"qtest requirements {desk.project.config.project}"
    return await desk.project.services.once(name, ask)


def _issue_keys(item: Mapping[str, Any]) -> list[str]:
    external = item.get("external_properties") or {}
    texts = [external.get("unique_id"), external.get("id")]
    texts.append(str(external.get("link") or "").rstrip("/").rpartition("/")[2])
    keys = [str(text) for text in texts if text and ISSUE.fullmatch(str(text))]
    if named := ISSUE.match(str(item.get("name") or "")):
        keys.append(named.group())
    return keys

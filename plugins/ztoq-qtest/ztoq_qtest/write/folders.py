"""Writes modules, and test cycles that are folders."""

from __future__ import annotations

from ztoq_core.plugin import Folder, Kind, RecordError, Tree, Written
from ztoq_qtest.api.object_types import ROOT_CASES, ROOT_CYCLES, Place, place_of
from ztoq_qtest.fields.encoding import readable_table
from ztoq_qtest.fields.settings import fallbacks
from ztoq_qtest.html import add_mark
from ztoq_qtest.objects.stamps import written
from ztoq_qtest.write.save import Desk, Job, parent_place, save

__all__ = ["write_folder"]


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

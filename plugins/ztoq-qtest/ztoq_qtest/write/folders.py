"""Writes modules, and test cycles that are folders."""

from __future__ import annotations

from ztoq_core.plugin import Folder, RecordError, Tree, Written
from ztoq_qtest.api.object_types import ROOT_CASES, ROOT_CYCLES
from ztoq_qtest.fields.encoding import values_table
from ztoq_qtest.fields.settings import fallback_notes
from ztoq_qtest.html import add_mark
from ztoq_qtest.objects.stamps import as_written
from ztoq_qtest.write.save import Draft, Session, WriteRequest, find_parent, save_draft


async def write_folder(session: Session, folder: Folder, request: WriteRequest) -> Written:
    """Write a module or a test cycle."""
    draft = await draft_folder(session, folder, request)
    target, answer = await save_draft(session.project, draft, folder, request)
    return as_written(target, target.path, answer, notes=draft.notes)


async def draft_folder(session: Session, folder: Folder, request: WriteRequest) -> Draft:
    """Return what is sent for a folder; its description always holds the key."""
    config = session.project.config
    if folder.tree is Tree.CASES:
        type_, root = "modules", ROOT_CASES if config.root_module else None
    elif folder.tree is Tree.CYCLES or config.plans == "cycle":
        type_, root = "test-cycles", ROOT_CYCLES if config.root_cycle else None
    else:
        raise RecordError(f"{folder.ref}: qTest cannot sort releases into folders")
    parent = find_parent(request.links, folder.parent, root, folder)
    text = folder.description + values_table(folder.fields)
    body = {"name": folder.name, "description": add_mark(text, config.key_field, folder.key)}
    notes = fallback_notes((f for f in folder.fields if not f.optional), "description")
    return Draft(type=type_, parent=parent, body=body, notes=notes)

"""Maps files; those of cycles go elsewhere, as qTest's suites take none."""

from __future__ import annotations

import attrs

from ztoq_core.plugin import Attachment, Kind, Record, Ref, Skip, TestCase
from ztoq_mappings.note_codes import CYCLE_FILE
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import name
from ztoq_mappings.to_qtest import links
from ztoq_mappings.to_qtest.context import MappingContext, brought, module


def mapped_file(file: Attachment, context: MappingContext) -> Attachment:
    """Return the file with an owner that takes files.

    Raises:
        Skip: It belongs to a cycle whose files stay in the store (``cycle_files = "store"``).
    """
    notes = NoteCollector(file.notes)
    short, _ = name(file.name, notes, file.key)
    owner, brings = file.owner, file.companions
    if not _takes_files(owner.kind, context):
        owner, more = _other_owner(file, context, notes)
        brings = brought(file, *more)
    return attrs.evolve(
        file,
        name=short,
        owner=owner,
        fields=context.field_labels.values(Kind.ATTACHMENT, file.fields, notes),
        links=links.checked(file.links, notes),
        companions=brings,
        notes=notes.notes(),
    )


def _takes_files(kind: Kind, context: MappingContext) -> bool:
    # qTest v3 document, blob-handles: releases, builds, requirements, cases, steps, logs, defects
    return kind in (Kind.TEST_CASE, Kind.TEST_LOG, Kind.REQUIREMENT) or (
        kind is Kind.TEST_PLAN and context.plans_are_releases
    )


def _other_owner(
    file: Attachment, context: MappingContext, notes: NoteCollector
) -> tuple[Ref, tuple[Record, ...]]:
    owner = file.owner
    if context.cycle_files == "store":
        raise Skip(f"qTest takes no file on a {owner.kind}; it is kept in the store (cycle_files)")
    if context.cycle_files == "release" and file.plan and context.plans_are_releases:
        notes.add(CYCLE_FILE, f"the file of {owner.key} is at the release {file.plan.key}")
        return file.plan, ()
    notes.add(CYCLE_FILE, f"the file is at the test case 'Attachments of {owner.key}'")
    folder = module(f"{context.home(owner.key)}-F-cycle-documents", context.options.cycle_documents)
    case = TestCase(key=f"{owner.key}-files", name=f"Attachments of {owner.key}", folder=folder.ref)
    return case.ref, (folder, case)

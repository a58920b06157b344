"""The transform: one record in, one record out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ztoq_core.plugin import (
    Finding,
    Kind,
    Record,
    Requirement,
    Schema,
    Transform,
    TransformContext,
    folded,
)
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.pictures import with_pictures
from ztoq_mappings.texts import name, rich
from ztoq_mappings.to_qtest import links
from ztoq_mappings.to_qtest.cases import mapped_case
from ztoq_mappings.to_qtest.containers import (
    mapped_cycle,
    mapped_folder,
    mapped_plan,
    mapped_run,
)
from ztoq_mappings.to_qtest.context import MappingContext
from ztoq_mappings.to_qtest.files import mapped_file
from ztoq_mappings.to_qtest.logs import mapped_log
from ztoq_mappings.to_qtest.name_tables import name_tables
from ztoq_mappings.to_qtest.options import Options
from ztoq_mappings.to_qtest.prefilled import with_prefilled_texts


def build(options: Options, context: TransformContext) -> Transform:
    """Return the mapping from the neutral records to qTest.

    Raises:
        ConfigError: An option cannot be used.
    """
    run = MappingContext.of(options, context)

    def transform(record: Record) -> Record:
        if record.companions:  # from an earlier transformer, and not converted yet
            record = attrs.evolve(record, companions=tuple(map(transform, record.companions)))
        mapped = _MAPPED.get(record.kind)
        return mapped(with_pictures(with_prefilled_texts(record)), run) if mapped else record

    return transform


def check(_options: Options, _source: Schema, sink: Schema) -> tuple[Finding, ...]:
    """Return the statuses of the mapping that the target does not have."""
    known = name_tables()
    needed = {known.not_executed, known.otherwise}
    needed |= {status for found in known.statuses.values() for status in found}
    present = {folded(status) for status in sink.statuses}
    return tuple(
        Finding(
            level="warning",
            text=f"qTest has no execution status {status!r}; executions need one of that name"
            " or of their own",
        )
        for status in sorted(needed)
        if present and status.casefold() not in present
    )


def _requirement(requirement: Requirement, context: MappingContext) -> Requirement:
    notes = NoteCollector(requirement.notes)
    short, _ = name(requirement.name, notes, requirement.key)
    return attrs.evolve(
        requirement,
        name=short,
        description=rich(requirement.description, notes)
        + links.listed("Links", requirement.links, notes),
        fields=context.field_labels.values(Kind.REQUIREMENT, requirement.fields, notes),
        links=(),
        notes=notes.notes(),
    )


_MAPPED: Mapping[Kind, Callable[[Any, MappingContext], Record]] = {
    Kind.FOLDER: mapped_folder,
    Kind.REQUIREMENT: _requirement,
    Kind.TEST_CASE: mapped_case,
    Kind.TEST_PLAN: mapped_plan,
    Kind.TEST_CYCLE: mapped_cycle,
    Kind.TEST_RUN: mapped_run,
    Kind.TEST_LOG: mapped_log,
    Kind.ATTACHMENT: mapped_file,
}

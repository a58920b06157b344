"""The sections of a mapping file: the kinds of records, and the steps of test cases."""

from __future__ import annotations

from enum import StrEnum

from ztoq_core.plugin import FieldSpec, Kind, Schema


class Section(StrEnum):
    """A section of a mapping file: a kind of record, or the steps of test cases."""

    FOLDER = "folder"
    REQUIREMENT = "requirement"
    TEST_CASE = "test_case"
    TEST_STEP = "test_step"
    TEST_PLAN = "test_plan"
    TEST_CYCLE = "test_cycle"
    TEST_RUN = "test_run"
    TEST_LOG = "test_log"
    ATTACHMENT = "attachment"

    @property
    def words(self) -> str:
        """Its name in messages."""
        return self.value.replace("_", " ")

    def source_fields(self, source: Schema) -> tuple[FieldSpec, ...]:
        """Return the known fields of the source."""
        if self is Section.TEST_STEP:
            return source.step_fields
        return tuple(each for each in source.fields if each.kind.value == self.value)

    def source_field(self, source: Schema, name: str) -> FieldSpec | None:
        """Return the source's field by its name."""
        if self is Section.TEST_STEP:
            return source.step_field(name)
        return source.field(Kind(self.value), name)

    def borrows(self, sink: Schema) -> bool:
        """Return whether the target's fields are those of another kind."""
        return self is not Section.TEST_STEP and Kind(self.value) in sink.field_owner

    def target_fields(self, sink: Schema) -> tuple[FieldSpec, ...]:
        """Return the fields that the target has for it."""
        if self is Section.TEST_STEP:
            return sink.step_fields
        owner = self._owner(sink)
        return tuple(each for each in sink.fields if each.kind is owner)

    def target_field(self, sink: Schema, name: str) -> FieldSpec | None:
        """Return the target's field whose name or else alias is ``name``."""
        if self is Section.TEST_STEP:
            return sink.step_field(name)
        return sink.field(self._owner(sink), name)

    def can_be_made(self, sink: Schema) -> bool:
        """Return whether fields that the target lacks will be made; those of steps never are."""
        return sink.can_create_fields and self is not Section.TEST_STEP

    def _owner(self, sink: Schema) -> Kind:
        kind = Kind(self.value)
        return sink.field_owner.get(kind, kind)

"""Tests of plugins get real services and can read what was noted."""

from __future__ import annotations

from ztoq_testkit import Notes, lent

from ztoq_core.records import Kind, Level, LossGroup, NoteCode, Ref

LOST = NoteCode("lost", Level.LOSS, LossGroup.LOST, "what is lost")
CHANGED = NoteCode("changed", Level.CHANGE, LossGroup.CHANGED, "what is changed")


def test_notes_are_kept_once_with_what_they_are_about() -> None:
    notes = Notes()
    services = lent(notes)
    case = Ref(Kind.TEST_CASE, "ACME-T1")

    services.note(LOST, "it is lost", case)
    services.note(LOST, "it is lost", case)
    services.note(CHANGED, "it is changed")

    assert notes.codes() == ["changed", "lost"]
    assert [ref for _, ref in notes.kept] == [case, None]


def test_notes_that_nobody_reads_need_no_place() -> None:
    lent().note(CHANGED, "it is changed")

"""Tests of plugins get real services and can read what was noted."""

from __future__ import annotations

from ztoq_testkit import Notes, lent

from ztoq_core.records import Kind, Level, Ref


def test_notes_are_kept_once_with_what_they_are_about() -> None:
    notes = Notes()
    services = lent(notes)
    case = Ref(Kind.TEST_CASE, "ACME-T1")

    services.note(Level.LOSS, "lost", "it is lost", case)
    services.note(Level.LOSS, "lost", "it is lost", case)
    services.note(Level.CHANGE, "changed", "it is changed")

    assert notes.codes() == ["changed", "lost"]
    assert [ref for _, ref in notes.kept] == [case, None]


def test_notes_that_nobody_reads_need_no_place() -> None:
    lent().note(Level.CHANGE, "changed", "it is changed")

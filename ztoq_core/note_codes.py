"""The reasons for the notes that the engine itself makes; plugins declare theirs."""

from __future__ import annotations

from ztoq_core.records import Level, LossGroup, NoteCode

SKIPPED = NoteCode(
    "skipped", Level.LOSS, LossGroup.LOST, "a record that the mapping leaves out as a loss"
)
PICTURES_LEFT = NoteCode(
    "pictures-left",
    Level.FALLBACK,
    LossGroup.LOST,
    "pictures in texts, which stay at the source's hosts (`images.fetch = false`)",
)
REFERENCE_MISSING = NoteCode(
    "reference-missing",
    Level.FALLBACK,
    LossGroup.CHANGED,
    "a link in a text to what is not in the target: words instead",
)
DUPLICATE_IN_TARGET = NoteCode(
    "duplicate-in-target",
    Level.FALLBACK,
    LossGroup.REMARK,
    "the target holds the object more than once; the oldest one is used",
)
CAME_ALONG = NoteCode(
    "came-along",
    Level.CHANGE,
    LossGroup.REMARK,
    "a record that is not selected, but that a selected one refers to",
)
PICTURE_BY_NAME = NoteCode(
    "picture-by-name",
    Level.CHANGE,
    LossGroup.REMARK,
    "a picture in a text is taken to be the attachment of the same name",
)

NOTE_CODES = (
    SKIPPED,
    PICTURES_LEFT,
    REFERENCE_MISSING,
    DUPLICATE_IN_TARGET,
    CAME_ALONG,
    PICTURE_BY_NAME,
)

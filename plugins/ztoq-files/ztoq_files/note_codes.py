"""The reasons for the notes of this package."""

from __future__ import annotations

from ztoq_core.plugin import Level, LossGroup, NoteCode

NOT_IN_TABLE = NoteCode(
    "not-in-table",
    Level.LOSS,
    LossGroup.LOST,
    "a record for which a table of test cases has no row: a cycle, a run, a file …",
)
NO_COLUMN = NoteCode(
    "no-column",
    Level.LOSS,
    LossGroup.LOST,
    "properties of a test case that no column of the table can hold",
)
TEXT_AS_PLAIN = NoteCode(
    "text-as-plain",
    Level.FALLBACK,
    LossGroup.CHANGED,
    "a rich text, in a table that takes plain ones",
)
TEXT_CLEANED = NoteCode(
    "text-cleaned",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a text with characters that the file cannot hold, or line breaks of another kind",
)
VALUE_AS_TEXT = NoteCode(
    "value-as-text",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a number, a truth value or several labels of a field, as text",
)
FOLDER_AS_PATH = NoteCode(
    "folder-as-path",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a folder, which a table shows as the path of its test cases alone",
)
ELEMENT_NOT_READ = NoteCode(
    "element-not-read",
    Level.FALLBACK,
    LossGroup.LOST,
    "elements of an XML export that have no place in a test case, such as parameters",
)
FILE_NOT_IN_EXPORT = NoteCode(
    "file-not-in-export",
    Level.LOSS,
    LossGroup.LOST,
    "files that an XML export names and does not hold",
)
NOTE_CODES = (
    NOT_IN_TABLE,
    NO_COLUMN,
    TEXT_AS_PLAIN,
    TEXT_CLEANED,
    VALUE_AS_TEXT,
    FOLDER_AS_PATH,
    ELEMENT_NOT_READ,
    FILE_NOT_IN_EXPORT,
)

"""The reasons for notes about what Zephyr and Jira do not give, or give in another form."""

from __future__ import annotations

from ztoq_core.plugin import Level, LossGroup, NoteCode

VALUE_UNREADABLE = NoteCode(
    "value-unreadable", Level.LOSS, LossGroup.LOST, "a value of Zephyr that cannot be read"
)
FILE_WITHOUT_ID = NoteCode(
    "file-without-id",
    Level.LOSS,
    LossGroup.LOST,
    "a file that Zephyr lists without its id, so that it cannot be downloaded",
)
FILES_NOT_OFFERED = NoteCode(
    "files-not-offered",
    Level.LOSS,
    LossGroup.LOST,
    "the files of a kind, whose lists Zephyr refuses",
)
RESULTS_NOT_SHOWN = NoteCode(
    "results-not-shown",
    Level.LOSS,
    LossGroup.LOST,
    "the results of the steps of an execution, which Zephyr refuses",
)
CALL_WITHOUT_KEY = NoteCode(
    "call-without-key",
    Level.LOSS,
    LossGroup.LOST,
    "a call of a test case whose key Zephyr does not show",
)
REFERENCE_REFUSED = NoteCode(
    "reference-refused",
    Level.LOSS,
    LossGroup.LOST,
    "what a record refers to, and Zephyr refuses to show",
)
PARAMETERS_NOT_SHOWN = NoteCode(
    "parameters-not-shown",
    Level.CHANGE,
    LossGroup.LOST,
    "definitions of parameters and test data, which Zephyr's API does not show",
)
OLD_VERSIONS_NOT_SHOWN = NoteCode(
    "old-versions-not-shown",
    Level.CHANGE,
    LossGroup.LOST,
    "steps of older versions of a test case, which Zephyr's API does not show",
)
CYCLE_GONE = NoteCode(
    "cycle-gone",
    Level.FALLBACK,
    LossGroup.LOST,
    "a test cycle that Zephyr no longer shows; a stub takes its place",
)
PLAN_ELSEWHERE = NoteCode(
    "plan-elsewhere",
    Level.CHANGE,
    LossGroup.LOST,
    "that a test cycle also belongs to test plans outside the project",
)
FOLDER_GONE = NoteCode(
    "folder-gone",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a record is without a folder, because Zephyr does not show its folder",
)
FOLDER_PARENT_UNKNOWN = NoteCode(
    "folder-parent-unknown",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a folder is at the top, because Zephyr does not show its parent",
)
NAME_UNKNOWN = NoteCode(
    "name-unknown",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a number in place of a name that Zephyr does not show",
)
NAME_REFUSED = NoteCode(
    "name-refused",
    Level.CHANGE,
    LossGroup.CHANGED,
    "ids in place of names that Jira refuses to show",
)
KEY_CHANGED = NoteCode(
    "key-changed",
    Level.CHANGE,
    LossGroup.REMARK,
    "a record has another key in Zephyr than those that refer to it say",
)
UNLISTED = NoteCode(
    "unlisted",
    Level.CHANGE,
    LossGroup.REMARK,
    "a record that is on no list of Zephyr's API and was read by itself",
)

NOTE_CODES = (
    VALUE_UNREADABLE,
    FILE_WITHOUT_ID,
    FILES_NOT_OFFERED,
    RESULTS_NOT_SHOWN,
    CALL_WITHOUT_KEY,
    REFERENCE_REFUSED,
    PARAMETERS_NOT_SHOWN,
    OLD_VERSIONS_NOT_SHOWN,
    CYCLE_GONE,
    PLAN_ELSEWHERE,
    FOLDER_GONE,
    FOLDER_PARENT_UNKNOWN,
    NAME_UNKNOWN,
    NAME_REFUSED,
    KEY_CHANGED,
    UNLISTED,
)

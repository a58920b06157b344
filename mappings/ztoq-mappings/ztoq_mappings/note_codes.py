"""The reasons for notes about what the mappings change; each mapping declares all of them."""

from __future__ import annotations

from ztoq_core.plugin import Level, LossGroup, NoteCode

CASE_GONE = NoteCode(
    "case-gone",
    Level.FALLBACK,
    LossGroup.LOST,
    "a test case that the source no longer shows; a stub takes its place",
)
IMAGE_LOST = NoteCode(
    "image-lost",
    Level.FALLBACK,
    LossGroup.LOST,
    "a picture that could not be fetched; words take its place",
)
FIELD_LEFT_OUT = NoteCode(
    "field-left-out", Level.CHANGE, LossGroup.LOST, "a field that the mapping file leaves out"
)
STEP_FIELD_LEFT_OUT = NoteCode(
    "step-field-left-out",
    Level.CHANGE,
    LossGroup.LOST,
    "a field of steps that the mapping file leaves out",
)
VALUE_DROPPED = NoteCode(
    "value-dropped", Level.CHANGE, LossGroup.LOST, "a value that the mapping drops"
)
STEP_VALUE_DROPPED = NoteCode(
    "step-value-dropped",
    Level.CHANGE,
    LossGroup.LOST,
    "a value of a field of steps that the mapping drops",
)
PERSON_DROPPED = NoteCode(
    "person-dropped",
    Level.CHANGE,
    LossGroup.LOST,
    "a person who is not mapped, left out as the configuration says",
)
STATUS_BY_RULE = NoteCode(
    "status-by-rule",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a status of the team's own, shown as one of qTest's",
)
DATE_UNKNOWN = NoteCode(
    "date-unknown",
    Level.CHANGE,
    LossGroup.CHANGED,
    "the date of an execution, which is not known; its note says so",
)
PLANNED_DATES_REVERSED = NoteCode(
    "planned-dates-reversed",
    Level.CHANGE,
    LossGroup.CHANGED,
    "planned dates whose end is before the start: swapped, or kept as text",
)
PERSON_REPLACED = NoteCode(
    "person-replaced",
    Level.CHANGE,
    LossGroup.CHANGED,
    "another person in place of one who is not mapped",
)
NAME_CUT = NoteCode(
    "name-cut",
    Level.FALLBACK,
    LossGroup.CHANGED,
    "a name that is cut at 500 characters; the whole one is kept as text",
)
NAME_NEWLINE = NoteCode(
    "name-newline", Level.CHANGE, LossGroup.CHANGED, "a name with line breaks, on one line"
)
NAME_EMPTY = NoteCode(
    "name-empty", Level.CHANGE, LossGroup.CHANGED, "the key in place of an empty name"
)
VALUE_CUT = NoteCode(
    "value-cut", Level.CHANGE, LossGroup.CHANGED, "a value that the mapping file cuts"
)
FIELD_PARTLY_INTO_PROPERTY = NoteCode(
    "field-partly-into-property",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a field that goes into a property in part, as the mapping file says",
)
STEP_FIELD_PARTLY_INTO_PROPERTY = NoteCode(
    "step-field-partly-into-property",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a field of steps that goes into their texts in part, as the mapping file says",
)
HTML_TO_TEXT = NoteCode("html-to-text", Level.CHANGE, LossGroup.CHANGED, "rich text is plain text")
HTML_CLEANED = NoteCode(
    "html-cleaned",
    Level.CHANGE,
    LossGroup.CHANGED,
    "HTML without tags that rich text need not have",
)
LINK_UNUSABLE = NoteCode(
    "link-unusable",
    Level.CHANGE,
    LossGroup.CHANGED,
    "words in place of a link that no browser would open",
)
ZEPHYR_LINK = NoteCode(
    "zephyr-link",
    Level.CHANGE,
    LossGroup.CHANGED,
    "links to pages of Zephyr lead to what was migrated",
)
BROKEN_CHARACTERS = NoteCode(
    "broken-characters",
    Level.CHANGE,
    LossGroup.CHANGED,
    "U+FFFD in place of U+0000 or half a surrogate pair",
)
PARAMETER_GUARD = NoteCode(
    "parameter-guard",
    Level.CHANGE,
    LossGroup.CHANGED,
    "`[~` kept apart, because it would begin a parameter of qTest",
)
STEP_DRIFT = NoteCode(
    "step-drift",
    Level.FALLBACK,
    LossGroup.MOVED,
    "executed steps that differ from those of the test case, as a table in the note",
)
CYCLE_FILE = NoteCode(
    "cycle-file", Level.CHANGE, LossGroup.MOVED, "a file of a test cycle, at a test case or release"
)
CALL_CIRCULAR = NoteCode(
    "call-circular",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a call that would close a circle of calls, as text",
)
REQUIREMENT_KEY_UNKNOWN = NoteCode(
    "requirement-key-unknown",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a covered issue whose key is not known, as a link under the description",
)
DEFECT_KEY_UNKNOWN = NoteCode(
    "defect-key-unknown",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a linked issue whose key is not known, as a link in the note",
)
PERSON_UNKNOWN = NoteCode(
    "person-unknown",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a person who is unknown in qTest, as text or as the id that the source has",
)
FIELD_TYPE = NoteCode(
    "field-type",
    Level.CHANGE,
    LossGroup.MOVED,
    "a value that does not fit the type of its field, as text",
)
LABEL_UNFIT = NoteCode(
    "label-unfit",
    Level.CHANGE,
    LossGroup.MOVED,
    "a value that cannot be the label of a choice, as text",
)
FIELD_INTO_PROPERTY = NoteCode(
    "field-into-property",
    Level.CHANGE,
    LossGroup.MOVED,
    "a field that goes into a property, as the mapping file says",
)
STEP_FIELD_INTO_PROPERTY = NoteCode(
    "step-field-into-property",
    Level.CHANGE,
    LossGroup.MOVED,
    "a field of steps that goes into their texts, as the mapping file says",
)
VALUE_UNFIT = NoteCode(
    "value-unfit",
    Level.CHANGE,
    LossGroup.REMARK,
    "a value that does not fit the type that the mapping file names; it goes its usual way",
)

NOTE_CODES = (
    CASE_GONE,
    IMAGE_LOST,
    FIELD_LEFT_OUT,
    STEP_FIELD_LEFT_OUT,
    VALUE_DROPPED,
    STEP_VALUE_DROPPED,
    PERSON_DROPPED,
    STATUS_BY_RULE,
    DATE_UNKNOWN,
    PLANNED_DATES_REVERSED,
    PERSON_REPLACED,
    NAME_CUT,
    NAME_NEWLINE,
    NAME_EMPTY,
    VALUE_CUT,
    FIELD_PARTLY_INTO_PROPERTY,
    STEP_FIELD_PARTLY_INTO_PROPERTY,
    HTML_TO_TEXT,
    HTML_CLEANED,
    LINK_UNUSABLE,
    ZEPHYR_LINK,
    BROKEN_CHARACTERS,
    PARAMETER_GUARD,
    STEP_DRIFT,
    CYCLE_FILE,
    CALL_CIRCULAR,
    REQUIREMENT_KEY_UNKNOWN,
    DEFECT_KEY_UNKNOWN,
    PERSON_UNKNOWN,
    FIELD_TYPE,
    LABEL_UNFIT,
    FIELD_INTO_PROPERTY,
    STEP_FIELD_INTO_PROPERTY,
    VALUE_UNFIT,
)

"""The reasons for notes about what qTest does not take, or takes in another form."""

from __future__ import annotations

from ztoq_core.plugin import Level, LossGroup, NoteCode

FIELD_LOST = NoteCode(
    "field-lost",
    Level.LOSS,
    LossGroup.LOST,
    "a value of a suite or run for which qTest has no field",
)
VERSION_LOST = NoteCode(
    "version-lost",
    Level.LOSS,
    LossGroup.LOST,
    "the version of a test cycle of which qTest has no release",
)
REQUIREMENT_NOT_LINKED = NoteCode(
    "requirement-not-linked",
    Level.LOSS,
    LossGroup.LOST,
    "a link between a test case and a requirement that qTest did not make",
)
ADDRESS_REFUSED = NoteCode(
    "address-refused",
    Level.LOSS,
    LossGroup.LOST,
    "pictures and links in a text whose addresses qTest refused",
)
NAME_CUT = NoteCode(
    "name-cut",
    Level.LOSS,
    LossGroup.CHANGED,
    "a name that is cut, because with its key it is longer than qTest's 500 characters",
)
CANNOT_CLEAR = NoteCode(
    "cannot-clear",
    Level.LOSS,
    LossGroup.CHANGED,
    "an old value stays, because qTest's API cannot empty the field",
)
STEP_RESULTS_STAY = NoteCode(
    "step-results-stay",
    Level.LOSS,
    LossGroup.CHANGED,
    "old results of steps stay, because qTest does not show them",
)
NOT_MOVED = NoteCode(
    "not-moved", Level.LOSS, LossGroup.CHANGED, "a test case stays in its old module"
)
NOT_APPROVED = NoteCode(
    "not-approved", Level.LOSS, LossGroup.CHANGED, "a test case that qTest did not approve"
)
PERSON_STAYS = NoteCode(
    "person-stays",
    Level.FALLBACK,
    LossGroup.CHANGED,
    "the person who was set before stays, because qTest's API cannot empty the field",
)
FIELD_LOSSY = NoteCode(
    "field-lossy",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a value that a field of qTest holds only in part",
)
FILE_NAME_ENCODED = NoteCode(
    "file-name-encoded",
    Level.CHANGE,
    LossGroup.CHANGED,
    "a file name beyond ASCII in percent encoding",
)
FIELD_REFUSED = NoteCode(
    "field-refused",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a field that qTest refused to make; its values are noted with their records",
)
FIELD_AS_TEXT = NoteCode(
    "field-as-text",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a value without a field or choice in qTest, in the description or note",
)
PERSON_UNKNOWN = NoteCode(
    "person-unknown",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a person who is unknown in qTest, as text or as the id that the source has",
)
STEP_FIELDS = NoteCode(
    "step-fields",
    Level.CHANGE,
    LossGroup.MOVED,
    "custom fields of steps, in a table under the step's description",
)
STEP_DRIFT = NoteCode(
    "step-drift",
    Level.FALLBACK,
    LossGroup.MOVED,
    "executed steps that differ from those of the test case, as a table in the note",
)
FILE_ON_WHOLE = NoteCode(
    "file-on-whole",
    Level.CHANGE,
    LossGroup.MOVED,
    "a file of a step, on the whole test case or log",
)
CALL_AS_TEXT = NoteCode(
    "call-as-text",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a call of a test case that is not in qTest, as text",
)
STEP_DEFECT_ON_LOG = NoteCode(
    "step-defect-on-log", Level.CHANGE, LossGroup.MOVED, "a defect of a step, on the log"
)
DEFECT_AS_TEXT = NoteCode(
    "defect-as-text",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a defect that qTest did not link, in the note",
)
REQUIREMENT_NOT_RETRIEVED = NoteCode(
    "requirement-not-retrieved",
    Level.FALLBACK,
    LossGroup.MOVED,
    "a requirement that qTest has not retrieved from Jira yet, as a link in the description",
)
REQUIREMENT_DOUBLED = NoteCode(
    "requirement-doubled",
    Level.FALLBACK,
    LossGroup.REMARK,
    "a requirement that ztoq made twice and could not delete",
)
TOKEN_NOT_REVOKED = NoteCode(
    "token-not-revoked",
    Level.CHANGE,
    LossGroup.REMARK,
    "a token of qTest that ztoq could not revoke",
)

NOTE_CODES = (
    FIELD_LOST,
    VERSION_LOST,
    REQUIREMENT_NOT_LINKED,
    ADDRESS_REFUSED,
    NAME_CUT,
    CANNOT_CLEAR,
    STEP_RESULTS_STAY,
    NOT_MOVED,
    NOT_APPROVED,
    PERSON_STAYS,
    FIELD_LOSSY,
    FILE_NAME_ENCODED,
    FIELD_REFUSED,
    FIELD_AS_TEXT,
    PERSON_UNKNOWN,
    STEP_FIELDS,
    STEP_DRIFT,
    FILE_ON_WHOLE,
    CALL_AS_TEXT,
    STEP_DEFECT_ON_LOG,
    DEFECT_AS_TEXT,
    REQUIREMENT_NOT_RETRIEVED,
    REQUIREMENT_DOUBLED,
    TOKEN_NOT_REVOKED,
)

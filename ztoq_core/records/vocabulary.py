"""What records are built from: kinds, types, references, values, steps, notes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

import attrs

__all__ = [
    "ADDRESS",
    "Call",
    "FieldTrace",
    "FieldType",
    "FieldValue",
    "IdKind",
    "Image",
    "Kind",
    "Level",
    "Link",
    "LinkType",
    "LossGroup",
    "Note",
    "NoteCode",
    "Parameter",
    "Ref",
    "ResolvedName",
    "Script",
    "Sequence",
    "StepResult",
    "TestStep",
    "Tree",
    "Value",
    "counted",
    "plain",
]

ADDRESS = "ztoq:"
"""The scheme of the URLs with which mapped texts point at records."""


class Kind(StrEnum):
    """The kinds of records, parents first.

    A record refers only to its own kind and to kinds before it. Attachments come last: they may
    belong to a record of any other kind.
    """

    FIELD = "field"
    FOLDER = "folder"
    REQUIREMENT = "requirement"
    TEST_CASE = "test_case"
    TEST_PLAN = "test_plan"
    TEST_CYCLE = "test_cycle"
    TEST_RUN = "test_run"
    TEST_LOG = "test_log"
    ATTACHMENT = "attachment"

    @property
    def rank(self) -> int:
        """The position of this kind in the order of writing, from 0."""
        return _RANKS[self]


_RANKS = {kind: place for place, kind in enumerate(Kind)}


class Tree(StrEnum):
    """The tree that a folder belongs to."""

    CASES = "cases"
    CYCLES = "cycles"
    PLANS = "plans"


class FieldType(StrEnum):
    """What a custom field may hold, in terms that fit every product."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    RICH_TEXT = "rich_text"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    USER = "user"
    URL = "url"


class LinkType(StrEnum):
    """Why a record points at something outside the test management product."""

    COVERAGE = "coverage"
    BLOCKS = "blocks"
    RELATED = "related"
    WEB = "web"


class Level(StrEnum):
    """How serious a note is if the configuration does not decide (``[losses]``).

    CHANGE: of little weight. FALLBACK: worth knowing. LOSS: the run ends with exit code 1.
    """

    CHANGE = "change"
    FALLBACK = "fallback"
    LOSS = "loss"


class LossGroup(StrEnum):
    """What a reader of the target would miss of what a note is about.

    LOST: it is not in the target. CHANGED: it is there in another form. MOVED: it is there in
    another place, such as a text. REMARK: nothing is missing.
    """

    LOST = "lost"
    CHANGED = "changed"
    MOVED = "moved"
    REMARK = "remark"


class IdKind(StrEnum):
    """The kinds of external ids that can be resolved to a name."""

    ISSUE = "issue"
    PERSON = "person"
    COMPONENT = "component"
    VERSION = "version"


_PLAIN = {
    FieldType.MULTI_CHOICE: "multiple choice",
    FieldType.DATETIME: "date and time",
    FieldType.URL: "web address",
}


def plain(word: Kind | FieldType) -> str:
    """Return a kind or type in everyday words: ``test plan``."""
    found = _PLAIN.get(word) if isinstance(word, FieldType) else None
    return found or word.value.replace("_", " ")


def counted(count: int, one: str | Kind, many: str = "") -> str:
    """Return a number with its noun: ``1 error``, ``1,234 errors``, ``1 record is``.

    ``many`` is the wording for every number but 1, by default ``one`` with an s.
    """
    words = plain(one) if isinstance(one, Kind) else one
    return f"{count:,} {words}" if count == 1 else f"{count:,} {many or f'{words}s'}"


Value = str | int | float | bool | tuple[str, ...] | None
"""The value of a field. Dates are ISO 8601 strings, several choices a tuple, no value None."""


@attrs.frozen
class Ref:
    """A reference to a record, by kind and key; prints as ``test_case ACME-T1``."""

    kind: Kind
    key: str

    def __str__(self) -> str:
        """Return the form used in messages."""
        return f"{self.kind} {self.key}"

    @property
    def address(self) -> str:
        """The placeholder URL of the record in mapped texts: ``ztoq:test_case/ACME-T1``.

        ``Finishing.finish`` replaces it by the target's own URL.
        """
        return f"{ADDRESS}{self.kind}/{quote(self.key, safe='')}"


@attrs.frozen(kw_only=True)
class ResolvedName:
    """What a directory knows about an id: of an issue, a person, a component or a version.

    ``id`` is the id as in the records. ``key`` is the readable key of an issue, ``name`` the
    summary of an issue or the name of the others; ``email`` and ``active`` are for people,
    ``start`` and ``end`` for versions. ``url`` is what a person can open.
    """

    topic: IdKind
    id: str
    key: str = ""
    name: str = ""
    email: str = ""
    active: bool = True
    url: str = ""
    start: datetime | None = None
    end: datetime | None = None


@attrs.frozen(kw_only=True)
class FieldTrace:
    """What a transformer did with a field of the source, other than making a field from it.

    ``name`` is the source's field, ``@status`` for an attribute of the record. ``into`` is the
    attribute that holds the value now (``lossy``: only part of it); ``""`` if it was left out on
    purpose. ``steps`` are the keys of the steps that have the field; empty for a field of the
    record itself.
    """

    name: str
    into: str = ""
    lossy: bool = False
    steps: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Note:
    """A loss or change with its reason, for the report.

    Notes are counted by ``code``, a short fixed word such as ``step-drift``; ``text`` is one
    sentence for people and holds no payload beyond a name. ``fields`` is the same as data, for
    ``ztoq map check``, if the note is about fields; the store does not keep it.
    """

    level: Level
    code: str
    text: str
    fields: tuple[FieldTrace, ...] = attrs.field(default=(), eq=False)


@attrs.frozen
class NoteCode:
    """A reason for notes. Each is declared once, by the plugin that makes these notes.

    ``meaning`` says in a few words what was lost, changed or moved.
    """

    name: str
    level: Level
    group: LossGroup
    meaning: str

    def note(self, text: str, fields: tuple[FieldTrace, ...] = ()) -> Note:
        """Return a note with this reason."""
        return Note(level=self.level, code=self.name, text=text, fields=fields)


@attrs.frozen(kw_only=True)
class FieldValue:
    """One field of a record.

    In a source's record ``name`` is the source's field and ``type`` is the declared type, None if
    unknown. After the transformers ``name`` is the target's label and ``type`` is set.

    ``alternatives`` are further values for a choice, tried in order if the target does not allow
    ``value``. An ``optional`` value that has no place in the target is dropped without a note,
    because another field carries it.

    ``placed``: a transformer decided on label and type; later ones leave them alone. ``origin`` is
    the source's field that the value comes from (its name, or ``@status`` for an attribute), so
    that coverage can be counted. ``lossy``: the value holds less than the source's did.
    """

    name: str
    value: Value
    type: FieldType | None = None
    alternatives: tuple[str, ...] = ()
    optional: bool = False
    placed: bool = False
    origin: str = ""
    lossy: bool = False


@attrs.frozen(kw_only=True)
class Link:
    """A link to an issue or an external page.

    ``issue_id`` is the tracker's internal id, ``issue_key`` its readable key if it could be
    resolved, ``url`` what a person can open (it may be malformed in the source), ``text`` its
    title.
    """

    type: LinkType
    issue_id: str | None = None
    issue_key: str | None = None
    url: str = ""
    text: str = ""


@attrs.frozen(kw_only=True)
class Image:
    """A picture in the texts of a record.

    ``src`` is the address in the texts (unescaped), as ``ztoq_core.plugin.image_src`` returns it: a
    data URI is named by its digest. ``file`` is the attachment that holds the picture; ``lost`` is
    the reason why there is none, set before the transformers run.
    """

    src: str
    file: Ref
    lost: str = ""


@attrs.frozen
class Sequence:
    """The position of a record among siblings that must be written in order.

    Siblings share ``group`` and are written by ascending ``order``, compared as text: pad numbers.
    """

    group: str
    order: str


@attrs.frozen(kw_only=True)
class Parameter:
    """A parameter of a called case, with its value in this call."""

    name: str
    value: str = ""


@attrs.frozen(kw_only=True)
class Call:
    """A step that runs another case.

    The engine sets ``circular`` if this call would close a cycle of calls.
    """

    case: Ref
    parameters: tuple[Parameter, ...] = ()
    circular: bool = False


@attrs.frozen(kw_only=True)
class TestStep:
    """One step; the texts are HTML. ``key`` is its position from ``"1"``, unique in the case.

    ``source_id`` is the source's own id of the step, or ``""``. A step with a ``call`` has no texts
    until a transformer turns the call into text.
    """

    __test__ = False

    key: str
    description: str = ""
    data: str = ""
    expected: str = ""
    call: Call | None = None
    fields: tuple[FieldValue, ...] = ()
    source_id: str = ""


@attrs.frozen(kw_only=True)
class Script:
    """The script of a case that has no steps: ``plain`` (HTML) or ``bdd`` (plain text)."""

    language: str
    text: str


@attrs.frozen(kw_only=True)
class StepResult:
    """What happened at one step of an execution; the texts are HTML.

    ``key`` is its position from ``"1"``. ``row`` is the row of test data it ran with, or None. The
    engine sets ``step`` to the step of today's case that has equal texts, unless the source gives
    it for all results: ``"2"``, or ``"2/1"`` for step 1 of the case that step 2 calls. The mapping
    sets ``statuses``, the target's candidates, best first.
    """

    key: str
    status: str
    description: str = ""
    data: str = ""
    expected: str = ""
    actual: str = ""
    row: int | None = None
    source_id: str = ""
    links: tuple[Link, ...] = ()
    step: str = ""
    statuses: tuple[str, ...] = ()

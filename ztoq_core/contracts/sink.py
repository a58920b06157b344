"""What a plugin with a sink (a target) implements and declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import attrs

from ztoq_core.contracts.schema import FieldLimits, Finding, Right, Schema
from ztoq_core.contracts.services import Content, Services
from ztoq_core.records import Kind, Note, NoteCode, Record, Ref

__all__ = [
    "CallForecast",
    "CallTally",
    "ChangeDetection",
    "ContentReading",
    "Deletion",
    "FieldExport",
    "Finishing",
    "Found",
    "Links",
    "ListReading",
    "Mark",
    "MarkPage",
    "Owner",
    "OwnerLists",
    "SearchProbe",
    "Sink",
    "SinkPlugin",
    "Written",
]

C = TypeVar("C")


@attrs.frozen(kw_only=True)
class Written:
    """An object in the target.

    ``parts`` maps the record's part keys (steps of a case, results of a log) to the target's ids,
    as of ``version``. ``stamp`` is a digest of the target's own answer, opaque to the engine: an
    object with another stamp was changed by somebody else. ``borrowed`` objects existed before
    ztoq came and are only linked: they are never edited or removed.
    """

    target_id: str
    pid: str = ""
    url: str = ""
    version: str = ""
    parts: Mapping[str, str] = attrs.field(factory=dict)
    stamp: str = ""
    borrowed: bool = False
    notes: tuple[Note, ...] = ()


@attrs.frozen(kw_only=True)
class Found:
    """An object in the target that has a record's mark; ``created`` orders several."""

    written: Written
    created: str = ""


@attrs.frozen(kw_only=True)
class Mark:
    """An object in the target and the mark on it, for reconciling.

    ``key`` is the source's key, ``""`` for an object without a mark (somebody else's). Files have
    no mark; they are recognised by ``name`` and ``size`` (None if the target does not list it).
    ``linked`` (only from ``Deletion.children``): the object would stay, and lose a link. ``record``
    (only from ``ListReading``): what ``read`` would return, if the list shows all of that.
    """

    kind: Kind
    key: str
    target_id: str
    pid: str = ""
    name: str = ""
    owner: str = ""
    size: int | None = None
    linked: bool = False
    record: Record | None = None


@attrs.frozen(kw_only=True)
class MarkPage:
    """A page of marks; ``cursor`` None is the end."""

    marks: tuple[Mark, ...]
    cursor: str | None = None


Links = Mapping[Ref, Written | None]
"""What a record refers to, as it is in the target; None if it did not arrive."""

Owner = tuple[Record, Written]
"""A written record, for listing what belongs to it."""


class Sink(Protocol):
    """Writes one project of one product; what every sink has to have.

    What it may have besides are the protocols below, which the engine looks for.

    Methods are called concurrently, ``write`` for up to three times ``Connection.in_flight``
    records (96 by default): what a call read before an ``await`` may have changed after it. One
    record is never written twice at the same time, and its parents are written before it.
    """

    @property
    def identity(self) -> str:
        """The name by which the store recognises the target: ``qtest acme.example.com 4242``."""
        ...

    async def check(self) -> tuple[Finding, ...]:
        """Try credentials, project and permissions without a single write.

        Raises as ``Source.check``.
        """
        ...

    async def describe(self) -> Schema:
        """Return fields, allowed values, statuses, users, supported kinds, limits, permissions."""
        ...

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Return earlier writes of this record by its mark, oldest first.

        Each has the notes that ``write`` gives for the record: what is adopted has lost the same.
        For a file: the files of its owner (or part) with the same name and equal content.
        """
        ...

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return the objects of this kind in the target.

        Called without owners for the whole project; for files, and for kinds in
        ``OwnerLists.listed_by_owner``, with batches of written owners instead (runs for logs;
        cases, logs and plans for files). A page names only what belongs to one of them.
        """
        ...

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Create the object, or update the one called ``target_id``; at most one creating POST.

        An update replaces all of the object by what the record has. A value that no field of the
        target takes, and a call of a case that is not there, become readable text. ``content`` is
        that of a file; None updates a file whose bytes stay.

        Raises:
            RejectedError: The target refuses this record.
            DoubtError: It is not known whether the object was made.
            Skip: It is left out, for now; nothing was made.
        """
        ...


@runtime_checkable
class OwnerLists(Protocol):
    """Optional capability of a ``Sink``: list kinds under owners, since no list has all of them.

    Files are listed under the objects that they are attached to in any case: they bear no mark.
    """

    @property
    def listed_by_owner(self) -> Mapping[Kind, frozenset[Kind]]:
        """The kinds that ``marks`` can list only under owners, with the kinds of those owners."""
        ...


@runtime_checkable
class Finishing(Protocol):
    """Optional capability of a ``Sink``: complete objects by less than another ``write``.

    Without it, a record whose texts refer to others is written a second time, as an update, with
    the references resolved.
    """

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Complete an object once its files and references are settled, by repeatable calls only.

        Texts with resolved references, links, approval. Called for the kinds in
        ``Schema.finish_kinds``, and for records of any kind that refer to others: their texts hold
        ``Ref.address`` of each in ``record.text_refs``, which ``links`` resolves
        (``ztoq_core.plugin.resolved``).
        """
        ...


@runtime_checkable
class ChangeDetection(Protocol):
    """Optional capability of a ``Sink``: see whether somebody else changed or removed an object.

    Without it, what people edit in the target is overwritten by updates and deleted by a rollback.
    """

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        """Return an object as it is now, with its present stamp; None if it does not exist.

        The stamp equals that of the ``Written`` which the last ``write`` or ``finish`` returned, as
        long as nobody else changed the object.
        """
        ...


@runtime_checkable
class SearchProbe(Protocol):
    """Optional capability of a ``Sink``: ask its search alone for an object.

    Without it, ``find`` is asked.
    """

    async def is_searchable(self, kind: Kind, written: Written) -> bool:
        """Whether the target's search shows the object yet; searches may lag behind writes."""
        ...


@runtime_checkable
class Deletion(Protocol):
    """Optional capability of a ``Sink``: delete objects. Without it, nothing can be rolled back."""

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        """Return, for each object, what its deletion would remove or harm, also if others made it.

        These are: the objects directly in it; its runs and logs, wherever they are; the files on
        it and on everything that is deleted with it; objects that use it (a case that calls it);
        objects linked to it (``Mark.linked``). Objects that do not exist have none. The answer
        must be current: the engine asks right before it deletes, for many objects of a kind at
        once.

        Raises:
            RejectedError: It cannot be found out; the engine then asks for each object alone, and
                keeps those that are refused.
        """
        ...

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete one object, by a request that may be repeated; never force.

        Only what ``Schema.goes_with_owner`` names is deleted with it. An object that holds anything
        else is refused, or what it holds stays.

        Raises:
            RejectedError: The target refuses; status 404 if it does not exist, 405 if objects of
                this kind cannot be deleted by themselves.
        """
        ...


@runtime_checkable
class ContentReading(Protocol):
    """Optional capability of a ``Sink``: read objects back.

    Without it, validation cannot compare contents: a migration is never called proved, and
    ``ztoq migrate`` ends with exit code 1.
    """

    async def read(self, kind: Kind, target_id: str) -> Record:
        """Return the object in the target as a record of the neutral vocabulary.

        The key of a reference is a target id. Texts and names come without what the sink added to
        them; values that it added to a text come back in ``fields``, as ``FieldType.RICH_TEXT``.
        A name that ``write`` had to cut has a note of the code ``name-cut``.
        ``StepResult.source_id`` is the id that ``Written.parts`` gives to the result, a log's
        ``status`` the target's own. A file has its ``sha256``, of bytes that were read just now.

        Raises:
            RejectedError: It does not exist (status 404).
        """
        ...


@runtime_checkable
class ListReading(Protocol):
    """Optional capability of a ``Sink``: lists that show whole objects, so few calls suffice."""

    async def read_list(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return a page as ``marks`` does, with ``Mark.record`` if the list shows all of it.

        A file's record has its ``size`` if the list shows that, else its ``sha256``.
        """
        ...


@runtime_checkable
class FieldExport(Protocol):
    """Optional capability of a ``Sink``: export its field definitions to a file.

    For credentials that may not list them: the sink's config names the file.
    """

    async def export_fields(self) -> Mapping[str, Any]:
        """Return the definitions as plain JSON, with the ids that writing needs; no secret.

        Raises:
            AccessError: These credentials may not list them.
        """
        ...


class CallTally(Protocol):
    """Counts in advance the calls of a load, which names it each record that it will write.

    The count holds where nothing is refused or lost.
    """

    def add(self, record: Record, *, new: bool) -> int:
        """Return how many calls the record takes until it is finished.

        That is to create it; if it is not ``new``, to look at it (``current``) and update it.
        """
        ...

    def shared(self) -> int:
        """Return how many further calls serve several of the records together."""
        ...

    def to_validate(self, counts: Mapping[Kind, int]) -> int:
        """Return about how many calls it takes to compare so many objects of each kind."""
        ...


@runtime_checkable
class CallForecast(Protocol):
    """What a ``Sink`` has besides where it knows what its work costs, for ``ztoq plan``.

    Without it, a plan counts a call for each of ``write``, ``finish`` and ``current``.
    """

    async def forecast(self) -> CallTally:
        """Return a new tally."""
        ...


@attrs.frozen(kw_only=True)
class SinkPlugin(Generic[C]):
    """A sink that a plugin declares; ``open`` yields the ``Sink``, ``config`` is an attrs class.

    A field ``source_name`` of it that the file leaves out is filled with the name of the source's
    product, for labels and texts in the target.

    ``limits`` are those of the fields that ztoq creates. They are declared here, since they are
    needed while no sink is open: by them the source's fields get their types. ``rights`` and
    ``side_effects`` (what others notice of a load, a sentence each) are for the checklist.
    ``note_codes`` are the reasons of the notes that it makes.
    """

    name: str
    summary: str
    config: type[C]
    open: Callable[[C, Services], AbstractAsyncContextManager[Sink]]
    limits: FieldLimits = attrs.field(factory=FieldLimits)
    rights: tuple[Right, ...] = ()
    side_effects: tuple[str, ...] = ()
    note_codes: tuple[NoteCode, ...] = ()

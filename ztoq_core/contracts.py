"""What plugins declare and do, and what the engine lends them.

A hook answers with declarations (``SourcePlugin`` …); a declaration opens an object that does the
work (``Source``, ``Sink``). Plugins implement the protocols; they inherit nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from importlib.resources.abc import Traversable
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import attrs

from ztoq_core.lent import (
    Answer,
    Auth,
    Client,
    Connection,
    Content,
    Download,
    Secret,
    Services,
)
from ztoq_core.records import Attachment, IdKind, Kind, Note, Record, Ref, ResolvedName
from ztoq_core.schema import FieldSpec, Finding, Schema, User

__all__ = [
    "Answer",
    "Auth",
    "ChangedSince",
    "Client",
    "Connection",
    "Content",
    "Directory",
    "Download",
    "FieldExport",
    "FieldSpec",
    "Finding",
    "Found",
    "Links",
    "Mark",
    "MarkPage",
    "Owner",
    "Page",
    "Pictures",
    "Reject",
    "Schema",
    "Secret",
    "Services",
    "Sink",
    "SinkPlugin",
    "Skip",
    "Source",
    "SourcePlugin",
    "Streams",
    "Suggestion",
    "Transform",
    "TransformContext",
    "TransformerPlugin",
    "User",
    "Written",
]


C = TypeVar("C")

# ---------------------------------------------------------------------------------------- values


@attrs.frozen
class Skip(Exception):  # noqa: N818 - an outcome, not an error
    """What a transformer raises to leave a record out on purpose; ``why`` stands in the report.

    ``loss`` False: nothing is lost by it (a run that was never executed needs no log).

    ``Sink.write`` raises it for what the target is not to get from ztoq, or not yet: what mentions
    the record is written without it, and the next transformation makes it ready again. ``code``
    names the note that says so, a fallback; without one there is none.
    """

    why: str
    loss: bool = False
    code: str = ""


# ---------------------------------------------------------------------------------------- source


@attrs.frozen(kw_only=True)
class Reject:
    """An object of the source that could not become a record. ``key`` may be unknown (``""``)."""

    kind: Kind
    key: str
    reason: str
    raw: Any = None


@attrs.frozen(kw_only=True)
class Page:
    """One page of a list. ``cursor`` None ends the kind.

    A key may repeat, the last one wins. ``stable`` False: the list can shift while it is read (an
    offset list), so the engine reads it again until a pass brings no new key. ``total`` is what the
    service says, if it does; nothing relies on it.
    """

    records: tuple[Record, ...]
    cursor: str | None
    rejects: tuple[Reject, ...] = ()
    total: int | None = None
    stable: bool = True


class Source(Protocol):
    """Reads one project of one product. It only ever reads."""

    @property
    def identity(self) -> str:
        """What the store remembers the source by, such as ``zephyr api.example.com ACME``."""
        ...

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that ``fetch`` lists, in the order they should be fetched."""
        ...

    @property
    def completes(self) -> frozenset[Kind]:
        """The kinds that ``complete`` has something to add to; the others are whole when listed."""
        ...

    async def check(self) -> tuple[Finding, ...]:
        """Try credentials, project and permissions, and say what the service does not show.

        Raises:
            AccessError: The credentials are refused, or may not read the project.
            ConfigError: There is no such project.
        """
        ...

    async def describe(self) -> Schema:
        """Return the fields that the source declares; inferred ones are added by the engine."""
        ...

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the page of ``kind`` that follows ``cursor``.

        Called again with the same arguments after a crash, so it must not depend on
        earlier calls. A kind the source lacks yields an empty page. A page may carry records of
        several kinds.
        """
        ...

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record with what needs calls of its own, then the records it reveals.

        ``record.raw`` is what ``fetch`` gave. What is revealed (its files …) is not completed
        again.
        """
        ...

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return a record that was referred to but never listed, completed, with what it reveals.

        A reject says that the service certainly does not have it (404, 410): a stub takes its
        place. What is raised says nothing of the kind: the record is rejected with that reason,
        and the next extraction asks for it again.

        Raises:
            RejectedError, RecordError: It could not be looked up, or cannot be used.
        """
        ...

    def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file.

        Raises:
            RejectedError: The file is not there, or what came is not the file (cut short, an
                HTML page instead of a picture); the engine quarantines it.
        """
        ...


@runtime_checkable
class ChangedSince(Protocol):
    """What a ``Source`` has besides where its service can list what changed; the engine asks it."""

    async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
        """Return the page of what changed at or after ``since`` that follows ``cursor``.

        As ``Source.fetch`` in all else. A kind that cannot be asked so is listed whole.
        """
        ...


@runtime_checkable
class Directory(Protocol):
    """What a ``Source`` has besides where it, or something beside it, knows ids by name.

    A source that has it says that its records hold ids, even where nobody can be asked for names:
    what stays unknown is counted and told, with ``advice``.
    """

    @property
    def advice(self) -> str:
        """What a person can do about ids that stay unknown, without a full stop."""
        ...

    def at_hand(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return what is known of these ids without asking anybody, such as lines of a file.

        The engine asks this first, at each extraction for all ids: it wins over what was known.
        """
        ...

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return what is known of these ids, in any order; those that nobody knows are left out.

        The engine asks for each id once and keeps the answer; it asks again, in a later
        extraction, only for those that were left out.
        """
        ...


@runtime_checkable
class Streams(Protocol):
    """What a ``Source`` has besides where a file can be passed on while it is still being read."""

    def open_file(self, attachment: Attachment) -> AbstractAsyncContextManager[Download]:
        """Open a file for reading in chunks; both raise as ``Source.download``."""
        ...


@runtime_checkable
class Pictures(Protocol):
    """What a ``Source`` has besides where texts show pictures that only its credentials open."""

    def picture(self, file: Attachment) -> AsyncIterator[bytes] | None:
        """Yield the picture at ``file.locator``; None where the address is none of the source's.

        Raises (while it yields) as ``Source.download``.
        """
        ...


# ------------------------------------------------------------------------------------------ sink


@attrs.frozen(kw_only=True)
class Written:
    """An object in the target.

    ``parts`` maps the record's part keys (steps of a case, results of a log) to the target's ids,
    as of ``version``. ``stamp`` is a digest of the target's own answer, opaque to the engine: an
    object whose stamp differs was changed by somebody else. ``borrowed`` objects were there before
    and are only linked: they are never edited or removed.
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
    """An object in the target that bears a record's mark; ``created`` orders several."""

    written: Written
    created: str = ""


@attrs.frozen(kw_only=True)
class Mark:
    """An object in the target with the mark that it bears, for reconciling.

    ``key`` is the source's key, ``""`` for an object without a mark (somebody else's). Files bear
    no mark: their ``name`` and ``size`` tell (size None where the target does not say).
    ``linked`` (of ``Sink.children`` only): the object would stay, and lose a link.
    """

    kind: Kind
    key: str
    target_id: str
    pid: str = ""
    name: str = ""
    owner: str = ""
    size: int | None = None
    linked: bool = False


@attrs.frozen(kw_only=True)
class MarkPage:
    """A page of marks; ``cursor`` None is the end."""

    marks: tuple[Mark, ...]
    cursor: str | None = None


Links = Mapping[Ref, Written | None]
"""What a record refers to, as it stands in the target; None where it did not arrive."""

Owner = tuple[Record, Written]
"""A written record, for listing what lies under it."""


class Sink(Protocol):
    """Writes one project of one product."""

    @property
    def identity(self) -> str:
        """What the store remembers the target by, such as ``qtest acme.example.com 4242``."""
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

        For a file: the files of its owner (or part) with the same name and equal content.
        """
        ...

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return what stands in the target.

        Called once per kind with no owners for kinds that can be listed for the whole project,
        and with batches of written owners (runs for logs; cases, logs, plans for files) otherwise.
        ``listed_by_owner`` says which.
        """
        ...

    @property
    def listed_by_owner(self) -> Mapping[Kind, frozenset[Kind]]:
        """The kinds that ``marks`` can list only under owners, with the kinds of those owners."""
        ...

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Create the object, or update the one called ``target_id``; at most one creating POST.

        Raises:
            RejectedError: The target refuses this record.
            DoubtError: It is not known whether the object was made.
            Skip: It is left out, for now; nothing was made.
        """
        ...

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Complete an object once its files and references are settled, by repeatable calls only.

        Texts with resolved references, links, approval. Called for the kinds in
        ``Schema.finish_kinds``, and for records of any kind that refer to others: their texts hold
        ``Ref.address`` of each in ``record.text_refs``, which ``links`` resolves
        (``ztoq_core.plugin.resolved``).
        """
        ...

    async def read(self, kind: Kind, target_id: str) -> Record:
        """Return what the target holds now, in the neutral vocabulary.

        Raises:
            RejectedError: It is not there (status 404).
        """
        ...

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        """Return an object as it is now, with its present stamp; None if it does not exist.

        Its stamp equals that of the ``Written`` which the last ``write`` or ``finish`` gave, as
        long as nobody else changed the object.
        """
        ...

    async def is_searchable(self, kind: Kind, written: Written) -> bool:
        """Whether the target's search shows the object yet; searches may lag behind writes."""
        ...

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        """Return, for each object, what its deletion would take along or harm, whoever made it.

        That is: what lies directly in it; its runs and logs, wherever they are; the files on it and
        on all that goes with it; what uses it (a case that calls it); what is linked to it
        (``Mark.linked``). Objects that are not there have nothing. The answer is as of now: the
        engine asks right before it deletes, for many objects of a kind at once.

        Raises:
            RejectedError: It cannot be found out; the engine then asks for each object alone, and
                keeps those that are refused.
        """
        ...

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete one object, by a request that may be repeated; never force.

        Only what ``Schema.goes_with_owner`` names goes along. An object that holds anything else
        is refused, or what it holds stays.

        Raises:
            RejectedError: The target refuses; status 404 where it is not there, 405 where objects
                of this kind cannot be deleted by themselves.
        """
        ...


@runtime_checkable
class FieldExport(Protocol):
    """What a ``Sink`` has besides where its field definitions can be handed over in a file.

    For credentials that may not list them: the sink's config names the file.
    """

    async def export_fields(self) -> Mapping[str, Any]:
        """Return the definitions as plain JSON, with the ids that writing needs; no secret.

        Raises:
            AccessError: These credentials may not list them.
        """
        ...


# ----------------------------------------------------------------------------------- transformer


@attrs.frozen(kw_only=True)
class TransformContext:
    """What a transformer may know when it is built: the source's schema and both config objects.

    ``source.users`` are the people whom a directory knows, by the ids that records have.
    """

    source: Schema
    source_config: object = None
    sink_config: object = None


class Transform(Protocol):
    """Changes one record: pure, no I/O, no clock, no state; never changes its kind or key."""

    def __call__(self, record: Record) -> Record:
        """Return the changed record.

        Raises:
            Skip: The record is left out on purpose.
            RecordError: The record cannot be mapped; it fails, the others go on.
        """
        ...


# ---------------------------------------------------------------------------------- declarations


@attrs.frozen(kw_only=True)
class SourcePlugin(Generic[C]):
    """A source that a plugin declares; ``open`` yields the ``Source``.

    ``config`` is an attrs class.
    """

    name: str
    summary: str
    config: type[C]
    open: Callable[[C, Services], AbstractAsyncContextManager[Source]]


@attrs.frozen(kw_only=True)
class SinkPlugin(Generic[C]):
    """A sink that a plugin declares; ``open`` yields the ``Sink``. ``config`` is an attrs class."""

    name: str
    summary: str
    config: type[C]
    open: Callable[[C, Services], AbstractAsyncContextManager[Sink]]


@attrs.frozen(kw_only=True)
class Suggestion:
    """The text of a mapping file, and how many fields of the source it pairs how.

    ``exact``: the target has a field of that name; ``close``: one of a similar name;
    ``unmapped``: the target has none.
    """

    text: str
    exact: int = 0
    close: int = 0
    unmapped: int = 0


@attrs.frozen(kw_only=True)
class TransformerPlugin(Generic[C]):
    """A transformer that a plugin declares.

    ``default_for`` lists (source, sink) names for which it runs where the config names no
    transformer. Where a config names only transformers with ``keeps_default``, which leave the
    target's shape to others, the default of the pair runs after them. ``suggest`` makes a mapping
    file from both schemas, for ``ztoq map suggest``. ``extra_files`` are files of the plugin that
    the mapping file refers to, such as its schema; they are written next to it.
    """

    name: str
    summary: str
    config: type[C]
    build: Callable[[C, TransformContext], Transform]
    default_for: tuple[tuple[str, str], ...] = ()
    keeps_default: bool = False
    suggest: Callable[[Schema, Schema], Suggestion] | None = None
    extra_files: tuple[Traversable, ...] = ()
    check: Callable[[C, Schema, Schema], tuple[Finding, ...]] = lambda _config, _source, _sink: ()

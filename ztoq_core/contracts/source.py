"""What a plugin with a source implements and declares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import attrs

from ztoq_core.contracts.schema import Finding, Right, Schema
from ztoq_core.contracts.services import Download, Services
from ztoq_core.records import Attachment, IdKind, Kind, NoteCode, Record, Ref, ResolvedName

__all__ = [
    "ChangedSince",
    "Directory",
    "Page",
    "Pictures",
    "Reject",
    "Source",
    "SourcePlugin",
    "SourceRules",
    "Streams",
]

C = TypeVar("C")


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

    A key may repeat; the last one wins. ``stable`` False: the list can shift while it is read (an
    offset list), so the engine reads it again until a pass brings no new key and shows all that the
    pass before it showed. ``total`` is the service's own count, if it gives one; nothing relies on
    it.
    """

    records: tuple[Record, ...]
    cursor: str | None
    rejects: tuple[Reject, ...] = ()
    total: int | None = None
    stable: bool = True


class Source(Protocol):
    """Reads one project of one product. It never writes.

    ``complete`` and ``download`` are called concurrently, for up to three times
    ``Connection.in_flight`` records (96 by default), while ``fetch`` reads the next page.
    """

    @property
    def identity(self) -> str:
        """The name by which the store recognises the source: ``zephyr api.example.com ACME``."""
        ...

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that ``fetch`` lists, in the order they should be fetched."""
        ...

    @property
    def completes(self) -> frozenset[Kind]:
        """The kinds that ``complete`` adds something to; lists give the others in full."""
        ...

    async def check(self) -> tuple[Finding, ...]:
        """Try credentials, project and permissions, and report what the service does not show.

        Raises:
            AccessError: The credentials are refused, or may not read the project.
            ConfigError: There is no such project.
        """
        ...

    async def describe(self) -> Schema:
        """Return what the source declares: fields, fields of steps, statuses, users.

        The schema that transformers see begins with it; the engine adds fields, labels of choices
        and people that only records show. A field's declared type holds. ``system`` fields are
        properties of records, such as the priority, and are left out of it.
        """
        ...

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the page of ``kind`` that follows ``cursor``.

        Called again with the same arguments after a crash, so it must not depend on earlier calls.
        A kind that the source lacks yields an empty page. A page may hold records of several kinds.
        """
        ...

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record with what needs calls of its own, then the records it reveals.

        ``record.raw`` is the payload from ``fetch``. Revealed records (its files …) are not
        completed again.
        """
        ...

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return a record that was referred to but never listed, completed, with what it reveals.

        A reject means that the service certainly does not have it (404, 410): a stub takes its
        place. An error does not mean that: the record is rejected for that reason, and the next
        extraction asks for it again.

        Raises:
            RejectedError, RecordError: It could not be looked up, or cannot be used.
        """
        ...

    def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file.

        Raises:
            RejectedError: The file does not exist, or the answer is not the file (cut short, an
                HTML page instead of a picture); the engine quarantines it.
        """
        ...


@runtime_checkable
class ChangedSince(Protocol):
    """Optional capability of a ``Source``: list what changed since a point in time."""

    async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
        """Return the page, after ``cursor``, of records that changed at or after ``since``.

        Otherwise as ``Source.fetch``. A kind whose changes cannot be listed is listed in full.
        """
        ...


@runtime_checkable
class Directory(Protocol):
    """Optional capability of a ``Source``: resolve ids of people, issues … to names.

    A source that has it declares that its records hold ids, even if no service can be asked for
    names: the engine counts and reports the ids that stay unknown, with ``advice``.
    """

    @property
    def advice(self) -> str:
        """What a person can do about ids that stay unknown, without a full stop."""
        ...

    def at_hand(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return what is known of these ids without any request, such as from a file.

        The engine calls this first, at each extraction and for all ids: its answers replace those
        of earlier runs.
        """
        ...

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return what is known of these ids, in any order, without the unknown ones.

        The engine asks for each id once and keeps the answer; a later extraction asks again only
        for those that were left out.
        """
        ...


@runtime_checkable
class Streams(Protocol):
    """Optional capability of a ``Source``: pass a file on to the target while reading it."""

    def open_file(self, attachment: Attachment) -> AbstractAsyncContextManager[Download]:
        """Open a file for reading in chunks; opening and reading raise as ``Source.download``."""
        ...


@runtime_checkable
class Pictures(Protocol):
    """Optional capability of a ``Source``: fetch pictures that only its credentials open."""

    def picture(self, file: Attachment) -> AsyncIterator[bytes] | None:
        """Yield the picture at ``file.locator``; None if the address is not one of the source's.

        Raises (while it yields) as ``Source.download``.
        """
        ...


@attrs.frozen(kw_only=True)
class SourceRules:
    """How a product writes what the engine has to recognise in its texts and values.

    All are pure functions, called without the source being open.

    ``is_person``: whether a field's value is the id of a person. ``issue_page``: the address where
    people open an issue, from the address that a link has and the issue's key; ``""`` if they do
    not tell. ``pages``: from the settings and payloads of some records, the function that gives the
    address where people open a record, by kind and key; ``""`` if there is none. ``picture_name``:
    the name that a picture had before the product stored it under the given one; ``""`` if that
    does not tell. ``mask_parameters``: a step's HTML with the same sign
    for each parameter, and for each value that an execution shows in its place; results are matched
    to steps by it.
    """

    is_person: Callable[[str], bool] = lambda _value: False
    issue_page: Callable[[str, str], str] = lambda url, _key: url
    pages: Callable[[Any, Iterable[Mapping[str, Any]]], Callable[[Kind, str], str]] = (
        lambda _settings, _payloads: lambda _kind, _key: ""
    )
    picture_name: Callable[[str], str] = lambda _stored: ""
    mask_parameters: Callable[[str], str] = lambda html: html


@attrs.frozen(kw_only=True)
class SourcePlugin(Generic[C]):
    """A source that a plugin declares; ``open`` yields the ``Source``.

    ``config`` is an attrs class. ``product`` is what people call the product (``Zephyr``), ``""``
    what ``name`` says. ``rights`` are for ``ztoq config check --checklist``.
    ``note_codes`` are the reasons of the notes that it makes.
    """

    name: str
    summary: str
    config: type[C]
    open: Callable[[C, Services], AbstractAsyncContextManager[Source]]
    product: str = ""
    rules: SourceRules = attrs.field(factory=SourceRules)
    rights: tuple[Right, ...] = ()
    note_codes: tuple[NoteCode, ...] = ()

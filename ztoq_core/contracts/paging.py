"""Ready-made parts for lists that come in pages: how to ask, and records from their values.

A ``PagedList`` is used inside ``Source.fetch``: all its state is the cursor, so a page may be asked
for again after a crash, in another process. Three ways of paging are here: ``ByOffset``,
``ByNumber`` and ``ByCursor``, which also takes a link to the next page.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import attrs

from ztoq_core.contracts.services import Client, Query
from ztoq_core.contracts.source import Page, Reject
from ztoq_core.errors import RecordError
from ztoq_core.records import Kind, Record

__all__ = [
    "ByCursor",
    "ByNumber",
    "ByOffset",
    "Listing",
    "PagedList",
    "Paging",
    "ToRecords",
    "page_of",
]

_LINK = re.compile(r"(https?://|/)[^?]*\?|\?")
"""An address with a query; a cursor is often base64, which has slashes."""

ToRecords = Callable[[Any], Record | Iterable[Record]]
"""Makes one or more records of a value of a list."""


@attrs.frozen(kw_only=True)
class Listing:
    """What an answer holds of a list.

    ``total`` is the service's own count, ``last`` whether this is the last page (None: it does not
    say). ``following`` is the service's cursor or link for the next page, for ``ByCursor``.
    """

    values: Sequence[Any]
    total: int | None = None
    last: bool | None = None
    following: str | None = None

    def ends(self, read: int) -> bool:
        """Whether a list ends with this page, after which ``read`` values are read.

        A page with fewer values than were asked for is not an end: a service may give fewer.
        """
        if not self.values or self.last:
            return True
        return self.last is None and self.total is not None and read >= self.total


class Paging(Protocol):
    """How a service divides a list into pages."""

    @property
    def stable(self) -> bool:
        """Whether a deletion in the service leaves the pages that were not read yet as they are."""
        ...

    def query(self, cursor: str | None) -> Query:
        """Return the parameters of the page that follows ``cursor``."""
        ...

    def following(self, cursor: str | None, listing: Listing) -> str | None:
        """Return the cursor after this page, None if it is the last."""
        ...


@attrs.frozen(kw_only=True)
class ByOffset:
    """Pages begin at an index, from 0; ``size`` values are asked for at once."""

    offset: str = "startAt"
    limit: str = "maxResults"
    size: int = 100
    stable: bool = False

    def query(self, cursor: str | None) -> Query:
        """Return where the page begins, and its size."""
        return {self.offset: int(cursor or 0), self.limit: self.size}

    def following(self, cursor: str | None, listing: Listing) -> str | None:
        """Return the index after the values that came, which may be fewer than were asked for."""
        read = int(cursor or 0) + len(listing.values)
        return None if listing.ends(read) else str(read)


@attrs.frozen(kw_only=True)
class ByNumber:
    """Pages have numbers, from ``first``; ``size`` values are on each."""

    number: str = "page"
    limit: str = "size"
    size: int = 100
    first: int = 1
    stable: bool = False

    def query(self, cursor: str | None) -> Query:
        """Return the number of the page, and the size that the list was begun with."""
        number, size, _ = self._place(cursor)
        return {self.number: number, self.limit: size}

    def following(self, cursor: str | None, listing: Listing) -> str | None:
        """Return the next number; values are counted, as pages may be smaller than asked for."""
        number, size, read = self._place(cursor)
        read += len(listing.values)
        return None if listing.ends(read) else json.dumps([number + 1, size, read])

    def _place(self, cursor: str | None) -> tuple[int, int, int]:
        # with another size, which a newer version may ask for, the numbers mean other values
        number, size, read = json.loads(cursor) if cursor else (self.first, self.size, 0)
        return number, size, read


@attrs.frozen(kw_only=True)
class ByCursor:
    """Each page gives a cursor for the next one, or a link to it (``Listing.following``).

    Of a link only the query is used: credentials never leave the address of the configuration. Set
    ``stable=False`` if the links count values.
    """

    cursor: str = "cursor"
    limit: str = "limit"
    size: int = 100
    stable: bool = True

    def query(self, cursor: str | None) -> Query:
        """Return the service's cursor, or the query of its link."""
        if cursor is None:
            return {self.limit: self.size}
        if not _LINK.match(cursor):
            return {self.limit: self.size, self.cursor: cursor}
        return {self.limit: self.size, **parse_qs(urlsplit(cursor).query, keep_blank_values=True)}

    def following(self, cursor: str | None, listing: Listing) -> str | None:
        """Return what the service gave.

        Raises:
            RecordError: The list does not go on.
        """
        following = listing.following or None
        if following is not None and following == cursor:
            raise RecordError("a list gives the same cursor again; run again later")
        return following


@attrs.frozen(kw_only=True)
class PagedList:
    """A list of a service. ``read`` makes a ``Listing`` of an answer, as in ``Client.request``."""

    path: str
    read: Callable[[Any], Listing]
    by: Paging
    params: Query = attrs.field(factory=dict)

    async def page(
        self,
        client: Client,
        cursor: str | None,
        kind: Kind,
        record: ToRecords,
    ) -> Page:
        """Return the page that follows ``cursor``, with what ``record`` makes of each value.

        A value that it cannot read is a ``Reject`` of ``kind``, as in ``page_of``; else raises as
        ``Client.request``.
        """
        listing, following = await self.listing(client, cursor)
        page = page_of(kind, listing.values, record)
        # within one page nothing can shift
        stable = self.by.stable or (cursor is None and following is None)
        return attrs.evolve(page, cursor=following, total=listing.total, stable=stable)

    async def listing(self, client: Client, cursor: str | None) -> tuple[Listing, str | None]:
        """Return the listing that follows ``cursor``, and the cursor after it; None: the last."""
        params = {**self.params, **self.by.query(cursor)}
        listing = await client.get(self.path, params=params, read=self.read)
        return listing, self.by.following(cursor, listing)

    async def values(self, client: Client) -> AsyncIterator[Any]:
        """Yield the values of all pages, such as the steps of a case."""
        cursor: str | None = None
        while True:
            listing, cursor = await self.listing(client, cursor)
            for each in listing.values:
                yield each
            if cursor is None:
                return


def page_of(kind: Kind, values: Iterable[Any], record: ToRecords) -> Page:
    """Return a page, the only one, with what ``record`` makes of each value: one or more records.

    Where it raises KeyError, TypeError or the like, the value becomes a ``Reject`` with that as its
    reason: kept and reported, never left out.
    """
    records: list[Record] = []
    rejects: list[Reject] = []
    for value in values:
        try:
            made = record(value)
            records += (made,) if isinstance(made, Record) else tuple(made)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            reason = f"cannot be read: {type(error).__name__}: {error}"
            rejects.append(Reject(kind=kind, key=_key(value), reason=reason, raw=value))
    return Page(records=tuple(records), rejects=tuple(rejects), cursor=None)


def _key(value: Any) -> str:
    found = value if isinstance(value, Mapping) else {}
    return str(found.get("key") or found.get("id") or "")

"""Zephyr Cloud's two ways of paging over one paced client: cursor lists and offset lists.

Quirks are those that clients of the real service met; each stands beside the line that minds it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import attrs

from ztoq_core.plugin import Answer, Client, RecordError, RejectedError
from ztoq_zephyr.shapes import reader_of
from ztoq_zephyr.values import mapped, whole

__all__ = ["GONE", "NOT_THERE", "UPDATED_AFTER", "Api", "Listed", "Lost", "path_of"]

NOT_THERE = (400, 404)
"""How Zephyr says that there is no such object: 400 for a key that it cannot read."""

GONE = (404, 410)
"""How Zephyr says of a well-formed key that there is no such object."""

NO_CURSORS = frozenset({400, 403, 404, 405, 503})
"""How tenants without a cursor list answer: 403 for a wrong path, 400 or 404 where the last segment
is taken for a key, 503 where the gateway does not route it (that one again and again). Nothing is
lost where one of them means something else: the offset list holds the same."""

OK = 200
UPDATED_AFTER = "updatedAfter"

CURSOR_LISTS = frozenset({"testcases", "testplans", "testcycles", "testexecutions"})

REFUSED = frozenset(range(400, 500)) - {408, 413}
"""Statuses that mean the request itself, not how much was asked for."""
ATTEMPTS, OF_A_HALF, OF_ONE = 8, 2, 4
"""Attempts for a request; for a part of a page that failed, which is divided again if it fails too;
and for an object of it. So one record that cannot be given costs seconds, not minutes."""

MOST_LOST = 20
"""Objects in a row that a list may refuse to give before the list itself counts as broken."""

STANDSTILLS = 5
"""How often a list may give nothing and not go on before that is an error."""

Parameters = Mapping[str, str | int]


def path_of(*segments: str | int) -> str:
    """Return a path of encoded segments."""
    return "/".join(quote(str(segment), safe="") for segment in segments)


@attrs.frozen(kw_only=True)
class Lost:
    """An object that a list did not give, asked for by itself; ``number`` counts from 1."""

    number: int
    reason: str


@attrs.frozen(kw_only=True)
class Listed:
    """A page of JSON values. ``cursor`` None: it was the last one. ``stable`` as in ``Page``.

    ``lost`` are objects of it that the service could not give.
    """

    values: tuple[Any, ...]
    cursor: str | None
    total: int | None = None
    stable: bool = True
    lost: tuple[Lost, ...] = ()


@attrs.frozen(kw_only=True)
class _Place:
    """Where to read on, as a cursor holds it: the first id (cursor lists) or index, and a size.

    ``most`` is the size to grow to again after a page that failed (0: the configured one), ``lost``
    how many objects in a row could not be read.
    """

    by: str
    at: int
    size: int
    most: int = 0
    lost: int = 0

    def text(self) -> str:
        return json.dumps(attrs.asdict(self), separators=(",", ":"))


class Api:
    """Reads lists and objects of one project; remembers which endpoints the tenant lacks."""

    def __init__(self, client: Client, project: str, page_size: int) -> None:
        self.client = client
        self._project = project
        self._page_size = page_size
        self._without_cursors: set[str] = set()

    async def get(
        self,
        path: str,
        params: Parameters | None = None,
        accept: tuple[int, ...] = (),
        attempts: int = ATTEMPTS,
    ) -> Answer:
        """Return an answer of the documented shape, or one whose status is in ``accept``.

        Raises as ``Client.request``.
        """
        return await self.client.request(
            "GET", path, params=params, accept=accept, read=reader_of(path), attempts=attempts
        )

    async def page(self, path: str, params: Parameters, cursor: str | None) -> Listed:
        """Return the page of the list at ``path`` that follows ``cursor``.

        The cursor list ``PATH/nextgen`` is read, or the offset list where a tenant has none. A page
        that the service cannot give is asked for in halves, down to single objects.
        """
        by = "offset" if path in self._without_cursors else "id"
        place = self._place(cursor, by)
        if cursor is None and place.by == "id":
            try:
                return await self._by_id(path, params, place)
            except RejectedError as error:
                if not (error.status in NO_CURSORS or error.status == OK):
                    if not _depends_on_size(error):
                        raise
                    return await self._halved(path, params, place, error)
            # the cursor list of cases is the oldest: a tenant without it has none of the others
            self._without_cursors |= CURSOR_LISTS if path == "testcases" else {path}
            place = self._place(None, "offset")
        return await self._page_at(path, params, place)

    async def offset_page(self, path: str, params: Parameters, cursor: str | None) -> Listed:
        """Return a page of a list that has offsets only; else as ``page``."""
        return await self._page_at(path, params, self._place(cursor, "offset"))

    async def all_of(self, path: str, params: Parameters | None = None) -> AsyncIterator[Any]:
        """Yield every value of an offset list (steps, statuses …) in its order."""
        cursor: str | None = None
        while True:
            page = await self._by_offset(path, params or {}, self._place(cursor, "offset"))
            for value in page.values:
                yield value
            cursor = page.cursor
            if cursor is None:
                return

    async def every(self, path: str, params: Parameters) -> AsyncIterator[Any]:
        """Yield every value that can be read of a list that may have cursors."""
        cursor: str | None = None
        while True:
            page = await self.page(path, params, cursor)
            for value in page.values:
                yield value
            cursor = page.cursor
            if cursor is None:
                return

    def _place(self, cursor: str | None, by: str) -> _Place:
        return _Place(by=by, at=0, size=self._page_size) if cursor is None else _read(cursor)

    def _attempts(self, place: _Place) -> int:
        if place.size >= self._page_size:
            return ATTEMPTS
        return OF_A_HALF if place.size > 1 else OF_ONE

    async def _page_at(self, path: str, params: Parameters, place: _Place) -> Listed:
        read = self._by_id if place.by == "id" else self._by_offset
        try:
            page = await read(path, params, place)
        except RejectedError as error:
            if not _depends_on_size(error):
                raise
            return await self._halved(path, params, place, error)
        if page.cursor is None or (place.size >= self._page_size and not place.lost):
            return page
        following = _read(page.cursor)
        most = min(place.most or self._page_size, self._page_size)
        size = _dividing(following, min(2 * place.size, most))
        return attrs.evolve(
            page, cursor=attrs.evolve(following, size=size, most=most, lost=0).text()
        )

    async def _halved(
        self, path: str, params: Parameters, place: _Place, error: RejectedError
    ) -> Listed:
        """Return half of a page that failed; of a single object why it cannot be read.

        A size that failed is not asked for again, unless a single object was at fault. A cursor
        list does not say where the next object begins, so the offset list takes over.
        """
        if place.size > 1:
            size = _dividing(place, place.size // 2)
            return await self._page_at(path, params, attrs.evolve(place, size=size, most=size))
        if place.by == "id":
            self._without_cursors.add(path)
            # small at first: what could not be read is somewhere on it
            start = attrs.evolve(self._place(None, "offset"), size=1, most=self._page_size)
            return await self._page_at(path, params, start)
        if place.lost >= MOST_LOST:
            raise error
        following = attrs.evolve(place, at=place.at + 1, most=0, lost=place.lost + 1)
        lost = Lost(number=place.at + 1, reason=f"number {place.at + 1} of the list: {error}")
        return Listed(values=(), cursor=following.text(), stable=False, lost=(lost,))

    async def _by_id(self, path: str, params: Parameters, place: _Place) -> Listed:
        for _ in range(STANDSTILLS):
            # "limit" may be 0 (schemas 2026-08): a server under load may give nothing for now
            query, attempts = _id_query(params, place), self._attempts(place)
            body = (await self.get(f"{path}/nextgen", query, attempts=attempts)).body
            values = tuple(body["values"])
            following = _next_id(body, values)
            if following is None:
                return Listed(values=values, cursor=None)
            if following <= place.at:
                # such as 0 instead of null: ids ascend, so what is left comes after the last one
                following = _after(values)
            if following > place.at:
                return Listed(values=values, cursor=attrs.evolve(place, at=following).text())
            if values:
                break
            if whole(body.get("limit")) != 0:
                return Listed(values=(), cursor=None)
        raise RecordError(
            f"Zephyr: GET {path}/nextgen does not go on after id {place.at}; run again later"
        )

    async def _by_offset(self, path: str, params: Parameters, place: _Place) -> Listed:
        asked = {**params, "maxResults": place.size, "startAt": place.at}
        asked.pop(UPDATED_AFTER, None)  # cursor lists alone know it
        body = (await self.get(path, asked, attempts=self._attempts(place))).body
        values = tuple(body["values"])
        # "startAt should be a multiple of maxResults": where the server rounds it down, its
        # own answer tells, and what was read before is left out
        start = whole(body.get("startAt"))
        start = place.at if start is None or not 0 <= start <= place.at else start
        fresh = values[place.at - start :]
        total, served = whole(body.get("total")), whole(body.get("maxResults"))
        more = bool(fresh) and total is not None and place.at + len(fresh) < total
        if _ends(body, fresh, full=served is not None and len(values) >= served, more=more):
            # nothing shifts within one page
            return Listed(values=fresh, cursor=None, total=total, stable=place.at == 0)
        if not fresh:
            raise RecordError(
                f"Zephyr: GET {path} does not go on after {place.at}; run again later"
            )
        # advance by what came: the server may give fewer than were asked for
        at = place.at + len(fresh)
        size = place.size
        if at % size and served and served <= size and at % served == 0:
            size = served
        following = attrs.evolve(place, at=at, size=size)
        return Listed(values=fresh, cursor=following.text(), total=total, stable=False)


def _read(cursor: str) -> _Place:
    return _Place(**json.loads(cursor))


def _dividing(place: _Place, size: int) -> int:
    """Return the largest size up to this one that an index is a multiple of, as pages should be."""
    if place.by == "offset":
        while place.at % size:
            size -= 1
    return size


def _depends_on_size(error: RejectedError) -> bool:
    """Return whether a page failed because of what is on it, and not because it is refused."""
    return error.status is None or error.status not in REFUSED


def _id_query(params: Parameters, place: _Place) -> Parameters:
    return {**params, "limit": place.size, "startAtId": place.at}


def _next_id(body: Mapping[str, Any], values: tuple[Any, ...]) -> int | None:
    """Return the id that the next page starts at, None at the end.

    The field is ``nextStartAtId`` (the schema's text calls it ``nextStartId`` besides); ``next`` is
    the URL of the next page, of which only the number is used. Where both are missing, or it has
    none, nothing said that this was the end: the list is asked for what follows its highest id.
    """
    for name in ("nextStartAtId", "nextStartId"):
        found = whole(body.get(name))
        if found is not None:
            return found
    following = body.get("next")
    if isinstance(following, str) and following:
        try:
            query = parse_qs(urlsplit(following).query)
        except ValueError:
            query = {}
        found = whole(next(iter(query.get("startAtId", ())), None))
        found = _after(values) if found is None else found
        if not found:
            raise RecordError("Zephyr: a list goes on, but its answer does not say where")
        return found
    if {"nextStartAtId", "nextStartId", "next"} & body.keys():
        return None
    return _after(values) or None


def _after(values: tuple[Any, ...]) -> int:
    """Return the id after the highest of a page, 0 where it has none."""
    highest = max((whole(mapped(value).get("id")) or 0 for value in values), default=0)
    return highest + 1 if highest else 0


def _ends(body: Mapping[str, Any], fresh: tuple[Any, ...], *, full: bool, more: bool) -> bool:
    """Return whether an offset list is over; ``fresh`` are the values not read before.

    An empty page ends it; ``isLast`` and ``next`` only where neither contradicts the other, nor the
    total both (``more``). All three may be missing, the total drifts, and a short page is no end. A
    page that holds only what was read before ends it too, if it is not ``full``: the server
    rounded down.
    """
    last, following = body.get("isLast"), body.get("next")
    if not body["values"]:
        return True
    if not fresh and not full and last is not False and not following:
        return True
    if following or more:
        return False
    return last is True or ("next" in body and last is not False)

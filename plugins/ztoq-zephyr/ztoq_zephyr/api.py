"""Reads Zephyr Cloud's two kinds of lists: cursor lists and offset lists.

The quirks are those that clients of the real service met; each is beside the line that handles it.
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

NOT_THERE = (400, 404)
"""Zephyr's answers for an object that does not exist: 400 for a key that it cannot read."""

GONE = (404, 410)
"""Zephyr's answers for a well-formed key of an object that does not exist."""

NO_CURSORS = frozenset({400, 403, 404, 405, 503})
"""Answers of tenants without a cursor list: 403 for a wrong path, 400 or 404 if the last segment
is taken for a key, 503 (again and again) if the gateway does not route it. If one of them means
something else, nothing is lost: the offset list has the same objects."""

OK = 200
UPDATED_AFTER = "updatedAfter"

CURSOR_LISTS = frozenset({"testcases", "testplans", "testcycles", "testexecutions"})

REFUSED = frozenset(range(400, 500)) - {408, 413}
"""Statuses that are about the request itself, not about the size of the page."""
ATTEMPTS, OF_A_HALF, OF_ONE = 8, 2, 4
"""Attempts for a request; for a part of a page that failed, which is divided if it fails again; and
for a single object. So one object that the service cannot give costs seconds, not minutes."""

MOST_LOST = 20
"""Objects in a row that a list may fail to give before the list itself counts as broken."""

PASSES = 5
"""How often the list of one object is read, at most, until it did not change meanwhile."""

STANDSTILLS = 5
"""How often a list may give neither objects nor a next position before that is an error."""

Parameters = Mapping[str, str | int]


def path_of(*segments: str | int) -> str:
    """Return a path of encoded segments; a lone surrogate in a key, which UTF-8 lacks, is ``?``."""
    return "/".join(quote(str(segment), safe="", errors="replace") for segment in segments)


@attrs.frozen(kw_only=True)
class Lost:
    """An object that a list did not give, even alone; ``number`` counts from 1."""

    number: int
    reason: str


@attrs.frozen(kw_only=True)
class Listed:
    """A page of JSON values. ``cursor`` None: it is the last one. ``stable`` as in ``Page``.

    ``lost`` are its objects that the service could not give.
    """

    values: tuple[Any, ...]
    cursor: str | None
    total: int | None = None
    stable: bool = True
    lost: tuple[Lost, ...] = ()


@attrs.frozen(kw_only=True)
class _Position:
    """Where a page begins, as a cursor holds it: an id (cursor lists) or an index, and a size.

    ``most`` is the size to grow to again after a page that failed (0: the configured one), ``lost``
    is the number of objects in a row that could not be read.
    """

    by: str
    at: int
    size: int
    most: int = 0
    lost: int = 0

    def text(self) -> str:
        return json.dumps(attrs.asdict(self), separators=(",", ":"))


class Api:
    """Reads lists and objects of one project; remembers the endpoints that the tenant lacks."""

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

        This is the cursor list ``PATH/nextgen``, or the offset list if the tenant has none. A page
        that the service cannot give is requested in halves, down to single objects.
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
        """Return a page of a list that has only offsets; else as ``page``."""
        return await self._page_at(path, params, self._place(cursor, "offset"))

    async def all_of(self, path: str, params: Parameters | None = None) -> list[Any]:
        """Return all values of an offset list (steps, statuses …) in their order.

        If somebody deletes a value between two pages, the values after it move, and the next page
        leaves one out. A list in several pages is therefore read again until two passes are equal,
        unless the total on every page is the number of values that arrived.

        Raises:
            RecordError: It keeps changing.
        """
        before: list[Any] | None = None
        for _ in range(PASSES):
            values: list[Any] = []
            totals: set[int | None] = set()
            cursor: str | None = None
            while cursor is not None or not totals:
                page = await self._by_offset(path, params or {}, self._place(cursor, "offset"))
                values += page.values
                totals.add(page.total)
                cursor = page.cursor
            if page.stable or totals == {len(values)} or values == before:
                return values
            before = values
        raise RecordError(f"Zephyr: GET {path} changes while it is read; run again later")

    async def every(self, path: str, params: Parameters) -> AsyncIterator[Any]:
        """Yield every readable value of a list that may have cursors."""
        cursor: str | None = None
        while True:
            page = await self.page(path, params, cursor)
            for value in page.values:
                yield value
            cursor = page.cursor
            if cursor is None:
                return

    def _place(self, cursor: str | None, by: str) -> _Position:
        return _Position(by=by, at=0, size=self._page_size) if cursor is None else _read(cursor)

    def _attempts(self, place: _Position) -> int:
        if place.size >= self._page_size:
            return ATTEMPTS
        return OF_A_HALF if place.size > 1 else OF_ONE

    async def _page_at(self, path: str, params: Parameters, place: _Position) -> Listed:
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
        self, path: str, params: Parameters, place: _Position, error: RejectedError
    ) -> Listed:
        """Return half of a page that failed, or the reason why a single object cannot be read.

        A size that failed is not requested again, unless a single object was at fault. A cursor
        list does not show the id of the next object, so the offset list takes over.
        """
        if place.size > 1:
            size = _dividing(place, place.size // 2)
            return await self._page_at(path, params, attrs.evolve(place, size=size, most=size))
        if place.by == "id":
            self._without_cursors.add(path)
            # small at first: the object that could not be read may be anywhere on it
            start = attrs.evolve(self._place(None, "offset"), size=1, most=self._page_size)
            return await self._page_at(path, params, start)
        if place.lost >= MOST_LOST:
            raise error
        following = attrs.evolve(place, at=place.at + 1, most=0, lost=place.lost + 1)
        lost = Lost(number=place.at + 1, reason=f"number {place.at + 1} of the list: {error}")
        return Listed(values=(), cursor=following.text(), stable=False, lost=(lost,))

    async def _by_id(self, path: str, params: Parameters, place: _Position) -> Listed:
        for _ in range(STANDSTILLS):
            # "limit" may be 0 (schemas 2026-08): a server under load may give nothing at first
            query, attempts = _id_query(params, place), self._attempts(place)
            body = (await self.get(f"{path}/nextgen", query, attempts=attempts)).body
            values = tuple(body["values"])
            following = _next_id(body, values)
            if following is None:
                return Listed(values=values, cursor=None)
            if following <= place.at:
                # such as 0 instead of null: ids ascend, so the rest begins after the highest one
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

    async def _by_offset(self, path: str, params: Parameters, place: _Position) -> Listed:
        asked = {**params, "maxResults": place.size, "startAt": place.at}
        asked.pop(UPDATED_AFTER, None)  # cursor lists alone know it
        body = (await self.get(path, asked, attempts=self._attempts(place))).body
        values = tuple(body["values"])
        # "startAt should be a multiple of maxResults": a server that rounds it down shows that in
        # its answer; what was read before is left out
        start = whole(body.get("startAt"))
        start = place.at if start is None or not 0 <= start <= place.at else start
        fresh = values[place.at - start :]
        total, served = whole(body.get("total")), whole(body.get("maxResults"))
        more = bool(fresh) and total is not None and place.at + len(fresh) < total
        if _ends(body, fresh, full=served is not None and len(values) >= served, more=more):
            # within one page nothing can shift
            return Listed(values=fresh, cursor=None, total=total, stable=place.at == 0)
        if not fresh:
            raise RecordError(
                f"Zephyr: GET {path} does not go on after {place.at}; run again later"
            )
        # advance by the number that came: the server may give fewer than requested
        at = place.at + len(fresh)
        size = place.size
        if at % size and served and served <= size and at % served == 0:
            size = served
        following = attrs.evolve(place, at=at, size=size)
        return Listed(values=fresh, cursor=following.text(), total=total, stable=False)


def _read(cursor: str) -> _Position:
    return _Position(**json.loads(cursor))


def _dividing(place: _Position, size: int) -> int:
    """Return the largest size up to this one of which the index is a multiple, as it should be."""
    if place.by == "offset":
        while place.at % size:
            size -= 1
    return size


def _depends_on_size(error: RejectedError) -> bool:
    """Return whether a page failed because of its content and was not refused as such."""
    return error.status is None or error.status not in REFUSED


def _id_query(params: Parameters, place: _Position) -> Parameters:
    return {**params, "limit": place.size, "startAtId": place.at}


def _next_id(body: Mapping[str, Any], values: tuple[Any, ...]) -> int | None:
    """Return the id that the next page starts at, None at the end.

    The field is ``nextStartAtId`` (the schema's text also calls it ``nextStartId``); ``next`` is
    the URL of the next page, of which only the number is used. If both are missing, or the URL has
    no number, the end is not certain: the next page begins after the highest id.
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
            raise RecordError("Zephyr: a list goes on, but its answer does not show where")
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

    An empty page ends it; ``isLast`` and ``next`` only if they do not contradict each other or the
    total (``more``). All three may be missing, the total drifts, and a short page is not an end. A
    page with nothing new also ends it if it is not ``full``: the server rounded down.
    """
    last, following = body.get("isLast"), body.get("next")
    if not body["values"]:
        return True
    if not fresh and not full and last is not False and not following:
        return True
    if following or more:
        return False
    return last is True or ("next" in body and last is not False)

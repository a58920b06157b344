"""Zephyr Cloud's two ways of paging over one paced client: cursor lists and offset lists.

Quirks are those that clients of the real service met; each stands beside the line that minds it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import attrs

from ztoq_core.plugin import Answer, Client, ServiceError
from ztoq_zephyr.values import listed, mapped, whole

__all__ = ["NOT_THERE", "UPDATED_AFTER", "Api", "Listed", "path_of"]

NOT_THERE = (400, 403, 404)
"""How Zephyr says that there is no such object: 400 for a key it cannot read, 403 for some."""

NO_ENDPOINT = (400, 403, 404, 405, 503)
"""How tenants without an endpoint answer: 403 for a wrong path, 400 or 404 where the last segment
is taken for a key, 503 where the gateway does not route it (that one again and again)."""

OK = 200
UPDATED_AFTER = "updatedAfter"

CURSOR_LISTS = frozenset({"testcases", "testplans", "testcycles", "testexecutions"})

STANDSTILLS = 5
"""How often a list may give nothing and not go on before that is an error."""

Parameters = Mapping[str, str | int]


def path_of(*segments: str | int) -> str:
    """Return a path of encoded segments."""
    return "/".join(quote(str(segment), safe="") for segment in segments)


@attrs.frozen(kw_only=True)
class Listed:
    """A page of JSON values. ``cursor`` None: it was the last one. ``stable`` as in ``Page``."""

    values: tuple[Any, ...]
    cursor: str | None
    total: int | None = None
    stable: bool = True


@attrs.frozen(kw_only=True)
class _Place:
    """Where to read on, as a cursor holds it: the first id (cursor lists) or index, and a size."""

    by: str
    at: int
    size: int

    def text(self) -> str:
        return json.dumps(attrs.asdict(self), separators=(",", ":"))


class Api:
    """Reads lists and objects of one project; remembers which endpoints the tenant lacks."""

    def __init__(self, client: Client, project: str, page_size: int) -> None:
        self.client = client
        self._project = project
        self._page_size = page_size
        self._without_cursors: set[str] = set()

    async def try_get(
        self, path: str, accept: tuple[int, ...] = NOT_THERE, params: Parameters | None = None
    ) -> Answer:
        """Return the answer of a GET whose refusals say something."""
        return await self.client.request("GET", path, params=params, accept=accept)

    async def show_that_all_is_well(self) -> None:
        """Return when the service answers and the project may be read; raises if not."""
        params: Parameters = {"projectKey": self._project, "maxResults": 1}
        await self.client.get("testcases", params=params)

    async def page(self, path: str, params: Parameters, cursor: str | None) -> Listed:
        """Return the page of the list at ``path`` that follows ``cursor``.

        The cursor list ``PATH/nextgen`` is read, or the offset list where a tenant has none.
        """
        if cursor is not None:
            place = _Place(**json.loads(cursor))
            if place.by == "id":
                answer = await self.client.get(f"{path}/nextgen", params=_id_query(params, place))
                return await self._by_id(path, params, place, answer)
            return await self._by_offset(path, params, place)
        if path not in self._without_cursors:
            place = _Place(by="id", at=0, size=self._page_size)
            answer = await self._first_by_id(path, params, place)
            if answer is not None:
                return await self._by_id(path, params, place, answer)
            # the cursor list of cases is the oldest: a tenant without it has none of the others
            self._without_cursors |= CURSOR_LISTS if path == "testcases" else {path}
        return await self._by_offset(path, params, _Place(by="offset", at=0, size=self._page_size))

    async def offset_page(self, path: str, params: Parameters, cursor: str | None) -> Listed:
        """Return a page of a list that has offsets only."""
        place = (
            _Place(by="offset", at=0, size=self._page_size)
            if cursor is None
            else _Place(**json.loads(cursor))
        )
        return await self._by_offset(path, params, place)

    async def all_of(self, path: str, params: Parameters | None = None) -> AsyncIterator[Any]:
        """Yield every value of an offset list (steps, folders, statuses …) in its order."""
        cursor: str | None = None
        while True:
            page = await self.offset_page(path, params or {}, cursor)
            for value in page.values:
                yield value
            cursor = page.cursor
            if cursor is None:
                return

    async def every(self, path: str, params: Parameters) -> AsyncIterator[Any]:
        """Yield every value of a list that may have cursors."""
        cursor: str | None = None
        while True:
            page = await self.page(path, params, cursor)
            for value in page.values:
                yield value
            cursor = page.cursor
            if cursor is None:
                return

    async def _first_by_id(self, path: str, params: Parameters, place: _Place) -> Any:
        """Return the body of the first page of a cursor list, None where the tenant has none."""
        answer = await self.try_get(f"{path}/nextgen", NO_ENDPOINT, _id_query(params, place))
        body = answer.body if answer.status == OK else None
        return body if isinstance(mapped(body).get("values"), list) else None

    async def _by_id(self, path: str, params: Parameters, place: _Place, body: Any) -> Listed:
        for _ in range(STANDSTILLS):
            values = _values(body, path)
            following = _next_id(mapped(body), values)
            if following is None:
                return Listed(values=values, cursor=None)
            if following > place.at:
                return Listed(values=values, cursor=attrs.evolve(place, at=following).text())
            if values:
                break
            if whole(mapped(body).get("limit")) != 0:
                return Listed(values=(), cursor=None)
            # "limit" may be 0 (schemas 2026-08): a server under load may give nothing for now
            body = await self.client.get(f"{path}/nextgen", params=_id_query(params, place))
        raise ServiceError(
            f"Zephyr: GET {path}/nextgen does not go on after id {place.at}; run again later"
        )

    async def _by_offset(self, path: str, params: Parameters, place: _Place) -> Listed:
        asked = {**params, "maxResults": place.size, "startAt": place.at}
        asked.pop(UPDATED_AFTER, None)  # cursor lists alone know it
        answer = await self.client.get(path, params=asked)
        values = _values(answer, path)
        body = mapped(answer)
        # "startAt should be a multiple of maxResults": where the server rounds it down, its
        # own answer tells, and what was read before is left out
        start = whole(body.get("startAt"))
        start = place.at if start is None or not 0 <= start <= place.at else start
        fresh = values[place.at - start :]
        total, served = whole(body.get("total")), whole(body.get("maxResults"))
        if _ends(body, fresh, full=served is not None and len(values) >= served):
            # nothing shifts within one page
            return Listed(values=fresh, cursor=None, total=total, stable=place.at == 0)
        if not fresh:
            raise ServiceError(
                f"Zephyr: GET {path} does not go on after {place.at}; run again later"
            )
        # advance by what came: the server may give fewer than were asked for
        at = place.at + len(fresh)
        size = place.size
        if at % size and served and served <= size and at % served == 0:
            size = served
        following = attrs.evolve(place, at=at, size=size)
        return Listed(values=fresh, cursor=following.text(), total=total, stable=False)


def _id_query(params: Parameters, place: _Place) -> Parameters:
    return {**params, "limit": place.size, "startAtId": place.at}


def _values(body: Any, path: str) -> tuple[Any, ...]:
    values = mapped(body).get("values")
    if values is not None and not isinstance(values, list):
        raise ServiceError(f"Zephyr: GET {path} answered something that is no list")
    if not isinstance(body, Mapping):
        raise ServiceError(f"Zephyr: GET {path} answered something that is no page")
    return listed(values)


def _next_id(body: Mapping[str, Any], values: tuple[Any, ...]) -> int | None:
    """Return the id that the next page starts at, None at the end.

    The field is ``nextStartAtId`` (the schema's text calls it ``nextStartId`` besides); ``next`` is
    the URL of the next page, of which only the number is used. Where both are missing nothing
    said that this was the end: the list is asked for what follows its highest id.
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
        if found is None:
            raise ServiceError("Zephyr: a list goes on, but its answer does not say where")
        return found
    if {"nextStartAtId", "nextStartId", "next"} & body.keys():
        return None
    highest = max((whole(mapped(value).get("id")) or 0 for value in values), default=0)
    return highest + 1 if highest else None


def _ends(body: Mapping[str, Any], fresh: tuple[Any, ...], *, full: bool) -> bool:
    """Return whether an offset list is over; ``fresh`` are the values not read before.

    An empty page ends it; ``isLast`` and ``next`` only where neither contradicts the other.
    ``total`` drifts, both of the others may be missing, and a short page is no end. A page that
    holds only what was read before ends it too, if it is not ``full``: the server rounded down.
    """
    last, following = body.get("isLast"), body.get("next")
    if not listed(body.get("values")):
        return True
    if not fresh and not full and last is not False and not following:
        return True
    if last is True:
        return not following
    return "next" in body and not following and last is not False

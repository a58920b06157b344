"""Zephyr's two families of pages: lists by offset and lists by cursor ("NextGen")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlencode

from ztoq_testkit.simulate import Reply, Request, by_offset

from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.queries import LAST_START, MOST, Keep, number
from ztoq_demo.zephyr.tenant import Row, Table

DEFAULT = 10

T = TypeVar("T")


def offset_page(
    request: Request,
    items: Sequence[T],
    body: Callable[[T], Any],
    options: Options,
    *,
    cap: int = MOST,
) -> Reply:
    """Return the page of ``items`` that startAt and maxResults ask for.

    More than 1000 values are never served, but asking for more is no error; ``cap`` lowers it.
    """
    asked = number(request, "maxResults", DEFAULT, lowest=1)
    start = number(request, "startAt", 0, lowest=0, highest=LAST_START)
    page = by_offset(items, start, min(asked, cap, MOST, options.cap))
    following = {"startAt": start + len(page.values), "maxResults": page.size}
    answer: dict[str, Any] = {
        "next": None if page.is_last else _url(request, following),
        "startAt": start,
        "maxResults": page.size,
    }
    if options.total:
        answer["total"] = page.total + (start % (options.drift + 1))
    if options.is_last:
        answer["isLast"] = page.is_last
    return Reply(body=answer | {"values": [body(each) for each in page.values]})


def by_cursor(
    request: Request,
    table: Table[Any],
    keep: Sequence[Keep],
    body: Callable[[Row[Any]], Any],
    options: Options,
) -> Reply:
    """Return the page of ``table`` that startAtId and limit ask for.

    ``nextStartAtId`` is the id of the object that the next page begins with (guess: the documents
    only say that the cursor is an id).
    """
    asked = number(request, "limit", DEFAULT, lowest=1, highest=MOST)
    start = number(request, "startAtId", 0, lowest=0)
    limit = min(asked, options.cap)
    kept = (row for row in table.since(start) if all(test(row) for test in keep))
    rows = list(islice(kept, limit + 1))
    following = rows[limit].item.id if len(rows) > limit else None
    answer: dict[str, Any] = {}
    if following is not None:
        answer["next"] = _url(request, {"startAtId": following, "limit": limit})
    elif options.next_url:
        answer["next"] = None
    answer |= {"nextStartAtId": following, "limit": limit}
    return Reply(body=answer | {"values": [body(row) for row in rows[:limit]]})


def _url(request: Request, changed: dict[str, int]) -> str:
    query = dict(request.query) | {name: str(value) for name, value in changed.items()}
    return f"{request.origin}{request.path}?{urlencode(query)}"

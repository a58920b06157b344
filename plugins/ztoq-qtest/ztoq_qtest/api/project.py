"""Sends the requests of one qTest project: paths, paged lists, the children of an object."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from itertools import count
from typing import Any

import attrs

from ztoq_core.plugin import Answer, Client, Content, Kind, RecordError, Ref, Services
from ztoq_qtest.api.answers import reader
from ztoq_qtest.api.object_types import OBJECT_TYPES, ROOT, ObjectRef
from ztoq_qtest.config import QtestConfig

PAGE_SIZE = 100  # published code uses it on every list; the maximum for cases is not documented
PASSES = 5  # over a list that others change while it is read
KEPT_CHANGING = (
    f"the list {{}} kept changing while it was read {PASSES} times; run again when fewer people"
    " work in the project"
)
REMEMBERED = 4096  # cases whose steps are kept in memory for their logs
OK = 200
REFUSED = 400
FORBIDDEN = 403
MISSING = 404
CONFLICT = 409
SITE_ERROR = 500
Query = dict[str, str | int]


@attrs.frozen
class ExecutableStep:
    """A step that a log has a result for: of the case itself, or of a case that it calls.

    ``key`` is ``2``, or ``2/1`` for step 1 of the case that step 2 calls; ``called`` is the id of
    that case and ``parent`` the id of the calling step.
    """

    key: str
    id: int
    called: int | None = None
    parent: int | None = None


@attrs.define(kw_only=True, eq=False)
class Project:
    """Sends the requests of a project, and keeps what many of them need.

    Many records are written at the same time and share this object. ``executable_steps`` keeps the
    steps of recent cases by (case, version), so that their logs need not read them.
    ``containers`` are those whose marks are being listed. ``failures`` counts per log how often
    the site failed at it. ``called_by`` holds, once listed, the ids of the cases that call a case.
    """

    client: Client
    config: QtestConfig
    services: Services
    executable_steps: dict[tuple[str, str], tuple[ExecutableStep, ...]] = attrs.field(factory=dict)
    containers: dict[Kind, list[ObjectRef]] = attrs.field(factory=dict)
    failures: Counter[str] = attrs.field(factory=Counter)
    called_by: dict[int, set[int]] | None = None
    _callers: dict[int, set[tuple[str, str]]] = attrs.field(factory=dict)

    async def get(self, path: str, **params: str | int | Sequence[str | int]) -> Any:
        """Return the answer to a GET under the project (``""``: the project itself).

        Raises:
            RejectedError: qTest refused, or the body does not have the shape in ``answers``.
        """
        return (await self.send("GET", path, params=params or None)).body

    async def send(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str | int | Sequence[str | int]] | None = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        repeatable: bool = False,
        ref: Ref | None = None,
    ) -> Answer:
        """Send a request under the project; ``answers`` checks a 2xx body.

        Raises:
            DoubtError: The answer to a creating POST has another shape or no id. The object may
                exist, so the engine looks for it by its mark.
            RejectedError: The answer to another request has another shape, again and again.
        """
        return await self.client.request(
            method,
            self.path(path),
            params=params,
            json=body,
            content=content,
            headers=headers,
            accept=accept,
            repeatable=repeatable,
            what=str(ref) if ref else "",
            read=reader(method, path),
        )

    async def pages(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        search: Mapping[str, Any] | None = None,
        size_name: str = "pageSize",
        key: str = "id",
    ) -> AsyncIterator[Any]:
        """Yield the items of a paged list or of a ``search``, each once.

        Test cases and requirements take ``size``, all others ``pageSize``; qTest ignores the wrong
        one (facts, section 10).

        What others delete while a list is read moves the rest up: an item can move from a page that
        is still to be read to one that was read. So a list of several pages is read again until a
        pass shows all that the one before it showed: nothing was deleted from that one meanwhile.
        A total that stayed the same and is the number of its items shows it, too.

        Raises:
            RecordError: The list keeps changing.
        """
        params = {size_name: PAGE_SIZE, **(query or {})}
        seen: set[Any] = set()
        earlier: set[Any] | None = None
        for _ in range(PASSES):
            number = 0
            here: set[Any] = set()
            totals: set[int | None] = set()
            async for items, total in self._read_pages(path, params, search, key):
                number += 1
                totals.add(total)
                here.update(item.get(key) for item in items)
                for item in items:
                    if item.get(key) not in seen:
                        seen.add(item.get(key))
                        yield item
            one_page = number <= 1 and len(here) < PAGE_SIZE
            if one_page or totals == {len(here)} or is_whole(earlier, here):
                return
            earlier = here
        raise RecordError(KEPT_CHANGING.format(path))

    async def _read_pages(
        self, path: str, params: Query, search: Mapping[str, Any] | None, key: str
    ) -> AsyncIterator[tuple[list[Any], int | None]]:
        """Yield the pages of a list up to one without a new item, each with its total.

        A page may be shorter than requested. A total may lag, so it ends a list only where the page
        is not full either.
        """
        method = "POST" if search else "GET"
        seen: set[Any] = set()
        for number in count(1):
            query = {"page": number, **params}
            answer = await self.send(method, path, search, params=query, repeatable=True)
            shown = answer.body if isinstance(answer.body, dict) else {}
            items, total, before = items_of(answer.body), shown.get("total"), len(seen)
            seen.update(item.get(key) for item in items)
            if len(seen) == before:
                return
            yield items, total
            full = len(items) >= shown.get("page_size", PAGE_SIZE)
            if total is not None and len(seen) >= total and not full:
                return

    async def children(
        self, type_: str, parent: ObjectRef, **more: str | int
    ) -> AsyncIterator[Any]:
        """Yield the direct children of one type. Lists are consistent; searches may lag."""
        query = {**parent_query(type_, parent), **more}
        if type_ in {"test-cases", "requirements"}:
            if parent != ROOT:
                query["parentId"] = parent.id
            listed = self.pages(type_, query, size_name="size")
        elif type_ in {"test-runs", "test-cycles"}:
            listed = self.pages(type_, query)
        else:
            listed = self._whole(type_, query)
        async for item in listed:
            yield item

    async def _whole(self, type_: str, query: Query) -> AsyncIterator[Any]:
        if type_ == "releases":
            query["includeClosed"] = "true"  # otherwise closed releases are hidden
        for item in await self.get(type_, **query):
            yield item

    def remember(self, case: str, version: str, lines: tuple[ExecutableStep, ...]) -> None:
        """Keep the steps of a case for the logs of its runs."""
        self._drop((case, version))
        self.executable_steps[case, version] = lines
        for called in _called(lines):
            self._callers.setdefault(called, set()).add((case, version))
        while len(self.executable_steps) > REMEMBERED:
            self._drop(next(iter(self.executable_steps)))

    def forget(self, case: int) -> None:
        """Forget the steps of the cases that call this case, whose steps are changing."""
        for known in self._callers.pop(case, ()):
            self._drop(known)

    def _drop(self, known: tuple[str, str]) -> None:
        for called in _called(self.executable_steps.pop(known, ())):
            if callers := self._callers.get(called):
                callers.discard(known)

    def path(self, path: str) -> str:
        """Return the full path of a path under the project."""
        root = f"api/v3/projects/{self.config.project}"
        return f"{root}/{path}" if path else root


def is_whole(earlier: set[Any] | None, here: set[Any]) -> bool:
    """Whether a pass over a list missed nothing, from the keys of the pass behind it."""
    return earlier is not None and earlier <= here


def items_of(body: Any) -> list[Any]:
    """Return the items of a page object or of a bare array."""
    items: list[Any] = body["items"] if isinstance(body, dict) else body
    return items


def parent_query(type_: str, parent: ObjectRef) -> Query:
    """Return the query parameters that name the parent of an object."""
    style = OBJECT_TYPES[type_].parent
    if style == "typed":
        # the enum has singulars: root, release, test-cycle, test-suite (vendor document)
        return {"parentId": parent.id, "parentType": parent.type.removesuffix("s")}
    if style == "query" and parent != ROOT:
        return {"parentId": parent.id}
    return {}


def _called(lines: tuple[ExecutableStep, ...]) -> set[int]:
    """Return the called cases whose steps are among these steps."""
    return {line.called for line in lines if line.called is not None and line.parent is not None}

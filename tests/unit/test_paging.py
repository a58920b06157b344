"""Lists that come in pages, read by a service that answers as real ones do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
from ztoq_testkit import lent
from ztoq_testkit.simulate import Reply, Request, Route, Server

from ztoq_core.errors import RejectedError, ServiceError
from ztoq_core.plugin import (
    AnswerError,
    ByCursor,
    ByNumber,
    ByOffset,
    Client,
    Connection,
    Kind,
    Listing,
    Page,
    PagedList,
    Paging,
    Record,
    RecordError,
    TestCase,
    page_of,
)

VALUES = [{"key": f"A-{number}", "name": f"Case {number}"} for number in range(10)]
Answer = Callable[[Mapping[str, str]], dict[str, Any]]


def listing(body: Any) -> Listing:
    if not isinstance(body, dict) or not isinstance(body.get("values"), list):
        raise AnswerError("an object with the list 'values' was due")
    return Listing(**body)


def case(value: Any) -> TestCase:
    return TestCase(key=value["key"], name=value["name"])


def listed(by: Paging) -> PagedList:
    return PagedList(path="cases", params={"project": "A"}, read=listing, by=by)


@attrs.define
class Service:
    """Answers, and remembers what it was asked."""

    answer: Answer
    asked: list[dict[str, str]] = attrs.field(factory=list)

    def reply(self, request: Request) -> Reply:
        query = dict(request.query)
        self.asked.append(query)
        return Reply(200, self.answer(query))

    async def read(self, work: Callable[[Client], Any]) -> Any:
        server = Server((Route("GET", "/cases", self.reply),), name="service")
        async with server.serving() as url, lent().client(Connection(base_url=url)) as client:
            return await work(client)

    async def pages(self, by: Paging, *, again: bool = False) -> list[Page]:
        """Read all pages; ``again``: each one twice, as after a crash, by a new object."""

        async def read(client: Client) -> list[Page]:
            pages: list[Page] = []
            cursor: str | None = None
            while not pages or cursor is not None:
                for _ in range(1 + again):
                    page = await listed(by).page(client, cursor, Kind.TEST_CASE, case)
                pages.append(page)
                cursor = page.cursor
            return pages

        return list(await self.read(read))


def keys(pages: list[Page]) -> list[str]:
    return [record.key for page in pages for record in page.records]


ALL = [each["key"] for each in VALUES]


def by_offset(*, most: int = 99, says: str = "total") -> Answer:
    def answer(query: Mapping[str, str]) -> dict[str, Any]:
        start = int(query["startAt"])
        values = VALUES[start : start + min(int(query["maxResults"]), most)]
        said: dict[str, Any] = {
            "total": len(VALUES),
            "last": start + len(values) >= len(VALUES),
        }
        return {"values": values} | {key: said[key] for key in said if key in says}

    return answer


def by_number(*, most: int = 99, first: int = 1, says: str = "total") -> Answer:
    def answer(query: Mapping[str, str]) -> dict[str, Any]:
        size = min(int(query["size"]), most)
        start = (int(query["page"]) - first) * size
        values = VALUES[start : start + size]
        return {"values": values} | ({"total": len(VALUES)} if says == "total" else {})

    return answer


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("by", "answer"),
    [
        (ByOffset(size=4), by_offset()),
        (ByOffset(size=5), by_offset()),
        (ByOffset(size=4), by_offset(most=3)),
        (ByOffset(size=4), by_offset(says="last")),
        (ByOffset(size=4), by_offset(says="")),
        (ByNumber(size=4), by_number()),
        (ByNumber(size=4), by_number(most=3)),
        (ByNumber(size=5), by_number(says="")),
        (ByNumber(size=4, first=0), by_number(first=0)),
    ],
)
async def test_every_value_comes_once(by: Paging, answer: Answer, *, again: bool) -> None:
    pages = await Service(answer).pages(by, again=again)
    assert keys(pages) == ALL
    assert not any(page.stable for page in pages)


async def test_a_list_without_an_end_is_read_until_an_empty_page() -> None:
    service = Service(by_offset(says=""))
    await service.pages(ByOffset(size=5))
    assert [each["startAt"] for each in service.asked] == ["0", "5", "10"]


async def test_a_total_that_is_too_high_does_not_read_for_ever() -> None:
    answer = by_offset()
    service = Service(lambda query: {**answer(query), "total": 500})
    assert keys(await service.pages(ByOffset(size=4))) == ALL


async def test_a_total_that_is_too_low_ends_nothing_if_the_service_says_that_more_follows() -> None:
    answer = by_offset(says="total last")
    service = Service(lambda query: {**answer(query), "total": 3})
    assert keys(await service.pages(ByOffset(size=4))) == ALL


async def test_what_fits_on_one_page_cannot_shift() -> None:
    (page,) = await Service(by_offset()).pages(ByOffset(size=20))
    assert page.stable


async def test_numbers_keep_the_size_that_they_were_begun_with() -> None:
    service = Service(by_number())

    async def read(client: Client) -> list[Page]:
        first = await listed(ByNumber(size=2)).page(client, None, Kind.TEST_CASE, case)
        newer = listed(ByNumber(size=5))
        return [first, await newer.page(client, first.cursor, Kind.TEST_CASE, case)]

    assert keys(list(await service.read(read))) == ALL[:4]
    assert [each["size"] for each in service.asked] == ["2", "2"]


@pytest.mark.parametrize(
    "link",
    [
        "{}",
        "/+{}==",
        "https://elsewhere.example/api/cases?after={}&tag=x&tag=y&limit=3",
        "/cases?after={}",
        "?after={}",
    ],
    ids=["a cursor", "one in base64", "a link", "a relative link", "a query"],
)
async def test_a_cursor_or_link_is_followed_at_the_same_host(link: str) -> None:
    def answer(query: Mapping[str, str]) -> dict[str, Any]:
        start = int(query.get("after", "0").strip("/+="))
        end = start + int(query["limit"])
        following = link.format(end) if end < len(VALUES) else None
        return {"values": VALUES[start:end], "following": following}

    service = Service(answer)
    pages = await service.pages(ByCursor(cursor="after", size=3))
    assert keys(pages) == ALL
    assert all(page.stable for page in pages)
    assert all(each["project"] == "A" for each in service.asked)


async def test_a_cursor_that_comes_again_is_not_followed_for_ever() -> None:
    service = Service(lambda _: {"values": VALUES[:2], "following": "x"})
    with pytest.raises(RecordError, match="the same cursor again"):
        await service.pages(ByCursor())


async def test_the_values_of_all_pages() -> None:
    async def read(client: Client) -> list[Any]:
        return [each async for each in listed(ByOffset(size=4)).values(client)]

    assert await Service(by_offset()).read(read) == VALUES


async def test_an_answer_of_another_shape_is_never_an_empty_list() -> None:
    with pytest.raises((RejectedError, ServiceError), match="the list 'values' was due"):
        await Service(lambda _: {"error": "busy"}).pages(ByOffset())


def test_what_cannot_be_read_is_kept_with_its_reason() -> None:
    values = [{"key": "A-1", "name": "One"}, {"id": 7}, "text", {"key": "A-2", "name": "Two"}]

    def record(value: Any) -> list[Record]:
        return [case(value)]

    page = page_of(Kind.TEST_CASE, values, record)
    assert [each.key for each in page.records] == ["A-1", "A-2"]
    assert [(each.key, each.raw) for each in page.rejects] == [("7", {"id": 7}), ("", "text")]
    assert page.rejects[0].reason == "cannot be read: KeyError: 'key'"
    assert (page.cursor, page.stable) == (None, True)

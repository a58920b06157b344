"""Lists by cursor and by offset, with what servers leave out, lower or get wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from string import ascii_letters
from typing import Any

import pytest
from ztoq_testkit.simulate import Reply, Request
from ztoq_testkit.virtual_time import run_in_virtual_time

from ztoq_core.plugin import Kind, RecordError, ServiceError

ALL = [f"SHOP-T{n}" for n in range(1, 8)]
IDS = range(11, 18)


@pytest.fixture
def cases(answer_of: Callable[[str], Any]) -> list[dict[str, Any]]:
    body = answer_of("testcase")
    return [body | {"id": i, "key": key} for i, key in zip(IDS, ALL, strict=True)]


def by_cursor(
    cases: list[dict[str, Any]], size: int, change: Callable[[dict[str, Any]], None]
) -> Callable[[Request], Any]:
    def serve(request: Request) -> Any:
        start = int(request.query["startAtId"])
        rest = [case for case in cases if case["id"] >= start]
        following = rest[size]["id"] if len(rest) > size else None
        url = f"https://x/v2/testcases/nextgen?limit={size}&startAtId={following}"
        body = {
            "next": url if following else None,
            "nextStartAtId": following,
            "limit": size,
            "values": rest[:size],
        }
        change(body)
        return body

    return serve


def leave_out(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        for name in names:
            body.pop(name)

    return change


async def keys(opened: Any, **settings: Any) -> list[str]:
    async with opened(**settings) as shop:
        return [record.key for record in await shop.all_of(Kind.TEST_CASE)]


@pytest.mark.parametrize(
    "left_out",
    [(), ("next",), ("nextStartAtId",), ("next", "nextStartAtId"), ("limit",), ("limit", "next")],
)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_cursor_lists_are_read_to_their_end(
    answers: Any, opened: Any, cases: Any, size: int, left_out: tuple[str, ...]
) -> None:
    answers["testcases/nextgen"] = by_cursor(cases, size, leave_out(*left_out))
    assert await keys(opened) == ALL


async def test_null_beside_a_next_url_is_no_end(answers: Any, opened: Any, cases: Any) -> None:
    answers["testcases/nextgen"] = by_cursor(cases, 3, lambda body: body.update(nextStartAtId=None))
    assert await keys(opened) == ALL


async def test_an_empty_page_that_goes_on_is_no_end(answers: Any, opened: Any, cases: Any) -> None:
    serve = by_cursor(cases, 3, lambda _: None)
    answers["testcases/nextgen"] = lambda request: (
        {"next": None, "nextStartAtId": 11, "limit": 3, "values": []}
        if request.query["startAtId"] == "0"
        else serve(request)
    )
    assert await keys(opened) == ALL


async def test_a_limit_of_nothing_is_asked_again(answers: Any, opened: Any, cases: Any) -> None:
    serve = by_cursor(cases, 3, lambda _: None)
    turns: Iterator[bool] = iter([False, True, True])
    answers["testcases/nextgen"] = lambda request: (
        serve(request)
        if not next(turns, False)
        else {
            "next": "x",
            "nextStartAtId": int(request.query["startAtId"]),
            "limit": 0,
            "values": [],
        }
    )
    assert await keys(opened) == ALL


def zero(body: dict[str, Any]) -> None:
    body.update(next=None, nextStartAtId=body["nextStartAtId"] or 0)


def unhelpful(body: dict[str, Any]) -> None:
    del body["nextStartAtId"]
    if body["next"]:
        body["next"] = "https://x/v2/testcases/nextgen?after=abc"


def without_empty(body: dict[str, Any]) -> None:
    if not body["values"]:
        del body["values"]


@pytest.mark.parametrize("change", [zero, unhelpful, without_empty])
@pytest.mark.parametrize("size", [2, 7, 100])
async def test_a_cursor_list_may_say_its_end_in_other_ways(
    answers: Any, opened: Any, cases: Any, size: int, change: Any
) -> None:
    answers["testcases/nextgen"] = by_cursor(cases, size, change)
    assert await keys(opened) == ALL
    answers["testcases/nextgen"] = by_cursor([], size, change)
    assert await keys(opened) == []


@pytest.mark.parametrize("values", [[], [{"id": 1, "key": "SHOP-T1"}]])
async def test_a_cursor_list_that_stands_still_is_an_error(
    answers: Any, opened: Any, values: Any
) -> None:
    answers["testcases/nextgen"] = {"next": "x", "nextStartAtId": 0, "limit": 0, "values": values}
    with pytest.raises(RecordError, match="does not go on"):
        await keys(opened)


async def test_a_next_that_names_no_place_is_an_error(answers: Any, opened: Any) -> None:
    answers["testcases/nextgen"] = {"next": "https://[x", "values": [{"key": "SHOP-T1"}]}
    with pytest.raises(RecordError, match="does not show where"):
        await keys(opened)


async def test_an_empty_page_that_names_itself_is_the_end(answers: Any, opened: Any) -> None:
    answers["testcases/nextgen"] = {"next": "x", "nextStartAtId": 0, "limit": 10, "values": []}
    assert await keys(opened) == []


def by_offset(
    cases: list[dict[str, Any]],
    change: Callable[[dict[str, Any]], None],
    *,
    cap: int = 1000,
    rounding: bool = False,
) -> Callable[[Request], Any]:
    def serve(request: Request) -> Any:
        size = min(int(request.query["maxResults"]), cap)
        start = int(request.query.get("startAt", "0"))
        if rounding:
            start -= start % size
        last = start + size >= len(cases)
        body = {
            "next": None if last else "https://x/v2/testcases?startAt=…",
            "startAt": start,
            "maxResults": size,
            "total": len(cases),
            "isLast": last,
            "values": cases[start : start + size],
        }
        change(body)
        return body

    return serve


@pytest.mark.parametrize("status", [400, 403, 404, 405])
async def test_a_tenant_without_cursor_lists_is_found_out_once(
    answers: Any, opened: Any, cases: Any, status: int
) -> None:
    answers["testcases/nextgen"] = Reply(status, {"errorCode": status, "message": "No"})
    answers["testcases"] = by_offset(cases, lambda _: None)
    async with opened(page_size=2) as shop:
        assert [record.key for record in await shop.all_of(Kind.TEST_CASE)] == ALL
        page = await shop.source.fetch(Kind.TEST_CASE, None)
        assert shop.tenant.times("testcases/nextgen") == 1
    assert page.total == 7
    assert page.cursor is not None


def test_a_path_that_is_never_routed_means_no_cursor_list(
    answers: Any, opened: Any, cases: Any
) -> None:
    answers["testcases/nextgen"] = Reply(503, content=b"<html>", content_type="text/html")
    answers["testcases"] = by_offset(cases, lambda _: None)

    async def work() -> list[str]:
        async with opened() as shop:
            await shop.source.check()
            return [record.key for record in await shop.all_of(Kind.TEST_CASE)]

    assert run_in_virtual_time(work()) == ALL


async def test_an_offset_list_of_one_page_cannot_shift(
    answers: Any, opened: Any, cases: Any
) -> None:
    del answers["testcases/nextgen"]
    answers["testcases"] = by_offset(cases, lambda _: None)
    async with opened() as shop:
        page = await shop.source.fetch(Kind.TEST_CASE, None)
    assert (len(page.records), page.cursor, page.stable) == (7, None, True)


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 7, 1000])
@pytest.mark.parametrize("rounding", ["as asked", "rounded"])
@pytest.mark.parametrize(
    "left_out",
    [(), ("isLast",), ("next",), ("isLast", "next", "total"), ("startAt",), ("maxResults",)],
)
async def test_offset_lists_are_read_to_their_end(
    answers: Any, opened: Any, page_size: int, rounding: str, left_out: tuple[str, ...]
) -> None:
    rounded = rounding == "rounded"
    for cap in (1, 2, 3, 1000):
        if rounded and "startAt" in left_out and page_size % min(page_size, cap):
            continue  # a server that rounds and does not say so
        cases = [{"id": i, "key": key} for i, key in zip(IDS, ALL, strict=True)]
        answers.pop("testcases/nextgen", None)
        answers["testcases"] = by_offset(cases, leave_out(*left_out), cap=cap, rounding=rounded)
        assert await keys(opened, page_size=page_size) == ALL


@pytest.mark.parametrize(
    "wrong",
    [
        {"total": 3},
        {"total": 3, "isLast": None, "next": ""},
        {"total": 99, "maxResults": 1},
        {"isLast": False, "next": None},
        {"isLast": True, "next": None},
        {"isLast": True, "next": None, "total": 99},
    ],
)
async def test_what_says_nothing_certain_ends_no_list(
    answers: Any, opened: Any, cases: Any, wrong: Any
) -> None:
    def change(body: dict[str, Any]) -> None:
        if wrong.get("next", "x") == "":
            body.pop("next")
        body.update({name: value for name, value in wrong.items() if value != ""})

    del answers["testcases/nextgen"]
    answers["testcases"] = by_offset(cases, change)
    assert await keys(opened, page_size=2) == ALL


EMPTY = {"startAt": 0, "maxResults": 10}


@pytest.mark.parametrize("said", [{"isLast": True}, {"total": 0}, {"next": None}])
async def test_an_empty_page_may_leave_out_its_values(
    answers: Any, opened: Any, said: dict[str, Any]
) -> None:
    del answers["testcases/nextgen"]
    answers["testcases"] = EMPTY | said
    assert await keys(opened) == []


@pytest.mark.parametrize(
    "body",
    [
        EMPTY,
        EMPTY | {"isLast": True, "total": 7},
        EMPTY | {"isLast": False, "total": 0, "next": "x"},
        {"isLast": True, "total": 0},
        {"next": None, "limit": 10},
        {"nextStartAtId": 5, "limit": 10},
        EMPTY | {"values": None, "total": 0},
    ],
)
def test_a_page_without_values_that_does_not_say_why_is_an_error(
    answers: Any, opened: Any, body: dict[str, Any]
) -> None:
    answers["testcases/nextgen"] = body
    answers["testcases"] = body
    with pytest.raises(ServiceError, match="a page with"):
        run_in_virtual_time(keys(opened))


async def test_an_offset_list_that_stands_still_is_an_error(
    answers: Any, opened: Any, cases: Any
) -> None:
    del answers["testcases/nextgen"]
    answers["testcases"] = {"startAt": 0, "values": cases[:2], "isLast": False}
    with pytest.raises(RecordError, match="does not go on"):
        await keys(opened)


@pytest.mark.parametrize("body", [[], {"values": {}}])
def test_an_answer_that_is_no_page_is_an_error(answers: Any, opened: Any, body: Any) -> None:
    answers["testcases/nextgen"] = body
    answers["testcases"] = body
    with pytest.raises(ServiceError, match="a page with a list of values was due"):
        run_in_virtual_time(keys(opened))


async def test_all_steps_are_read_whatever_the_server_gives_at_once(
    answers: Any, opened: Any
) -> None:
    steps = [{"id": None, "inline": {"description": f"Step {n}"}} for n in range(250)]
    answers["testcases/SHOP-T1/teststeps"] = by_offset(steps, lambda _: None, cap=100)
    async with opened() as shop:
        case, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
    assert [step.description for step in case.steps] == [f"Step {n}" for n in range(250)]
    assert [step.key for step in case.steps] == [str(n) for n in range(1, 251)]


async def test_every_request_stays_on_the_host_that_was_configured(
    answers: Any, opened: Any, cases: Any
) -> None:
    def elsewhere(body: dict[str, Any]) -> None:
        following = body["nextStartAtId"]
        body["next"] = f"https://evil.example.com/v2/testcases?startAtId={following}"
        body["nextStartAtId"] = None

    answers["testcases/nextgen"] = by_cursor(cases, 2, elsewhere)
    async with opened() as shop:
        page = await shop.source.fetch(Kind.TEST_CASE, None)
        await shop.source.fetch(Kind.TEST_CASE, page.cursor)
        assert shop.tenant.times("testcases/nextgen") == 2


class Steps:
    """The steps of a case in pages; ``deleted`` is gone as soon as the first page was sent."""

    def __init__(self, names: str, size: int, *deleted: str, total: int | None = None) -> None:
        self.names, self.size, self.deleted, self.total = names, size, list(deleted), total

    def __call__(self, request: Request) -> Any:
        start = int(request.query["startAt"])
        values = [{"inline": {"description": name}} for name in self.names]
        total = len(values) if self.total is None else self.total
        body = {
            "startAt": start,
            "maxResults": self.size,
            "total": total,
            "isLast": start + self.size >= len(values),
            "values": values[start : start + self.size],
        }
        if self.deleted:
            self.names = self.names.replace(self.deleted.pop(0), "")
        return body


async def steps(opened: Any) -> str:
    async with opened() as shop:
        (case,) = await shop.all_of(Kind.TEST_CASE)
        whole, *_ = await shop.source.complete(case)
        return "".join(step.description for step in whole.steps)


@pytest.mark.parametrize(
    ("served", "there"),
    [
        (Steps("abcdefg", 3), "abcdefg"),
        (Steps("abcdefg", 3, "a"), "bcdefg"),
        (Steps("abcdefg", 3, "g", "a"), "bcdef"),
        (Steps("abcdefg", 100, "a"), "abcdefg"),  # what a single page holds was there at one time
        (Steps("abcdefg", 3, total=99), "abcdefg"),  # a total that is always wrong
    ],
    ids=["still", "one deleted", "two deleted", "one page", "wrong total"],
)
async def test_steps_that_somebody_deletes_meanwhile_take_no_others_along(
    answers: Any, opened: Any, cases: Any, served: Steps, there: str
) -> None:
    answers["testcases/nextgen"] = by_cursor(cases[:1], 3, lambda _: None)
    answers[f"testcases/{ALL[0]}/teststeps"] = served
    assert await steps(opened) == there


async def test_steps_that_never_stand_still_are_an_error(
    answers: Any, opened: Any, cases: Any
) -> None:
    answers["testcases/nextgen"] = by_cursor(cases[:1], 3, lambda _: None)
    answers[f"testcases/{ALL[0]}/teststeps"] = Steps(ascii_letters, 20, *ascii_letters)
    with pytest.raises(RecordError, match=r"teststeps changes while it is read; run again later"):
        await steps(opened)

"""Answers of another shape than the documented one: failed requests, never "there is nothing"."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from ztoq_testkit.simulate import Reply
from ztoq_testkit.virtual_time import run_in_virtual_time
from ztoq_zephyr.shapes import ENDPOINTS, reader_of

from ztoq_core.plugin import AnswerError, Kind, Level, RejectedError, ServiceError

WRONG: dict[str, Reply] = {
    "an error body": Reply(body={"errorCode": 500, "message": "Something went wrong"}),
    "an empty body": Reply(content=b""),
    "null": Reply(content=b"null"),
    "no content": Reply(204),
    "an array": Reply(body=[]),
    "an empty object": Reply(body={}),
    "nulls": Reply(body={"values": None, "attachments": None, "issues": None, "text": None}),
    "a text": Reply(body="all is well"),
    "a page": Reply(content=b"<html>Sign in</html>", content_type="text/html"),
}
SOME = ("an error body", "no content", "nulls")
"""Enough to show what becomes of an answer that is refused; the table below refuses them all."""
LISTS = {
    Kind.TEST_CASE: ("testcases", "testcases/nextgen"),
    Kind.TEST_PLAN: ("testplans", "testplans/nextgen"),
    Kind.TEST_CYCLE: ("testcycles", "testcycles/nextgen"),
    Kind.TEST_LOG: ("testexecutions", "testexecutions/nextgen"),
    Kind.FOLDER: ("folders?folderType=TEST_CYCLE",),
}
NAMES = {
    "statuses?statusType=TEST_CASE": Kind.TEST_CASE,
    "statuses?statusType=TEST_EXECUTION": Kind.TEST_LOG,
    "priorities": Kind.TEST_CASE,
    "environments": Kind.TEST_LOG,
}
PARTS = {
    "testcases/SHOP-T1/teststeps": (Kind.TEST_CASE, "SHOP-T1"),
    "testcases/SHOP-T2/testscript": (Kind.TEST_CASE, "SHOP-T2"),
    "testexecutions/SHOP-E1/teststeps": (Kind.TEST_LOG, "SHOP-E1"),
    "testexecutions/SHOP-E1/links": (Kind.TEST_LOG, "SHOP-E1"),
}
FILES = {
    "testcases/SHOP-T1/attachments": (Kind.TEST_CASE, "SHOP-T1"),
    "testcases/SHOP-T1/teststeps/9001/attachments": (Kind.TEST_CASE, "SHOP-T1"),
    "testcycles/SHOP-R1/attachments": (Kind.TEST_CYCLE, "SHOP-R1"),
    "testplans/SHOP-P1/attachments": (Kind.TEST_PLAN, "SHOP-P1"),
    "testexecutions/SHOP-E1/attachments": (Kind.TEST_LOG, "SHOP-E1"),
}


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("wrong", sorted(WRONG.keys() - {"a page"}))
def test_no_endpoint_takes_another_shape(path: str, wrong: str) -> None:
    reply = WRONG[wrong]
    body = (
        json.loads(reply.content)
        if isinstance(reply.content, bytes) and reply.content
        else reply.body
    )
    with pytest.raises(AnswerError, match="due, not"):
        reader_of(path.replace("*", "SHOP-X1"))(body)


def once(wrong: Reply, right: Any) -> Any:
    """Answer wrongly twice, then rightly."""
    replies = iter((wrong, wrong))
    return lambda request: next(replies, None) or (right(request) if callable(right) else right)


def without_links(answers: dict[str, Any]) -> None:
    """Let the first execution be listed without its links, so that they are asked for."""
    for path in ("testexecutions", "testexecutions/nextgen"):
        for value in answers[path]["values"]:
            value.pop("links", None)
    for key in ("SHOP-E1", "SHOP-E2", "SHOP-E3"):
        answers[f"testexecutions/{key}/links"] = {"self": "x", "issues": [{"issueId": 20041}]}


@pytest.mark.parametrize("wrong", SOME)
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_never_taken_for_empty(answers: Any, opened: Any, kind: Kind, wrong: str) -> None:
    right = {path: answers[path] for path in LISTS[kind]}

    async def count() -> int:
        async with opened() as shop:
            return len(await shop.all_of(kind))

    expected = run_in_virtual_time(count())
    answers |= dict.fromkeys(right, WRONG[wrong])
    with pytest.raises(ServiceError, match="answered"):
        run_in_virtual_time(count())
    answers |= {path: once(WRONG[wrong], body) for path, body in right.items()}
    assert run_in_virtual_time(count()) == expected > 0


@pytest.mark.parametrize("wrong", ["no content"])
@pytest.mark.parametrize("path", NAMES)
def test_names_are_never_taken_for_unknown(
    answers: Any, opened: Any, path: str, wrong: str
) -> None:
    right = answers[path]

    async def read() -> list[Any]:
        async with opened() as shop:
            found: list[Any] = await shop.all_of(NAMES[path])
            return found

    expected = run_in_virtual_time(read())
    answers[path] = WRONG[wrong]
    with pytest.raises(ServiceError, match="answered"):
        run_in_virtual_time(read())
    answers[path] = once(WRONG[wrong], right)
    assert run_in_virtual_time(read()) == expected


@pytest.mark.parametrize("wrong", SOME)
@pytest.mark.parametrize("path", PARTS)
def test_a_part_that_cannot_be_read_is_its_records_reject(
    answers: Any, opened: Any, path: str, wrong: str
) -> None:
    without_links(answers)
    right = answers[path]

    async def complete() -> Any:
        async with opened() as shop:
            return (await shop.completed(*PARTS[path]))[0]

    expected = run_in_virtual_time(complete())
    answers[path] = WRONG[wrong]
    with pytest.raises(RejectedError, match="answered"):
        run_in_virtual_time(complete())
    answers[path] = once(WRONG[wrong], right)
    assert run_in_virtual_time(complete()) == expected


@pytest.mark.parametrize("wrong", SOME)
@pytest.mark.parametrize("path", FILES)
def test_files_that_cannot_be_listed_are_a_file_that_cannot_be_read(
    answers: Any, opened: Any, path: str, wrong: str
) -> None:
    answers[path] = WRONG[wrong]

    async def complete() -> None:
        async with opened() as shop:
            _, file = await shop.completed(*FILES[path])
            with pytest.raises(RejectedError, match="could not be listed"):
                await anext(shop.source.download(file))

    run_in_virtual_time(complete())
    answers[path] = once(WRONG[wrong], {"attachments": [{"id": 55, "name": "a.txt"}]})

    async def files() -> list[str]:
        async with opened() as shop:
            return [file.name for file in (await shop.completed(*FILES[path]))[1:]]

    assert run_in_virtual_time(files()) == ["a.txt"]


def test_one_object_that_fails_its_page_is_a_reject_and_no_other_is_lost(
    answers: Any, opened: Any
) -> None:
    values = [dict(answers["testcases"]["values"][0], key=f"SHOP-T{n}", id=n) for n in range(1, 12)]

    def cursors(request: Any) -> Reply:
        start, limit = int(request.query["startAtId"]), int(request.query["limit"])
        these = [value for value in values if value["id"] >= start][:limit]
        return page(these, {}, ("id", limit, start))

    def offsets(request: Any) -> Reply:
        start, most = int(request.query["startAt"]), int(request.query["maxResults"])
        if most == 1 and start == 0:
            return Reply(body={"startAt": 0, "maxResults": 1, "values": values[:1]})
        body = {"startAt": start, "maxResults": most}
        return page(values[start : start + most], body, ("offset", most, start))

    def page(found: list[Any], body: Any, asked: tuple[str, int, int]) -> Reply:
        if any(value["id"] == 7 for value in found):
            failed.append(asked)
            return Reply(504)
        following = found[-1]["id"] + 1 if found and found[-1]["id"] < 11 else None
        return Reply(body={**body, "limit": 250, "nextStartAtId": following, "values": found})

    answers["testcases/nextgen"], answers["testcases"] = cursors, offsets
    rejects: list[Any] = []
    failed: list[tuple[str, int, int]] = []

    async def read() -> set[str]:
        keys: set[str] = set()
        cursor = None
        async with opened(page_size=4) as shop:
            while True:
                found = await shop.source.fetch(Kind.TEST_CASE, cursor)
                keys |= {each.key for each in found.records if each.kind is Kind.TEST_CASE}
                rejects.extend(found.rejects)
                cursor = found.cursor
                if cursor is None:
                    return keys

    assert run_in_virtual_time(read()) == {f"SHOP-T{n}" for n in range(1, 12) if n != 7}
    assert [each.key for each in rejects] == ["testcases number 7"]
    assert "504" in rejects[0].reason
    # only a whole page is tried for half a minute; its parts are for some seconds
    tries = {
        size: set(Counter(asked for asked in failed if asked[1] == size).values())
        for size in (4, 2, 1)
    }
    assert tries == {4: {8}, 2: {2}, 1: {4}}


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("exists", [True, False])
def test_an_execution_whose_results_are_not_known_is_one_that_lost_them(
    answers: Any, opened: Any, status: int, *, exists: bool
) -> None:
    """The schemas name no answer for an execution of a script, which has no steps."""
    refusal = Reply(status, {"errorCode": status, "message": "No such execution"})
    answers["testexecutions/SHOP-E1/teststeps"] = refusal
    if not exists:
        answers["testexecutions/SHOP-E1"] = refusal

    async def complete() -> Any:
        async with opened() as shop:
            return (await shop.completed(Kind.TEST_LOG, "SHOP-E1"))[0]

    if exists:
        log = run_in_virtual_time(complete())
        assert log.results == ()
        assert [(note.level, note.code) for note in log.notes] == [
            (Level.LOSS, "results-not-shown")
        ]
    else:
        with pytest.raises(RejectedError, match=f"answered {status}"):
            run_in_virtual_time(complete())

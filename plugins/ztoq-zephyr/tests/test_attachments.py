"""Files: of whom they are asked for, how they are named, and what came instead of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ztoq_testkit.simulate import Reply
from ztoq_testkit.virtual_time import run_in_virtual_time

from ztoq_core.plugin import AccessError, Attachment, Kind, Level, Ref, RejectedError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200_000)


async def content(shop: Any, file: Attachment) -> bytes:
    return b"".join([chunk async for chunk in shop.source.download(file)])


async def test_files_of_a_case_and_its_steps(answers: Any, opened: Any, answer_of: Any) -> None:
    answers["testcases/SHOP-T1/attachments"] = answer_of("attachments")
    answers["testcases/SHOP-T1/teststeps/9003/attachments"] = {
        "attachments": [{"id": 57, "name": None}, {"id": 57, "name": "twice"}, {"name": "x"}, None]
    }
    answers["testcases/SHOP-T1/attachments/55"] = Reply(content=PNG, content_type="image/png")
    async with opened() as shop:
        case, *files = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        assert await content(shop, files[0]) == PNG
        assert shop.codes().count("file-without-id") == 2
    first, second, third = files
    assert (first.key, first.name, first.owner) == ("SHOP-T1#55", "receipt.png", case.ref)
    assert (first.part, first.locator) == ("", "testcases/SHOP-T1/attachments/55")
    assert second.name == "a/b \\ ü.txt"
    assert (third.key, third.part, third.name) == ("SHOP-T1/9003#57", "3", "twice")
    assert third.locator == "testcases/SHOP-T1/teststeps/9003/attachments/57"
    assert len(case.raw["attachments"]) == 3


async def test_files_of_executions_cycles_and_plans(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    for path in ("testexecutions/SHOP-E1", "testcycles/SHOP-R1", "testplans/SHOP-P1"):
        answers[f"{path}/attachments"] = answer_of("attachments")
    answers["testexecutions/SHOP-E1/teststeps/9502/attachments"] = {
        "attachments": [{"id": 60, "name": "log.txt"}]
    }
    async with opened() as shop:
        log, *of_log = await shop.completed(Kind.TEST_LOG, "SHOP-E1")
        _, *of_cycle = await shop.completed(Kind.TEST_CYCLE, "SHOP-R1")
        _, *of_plan = await shop.completed(Kind.TEST_PLAN, "SHOP-P1")
    assert log.files == 3
    assert [(file.key, file.part) for file in of_log] == [
        ("SHOP-E1#55", ""),
        ("SHOP-E1#56", ""),
        ("SHOP-E1/9502#60", "2"),
    ]
    assert [file.plan for file in of_cycle] == [Ref(Kind.TEST_PLAN, "SHOP-P1")] * 2
    assert [file.key for file in of_plan] == ["SHOP-P1#55", "SHOP-P1#56"]


async def test_only_the_owners_in_the_configuration_are_asked(opened: Any) -> None:
    async with opened(attachments=("test_plan",)) as shop:
        await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        await shop.completed(Kind.TEST_LOG, "SHOP-E1")
        await shop.completed(Kind.TEST_CYCLE, "SHOP-R1")
        await shop.completed(Kind.TEST_PLAN, "SHOP-P1")
        asked = [path for path, _ in shop.tenant.asked if path.endswith("attachments")]
    assert asked == ["testplans/SHOP-P1/attachments"]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [({}, ["2"]), ({"actualResult": "x"}, ["1", "2"]), ({"status": {"id": 74}}, ["1", "2"])],
)
async def test_files_of_steps_without_a_result_may_be_left_out(
    answers: Any, opened: Any, answer_of: Any, changes: dict[str, Any], parts: list[str]
) -> None:
    body = answer_of("testexecution-teststeps")
    untouched = {"actualResult": None, "status": {"id": 71}}
    body["values"][0]["inline"] |= untouched | changes
    answers["testexecutions/SHOP-E1/teststeps"] = body
    for part in (9501, 9502):
        path = f"testexecutions/SHOP-E1/teststeps/{part}/attachments"
        answers[path] = {"attachments": [{"id": part, "name": "log.txt"}]}
    async with opened(unexecuted_step_files=False) as shop:
        _, *files = await shop.completed(Kind.TEST_LOG, "SHOP-E1")
    assert [file.part for file in files] == parts

    async with opened() as shop:
        _, *files = await shop.completed(Kind.TEST_LOG, "SHOP-E1")
    assert [file.part for file in files] == ["1", "2"]


async def test_a_refused_list_is_a_file_that_cannot_be_read(answers: Any, opened: Any) -> None:
    answers["testcases/SHOP-T2/attachments"] = Reply(403, {"errorCode": 403, "message": "No"})
    answers["testcases/SHOP-T3/attachments"] = Reply(404, content=b"<html>Gone</html>")
    async with opened() as shop:
        none = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        case, refused = await shop.completed(Kind.TEST_CASE, "SHOP-T2")
        _, page = await shop.completed(Kind.TEST_CASE, "SHOP-T3")
        for file, reason in ((refused, "answered 403: No"), (page, "404, but not as Zephyr")):
            with pytest.raises(RejectedError, match=f"could not be listed.*{reason}"):
                await content(shop, file)
    assert len(none) == 1
    assert (refused.owner, refused.key) == (case.ref, "SHOP-T2#unlisted")


async def test_where_every_list_is_refused_asking_ends_and_each_owner_says_so(
    answers: Any, opened: Any
) -> None:
    steps = [{"id": n, "inline": {"description": "x"}} for n in range(1, 31)]
    answers["testcases/SHOP-T1/teststeps"] = {"startAt": 0, "next": None, "values": steps}
    async with opened() as shop:
        _, *files = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        asked = [path for path, _ in shop.tenant.asked if "teststeps/" in path]
        said = [note for note, _ in shop.notes if note.code == "files-not-offered"]
    assert (len(files), len(asked)) == (30, 15)
    assert [(note.level, "'test_step'" in note.text) for note in said] == [(Level.LOSS, True)]


def test_an_unavailable_service_is_not_taken_for_a_tenant_without_files(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    times = iter(range(100))
    answers["testplans/SHOP-P1/attachments"] = lambda _: (
        Reply(503) if next(times) < 3 else answer_of("attachments")
    )

    async def work() -> int:
        async with opened() as shop:
            _, *files = await shop.completed(Kind.TEST_PLAN, "SHOP-P1")
            assert not shop.codes()
            return len(files)

    assert run_in_virtual_time(work()) == 2


def test_a_tenant_that_answers_503_to_every_list_of_files_is_found_out_in_ten_seconds(
    answers: Any, opened: Any
) -> None:
    steps = [{"id": n, "inline": {"description": "x"}} for n in range(1, 31)]
    for key in ("SHOP-T1", "SHOP-T2", "SHOP-T3"):
        answers[f"testcases/{key}/attachments"] = Reply(503)
    answers["testcases/SHOP-T1/teststeps"] = {"startAt": 0, "next": None, "values": steps}
    answers |= {f"testcases/SHOP-T1/teststeps/{n}/attachments": Reply(503) for n in range(1, 31)}

    async def work() -> float:
        async with opened() as shop:
            cases = await shop.all_of(Kind.TEST_CASE)
            begun = asyncio.get_running_loop().time()
            done = await asyncio.gather(*(shop.source.complete(case) for case in cases))
            assert sum(map(len, done)) == 3 + 3 + 30
            return asyncio.get_running_loop().time() - begun

    assert run_in_virtual_time(work()) < 10


FILE = Attachment(
    key="SHOP-T1#55",
    name="receipt.png",
    owner=Ref(Kind.TEST_CASE, "SHOP-T1"),
    locator="testcases/SHOP-T1/attachments/55",
)
PAGE = b"<!DOCTYPE html><html>Sign in</html>"


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "application/octet-stream"])
async def test_a_page_where_a_picture_was_promised_is_refused(
    answers: Any, opened: Any, media_type: str
) -> None:
    answers[FILE.locator] = Reply(content=PAGE, content_type=media_type)
    async with opened() as shop:
        with pytest.raises(RejectedError, match="a web page came instead"):
            await content(shop, FILE)


@pytest.mark.parametrize("name", ["page.html", "table.xls", "noname", "notes.txt"])
async def test_files_that_may_be_pages_are_taken(answers: Any, opened: Any, name: str) -> None:
    answers[FILE.locator] = Reply(content=PAGE, content_type="application/octet-stream")
    file = Attachment(key=FILE.key, name=name, owner=FILE.owner, locator=FILE.locator)
    async with opened() as shop:
        assert await content(shop, file) == PAGE


async def test_a_page_served_as_a_page_is_no_log(answers: Any, opened: Any) -> None:
    answers[FILE.locator] = Reply(content=PAGE, content_type="text/html; charset=utf-8")
    file = Attachment(key=FILE.key, name="log.txt", owner=FILE.owner, locator=FILE.locator)
    async with opened() as shop:
        with pytest.raises(RejectedError):
            await content(shop, file)


async def test_an_empty_file_is_a_file(answers: Any, opened: Any) -> None:
    answers[FILE.locator] = Reply(content=b"", content_type="image/png")
    async with opened() as shop:
        assert await content(shop, FILE) == b""


async def test_a_file_that_is_gone_is_refused(answers: Any, opened: Any, answer_of: Any) -> None:
    answers[FILE.locator] = Reply(404, answer_of("error-404"))
    async with opened() as shop:
        with pytest.raises(RejectedError, match="404"):
            await content(shop, FILE)


async def test_essential_lists_files_but_refuses_their_content(answers: Any, opened: Any) -> None:
    answers[FILE.locator] = Reply(401, {"error": "Permission denied"})
    async with opened() as shop:
        with pytest.raises(RejectedError, match=r"answered 401: Permission denied"):
            await content(shop, FILE)


async def test_a_token_that_is_refused_altogether_stops_the_run(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    answers[FILE.locator] = Reply(401, answer_of("error-401"))
    answers["projects/SHOP"] = Reply(401, answer_of("error-401"))
    async with opened() as shop:
        with pytest.raises(AccessError):
            await content(shop, FILE)

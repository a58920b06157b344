from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from ztoq_testkit.simulate import Fault, Faults

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

PNG = bytes(range(256))
HEADERS = {"File-Name": "a.png", "Content-Type": "image/png"}


async def test_a_raw_body_is_kept_as_it_is(site: Site) -> None:
    case = await site.case()
    path = f"test-cases/{case['id']}"
    status, made = await site.upload(path, PNG, File_Name="a.png", Content_Type="image/png")
    assert status == 201
    assert (made["name"], made["content_type"], made["artifact_id"]) == (
        "a.png",
        "image/png",
        case["id"],
    )
    assert {"size", "data"}.isdisjoint(made)
    assert [a["id"] for a in await site.get(f"{path}/attachments")] == [made["id"]]
    download = f"{path}/attachments/{made['id']}?forceDownload=true"
    assert await site.get(download) == PNG
    (kept,) = site.simulator.dump()["test_cases"][0]["attachments"]
    assert (kept["size"], kept["sha256"]) == (256, hashlib.sha256(PNG).hexdigest())
    await site.good("DELETE", f"{path}/blob-handles/{made['id']}")
    await site.refused(404, "DELETE", f"{path}/blob-handles/{made['id']}")
    await site.refused(404, "GET", download)


@pytest.mark.parametrize("kind", ["test-runs", "test-suites", "test-cycles", "modules"])
async def test_runs_suites_cycles_and_modules_take_no_files(site: Site, kind: str) -> None:
    run = await site.run(await site.case("one", approved=True))
    path = f"{kind}/{run}/blob-handles"
    status, _ = await site.ask("POST", path, data=PNG, headers=HEADERS)
    assert status == 400
    await site.refused(400, "GET", f"{kind}/{run}/attachments")


async def test_the_headers_are_needed_and_multipart_is_none(site: Site) -> None:
    case = await site.case()
    path = f"test-cases/{case['id']}"
    for headers in (
        {"Content_Type": "text/plain"},
        {"File_Name": "", "Content_Type": "text/plain"},
    ):
        assert (await site.upload(path, b"x", **headers))[0] == 400
    form = {"File_Name": "a", "Content_Type": "multipart/form-data; boundary=x"}
    assert (await site.upload(path, b"x", **form))[0] == 400
    status, _ = await site.ask("POST", "test-cases/1/blob-handles", data=b"x", headers=HEADERS)
    assert status == 404


async def test_a_name_in_utf_8_arrives_garbled(site: Site) -> None:
    case = await site.case()
    path = f"test-cases/{case['id']}"
    for name, kept in (("naïve.txt", "naÃ¯ve.txt"), ("na%C3%AFve.txt", "na%C3%AFve.txt")):
        _, made = await site.upload(path, b"x", File_Name=name, Content_Type="text/plain")
        assert made["name"] == kept


async def test_a_file_over_the_limit_is_413(served: Opener) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(50)

    async with served(file_limit=100) as site:
        case = await site.case()
        path = f"test-cases/{case['id']}"
        for content in (bytes(101), pieces()):
            status, _ = await site.upload(path, content, File_Name="a", Content_Type="a/b")
            assert status == 413
        assert (await site.upload(path, bytes(100), File_Name="a", Content_Type="a/b"))[0] == 201
        assert len(await site.get(f"{path}/attachments")) == 1


async def test_a_body_that_breaks_off_leaves_nothing(site: Site) -> None:
    case = await site.case()
    host, port = site.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    path = f"/api/v3/projects/4242/test-cases/{case['id']}/blob-handles"
    token = site.simulator.options.token
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nFile-Name: a\r\n"
        "Content-Type: text/plain\r\nContent-Length: 1000\r\n\r\n".encode()
        + bytes(10)
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    assert await site.get(f"test-cases/{case['id']}/attachments") == []


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, True),
        ({"kept_in_memory": 0, "kept_on_disk": 0}, False),
        ({"kept_on_disk": 150_000}, False),
    ],
)
async def test_big_files_are_kept_while_there_is_room(
    served: Opener, options: dict[str, int], *, kept: bool
) -> None:
    content = bytes(200_000)
    async with served(**options) as site:
        case = await site.case()
        path = f"test-cases/{case['id']}"
        _, made = await site.upload(path, content, File_Name="a", Content_Type="a/b")
        (file,) = site.simulator.dump()["test_cases"][0]["attachments"]
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        download = f"{path}/attachments/{made['id']}"
        if kept:
            assert await site.get(download) == content
        else:
            await site.refused(404, "GET", download)


async def test_attachments_are_searched_in_the_project(site: Site) -> None:
    first, second = await site.case(), await site.case("one")
    for case in (first, first, second):
        path = f"test-cases/{case['id']}"
        await site.upload(path, b"x", File_Name="a", Content_Type="a/b")
    assert (await site.get("attachments?type=test-cases"))["total"] == 3
    ids = f"ids={first['id']}&ids={second['id']}"
    assert (await site.get(f"attachments?type=test-cases&{ids}"))["total"] == 3
    assert (await site.get(f"attachments?type=test-cases&ids={second['id']},1"))["total"] == 1
    assert (await site.get("attachments?type=test-logs"))["total"] == 0
    assert (await site.get("attachments?type=test-cases&author=1"))["total"] == 0
    old = "createdDate=gt%202999-01-01T00:00:00Z"
    assert (await site.get(f"attachments?type=test-cases&{old}"))["total"] == 0
    await site.refused(400, "GET", "attachments?type=test-runs")
    await site.refused(400, "GET", "attachments?type=test-cases&ids=x")
    await site.refused(400, "GET", "attachments?type=test-cases&createdDate=yesterday")


async def test_a_lost_answer_is_a_stored_file(served: Opener) -> None:
    faults = Faults()
    async with served(faults=faults) as site:
        case = await site.case()
        path = f"test-cases/{case['id']}"
        faults.plan.append(Fault.ERROR_AFTER)
        assert (await site.upload(path, b"x", File_Name="a", Content_Type="a/b"))[0] == 500
        assert len(await site.get(f"{path}/attachments")) == 1

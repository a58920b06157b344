"""A tenant whose answers a test sets one by one, and the source opened on it."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit import Notes, lent
from ztoq_testkit.simulate import Reply, Request, Server
from ztoq_testkit.virtual_time import VirtualTimeLoop
from ztoq_zephyr.config import ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import Kind, Note, Record, Ref, Secret, Source

Loops = Callable[[], asyncio.AbstractEventLoop]
ANSWERS = Path(__file__).parent / "answers"


def load(name: str) -> Any:
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


def jwt(claims: Mapping[str, Any]) -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, dict(claims)]
    texts = [urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join([*texts, "c2lnbmF0dXJl"])


@attrs.define
class Tenant:
    """Serves ``answers``: by path after ``/v2``, or path and one query as ``path?name=value``.

    An answer is a JSON value, a ``Reply``, or a function of the request that returns either.
    ``asked`` are the paths with their queries, in order. A path without an answer is 403, as
    the service does it.
    """

    answers: dict[str, Any]
    asked: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)

    def serve(self, request: Request) -> Reply:
        path = request.path.removeprefix("/v2/")
        query = dict(request.query)
        self.asked.append((path, query))
        places = [f"{path}?{name}={value}" for name, value in query.items()] + [path]
        for place in places:
            if place in self.answers:
                answer = self.answers[place]
                answer = answer(request) if callable(answer) else answer
                return answer if isinstance(answer, Reply) else Reply(body=answer)
        return Reply(403, {"errorCode": 403, "message": "Forbidden"})

    def times(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)


@attrs.define
class Opened:
    source: Source
    tenant: Tenant
    notes: list[tuple[Note, Ref | None]]

    def codes(self) -> list[str]:
        return sorted(note.code for note, _ in self.notes)

    async def all_of(self, kind: Kind) -> list[Record]:
        records: dict[Ref, Record] = {}
        cursor: str | None = None
        while True:
            page = await self.source.fetch(kind, cursor)
            records.update((record.ref, record) for record in page.records)
            if page.cursor is None:
                return list(records.values())
            assert page.cursor != cursor
            cursor = page.cursor

    async def one(self, kind: Kind, key: str) -> Any:
        return next(each for each in await self.all_of(kind) if each.key == key)

    async def completed(self, kind: Kind, key: str) -> Any:
        return await self.source.complete(await self.one(kind, key))


def shop() -> dict[str, Any]:
    """The answers of a small project, each from its file."""
    none = Reply(404, load("error-404"))
    answers: dict[str, Any] = {
        "projects/SHOP": load("project"),
        "projects": load("projects"),
        "priorities": load("priorities"),
        "environments": load("environments"),
        "testcases/SHOP-T1/teststeps": load("testcase-teststeps"),
        "testcases/SHOP-T2/testscript": load("testscript-plain"),
        "testcases/SHOP-T3/testscript": load("testscript-bdd"),
        "testexecutions/SHOP-E1/teststeps": load("testexecution-teststeps"),
    }
    for folder_type in ("test-case", "test-cycle", "test-plan"):
        name = folder_type.replace("-", "_").upper()
        answers[f"folders?folderType={name}"] = load(f"folders-{folder_type}")
    for kind in ("test-case", "test-cycle", "test-plan", "test-execution"):
        name = kind.replace("-", "_").upper()
        answers[f"statuses?statusType={name}"] = load(f"statuses-{kind}")
    for path in ("testcases", "testcycles", "testplans", "testexecutions"):
        body = load(f"{path}-nextgen")
        answers[f"{path}/nextgen"] = body
        answers[path] = {"next": None, "startAt": 0, "maxResults": 1000, "values": body["values"]}
        for value in body["values"]:
            answers[f"{path}/{value['key']}"] = value
            answers[f"{path}/{value['key']}/attachments"] = none
    for step in (9001, 9002, 9003):
        answers[f"testcases/SHOP-T1/teststeps/{step}/attachments"] = none
    for step in (9501, 9502):
        answers[f"testexecutions/SHOP-E1/teststeps/{step}/attachments"] = none
    empty: dict[str, Any] = {"next": None, "startAt": 0, "maxResults": 100, "values": []}
    for key in ("SHOP-E2", "SHOP-E3"):
        answers[f"testexecutions/{key}/teststeps"] = empty
    return answers


Opener = Callable[..., AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def open_shop(answers: dict[str, Any], **settings: Any) -> AsyncIterator[Opened]:
    tenant = Tenant(answers)
    server = Server((), name="zephyr", on_missing=tenant.serve)
    notes = Notes()
    services = lent(notes, outage=300)
    async with server.serving() as origin:
        given = {
            "base_url": f"{origin}/v2",
            "project": "SHOP",
            "token": Secret(jwt({"exp": 32503680000})),
            **settings,
        }
        async with open_zephyr(ZephyrConfig(**given), services) as source:
            yield Opened(source, tenant, notes.kept)
    assert not server.errors


@pytest.fixture
def answers() -> dict[str, Any]:
    """The answers of a small project; a test changes them before it opens the source."""
    return shop()


@pytest.fixture
def opened(answers: dict[str, Any]) -> Opener:
    """Open the source on ``answers``; keywords are settings."""
    return lambda **settings: open_shop(answers, **settings)


@pytest.fixture
def make_token() -> Callable[[Mapping[str, Any]], str]:
    return jwt


@pytest.fixture
def answer_of() -> Callable[[str], Any]:
    """Load an answer by the name of its file."""
    return load


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Loops]:
    """Let waits pass at once, those for the next try and for a turn within the rate.

    What reads a whole project waits less than it would take to look for packets before each jump.
    """
    whole = item.path.name in {"test_contract.py", "test_simulated.py"}
    return {"usual": asyncio.new_event_loop} if whole else {"virtual": VirtualTimeLoop}

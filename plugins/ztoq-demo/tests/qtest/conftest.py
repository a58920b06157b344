"""A served simulator, and an administrator's hands on its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import attrs
import pytest
from ztoq_demo.qtest import Options, Simulator
from ztoq_testkit.simulate import Faults

PASSED, FAILED, UNEXECUTED = {"id": 601}, {"id": 602}, {"id": 605}


@attrs.define
class Site:
    """Asks the simulator; paths without a slash at their start are below the project."""

    simulator: Simulator
    base_url: str
    session: aiohttp.ClientSession
    headers: Mapping[str, str] = attrs.field(factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> tuple[int, Any]:
        url = path if path.startswith("/") else f"/api/v3/projects/4242/{path}"
        token = {"Authorization": f"Bearer {self.simulator.options.token}"}
        options["headers"] = token | dict(options.get("headers") or {})
        async with self.session.request(
            method, self.base_url + url, json=body, **options
        ) as answer:
            self.headers = answer.headers
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.read()

    async def get(self, path: str) -> Any:
        return await self.good("GET", path)

    async def post(self, path: str, body: Any) -> Any:
        return await self.good("POST", path, body)

    async def put(self, path: str, body: Any = None) -> Any:
        return await self.good("PUT", path, body)

    async def good(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.ask(method, path, body)
        assert status in (200, 201), (status, answer)
        return answer

    async def refused(self, status: int, method: str, path: str, body: Any = None) -> str:
        got, answer = await self.ask(method, path, body)
        assert (got, list(answer)[-1]) == (status, "message"), (got, answer)
        return str(answer["message"])

    async def upload(self, path: str, content: Any, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", f"{path}/blob-handles", data=content, headers=named)

    async def module(self, name: str = "Folder", parent: int = 0) -> int:
        made = await self.post(f"modules?parentId={parent}", {"name": name})
        return int(made["id"])

    async def case(self, *texts: str, approved: bool = False, **more: Any) -> dict[str, Any]:
        """A case whose steps say these texts."""
        steps = [
            {"description": t, "expected": f"{t}!", "order": n} for n, t in enumerate(texts, 1)
        ]
        body = {"name": "Case", "parent_id": await self.module(), "properties": []}
        case = await self.post("test-cases", body | {"test_steps": steps} | more)
        if approved:
            case |= await self.put(f"test-cases/{case['id']}/approve")
        return dict(case)

    async def steps(self, case: Mapping[str, Any]) -> list[dict[str, Any]]:
        path = f"test-cases/{case['id']}/versions/{case['test_case_version_id']}/test-steps"
        return list(await self.get(path))

    async def run(self, case: Mapping[str, Any]) -> int:
        body = {"name": "Run", "properties": [], "test_case": {"id": case["id"], "properties": []}}
        made = await self.post("test-runs?parentId=0&parentType=root", body)
        return int(made["id"])

    async def field(self, owner: str, label: str) -> dict[str, Any]:
        fields = await self.get(f"settings/{owner}/fields")
        return next(f for f in fields if f["label"] == label)


def log(**more: Any) -> dict[str, Any]:
    dates = {"exe_start_date": "2021-03-04T10:00:00+00:00", "exe_end_date": "2021-03-04T10:05:00Z"}
    return {"status": PASSED} | dates | more


Opener = Callable[..., AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def _served(faults: Faults | None = None, **options: Any) -> AsyncIterator[Site]:
    simulator = Simulator(Options(**options), faults=faults)
    async with simulator.serving() as base_url, aiohttp.ClientSession() as session:
        yield Site(simulator, base_url, session)
    assert simulator.server.errors == []


@pytest.fixture
def served() -> Opener:
    """Serves a simulator with options."""
    return _served


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A simulator as it comes."""
    async with _served() as opened:
        yield opened


@pytest.fixture
def a_log() -> Callable[..., dict[str, Any]]:
    """Makes the body of a log."""
    return log

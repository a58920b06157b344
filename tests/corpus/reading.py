"""Reads everything a qTest project holds, over the public API v3 alone (vendor document, GETs).

Lists are read as their sections say: ``page``/``size`` for cases and requirements, ``page`` and
``pageSize`` for page objects, bare arrays otherwise. Nothing here knows who wrote the objects.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import aiohttp

from tests.corpus.real import Json

OPEN_REQUESTS = 16
ALL = 999


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as the target gives it back; ``name`` as listed, ``size`` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(kw_only=True)
class Found:
    """The objects of the project as the API shows them.

    ``modules`` and ``cycles`` map ids to paths of names from the root. ``logs`` maps the ids of
    runs to their logs, in the order of their ids. ``files`` maps (object type, object id) to files.
    ``covered`` maps the ids of requirements to those of the linked cases. ``fields`` maps object
    types to labels of fields. ``digests`` maps ids of files to digests. ``calls`` is what reading
    cost.
    """

    modules: dict[int, tuple[str, ...]] = field(default_factory=dict)
    descriptions: dict[int, str] = field(default_factory=dict)
    cases: list[Json] = field(default_factory=list)
    releases: list[Json] = field(default_factory=list)
    cycles: dict[int, tuple[str, ...]] = field(default_factory=dict)
    suites: list[Json] = field(default_factory=list)
    runs: list[Json] = field(default_factory=list)
    logs: dict[int, list[Json]] = field(default_factory=dict)
    requirements: list[Json] = field(default_factory=list)
    covered: dict[int, set[int]] = field(default_factory=dict)
    files: dict[tuple[str, int], list[File]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[int, str] = field(default_factory=dict)
    statuses: dict[int, str] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)
    calls: int = 0


async def read(base_url: str, token: str, project: int) -> Found:
    """Return what the project holds; raises aiohttp.ClientResponseError where a GET is refused."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        reader = _Reader(session, f"{base_url.rstrip('/')}/api/v3/projects/{project}")
        await reader.everything()
        return reader.found


class _Reader:
    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self.session = session
        self.root = root
        self.slots = asyncio.Semaphore(OPEN_REQUESTS)
        self.found = Found()

    async def everything(self) -> None:
        await self._lists()
        async with asyncio.TaskGroup() as group:
            for run in self.found.runs:
                group.create_task(self._logs(run["id"]))
        await self._files()

    async def _lists(self) -> None:
        found = self.found
        self._modules(await self._get("/modules", expand="descendants"), ())
        found.cases = await self._pages("/test-cases", size=200, expandSteps="true")
        found.releases = await self._get("/releases", includeClosed="true")
        found.suites = await self._get("/test-suites", parentId=0, parentType="root")
        await self._cycles(0, "root", ())
        found.runs = await self._items(
            "/test-runs", parentId=0, parentType="root", expand="descendants"
        )
        found.requirements = await self._pages("/requirements", size=200)
        for each in found.requirements:
            linked = await self._get("/linked-artifacts", type="requirements", ids=each["id"])
            found.covered[each["id"]] = {
                other["id"] for row in linked for other in row.get("objects", [])
            }
        statuses = await self._get("/test-runs/execution-statuses")
        found.statuses = {each["id"]: each["name"] for each in statuses}
        for kind in ("test-cases", "test-suites", "test-runs", "releases", "requirements"):
            rows = await self._get(f"/settings/{kind}/fields")
            found.fields[kind] = [each["label"] for each in rows]

    def _modules(self, rows: list[Json], above: tuple[str, ...]) -> None:
        for row in rows:
            path = (*above, row["name"])
            self.found.modules[row["id"]] = path
            self.found.descriptions[row["id"]] = row.get("description", "")
            self._modules(row.get("children", []), path)

    async def _cycles(self, parent: int, kind: str, above: tuple[str, ...]) -> None:
        rows = await self._get("/test-cycles", parentId=parent, parentType=kind, pageSize=-1)
        for row in rows:
            path = (*above, row["name"])
            self.found.cycles[row["id"]] = path
            self.found.suites += await self._get(
                "/test-suites", parentId=row["id"], parentType="test-cycle"
            )
            await self._cycles(row["id"], "test-cycle", path)

    async def _logs(self, run: int) -> None:
        rows = await self._items(f"/test-runs/{run}/test-logs")
        self.found.logs[run] = sorted(rows, key=lambda row: int(row["id"]))

    async def _files(self) -> None:
        kinds = ("releases", "requirements", "test-cases", "test-logs")
        listed: list[tuple[str, int, Json]] = []
        for kind in kinds:
            rows = await self._items("/attachments", type=kind)
            listed += [(kind, row["artifact_id"], row) for row in rows]
        # steps get new ids with each version of their case, so their files are read with them
        for case in self.found.cases:
            for step in case.get("test_steps", []):
                listed += [("test-steps", step["id"], row) for row in step.get("attachments", [])]
        for logs in self.found.logs.values():
            for log in logs:
                for step in log.get("test_step_logs", []):
                    listed += [
                        ("test-step-logs", step["test_step_log_id"], row)
                        for row in step.get("attachments", [])
                    ]
        await self._each(self._file, sorted(listed, key=lambda each: int(each[2]["id"])))

    async def _each(
        self, do: Callable[[tuple[str, int, Json]], Awaitable[None]], rows: Iterable[Any]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(_awaited(do(row)))

    async def _file(self, place: tuple[str, int, Json]) -> None:
        kind, owner, row = place
        path = f"/{kind}/{owner}/attachments/{row['id']}"
        self.found.calls += 1
        async with (
            self.slots,
            self.session.get(self.root + path, params={"forceDownload": "true"}) as answer,
        ):
            answer.raise_for_status()
            body = await answer.read()
        file = File(name=row["name"], sha256=sha256(body).hexdigest(), size=len(body))
        self.found.files[kind, owner].append(file)
        self.found.digests[row["id"]] = file.sha256

    async def _get(self, path: str, **params: str | int) -> Any:
        self.found.calls += 1
        async with self.slots, self.session.get(self.root + path, params=params) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _pages(self, path: str, *, size: int, **params: str | int) -> list[Json]:
        found: list[Json] = []
        for page in range(1, 100_000):
            rows = await self._get(path, page=page, size=size, **params)
            found += rows
            if not rows:
                break
        return found

    async def _items(self, path: str, **params: str | int) -> list[Json]:
        found: list[Json] = []
        for page in range(1, 100_000):
            body = await self._get(path, page=page, pageSize=ALL, **params)
            found += body["items"]
            if not body["items"] or len(found) >= body["total"]:
                break
        return found


async def _awaited(work: Awaitable[None]) -> None:
    await work

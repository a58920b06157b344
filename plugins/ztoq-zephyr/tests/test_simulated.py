"""The whole of a simulated project is read, whatever its tenant lacks or lowers."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from ztoq_demo.zephyr.demo import demo, shop
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.shop import KEY
from ztoq_demo.zephyr.simulator import Simulator
from ztoq_testkit import Notes, SourceContract, lent
from ztoq_testkit.virtual_time import run_in_virtual_time
from ztoq_zephyr.attachments import unlisted
from ztoq_zephyr.config import JiraConfig, ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import (
    Attachment,
    ChangedSince,
    Kind,
    Record,
    Ref,
    Reject,
    RejectedError,
    Secret,
    Source,
    TestCase,
    TestLog,
)

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

SOME = ("usual", "silent pages", "drifting totals")
"""Tenants for each run of the tests; the others are for the acceptance run."""
OPTIONS = {
    "usual": Options(),
    "by offset": Options(next_gen=False, cap=7),
    "small pages": Options(cap=3, extra_keys=True),
    "silent pages": Options(next_gen=False, cap=7, total=False, is_last=False, next_url=False),
    "drifting totals": Options(next_gen=False, cap=7, drift=5),
    "lacking with 404": Options(next_gen=False, missing=404),
}


def tenants() -> list[Any]:
    rest = (
        pytest.param(name, marks=pytest.mark.acceptance) for name in OPTIONS if name not in SOME
    )
    return [*SOME, *rest]


@asynccontextmanager
async def reading(simulator: Simulator, notes: Notes) -> AsyncIterator[Source]:
    async with simulator.serving() as base_url:
        config = ZephyrConfig(
            base_url=base_url, project=KEY, token=Secret(simulator.token()), page_size=50
        )
        async with open_zephyr(config, lent(notes, outage=300)) as source:
            yield source
    assert not simulator.server.errors
    assert simulator.writes == 0


@pytest.mark.acceptance
class TestWithoutJira(SourceContract):
    """The contract on shorter pages, and without the names of Jira; else as in test_contract."""

    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        async with reading(Simulator(shop(), Options(cap=25)), Notes()) as source:
            yield source


async def read(source: Source) -> tuple[dict[Ref, Record], list[Reject]]:
    """Return everything, as the engine would read it; an unstable list once only."""
    records: dict[Ref, Record] = {}
    rejects: list[Reject] = []
    await source.check()
    for kind in source.kinds:
        cursor: str | None = None
        while True:
            page = await source.fetch(kind, cursor)
            rejects += page.rejects
            for record in page.records:
                completed: tuple[Record, ...] = (record,)
                if record.kind in source.completes:
                    completed = await source.complete(record)
                records.update((each.ref, each) for each in completed)
            cursor = page.cursor
            if cursor is None:
                break
    called = {
        ref for each in records.values() for ref in (*each.parents(), *each.soft_dependencies())
    }
    for ref in called - records.keys():
        found = await source.resolve(ref)
        if isinstance(found, Reject):
            rejects.append(found)
        else:
            records.update((each.ref, each) for each in found)
    return records, rejects


def project() -> Project:
    return next(each for each in shop() if each.key == KEY)


@pytest.mark.parametrize("name", tenants())
async def test_everything_arrives_once(name: str) -> None:
    notes = Notes()
    async with reading(Simulator(shop(), OPTIONS[name]), notes) as source:
        records, _ = await read(source)
    counts = Counter(record.kind for record in records.values())
    there = project()
    assert counts[Kind.FOLDER] == len(there.folders)
    assert counts[Kind.TEST_PLAN] == len(there.plans)
    assert counts[Kind.TEST_CYCLE] == len(there.cycles)
    assert counts[Kind.TEST_LOG] == len(there.executions)
    own = [each for each in records.values() if isinstance(each, TestCase) and not each.project]
    assert {each.key for each in own} == {case.key for case in there.cases}
    steps = {case.key: len(case.steps) for case in there.cases}
    assert {each.key: len(each.steps) for each in own} == steps
    results = {each.key: len(each.results) for each in there.executions}
    logs = [each for each in records.values() if isinstance(each, TestLog)]
    assert {each.key: len(each.results) for each in logs} == results
    assert counts[Kind.ATTACHMENT] > 0
    assert not set(notes.codes()) & {"files-not-offered", "files-refused", "name-unknown"}


@pytest.mark.parametrize(("name", "whole"), [("usual", False), ("by offset", True)])
async def test_what_changed_is_listed_by_itself_where_the_tenant_can(
    name: str, *, whole: bool
) -> None:
    simulator = Simulator(shop(), OPTIONS[name])
    there = next(each for each in simulator.tenant.projects if each.key == KEY)
    case, execution = there.cases[3], there.executions[5]
    simulator.tenant.touch(case, "2031-06-01T08:00:00Z")
    simulator.tenant.touch(execution, "2031-06-01T08:00:00Z")
    async with reading(simulator, Notes()) as source:
        assert isinstance(source, ChangedSince)
        found: set[str] = set()
        for kind in source.kinds:
            cursor: str | None = None
            while True:
                page = await source.changed_since(kind, datetime(2031, 6, 1, 8, tzinfo=UTC), cursor)
                found |= {each.key for each in page.records if each.kind is kind}
                cursor = page.cursor
                if cursor is None:
                    break
    others = {each.key for each in there.cases} - {case.key}
    assert {case.key, execution.key} <= found
    assert others & found == (others if whole else set())


async def test_every_file_arrives_byte_for_byte() -> None:
    simulator = Simulator(shop(), Options())
    async with reading(simulator, Notes()) as source:
        records, _ = await read(source)
        files = [each for each in records.values() if isinstance(each, Attachment)]
        read_ = {
            int(file.key.rpartition("#")[2]): b"".join(
                [chunk async for chunk in source.download(file)]
            )
            for file in files
        }
    there = project()
    owners: list[Any] = [*there.cases, *there.cycles, *there.plans, *there.executions]
    owners += [step for case in there.cases for step in case.steps]
    owners += [result for execution in there.executions for result in execution.results]
    sent = {file.id: b"".join(file.chunks()) for owner in owners for file in owner.files}
    assert read_ == sent


@pytest.mark.parametrize("status", [403, 404, pytest.param(503, marks=pytest.mark.acceptance)])
def test_a_tenant_without_files_is_found_out_and_said_once_for_each_kind_of_owner(
    status: int,
) -> None:
    notes = Notes()
    simulator = Simulator(shop(), Options(attachments=False, next_gen=False, missing=status))

    async def work() -> int:
        async with reading(simulator, notes) as source:
            records, _ = await read(source)
            files = [each for each in records.values() if isinstance(each, Attachment)]
            assert all(unlisted(each) for each in files)
            return len(files)

    # 404 is how the service says that one object has no files; after any other refusal each owner
    # keeps a file that cannot be read, so that none is lost in silence
    assert (run_in_virtual_time(work()) == 0) is (status == 404)
    assert notes.codes().count("files-not-offered") == (0 if status == 404 else 4)
    refused = {path for _, path, _, answered in simulator.server.log if answered == status}
    assert status == 404 or len(refused) <= 4 * 30


async def test_essential_refuses_the_content_of_files() -> None:
    simulator = Simulator(shop(), Options(downloads=False))
    async with reading(simulator, Notes()) as source:
        records, _ = await read(source)
        file = next(each for each in records.values() if isinstance(each, Attachment))
        with pytest.raises(RejectedError, match="Permission denied"):
            async for _chunk in source.download(file):
                pass


async def test_the_demo_points_at_itself() -> None:
    async with demo() as table:
        given: dict[str, Any] = {name: table[name] for name in table if name != "use"}
        given["jira"] = JiraConfig(**given["jira"])
        async with open_zephyr(ZephyrConfig(**given), lent()) as source:
            findings = await source.check()
    assert "error" not in {finding.level for finding in findings}

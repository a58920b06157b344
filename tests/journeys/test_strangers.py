"""What others made outlives a rollback as it was, at every level, over HTTP.

Each stranger is put to another object of ours, so that none hides behind what another one keeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.zephyr.model import Folder

from tests.journeys.journey import Journey, journey, project
from tests.tables import sampled
from ztoq_core import engine
from ztoq_core.records import Kind, Ref
from ztoq_core.store import Store

pytestmark = pytest.mark.asyncio

RUN_DATES = {
    "exe_start_date": "2026-01-02T10:00:00+00:00",
    "exe_end_date": "2026-01-02T10:01:00+00:00",
}


@attrs.define
class Site:
    """The target with what ztoq wrote, by the names of the records."""

    sides: Journey
    store: Store

    def id_of(self, kind: Kind, key: str) -> int:
        for each in self.store.rollback.created.now(None):
            if each.ref == Ref(kind, key):
                return int(each.written.target_id.rpartition("/")[2])
        raise AssertionError(f"ztoq wrote no {kind} {key}")

    def post(self, path: str, body: Any) -> Any:
        return self.sides.qtest.by_hand("POST", path, body)

    def attach(self, type_: str, number: int) -> None:
        self.sides.qtest.attach_by_hand(type_, number, "theirs.txt", b"theirs", "text/plain")

    def module(self, number: int) -> int:
        return self._named("modules", f"Folder {number}")

    def cycle(self) -> int:
        return self._named("test_cycles", "Nightly")

    def suite(self) -> int:
        return self.id_of(Kind.TEST_CYCLE, "ACME-R1")

    def case(self, number: int) -> int:
        return self.id_of(Kind.TEST_CASE, f"ACME-T{number}")

    def run(self, number: int) -> int:
        return self.id_of(Kind.TEST_RUN, f"ACME-R1/ACME-T{number}/")

    def log(self, number: int) -> Any:
        run = self.sides.qtest.dump()["test_runs"]
        ours = next(each for each in run if each["id"] == self.run(number))
        return next(
            each
            for each in self.sides.qtest.dump()["test_logs"]
            if each["run"] in {ours["id"], ours["pid"]}
        )

    def step(self, number: int) -> int:
        case = next(
            e for e in self.sides.qtest.dump()["test_cases"] if e["id"] == self.case(number)
        )
        return int(case["versions"][-1]["steps"][0]["id"])

    def _named(self, table: str, name: str) -> int:
        return next(int(e["id"]) for e in self.sides.qtest.dump()[table] if e["name"] == name)


def their_run_elsewhere(site: Site) -> None:
    theirs = site.post("test-suites", {"name": "Their suite", "properties": []})
    body = {"name": "x", "properties": [], "test_case": {"id": site.case(7)}}
    site.post(f"test-runs?parentId={theirs['id']}&parentType=test-suite", body)


def their_call(site: Site) -> None:
    module = site.post("modules", {"name": "Their module"})
    step = {
        "description": "",
        "expected": "",
        "order": 1,
        "called_test_case_id": site.case(9),
    }
    body = {"name": "calls", "properties": [], "parent_id": module["id"], "test_steps": [step]}
    site.post("test-cases", body)


def their_link(site: Site) -> None:
    theirs = site.post("requirements", {"name": "Theirs", "properties": []})
    site.post(f"requirements/{theirs['id']}/link?type=test-cases", [site.case(10)])


STRANGERS: dict[str, tuple[str, Callable[[Site], object]]] = {
    "module in our module": (
        "folder Folder 1",
        lambda site: site.post(f"modules?parentId={site.module(1)}", {"name": "Theirs"}),
    ),
    "case in our module": (
        "folder Folder 2",
        lambda site: site.post(
            "test-cases", {"name": "Theirs", "properties": [], "parent_id": site.module(2)}
        ),
    ),
    "requirement in our module": (
        "folder Folder 3",
        lambda site: site.post(
            f"requirements?parentId={site.module(3)}", {"name": "Theirs", "properties": []}
        ),
    ),
    "suite in our cycle": (
        "folder Nightly",
        lambda site: site.post(
            f"test-suites?parentId={site.cycle()}&parentType=test-cycle",
            {"name": "Theirs", "properties": []},
        ),
    ),
    "cycle in our cycle": (
        "folder Nightly",
        lambda site: site.post(
            f"test-cycles?parentId={site.cycle()}&parentType=test-cycle", {"name": "Theirs"}
        ),
    ),
    "run in our suite": (
        "test_case ACME-T6",
        lambda site: site.post(
            f"test-runs?parentId={site.suite()}&parentType=test-suite",
            {"name": "Theirs", "properties": [], "test_case": {"id": site.case(6)}},
        ),
    ),
    "run of our case in their suite": ("test_case ACME-T7", their_run_elsewhere),
    "log in our run": (
        "test_run ACME-R1/ACME-T8/",
        lambda site: site.post(
            f"test-runs/{site.run(8)}/test-logs",
            {
                **RUN_DATES,
                "status": {"id": 601},
                "test_step_logs": [{"test_step_id": site.step(8), "status": {"id": 601}}],
            },
        ),
    ),
    "case that calls ours": ("test_case ACME-T9", their_call),
    "requirement linked to our case": ("test_case ACME-T10", their_link),
    "file on our case": (
        "test_case ACME-T11",
        lambda site: site.attach("test-cases", site.case(11)),
    ),
    "file on our step": (
        "test_case ACME-T12",
        lambda site: site.attach("test-steps", site.step(12)),
    ),
    "file on our log": (
        "test_run ACME-R1/ACME-T13/",
        lambda site: site.attach("test-logs", site.log(13)["id"]),
    ),
    "file on the log of our step": (
        "test_run ACME-R1/ACME-T14/",
        lambda site: site.attach("test-step-logs", site.log(14)["steps"][0]["id"]),
    ),
    "comment on our case": (
        "test_case ACME-T15",
        lambda site: site.post(f"test-cases/{site.case(15)}/comments", {"content": "Mind this"}),
    ),
    "comment on our run": (
        "test_run ACME-R1/ACME-T16/",
        lambda site: site.post(f"test-runs/{site.run(16)}/comments", {"content": "Mind this"}),
    ),
}
"""Strangers, what of ours they keep, and how they come."""
CASES = 18


def many() -> Any:
    """Return a project whose cases lie in folders of their own, each executed once."""
    whole = project()
    names = [f"Folder {number}" for number in range(1, CASES + 1)]
    folders = [Folder(id=100 + n, name=name) for n, name in enumerate(names, 1)]
    whole.folders = [*folders, *(each for each in whole.folders if each.name == "Nightly")]
    case, execution = whole.cases[2], whole.executions[2]
    numbers = range(1, CASES + 1)
    whole.cases = [
        attrs.evolve(
            case,
            id=1000 + n,
            key=f"ACME-T{n}",
            name=f"Case {n}",
            folder_id=100 + n,
            version_ids=[3000 + n],
            steps=[attrs.evolve(case.steps[0], id=2000 + n)],
        )
        for n in numbers
    ]
    whole.executions = [
        attrs.evolve(
            execution,
            id=4000 + n,
            key=f"ACME-E{n}",
            case_key=f"ACME-T{n}",
            case_version_id=3000 + n,
            results=[attrs.evolve(execution.results[0], id=5000 + n)],
        )
        for n in numbers
    ]
    return whole


def theirs(dump: dict[str, Any], ours: set[tuple[str, int]]) -> dict[str, Any]:
    """Return all of a dump that ztoq did not make: objects, files, links, comments."""
    found: dict[str, Any] = {}
    for table, things in dump.items():
        for thing in things if isinstance(things, list) else ():
            if not isinstance(thing, dict) or "id" not in thing:
                continue
            if (table, thing["id"]) not in ours:
                found[f"{table} {thing['id']}"] = thing
            for file in _files(thing):
                if file["name"] == "theirs.txt":
                    found[f"file {file['id']}"] = file
    for link in dump["links"]:
        if not {(link[0], link[1]), (link[2], link[3])} <= {
            (table.replace("_", "-"), number) for table, number in ours
        }:
            found[f"link {link}"] = link
    return found


def _files(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [file for each in value for file in _files(each)]
    if not isinstance(value, dict):
        return []
    own = value.get("attachments") or []
    return [*own, *(file for each in value.values() for file in _files(each))]


@pytest.mark.parametrize("force", [pytest.param(False, marks=pytest.mark.acceptance), True])
async def test_strangers_stay_as_they_were(tmp_path: Path, *, force: bool) -> None:
    async with journey(tmp_path, read=many()) as sides:
        outcome = await sides.run()
        assert outcome.exit == 0, outcome
        made = sides.qtest.dump()
        ours = {
            (table, each["id"])
            for table, things in made.items()
            if isinstance(things, list)
            for each in things
            if isinstance(each, dict) and "id" in each
        }
        with sides.store() as store:
            site = Site(sides, store)
            for _, come in STRANGERS.values():
                await asyncio.to_thread(come, site)
            before = theirs(sides.qtest.dump(), ours)
            assert len(before) >= len(STRANGERS) - 2, sorted(before)  # comments are not in dumps
            comments = dict(sides.qtest.site.state.comments)
            async with sides.opened() as (_, _, sink):
                with store.run("rollback") as run:
                    undone = await engine.rollback(engine.Run(store, run.id), sink, force=force)
                with store.run("rollback") as run:
                    again = await engine.rollback(engine.Run(store, run.id), sink, force=force)

        after = theirs(sides.qtest.dump(), ours)
        assert after == before
        assert sides.qtest.site.state.comments == comments
        assert sides.qtest.site.state.cascades == []
        names = {each["id"]: each["name"] for t in ("modules", "test_cycles") for each in made[t]}
        kept = {str(each.ref): each.reason for each in undone.kept}
        by_name = {
            f"folder {names[int(each.written.target_id.rpartition('/')[2])]}"
            for each in sides.store().rollback.created.now(None)
            if each.ref.kind is Kind.FOLDER
        }
        for stranger, (owner, _) in STRANGERS.items():
            assert owner in kept or owner in by_name, f"{stranger}: {owner} is gone"
        assert kept["test_case ACME-T9"].startswith("others made what is in it or uses it: test_")
        assert {"test_case ACME-T17", "test_case ACME-T18", "folder Folder 17"}.isdisjoint(
            {*kept, *by_name}
        )
        assert {str(each.ref) for each in again.kept} == set(kept)
        assert again.deleted == {}


@pytest.mark.parametrize("store", [{}, {"attachments_mode": "stream"}])
@pytest.mark.parametrize("after", sampled([12, 30], 2))
async def test_a_load_that_was_cut_off_is_removed_at_once(
    tmp_path: Path, after: int, store: dict[str, str]
) -> None:
    """Requests under way leave records in doubt: these are looked for first."""
    async with journey(tmp_path, store=store) as sides:
        empty = sides.standing()
        loading = asyncio.ensure_future(sides.run())
        while sum(n for (way, _), n in sides.qtest.calls.items() if way == "POST") < after:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        async with sides.opened() as (_, _, sink):
            with sides.store() as held, held.run("rollback") as run:
                undone = await engine.rollback(engine.Run(held, run.id, request_timeout=0.5), sink)
                assert undone.kept == ()
                assert not held.rollback.counted.now(None)
        assert sides.standing() == empty

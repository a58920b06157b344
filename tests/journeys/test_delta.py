"""A second run writes what changed and nothing else, over real HTTP; the calls are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.model import Project, WebLink

from tests.journeys.journey import Journey, journey, project
from tests.tables import sampled
from ztoq_core import engine
from ztoq_core.errors import Exit
from ztoq_core.store import State


def writes(sides: Journey) -> Counter[str]:
    """Count the requests that changed something, by method and the last word of the path."""
    found: Counter[str] = Counter()
    for (method, path), number in sides.qtest.server.calls.items():
        word = path.rpartition("/")[2] if not path.endswith("}") else path.split("/")[-2]
        if method != "GET" and "oauth" not in path and word != "search":
            found[f"{method} {word}"] += number
    return found


def change_step(made: Project) -> None:
    made.cases[3].steps[0].expected_result = "Done well"


def add_file(made: Project) -> None:
    made.cases[3].files.append(File(id=990, name="new.png", size=900, seed=9))


def add_link(made: Project) -> None:
    made.cases[3].web_links.append(WebLink(id=991, url="https://example.com/spec"))


def change_result(made: Project) -> None:
    made.executions[3].results[0].actual_result = "It took a while"


@pytest.mark.parametrize(
    ("change", "expected"),
    sampled(
        [
            (change_step, {"PUT test-cases": 1, "PUT approve": 1}),
            (add_file, {"POST blob-handles": 1}),
            (add_link, {"PUT test-cases": 1, "PUT approve": 1}),
            (change_result, {"PUT test-logs": 1}),
            (lambda _: None, {}),
        ],
        2,
    ),
)
async def test_only_what_changed_is_written(
    tmp_path: Path, change: Callable[[Project], None], expected: dict[str, int]
) -> None:
    made = project()
    async with journey(tmp_path, read=made) as sides:
        assert (await sides.run()).exit is Exit.OK
        before = writes(sides)
        change(made)

        ended = await sides.run()

        assert ended.exit is Exit.OK
        assert writes(sides) - before == Counter(expected)


@pytest.mark.parametrize("with_its_execution", [True, False])
async def test_a_deleted_case_is_reported_and_stays(
    tmp_path: Path, *, with_its_execution: bool
) -> None:
    async with journey(tmp_path) as sides:
        await sides.run()
        before = writes(sides)
        sides.zephyr.tenant.remove("ACME-T6")
        if with_its_execution:
            sides.zephyr.tenant.remove("ACME-E6")

        await sides.run()

        with sides.store() as store:
            gone = {
                problem.key for problem in store.reporting.problems() if problem.state is State.GONE
            }
        assert "ACME-T6" in gone
        assert writes(sides) == before


async def test_a_field_that_somebody_else_uses_outlives_a_rollback(tmp_path: Path) -> None:
    async with journey(tmp_path) as sides:
        await sides.run()
        fields = sides.qtest.by_hand("GET", "settings/test-cases/fields")
        key = next(each for each in fields if each["label"] == "Zephyr key")
        theirs = {
            "name": "theirs",
            "properties": [{"field_id": key["id"], "field_value": "of mine"}],
        }
        sides.qtest.by_hand("POST", "test-cases", theirs)

        async with sides.opened() as (_, _, sink):
            with sides.store() as store, store.run("rollback") as run:
                undone = await engine.rollback(engine.Run(store, run.id), sink)

        kept = {each.ref.key: each.reason for each in undone.kept}
        assert list(kept) == ["test_case/Zephyr key"]
        assert "objects that ztoq did not make" in kept["test_case/Zephyr key"]


async def test_a_new_store_makes_nothing_twice_that_was_moved_meanwhile(tmp_path: Path) -> None:
    made = project()
    async with journey(tmp_path, read=made) as sides:
        assert (await sides.run()).exit is Exit.OK
        before = sides.qtest.dump()
        made.folders[1].parent_id = None
        made.cases[0].folder_id = made.cases[1].folder_id
        made.cycles[0].folder_id = None

        sides.folder = tmp_path / "new"
        sides.folder.mkdir()
        verdict = await sides.run()

        assert (verdict.exit, verdict.next) == (Exit.LEFT, "ztoq resolve")
        assert "3 conflicts" in verdict.headline
        after = sides.qtest.dump()
        assert {name: len(each) for name, each in after.items() if isinstance(each, list)} == {
            name: len(each) for name, each in before.items() if isinstance(each, list)
        }

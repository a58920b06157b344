"""Files that go from the source to the target without the disk, over real HTTP."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ztoq_demo.zephyr.files import File
from ztoq_testkit.simulate import Fault, Faults

from tests.journeys.journey import Journey, journey, project
from tests.performance.portrait import differences, twice
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import Kind
from ztoq_core.report.data import Report
from ztoq_core.store import Extracted, State

STREAM: dict[str, Any] = {"attachments_mode": "stream"}
FILES = 3


def uploads(sides: Journey) -> int:
    calls = sides.qtest.server.calls.items()
    return sum(number for (_, path), number in calls if path.endswith("/blob-handles"))


def downloads(sides: Journey) -> int:
    calls = sides.zephyr.server.calls.items()
    return sum(number for (_, path), number in calls if "/attachments/{" in path)


async def test_streamed_files_arrive_as_staged_ones_do_and_touch_no_disk(tmp_path: Path) -> None:
    async with journey(tmp_path / "staged") as sides:
        await sides.run()
        expected = sides.standing()

    async with journey(tmp_path / "streamed", store=STREAM) as sides:
        assert (await sides.run()).exit is Exit.OK

        assert differences(sides.standing(), expected) == []
        assert twice(sides.standing(), expected) == []
        assert downloads(sides) == uploads(sides) == FILES
        assert not (sides.folder / "files").exists()


async def test_the_second_run_reads_and_sends_no_file_again(tmp_path: Path) -> None:
    made = project()
    async with journey(tmp_path, store=STREAM, read=made) as sides:
        await sides.run()
        await sides.run()
        assert (downloads(sides), uploads(sides)) == (FILES, FILES)

        made.cases[3].files.append(File(id=990, name="new.png", size=900, seed=9))
        assert (await sides.run()).exit is Exit.OK
        assert (downloads(sides), uploads(sides)) == (FILES + 1, FILES + 1)


async def test_such_a_store_is_never_called_complete(tmp_path: Path) -> None:
    async with journey(tmp_path, store=STREAM) as sides:
        await sides.run()
        with sides.store() as store:
            assert store.facts.extracted is Extracted.STREAMED
            assert any("not complete" in said for said in Report.from_store(store).remarks)


async def test_a_staged_extraction_afterwards_fetches_what_was_only_passed_on(
    tmp_path: Path,
) -> None:
    async with journey(tmp_path, store=STREAM) as sides:
        await sides.run()
        sides.tables["store"] = {}

        assert (await sides.run()).exit is Exit.OK

        assert downloads(sides) == 2 * FILES
        assert uploads(sides) == FILES
        with sides.store() as store:
            assert store.reporting.files().count == FILES
            assert store.facts.extracted is Extracted.COMPLETE


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.ERROR_AFTER])
async def test_a_lost_answer_to_an_upload_makes_no_second_file(
    tmp_path: Path, fault: Fault
) -> None:
    async with journey(tmp_path, store=STREAM) as sides:
        faults = Faults(only=lambda request: request.path.endswith("/blob-handles"), plan=[fault])
        sides.qtest.server.faults = faults

        assert (await sides.run()).exit is Exit.OK

        assert sum(faults.made.values()) == 1
        names = Counter(
            file["name"]
            for things in sides.standing().values()
            for thing in things
            if isinstance(thing, dict)
            for file in thing.get("attachments", ())
        )
        assert set(names.values()) == {1}
        assert len(names) == FILES


async def test_a_file_that_breaks_off_on_its_way_is_asked_for_again(tmp_path: Path) -> None:
    async with journey(tmp_path, store=STREAM) as sides:
        cut = [Fault.CUT_BODY]
        faults = Faults(only=lambda request: "/attachments/" in request.path, plan=cut)
        sides.zephyr.server.faults = faults

        assert (await sides.run()).exit is Exit.OK

        assert sum(faults.made.values()) == 1
        assert uploads(sides) >= FILES
        with sides.store() as store:
            assert store.reporting.counts()[Kind.ATTACHMENT] == {State.FINISHED: FILES}


async def test_an_unknown_mode_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    async with journey(tmp_path, store={"attachments_mode": "straem"}) as sides:
        with pytest.raises(ConfigError, match=r"'straem' \(did you mean 'stream'\?\)"):
            await sides.run()

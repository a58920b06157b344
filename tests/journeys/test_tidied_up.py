"""Somebody tidies up in qTest by hand: the next runs find it and bring it back, over real HTTP."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.journey import Journey, journey
from tests.journeys.test_delta import writes
from tests.performance.portrait import KINDS
from ztoq_core import engine
from ztoq_core.errors import Exit
from ztoq_core.records import Kind
from ztoq_core.store import State
from ztoq_core.store.tables import Item, bound


def target_id(sides: Journey, kind: Kind, key: str) -> str:
    with sides.store() as store:
        item = bound(Item, store.database.connection)
        return str(item.get((item.kind == kind) & (item.key == key)).target_id)


def objects(sides: Journey) -> Counter[str]:
    """Count the objects in the target by type."""
    dump = sides.qtest.dump()
    found = Counter({name: len(dump[name]) for name in KINDS})
    found["files"] = sum(len(each.get("attachments", ())) for name in KINDS for each in dump[name])
    return found


@pytest.mark.parametrize(
    ("kind", "key", "path"),
    [
        (Kind.TEST_CASE, "ACME-T1", "test-cases"),
        (Kind.FOLDER, "ACME-F33", "test-cycles"),
        *(
            pytest.param(*each, marks=pytest.mark.acceptance)
            for each in (
                (Kind.TEST_RUN, "ACME-R1/ACME-T1/", "test-runs"),
                (Kind.TEST_CYCLE, "ACME-R1", "test-suites"),
                (Kind.FOLDER, "ACME-F31", "modules"),
            )
        ),
    ],
)
async def test_what_was_deleted_by_hand_comes_back_once(
    tmp_path: Path, kind: Kind, key: str, path: str
) -> None:
    async with journey(tmp_path) as sides:
        assert (await sides.run()).exit is Exit.OK
        before = objects(sides)
        number = target_id(sides, kind, key).rpartition("/")[2]
        sides.qtest.by_hand("DELETE", f"{path}/{number}?force=true")
        assert objects(sides) != before

        found = await sides.run()

        assert (found.exit, found.status) == (Exit.LEFT, engine.Status.REMOVED)
        assert found.next == "ztoq load"
        with sides.store() as store:
            gone = {each.kind for each in store.reporting.reasons() if each.state is State.DELETED}
        assert kind in gone
        assert (await sides.run()).exit is Exit.OK
        assert objects(sides) == before
        known = writes(sides)
        with sides.store() as store:
            assert (await sides.migrate(store)).exit is Exit.OK
            assert engine.outcome(store, engine.Goal.VALIDATE).exit is Exit.OK
        assert writes(sides) == known

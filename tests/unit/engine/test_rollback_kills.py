"""Whatever a rollback or a load was killed at: nothing is deceived, and all ends whole or removed.

The power fails before or after the commit of each intent to delete, after the target deleted and
before that is committed, and amid a load.
"""

from __future__ import annotations

import asyncio
import atexit
import copy
import functools
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from ztoq_testkit.memory import MemorySource, PowerCut
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.tables import examples, sampled
from tests.unit.engine.deleting import Deleting
from ztoq_core import engine
from ztoq_core.errors import Exit
from ztoq_core.records import Kind
from ztoq_core.store import State, Store
from ztoq_core.store.database import Database
from ztoq_core.store.tables import Item, bound

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

P = ParamSpec("P")
T = TypeVar("T")
ALL = sorted(record.key for record in PROJECT)
SHORT = 0.01


def quiet(_: engine.Event) -> None:
    """Tell nobody."""


class Target(Deleting):
    """Loses power around its n-th deletion."""

    deletions: int | None = None
    answered = False

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete; the power fails before, or (``answered``) after the object is gone."""
        if self.deletions is not None:
            self.deletions -= 1
        due = self.deletions is not None and self.deletions < 0
        if due and not self.answered:
            self.deletions = None
            raise PowerCut
        await super().delete(kind, target_id)
        if due:
            self.deletions = None
            raise PowerCut


class CuttingDatabase(Database):
    """Loses power within the transaction, or right after the commit, of the n-th write."""

    left: int | None = None
    within = False

    async def write(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do as the database does, unless the power fails."""
        if self.left is not None:
            self.left -= 1
        if self.left is None or self.left >= 0:
            return await super().write(operation, *args, **kwargs)
        self.left = None

        def torn() -> T:
            operation(*args, **kwargs)
            raise PowerCut

        if self.within:
            return await super().write(torn)
        await super().write(operation, *args, **kwargs)
        raise PowerCut


class CuttingStore(Store):
    """A store in such a database."""

    database_type = CuttingDatabase
    database: CuttingDatabase


async def migrate(store: Store, sink: Target) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id, request_timeout=SHORT), sink)


async def load(store: Store, sink: Target) -> None:
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id, request_timeout=SHORT), sink)


async def validate(store: Store, sink: Target) -> None:
    with store.run("validate") as run:
        await engine.validate(engine.Run(store, run.id, request_timeout=SHORT), sink)


async def roll_back(store: Store, sink: Target) -> engine.RollbackResult:
    with store.run("rollback") as run:
        return await engine.rollback(engine.Run(store, run.id, request_timeout=SHORT), sink)


def standing(store: Store) -> set[str]:
    """Return the keys that the store calls arrived."""
    item = bound(Item, store.database.connection)
    arrived = item.state << (State.FINISHED, State.WRITTEN, State.CONFLICT)
    return {row.key for row in item.select().where(arrived)}


AFTERWARDS = st.lists(st.sampled_from(["rollback", "load", "migrate", "validate"]), max_size=2)
VERBS: dict[str, Any] = {
    "rollback": roll_back,
    "load": load,
    "migrate": migrate,
    "validate": validate,
}


@functools.cache
def migrated() -> tuple[Path, Target]:
    """Return a store and a target in which all arrived, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="ztoq-kills-"))
    atexit.register(shutil.rmtree, folder)
    sink = Target()
    with Store(f"sqlite:///{folder}/m.db") as store:
        asyncio.run(migrate(store, sink))
    return folder, sink


@settings(max_examples=examples(0.4), derandomize=True, database=None, phases=[Phase.generate])
@given(
    deletions=st.one_of(st.none(), st.integers(0, 9)),
    answered=st.booleans(),
    commits=st.one_of(st.none(), st.integers(0, 25)),
    within=st.booleans(),
    afterwards=AFTERWARDS,
)
def test_after_a_kill_no_verb_is_deceived(
    *,
    deletions: int | None,
    answered: bool,
    commits: int | None,
    within: bool,
    afterwards: list[str],
) -> None:
    with tempfile.TemporaryDirectory(prefix="ztoq-kills-") as folder:
        template, whole = migrated()
        shutil.copytree(template, folder, dirs_exist_ok=True)
        url = f"sqlite:///{Path(folder)}/m.db"
        sink = Target()
        sink.objects = copy.deepcopy(whole.objects)
        sink._numbers = count(1000)  # noqa: SLF001 - of a double of ours
        with CuttingStore(url) as store:
            store.database.left, store.database.within = commits, within
            sink.deletions, sink.answered = deletions, answered
            with suppress(PowerCut):
                asyncio.run(roll_back(store, sink))
        sink.deletions = None
        with Store(url) as store:
            held = set(sink.keys())
            assert engine.outcome(store).exit is not Exit.OK or held == set(ALL)
        for verb in afterwards:
            with Store(url) as store:
                asyncio.run(VERBS[verb](store, sink))
                assert standing(store) == set(sink.keys()), f"{verb} was deceived"
        with Store(url) as store:
            asyncio.run(migrate(store, sink))
            assert sink.keys() == ALL
            assert engine.outcome(store).exit is Exit.OK
            asyncio.run(roll_back(store, sink))
            assert sink.keys() == []


@pytest.mark.parametrize("after", sampled(range(1, 12), 3))
def test_after_a_killed_load_all_goes_at_once(tmp_path: Path, after: int) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    sink = Target(cut_after=after)
    with Store(url) as store, pytest.raises(PowerCut):
        asyncio.run(migrate(store, sink))
    with Store(url) as store:
        undone = asyncio.run(roll_back(store, sink))
        assert sink.keys() == []
        assert undone.kept == ()
        again = asyncio.run(roll_back(store, sink))
        assert (again.deleted, again.kept) == ({}, ())
        assert store.rollback.counted.now(None) == {}
        assert not store.rollback.unsettled.now()


@pytest.mark.parametrize("after", [3, 8])
def test_a_killed_load_is_undone_as_the_run_that_it_was(tmp_path: Path, after: int) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    sink = Target(cut_after=after)
    with Store(url) as store, pytest.raises(PowerCut):
        asyncio.run(migrate(store, sink))
    with Store(url) as store, store.run("rollback") as run:
        asyncio.run(
            engine.rollback(engine.Run(store, run.id, request_timeout=SHORT), sink, of_run=1)
        )
        assert sink.keys() == []

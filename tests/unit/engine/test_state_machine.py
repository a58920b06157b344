"""Whatever happens in whatever order: each key at most once, in the end exactly once.

Hypothesis makes up series of extractions, loads, lost answers, crashes, restarts, lost stores,
clocks that are set, runs that take over from one that slept, edits by other people, strangers,
changes of the source and rollbacks, the same ones in every run.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ztoq_testkit.memory import MemorySource, PowerCut
from ztoq_testkit.project import CONTENTS

from tests.tables import examples
from tests.unit.engine.crashing import (
    PROJECT,
    Crash,
    CrashingSink,
    CrashingStore,
    load,
    typed,
)
from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Written
from ztoq_core.engine import Event
from ztoq_core.errors import DoubtError, Exit, StoreError
from ztoq_core.records import Kind, Record, Ref, TestCase, TestLog
from ztoq_core.store import State, Store, tables
from ztoq_core.store.states import Side
from ztoq_core.store.tables import Edge, Item, bound

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

FIELD = "test_case/Browser"
KEYS = sorted(record.key for record in PROJECT)
CASES = [record for record in PROJECT if isinstance(record, TestCase)]
REFERS = {
    "ACME-T1": Ref(Kind.TEST_CASE, "ACME-T2"),
    "ACME-T2": Ref(Kind.TEST_CASE, "ACME-T1"),
    "ACME-P1": Ref(Kind.ATTACHMENT, "ACME-T1#1"),
}
LOST = st.sets(st.sampled_from([*KEYS, FIELD]), max_size=4)

BAD = {State.FAILED, State.BLOCKED, State.REJECTED, State.DELETED}
STANDING = {State.FINISHED, State.CONFLICT, State.GONE}
SETTLES = {
    "parent": STANDING,
    "owner": {*STANDING, State.WRITTEN},
    "mention": {*BAD, *STANDING, State.WRITTEN, State.SKIPPED},
    "after": {*BAD, *STANDING, State.SKIPPED},
}
COMING = {State.READY, State.SENDING, State.UNKNOWN}
"""The states of a record in which what refers to it in a role waits for it no more."""


def mapped(record: Record) -> Record:
    """Map a record; the texts of some point at others."""
    refers = (REFERS[record.key],) if record.key in REFERS else ()
    return attrs.evolve(typed(record), text_refs=refers)


class Target(CrashingSink):
    """A target that people use too, that loses requests and answers, and deletes as qTest does."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.unsent: set[str] = set()
        self.faulty: dict[str, bool] = {}
        """Keys whose next write raises what no plugin may, by whether the object is made first."""

        self.delete_cut: int | None = None
        along = frozenset({Kind.ATTACHMENT, Kind.TEST_LOG})
        self.schema = attrs.evolve(self.schema, goes_with_owner=along)

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Do as the sink does, unless the request is lost before it arrives."""
        if record.key in self.unsent:
            self.unsent.remove(record.key)
            raise DoubtError(f"the request about {record.ref} was lost")
        first = self.faulty.pop(record.key, None)
        if first is False:
            raise KeyError(record.key)
        written = await super().write(record, target_id, links, content)
        if first:
            raise OverflowError(record.key)
        return written

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete an object, with what goes along; the power may fail before the answer."""
        await super().delete(kind, target_id)
        if self.delete_cut is not None:
            self.delete_cut -= 1
            if self.delete_cut < 0:
                self.delete_cut = None
                raise PowerCut


class Migration(RuleBasedStateMachine):
    """One target, one source, one store at a time."""

    def __init__(self) -> None:
        """Begin with an empty target."""
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ztoq-machine-"))
        self.target = Target()
        self.source = {record.ref: record for record in PROJECT}
        self.strangers: dict[str, Record] = {}
        self.store = self._opened()
        self.changes = 0
        self.counted = False
        self.released: set[str] = set()
        self.patch = pytest.MonkeyPatch()

    def _opened(self) -> CrashingStore:
        return CrashingStore(f"sqlite:///{self.folder}/m.db")

    def _restart(self) -> None:
        self.store.close()
        self.store = self._opened()

    def _do(self, work: Coroutine[Any, Any, Any], crash: Crash | None = None) -> None:
        """Work until the end, or until the power fails; then start anew."""
        self.store.database.crash = self.target.crash = crash
        try:
            asyncio.run(work)
        except PowerCut:
            self._restart()
        except StoreError as error:
            assert "took over this store" in str(error)  # noqa: PT017 - nothing else may go wrong
            self._restart()
        self.store.database.crash = self.target.crash = None

    async def _load(self) -> None:
        self.released.clear()
        self.counted = True
        await load(self.store, self.target, self._hear)

    def _hear(self, event: Event) -> None:
        """Remember what was let go for its waiting in a circle, or for what is in doubt."""
        if "is part of a dependency cycle" in event.text:
            self.released.add(event.text.split(" is part")[0])

    async def _extract(self) -> None:
        self.counted = False  # what a mapping changes is counted when it is loaded
        source = MemorySource(self.source.values(), CONTENTS, page_size=3)
        with self.store.run("extract") as run:
            await engine.extract(engine.Run(self.store, run.id), source)
        await engine.transform(engine.Run(self.store), lambda _: [mapped])

    async def _retry(self) -> None:
        self.counted = False
        with self.store.run("retry") as run:
            await self.store.decisions.retry(run.id, None, ())

    async def _roll_back(self) -> None:
        self.counted = False
        with self.store.run("rollback") as run:
            await engine.rollback(engine.Run(self.store, run.id), self.target)

    # ------------------------------------------------------------------------------ what ztoq does

    @initialize()
    def begin(self) -> None:
        """Read the source once: without that there is nothing to try."""
        self._do(self._extract())

    @rule()
    def extract(self) -> None:
        """Read everything again and map it."""
        self._do(self._extract())

    @rule(answers=LOST, requests=LOST)
    def load(self, answers: set[str], requests: set[str]) -> None:
        """Load; the first answers about some records, or the requests themselves, are lost."""
        self.target.doubts |= answers
        self.target.unsent |= requests
        self._do(self._load())

    @rule(faults=LOST, made=st.booleans())
    def load_with_a_faulty_plugin(self, faults: set[str], *, made: bool) -> None:
        """Load while the plugin raises at some records, once its request was sent or before."""
        self.target.faulty = dict.fromkeys(faults, made)
        self._do(self._load())
        self.target.faulty.clear()

    @rule(answers=LOST, after=st.integers(0, 60))
    def load_and_crash(self, answers: set[str], after: int) -> None:
        """Load until the power fails; it does not where there is less to do."""
        self.target.doubts |= answers
        self._do(self._load(), Crash(after=after))

    @rule(answers=LOST, after=st.integers(0, 20))
    def sleep_while_loading(self, answers: set[str], after: int) -> None:
        """Sleep for an hour before a request leaves, while another run takes over and loads."""
        self.target.doubts |= answers
        self.store.database.sleep_before = (after, self._slept)
        self._do(self._load())
        self.store.database.sleep_before = None

    def _slept(self) -> None:
        # The clock is set when the sleep is over: all threads of a process sleep, but here that of
        # the store may go on to commit, and must not date that after the sleep.
        clock = self.store.database.clock
        asleep = clock()
        self.store.database.clock = lambda: asleep
        other = threading.Thread(target=self._load_elsewhere)
        other.start()
        other.join()
        self.store.database.clock = lambda: clock() + 3600

    def _load_elsewhere(self) -> None:
        with Store(self.store.url) as other:
            run = other.database.runs
            run.update(host="another host").where(run.ended.is_null()).execute()
            other.database.lease_s = 0.01
            try:
                asyncio.run(load(other, self.target))
            except StoreError as error:  # the first one's thread was still at work
                assert "Another run uses this store" in str(error)  # noqa: PT017 - nothing else

    @rule(seconds=st.sampled_from([-3600, -60, 60, 3600]))
    def set_the_clock(self, seconds: int) -> None:
        """Set the clock on the wall; from then on all times are those of the new one."""

        class Shifted(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.fromtimestamp(time.time() + seconds, tz)

        self.patch.setattr(tables, "datetime", Shifted)

    def _some(self, place: int) -> Any:
        """Return an object of ours, None where there is none.

        A precondition would say so better, but what stands in the target after a crash depends on
        the threads of the store, and Hypothesis must be asked the same again.
        """
        ours = [each for n, each in self.target.objects.items() if n not in self.strangers]
        return ours[place % len(ours)] if ours else None

    @rule(cut=st.one_of(st.none(), st.integers(0, 5)))
    def roll_back(self, cut: int | None) -> None:
        """Remove what was created; if the power fails meanwhile, anything may follow."""
        self.target.delete_cut = cut
        self._do(self._roll_back())
        self.target.delete_cut = None

    @rule()
    def lose_the_store(self) -> None:
        """Begin with an empty store; what stands in the target bears its marks."""
        self.store.close()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.store = self._opened()
        self._do(self._extract())

    # --------------------------------------------------------------------------- what happens to it

    @rule(place=st.integers(0, 30))
    def edit_by_hand(self, place: int) -> None:
        """Let a person change the name of an object; a field of another name is another field."""
        each = self._some(place)
        if each and hasattr(each.record, "name") and each.record.kind is not Kind.FIELD:
            each.record = attrs.evolve(each.record, name=f"{each.record.name} (checked)")

    @rule(inside=st.sampled_from([Kind.TEST_RUN, Kind.FOLDER]))
    def add_a_stranger(self, inside: Kind) -> None:
        """Let a person put a log into a run of ours, or a case into a folder, or anywhere."""
        number = f"s{len(self.strangers)}"
        key = f"STRANGER-{number}"
        refs = [each.record.ref for each in self.target.objects.values()]
        ref = next((ref for ref in reversed(refs) if ref.kind is inside), None)
        record: Record = TestCase(key=key, name="By hand")
        if ref and inside is Kind.FOLDER:
            record = TestCase(key=key, name="By hand", folder=ref)
        elif ref:
            case = Ref(Kind.TEST_CASE, "ACME-T1")
            record = TestLog(key=key, run=ref, case=case, status="Pass")
        asyncio.run(self._place(number, record))

    async def _place(self, number: str, record: Record) -> None:
        links: Any = dict.fromkeys(record.parents(), Written(target_id="by hand"))
        await self.target.write(record, number, links, None)
        self.strangers[number] = record

    @rule(case=st.sampled_from(CASES))
    def change_the_source(self, case: TestCase) -> None:
        """Rename a case in the source."""
        self.changes += 1
        self.source[case.ref] = attrs.evolve(case, name=f"{case.name} {self.changes}")

    @rule()
    def add_to_the_source(self) -> None:
        """Run a case once more."""
        self.changes += 1
        last = next(each for each in PROJECT if each.key == "ACME-E2")
        again = attrs.evolve(last, key=f"ACME-E{10 + self.changes}", raw=None)
        assert isinstance(again, TestLog)
        self.source[again.ref] = attrs.evolve(again, number=10 + self.changes)

    # ---------------------------------------------------------------------------- what always holds

    def _counts(self) -> Counter[str]:
        return Counter(
            each.record.key
            for number, each in self.target.objects.items()
            if number not in self.strangers
        )

    @invariant()
    def each_key_stands_at_most_once(self) -> None:
        """Nothing twice."""
        twice = [key for key, number in self._counts().items() if number > 1]
        assert not twice, twice

    @invariant()
    def strangers_are_untouched(self) -> None:
        """What other people made stays as they made it."""
        for number, record in self.strangers.items():
            there = self.target.objects.get(number)
            assert there is not None, f"{record.key} is gone"
            assert there.record == record, f"{record.key} was changed"

    @invariant()
    def what_waits_is_counted_right(self) -> None:
        """A count too low writes a record before its time, one too high never writes it."""
        if not self.counted:
            return
        connection = self.store.database.connection
        item, edge = bound(Item, connection), bound(Edge, connection)
        rows = {(row.kind, row.key): row for row in item.select()}
        numbers = {row.id: row for row in rows.values()}
        waits: Counter[int] = Counter()
        files: Counter[int] = Counter()
        refers: Counter[int] = Counter()
        for each in edge.select().where(edge.side == Side.TARGET):
            to, child = rows.get((each.kind, each.key)), numbers[each.child]
            if to is None:
                continue
            if each.role == "refer":
                refers[child.id] += to.state in COMING
                continue
            waits[child.id] += to.state not in SETTLES[each.role]
            files[to.id] += each.role == "owner" and child.state not in SETTLES["mention"]
        for row in rows.values():
            if row.state in {State.READY, State.UNKNOWN} and str(_ref(row)) not in self.released:
                assert row.waiting == waits[row.id], f"{_ref(row)} waits for {waits[row.id]}"
            if row.state == State.WRITTEN:
                # what only waits for what its texts point at may be let go
                right = {files[row.id] + refers[row.id], files[row.id]}
                assert row.open_files in right, f"{_ref(row)} lacks {right}"

    def teardown(self) -> None:
        """Let the migration end in peace: nothing is missing then."""
        try:
            self.target.doubts.clear()
            self.target.unsent.clear()
            self._do(self._retry())
            self._do(self._extract())
            self._do(self._load())
            expected = {ref.key for ref in self.source} | {FIELD}
            assert self._counts() == Counter(expected)
            self.strangers_are_untouched()
            conflicts = sum(
                states.get(State.CONFLICT, 0) for states in self.store.reporting.counts().values()
            )
            assert (engine.outcome(self.store).exit is Exit.OK) is not bool(conflicts)
        finally:
            self.patch.undo()
            self.store.close()
            shutil.rmtree(self.folder)


def _ref(row: Any) -> Ref:
    return Ref(Kind(row.kind), row.key)


TestMigration = Migration.TestCase
TestMigration.settings = settings(
    max_examples=examples(0.25), stateful_step_count=12, derandomize=True, database=None
)


def test_a_refusal_does_not_outlive_a_rollback() -> None:
    state = Migration()
    state.begin()
    state.load_with_a_faulty_plugin(faults={"ACME-E2"}, made=True)
    state.roll_back(cut=None)
    faults = {"ACME-R1/ACME-T1/", "ACME-E1", "ACME-F2", "test_case/Browser"}
    state.load_with_a_faulty_plugin(faults=faults, made=False)
    state.teardown()

"""A project from a memory source through the stages into a memory sink."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource, PowerCut
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.tables import sampled
from ztoq_core import engine
from ztoq_core.contracts import (
    Content,
    FieldSpec,
    Found,
    Links,
    MarkPage,
    Owner,
    Skip,
    Written,
)
from ztoq_core.engine import Event
from ztoq_core.errors import ConfigError, Exit, RejectedError, RetryableError
from ztoq_core.records import (
    Attachment,
    Call,
    FieldType,
    Folder,
    Kind,
    Record,
    Ref,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    Tree,
)
from ztoq_core.store import State, Store


def quiet(_: Event) -> None:
    """Tell nobody."""


def same(record: Record) -> Record:
    return record


async def extract(store: Store, source: MemorySource) -> None:
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)


async def load(
    store: Store,
    sink: MemorySink,
    *,
    accept_missing_fields: bool = False,
    dry_run: bool = False,
) -> None:
    with store.run("load") as run:
        await engine.load(
            engine.Run(store, run.id, request_timeout=0.01, dry_run=dry_run),
            sink,
            accept_missing_fields=accept_missing_fields,
        )


async def migrate(store: Store, source: MemorySource, sink: MemorySink) -> None:
    await extract(store, source)
    await engine.transform(engine.Run(store), lambda _: [same])
    await load(store, sink)


def source() -> MemorySource:
    return MemorySource(PROJECT, CONTENTS, page_size=2)


ALL = sorted(record.key for record in PROJECT)


async def test_a_project_arrives_whole(store: Store) -> None:
    sink = MemorySink()

    await migrate(store, source(), sink)

    assert sink.keys() == ALL
    states = {state for states in store.reporting.counts().values() for state in states}
    assert states == {State.FINISHED}
    assert engine.outcome(store).exit is Exit.OK


async def test_files_arrive_byte_for_byte(store: Store) -> None:
    sink = MemorySink()

    await migrate(store, source(), sink)

    files = {each.record.key: each.content for each in sink.objects.values() if each.content}
    assert files == {"ACME-T1#1": CONTENTS["basket"], "ACME-E2#2": CONTENTS["log"]}


async def test_records_are_written_after_what_they_belong_to(store: Store) -> None:
    sink = MemorySink()

    await migrate(store, source(), sink)

    order = [call.removeprefix("write ") for call in sink.calls if call.startswith("write")]
    for record in PROJECT:
        for ref in (*record.parents(), *record.soft_dependencies()):
            assert order.index(str(ref)) < order.index(str(record.ref))
    assert order.index("test_log ACME-E1") < order.index("test_log ACME-E2")


async def test_what_has_no_parents_waits_for_what_it_mentions_too(store: Store) -> None:
    plan = TestPlan(key="ACME-P9", name="Plan")
    cycle = TestCycle(key="ACME-R9", name="At the root", plans=(plan.ref,))
    sink = MemorySink()

    await migrate(store, MemorySource([cycle, plan]), sink)

    order = [call for call in sink.calls if call.startswith("write")]
    assert order == ["write test_plan ACME-P9", "write test_cycle ACME-R9"]


async def test_a_case_is_finished_after_its_files_and_before_its_runs(store: Store) -> None:
    sink = MemorySink()

    await migrate(store, source(), sink)

    assert sorted(sink.finished) == ["ACME-E1", "ACME-E2", "ACME-T1", "ACME-T2"]


async def test_a_second_run_writes_nothing(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    before = list(sink.calls)

    await migrate(store, source(), sink)

    assert sink.calls == before


async def test_files_that_are_held_are_not_fetched_again(store: Store) -> None:
    await extract(store, source())
    again = source()

    await extract(store, again)

    assert not [call for call in again.calls if call.startswith("download")]


@pytest.mark.parametrize("cut_after", sampled(range(1, len(PROJECT) + 1), 4))
async def test_a_crash_during_loading_makes_no_duplicates(tmp_path: Path, cut_after: int) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    sink = MemorySink(cut_after=cut_after)
    with Store(url) as store:
        await extract(store, source())
        await engine.transform(engine.Run(store), lambda _: [same])
        with pytest.raises(PowerCut):
            await load(store, sink)

    with Store(url) as store:
        await load(store, sink)
        assert engine.outcome(store).exit is Exit.OK
    assert sink.keys() == ALL


async def test_a_lost_answer_is_looked_for_and_adopted(store: Store) -> None:
    keys = {record.key for record in PROJECT}
    sink = MemorySink(doubts=keys)

    await migrate(store, source(), sink)

    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_children_of_a_refused_record_are_blocked(store: Store) -> None:
    sink = MemorySink(refuses={"ACME-T1"})

    await migrate(store, source(), sink)

    left = {problem.key: problem.state for problem in store.reporting.problems()}
    assert left == {
        "ACME-T1": State.FAILED,
        "ACME-R1/ACME-T1/": State.BLOCKED,
        "ACME-E1": State.BLOCKED,
        "ACME-E2": State.BLOCKED,
        "ACME-T1#1": State.BLOCKED,
        "ACME-E2#2": State.BLOCKED,
    }
    assert engine.outcome(store).exit is Exit.LEFT


async def test_a_refused_record_that_others_only_mention_does_not_stop_them(store: Store) -> None:
    sink = MemorySink(refuses={"ACME-T2"})

    await migrate(store, source(), sink)

    assert "ACME-T1" in list(sink.keys())


async def test_cases_that_call_each_other_arrive(store: Store) -> None:
    first, second = (record for record in PROJECT if isinstance(record, TestCase))
    back = Call(case=first.ref)
    circle = attrs.evolve(second, steps=(attrs.evolve(second.steps[0], call=back),))
    records = [circle if record.ref == second.ref else record for record in PROJECT]
    sink = MemorySink()

    await migrate(store, MemorySource(records, CONTENTS), sink)

    assert sink.keys() == ALL


async def test_a_skipped_record_takes_its_children_along(store: Store) -> None:
    def without_plan(record: Record) -> Record:
        if record.key == "ACME-R1":
            raise Skip("not this cycle")
        return record

    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [without_plan])
    await load(store, MemorySink())

    skipped = {
        problem.key for problem in store.reporting.problems() if problem.state is State.SKIPPED
    }
    assert skipped == {"ACME-R1", "ACME-R1/ACME-T1/", "ACME-E1", "ACME-E2", "ACME-E2#2"}


async def test_a_file_that_cannot_be_read_is_quarantined_and_its_case_goes_on(
    store: Store,
) -> None:
    sink = MemorySink()

    await migrate(store, MemorySource(PROJECT, {"log": b"x"}), sink)

    assert [p.key for p in store.reporting.problems()] == ["ACME-T1#1"]
    assert "ACME-T1" in sink.finished
    assert engine.outcome(store).exit is Exit.LEFT


async def test_a_case_that_is_gone_gets_a_stub_with_the_latest_executed_steps(
    store: Store,
) -> None:
    records = [record for record in PROJECT if record.key not in {"ACME-T1", "ACME-T1#1"}]

    await extract(store, MemorySource(records, CONTENTS))

    stub = store.transformation.record.now(Ref(Kind.TEST_CASE, "ACME-T1"))
    assert isinstance(stub, TestCase)
    assert stub.gone
    assert [step.description for step in stub.steps] == ["Open another shop"]


async def test_records_learn_what_only_the_whole_knows(store: Store) -> None:
    seen: dict[Ref, Record] = {}

    def look(record: Record) -> Record:
        seen[record.ref] = record
        return record

    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [look])

    case = seen[Ref(Kind.TEST_CASE, "ACME-T1")]
    called = seen[Ref(Kind.TEST_CASE, "ACME-T2")]
    run = seen[Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")]
    older = seen[Ref(Kind.TEST_LOG, "ACME-E1")]
    newer = seen[Ref(Kind.TEST_LOG, "ACME-E2")]
    assert isinstance(case, TestCase)
    assert case.executed
    assert isinstance(called, TestCase)
    assert not called.executed
    assert isinstance(run, TestRun)
    assert run.name == "Add to the basket"
    assert isinstance(older, TestLog)
    assert (older.last, older.drift) == (False, False)
    assert [result.step for result in older.results] == ["1", "2/1"]
    assert isinstance(newer, TestLog)
    assert (newer.last, newer.drift) == (True, True)


async def test_steps_that_the_source_gives_for_all_results_are_kept(store: Store) -> None:
    """As a folder does that ztoq wrote: the product's own words for parameters are not needed."""
    given = (StepResult(key="1", status="Pass", description="Shop <var>4</var>", step="1"),)
    records = [
        attrs.evolve(each, results=given)
        if isinstance(each, TestLog) and each.key == "ACME-E2"
        else each
        for each in PROJECT
    ]
    await extract(store, MemorySource(records, CONTENTS))
    seen: list[Record] = []

    def look(record: Record) -> Record:
        seen.append(record)
        return record

    await engine.transform(engine.Run(store), lambda _: [look])

    log = next(each for each in seen if each.key == "ACME-E2")
    assert isinstance(log, TestLog)
    assert (log.drift, log.results) == (False, given)


async def test_the_source_is_not_needed_after_extraction(store: Store) -> None:
    await extract(store, source())
    sink = MemorySink()

    await engine.transform(engine.Run(store), lambda _: [same])
    await load(store, sink)
    result = await engine.validate(engine.Run(store), sink)

    assert not result.findings


async def test_validation_finds_what_is_missing_double_and_foreign(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    lost = next(n for n, each in sink.objects.items() if each.record.key == "ACME-T2")
    del sink.objects[lost]
    twice = next(each for each in sink.objects.values() if each.record.key == "ACME-R1")
    sink.objects["900"] = twice
    stranger = Folder(key="", name="theirs", tree=Tree.CASES)
    sink.objects["901"] = attrs.evolve(twice, record=stranger)

    result = await engine.validate(engine.Run(store), sink)

    rows = {row.kind: row for row in result.rows}
    assert rows[Kind.TEST_CASE].missing == ("ACME-T2",)
    assert rows[Kind.TEST_CYCLE].duplicate == ("ACME-R1",)
    assert rows[Kind.FOLDER].foreign == 1
    assert engine.outcome(store).exit is Exit.LEFT


class Forgetful(MemorySink):
    """Lists no cases; what ``look`` says of one is the test's choice."""

    refuses_to_look = False

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        page = await super().marks(kind, owners, cursor)
        return MarkPage(marks=()) if kind is Kind.TEST_CASE else page

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        if self.refuses_to_look:
            raise RejectedError("Memory: GET test case answered 403", status=403)
        return await super().current(kind, target_id)


@pytest.mark.parametrize("refuses", [False, True])
async def test_what_no_list_holds_is_not_called_deleted_while_it_may_be_there(
    store: Store, *, refuses: bool
) -> None:
    sink = Forgetful()
    await migrate(store, source(), sink)
    sink.refuses_to_look = refuses

    result = await engine.validate(engine.Run(store), sink)

    (finding,) = result.findings
    assert finding.startswith("2 test cases are in no list of the target")
    assert finding.endswith("deleted: ACME-T1, ACME-T2")
    assert engine.outcome(store).status is engine.Status.FINDINGS
    await load(store, sink)
    assert sink.keys() == ALL


async def test_a_validation_that_is_stopped_is_not_remembered(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    waits = engine.Waits()
    waits.stop()

    await engine.validate(engine.Run(store, waits=waits), sink)

    assert store.facts.validation is None
    assert engine.outcome(store).status is engine.Status.NOT_VALIDATED


def with_type(record: Record) -> Record:
    fields = tuple(attrs.evolve(f, type=FieldType.CHOICE) for f in record.fields)
    return attrs.evolve(record, fields=fields)


async def test_missing_fields_are_made_before_the_first_record(store: Store) -> None:
    sink = MemorySink()
    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [with_type])

    await load(store, sink)

    assert sink.calls[0] == "write field test_case/Browser"
    field = sink.objects["1"].record
    assert getattr(field, "values", ()) == ("Firefox",)


async def test_missing_fields_stop_the_load_before_the_first_write(store: Store) -> None:
    sink = MemorySink(can_create_fields=False)
    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [with_type])

    with pytest.raises(ConfigError, match="'Browser'"):
        await load(store, sink)
    assert not sink.objects

    await load(store, sink, accept_missing_fields=True)
    assert sink.keys() == ALL


async def test_a_required_field_without_a_value_stops_the_load(store: Store) -> None:
    spec = FieldSpec(kind=Kind.TEST_CASE, name="Team", type=FieldType.TEXT, required=True)
    sink = MemorySink(fields=[spec])
    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [same])

    with pytest.raises(ConfigError, match="'Team'"):
        await load(store, sink)


async def test_a_dry_run_sends_nothing(store: Store) -> None:
    sink = MemorySink()
    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [same])

    await load(store, sink, dry_run=True)

    assert not sink.calls


class Outage(MemorySink):
    """Stops answering at the third write, until it is ``well`` again."""

    well = False

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if len(self.objects) == 2 and not self.well:
            raise RetryableError("nobody answers")
        return await super().write(record, target_id, links, content)


async def test_an_outage_stops_the_load_and_fails_nothing(store: Store) -> None:
    sink = Outage()
    await extract(store, source())
    await engine.transform(engine.Run(store), lambda _: [same])

    with pytest.raises(RetryableError):
        await load(store, sink)

    assert not list(store.reporting.problems())
    sink.well = True
    await load(store, sink)
    assert sink.keys() == ALL


async def test_a_changed_record_is_updated_in_place(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    changed = [
        attrs.evolve(record, name="Log in twice")
        if isinstance(record, TestCase) and record.key == "ACME-T2"
        else record
        for record in PROJECT
    ]
    before = len(sink.calls)

    await migrate(store, MemorySource(changed, CONTENTS), sink)

    assert sink.calls[before:] == ["write test_case ACME-T2"]
    assert sink.keys() == ALL


async def test_what_left_the_source_is_gone_and_stays_in_the_target(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    fewer = [record for record in PROJECT if record.key not in {"ACME-E2", "ACME-E2#2"}]

    await migrate(store, MemorySource(fewer, CONTENTS), sink)

    gone = {problem.key for problem in store.reporting.problems() if problem.state is State.GONE}
    assert gone == {"ACME-E2", "ACME-E2#2"}
    assert sink.keys() == ALL


async def test_a_lost_store_adopts_what_bears_its_marks(tmp_path: Path) -> None:
    sink = MemorySink()
    with Store(f"sqlite:///{tmp_path}/lost.db") as store:
        await migrate(store, source(), sink)
    before = [call for call in sink.calls if call.startswith("write")]

    with Store(f"sqlite:///{tmp_path}/new.db") as store:
        await migrate(store, source(), sink)
        assert engine.outcome(store).exit is Exit.OK

    assert sink.keys() == ALL
    assert [call for call in sink.calls if call.startswith("write")] == before


def renamed(key: str, name: str) -> MemorySource:
    records = [
        attrs.evolve(record, name=name)
        if isinstance(record, TestCase) and record.key == key
        else record
        for record in PROJECT
    ]
    return MemorySource(records, CONTENTS)


@pytest.mark.parametrize(
    ("policy", "name", "state"),
    [
        ("keep-target", "by hand", State.CONFLICT),
        ("overwrite", "from the source", State.FINISHED),
        ("fail", "by hand", State.FAILED),
    ],
)
async def test_an_object_edited_in_the_target_is_a_conflict(
    store: Store, policy: str, name: str, state: State
) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    case = next(each for each in sink.objects.values() if each.record.key == "ACME-T2")
    assert isinstance(case.record, TestCase)
    case.record = attrs.evolve(case.record, name="by hand")

    await extract(store, renamed("ACME-T2", "from the source"))
    await engine.transform(engine.Run(store), lambda _: [same])
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id), sink, on_conflict=policy)

    assert isinstance(now_there := sink.objects[case.written.target_id].record, TestCase)
    assert now_there.name == name
    assert state in store.reporting.counts()[Kind.TEST_CASE]


async def test_a_conflict_can_be_overwritten_later(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, source(), sink)
    case = next(each for each in sink.objects.values() if each.record.key == "ACME-T2")
    case.record = attrs.evolve(case.record, path=("by hand",))
    await migrate(store, renamed("ACME-T2", "from the source"), sink)

    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id), sink, on_conflict="overwrite")

    assert engine.outcome(store).exit is Exit.OK


class Cutting(MemorySource):
    """Cuts each file short the first ``cuts`` times."""

    cuts = 2

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        self.cuts -= 1
        async for chunk in super().download(attachment):
            yield chunk
            if self.cuts >= 0:
                raise RejectedError("fewer bytes than promised")


async def test_a_file_that_came_cut_short_is_read_again(store: Store) -> None:
    sink = MemorySink()

    await migrate(store, Cutting(PROJECT, CONTENTS), sink)

    files = {each.record.key: each.content for each in sink.objects.values() if each.content}
    assert files == {"ACME-T1#1": CONTENTS["basket"], "ACME-E2#2": CONTENTS["log"]}


async def test_an_execution_not_done_yet_stands_by_its_number(store: Store) -> None:
    run, case = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/"), Ref(Kind.TEST_CASE, "ACME-T1")
    waiting = TestLog(
        key="ACME-E3",
        run=run,
        case=case,
        status="Not Executed",
        executed=False,
        number=3,
        planned_end=datetime(2024, 1, 1, tzinfo=UTC),
    )
    seen: list[Record] = []

    def look(record: Record) -> Record:
        seen.append(record)
        return record

    await extract(store, MemorySource([*PROJECT, waiting], CONTENTS))
    await engine.transform(engine.Run(store), lambda _: [look])

    logs = [record for record in seen if isinstance(record, TestLog)]
    assert [log.key for log in logs] == ["ACME-E1", "ACME-E2", "ACME-E3"]
    assert [log.last for log in logs] == [False, False, True]


async def test_files_of_steps_follow_a_case_whose_steps_were_written_anew(store: Store) -> None:
    on_step = Attachment(
        key="ACME-T2/1#9",
        name="step.txt",
        owner=Ref(Kind.TEST_CASE, "ACME-T2"),
        part="1",
        locator="log",
    )
    records = [*PROJECT, on_step]
    sink = MemorySink()
    await migrate(store, MemorySource(records, CONTENTS), sink)
    changed = [
        attrs.evolve(record, steps=(attrs.evolve(record.steps[0], expected="In"),))
        if isinstance(record, TestCase) and record.key == "ACME-T2"
        else record
        for record in records
    ]
    before = len(sink.calls)
    lost = next(n for n, each in sink.objects.items() if each.record.key == on_step.key)
    del sink.objects[lost]

    await migrate(store, MemorySource(changed, CONTENTS), sink)

    assert sink.calls[before:] == [
        "write test_case ACME-T2",
        "find attachment ACME-T2/1#9",
        "write attachment ACME-T2/1#9",
    ]
    assert engine.outcome(store).exit is Exit.OK


async def test_files_of_steps_that_are_still_there_are_not_sent_again(store: Store) -> None:
    on_step = Attachment(
        key="ACME-T2/1#9",
        name="step.txt",
        owner=Ref(Kind.TEST_CASE, "ACME-T2"),
        part="1",
        locator="log",
    )
    records = [*PROJECT, on_step]
    sink = MemorySink()
    await migrate(store, MemorySource(records, CONTENTS), sink)
    changed = [
        attrs.evolve(record, name="Log in again")
        if isinstance(record, TestCase) and record.key == "ACME-T2"
        else record
        for record in records
    ]
    before = len(sink.calls)

    await migrate(store, MemorySource(changed, CONTENTS), sink)

    assert sink.calls[before:] == ["write test_case ACME-T2", "find attachment ACME-T2/1#9"]
    assert sink.keys() == sorted(record.key for record in records)


class Hiding(MemorySink):
    """Loses the answer about one case, and cannot look for it."""

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        if record.key == "ACME-T2":
            raise RejectedError("this list cannot be read", status=400)
        return await super().find(record, links)


async def test_doubt_about_a_record_does_not_block_what_only_mentions_it(store: Store) -> None:
    sink = Hiding(doubts={"ACME-T2"})

    await migrate(store, source(), sink)

    left = {problem.key: problem.state for problem in store.reporting.problems()}
    assert left == {"ACME-T2": State.UNKNOWN}
    assert sink.keys() == ALL

"""A target that answers well and keeps something else never gets a green verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Mark, MarkPage, Owner, Sink
from ztoq_core.engine.verdict.judgement import Outcome
from ztoq_core.errors import Exit
from ztoq_core.records import (
    Attachment,
    FieldValue,
    Folder,
    Kind,
    Record,
    StepResult,
    TestCase,
    TestLog,
    TestPlan,
    TestStep,
)
from ztoq_core.store import Store, ValidationLevel

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

Mutation = Callable[[Any], Record]


def rich(record: Record) -> Record:
    """Give the project's records what it lacks: values, texts, results."""
    fields = (FieldValue(name="Area", value="Shop"),)
    match record:
        case TestCase():
            step = TestStep(key="1", description="<p>Open</p>", expected="<p>It opens</p>")
            second = TestStep(key="2", description="<p>Close</p>", expected="<p>It closes</p>")
            return attrs.evolve(
                record,
                fields=fields,
                description="<p>Why <b>so</b></p>",
                precondition="<p>A shop</p>",
                steps=(*record.steps, *(() if record.steps else (step, second))),
            )
        case TestLog():
            moment = record.ended
            result = StepResult(key="1", status="Pass", actual="<p>Seen</p>", step="1")
            return attrs.evolve(
                record, note="<p>By Ann</p>", start=moment, end=moment, results=(result,)
            )
    return record


class Mutant(MemorySink):
    """Changes what it was given."""

    def __init__(self, kind: Kind, mutation: Mutation) -> None:
        super().__init__()
        self.kind, self.mutation = kind, mutation

    async def read(self, kind: Kind, target_id: str) -> Record:
        record = await super().read(kind, target_id)
        return self.mutation(record) if kind is self.kind else record


class Brief(MemorySink):
    """Its lists show the key and name of a log and nothing else."""

    async def read_list(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        page = await super().read_list(kind, owners, cursor)
        return MarkPage(marks=tuple(attrs.evolve(mark, record=_brief(mark)) for mark in page.marks))


def _brief(mark: Mark) -> Record | None:
    if not isinstance(mark.record, TestLog):
        return mark.record
    return attrs.evolve(mark.record, note="", fields=(), results=())


class Forgetful(MemorySink):
    """Cannot read anything back."""

    read = None  # type: ignore[assignment]  # a sink without this capability


async def migrate(store: Store, sink: Sink) -> engine.Verdict:
    source = MemorySource(PROJECT, CONTENTS, page_size=2)
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), source)
        await engine.transform(engine.Run(store), lambda _: [rich])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
        await engine.validate(engine.Run(store, run.id), sink)
    return engine.outcome(store, engine.Goal.VALIDATE)


def changing(**values: Any) -> Mutation:
    return lambda record: attrs.evolve(record, **values)


MUTANTS: dict[str, tuple[Kind, Mutation]] = {
    "drops fields": (Kind.TEST_CASE, changing(fields=())),
    "drops a description": (Kind.TEST_CASE, changing(description="")),
    "drops emphasis": (Kind.TEST_CASE, changing(description="<p>Why so</p>")),
    "drops a precondition": (Kind.TEST_CASE, changing(precondition="")),
    "renames": (Kind.TEST_CASE, changing(name="HACKED")),
    "loses the last step": (
        Kind.TEST_CASE,
        lambda case: attrs.evolve(case, steps=case.steps[:-1]),
    ),
    "swaps steps": (Kind.TEST_CASE, lambda case: attrs.evolve(case, steps=case.steps[::-1])),
    "drops expected results": (
        Kind.TEST_CASE,
        lambda case: attrs.evolve(
            case, steps=tuple(attrs.evolve(step, expected="") for step in case.steps)
        ),
    ),
    "moves cases": (
        Kind.TEST_CASE,
        lambda case: attrs.evolve(
            case, folder=case.folder and attrs.evolve(case.folder, key="elsewhere")
        ),
    ),
    "renames folders": (Kind.FOLDER, changing(name="Other")),
    "changes a status": (Kind.TEST_LOG, changing(status="Failed")),
    "cuts notes": (Kind.TEST_LOG, changing(note="<p>By</p>")),
    "moves an end by a second": (
        Kind.TEST_LOG,
        lambda log: attrs.evolve(log, end=log.end and log.end + timedelta(seconds=1)),
    ),
    "forgets a start": (Kind.TEST_LOG, changing(start=None)),
    "changes a step's status": (
        Kind.TEST_LOG,
        lambda log: attrs.evolve(
            log, results=tuple(attrs.evolve(one, status="Blocked") for one in log.results)
        ),
    ),
    "keeps other bytes": (Kind.ATTACHMENT, changing(sha256="0" * 64)),
    "renames files": (Kind.ATTACHMENT, changing(name="other.png")),
}


def test_the_project_has_what_the_mutants_drop() -> None:
    kinds = {type(each) for each in PROJECT}
    assert {TestCase, TestLog, Folder, Attachment, TestPlan} <= kinds


async def test_an_honest_target_is_proved(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        verdict = await migrate(store, MemorySink())
        assert (verdict.outcome, verdict.sentences) == (Outcome.PROVED, ())


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_gets_no_green_verdict(tmp_path: Path, name: str) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        verdict = await migrate(store, Mutant(*MUTANTS[name]))
        assert (verdict.outcome, verdict.exit) == (Outcome.INCOMPLETE, Exit.LEFT), verdict
        assert verdict.next == "ztoq validate --repair"


async def test_what_a_list_leaves_out_is_read_from_the_object_itself(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        verdict = await migrate(store, Brief())
        assert (verdict.outcome, verdict.sentences) == (Outcome.PROVED, ())


async def test_counting_proves_nothing(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = MemorySink()
        await migrate(store, sink)
        counts = ValidationLevel.COUNTS
        await engine.validate(engine.Run(store), sink, level=counts)
        verdict = engine.outcome(store, engine.Goal.VALIDATE)
        assert (verdict.outcome, verdict.next) == (Outcome.NOT_PROVED, "ztoq validate")


async def test_a_target_that_cannot_be_read_is_not_proved_and_the_verdict_says_why(
    tmp_path: Path,
) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        verdict = await migrate(store, Forgetful())
        assert (verdict.outcome, verdict.exit) == (Outcome.NOT_PROVED, Exit.LEFT)
        (why,) = verdict.sentences
        assert "cannot read objects back" in why


class Stopping(MemorySink):
    """Asks for a stop when its ``after``-th object is read; ``reads`` counts them."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.waits, self.after, self.reads = engine.Waits(), after, 0

    async def read(self, kind: Kind, target_id: str) -> Record:
        self.reads += 1
        if self.reads == self.after:
            self.waits.stop()
        return await super().read(kind, target_id)


async def test_a_validation_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = Stopping(after=0)
        await migrate(store, sink)
        all_reads, sink.reads = sink.reads, 0
        await engine.validate(engine.Run(store), sink, level=ValidationLevel.COUNTS)
        sink.after = all_reads - 4
        stopped = engine.Run(store, waits=sink.waits)
        await engine.validate(stopped, sink)
        assert engine.outcome(store, engine.Goal.VALIDATE).outcome is Outcome.NOT_PROVED
        sink.reads = 0
        await engine.validate(engine.Run(store), sink)
        assert 0 < sink.reads < all_reads / 2
        assert engine.outcome(store, engine.Goal.VALIDATE).outcome is Outcome.PROVED

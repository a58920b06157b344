"""The report of real migrations, whose numbers and results add up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.records import Kind, Record, TestLog
from ztoq_core.report.evidence import Evidence, Results
from ztoq_core.store import Facts, Store, ValidationLevel


def renamed(record: Record) -> Record:
    """Map the status of an execution to another word of the target."""
    return attrs.evolve(record, statuses=("Fine",)) if isinstance(record, TestLog) else record


async def migrated(store: Store, level: ValidationLevel) -> Evidence:
    sink = MemorySink()
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [renamed])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
        await engine.validate(engine.Run(store, run.id), sink, level=level)
    return Evidence.from_store(store)


async def test_results_of_the_target_are_those_that_validation_read(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        evidence = await migrated(store, ValidationLevel.CONTENTS)
    logs = [each for each in PROJECT if isinstance(each, TestLog)]
    source, target = evidence.executions
    assert source == Counter(each.status for each in logs)
    assert target == Counter({"Fine": len(logs)})


async def test_what_was_only_counted_has_no_result_in_the_target(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        evidence = await migrated(store, ValidationLevel.COUNTS)
    assert not evidence.executions[1]
    assert {(each.target, each.absent) for each in evidence.results} == {("", "")}
    assert isinstance(evidence.results[0], Results)


async def test_a_record_that_no_list_held_is_a_difference(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        await migrated(store, ValidationLevel.COUNTS)
        await store.facts.save(Facts.looked_up, {Kind.TEST_CASE: 1})
        sides = {each.kind: each for each in Evidence.from_store(store).sides}
    cases = sides[Kind.TEST_CASE]
    number = sum(each.kind is Kind.TEST_CASE for each in PROJECT)
    assert (cases.source, cases.target, cases.found) == (number - 1, number, number)
    assert [(each.number, each.reason) for each in cases.differences] == [
        (1, "referred to by others, and in no list of the source")
    ]

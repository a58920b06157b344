"""What a person decided to keep in the target is not called compared, and is named."""

from __future__ import annotations

import attrs
from ztoq_testkit.memory import MemorySink

from tests.unit.engine.test_decisions import bring, only, renamed, target_id
from ztoq_core import engine
from ztoq_core.engine import Resolver
from ztoq_core.errors import Exit
from ztoq_core.store import Store


async def test_what_is_kept_by_decision_is_named_as_not_compared(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    kept = sink.objects[target_id(sink, "ACME-T2")]
    kept.record = attrs.evolve(kept.record, path=("by hand",))
    await bring(store, sink, renamed("From the source"))
    with store.run("resolve") as run:
        await Resolver(store, sink, run.id).adopt(only(store), target_id(sink, "ACME-T2"))

    with store.run("validate") as run:
        await engine.validate(engine.Run(store, run.id), sink)

    verdict = engine.outcome(store, engine.Goal.VALIDATE)
    assert (verdict.exit, verdict.outcome) == (Exit.OK, engine.Outcome.PROVED)
    total = len(sink.keys())
    assert verdict.headline == (
        f"Migration complete and proved: all {total} records exist in the target, "
        f"{total - 1} of them as they were sent"
    )
    line = "1 test case not compared (kept as in the target, by decision): ACME-T2"
    assert line in verdict.warnings

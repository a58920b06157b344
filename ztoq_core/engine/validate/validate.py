"""Validation: what should be in the target against what is.

Works from the store and the target alone; the source may be gone.
"""

from __future__ import annotations

from ztoq_core.contracts import Sink
from ztoq_core.engine.load.deletion_doubt import settle_deletions
from ztoq_core.engine.run import Run
from ztoq_core.engine.validate.identity import IdentityCheck, check_identity, findings
from ztoq_core.records import Kind
from ztoq_core.store import DUE, Compared, Validation, now

__all__ = ["validate"]


async def validate(run: Run, sink: Sink) -> Validation:
    """Compare the store with the target, remember the result in the store and return it.

    A validation that is stopped is not remembered.
    """
    store, stop, reporter = run.store, run.stop, run.reporter("validate")
    store.bind(sink=sink.identity)
    await settle_deletions(run, sink, wait_s=run.request_timeout)
    counts = await store.database.read(store.reporting.counts)
    schema = await sink.describe()
    checks: dict[Kind, IdentityCheck] = {}
    rows: list[Compared] = []
    for kind in Kind:  # parents' kinds come first: what is under a missing parent is missing too
        if stop.requested or kind is Kind.FIELD or kind not in schema.kinds:
            continue
        states = counts.get(kind, {})
        check = checks[kind] = await check_identity(run, sink, kind, checks)
        rows.append(check.compared(sum(states.get(state, 0) for state in DUE)))
        reporter.advance(kind, check.present)
    result = Validation(at=now(), rows=tuple(rows), findings=tuple(findings(rows)))
    if stop.requested:
        return result
    for sentence in result.findings:
        reporter.message(sentence, "warning")
    missing = {kind: tuple(check.missing) for kind, check in checks.items() if check.missing}
    return await store.target_index.save_validation(run.id, result, missing)

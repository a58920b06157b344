"""Validation: what should be in the target against what is.

Works from the store and the target alone; the source may be gone. One that was stopped goes on
where it was, as long as nothing was written since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ztoq_core.contracts import ContentReading, Sink
from ztoq_core.convert import converter, read_json, write_json
from ztoq_core.engine.load.deletion_doubt import settle_deletions
from ztoq_core.engine.run import Run
from ztoq_core.engine.sides import described
from ztoq_core.engine.validate.contents import ContentCheck, compare_sample
from ztoq_core.engine.validate.identity import (
    IdentityCheck,
    ValidationContext,
    check_objects,
    findings,
)
from ztoq_core.records import Kind, Ref, plain
from ztoq_core.store import (
    DUE,
    Facts,
    FieldDetail,
    Sample,
    Store,
    Validation,
    ValidationLevel,
    now,
)

_SHOWN = 1000
_UNREADABLE = "this target's plugin cannot read objects back, so no contents were compared"


@attrs.define
class _Progress:
    """How far a validation came: of which state of the journal, at which level."""

    journal: int
    level: ValidationLevel
    sample: Sample | None = None
    checks: list[IdentityCheck] = attrs.field(factory=list)

    def text(self) -> str:
        """Return what the store keeps."""
        return write_json(converter.unstructure(self, _Progress)).decode()


async def validate(
    run: Run,
    sink: Sink,
    *,
    level: ValidationLevel = ValidationLevel.CONTENTS,
    sample: Sample | None = None,
) -> Validation:
    """Compare the store with the target, remember the result in the store and return it.

    With ``sample``, and the level of that name, the contents of some objects alone are compared.

    A validation that is stopped is not remembered; the next one goes on with it.
    """
    store, waits, reporter = run.store, run.waits, run.reporter("validate")
    store.bind(sink=sink.identity)
    await settle_deletions(run, sink, wait_s=run.request_timeout)
    counts = await store.database.read(store.reporting.counts)
    due = {kind: sum(states.get(one, 0) for one in DUE) for kind, states in counts.items()}
    schema = await described(sink)
    contents = None
    if level is not ValidationLevel.COUNTS and isinstance(sink, ContentReading):
        contents = ContentCheck(run=run, sink=sink, schema=schema, level=level)
    if sample:
        reporter.message(f"Comparing {sample.size:,} objects at most, seed {sample.seed}")
    progress = await _begin(store, level, sample)
    checks = {check.kind: check for check in progress.checks}

    async def save() -> None:
        progress.checks = list(checks.values())
        await store.facts.save(Facts.validating, progress.text())

    context = ValidationContext(
        run=run, sink=sink, checks=checks, contents=None if sample else contents, save=save
    )
    reporter.expect({kind: due[kind] for kind in Kind if due.get(kind) and kind in schema.kinds})
    for kind in Kind:  # parents' kinds come first: what is under a missing parent is missing too
        if kind not in schema.kinds or (kind is Kind.FIELD and context.contents is None):
            continue
        check = checks.setdefault(kind, IdentityCheck(kind))
        if not check.done and not waits.stopping:
            await check_objects(context, check)
            check.done = not waits.stopping
            await save()
        reporter.advance(kind, check.present)
    if sample and contents is not None:
        missing_now = {kind: check.missing for kind, check in checks.items()}
        sample = await compare_sample(contents, sample, missing_now)
    result = await _result(store, checks, due, level, proving=contents is not None)
    result = attrs.evolve(result, sample=sample)
    if waits.stopping:
        return result
    for sentence in result.findings[:_SHOWN]:
        reporter.message(sentence, "warning")
    missing = {kind: tuple(check.missing) for kind, check in checks.items() if check.missing}
    return await store.validation.save(run.id, result, missing)


async def _begin(store: Store, level: ValidationLevel, sample: Sample | None) -> _Progress:
    """Return how far a validation of this state came, or begin a new one."""
    journal = store.journal.last()
    if text := store.facts.validating:
        known = converter.structure(read_json(text.encode()), _Progress)
        if (known.journal, known.level, known.sample) == (journal, level, sample):
            return known
    progress = _Progress(journal, level, sample)
    await store.validation.begin(progress.text())
    return progress


async def _result(
    store: Store,
    checks: Mapping[Kind, IdentityCheck],
    due: Mapping[Kind, int],
    level: ValidationLevel,
    *,
    proving: bool,
) -> Validation:
    rows = tuple(check.compared(due.get(kind, 0)) for kind, check in checks.items())
    contents = await store.validation.contents()
    wrong = await store.validation.wrong(_SHOWN)
    unproved = [why for check in checks.values() for why in check.refused[:_SHOWN]]
    if level is not ValidationLevel.COUNTS:
        unproved += [] if proving else [_UNREADABLE]
        unproved += _sentences(await store.validation.unchecked(_SHOWN))
    return Validation(
        at=now(),
        rows=rows,
        findings=(*findings(rows), *_sentences(wrong)),
        level=level,
        contents=tuple(contents),
        unproved=tuple(unproved),
        uncompared=tuple(await store.validation.uncompared(_SHOWN)),
    )


def _sentences(found: Sequence[tuple[Ref, FieldDetail]]) -> list[str]:
    return [
        f"{plain(ref.kind)} {ref.key}: {each.field} "
        f"{each.detail if each.wrong else f'was not compared: {each.detail}'}"
        for ref, each in found
    ]

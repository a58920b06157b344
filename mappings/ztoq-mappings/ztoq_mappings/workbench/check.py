"""``ztoq map check``: the mapping against what was extracted and the target's fields.

The exit code is 1 where a value is not mapped, a record fails or is lost, a required field of the
target has no value, or a transformer finds an error; values that arrive as text only warn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured, handle_signals, open_sink
from ztoq_core.contracts import Finding, Schema, Transform
from ztoq_core.engine.load.target_fields import MissingField, missing_fields
from ztoq_core.engine.transform.transform import dry_run
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.migration.opening import new_run, open_store
from ztoq_core.records import Kind, Note, Ref, counted
from ztoq_core.settings.config import Config
from ztoq_core.store import FieldNeed, State, Store
from ztoq_mappings.workbench.coverage import Coverage, Covered
from ztoq_mappings.workbench.fitting import Outcome

CLASSES = {
    Outcome.UNMAPPED: "Not mapped",
    Outcome.FALLBACK: "As text, since the target has no field or value for it",
    Outcome.LOSSY: "Less than the source says",
    Outcome.SKIPPED: "Left out on purpose",
}
ALWAYS = (Outcome.EXACT, Outcome.LOSSY, Outcome.FALLBACK, Outcome.UNMAPPED)


@attrs.define(kw_only=True)
class _Checked:
    """What the check found; ``findings`` are pairs of who says it and what."""

    findings: list[tuple[str, Finding]]
    coverage: Coverage
    missing: list[MissingField]
    complete: bool
    creates: bool
    known: bool

    @property
    def rows(self) -> tuple[Covered, ...]:
        return self.coverage.rows()

    @property
    def code(self) -> Exit:
        totals = self.coverage.totals()
        failed = sum(states[State.FAILED] for states in self.coverage.records.values())
        wrong = (
            totals[Outcome.UNMAPPED]
            or failed
            or self.coverage.losses
            or any(field.required for field in self.missing)
            or any(finding.level == "error" for _, finding in self.findings)
        )
        return Exit.LEFT if wrong else Exit.OK


@click.command()
@verb
def check(options: Options) -> int:
    """Check the mapping against what was extracted and what the target offers.

    Counts for each field of the source what becomes of its values. Maps every extracted record,
    selected or not; writes neither to the store nor to the target. The exit code is 1 where values
    are not mapped or records fail, 0 where every value arrives, even as text.

    \b
    Example:  ztoq map check
    """
    with configured(options) as config:
        return _check(options, config)


def _check(options: Options, config: Config) -> int:
    """Check the mapping against both sides, print the result, and return the exit code.

    Raises:
        ConfigError: Nothing was extracted, or the mapping cannot be used.
        ServiceError: The target does not say what fields it has.
    """
    output = Output(options)
    config.sink.require()
    config.chain()
    with open_store(config) as store:
        complete = demand_extracted(store)
        found = asyncio.run(_checked(options, config, output, store, complete=complete))
    if found is None:
        output.result({"exit": int(Exit.INTERRUPTED)}, lambda: output.warning("Interrupted."))
        return Exit.INTERRUPTED
    output.result(_facts(found), lambda: _print(output, found))
    return found.code


def demand_extracted(store: Store) -> bool:
    """Return whether the extraction is complete.

    Raises:
        ConfigError: Nothing was extracted yet.
    """
    if not store.reporting.counts():
        raise ConfigError("nothing was extracted yet: run `ztoq extract` first")
    return store.reporting.extraction_ended


async def described(config: Config) -> tuple[Schema, list[Finding]]:
    """Ask the target what fields it has; return that with what it notes meanwhile."""
    said: list[Finding] = []

    def note(found: Note, _: Ref | None) -> None:
        level = "info" if found.level == "change" else "warning"
        if (finding := Finding(level=level, text=found.text)) not in said:
            said.append(finding)

    async with open_sink(config, note) as sink:
        return await sink.describe(), said


async def _checked(
    options: Options, config: Config, output: Output, store: Store, *, complete: bool
) -> _Checked | None:
    """Return the result, None if a stop was requested."""
    sink, said = await described(config)
    waits = engine.Waits()
    run = new_run(config, store, waits=waits)
    source = await engine.infer_schema(run)
    findings = [(config.sink.plugin.name, each) for each in said]
    for part in config.chain():
        checked = part.plugin.check(part.settings, source, sink)
        findings += [(part.plugin.name, each) for each in checked]
    coverage = Coverage(sink, run.limits)
    transforms = config.build(source)
    with handle_signals(waits, output):
        wants = await _mapped(options, output, run, transforms, coverage)
    if waits.stopping:
        return None
    return _Checked(
        findings=findings,
        coverage=coverage,
        missing=missing_fields(wants, sink),
        complete=complete,
        creates=sink.can_create_fields and sink.fields_known,
        known=sink.fields_known,
    )


async def _mapped(
    options: Options,
    output: Output,
    run: engine.Run,
    transforms: Sequence[Transform],
    coverage: Coverage,
) -> list[FieldNeed]:
    if options.as_json:  # one event, the result
        return await dry_run(run, transforms, coverage.add)
    with output.progress() as show:
        run = attrs.evolve(run, progress=show)
        wants = await dry_run(run, transforms, coverage.add)
        show(engine.Event(stage="mapping", edge=engine.Edge.END))
    return wants


# ----------------------------------------------------------------------------------------- output


def _facts(found: _Checked) -> dict[str, Any]:
    return {
        "exit": int(found.code),
        "complete": found.complete,
        "records": {
            kind.value: {
                "mapped": states[State.READY],
                "skipped": states[State.SKIPPED],
                "failed": states[State.FAILED],
            }
            for kind, states in found.coverage.records.items()
        },
        "totals": {
            "values": found.coverage.totals().total(),
            **{each.value: count for each, count in found.coverage.totals().items()},
        },
        "fields": [
            {
                "kind": row.kind.value,
                "field": row.field,
                "of_steps": row.of_steps,
                "values": row.values,
                **{each.value: count for each, count in row.counts.items()},
                "targets": list(row.targets),
                "reasons": [
                    {"class": each.outcome.value, "text": each.text, "count": each.count}
                    for each in row.reasons
                ],
            }
            for row in found.rows
        ],
        "failures": [
            {
                "kind": kind.value,
                "text": text,
                "count": count,
                "example": found.coverage.examples[kind, text],
            }
            for (kind, text), count in found.coverage.failures.most_common()
        ],
        "missing": [str(field) for field in found.missing if not field.required],
        "required": [str(field) for field in found.missing if field.required],
        "findings": [
            {"by": who, "level": finding.level, "text": finding.text}
            for who, finding in found.findings
        ],
    }


def _print(output: Output, found: _Checked) -> None:
    for kind in found.coverage.records:
        if rows := [each for each in found.rows if each.kind is kind]:
            _print_kind(output, kind, rows)
    for heading, lines in _sections(found):
        if lines:
            output.out.print(f"{heading}:")
            for line in lines:
                output.out.print(f"  {line}")
            output.out.print()
    if not found.complete:
        output.warning("The extraction is not complete: records that are missing were not checked.")
    output.out.print(_verdict(found))


def _print_kind(output: Output, kind: Kind, rows: Sequence[Covered]) -> None:
    shown = [each for each in Outcome if each in ALWAYS or any(row.counts[each] for row in rows)]
    output.table(
        (kind.value, "values", *shown, "target"),
        [
            (
                _name(row),
                f"{row.values:,}",
                *(f"{row.counts[each]:,}" for each in shown),
                ", ".join(row.targets),
            )
            for row in rows
        ],
    )
    output.out.print()


def _sections(found: _Checked) -> Iterator[tuple[str, list[str]]]:
    for level, heading in (("error", "Errors"), ("warning", "Warnings"), ("info", "Remarks")):
        yield (
            heading,
            [f"{who}: {each.text}" for who, each in found.findings if each.level == level],
        )
    yield (
        "Records that fail",
        [
            f"{count:,} of {kind}, such as {found.coverage.examples[kind, text]}: {text}"
            for (kind, text), count in found.coverage.failures.most_common()
        ],
    )
    for outcome, heading in CLASSES.items():
        yield (
            heading,
            [
                f"{row.kind} {_name(row)!r}: {counted(reason.count, 'value')}: {reason.text}"
                for row in found.rows
                for reason in row.reasons
                if reason.outcome is outcome
            ],
        )
    yield (
        "Required fields of the target without a value",
        [str(field) for field in found.missing if field.required],
    )
    lacks = "The target lacks" if found.known else "The target may lack"
    will = "The load will create" if found.creates else lacks
    yield will, [str(field) for field in found.missing if not field.required]


def _name(row: Covered) -> str:
    return f"{row.field} (of steps)" if row.of_steps else row.field


def _verdict(found: _Checked) -> str:
    totals = found.coverage.totals()
    figures = ", ".join(f"{totals[each]:,} {each}" for each in Outcome if totals[each])
    mapped = sum(states[State.READY] for states in found.coverage.records.values())
    skipped = sum(states[State.SKIPPED] for states in found.coverage.records.values())
    failed = sum(states[State.FAILED] for states in found.coverage.records.values())
    return (
        f"{counted(mapped, 'record')} mapped, {skipped:,} left out, {failed:,} failed. "
        f"{counted(totals.total(), 'value')}: {figures or 'none'}."
    )

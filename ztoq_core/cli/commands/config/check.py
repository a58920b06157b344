"""``ztoq config check``."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured
from ztoq_core.contracts import Finding, Schema, SinkPlugin, SourcePlugin
from ztoq_core.errors import (
    AccessError,
    ConfigError,
    Exit,
    RejectedError,
    ServiceError,
    StoreError,
    ZtoqError,
)
from ztoq_core.migration.opening import open_store
from ztoq_core.records import Note, Ref, counted, plain
from ztoq_core.services import Services
from ztoq_core.settings.config import NO_SINK, Config, Part

AnyPart = Part[SourcePlugin[Any]] | Part[SinkPlugin[Any]]
LEVELS = ("error", "warning", "info")
SHOWN = 10  # allowed values of a field
UNREACHED = 5.0
"""Seconds without any answer after which an address counts as wrong."""


@attrs.define
class _Found:
    """What the check found; ``code`` is the exit code so far."""

    findings: list[tuple[str, Finding]] = attrs.field(factory=list)
    code: int = Exit.OK

    def add(self, side: str, level: str, text: str) -> None:
        if level == "error" and not self.code:
            self.code = Exit.START
        if (side, finding := Finding(level=level, text=text)) not in self.findings:
            self.findings.append((side, finding))

    def failed(self, side: str, error: ZtoqError) -> None:
        lines = str(error).splitlines()
        for line in lines if isinstance(error, ConfigError) else (str(error),):
            self.add(side, "error", line)
        reached = isinstance(error, AccessError | RejectedError)
        if isinstance(error, ServiceError) and not reached:
            self.code = Exit.STOPPED


@click.command()
@click.option(
    "--probe",
    is_flag=True,
    help="Create, find and delete an object in the target, to measure how far its search lags.",
)
@click.option(
    "--checklist",
    is_flag=True,
    help="Also list the rights that both accounts need, and what others notice of a load.",
)
@verb
def check(options: Options, *, probe: bool, checklist: bool) -> int:
    """Check both services and list problems that a migration would hit.

    Nothing is written without --probe.

    \b
    Examples:  ztoq config check
               ztoq config check --checklist
    """
    with configured(options) as config:
        output = Output(options)
        found = asyncio.run(_both(config, output))
        if probe and not found.code:
            asyncio.run(_probe(config, found))
        counts = Counter(finding.level for _, finding in found.findings)

        def print_() -> None:
            for side, finding in sorted(
                found.findings, key=lambda each: LEVELS.index(each[1].level)
            ):
                output.out.print(f"{finding.level}: {side}: {finding.text}")
            if found.code:
                output.out.print(
                    f"{counted(counts['error'], 'error')}: a migration would stop at once. "
                    "Fix them, then run this again."
                )
            else:
                following = "ztoq migrate" if config.target else "ztoq extract"
                output.out.print(
                    f"No errors, {counted(counts['warning'], 'warning')}. Next: {following}"
                )
            if checklist:
                _print_checklist(output, config)

        facts = {
            "exit": int(found.code),
            "findings": [
                {"side": side, "level": finding.level, "text": finding.text}
                for side, finding in found.findings
            ],
            **({"checklist": _checklist_of(config)} if checklist else {}),
        }
        output.result(facts, print_)
        return found.code


async def _both(config: Config, output: Output) -> _Found:
    found = _Found()
    source = await _side(config.source, found, output)
    if config.target is None:
        found.add("sink", "warning", NO_SINK)
        return found
    sink = await _side(config.target, found, output)
    try:
        chain = config.chain()
        if said := config.unmapped():
            found.add("transform", "warning", said)
        if source and sink:
            for part in chain:
                for finding in part.plugin.check(part.settings, source, sink):
                    found.add(part.name, finding.level, finding.text)
    except ZtoqError as error:
        found.failed("transform", error)
    if sink:
        _missing(config, sink, found)
    if sink and not sink.fields_known:
        text = "this token may not list the fields; load needs --accept-missing-fields"
        found.add("sink", "warning", text)
    return found


def _missing(config: Config, sink: Schema, found: _Found) -> None:
    """Report fields that the target lacks, and required ones that the records do not fill."""
    try:
        with open_store(config) as store:
            wants = store.transformation.needs.now()
    except StoreError:
        wants = []
    missing = engine.missing_fields(wants, sink)
    for field in missing:
        if field.required:
            found.add("sink", "error", str(field))
    lacking = sum(not field.required for field in missing)
    if lacking and sink.fields_known and not sink.can_create_fields:
        text = f"the target lacks {counted(lacking, 'field')} that the mapped records need"
        found.add("sink", "warning", f"{text}; `ztoq config fields` lists what is missing")
    for spec in sink.fields if not wants else ():
        if spec.required and not spec.default:
            one_of = f" (one of {', '.join(map(repr, spec.values[:SHOWN]))})" if spec.values else ""
            text = f"the target requires {spec.name!r} of each {plain(spec.kind)}{one_of}"
            found.add("sink", "warning", f"{text}; make sure that the mapping fills it")


async def _probe(config: Config, found: _Found) -> None:
    """Measure the lag of the search; the store's journal has the object made for that."""
    part = config.sink
    try:
        with open_store(config, create=True) as store, store.run("config check --probe") as run:
            services = Services(
                sink=store.note, ledger=store.call_counts, before_write=store.before_write
            )
            async with engine.open_side(part.plugin, part.settings, services) as sink:
                store.bind(sink=sink.identity)
                lag = await engine.probe(engine.Run(store, run.id), sink)
        found.add(part.name, "info", f"a search shows a new object after {lag:.1f} s")
    except ZtoqError as error:
        found.failed(part.name, error)


async def _side(part: AnyPart, found: _Found, output: Output) -> Schema | None:
    """Open a side, check and describe it; return its schema, or None if it cannot be used."""

    def note(said: Note, _: Ref | None) -> None:
        found.add(part.name, "warning" if said.level != "change" else "info", said.text)

    try:
        part.require()
        services = Services(sink=note, unreached=UNREACHED)
        opened: AbstractAsyncContextManager[Any] = engine.open_side(
            part.plugin, part.settings, services
        )
        with output.progress(services.waits):
            async with opened as side:
                for finding in await engine.checked(side):
                    found.add(part.name, finding.level, finding.text)
                schema = await engine.described(side)
                lacking = engine.lacks(side, schema) if isinstance(part.plugin, SinkPlugin) else ()
                for text in lacking:
                    found.add(part.name, "warning", text)
                fields = counted(len(schema.fields), "field")
                found.add(part.name, "info", f"{side.identity}: {fields} known")
                return schema
    except ZtoqError as error:
        found.failed(part.name, error)
    return None


def _checklist_of(config: Config) -> dict[str, Any]:
    """Return the checklist of the sides, as JSON has it."""
    return {
        "rights": [
            {"side": part.name, **attrs.asdict(each)}
            for part in config.sides
            for each in part.plugin.rights
        ],
        "side_effects": config.target.plugin.side_effects if config.target else (),
    }


def _print_checklist(output: Output, config: Config) -> None:
    """Print for those who prepare a migration: rights, and what others will notice."""
    for part in config.sides:
        if part.plugin.rights:
            output.heading(f"Rights of the account in {part.plugin.name}")
        for each in part.plugin.rights:
            output.out.print(f"  [ ] {each.right}")
            output.out.print(f"      for {', '.join(each.verbs)}; without it: {each.without}")
    if config.target and config.target.plugin.side_effects:
        output.heading(f"What others notice of a load into {config.target.plugin.name}")
        for effect in config.target.plugin.side_effects:
            output.out.print(f"  [ ] {effect}")

"""A plugin with two transformers: ``house`` says where its fields come from, and writes mappings.

``mute`` does neither.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Finding,
    Folder,
    MappingError,
    Record,
    Schema,
    Skip,
    Suggestion,
    TestCase,
    Transform,
    TransformContext,
    TransformerPlugin,
    Tree,
    hookimpl,
)

HOME = Folder(key="home", name="Home", tree=Tree.CASES)


@attrs.frozen(kw_only=True)
class House:
    leaves_out: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    interrupts: str = ""
    brings: bool = False
    type: str = "text"
    finding: str = ""
    rules: Path | None = None


def build(config: House, context: TransformContext) -> Transform:
    project = getattr(context.source_config, "project", "")

    def field(value: FieldValue) -> FieldValue:
        return FieldValue(
            name=f"{project} {value.name}",
            value=value.value,
            type=FieldType(config.type),
            origin=value.name,
        )

    def transform(record: Record) -> Record:
        if record.key == config.interrupts:
            signal.raise_signal(signal.SIGINT)
        if record.key in config.skips or record.key in config.loses:
            raise Skip("not wanted", loss=record.key in config.loses)
        if record.key in config.fails:
            raise MappingError(f"{record.key}: no status fits")
        fields = tuple(map(field, (f for f in record.fields if f.name not in config.leaves_out)))
        if config.brings and isinstance(record, TestCase):
            return attrs.evolve(record, fields=fields, folder=HOME.ref, companions=(HOME,))
        return attrs.evolve(record, fields=fields)

    return transform


def check(config: House, source: Schema, sink: Schema) -> tuple[Finding, ...]:
    known = f"{len(source.fields)} fields, {len(sink.fields)} in the target"
    return (Finding(level=config.finding, text=known),) if config.finding else ()


def suggest(source: Schema, sink: Schema) -> Suggestion:
    lines = [f"# {len(sink.fields)} fields in the target"]
    exact = 0
    for each in source.fields:
        found = sink.field(each.kind, each.name) is not None
        exact += found
        word = "exact: it is there" if found else "nothing like it"
        lines += [f"# {word}", f'{each.kind}.{each.name} = "{each.type}"']
    unmapped = len(source.fields) - exact
    return Suggestion(text="\n".join(lines) + "\n", exact=exact, unmapped=unmapped)


@hookimpl
def ztoq_transformers() -> Iterable[TransformerPlugin[Any]]:
    yield TransformerPlugin(
        name="house",
        summary="",
        config=House,
        build=build,
        check=check,
        suggest=suggest,
        extra_files=(Path(__file__),),
    )
    yield TransformerPlugin(name="mute", summary="", config=House, build=build)

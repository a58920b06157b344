"""``ztoq config fields``."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured, open_sink
from ztoq_core.contracts import FieldExport, Schema, Sink
from ztoq_core.errors import AccessError, ConfigError, StoreError
from ztoq_core.migration.opening import open_store
from ztoq_core.settings.config import Config
from ztoq_core.spelling import first_of
from ztoq_core.store import FieldNeed

SHOWN = 5
NOTHING_MAPPED = (
    "Nothing is mapped yet: after `ztoq extract` and `ztoq transform` this shows what is missing."
)
UNKNOWN = (
    "The fields of the target cannot be listed with these credentials; with an administrator's, "
    "`ztoq config fields --write FILE` writes the list to a file."
)


@click.command()
@click.option(
    "--write",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the target's field definitions to this file, with an administrator's token.",
)
@verb
def fields(options: Options, *, file: Path | None) -> int:
    """Show the target's fields, and the fields that mapped records lack there.

    The list of missing fields is for the administrator of the target; it needs a store that
    `ztoq transform` has filled. The file of --write is for tokens that may not list fields: name
    it as fields_file in [sink]. Nothing is written to the target.

    \b
    Example:  ztoq config fields --write fields.json
    """
    with configured(options) as settings:
        return _export(options, settings, file) if file else _show(options, settings)


def _export(options: Options, config: Config, path: Path) -> int:
    """Write the target's field definitions to a file; return the exit code.

    Raises:
        ConfigError: The sink has none to hand over, or the file cannot be written.
        AccessError: The credentials may not list them.
    """
    output = Output(options)
    found = asyncio.run(_exported(config, output))
    try:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error
    output.result(
        {"exit": 0, "file": str(path)},
        lambda: output.out.print(f'Wrote {path}. Name it in [sink]: fields_file = "{path}"'),
    )
    return 0


async def _exported(config: Config, output: Output) -> Any:
    async with _opened(config, output) as sink:
        if not isinstance(sink, FieldExport):
            raise ConfigError(
                f"the sink {config.sink.plugin.name!r} cannot export its field definitions"
            )
        await engine.checked(sink)
        try:
            return await sink.export_fields()
        except AccessError as error:
            raise AccessError(
                f"{config.sink.plugin.name}: {error}\nThis needs the credentials of somebody who "
                "may list the fields of the project, such as its administrator.",
                status=error.status,
            ) from error


def _show(options: Options, config: Config) -> int:
    """Show the fields that the target has and lacks; return the exit code."""
    output = Output(options)
    schema = asyncio.run(_described(config, output))
    wants = _wants(config, output)
    missing = engine.missing_fields(wants, schema) if wants else []

    def print_() -> None:
        rows = [
            (
                each.kind.value,
                each.name,
                each.type.value,
                "required" if each.required else "",
                first_of(each.values, SHOWN),
            )
            for each in schema.fields
        ]
        output.table(("of", "field", "type", "", "values"), rows)
        if not schema.fields_known:
            output.out.print(UNKNOWN)
        if wants is None:
            output.out.print(NOTHING_MAPPED)
        elif missing:
            lacks = "lacks" if schema.fields_known else "may lack"
            output.out.print(f"The target {lacks} these fields; its administrator can create them:")
            for field in missing:
                output.out.print(f"  - {field}")
        else:
            output.out.print("The target has all fields that the mapped records need.")

    facts = {
        "exit": 0,
        "fields_known": schema.fields_known,
        "fields": [attrs.asdict(each) for each in schema.fields],
        "missing": None if wants is None else [attrs.asdict(field) for field in missing],
    }
    output.result(facts, print_)
    return 0


async def _described(config: Config, output: Output) -> Schema:
    async with _opened(config, output) as sink:
        await engine.checked(sink)
        return await engine.described(sink)


def _wants(config: Config, output: Output) -> list[FieldNeed] | None:
    """Return the fields that mapped records need; None if nothing has been mapped yet."""
    try:
        with open_store(config) as store:
            return store.transformation.needs.now() or None
    except StoreError as error:
        output.info(str(error))
        return None


def _opened(config: Config, output: Output) -> AbstractAsyncContextManager[Sink]:
    return open_sink(config, lambda note, _: output.warning(note.text), output=output)

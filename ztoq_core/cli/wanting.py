"""Shows the target's fields and what mapped records lack there, or writes them to a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import attrs

from ztoq_core import engine
from ztoq_core.cli.options import Options
from ztoq_core.cli.talk import Talk
from ztoq_core.cli.work import target
from ztoq_core.config import Config
from ztoq_core.contracts import FieldExport, Schema
from ztoq_core.errors import AccessError, ConfigError, StoreError
from ztoq_core.records import Note, Ref
from ztoq_core.store import Store, Want

__all__ = ["export", "show_fields"]

SHOWN = 5
NOTHING_MAPPED = (
    "Nothing is mapped yet: after ztoq extract and ztoq transform this shows what is missing."
)
UNKNOWN = (
    "The fields of the target cannot be listed with these credentials; ztoq config fields --write "
    "FILE makes a list of them with an administrator's."
)


def export(options: Options, config: Config, path: Path) -> int:
    """Write the target's field definitions to a file; return the exit code.

    Raises:
        ConfigError: The sink has none to hand over, or the file cannot be written.
        AccessError: The credentials may not list them.
    """
    talk = Talk(options)
    found = asyncio.run(_exported(config, talk))
    try:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error
    talk.result(
        {"exit": 0, "file": str(path)},
        lambda: talk.out.print(f'Wrote {path}. Name it in [sink]: fields_file = "{path}"'),
    )
    return 0


async def _exported(config: Config, talk: Talk) -> Any:
    async with target(config, lambda note, ref: _warn(talk, note, ref)) as sink:
        if not isinstance(sink, FieldExport):
            raise ConfigError(
                f"the sink {config.sink.plugin.name!r} cannot hand over its field definitions"
            )
        await sink.check()
        try:
            return await sink.export_fields()
        except AccessError as error:
            raise AccessError(
                f"{config.sink.plugin.name}: {error}\nThis needs the credentials of somebody who "
                "may list the fields of the project, such as its administrator.",
                status=error.status,
            ) from error


def show_fields(options: Options, config: Config) -> int:
    """Show the fields that the target has and lacks; return the exit code."""
    talk = Talk(options)
    schema = asyncio.run(_described(config, talk))
    wants = _wants(config, talk)
    missing = engine.gaps(wants, schema) if wants else []

    def print_() -> None:
        rows = [
            (
                each.kind.value,
                each.name,
                each.type.value,
                "required" if each.required else "",
                _shown(each.values),
            )
            for each in schema.fields
        ]
        talk.table(("of", "field", "type", "", "values"), rows)
        if not schema.fields_known:
            talk.out.print(UNKNOWN)
        if wants is None:
            talk.out.print(NOTHING_MAPPED)
        elif missing:
            lacks = "lacks" if schema.fields_known else "may lack"
            talk.out.print(f"The target {lacks}, for its administrator to make:")
            for gap in missing:
                talk.out.print(f"  - {gap}")
        else:
            talk.out.print("The mapped records lack nothing.")

    facts = {
        "exit": 0,
        "fields_known": schema.fields_known,
        "fields": [attrs.asdict(each) for each in schema.fields],
        "missing": None if wants is None else [attrs.asdict(gap) for gap in missing],
    }
    talk.result(facts, print_)
    return 0


async def _described(config: Config, talk: Talk) -> Schema:
    async with target(config, lambda note, ref: _warn(talk, note, ref)) as sink:
        await sink.check()
        return await sink.describe()


def _wants(config: Config, talk: Talk) -> list[Want] | None:
    """Return what mapped records want; None where nothing was mapped yet."""
    try:
        with Store(config.store_url, create=False) as store:
            return store.mapped.wants() or None
    except StoreError as error:
        talk.say(str(error))
        return None


def _warn(talk: Talk, note: Note, _: Ref | None) -> None:
    talk.warn(note.text)


def _shown(values: tuple[str, ...]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more

"""``ztoq map suggest``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured
from ztoq_core.contracts import Schema, Suggestion, TransformerPlugin
from ztoq_core.errors import ConfigError
from ztoq_core.migration.opening import new_run, open_store
from ztoq_core.plugins import Plugins
from ztoq_core.records import counted
from ztoq_core.settings.config import Config
from ztoq_core.store import Store
from ztoq_mappings.workbench.check import demand_extracted, described

LOOK = "Look at it, then: ztoq map check"

Transformer = TransformerPlugin[Any]
Writer = Callable[[Schema, Schema], Suggestion]


@click.command()
@click.option(
    "--use",
    metavar="NAME",
    help="Let this transformer write it.  [default: the first one that can]",
)
@click.option(
    "--write", "file", type=click.Path(path_type=Path), metavar="FILE", help="Write it here."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@verb
def suggest(options: Options, *, use: str | None, file: Path | None, force: bool) -> int:
    """Write a mapping file from what was extracted and what the target offers.

    Needs an extraction, and asks the target for its fields; the source is asked for what it
    declares, if it answers. Prints the file, or writes it where --write says.

    \b
    Example:  ztoq map suggest --write fields.toml
    """
    with configured(options) as config:
        return _suggest(Output(options), config, use=use, path=file, force=force)


def _suggest(
    output: Output, config: Config, *, use: str | None, path: Path | None, force: bool
) -> int:
    """Print or write a mapping for what was extracted, and return the exit code.

    Raises:
        ConfigError: Nothing was extracted, no transformer writes mappings, or the file exists.
        ServiceError: The target does not say what fields it has.
    """
    writer, write = _writer(config, use)
    if path and path.exists() and not force:
        raise ConfigError(f"{str(path)!r} exists; --force overwrites it")
    config.sink.require()
    with open_store(config) as store:
        complete = demand_extracted(store)
        source, sink, remarks = asyncio.run(_schemas(config, store))
    found = write(source, sink)
    beside: list[Path] = []
    if path:
        _put(path, found.text.encode())
        for part in writer.extra_files:
            if not (place := path.with_name(part.name)).exists():
                _put(place, part.read_bytes())
                beside.append(place)
    if not complete:
        output.warning("The extraction is not complete: fields may be missing.")
    for remark in remarks:
        output.info(remark)
    counts = {"exact": found.exact, "close": found.close, "unmapped": found.unmapped}
    figures = ", ".join(f"{count} {word}" for word, count in counts.items())
    number = len(source.fields) + len(source.step_fields)
    output.info(f"{counted(number, 'field')} of the source: {figures}")

    def print_() -> None:
        if path:
            wrote = " and ".join(str(each) for each in (path, *beside))
            output.block(f"Wrote {wrote}. {_next(config, writer, path)}")
        else:
            sys.stdout.write(found.text)

    facts: dict[str, Any] = {"exit": 0, "transformer": writer.name, **counts}
    written = {"file": str(path), "beside": [str(each) for each in beside]}
    output.result(facts | (written if path else {"text": found.text}), print_)
    return 0


def _next(config: Config, writer: Transformer, path: Path) -> str:
    """Say what is to do with the file, and with which lines if the config does not name it."""
    written = path.resolve()
    for part in config.transforms:
        settings = attrs.asdict(part.settings, recurse=False)
        if any(isinstance(each, Path) and each.resolve() == written for each in settings.values()):
            return LOOK
    if not (setting := _file_setting(writer.config)):
        return LOOK
    folder = config.folder.resolve()
    shown = written.relative_to(folder) if written.is_relative_to(folder) else written
    where = "ztoq.toml" if config.path is None else config.path.name
    return (
        f"{LOOK}. For that add to {where}:\n\n[[transform]]\nuse = {json.dumps(writer.name)}\n"
        f"{setting} = {json.dumps(shown.as_posix())}"
    )


def _file_setting(settings: type[Any]) -> str:
    """Return the one key of a plugin's settings that takes a path, else nothing."""
    keys = [
        each.name
        for each in attrs.fields(attrs.resolve_types(settings))
        if Path in (each.type, *get_args(each.type))
    ]
    return keys[0] if len(keys) == 1 else ""


def _writer(config: Config, use: str | None) -> tuple[Transformer, Writer]:
    """Return the transformer that writes the mapping, and what writes it.

    Raises:
        ConfigError: None does, or not the one that was asked for.
    """
    plugins = Plugins.installed()
    if use is not None:
        plugin = plugins.transformer(use)
        if plugin.suggest is None:
            able = ", ".join(each.name for each, _ in _writers(plugins)) or "none"
            raise ConfigError(f"the transformer {use!r} writes no mappings (those that do: {able})")
        return plugin, plugin.suggest
    named = (part.plugin for part in config.transforms)
    writers = [(each, each.suggest) for each in named if each.suggest] or _writers(plugins)
    if not writers:
        raise ConfigError(
            "no installed transformer writes mappings; try: pip install ztoq-mappings"
        )
    return writers[0]


def _writers(plugins: Plugins) -> list[tuple[Transformer, Writer]]:
    declared = (each.plugin for each in plugins.declared())
    transformers = [each for each in declared if isinstance(each, TransformerPlugin)]
    return [(each, each.suggest) for each in transformers if each.suggest]


def _put(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error


async def _schemas(config: Config, store: Store) -> tuple[Schema, Schema, list[str]]:
    """Return what both sides know of their fields, and remarks."""
    sink, said = await described(config)
    known = await engine.infer_schema(new_run(config, store))
    return known, sink, [each.text for each in said]

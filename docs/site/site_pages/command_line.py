"""The command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import rich_click as click

from site_pages.markdown import one_line, table
from ztoq_core.cli.app import ztoq
from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import global_options

BLOCK = "\b"
"""What click puts before a block of help that stays as it is."""


def command_line() -> str:
    """Return a section for the options of all commands, then one for each command."""
    shared = {each.name or "" for each in _global()}
    parts = [
        "## Options of every command\n",
        "They may come before and after the verb.\n",
        _options([*_global(), *_help_option()]),
        "Without a verb, `ztoq --version` shows the version.\n",
    ]
    for path, command in walk(ztoq, "ztoq"):
        if command is not ztoq:
            parts += _section(path, command, shared)
    return "\n".join(parts)


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all below it, each with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.load(name) if isinstance(command, LazyGroup) else command.commands[name]
            yield from walk(inner, f"{path} {name}")


def _section(path: str, command: click.Command, shared: set[str]) -> Iterator[str]:
    yield f"## `{path}`\n"
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    yield f"```text\n{path} {usage}\n```\n"
    yield _help(command)
    own = [each for each in command.params if each.name not in shared and _is_option(each)]
    if own:
        yield _options(own)


def _help(command: click.Command) -> str:
    """Return the help; blocks that stay as they are become code."""
    parts = []
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        first, _, rest = part.partition("\n")
        parts.append(f"```text\n{rest}\n```" if first == BLOCK else one_line(part))
    return "\n\n".join(parts) + "\n"


def _options(options: list[click.Parameter]) -> str:
    rows = []
    for option in options:
        context = click.Context(ztoq)
        names, said = option.get_help_record(context) or ("", "")
        if names:
            rows.append((f"`{names}`", said))
    return table(("option", "meaning"), *rows)


def _is_option(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and "--help" not in parameter.opts


def _global() -> list[click.Parameter]:
    """Return the options that every command takes."""
    return click.command(global_options(lambda: None)).params


def _help_option() -> list[click.Parameter]:
    context = click.RichContext(ztoq, help_option_names=["-h", "--help"])
    option = ztoq.get_help_option(context)
    return [option] if option else []

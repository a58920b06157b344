"""The four hooks. Each asks one question at start-up and gets typed declarations.

A plugin is a module that implements one or more of them with ``hookimpl`` and is named by an
entry point in the group ``ztoq``. The work is done by the objects that the declarations open.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
import pluggy

from ztoq_core.contracts import SinkPlugin, SourcePlugin, TransformerPlugin

__all__ = ["COMMANDS", "GROUP", "hookimpl", "hookspec"]

GROUP = "ztoq"
COMMANDS = "ztoq.commands"
"""The group of entry points whose modules implement ``ztoq_commands``; each is called like its
command, so that ``ztoq --help`` lists commands by the metadata of packages and imports none."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def ztoq_sources() -> Iterable[SourcePlugin[Any]]:  # type: ignore[empty-body]  # a hookspec has none
    """Declare the sources of this plugin."""


@hookspec
def ztoq_sinks() -> Iterable[SinkPlugin[Any]]:  # type: ignore[empty-body]  # a hookspec has none
    """Declare the sinks of this plugin."""


@hookspec
def ztoq_transformers() -> Iterable[TransformerPlugin[Any]]:  # type: ignore[empty-body]  # as above
    """Declare the transformers of this plugin."""


@hookspec
def ztoq_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]  # as above
    """Declare commands beside the core's own; see ``COMMANDS`` for the entry point."""

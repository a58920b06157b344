"""The four hooks through which plugins declare what they offer.

A plugin is a module that implements one or more of them with ``hookimpl`` and is named by an
entry point in the group ``ztoq``. The objects that the declarations open do the work.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
import pluggy

from ztoq_core.contracts import SinkPlugin, SourcePlugin, TransformerPlugin

__all__ = ["CONTRACT", "hookimpl"]

CONTRACT = 1
"""The number of the contract with plugins; a plugin may say which it needs: ``ztoq_contract = 1``.

It rises when a plugin that worked would work no longer.
"""

GROUP = "ztoq"
COMMANDS = "ztoq.commands"
"""The group of entry points for modules with ``ztoq_commands``. Each entry point has the name of
its command, so that ``ztoq --help`` can list commands without importing them."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def ztoq_sources() -> Iterable[SourcePlugin[Any]]:
    """Declare the sources of this plugin."""
    return ()


@hookspec
def ztoq_sinks() -> Iterable[SinkPlugin[Any]]:
    """Declare the sinks of this plugin."""
    return ()


@hookspec
def ztoq_transformers() -> Iterable[TransformerPlugin[Any]]:
    """Declare the transformers of this plugin."""
    return ()


@hookspec
def ztoq_commands() -> Iterable[click.Command]:
    """Declare commands besides the core's own; see ``COMMANDS`` for the entry point."""
    return ()

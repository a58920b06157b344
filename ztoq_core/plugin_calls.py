"""The border to plugins at work: a fault of their code is named, with the plugin and the call.

Every call of a source, a sink or a transformer goes through ``plugin_call``.
"""

from __future__ import annotations

import errno
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import distribution, packages_distributions

from ztoq_core.contracts import Skip
from ztoq_core.declarations import LOCAL
from ztoq_core.errors import RecordError, ServiceError, StoreError, first_error
from ztoq_core.hookspecs import GROUP
from ztoq_core.installed import entry_points, package_name
from ztoq_core.store import clean

_MOST_SHOWN = 300
_NO_FAULTS = (ServiceError, RecordError, StoreError, Skip, MemoryError)
_MACHINES_FAULT = (errno.ENOSPC, errno.EDQUOT)
"""A full disk: the next record would fail, too, so the run stops."""


class FaultyPluginError(RecordError):
    """A plugin raised or returned something that it must not.

    The engine treats it differently from a refusal: such a write may have created its object.
    """


@contextmanager
def plugin_call(
    plugin: object, call: str, about: object, *passes: type[Exception]
) -> Iterator[None]:
    """Turn any exception of a plugin in ``call`` about one record into that record's error.

    Errors that plugins may raise pass, ``passes`` too; so does what is not their fault: lack of
    memory or disk space, and everything that ends a task or a process.
    """
    try:
        yield
    except Exception as error:  # the border to a plugin's code, which may raise anything
        first = first_error(error)  # plugins ask side by side, too
        full = isinstance(first, OSError) and first.errno in _MACHINES_FAULT
        if full or isinstance(first, (*_NO_FAULTS, *passes)):
            if first is error:
                raise
            raise first from None
        # unlike str(first), this cannot raise
        said = traceback.format_exception_only(first)[-1].strip()[:_MOST_SHOWN]
        raise FaultyPluginError(
            clean(f"{_origin(plugin)} failed in {call} of {about}: {said}. ")
            + "This is a fault of the plugin; report it to its author."
        ) from error


def wrong(given: object, due: str) -> TypeError:
    """Return the error for what was given instead of ``due``, to be raised in a ``plugin_call``."""
    if inspect.iscoroutine(given):
        given.close()
    return TypeError(f"it gave {type(given).__name__}, not {due}")


def _origin(plugin: object) -> str:
    """Return the plugin that an object or function comes from: ``'wiki' (ztoq-wiki 1.0)``.

    Without an entry point its distribution, without that its module.
    """
    while isinstance(plugin, partial):
        plugin = plugin.func
    module = str(getattr(plugin, "__module__", "") or type(plugin).__module__)
    if module.startswith(LOCAL):
        return str(getattr(sys.modules.get(module), "__file__", module))
    top = module.partition(".")[0]
    for entry in entry_points(GROUP):
        if entry.module.partition(".")[0] == top:
            return f"{entry.name!r} ({package_name(entry.dist) if entry.dist else module})"
    return next(
        (package_name(distribution(each)) for each in _distributions().get(top, ())), module
    )


_distributions = cache(packages_distributions)

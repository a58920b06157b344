"""The border to plugins at work: a fault of their code is named, with the plugin and the call.

Every call of a source, a sink or a transformer goes through ``plugin_call``. In it, what they give
is checked: what the store could not keep, or would return differently, fails that record only.
"""

from __future__ import annotations

import errno
import inspect
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import distribution, packages_distributions

import attrs

from ztoq_core.contracts import Reject, Skip, Written
from ztoq_core.convert import dumps, loads, write_json
from ztoq_core.declarations import LOCAL
from ztoq_core.errors import RecordError, ServiceError, StoreError, first_error
from ztoq_core.hookspecs import GROUP
from ztoq_core.installed import entry_points, package_name
from ztoq_core.records import Record
from ztoq_core.store import clean, references

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


def check_record(record: object, like: Record | None = None) -> None:
    """Check, in a ``plugin_call``, that a record can be stored and is the one asked for (``like``).

    Raises:
        TypeError, ValueError: It is not a record, another one, or cannot be stored unchanged.
    """
    if not isinstance(record, Record):
        raise wrong(record, "a record")
    if not isinstance(record.key, str):
        raise wrong(record.key, "a text as the key")
    if like is not None and record.ref != like.ref:
        raise ValueError(f"it gave {record.ref!s} instead")
    place = record.sequence()
    names = [record.key, *(ref.key for _, ref in references(record))]
    names += [place.group, place.order] if place else []
    if not record.key or any(clean(name) != name for name in names):
        raise ValueError("a key is empty or holds characters that no database takes")
    write_json(record.raw)
    # compared as records: as JSON, a text in place of a tuple of texts is a list of its letters
    if loads(record.kind, dumps(record)) != record:
        raise TypeError("a property has another type than its field, or a time has no zone")
    for each in record.companions:
        check_record(each)


def check_written(written: object) -> None:
    """Check, in a ``plugin_call``, that a sink's answer can be stored, as ``check_record``."""
    if not isinstance(written, Written):
        raise wrong(written, "a Written")
    texts = (written.target_id, written.pid, written.url, written.version, written.stamp)
    for text in (*texts, *written.parts, *written.parts.values()):
        if not isinstance(text, str):
            raise wrong(text, "a text")
    if not written.target_id or clean(written.target_id) != written.target_id:
        raise ValueError(f"it gave the target id {written.target_id!r}")


def check_cursor(cursor: str | None, seen: set[str]) -> None:
    """Check, in a ``plugin_call``, that a page leads on to one that was not ``seen``; add it.

    After the last page, nothing is seen: an unstable list may be read again.

    Raises:
        ValueError: The list would never end.
    """
    if cursor is None:
        seen.clear()
    elif cursor in seen:
        raise ValueError(f"the cursor {cursor!r} comes again, so the list never ends")
    else:
        seen.add(cursor)


async def checked_chunks(
    plugin: object, about: object, chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield a file's chunks; any exception of the plugin becomes the file's error."""
    with plugin_call(plugin, "download", about):
        async for chunk in chunks:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise wrong(chunk, "bytes")
            yield chunk


def storable(reject: Reject) -> Reject:
    """Return a reject that can be stored; a payload that cannot is left out."""
    if not isinstance(reject.key, str):
        reject = attrs.evolve(reject, key="")
    try:
        write_json(reject.raw)
    except (TypeError, ValueError, RecursionError):
        return attrs.evolve(reject, raw=None, reason=f"{reject.reason} (its payload is not kept)")
    return reject

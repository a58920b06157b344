"""The border to plugins: what their code does wrong with one record concerns that record alone.

Every call of a source, a sink or a transformer about one record goes through ``plugin_call``, and
every record that they give through ``check_record``: what the store could not keep, or would give
back otherwise, never reaches it.
"""

from __future__ import annotations

import errno
import inspect
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import packages_distributions

import attrs

from ztoq_core.contracts import Reject, Skip, Written
from ztoq_core.convert import dumps, loads, read_json, write_json
from ztoq_core.errors import RecordError, ServiceError, StoreError
from ztoq_core.records import Record
from ztoq_core.store import clean, references

__all__ = [
    "FaultyPluginError",
    "check_record",
    "check_written",
    "checked_chunks",
    "plugin_call",
    "storable",
    "wrong",
]

_MOST_SHOWN = 300
_MACHINES_FAULT = (errno.ENOSPC, errno.EDQUOT)
"""A full disk: nothing that a plugin writes would fare better, so the run stops."""


class FaultyPluginError(RecordError):
    """A plugin raised what it may not raise, or gave what it may not give.

    The engine treats it differently from a refusal: a write that ends so may have made its object.
    """


@contextmanager
def plugin_call(plugin: object, call: str, about: object) -> Iterator[None]:
    """Turn whatever a plugin raises in ``call`` about one record into that record's error.

    Errors that plugins may raise pass; so does what is not their fault: lack of memory or disk, and
    all that ends a task or a process.
    """
    try:
        yield
    except (ServiceError, RecordError, StoreError, Skip, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _MACHINES_FAULT:
            raise
        # this way a text that cannot be made is no fault of its own
        said = traceback.format_exception_only(error)[-1].strip()[:_MOST_SHOWN]
        raise FaultyPluginError(
            clean(f"{_package(plugin)} failed in {call} of {about}: {said}. ")
            + "This is a fault of the plugin; report it to its author."
        ) from error


def wrong(given: object, due: str) -> TypeError:
    """Return the error, to be raised within a ``plugin_call``, where ``due`` was to be given."""
    if inspect.iscoroutine(given):
        given.close()
    return TypeError(f"it gave {type(given).__name__}, not {due}")


def check_record(record: object, like: Record | None = None) -> None:
    """Raise, within a ``plugin_call``, where a record is not ``like`` the one that was handed over.

    Raises:
        TypeError, ValueError: It is no record, another one, or cannot be kept as it is.
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
    body = dumps(record)
    again = dumps(loads(record.kind, body))
    # read where they differ: an int may stand for a float
    if again != body and read_json(again) != read_json(body):
        raise TypeError("a property has another type than its field, or a time has no zone")
    for each in record.companions:
        check_record(each)


def check_written(written: object) -> None:
    """Raise, within a ``plugin_call``, where a sink's answer is not one that can be kept."""
    if not isinstance(written, Written):
        raise wrong(written, "a Written")
    texts = (written.target_id, written.pid, written.url, written.version, written.stamp)
    for text in (*texts, *written.parts, *written.parts.values()):
        if not isinstance(text, str):
            raise wrong(text, "a text")
    if not written.target_id or clean(written.target_id) != written.target_id:
        raise ValueError(f"it gave the target id {written.target_id!r}")


async def checked_chunks(
    plugin: object, about: object, chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield a file's chunks; what the plugin raises meanwhile is the file's error."""
    with plugin_call(plugin, "download", about):
        async for chunk in chunks:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise wrong(chunk, "bytes")
            yield chunk


def storable(reject: Reject) -> Reject:
    """Return a reject that the store can keep; a payload that cannot be written is left out."""
    if not isinstance(reject.key, str):
        reject = attrs.evolve(reject, key="")
    try:
        write_json(reject.raw)
    except (TypeError, ValueError, RecursionError):
        return attrs.evolve(reject, raw=None, reason=f"{reject.reason} (its payload is not kept)")
    return reject


def _package(plugin: object) -> str:
    """Return the distribution that a plugin's object or function comes from, else its module."""
    while isinstance(plugin, partial):
        plugin = plugin.func
    module = str(getattr(plugin, "__module__", "") or type(plugin).__module__)
    top = module.partition(".")[0]
    return next(iter(_distributions().get(top, ())), module)


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()

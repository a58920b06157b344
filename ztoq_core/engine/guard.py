"""Checks what plugins give: what the store could not keep, or would return differently.

Every record that a source or a transformer returns goes through ``check_record``, in a
``plugin_call``, so that it fails that record only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs

from ztoq_core.contracts import Reject, Written
from ztoq_core.convert import dumps, loads, write_json
from ztoq_core.plugin_calls import plugin_call, wrong
from ztoq_core.records import Record
from ztoq_core.store import clean, references


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

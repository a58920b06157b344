"""Opens a source or sink, and calls what is not about one record.

A side is checked when it is opened, before anything is read or written: a missing method would
otherwise be met in the middle of a migration. The module is the one place that knows which methods
a sink may lack and what is done instead.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, overload

from ztoq_core.contracts import (
    ChangeDetection,
    Content,
    ContentReading,
    Deletion,
    Finding,
    Finishing,
    Found,
    Links,
    Mark,
    OwnerLists,
    Schema,
    SearchProbe,
    Services,
    Sink,
    SinkPlugin,
    Source,
    SourcePlugin,
    Written,
)
from ztoq_core.errors import ConfigError, RejectedError
from ztoq_core.pictures.addresses import resolved
from ztoq_core.plugin_calls import check_written, plugin_call, wrong
from ztoq_core.records import Kind, Record

_ABSENT = 404
_FILES = {Kind.ATTACHMENT: frozenset(Kind) - {Kind.ATTACHMENT, Kind.FIELD}}
_PARTS: Mapping[type, tuple[type, ...]] = {
    Source: (Source,),
    Sink: (Sink, ChangeDetection, ContentReading, Deletion, Finishing, OwnerLists, SearchProbe),
}
"""What a side has to have, then what it may have."""


@overload
def open_side(
    plugin: SourcePlugin[Any], settings: Any, services: Services
) -> AbstractAsyncContextManager[Source]: ...
@overload
def open_side(
    plugin: SinkPlugin[Any], settings: Any, services: Services
) -> AbstractAsyncContextManager[Sink]: ...
def open_side(
    plugin: SourcePlugin[Any] | SinkPlugin[Any], settings: Any, services: Services
) -> AbstractAsyncContextManager[Any]:
    """Open the side that a plugin declares, and see that it has what its protocol says.

    Raises:
        RecordError: The plugin's code failed, or the side lacks something.
    """
    return _open(plugin, settings, services)


@asynccontextmanager
async def _open(
    plugin: SourcePlugin[Any] | SinkPlugin[Any], settings: Any, services: Services
) -> AsyncIterator[Any]:
    protocol = Source if isinstance(plugin, SourcePlugin) else Sink
    what = f"the {protocol.__name__.lower()} {plugin.name!r}"
    async with AsyncExitStack() as stack:
        with plugin_call(plugin.open, "open", what, ConfigError):
            opening = plugin.open(settings, services)
            if not isinstance(opening, AbstractAsyncContextManager):
                raise wrong(opening, "an async context manager (@asynccontextmanager)")
            side = await stack.enter_async_context(opening)
            if problems := list(_lacking(side, protocol)):
                raise TypeError(f"{type(side).__name__}, which it gave, {'; '.join(problems)}")
        yield side
        with plugin_call(plugin.open, "close", what):
            await stack.aclose()


def _lacking(side: object, protocol: type) -> Iterator[str]:
    """Yield what is wrong with the members of a side."""
    for part in _PARTS[protocol]:
        members = {name: each for name, each in vars(part).items() if not name.startswith("_")}
        there = [name for name in members if getattr(side, name, None) is not None]
        if part is protocol and (missing := [each for each in members if each not in there]):
            yield f"has no {', '.join(missing)}"
        for name in there:
            if inspect.isfunction(members[name]):
                yield from _unlike(name, getattr(side, name), members[name])
    if not isinstance(getattr(side, "identity", ""), str):
        yield "has an identity that is not a text"


def _unlike(name: str, given: Any, due: Callable[..., Any]) -> Iterator[str]:
    """Yield in what a method differs from that of the protocol."""
    if inspect.iscoroutinefunction(due) and inspect.isroutine(given):
        if not inspect.iscoroutinefunction(given):
            yield f"has a {name}() that is not declared with async def, or yields"
    elif inspect.iscoroutinefunction(given):
        yield f"has a {name}() that is declared with async def and does not yield"
    number = len(inspect.signature(due).parameters) - 1  # without self
    try:
        inspect.signature(given).bind(*range(number))
    except TypeError:
        names = ", ".join([*inspect.signature(due).parameters][1:])
        yield f"has a {name}() that does not take ({names})"
    except ValueError:  # of a callable that cannot show it
        return


async def checked(side: Source | Sink) -> tuple[Finding, ...]:
    """Return what the side's ``check`` finds; raises as that does."""
    with plugin_call(side, "check", "its project", ConfigError):
        found = await side.check()
        if not isinstance(found, Sequence) or not all(isinstance(each, Finding) for each in found):
            raise wrong(found, "a tuple of Finding")
        return tuple(found)


async def described(side: Source | Sink) -> Schema:
    """Return the side's schema; raises as ``check``."""
    with plugin_call(side, "describe", "its project", ConfigError):
        schema = await side.describe()
        if not isinstance(schema, Schema):
            raise wrong(schema, "a Schema")
        return schema


def lacks(sink: Sink, schema: Schema) -> Iterator[str]:
    """Yield what cannot be done with a target, as its sink lacks the methods for it."""
    if not isinstance(sink, ContentReading):
        yield "it cannot be read back (no read), so contents are never compared or proved"
    if not isinstance(sink, Deletion):
        yield "it deletes nothing (no children and delete), so nothing can be rolled back"
    if not isinstance(sink, ChangeDetection):
        yield (
            "it does not show what others changed (no current), so updates overwrite it"
            + (", and a rollback deletes it" if isinstance(sink, Deletion) else "")
        )
    if schema.finish_kinds and not isinstance(sink, Finishing):
        kinds = ", ".join(sorted(schema.finish_kinds))
        yield f"it is to finish {kinds}, and cannot (no finish), so they are written a second time"


# ------------------------------------------------------------------------------ calls of a sink


def owner_kinds(sink: Sink) -> Mapping[Kind, frozenset[Kind]]:
    """Return the kinds that are listed under owners, files always, with those of the owners."""
    return {**_FILES, **sink.listed_by_owner} if isinstance(sink, OwnerLists) else _FILES


async def find(sink: Sink, record: Record, links: Links) -> tuple[Found, ...]:
    """Return earlier writes of a record; as ``Sink.find``."""
    with plugin_call(sink, "find", record.ref):
        found = await sink.find(record, links)
        for each in found:
            check_written(each.written)
        return tuple(found)


async def write(
    sink: Sink, record: Record, target_id: str | None, links: Links, content: Content | None
) -> Written:
    """Create or update an object; as ``Sink.write``."""
    with plugin_call(sink, "write", record.ref):
        written = await sink.write(record, target_id, links, content)
        check_written(written)
        return written


async def finish(sink: Sink, record: Record, written: Written, links: Links) -> Written:
    """Complete an object; as ``Finishing.finish``."""
    if not isinstance(sink, Finishing):
        return await write(sink, resolved(record, links), written.target_id, links, None)
    with plugin_call(sink, "finish", record.ref):
        written = await sink.finish(record, written, links)
        check_written(written)
        return written


async def current(
    sink: Sink, kind: Kind, target_id: str, known: Written | None = None
) -> Written | None:
    """Return an object as it is now, None if it does not exist; as ``ChangeDetection.current``.

    A sink that cannot tell gives what is ``known``, unless reading shows that it does not exist.
    """
    if isinstance(sink, ChangeDetection):
        with plugin_call(sink, "current", f"{kind} {target_id}"):
            present = await sink.current(kind, target_id)
            if present is not None:
                check_written(present)
            return present
    if isinstance(sink, ContentReading):
        try:
            with plugin_call(sink, "read", f"{kind} {target_id}"):
                await sink.read(kind, target_id)
        except RejectedError as error:
            if error.status == _ABSENT:
                return None
            raise
    return known or Written(target_id=target_id)


async def is_searchable(sink: Sink, record: Record, written: Written) -> bool:
    """Whether a search shows the object of a record without parents yet."""
    if not isinstance(sink, SearchProbe):
        return bool(await find(sink, record, {}))
    with plugin_call(sink, "is_searchable", record.ref):
        return bool(await sink.is_searchable(record.kind, written))


def deleting(sink: Sink) -> Deletion:
    """Return the sink as one that can delete.

    Raises:
        ConfigError: It cannot.
    """
    if isinstance(sink, Deletion):
        return sink
    raise ConfigError(
        "This sink cannot delete what it wrote (it has no children and delete); remove it by hand "
        "in the target: ztoq report lists every object with its id there"
    )


async def children(
    sink: Deletion, kind: Kind, target_ids: Sequence[str]
) -> Mapping[str, tuple[Mark, ...]]:
    """Return what would be deleted with objects; as ``Deletion.children``."""
    with plugin_call(sink, "children", f"{kind} {', '.join(target_ids)}"):
        found = await sink.children(kind, target_ids)
        if not isinstance(found, Mapping) or not set(target_ids) <= set(found):
            raise wrong(found, "an entry for each object")
        return found


async def delete(sink: Deletion, kind: Kind, target_id: str) -> None:
    """Delete one object; as ``Deletion.delete``."""
    with plugin_call(sink, "delete", f"{kind} {target_id}"):
        await sink.delete(kind, target_id)

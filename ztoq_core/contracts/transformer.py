"""What a plugin with a transformer implements and declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import attrs

from ztoq_core.contracts.schema import Finding, Schema
from ztoq_core.records import NoteCode, Record

__all__ = ["Skip", "Suggestion", "Transform", "TransformContext", "TransformerPlugin"]

C = TypeVar("C")


@attrs.frozen
class Skip(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a transformer to leave a record out on purpose; the report shows ``why``.

    ``loss`` False: nothing is lost by it (a run that was never executed needs no log).

    ``Sink.write`` raises it for what ztoq must not write to the target, or not yet. Records that
    mention it are then written without it, and the next transformation makes it ready again.
    ``code`` is the reason of the note that reports this; without one there is no note.
    """

    why: str
    loss: bool = False
    code: NoteCode | None = None


@attrs.frozen(kw_only=True)
class TransformContext:
    """What a transformer may know when it is built: the source's schema and both config objects.

    ``source.users`` are the people that a directory knows, by the ids that records use.
    """

    source: Schema
    source_config: object = None
    sink_config: object = None


class Transform(Protocol):
    """Changes one record: pure, no I/O, no clock, no state; never changes its kind or key."""

    def __call__(self, record: Record) -> Record:
        """Return the changed record.

        Raises:
            Skip: The record is left out on purpose.
            RecordError: The record cannot be mapped; it fails, the others go on.
        """
        ...


@attrs.frozen(kw_only=True)
class Suggestion:
    """The text of a mapping file, and how many fields of the source it pairs how.

    ``exact``: the target has a field of that name; ``close``: one of a similar name;
    ``unmapped``: the target has none.
    """

    text: str
    exact: int = 0
    close: int = 0
    unmapped: int = 0


@attrs.frozen(kw_only=True)
class TransformerPlugin(Generic[C]):
    """A transformer that a plugin declares; ``config`` is an attrs class.

    ``default_for`` lists the (source, sink) names for which it runs if the config names no
    transformer; ``"*"`` is any: ``("jira", "*")`` for what every target of a source needs,
    ``("*", "qtest")`` for what a target needs of every source. ``keeps_default`` is for
    transformers that leave the target's shape to others: if a config names only such transformers,
    the default of the pair runs after them.
    ``suggest`` makes a mapping file from both schemas, for ``ztoq map suggest``. ``extra_files``
    are files of the plugin that the mapping file refers to, such as its schema; they are written
    next to it. ``check`` returns what is wrong with the settings for these two schemas.
    ``files`` are those that a file in the settings names, as it names them: they belong to the
    mapping that a report and a plan are about. ``note_codes`` are the reasons of its notes.
    """

    name: str
    summary: str
    config: type[C]
    build: Callable[[C, TransformContext], Transform]
    default_for: tuple[tuple[str, str], ...] = ()
    keeps_default: bool = False
    suggest: Callable[[Schema, Schema], Suggestion] | None = None
    extra_files: tuple[Traversable, ...] = ()
    check: Callable[[C, Schema, Schema], tuple[Finding, ...]] = lambda _config, _source, _sink: ()
    files: Callable[[C], Mapping[str, Path]] = lambda _config: {}
    note_codes: tuple[NoteCode, ...] = ()

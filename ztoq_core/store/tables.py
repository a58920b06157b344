"""The tables, as peewee models without a database; ``bound`` makes a copy that has one.

Two stores can live side by side in one process because no model here knows a database.
"""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime
from typing import Any, TypeVar

import peewee as pw

from ztoq_core.store.states import Cause, Selected, State

M = TypeVar("M", bound=pw.Model)


def now() -> datetime:
    """Return the present as the stores keep it: UTC, without a zone, whole microseconds."""
    return datetime.now(UTC).replace(tzinfo=None)


def moment_of(stored: Any) -> Any:
    """Return the time in a column, or None: PostgreSQL gives a time, SQLite a text."""
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


class Meta(pw.Model):
    """What the store is: schema version, identities of both sides, validation result."""

    name = pw.TextField(primary_key=True)
    value = pw.TextField()


class Run(pw.Model):
    """One use of the store by a command; the row whose ``ended`` is empty holds the lease.

    ``beat`` grows with each transaction of the run. ``heartbeat`` is the time of the last one:
    in SQLite by the clock of the run's host, for people only, in PostgreSQL by the server's.
    """

    id = pw.AutoField()
    verb = pw.TextField()
    host = pw.TextField()
    pid = pw.IntegerField()
    boot = pw.TextField(default="")
    born = pw.TextField(default="")
    beat = pw.IntegerField(default=0)
    started = pw.DateTimeField()
    heartbeat = pw.DateTimeField()
    ended = pw.DateTimeField(null=True)
    outcome = pw.TextField(default="")
    username = pw.TextField(default="")
    version = pw.TextField(default="")
    """Of ztoq."""
    calls = pw.IntegerField(default=0)
    """To both services."""


class Checkpoint(pw.Model):
    """How far a kind has been listed. ``pass_new`` counts the new keys of the present pass."""

    kind = pw.TextField(primary_key=True)
    run = pw.IntegerField()
    cursor = pw.TextField(null=True)
    done = pw.BooleanField(default=False)
    passes = pw.IntegerField(default=0)
    pass_new = pw.IntegerField(default=0)


class Item(pw.Model):
    """How far one record has come, and what the target has of it.

    It changes often and is small: the record itself is in tables of its own, which each change of
    state would else write again.
    """

    id = pw.AutoField()
    kind = pw.TextField()
    key = pw.TextField()
    rank = pw.IntegerField()
    """The place of the kind in the order of writing."""

    # how far it has come; only ``Transitions`` writes these
    state = pw.TextField(default=State.LISTED)
    reason = pw.TextField(default="")
    """A sentence for people."""
    cause = pw.TextField(default=Cause.NONE)
    loss = pw.BooleanField(default=False)
    """Skipped, and may be missed."""

    # extraction
    pending = pw.BooleanField(default=False)
    """Listed and not yet completed in the present extraction."""
    derived = pw.BooleanField(default=False)
    """Made by the mapping or the engine; in no list of the source."""
    seen_run = pw.IntegerField(default=0)
    digest = pw.TextField(default="")
    """Of ``SourceBody.record``; empty while ``pending``."""
    proof = pw.TextField(default="")
    """``digest`` when the final check began."""
    sibling_group = pw.TextField(null=True)
    sibling_order = pw.TextField(null=True)

    # selection
    chosen = pw.TextField(default=Selected.YES)

    # transformation
    target_digest = pw.TextField(default="")
    """Of ``TargetBody.target``; empty if there is none."""
    turn = pw.TextField(default="")
    """Sorts the logs of a run in the order in which they are written."""
    joined = pw.TextField(default="")
    """How a log's results joined the steps that its case had when it was mapped."""

    # loading: the digests of the mapped record as it was written, finished and refused
    written_digest = pw.TextField(default="")
    finished_digest = pw.TextField(default="")
    refused_digest = pw.TextField(default="")
    attempts = pw.IntegerField(default=0)
    waiting = pw.IntegerField(default=0)
    """How many records must be settled before this one may be written."""
    open_files = pw.IntegerField(default=0)
    """How many files and texts must be settled before this one may be finished."""

    # the object in the target
    target_id = pw.TextField(null=True)
    pid = pw.TextField(default="")
    url = pw.TextField(default="")
    version = pw.TextField(default="")
    parts = pw.TextField(default="")
    stamp = pw.TextField(default="")
    borrowed = pw.BooleanField(default=False)
    """It was there before, and is only linked."""
    created_run = pw.IntegerField(default=0)
    updated_run = pw.IntegerField(default=0)
    before_delete = pw.TextField(default="")
    """The state before its deletion was intended, until it is known what became of that."""

    class Meta:
        """Indexes for the questions that are asked often."""

        indexes = (
            (("kind", "key"), True),
            (("kind", "id"), False),
            (("kind", "state", "chosen"), False),
            (("state", "waiting", "rank", "id"), False),
            (("kind", "sibling_group", "sibling_order", "id"), False),
        )


FURTHER_INDEXES = (
    """CREATE INDEX IF NOT EXISTS item_unfinished ON item (open_files, rank, id)
        WHERE state = 'written'""",
    "CREATE INDEX IF NOT EXISTS item_listed ON item (id) WHERE pending",
    """CREATE INDEX IF NOT EXISTS item_target ON item (kind, target_id)
        WHERE target_id IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS item_pid ON item (pid) WHERE pid <> ''",
    "CREATE INDEX IF NOT EXISTS item_derived ON item (kind, state) WHERE derived",
)
"""Indexes of some records only: with work left, in the target, or added by the mapping."""


class SourceBody(pw.Model):
    """What the source gave of a record: the record, and the JSON that it was made of."""

    item = pw.IntegerField(primary_key=True)
    record = pw.BlobField()
    payload = pw.BlobField(null=True)

    class Meta:
        """Named in statements."""

        table_name = "source_body"


class TargetBody(pw.Model):
    """The mapped record, for the target, and the one that was written before it."""

    item = pw.IntegerField(primary_key=True)
    target = pw.BlobField(null=True)
    before = pw.BlobField(null=True)

    class Meta:
        """Named in statements."""

        table_name = "target_body"


# parts of statements about the record ``item``
READ = "EXISTS (SELECT 1 FROM source_body WHERE source_body.item = item.id)"
MAPPED = "target_digest <> ''"
WITH_SOURCE = "item JOIN source_body ON source_body.item = item.id"
WITH_TARGET = "item JOIN target_body ON target_body.item = item.id"
WITH_BODIES = """item LEFT JOIN source_body ON source_body.item = item.id
    LEFT JOIN target_body ON target_body.item = item.id"""


class Edge(pw.Model):
    """``child`` refers to the record called ``kind``, ``key``; ``role`` says how."""

    child = pw.IntegerField()
    side = pw.TextField()
    role = pw.TextField()
    kind = pw.TextField()
    key = pw.TextField()

    class Meta:
        """No key of its own; found from both ends."""

        primary_key = False
        indexes = (
            (("kind", "key", "side"), False),
            (("child", "side"), False),
        )


class Journal(pw.Model):
    """What was intended, answered, found and decided; only ever appended to."""

    id = pw.AutoField()
    run = pw.IntegerField()
    item = pw.IntegerField(index=True)
    at = pw.DateTimeField()
    event = pw.TextField()
    digest = pw.TextField(default="")
    detail = pw.TextField(default="")


class File(pw.Model):
    """A file's content, kept once however many attachments have it."""

    sha256 = pw.TextField(primary_key=True)
    size = pw.BigIntegerField()
    media_type = pw.TextField()
    path = pw.TextField()


class RejectRow(pw.Model):
    """An object of the source that could not become a record."""

    id = pw.AutoField()
    kind = pw.TextField()
    key = pw.TextField()
    reason = pw.TextField()
    payload = pw.TextField()

    class Meta:
        """One row per object, however often it is read."""

        table_name = "reject"
        indexes = ((("kind", "key", "reason"), True),)


class NoteRow(pw.Model):
    """A loss or change with its reason. ``origin`` is the stage that noted it."""

    id = pw.AutoField()
    kind = pw.TextField()
    key = pw.TextField()
    origin = pw.TextField()
    level = pw.TextField()
    code = pw.TextField()
    text = pw.TextField()

    class Meta:
        """A note is kept once; a record's notes of one stage are replaced together."""

        table_name = "note"
        indexes = (
            (("kind", "key", "origin"), False),
            (("level", "code", "kind"), False),
        )


class Need(pw.Model):
    """A field or value that the mapped records want of the target; ``value`` empty: the field."""

    kind = pw.TextField()
    name = pw.TextField()
    type = pw.TextField()
    value = pw.TextField()
    count = pw.IntegerField()
    optional = pw.BooleanField()

    class Meta:
        """One row per field and value."""

        primary_key = pw.CompositeKey("kind", "name", "type", "value")


class Name(pw.Model):
    """An id that records have, and what a directory knows of it (``known`` False: nothing).

    ``seen`` and ``asked`` are the extractions, by the run in which they began, that last met the id
    and last asked for it.
    """

    topic = pw.TextField()
    id = pw.TextField()
    key = pw.TextField(default="")
    name = pw.TextField(default="")
    email = pw.TextField(default="")
    active = pw.BooleanField(default=True)
    url = pw.TextField(default="")
    start = pw.DateTimeField(null=True)
    end = pw.DateTimeField(null=True)
    known = pw.BooleanField(default=False)
    seen = pw.IntegerField(default=0)
    asked = pw.IntegerField(default=0)

    class Meta:
        """One row per id."""

        primary_key = pw.CompositeKey("topic", "id")


class Proof(pw.Model):
    """What comparing a record with its object in the target found, in the last validation.

    ``equal``, ``by_rule``, ``wrong`` and ``unchecked`` count fields; ``details`` are those that are
    not equal, as JSON: the field, the result, the rule and both values. ``status`` is that of an
    execution, as it was read.
    """

    item = pw.IntegerField(primary_key=True)
    at = pw.DateTimeField()
    equal = pw.IntegerField()
    by_rule = pw.IntegerField()
    wrong = pw.IntegerField()
    unchecked = pw.IntegerField()
    details = pw.TextField()
    status = pw.TextField(default="")


TABLES = (
    *(Meta, Run, Checkpoint, Item, SourceBody, TargetBody, Edge, Journal, File, RejectRow),
    *(NoteRow, Need, Name, Proof),
)


def bound(model: type[M], database: pw.Database) -> type[M]:
    """Return a copy of ``model`` that lives in ``database``; making it takes half a millisecond."""
    known = model._meta  # noqa: SLF001 - peewee's documented place for it
    meta = type("Meta", (), {"database": database, "table_name": known.table_name})
    # else peewee copies each field with all that it holds
    fields = {each.name: copy(each) for each in known.sorted_fields if not each.primary_key}
    return type(model.__name__, (model,), {**fields, "Meta": meta, "__module__": __name__})

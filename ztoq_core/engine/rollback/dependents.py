"""Finds out what depends on an object that is to be deleted, and whether that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
from loguru import logger

from ztoq_core.contracts import Mark, Schema, Sink
from ztoq_core.engine.run import Run
from ztoq_core.engine.sides import children, deleting, find
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.records import Attachment, Kind
from ztoq_core.spelling import first_of
from ztoq_core.store import RollbackItem

_NAMED = 5
"""How many objects of others the reason for keeping one of ours names."""


@attrs.define
class Dependents:
    """What depends on our objects in the target.

    ``only`` are the target ids of what is to be deleted, None in a rollback: all of ours.
    """

    run: Run
    sink: Sink
    schema: Schema
    only: set[str] | None = None

    async def contents(
        self, there: Sequence[RollbackItem], keep: Callable[[RollbackItem, str], None]
    ) -> Mapping[str, Sequence[Mark]]:
        """Return what would be deleted with these objects of one kind, by target id.

        ``keep`` gets the objects for which the target does not show that, with the reason.
        """
        if not there:
            return {}
        kind = there[0].ref.kind
        if kind is Kind.ATTACHMENT:
            return {each.written.target_id: () for each in there}  # nothing is in a file
        try:
            return await children(
                deleting(self.sink), kind, [each.written.target_id for each in there]
            )
        except (RejectedError, RecordError) as error:
            if len(there) == 1:
                keep(there[0], f"what would go with it cannot be found out: {error}")
                return {}
        found: dict[str, Sequence[Mark]] = {}
        for each in there:
            found |= await self.contents([each], keep)
        return found

    async def reason_to_keep(self, item: RollbackItem, marks: Sequence[Mark]) -> str:
        """Return why an object with this content is kept, ``""`` if it is not."""
        if foreign := await self._foreign(item, marks):
            return f"others made what is in it or uses it: {_named(foreign)}"
        lives = [m for m in marks if self.only is not None and m.target_id not in self.only]
        if lives and not all(mark.linked for mark in lives):
            return f"what is still in the source is in it or uses it: {_named(lives)}"
        return ""

    async def _foreign(self, item: RollbackItem, marks: Sequence[Mark]) -> list[Mark]:
        foreign = []
        for kind in dict.fromkeys(mark.kind for mark in marks):
            these = [mark for mark in marks if mark.kind is kind]
            ids = [mark.target_id for mark in these]
            ours = await self.run.store.rollback.ours(kind, ids)
            if ids := [mark.target_id for mark in these if mark.linked]:
                ours |= await self.run.store.rollback.mentioned(item, kind, ids)
            foreign += [mark for mark in these if mark.target_id not in ours]
        if any(mark.kind is Kind.ATTACHMENT for mark in foreign):
            ours = await self._files_found(item, {mark.target_id for mark in marks})
            foreign = [mark for mark in foreign if mark.target_id not in ours]
        return foreign

    async def _files_found(self, item: RollbackItem, listed: set[str]) -> set[str]:
        """Return the target ids that our own files have now, found by name and content.

        A file of a step may get another id with another version of its case.
        """
        found: set[str] = set()
        along = self.schema.goes_with_owner
        for file in await self.run.store.rollback.belonging(item.ref, along):
            if file.ref.kind is not Kind.ATTACHMENT or file.written.target_id in listed:
                continue
            job = await self.run.store.loading.job(file.item)
            if isinstance(job.record, Attachment) and job.record.sha256:
                try:
                    earlier = await find(self.sink, job.record, job.links)
                except (RejectedError, RecordError) as error:
                    logger.info("a file of ours could not be looked for: {}", error)
                    continue
                found |= {each.written.target_id for each in earlier}
        return found


def _named(marks: Sequence[Mark]) -> str:
    """Return the names of a few objects, with the ids by which people find them."""
    names = [
        f"{mark.kind} {mark.pid or mark.target_id}" + (f" ({mark.name})" if mark.name else "")
        for mark in marks
    ]
    return first_of(names, _NAMED)

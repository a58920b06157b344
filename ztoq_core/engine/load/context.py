"""What every part of the load stage works with."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ztoq_core.contracts import Schema, Sink, Source, Written
from ztoq_core.engine.run import ProgressReporter, Run
from ztoq_core.records import Kind, Ref
from ztoq_core.store import Answered, JournalEvent, LoadJob, Store


@attrs.frozen
class LoadContext:
    """The two sides of a load, and where it reports to.

    ``source`` gives files that the store does not hold; None if it is not open. ``roots`` are
    the sink's root folders as they are in the target, filled while they are written.
    """

    run: Run
    sink: Sink
    schema: Schema
    reporter: ProgressReporter
    source: Source | None = None
    roots: dict[Ref, Written | None] = attrs.field(factory=dict)

    @property
    def store(self) -> Store:
        """The store of the run."""
        return self.run.store

    async def read_roots(self) -> None:
        """Fill ``roots`` with the sink's root folders as far as the store knows them."""
        keys = {root.ref for root in self.schema.roots}
        self.roots.update(dict.fromkeys(keys))
        if keys:
            stored = await self.store.target_index.objects(Kind.FOLDER, 0, 1_000_000)
            self.roots.update({each.ref: each.written for _, each in stored if each.ref in keys})

    def links(self, job: LoadJob) -> Mapping[Ref, Written | None]:
        """Return what a record refers to, the root folders included."""
        return {**self.roots, **job.links}

    async def answered(
        self,
        job: LoadJob,
        written: Written,
        *,
        finished: bool,
        event: JournalEvent = JournalEvent.ANSWER,
    ) -> None:
        """Store the target's answer, which releases what waited for the record."""
        answer = Answered(run=self.run.id, job=job, written=written, finished=finished, event=event)
        await self.store.loading.record_answers(answer)
        if job.record.ref in self.roots:
            self.roots[job.record.ref] = written
        if finished:
            self.reporter.advance(job.record.kind)

"""Carries out decisions of people about records in doubt or in conflict; all are journaled."""

from __future__ import annotations

import attrs

from ztoq_core.contracts import Sink, Written
from ztoq_core.engine.sides import current, described, find
from ztoq_core.errors import ConfigError, RecordError, RejectedError
from ztoq_core.records import Ref, counted
from ztoq_core.store import Answered, JournalEvent, LoadJob, State, Store, Undecided


@attrs.frozen
class Resolver:
    """Carries out decisions in the run with the id ``run``; each method returns a sentence.

    Nothing is written to the target here: what is to be sent is sent by the next load.
    """

    store: Store
    sink: Sink
    run: int

    async def adopt(self, record: Undecided, target_id: str) -> str:
        """Take an object of the target as the record's own.

        Raises:
            ConfigError: The object does not exist, or belongs to another record.
        """
        store, ref = self.store, record.ref
        present = await current(self.sink, ref.kind, target_id)
        if present is None:
            raise ConfigError(f"{ref}: there is no {ref.kind} {target_id!r} in the target")
        taken = await store.target_index.claimed_by_others(ref, [present.target_id, target_id])
        if taken:
            raise ConfigError(f"{ref}: {target_id!r} belongs to another record of this migration")
        job = await store.loading.job(record.item)
        marked = target_id == record.target_id or await self._bears_mark(job, present)
        text = f"{ref} is {present.pid or target_id} now"
        if not marked:
            # made by somebody else: it is only linked, and a rollback keeps it
            present = attrs.evolve(present, borrowed=True)
            text += "; it does not have the mark of this migration, so a rollback will keep it"
        if record.state is State.CONFLICT:
            await store.decisions.accept(self.run, record.item, present)
            return text
        schema = await described(self.sink)
        answered = Answered(
            run=self.run,
            job=job,
            written=present,
            finished=ref.kind not in schema.finish_kinds,
            event=JournalEvent.DECISION,
        )
        await store.loading.record_answers(answered)
        return text

    async def retry(self, record: Undecided) -> str:
        """Have the next load send the record, even if the target has an object of it."""
        store, ref = self.store, record.ref
        target_id = record.target_id
        if target_id is not None and await current(self.sink, ref.kind, target_id) is None:
            along = await self._gone_along(ref)
            await store.decisions.absent(self.run, [record.item, *along])
            with_ = f", with {counted(len(along), 'record')} that belonged to it" if along else ""
            return f"{ref} is not in the target any more; the next load creates it again{with_}"
        await store.decisions.again(self.run, record.item)
        return f"{ref} is sent again by the next load"

    async def skip(self, record: Undecided) -> str:
        """Leave the record as it is in the target, or leave it out if it is not there."""
        store, ref = self.store, record.ref
        target_id = record.target_id
        if target_id is not None and await current(self.sink, ref.kind, target_id) is not None:
            await store.decisions.accept(self.run, record.item)
            return f"{ref} stays as it is in the target"
        await store.decisions.leave_out(self.run, record.item)
        return f"{ref} is left out"

    async def _bears_mark(self, job: LoadJob, present: Written) -> bool:
        try:
            found = await find(self.sink, job.record, job.links)
        except (RejectedError, RecordError):
            return False
        return present.target_id in {each.written.target_id for each in found}

    async def _gone_along(self, ref: Ref) -> list[int]:
        """Return the rows of what belonged to an object and is gone from the target, too."""
        gone: list[int] = []
        for each in await self.store.decisions.belongings(ref):
            if await current(self.sink, each.ref.kind, each.target_id) is None:
                gone += [each.item, *await self._gone_along(each.ref)]
        return gone

"""Settles doubt beside the pipeline: about records that may or may not be in the target.

Each record is looked for by its mark at once, and a hit is adopted at once. Only absence needs
time: a request that is still under way may arrive after the look, and a search may lag. So what is
not found is looked for again when both times are over, and sent again if it is still absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from math import inf
from weakref import WeakValueDictionary

import attrs
from loguru import logger

from ztoq_core.contracts import Found, Written
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.search_lag import DEFAULT_LAG_S
from ztoq_core.engine.load.streaming import hash_file
from ztoq_core.engine.sides import current, find, owner_kinds
from ztoq_core.errors import DoubtError, RecordError, RejectedError
from ztoq_core.note_codes import DUPLICATE_IN_TARGET
from ztoq_core.records import Attachment, FieldDefinition, Kind, Record, Ref, counted
from ztoq_core.store import JournalEvent, LoadJob, Phase

PARENT_FIRST_S = 0.5
"""Seconds after which a record is looked for again whose parent is in doubt itself."""
_ELSEWHERE = (
    "the target has it in another place than the source, with the contents of an earlier migration"
)
_SITE_ERROR = 500
_MOST_ATTEMPTS = 6


@attrs.define
class _Doubt:
    """When a record is looked for next (``inf``: not again), and when its absence is believed.

    Times are those of the event loop, which do not depend on the wall clock. If the record is a
    field, ``of`` is the kind that waits for it. ``faulty``: the plugin failed while it wrote the
    record, and would fail again. ``marked`` are target ids of objects that have its mark.
    """

    ref: Ref
    next_look: float
    believed: float
    reason: str
    of: Kind | None = None
    faulty: bool = False
    given_up: bool = False
    marked: Collection[str] = ()


@attrs.define
class Settling:
    """The records in doubt of one load.

    ``request_timeout`` is how many seconds a request that was sent may take to arrive. ``wake`` is
    called when a record is due to be looked for. ``listing``: the marks of a target are being
    listed, kind by kind.
    """

    context: LoadContext
    request_timeout: float
    wake: Callable[[], None]
    lag: float
    doubts: dict[int, _Doubt] = attrs.field(factory=dict)
    listing: bool = False
    begun: float = attrs.field(factory=lambda: asyncio.get_running_loop().time())
    _same: WeakValueDictionary[tuple[Ref, str, str], asyncio.Lock] = attrs.field(
        factory=WeakValueDictionary
    )

    @classmethod
    def of(cls, context: LoadContext, wake: Callable[[], None]) -> Settling:
        """Return the settling of a load, with the search lag: configured, measured, or 60 s."""
        lag = context.schema.search_lag
        if lag is None:
            lag = context.store.facts.search_lag or DEFAULT_LAG_S
        timeout = context.run.request_timeout if context.schema.remote else 0.0
        return cls(context, timeout, wake, lag)

    async def gather(self, *, earlier: bool = True) -> bool:
        """Take what the store holds in doubt; return whether there was anything new.

        ``earlier``: an earlier process may have left it, whose clock is not trusted. But it sent
        its requests before this load began, so none arrives later than one time-out from then.
        """
        store = self.context.store
        now = asyncio.get_running_loop().time()
        sent = self.begun + self.request_timeout if earlier else now
        new = False
        for item, ref, reason in await store.loading.in_doubt():
            if item not in self.doubts:
                of = None
                if ref.kind is Kind.FIELD:
                    of = _kind_with((await store.loading.job(item)).record)
                self.doubts[item] = _Doubt(ref, now, sent + self._lag(ref.kind), reason, of)
                new = True
                if not earlier:  # a file of a replaced step: it was done, and is counted again
                    self.context.reporter.advance(ref.kind, -1)
        return new

    def add(self, job: LoadJob, error: DoubtError, *, faulty: bool = False) -> None:
        """Take a record whose answer was just lost; ``faulty``: the plugin failed."""
        # After an answer of the site itself nothing is under way. Behind the answer of a gateway
        # (502, 504, 522 …) the site may still be at work.
        over = error.status is not None and error.status <= _SITE_ERROR
        now = asyncio.get_running_loop().time()
        record = job.record
        believed = now + (0.0 if over else self.request_timeout) + self._lag(record.kind)
        self.doubts[job.item] = _Doubt(
            record.ref, now, believed, str(error), _kind_with(record), faulty
        )

    def due(
        self, kinds: Collection[Kind], keys: Collection[str], *, ahead_s: float = 0.0
    ) -> list[int]:
        """Return the rows of these kinds (and keys, if any) to look for now, parents first."""
        upto = asyncio.get_running_loop().time() + ahead_s
        roots = self.context.roots  # above all other folders
        found = [
            (ref.kind.rank, ref not in roots, item)
            for item, at, ref in self._looks(kinds, keys)
            if at <= upto
        ]
        return [item for *_, item in sorted(found)]

    def next_look(self, kinds: Collection[Kind], keys: Collection[str]) -> float | None:
        """Return when the next record of these kinds is looked for, None if none is."""
        return min((at for _, at, _ in self._looks(kinds, keys)), default=None)

    def _looks(
        self, kinds: Collection[Kind], keys: Collection[str]
    ) -> Iterator[tuple[int, float, Ref]]:
        for item, doubt in self.doubts.items():
            ref = doubt.ref
            if doubt.next_look < inf and ref.kind in kinds and (not keys or ref.key in keys):
                yield item, doubt.next_look, ref

    def held(self) -> set[Kind]:
        """Return the kinds that wait for a field in doubt, or for one that is sent again.

        If they were written now, values would become text although the field may exist.
        """
        of = {doubt.of for doubt in self.doubts.values() if not doubt.given_up}
        borrowers = self.context.schema.field_owner
        return {kind for kind in Kind if kind in of or borrowers.get(kind) in of - {None}}

    def one_of_equals(self, record: Record) -> AbstractAsyncContextManager[object]:
        """Hold back equal files of an owner: only one at a time is sent or looked for.

        Files have no marks: while one is being sent, a look for another would adopt it.
        """
        if not isinstance(record, Attachment):
            return nullcontext()
        return self._same.setdefault((record.owner, record.part, record.name), asyncio.Lock())

    async def until_nothing_is_due(self) -> None:
        """Settle everything that can be settled while nothing is written, as in a rollback."""
        kinds = tuple(Kind)
        await self.gather()
        while (at := self.next_look(kinds, ())) is not None:
            seconds = at - asyncio.get_running_loop().time()
            waits = self.context.run.waits
            if not await waits.sleep(max(seconds, 0), "a lost request may still arrive"):
                return
            for item in self.due(kinds, ()):
                await self.look(item)

    async def look(self, item: int, marked: Collection[str] = ()) -> bool:
        """Look for a record; return whether it was found and adopted.

        ``marked`` are target ids of objects that have its mark, wherever they are.
        """
        store = self.context.store
        self.doubts[item].marked = marked or self.doubts[item].marked
        # read again, since the record's parent may just have been found
        job = await store.loading.job(item)
        record = job.record
        with logger.contextualize(stage="settle", kind=record.kind.value, key=record.key):
            async with self.one_of_equals(record):
                try:
                    return await self._look(job, self.doubts[item])
                except (RejectedError, RecordError, DoubtError) as error:
                    logger.warning("could not be looked for: {}", error)
                    await self._not_looked_for(job, self.doubts[item], str(error))
                    return False

    async def _look(self, job: LoadJob, doubt: _Doubt) -> bool:
        if job.written is not None:
            # an update may be sent again: it gives the same object
            await self._send_again(job, "an update in doubt is sent again")
            return False
        missing = [ref for ref, written in job.links.items() if written is None]
        parent = next((ref for ref in job.record.parents() if ref in missing), None)
        if parent is not None:
            return await self._look_after(parent, job, doubt)
        job = await self._fingerprinted(job)
        found = await find(self.context.sink, job.record, self.context.links(job))
        ids = [each.written.target_id for each in found]
        # of several equal files of one owner each belongs to one attachment
        taken = await self.context.store.target_index.claimed_by_others(job.record.ref, ids)
        found = tuple(each for each in found if each.written.target_id not in taken)
        if not found:
            return await self._adopt_elsewhere(job, doubt) or await self._not_found(job, doubt)
        finished = not doubt.faulty and not self.context.schema.to_finish(job.record)
        await self._adopt(job, _adopted(found), finished=finished)
        if doubt.faulty:  # it exists, perhaps in part; a later try is an update
            await self._refuse(attrs.evolve(job, to_finish=True), doubt.reason)
        self.doubts.pop(job.item, None)
        return True

    async def _adopt_elsewhere(self, job: LoadJob, doubt: _Doubt) -> bool:
        """Adopt an object that has the record's mark in another place than the record belongs to.

        It was moved in the source, or in the target, and no store knew both places. Sent again, it
        would exist twice; it stays as it is until somebody decides.
        """
        store, record = self.context.store, job.record
        taken = await store.target_index.claimed_by_others(record.ref, list(doubt.marked))
        for target_id in doubt.marked:
            written = None
            if target_id not in taken:
                written = await current(self.context.sink, record.kind, target_id)
            if written is not None:
                await self._adopt(job, written, finished=False)
                job = attrs.evolve(job, written=written)
                await store.loading.record_conflict(self.context.run.id, job, _ELSEWHERE)
                self.doubts.pop(job.item, None)
                return True
        return False

    async def _adopt(self, job: LoadJob, written: Written, *, finished: bool) -> None:
        """Store an object as the record's.

        While a new store takes over what an earlier one wrote, what is listed under its owner alone
        may be there, too. It is put in doubt before the answer releases it, unless ``adopt`` is
        still to list it.
        """
        if self.context.store.facts.adoption is Phase.BEGUN and not self.listing:
            for kind, owners in owner_kinds(self.context.sink).items():
                if job.record.kind in owners:
                    index = self.context.store.target_index
                    hidden = await index.ready_under(kind, job.record.kind, [job.record.key])
                    await index.doubt_marked(kind, [each.key for each in hidden])
            await self.gather()
        await self.context.answered(job, written, finished=finished, event=JournalEvent.ADOPTED)

    async def _fingerprinted(self, job: LoadJob) -> LoadJob:
        """Return a file's job with what the file holds, read at the source if necessary."""
        store, source = self.context.store, self.context.source
        if not isinstance(job.record, Attachment) or job.record.sha256:
            return job
        if source is None:
            raise RecordError("only the source knows the content of the file")
        return await store.loading.save_content(job, await hash_file(source, job.record))

    async def _look_after(self, parent: Ref, job: LoadJob, doubt: _Doubt) -> bool:
        """Postpone a look until the parent is found.

        If the parent is absent, so is the record, unless it was in another place.
        """
        of_parent = next((each for each in self.doubts.values() if each.ref == parent), None)
        if of_parent is None or (of_parent.next_look == inf and not of_parent.given_up):
            if await self._adopt_elsewhere(job, doubt):
                return True
            await self._send_again(job, f"{parent} is not in the target, so this is not either")
        elif of_parent.given_up:
            await self._give_up(job, doubt, f"{parent} could not be looked for")
        else:
            soon = asyncio.get_running_loop().time() + PARENT_FIRST_S
            self._at(doubt, max(of_parent.next_look, soon))
        return False

    async def _not_looked_for(self, job: LoadJob, doubt: _Doubt, reason: str) -> None:
        if asyncio.get_running_loop().time() < doubt.believed:
            self._at(doubt, doubt.believed)
        else:
            await self._give_up(job, doubt, reason)

    async def _give_up(self, job: LoadJob, doubt: _Doubt, reason: str) -> None:
        doubt.next_look, doubt.given_up = inf, True
        why = f"{doubt.reason}; could not be looked for in the target: {reason}"
        await self.context.store.loading.record_doubt(self.context.run.id, job, why)

    async def _not_found(self, job: LoadJob, doubt: _Doubt) -> bool:
        """Wait until absence is believed, then have the record sent again."""
        if asyncio.get_running_loop().time() < doubt.believed:
            self._at(doubt, doubt.believed)
        elif doubt.faulty:
            await self._refuse(job, doubt.reason)
        elif job.attempts < _MOST_ATTEMPTS:
            await self._send_again(job, "looked for and not found: sent again")
        else:
            sent = counted(job.attempts, "time")
            why = f"sent {sent}, and not found in the target after any; the last time: "
            await self._refuse(job, why + doubt.reason)
        return False

    async def _refuse(self, job: LoadJob, why: str) -> None:
        await self.context.store.loading.record_refusal(self.context.run.id, job, why)
        self.doubts.pop(job.item, None)

    async def _send_again(self, job: LoadJob, why: str) -> None:
        # it stays in ``doubts`` until it is answered: what waits for a field goes on waiting
        self.doubts[job.item].next_look = inf
        await self.context.store.loading.record_not_sent(self.context.run.id, job, why)

    def _at(self, doubt: _Doubt, when: float) -> None:
        doubt.next_look = when
        asyncio.get_running_loop().call_at(when, self.wake)

    def _lag(self, kind: Kind) -> float:
        return 0.0 if kind in self.context.schema.consistent_kinds else self.lag


def _kind_with(record: Record) -> Kind | None:
    """Return the kind whose records carry a field; None for what is not a field."""
    return record.of if isinstance(record, FieldDefinition) else None


def _adopted(found: tuple[Found, ...]) -> Written:
    first, *others = found
    if not others:
        return first.written
    pids = ", ".join(other.written.pid or other.written.target_id for other in others)
    note = DUPLICATE_IN_TARGET.note(
        f"The target holds this more than once; besides {first.written.pid} also {pids}"
    )
    return attrs.evolve(first.written, notes=(*first.written.notes, note))

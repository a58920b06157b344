"""Loading: every mapped record into the target, each at most once.

A feeder asks the store what may be written next and keeps the slots full; workers journal their
intent, send, and store the answer. What waits for a record is let go with its answer, so children
start as soon as their own parents stand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
from loguru import logger

from ztoq_core.contracts import Content, Schema, Sink, Skip, Source, Written
from ztoq_core.engine.adopt import adopt
from ztoq_core.engine.crew import crew
from ztoq_core.engine.fields import Gap, definitions, gaps
from ztoq_core.engine.names import tell_nameless
from ztoq_core.engine.passing import fingerprint, passed_on
from ztoq_core.engine.progress import Progress, Stop, Teller
from ztoq_core.engine.settle import settle
from ztoq_core.errors import (
    AccessError,
    ConfigError,
    DoubtError,
    RecordError,
    RejectedError,
    RetryableError,
    ServiceError,
    StoreError,
    one_error,
)
from ztoq_core.records import Attachment, Kind, Level, Note, Record, Ref
from ztoq_core.store import MISSING, Answered, Intent, Job, Store
from ztoq_core.words import counted

__all__ = ["load"]

SITE_ERROR = 500
_READINGS = 3
"""Times that the source is asked for a file that breaks off on its way."""
SHOWN = 5
_PUT_OFF_S = 5.0
"""Seconds between two moves of the deadlines: so much too early may a request be looked for."""
ADOPTION = "adoption"
"""The store's fact that says whether taking over what bears its marks was begun or ended."""


async def load(  # noqa: PLR0913 - the choices of the command
    store: Store,
    sink: Sink,
    run: int,
    progress: Progress,
    *,
    accept_missing_fields: bool = False,
    dry_run: bool = False,
    slots: int = 32,
    request_timeout: float = 60.0,
    on_conflict: str = "keep-target",
    source: Source | None = None,
    stop: Stop | None = None,
) -> None:
    """Write what is ready, finish what is written, settle what is in doubt.

    ``request_timeout`` (seconds) is that of one request: so long after an intent an unanswered
    request may still arrive. ``on_conflict`` is ``keep-target``, ``overwrite`` or ``fail``: what
    becomes of objects that somebody edited, and of executions older than the newest in the target.
    ``source`` gives the files that the store does not hold.

    Raises:
        ConfigError: Fields or permissions are missing; nothing was written. The message lists them.
        AccessError, RetryableError: The target stopped the work; what is not sent stays ready.
    """
    stop = stop or Stop()
    teller = Teller("load", progress)
    for finding in await sink.check():
        teller.say(finding.text, finding.level)
    store.bind(sink=sink.identity)
    schema = await sink.describe()
    missing = gaps(await store.read(store.mapped.wants), schema)
    creates = schema.can_create_fields and schema.fields_known
    if not accept_missing_fields:
        _refuse_gaps(missing, schema, creates=creates)
    _tell_gaps(missing, teller, creates=creates)
    await tell_nameless(store, teller)
    if dry_run:
        counts = await store.read(store.outbox.left)
        teller.say(f"{counted(counts, 'record')} would be written; nothing was sent (--dry-run)")
        return
    if creates:
        await store.write(store.mapped.bring, definitions(missing))
    await store.write(store.mapped.bring, schema.roots)
    await store.write(store.turns.prepare, on_conflict == "overwrite")
    in_store = await store.read(store.counts)
    teller.totals = {kind: sum(states.values()) for kind, states in in_store.items()}
    stage = _Loading(
        store, sink, schema, run, teller, stop, slots, request_timeout, on_conflict, source
    )
    await stage.everything()
    teller.log_queue()


def _refuse_gaps(missing: Sequence[Gap], schema: Schema, *, creates: bool) -> None:
    open_ = [gap for gap in missing if gap.required or not creates]
    if schema.fields_known and not open_:
        return
    if schema.fields_known:
        first = "The target lacks fields or values that the records need."
    else:
        first = (
            "The fields of the target cannot be listed with these credentials: it may lack what "
            "the records need."
        )
    lines = "\n".join(f"  - {gap}" for gap in open_)
    raise ConfigError(
        f"{first} Nothing was written. Ask an administrator of the target project for the "
        "following, or set create_fields = true in [sink] with an administrator's credentials, or "
        f"go on with --accept-missing-fields: values then stand as text.\n{lines}".rstrip()
    )


def _tell_gaps(missing: Sequence[Gap], teller: Teller, *, creates: bool) -> None:
    """Say in a line per kind what is missing and what becomes of it."""
    for made in (True, False):
        for kind in Kind:
            names = [
                f"{gap.name!r}" + (f" (+{counted(len(gap.values), 'value')})" if gap.exists else "")
                for gap in missing
                if gap.of is kind and made is (creates and not gap.required)
            ]
            if names:
                does = "Will create fields" if made else "Missing fields"
                teller.say(f"{does} of {kind}: {', '.join(names)}", "info" if made else "warning")


@attrs.define
class _Loading:
    store: Store
    sink: Sink
    schema: Schema
    run: int
    teller: Teller
    stop: Stop
    slots: int
    timeout: float
    on_conflict: str = "keep-target"
    source: Source | None = None
    roots: dict[Ref, Written | None] = attrs.field(factory=dict)
    busy: set[int] = attrs.field(factory=set)
    despite_doubt: bool = False
    halt: ServiceError | StoreError | None = None
    freed: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def everything(self) -> None:
        """Fields first, then the roots, then all else; doubt is settled before and after."""
        waiting = asyncio.create_task(self._put_off())
        try:
            await self._all_phases()
        finally:
            waiting.cancel()

    async def _put_off(self) -> None:
        """Put deadlines off while requests wait for their turn.

        A request that the pacer holds back leaves later than its intent says, and a run that goes
        on after a kill would look for it too early.
        """
        while True:
            await asyncio.sleep(_PUT_OFF_S)
            try:
                await self.store.write(self.store.outbox.put_off, set(self.busy), self.timeout)
            except StoreError as error:
                self.halt = self.halt or error
                return

    async def _all_phases(self) -> None:
        await self._adopt()
        await self._settle()
        # what is missing in these would change how all that follows is written
        await self._settled_phase((Kind.FIELD,))
        if self.schema.roots:
            await self._settled_phase((Kind.FOLDER,), [root.key for root in self.schema.roots])
            stored = await self.store.read(self.store.outbox.stored, Kind.FOLDER, 0, 1_000_000)
            keys = {root.ref for root in self.schema.roots}
            self.roots = {each.ref: each.written for _, each in stored if each.ref in keys}
        kinds = tuple(self.schema.kinds)
        await self._settled_phase(kinds)
        if await self.store.read(self.store.outbox.in_doubt):
            # what only mentions it is written without, so that doubt never blocks the rest
            self.despite_doubt = True
            await self._settled_phase(kinds)
        if not self.stop.wished and await self.store.write(self.store.turns.reopen) > 0:
            await self._settled_phase(kinds)

    async def _settled_phase(self, kinds: Collection[Kind], keys: Collection[str] = ()) -> None:
        """Write until nothing is in doubt that looking for it can settle."""
        await self._phase(kinds, keys)
        while await self._settle():
            await self._phase(kinds, keys)

    async def _adopt(self) -> None:
        """Before the first write of a store: take over what bears its marks (a lost store).

        An adoption that was stopped goes on: what it adopted does not make the store whole.
        """
        begun = self.store.meta(ADOPTION) == "begun"
        if not begun and not await self.store.read(self.store.outbox.untouched):
            return
        self.store.set_meta(ADOPTION, "begun")
        with one_error():
            await adopt(*self._scene())
        doubts = await self.store.read(self.store.outbox.in_doubt)
        if not self.stop.wished and not doubts:
            self.store.set_meta(ADOPTION, "ended")

    async def _settle(self) -> int:
        """Settle what is in doubt; return how many records became certain."""
        if self.stop.wished:
            return 0
        return await settle(*self._scene())

    def _scene(self) -> Any:
        """Return what settling and adopting need."""
        reads = None if self.source is None else partial(fingerprint, self.source)
        scene = self.store, self.sink, self.schema, self.run, self.teller, self.roots, self.stop
        return (*scene, reads)

    # --------------------------------------------------------------------------- the pipeline

    async def _phase(self, kinds: Collection[Kind], keys: Collection[str] = ()) -> None:
        await crew(
            self.slots, self.teller, self._work, lambda queue: self._feed(queue, kinds, keys)
        )
        if self.halt is not None:
            raise self.halt

    async def _feed(
        self, queue: asyncio.Queue[Job | None], kinds: Collection[Kind], keys: Collection[str]
    ) -> None:
        outbox = self.store.outbox
        while not self.stop.wished and self.halt is None:
            self.freed.clear()
            idle = not self.busy  # before the store is asked: an answer may come in meanwhile
            room = queue.maxsize - len(self.busy)
            jobs = await self.store.read(outbox.to_finish, self.busy, room)
            if len(jobs) < room:
                jobs += await self.store.read(
                    outbox.to_write, kinds, keys, self.busy, room - len(jobs)
                )
            for job in jobs:
                self.busy.add(job.item)
                await queue.put(job)
            if self.busy:
                # where there was more to do than room, ask again when half the room is free;
                # else after each answer, since each may let something go
                enough = queue.maxsize // 2 if len(jobs) == room else len(self.busy) - 1
                while len(self.busy) > enough:
                    await self.freed.wait()
                    self.freed.clear()
            elif idle and not jobs and not await self._release(kinds, keys):
                return
        while self.busy:
            await self.freed.wait()
            self.freed.clear()

    async def _release(self, kinds: Collection[Kind], keys: Collection[str]) -> bool:
        """Let something go on that waits for itself by a detour; return whether there was any."""
        turns = self.store.turns
        if len(kinds) > 1:  # else what a text refers to may only be written later
            despite = self.despite_doubt
            if await self.store.write(lambda: turns.let_finish(despite_doubt=despite)):
                return True
        return await self._break_circle(kinds, keys)

    async def _break_circle(self, kinds: Collection[Kind], keys: Collection[str]) -> bool:
        ref = await self.store.write(
            lambda: self.store.turns.break_circle(kinds, keys, despite_doubt=self.despite_doubt)
        )
        if ref is not None:
            self.teller.say(
                f"{ref} refers to itself through others; written without that", "warning"
            )
        return ref is not None

    async def _work(self, job: Job) -> None:
        if not (self.stop.wished or self.halt):
            record = job.record
            with logger.contextualize(stage="load", kind=record.kind.value, key=record.key):
                await self._one(job)
        self.busy.discard(job.item)
        self.freed.set()

    # ----------------------------------------------------------------------------- one record

    async def _one(self, job: Job) -> None:
        writing = not job.to_finish
        try:
            if writing:
                await self._write(job)
            else:
                await self._finish(job)
        except (AccessError, RetryableError) as error:
            self.halt = self.halt or error
            if writing:
                await self.store.write(self.store.outbox.not_sent, self.run, job, str(error))
        except DoubtError as error:
            logger.warning("in doubt: {}", error)
            # after the site's own answer nothing is under way; behind a gateway's (502, 504, 522 …)
            # the site may still be at work
            over = error.status is not None and error.status <= SITE_ERROR
            await self.store.write(
                self.store.outbox.doubted, self.run, job, str(error), 0 if over else self.timeout
            )
        except Skip as skip:
            logger.info("left out: {}", skip.why)
            await self.store.write(self.store.outbox.left_out, self.run, job, skip)
        except (RejectedError, RecordError) as error:
            logger.warning("refused: {}", error)
            await self.store.write(self.store.outbox.refused, self.run, job, str(error))
        except StoreError as error:
            self.halt = self.halt or error

    async def _write(self, job: Job) -> None:
        record = job.record
        if job.late and not await self._may_be_late(job):
            return
        if job.written is not None and not await self._is_ours(job, job.written):
            return
        if isinstance(record, Attachment) and job.content is None and job.written is None:
            job, written = await self._pass_on(job, record)
        else:
            written = await self._send(job, job.content)
        finished = not self.schema.to_finish(record)
        await self._answered(job, written, finished=finished)
        if finished:
            self.teller.done(record.kind)

    async def _send(self, job: Job, content: Content | None) -> Written:
        await self.store.gather(
            self.store.outbox.intend, Intent(run=self.run, job=job, deadline_s=self.timeout)
        )
        target_id = job.written.target_id if job.written else None
        return await self.sink.write(job.record, target_id, self._links(job), content)

    async def _pass_on(self, job: Job, file: Attachment) -> tuple[Job, Written]:
        """Write a file that the store does not hold, while it is read at the source."""
        if self.source is None:
            raise RecordError("The store does not hold the file's content; extract again")
        attempts = 0
        while True:
            attempts += 1
            async with passed_on(self.store, self.source, file) as way:
                try:
                    written = await self._send(job, way.content)
                except RejectedError as error:
                    if not way.lost or attempts == _READINGS:
                        raise
                    logger.warning("attempt {} to pass the file on failed: {}", attempts, error)
                    continue
            try:
                kept = way.kept or await fingerprint(self.source, file)
            except ServiceError as error:
                raise DoubtError(f"it was sent, and then: {error}", status=200) from error
            return await self.store.write(self.store.outbox.learn, job, kept), written

    async def _may_be_late(self, job: Job) -> bool:
        """Whether an execution may be written although a later one of its run stands already."""
        reason = "an older execution came late; the target would show it as the newest of its run"
        if self.on_conflict == "overwrite":
            return True
        if await self.store.read(self.store.decisions.insisted, job.item, job.digest):
            return True
        if self.on_conflict == "fail":
            raise RecordError(f"{reason}, and conflicts are to fail")
        await self.store.write(self.store.outbox.conflicts, self.run, job, reason)
        return False

    async def _is_ours(self, job: Job, written: Written) -> bool:
        """Whether an object that is to be updated still is as ztoq left it."""
        present = await self.sink.look(job.record.kind, written.target_id)
        if present is not None and (not written.stamp or present.stamp == written.stamp):
            return True
        what = "removed from" if present is None else "edited in"
        reason = f"it was {what} the target since ztoq wrote it"
        if present is not None and self.on_conflict == "overwrite":
            logger.warning("{}; overwritten", reason)
            return True
        if self.on_conflict == "fail":
            raise RecordError(f"{reason}, and conflicts are to fail")
        await self.store.write(self.store.outbox.conflicts, self.run, job, reason)
        return False

    async def _finish(self, job: Job) -> None:
        if job.written is None:
            raise StoreError(f"{job.record.ref} is written but has no target id in the store")
        written = job.written
        if job.again and not await self._is_ours(job, written):
            return
        if self.schema.to_finish(job.record):
            links = {**self._links(job), job.record.ref: job.written}
            written = await self.sink.finish(job.record, job.written, links)
            written = _with_missing(job.record, written, links)
        await self._answered(job, written, finished=True)
        self.teller.done(job.record.kind)

    async def _answered(self, job: Job, written: Written, *, finished: bool) -> None:
        await self.store.gather(
            self.store.outbox.answered,
            Answered(run=self.run, job=job, written=written, finished=finished),
        )

    def _links(self, job: Job) -> Mapping[Ref, Written | None]:
        return {**self.roots, **job.links}


def _with_missing(record: Record, written: Written, links: Mapping[Ref, Written | None]) -> Written:
    """Note what a record's texts point at that is not in the target."""
    missing = [str(ref) for ref in record.refers if links.get(ref) is None]
    if not missing:
        return written
    named = ", ".join(missing[:SHOWN]) + (" …" if len(missing) > SHOWN else "")
    text = f"its texts point at what is not in the target and show words instead: {named}"
    note = Note(level=Level.FALLBACK, code=MISSING, text=text)
    return attrs.evolve(written, notes=(*written.notes, note))

"""Loading: every mapped record into the target, each at most once.

A feeder asks the store what may be written next and keeps the slots full; workers journal their
intent, send, and store the answer. Each answer releases the records that depend on it, so a child
starts as soon as its parents exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import attrs
from loguru import logger

from ztoq_core.contracts import Sink, Skip, Source
from ztoq_core.engine.extract.id_names import warn_unresolved_ids
from ztoq_core.engine.load.adopt import adopt
from ztoq_core.engine.load.containers import look_at_containers
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.deletion_doubt import settle_deletions
from ztoq_core.engine.load.doubt import Settling
from ztoq_core.engine.load.target_fields import missing_fields, require_fields, save_definitions
from ztoq_core.engine.load.write_record import RecordWriter
from ztoq_core.engine.run import Run, run_workers
from ztoq_core.engine.sides import checked, described
from ztoq_core.errors import (
    AccessError,
    DoubtError,
    RecordError,
    RejectedError,
    RetryableError,
    ServiceError,
    StoreError,
    one_error,
)
from ztoq_core.plugin_calls import FaultyPluginError
from ztoq_core.records import Kind, counted
from ztoq_core.store import NOT_DUE, Facts, LoadJob, Phase

_Task = tuple[int, LoadJob | None]
"""A row, and what to do with it: write or finish its job, or (None) look for it."""


async def load(
    run: Run,
    sink: Sink,
    *,
    accept_missing_fields: bool = False,
    on_conflict: str = "keep-target",
    source: Source | None = None,
) -> None:
    """Write what is ready, finish what is written, settle what is in doubt.

    ``on_conflict`` is ``keep-target``, ``overwrite`` or ``fail``: what to do with objects that
    somebody edited, and with executions older than the newest in the target. ``source`` provides
    the files that the store does not hold.

    Raises:
        ConfigError: Fields or permissions are missing; nothing was written. The message lists them.
        AccessError, RetryableError: The target stopped the work; what is not sent stays ready.
    """
    store, reporter = run.store, run.reporter("load")
    for finding in await checked(sink):
        reporter.message(finding.text, finding.level)
    store.bind(sink=sink.identity)
    if run.dry_run:
        return  # ``plan`` says what would be done
    await settle_deletions(run, sink, wait_s=run.request_timeout)
    schema = await described(sink)
    missing = missing_fields(await store.transformation.needs(), schema)
    require_fields(missing, schema, reporter, accepts=accept_missing_fields)
    await warn_unresolved_ids(store, reporter)
    if schema.can_create_fields and schema.fields_known:
        await save_definitions(run, missing)
    await look_at_containers(run, sink, schema, reporter, on_conflict=on_conflict)
    await store.transformation.save_derived(schema.roots)
    await store.dependencies.prepare(overwrite_conflicts=on_conflict == "overwrite")
    in_store = await store.database.read(store.reporting.counts)
    due = {
        kind: sum(number for state, number in states.items() if state not in NOT_DUE)
        for kind, states in in_store.items()
    }
    reporter.expect({kind: due[kind] for kind in Kind if due.get(kind)})
    context = LoadContext(run, sink, schema, reporter, source)
    await _Loading(context, RecordWriter(context, on_conflict)).everything()
    reporter.log_queue()


@attrs.define
class _Loading:
    context: LoadContext
    writer: RecordWriter
    busy: set[int] = attrs.field(factory=set)
    ignore_unknown: bool = False
    fatal_error: ServiceError | StoreError | None = None
    slot_freed: asyncio.Event = attrs.field(factory=asyncio.Event)
    settling: Settling = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Wake the feeder when a record in doubt is to be looked for."""
        self.settling = Settling.of(self.context, self.slot_freed.set)

    async def everything(self) -> None:
        """Load fields first, then the root folders, then everything else."""
        roots = self.context.schema.roots
        await self.context.read_roots()
        await self.settling.gather()
        await self._adopt()
        if doubts := len(self.settling.doubts):
            some = counted(doubts, "record")
            self.context.reporter.message(f"Looking for {some} that the target may hold already")
        # the field of the source's key first: a project may take only a few
        keys = [
            f"{kind}/{self.context.schema.mark_field}" for kind in self.context.schema.mark_kinds
        ]
        await self._phase((Kind.FIELD,), keys, first=True)
        await self._phase((Kind.FIELD,), first=True)
        if roots:
            await self._phase((Kind.FOLDER,), [root.key for root in roots], first=True)
        await self._phase(tuple({Kind.FIELD, *self.context.schema.kinds}))
        await self._end_adoption()

    async def _adopt(self) -> None:
        """Before the first write of a new store, take over what an earlier store wrote.

        An adoption that was stopped goes on, although something is written by then.
        """
        store = self.context.store
        begun = store.facts.adoption is Phase.BEGUN
        if not begun and not await store.target_index.nothing_written():
            return
        await store.facts.save(Facts.adoption, Phase.BEGUN)
        self.settling.listing = True
        with one_error():
            await adopt(self.context, self.settling)
        self.settling.listing = False
        await self._end_adoption()

    async def _end_adoption(self) -> None:
        store = self.context.store
        begun = store.facts.adoption is Phase.BEGUN and not self.context.run.waits.stopping
        if begun and not await store.loading.in_doubt():
            await store.facts.save(Facts.adoption, Phase.ENDED)

    # --------------------------------------------------------------------------- the pipeline

    async def _phase(
        self, kinds: Collection[Kind], keys: Collection[str] = (), *, first: bool = False
    ) -> None:
        """Write what is ready of these kinds (and keys, if any).

        A ``first`` phase comes before others, whose records depend on it. It does not wait for
        fields in doubt: the kinds that carry them are held back instead.
        """
        await run_workers(
            self.context.run.slots,
            self.context.reporter,
            self._work,
            lambda queue: self._feed(queue, kinds, keys, first=first),
        )
        if self.fatal_error is not None:
            raise self.fatal_error

    async def _feed(
        self,
        queue: asyncio.Queue[_Task | None],
        kinds: Collection[Kind],
        keys: Collection[str],
        *,
        first: bool,
    ) -> None:
        while not self.context.run.waits.stopping and self.fatal_error is None:
            self.slot_freed.clear()
            # noted before the store is asked: an answer may come in meanwhile
            idle = not self.busy
            room = queue.maxsize - len(self.busy)
            tasks = await self._next_tasks(kinds, keys, room)
            for task in tasks:
                self.busy.add(task[0])
                await queue.put(task)
            if self.busy:
                # If there was more to do than room, ask again when half the room is free: fewer
                # queries. Else ask after each answer, since each may release a record.
                enough = queue.maxsize // 2 if len(tasks) == room else len(self.busy) - 1
                # A look that falls due is a reason to ask only if there is room for it; else this
                # loop would spin without ever yielding to the workers.
                while len(self.busy) > enough and not (
                    len(self.busy) < queue.maxsize and self._due(kinds, keys)
                ):
                    await self.slot_freed.wait()
                    self.slot_freed.clear()
            elif idle and not tasks and not await self._more(kinds, keys, first=first):
                return
        while self.busy:
            await self.slot_freed.wait()
            self.slot_freed.clear()

    async def _next_tasks(
        self, kinds: Collection[Kind], keys: Collection[str], room: int
    ) -> list[_Task]:
        """Return what may be done now: look for what is in doubt, finish, write."""
        store = self.context.store
        tasks: list[_Task] = [(item, None) for item in self._due(kinds, keys)[:room]]
        jobs: list[LoadJob] = []
        if len(tasks) < room:
            jobs = await store.loading.jobs_to_finish(self.busy, room - len(tasks))
            tasks += [(job.item, job) for job in jobs]
        if len(tasks) < room:
            free = set(kinds) - self.settling.held() | ({Kind.FIELD} & set(kinds))
            if free:
                jobs = await store.loading.next_jobs(free, keys, self.busy, room - len(tasks))
                tasks += [(job.item, job) for job in jobs]
        return tasks

    def _due(self, kinds: Collection[Kind], keys: Collection[str]) -> list[int]:
        return [item for item in self.settling.due(kinds, keys) if item not in self.busy]

    async def _more(self, kinds: Collection[Kind], keys: Collection[str], *, first: bool) -> bool:
        """Return whether there may be more to do, after waiting for it if nothing else is left."""
        # while a kind is held back, its records are not a cycle: they wait for a field
        if not self.settling.held() and await self._release(kinds, keys):
            return True
        if first and Kind.FIELD in kinds:
            return False
        # an answer may put files in doubt: those of steps that were replaced
        if await self.settling.gather(earlier=False):
            return True
        if (at := self.settling.next_look(kinds, keys)) is not None:
            await self._wait_until(at)
            return True
        return not first and await self._at_last()

    async def _at_last(self) -> bool:
        """Go on without what cannot be settled, or finish again; return whether anything can.

        What only mentions a record in doubt is written without it: doubt never blocks the rest.
        """
        store = self.context.store
        if not self.ignore_unknown:
            self.ignore_unknown = bool(await store.loading.in_doubt())
            if self.ignore_unknown:
                return True
        reopened = await store.dependencies.requeue_finish()
        return bool(reopened)

    async def _wait_until(self, at: float) -> None:
        """Wait until a record is looked for again, or a stop is requested."""
        seconds = at - asyncio.get_running_loop().time()
        if seconds >= 1:
            self.context.reporter.message(
                f"Waiting {seconds:.0f} s until a lost request cannot arrive any more"
            )
        await self.context.run.waits.sleep(seconds, "a lost request may still arrive")

    async def _release(self, kinds: Collection[Kind], keys: Collection[str]) -> bool:
        """Release one record that depends on itself through others; return whether one did."""
        store, ignore = self.context.store, self.ignore_unknown
        # in a phase of one kind, what a text refers to may be written by a later phase
        if len(kinds) > 1 and await store.dependencies.release_finish(ignore_unknown=ignore):
            return True
        ref = await store.dependencies.release_cycle(kinds, keys, ignore_unknown=ignore)
        if ref is not None:
            self.context.reporter.message(
                f"{ref} is part of a dependency cycle; written without that reference", "warning"
            )
        return ref is not None

    async def _work(self, task: _Task) -> None:
        item, job = task
        if not (self.context.run.waits.stopping or self.fatal_error):
            await self._do(item, job)
        self.busy.discard(item)
        self.slot_freed.set()

    async def _do(self, item: int, job: LoadJob | None) -> None:
        try:
            if job is None:
                await self.settling.look(item)
                return
            with logger.contextualize(stage="load", kind=job.record.kind.value, key=job.record.key):
                await self._one(job)
        except (ServiceError, StoreError) as error:
            self.fatal_error = self.fatal_error or error

    # ----------------------------------------------------------------------------- one record

    async def _one(self, job: LoadJob) -> None:
        store, run = self.context.store, self.context.run.id
        writing = not job.to_finish
        try:
            if writing:
                async with self.settling.one_of_equals(job.record):
                    await self.writer.write(job)
            else:
                await self.writer.finish(job)
        except (AccessError, RetryableError) as error:
            if writing:
                await store.loading.record_not_sent(run, job, str(error))
            raise
        except DoubtError as error:
            logger.warning("in doubt: {}", error)
            await store.loading.record_doubt(run, job, str(error))
            self.settling.add(job, error)
            return
        except Skip as skip:
            logger.info("left out: {}", skip.why)
            await store.loading.record_skip(run, job, skip)
        except FaultyPluginError as fault:
            logger.warning("{}", fault)
            if writing and job.written is None:  # it may have been made before the fault
                await store.loading.record_doubt(run, job, str(fault))
                self.settling.add(job, DoubtError(str(fault), status=200), faulty=True)
                return
            await store.loading.record_refusal(run, job, str(fault))
        except (RejectedError, RecordError) as error:
            logger.warning("refused: {}", error)
            await store.loading.record_refusal(run, job, str(error))
        self.settling.doubts.pop(job.item, None)

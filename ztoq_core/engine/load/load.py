"""Loading: every mapped record into the target, each at most once.

A feeder asks the store what may be written next and keeps the slots full; workers journal their
intent, send, and store the answer. Each answer releases the records that depend on it, so a child
starts as soon as its parents exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import attrs
from loguru import logger

from ztoq_core.contracts import Content, Schema, Sink, Skip, Source, Written
from ztoq_core.engine.deletion_doubt import settle_deletions
from ztoq_core.engine.extract.id_names import warn_unresolved_ids
from ztoq_core.engine.guard import FaultyPluginError, check_written, plugin_call
from ztoq_core.engine.load.adopt import adopt
from ztoq_core.engine.load.containers import look_at_containers
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.doubt import Settling
from ztoq_core.engine.load.streaming import hash_file, stream_file
from ztoq_core.engine.load.target_fields import MissingField, field_definitions, missing_fields
from ztoq_core.engine.run import ProgressReporter, Run
from ztoq_core.engine.workers import run_workers
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
from ztoq_core.store import MISSING, NOT_DUE, Facts, Intent, LoadJob, Phase
from ztoq_core.vocabulary import counted

__all__ = ["load"]

_READINGS = 3
"""Times that the source is asked for a file that breaks off on its way."""
"""States that count neither as done nor as to do in the totals of the progress."""
SHOWN = 5
"""The store's fact that says whether taking over what bears its marks was begun or ended."""

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

    ``on_conflict`` is ``keep-target``, ``overwrite`` or ``fail``: what becomes of objects that
    somebody edited, and of executions older than the newest in the target. ``source`` gives the
    files that the store does not hold.

    Raises:
        ConfigError: Fields or permissions are missing; nothing was written. The message lists them.
        AccessError, RetryableError: The target stopped the work; what is not sent stays ready.
    """
    store, reporter = run.store, run.reporter("load")
    for finding in await sink.check():
        reporter.message(finding.text, finding.level)
    store.bind(sink=sink.identity)
    if not run.dry_run:
        await settle_deletions(run, sink, wait_s=run.request_timeout)
    schema = await sink.describe()
    missing = missing_fields(await store.transformation.needs(), schema)
    creates = schema.can_create_fields and schema.fields_known
    _refuse_missing(missing, schema, creates=creates, accepts=accept_missing_fields)
    _tell_missing(missing, reporter, creates=creates)
    await warn_unresolved_ids(store, reporter)
    if run.dry_run:
        counts = await store.loading.remaining()
        some = counted(counts, "record")
        reporter.message(f"{some} would be written; nothing was sent (--dry-run)")
        return
    if creates:
        await _bring_fields(run, missing)
    await look_at_containers(run, sink, reporter, on_conflict=on_conflict)
    await store.transformation.save_derived(schema.roots)
    await store.dependencies.prepare(overwrite_conflicts=on_conflict == "overwrite")
    in_store = await store.database.read(store.reporting.counts)
    due = {
        kind: sum(number for state, number in states.items() if state not in NOT_DUE)
        for kind, states in in_store.items()
    }
    reporter.expect({kind: due[kind] for kind in Kind if due.get(kind)})
    context = LoadContext(run, sink, schema, reporter, source)
    await _Loading(context, on_conflict).everything()
    reporter.log_queue()


async def _bring_fields(run: Run, missing: Sequence[MissingField]) -> None:
    """Store the fields to be made; one that an earlier run made and somebody deleted, once more."""
    store = run.store
    stored = await store.target_index.objects(Kind.FIELD, 0, 1_000_000)
    made = {each.ref.key for _, each in stored}
    absent = [field for field in missing if not field.exists]
    gone = [each.key for each in field_definitions(absent) if each.key in made]
    await store.target_index.missing(run.id, Kind.FIELD, gone)
    await store.transformation.save_derived(field_definitions(missing))


def _refuse_missing(
    missing: Sequence[MissingField], schema: Schema, *, creates: bool, accepts: bool
) -> None:
    """Stop before the first write where the target would refuse records.

    Raises:
        ConfigError: It lists what is missing: required fields, which nothing makes up for, and
            what the administrator may make (unless ``accepts``: then values become text).
    """
    if required := [field for field in missing if field.required]:
        lines = "\n".join(f"  - {field}" for field in required)
        raise ConfigError(
            "The target requires fields that the records do not fill. Nothing was written.\n"
            f"{lines}"
        )
    open_ = [] if creates else missing
    if accepts or (schema.fields_known and not open_):
        return
    if schema.fields_known:
        first = "The target lacks fields or values that the records need."
    else:
        first = (
            "The fields of the target cannot be listed with these credentials: it may lack what "
            "the records need."
        )
    lines = "\n".join(f"  - {field}" for field in open_)
    raise ConfigError(
        f"{first} Nothing was written. Ask an administrator of the target project for the "
        "following, or set create_fields = true in [sink] with an administrator's credentials, or "
        f"go on with --accept-missing-fields: values then stand as text.\n{lines}".rstrip()
    )


def _tell_missing(
    missing: Sequence[MissingField], reporter: ProgressReporter, *, creates: bool
) -> None:
    """Say in a line per kind what is missing and what becomes of it."""
    for made in (True, False):
        for kind in Kind:
            names = [
                f"{field.name!r}"
                + (f" (+{counted(len(field.values), 'value')})" if field.exists else "")
                for field in missing
                if field.of is kind and made is (creates and not field.required)
            ]
            if names:
                does = "Will create fields" if made else "Missing fields"
                level = "info" if made else "warning"
                reporter.message(f"{does} of {kind}: {', '.join(names)}", level)


@attrs.define
class _Loading:
    context: LoadContext
    on_conflict: str
    busy: set[int] = attrs.field(factory=set)
    ignore_unknown: bool = False
    fatal_error: ServiceError | StoreError | None = None
    slot_freed: asyncio.Event = attrs.field(factory=asyncio.Event)
    settling: Settling = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Let the feeder wake up when a look is due."""
        self.settling = Settling.of(self.context, self.slot_freed.set)

    async def everything(self) -> None:
        """Fields first, then the roots, then all else."""
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
        """Before the first write of a store: take over what bears its marks (a lost store).

        An adoption that was stopped goes on: what it adopted does not make the store whole.
        """
        store = self.context.store
        begun = store.facts.adoption is Phase.BEGUN
        if not begun and not await store.target_index.nothing_written():
            return
        await store.facts.save(Facts.adoption, Phase.BEGUN)
        with one_error():
            await adopt(self.context, self.settling)
        await self._end_adoption()

    async def _end_adoption(self) -> None:
        store = self.context.store
        begun = store.facts.adoption is Phase.BEGUN and not self.context.stop.requested
        if begun and not await store.loading.in_doubt():
            await store.facts.save(Facts.adoption, Phase.ENDED)

    # --------------------------------------------------------------------------- the pipeline

    async def _phase(
        self, kinds: Collection[Kind], keys: Collection[str] = (), *, first: bool = False
    ) -> None:
        """Write what is ready of these kinds; ``first``: what is missing in them changes the rest.

        A first phase does not wait for fields in doubt: the kinds that carry them are held back.
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
        while not self.context.stop.requested and self.fatal_error is None:
            self.slot_freed.clear()
            idle = not self.busy  # before the store is asked: an answer may come in meanwhile
            room = queue.maxsize - len(self.busy)
            tasks = await self._next_tasks(kinds, keys, room)
            for task in tasks:
                self.busy.add(task[0])
                await queue.put(task)
            if self.busy:
                # where there was more to do than room, ask again when half the room is free;
                # else after each answer, since each may let something go, and for each due look
                enough = queue.maxsize // 2 if len(tasks) == room else len(self.busy) - 1
                # a look that falls due is only a reason to ask where there is room for it: else
                # this would go round and round without ever letting the workers work
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
        """Return whether there may be more to do, where nothing can be done as things are now."""
        # while a kind is held back, what waits for it waits rightly
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
        """Return whether something may go on without what cannot be settled, or be finished again.

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
        """Wait for the next look or a stop request: nothing else is left to do."""
        seconds = at - asyncio.get_running_loop().time()
        if seconds >= 1:
            self.context.reporter.message(
                f"Waiting {seconds:.0f} s until a lost request cannot arrive any more"
            )
        await self.context.stop.wait(seconds, "a lost request may still arrive")

    async def _release(self, kinds: Collection[Kind], keys: Collection[str]) -> bool:
        """Release one record that depends on itself through others; return whether one did."""
        store, despite = self.context.store, self.ignore_unknown
        if len(kinds) > 1:  # else what a text refers to may only be written later
            finished = await store.dependencies.release_finish(despite_doubt=despite)
            if finished:
                return True
        ref = await store.dependencies.release_cycle(kinds, keys, despite_doubt=despite)
        if ref is not None:
            self.context.reporter.message(
                f"{ref} is part of a dependency cycle; written without that reference", "warning"
            )
        return ref is not None

    async def _work(self, task: _Task) -> None:
        item, job = task
        if not (self.context.stop.requested or self.fatal_error):
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
                    await self._write(job)
            else:
                await self._finish(job)
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

    async def _write(self, job: LoadJob) -> None:
        record = job.record
        if job.late and not await self._may_be_late(job):
            return
        if job.written is not None and not await self._is_ours(job, job.written):
            return
        if isinstance(record, Attachment) and job.content is None and job.written is None:
            job, written = await self._pass_on(job, record)
        else:
            if job.content is not None:
                await self.context.store.files.verify(job.content)
            written = await self._send(job, job.content)
        finished = not self.context.schema.to_finish(record)
        await self.context.answered(job, written, finished=finished)

    async def _send(self, job: LoadJob, content: Content | None) -> Written:
        store, sink, record = self.context.store, self.context.sink, job.record
        await store.loading.record_intents(Intent(run=self.context.run.id, job=job))
        target_id = job.written.target_id if job.written else None
        await store.before_write()
        with plugin_call(sink, "write", record.ref):
            written = await sink.write(record, target_id, self.context.links(job), content)
            check_written(written)
        return written

    async def _pass_on(self, job: LoadJob, file: Attachment) -> tuple[LoadJob, Written]:
        """Write a file that the store does not hold, while it is read at the source."""
        if self.context.source is None:
            raise RecordError("The store does not hold the file's content; extract again")
        attempts = 0
        while True:
            attempts += 1
            async with stream_file(self.context.store, self.context.source, file) as way:
                try:
                    written = await self._send(job, way.content)
                except (RejectedError, FaultyPluginError) as error:
                    if not way.lost or attempts == _READINGS:
                        raise
                    logger.warning("attempt {} to pass the file on failed: {}", attempts, error)
                    continue
            try:
                kept = way.kept or await hash_file(self.context.source, file)
            except ServiceError as error:
                raise DoubtError(f"it was sent, and then: {error}", status=200) from error
            return await self.context.store.loading.save_content(job, kept), written

    async def _may_be_late(self, job: LoadJob) -> bool:
        """Whether an execution may be written although a later one of its run stands already."""
        reason = "an older execution came late; the target would show it as the newest of its run"
        if self.on_conflict == "overwrite":
            return True
        if await self.context.store.decisions.insisted(job.item, job.digest):
            return True
        if self.on_conflict == "fail":
            raise RecordError(f"{reason}, and conflicts are to fail")
        await self.context.store.loading.record_conflict(self.context.run.id, job, reason)
        return False

    async def _is_ours(self, job: LoadJob, written: Written) -> bool:
        """Whether an object that is to be updated still is as ztoq left it."""
        sink, record = self.context.sink, job.record
        with plugin_call(sink, "current", record.ref):
            present = await sink.current(record.kind, written.target_id)
            if present is not None:
                check_written(present)
        if present is not None and (not written.stamp or present.stamp == written.stamp):
            return True
        what = "removed from" if present is None else "edited in"
        reason = f"it was {what} the target since ztoq wrote it"
        if present is not None and self.on_conflict == "overwrite":
            logger.warning("{}; overwritten", reason)
            return True
        if self.on_conflict == "fail":
            raise RecordError(f"{reason}, and conflicts are to fail")
        await self.context.store.loading.record_conflict(self.context.run.id, job, reason)
        return False

    async def _finish(self, job: LoadJob) -> None:
        if job.written is None:
            raise StoreError(f"{job.record.ref} is written but has no target id in the store")
        written = job.written
        if job.again and not await self._is_ours(job, written):
            return
        if self.context.schema.to_finish(job.record):
            links = {**self.context.links(job), job.record.ref: job.written}
            sink = self.context.sink
            with plugin_call(sink, "finish", job.record.ref):
                written = await sink.finish(job.record, job.written, links)
                check_written(written)
            written = _with_missing(job.record, written, links)
        await self.context.answered(job, written, finished=True)


def _with_missing(record: Record, written: Written, links: Mapping[Ref, Written | None]) -> Written:
    """Note what a record's texts point at that is not in the target."""
    missing = [str(ref) for ref in record.text_refs if links.get(ref) is None]
    if not missing:
        return written
    named = ", ".join(missing[:SHOWN]) + (" …" if len(missing) > SHOWN else "")
    text = f"its texts point at what is not in the target and show words instead: {named}"
    note = Note(level=Level.FALLBACK, code=MISSING, text=text)
    return attrs.evolve(written, notes=(*written.notes, note))

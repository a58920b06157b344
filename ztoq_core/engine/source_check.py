"""Whether the source is still as the store has it, and still needed.

``check_source`` reads lists only, and by name what no list holds. Nothing is downloaded or written
to the store but the result. ``verify_source_unchanged`` reads everything again instead, with steps,
files and links.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import attrs

from ztoq_core.contracts import Page, Reject, Source
from ztoq_core.engine.extract.extract import extract
from ztoq_core.engine.passes import KEPT_CHANGING, MOST_PASSES, Passes, RowSet
from ztoq_core.engine.run import Event, Run
from ztoq_core.engine.verdict.judgement import outcome
from ztoq_core.engine.verdict.problems import Goal
from ztoq_core.errors import Exit, RecordError, RejectedError
from ztoq_core.losses import LossPolicy
from ztoq_core.pictures.collector import PictureSources
from ztoq_core.plugin_calls import check_cursor, plugin_call, wrong
from ztoq_core.records import Kind, Record, Ref, counted, plain
from ztoq_core.store import Facts, FinalCheck, ListedAgain, SourceCheck, State

_SHOWN = 1000
_BATCH = 500
_NAMED = 20
_LOOKED_UP = (Kind.FOLDER, Kind.TEST_CASE, Kind.TEST_CYCLE)


async def check_source(run: Run, source: Source) -> SourceCheck | None:
    """List the source again, remember what that shows and return it; None if a stop was requested.

    Raises:
        AccessError, ServiceError: The source cannot be read.
    """
    store, reporter = run.store, run.reporter("source")
    store.bind(source=source.identity)
    listing = _Listing(run, source)
    reasons = await store.database.read(_lacking, run)
    for kind in source.kinds:
        try:
            await listing.read(kind)
        except (RejectedError, RecordError) as error:
            reasons.append(f"the list of {plain(kind)}s could not be read to its end: {error}")
        if run.waits.stopping:
            return None
        reporter.advance(kind, listing.listed.get(kind, 0))
    await listing.look_up_rest()
    rows = listing.rows()
    if missing := sum(row.missing for row in rows):
        reasons.append(f"{counted(missing, 'record is', 'records are')} not in the store")
    if changed := sum(row.changed for row in rows):
        reasons.append(f"{counted(changed, 'record has', 'records have')} changed since")
    found = SourceCheck(at=datetime.now(UTC), run=run.id, rows=rows, reasons=tuple(reasons))
    await store.facts.save(Facts.source_check, found)
    return None if run.waits.stopping else found


def _lacking(run: Run) -> list[str]:
    """Return what the store itself says it lacks."""
    reporting = run.store.reporting
    reasons = []
    if not reporting.extraction_complete:
        reasons.append("the extraction is incomplete")
    elif reporting.streamed:
        reasons.append('files were left at the source (attachments_mode = "stream")')
    counts = reporting.counts().values()
    if rejected := sum(each.get(State.REJECTED, 0) for each in counts):
        reasons.append(f"{counted(rejected, 'object')} could not be read (rejected)")
    if lost := run.store.final_check.lost_contents(run.store.files.has):
        reasons.append(f"the contents of {counted(lost, 'file')} are no longer on the disk")
    return reasons


@attrs.define
class _Listing:
    """What the lists hold now, against the store; ``seen`` are the rows that are there.

    Where a key repeats, its last entry counts, as for an extraction.
    """

    run: Run
    source: Source
    listed: dict[Kind, int] = attrs.field(factory=dict)
    seen: RowSet = attrs.field(factory=RowSet)
    missing: dict[Ref, None] = attrs.field(factory=dict)
    changed: dict[Ref, None] = attrs.field(factory=dict)
    gone: dict[Ref, None] = attrs.field(factory=dict)

    async def read(self, kind: Kind) -> None:
        """Read the list of ``kind``; again while it shifts, until nothing can be missing.

        Raises:
            RecordError: It keeps changing.
        """
        passes = Passes()
        for _ in range(MOST_PASSES):
            new, stable, cursor = 0, True, None
            seen: set[str] = set()
            while not self.run.waits.stopping:
                with plugin_call(self.source, "fetch", f"the list of {kind}"):
                    page = await self.source.fetch(kind, cursor)
                    if not isinstance(page, Page):
                        raise wrong(page, "a Page")
                    check_cursor(page.cursor, seen)
                new += await self._compare(page.records, passes)
                for reject in page.rejects:
                    self.missing[Ref(reject.kind, reject.key or "an object without a key")] = None
                stable = stable and page.stable
                if page.cursor is None:
                    break
                cursor = page.cursor
            if passes.end(new) or stable:
                return
        raise RecordError(KEPT_CHANGING)

    async def _compare(self, records: Sequence[Record], passes: Passes) -> int:
        """Compare records with the store; return how many were not seen before."""
        new = 0
        rows: list[int] = []
        others: list[Ref] = []
        for kind in dict.fromkeys(record.kind for record in records):
            these = {record.key: record for record in records if record.kind is kind}
            found = await self.run.store.final_check.listed(list(these.values()))
            rows += [row for row, _ in found.values()]
            others += [Ref(kind, key) for key in these if key not in found]
            fresh = sum(self._place(Ref(kind, key), found.get(key)) for key in these)
            self.listed[kind] = self.listed.get(kind, 0) + fresh
            new += fresh
        passes.add_page(rows, others)
        return new

    def _place(self, ref: Ref, found: tuple[int, bool] | None) -> bool:
        """Keep what the store has of a listed record; return whether it was not seen before."""
        if found is None:
            fresh = ref not in self.missing
            self.missing[ref] = None
            return fresh
        row, same = found
        if same:
            self.changed.pop(ref, None)
        else:
            self.changed[ref] = None
        return self.seen.add(row)

    async def look_up_rest(self) -> None:
        """Ask by name for what the store has and no list holds; the rest is gone."""
        kinds = [kind for kind in Kind if kind in {*self.source.kinds, *self.listed}]
        after = 0
        while batch := await self.run.store.final_check.kept(kinds, after, _BATCH):
            after = batch[-1][0]
            for row, ref in batch:
                if self.run.waits.stopping:
                    return
                if row in self.seen:
                    continue
                if ref.kind not in _LOOKED_UP or await self._absent(ref):
                    self.gone[ref] = None

    async def _absent(self, ref: Ref) -> bool:
        """Whether the source certainly does not have a record that no list holds."""
        try:
            with plugin_call(self.source, "resolve", ref):
                return isinstance(await self.source.resolve(ref), Reject)
        except (RejectedError, RecordError):  # nobody knows; the store has it
            return False

    def rows(self) -> tuple[ListedAgain, ...]:
        """Return the numbers of each kind, with the first keys."""
        found = []
        for kind in Kind:
            missing, changed, gone = (
                [ref.key for ref in refs if ref.kind is kind]
                for refs in (self.missing, self.changed, self.gone)
            )
            if self.listed.get(kind) or missing or gone:
                found.append(
                    ListedAgain(
                        kind=kind,
                        listed=self.listed.get(kind, 0),
                        missing=len(missing),
                        changed=len(changed),
                        gone=len(gone),
                        missing_keys=tuple(missing[:_SHOWN]),
                        changed_keys=tuple(changed[:_SHOWN]),
                        gone_keys=tuple(gone[:_SHOWN]),
                    )
                )
        return tuple(found)


async def verify_source_unchanged(
    run: Run,
    source: Source,
    *,
    pictures: PictureSources | None = None,
    stream: bool = False,
    policy: LossPolicy | None = None,
) -> FinalCheck | None:
    """Read everything again after a load, and store whether the migration is final.

    It is final if nothing is left open and the source has neither changed nor gained nor lost a
    record since it was read. ``policy`` says which losses fail. None if a stop was requested.
    """
    store = run.store
    await store.final_check.snapshot()
    digest, records = await store.final_check.digest()
    before = await store.database.read(outcome, store, Goal.LOAD, policy)
    mapped, journal = store.facts.mapped, store.journal.last()

    def forward(event: Event) -> None:
        run.progress(attrs.evolve(event, stage="final"))

    await extract(attrs.evolve(run, progress=forward), source, pictures=pictures, stream=stream)
    if run.waits.stopping:
        return None
    number, moved = await store.final_check.changes(_NAMED)
    # a finding or a loss is a reason, too
    reasons = [before.headline, *before.sentences] if before.exit is not Exit.OK else []
    if number:
        named = ", ".join(f"{ref} ({how})" for ref, how in moved)
        more = f" and {number - len(moved):,} more" if number > len(moved) else ""
        reasons.append(
            f"the source changed while it was read: {named}{more}; run ztoq migrate again"
        )
    else:
        await store.final_check.unchanged(mapped=mapped, journal=journal)
        after = await store.database.read(outcome, store, Goal.LOAD, policy)
        if after.exit is not Exit.OK and before.exit is Exit.OK:  # what could not be read again
            reasons = [after.headline, *after.sentences]
    found = FinalCheck(
        at=datetime.now(UTC), run=run.id, records=records, digest=digest, reasons=tuple(reasons)
    )
    await store.facts.save(Facts.final, found)
    return found

"""Applies a selection to the records in a store, with everything that they refer to.

The extraction reads everything; the selection takes effect in the transformation. Cases are checked
one by one, since folders, labels, status and keys are inside their records; everything else is SQL
over the references between records.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from itertools import groupby
from typing import Any

import attrs

from ztoq_core.engine.run import ProgressReporter
from ztoq_core.engine.schema_inference import folder_path
from ztoq_core.engine.transform.execution_order import run_of, sort_executions
from ztoq_core.errors import ConfigError
from ztoq_core.records import Kind, Tree, counted
from ztoq_core.selection import Selection, moment
from ztoq_core.spelling import nearest
from ztoq_core.store import ExtractedRecord, Facts, Selected, Store

_BATCH = 1000
_LIMITED = (Kind.TEST_LOG, Kind.ATTACHMENT)
_NUMBER = re.compile(r"(\d+)")


async def choose(store: Store, selection: Selection, reporter: ProgressReporter) -> bool:
    """Mark what the selection takes; return whether there is a selection, or was one before.

    Raises:
        ConfigError: It names a folder, cycle or case that does not exist, or takes nothing.
    """
    before = store.facts.selection
    if not selection and before == selection:
        return False
    stage = _Choosing(store, selection)
    seeds = await stage.seeds()
    await store.facts.save(Facts.selection, None)
    await store.selection.reset(list(Kind), Selected.YES)
    if selection:
        await stage.choose(seeds)
        reporter.message(f"Selection: {selection}")
        along = await store.selection.counts(Selected.ALONG)
        if along:
            figures = ", ".join(counted(number, kind) for kind, number in along.items())
            reporter.message(f"Also selected, because the selection refers to them: {figures}")
    await store.selection.note_included()
    return True


async def leave_out(store: Store, selection: Selection, reporter: ProgressReporter) -> None:
    """Skip what is not selected, once everything else is mapped, and store the selection."""
    await store.selection.leave_out()
    while await store.selection.skip_unneeded():
        pass
    out = await store.selection.counts(Selected.NO)
    if out:
        figures = ", ".join(counted(number, kind) for kind, number in out.items())
        reporter.message(f"Not selected: {figures}")
    await store.facts.save(Facts.selection, selection)


@attrs.frozen
class _Seeds:
    """Rows of the selected cases (None: cases do not matter), rows and keys of the cycles."""

    cases: list[int] | None
    cycles: list[tuple[int, str]]


@attrs.frozen
class _Choosing:
    store: Store
    selection: Selection

    async def seeds(self) -> _Seeds:
        """Find what the selection names, before anything is changed."""
        wanted = self.selection
        cycles = await self._cycles()
        keys = [key for _, key in cycles]
        if not (wanted.folder or wanted.label or wanted.status or wanted.case or wanted.limit):
            return _Seeds(None, cycles)
        fits = await self._fits(keys)
        found = [
            (key, number)
            async for number, plain in self._plain(Kind.TEST_CASE)
            if fits(plain) and (key := str(plain["key"]))
        ]
        missing = [key for key in wanted.case if key not in {key for key, _ in found}]
        if missing and not (wanted.folder or wanted.label or wanted.status or keys):
            raise ConfigError(f"The selection names the case {missing[0]!r}, which is not there")
        if not found:
            unknown = await self._unknown()
            raise ConfigError(
                f"The selection ({wanted}) takes no test case{unknown}; nothing was changed"
            )
        if wanted.limit:
            found = heapq.nsmallest(wanted.limit, found, key=lambda each: _order(each[0]))
        return _Seeds([number for _, number in found], cycles)

    async def _unknown(self) -> str:
        """Return the end of a message about labels and statuses that no case has."""
        labels: set[str] = set()
        statuses: set[str] = set()
        async for _, plain in self._plain(Kind.TEST_CASE):
            labels.update(plain.get("labels", ()))
            statuses.add(plain.get("status") or "")
        unknown = (
            ("label", self.selection.label, labels),
            ("status", self.selection.status, statuses),
        )
        return "".join(
            f"; no case has the {what} {each!r}{nearest(each, known - {''})}"
            for what, names, known in unknown
            for each in names
            if each not in known
        )

    async def choose(self, seeds: _Seeds) -> None:
        """Mark what is selected and what it refers to."""
        store, wanted = self.store, self.selection
        keys = [key for _, key in seeds.cycles]
        if seeds.cases is None and not keys:
            await store.selection.reset(_LIMITED, Selected.NO)
        else:
            await store.selection.reset(list(Kind), Selected.NO)
            await store.selection.choose([number for number, _ in seeds.cycles])
            for start in range(0, len(seeds.cases or ()), _BATCH):
                await store.selection.choose((seeds.cases or [])[start : start + _BATCH])
            of_cases = seeds.cases is not None
            await store.selection.choose_runs(keys, of_cases=of_cases)
        await self._logs()
        if wanted.newest is not None:
            await self._drop_older(wanted.newest)
        if wanted.since is not None:
            await store.selection.drop_empty_runs()
        while await store.selection.follow():
            pass
        await store.selection.choose_files()

    async def _logs(self) -> None:
        since = self.selection.since
        if since is None:
            await self.store.selection.choose_logs()
            return
        batch: list[int] = []
        async for number, plain in self._plain(Kind.TEST_LOG):
            if plain.get("ended") and moment(plain["ended"]) >= since:
                batch.append(number)
            if len(batch) == _BATCH:
                await self.store.selection.choose_logs(batch)
                batch = []
        await self.store.selection.choose_logs(batch)

    async def _drop_older(self, newest: int) -> None:
        """Keep only the newest selected logs of each run."""
        place = None
        tail: list[ExtractedRecord] = []
        while True:
            batch = await self.store.transformation.scan_logs(place, _BATCH)
            rows = tail + [scanned for _, scanned in batch]
            runs = [list(run) for _, run in groupby(rows, key=run_of)]
            tail = runs.pop() if batch and runs else []
            chosen = ([log.item for log in sort_executions(run) if log.chosen] for run in runs)
            await self.store.selection.drop(
                [number for logs in chosen for number in logs[:-newest]]
            )
            if not batch:
                return
            place = batch[-1][0]

    # --------------------------------------------------------------- what the selection names

    async def _cycles(self) -> list[tuple[int, str]]:
        """Return rows and keys of the cycles that the selection names by key or name."""
        wanted = self.selection.cycle
        if not wanted:
            return []
        found: list[tuple[int, str]] = []
        seen: set[str] = set()
        names: list[str] = []
        async for number, plain in self._plain(Kind.TEST_CYCLE):
            called = {plain["key"], plain["name"]}
            if called & set(wanted):
                found.append((number, plain["key"]))
                seen |= called
            names.append(plain["name"])
        _demand(wanted, seen, "test cycle", names)
        return found

    async def _fits(self, cycles: list[str]) -> Callable[[Mapping[str, Any]], bool]:
        """Return the function that decides whether a case, as plain JSON, is selected."""
        wanted = self.selection
        folders = await self._folders() if wanted.folder else set()
        of_cycles = await self.store.selection.cases_of(cycles) if cycles else set()
        only_cycles = bool(cycles) and not (
            wanted.folder or wanted.label or wanted.status or wanted.case
        )

        def fits(plain: Mapping[str, Any]) -> bool:
            if wanted.case:
                if plain["key"] not in wanted.case:
                    return False
            elif plain.get("gone") or plain.get("project"):
                return False  # not the project's own: only taken if something refers to it
            return (
                (not wanted.folder or (plain.get("folder") or {}).get("key") in folders)
                and (not wanted.label or bool(set(wanted.label) & set(plain.get("labels", ()))))
                and (not wanted.status or plain.get("status") in wanted.status)
                and (not only_cycles or plain["key"] in of_cycles)
            )

        return fits

    async def _folders(self) -> set[str]:
        """Return the keys of the selected folders and of all folders in them."""
        rows = {
            plain["key"]: (plain["name"], (plain.get("parent") or {}).get("key"))
            async for _, plain in self._plain(Kind.FOLDER)
            if plain["tree"] == Tree.CASES
        }
        paths = {key: folder_path(key, rows) for key in rows}
        wanted = [path.strip("/") for path in self.selection.folder]
        _demand(wanted, set(paths.values()), "folder", paths.values())
        return {
            key
            for key, path in paths.items()
            if any(path == each or path.startswith(f"{each}/") for each in wanted)
        }

    async def _plain(self, kind: Kind) -> AsyncIterator[tuple[int, Any]]:
        after = 0
        while batch := await self.store.transformation.field_values(kind, after, _BATCH):
            after = batch[-1][0]
            for row in batch:
                yield row


def _demand(wanted: Iterable[str], there: Collection[str], what: str, known: Iterable[str]) -> None:
    for each in wanted:
        if each not in there:
            hint = nearest(each, known)
            raise ConfigError(f"The selection names the {what} {each!r}, which is not there{hint}")


def _order(key: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts ACME-T2 before ACME-T10."""
    return tuple(
        (1, int(part), "") if part.isdecimal() else (0, 0, part) for part in _NUMBER.split(key)
    )

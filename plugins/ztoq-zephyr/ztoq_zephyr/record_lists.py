"""Turns pages of Zephyr's lists into pages of records."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ztoq_core.plugin import Folder, Kind, Note, Page, Record, Ref, Reject, Services
from ztoq_zephyr.api import UPDATED_AFTER, Api, Lost
from ztoq_zephyr.lookups import TREES, FolderEntry, Lookups
from ztoq_zephyr.note_codes import (
    CYCLE_GONE,
    FOLDER_GONE,
    FOLDER_PARENT_UNKNOWN,
    OLD_VERSIONS_NOT_SHOWN,
    PLAN_ELSEWHERE,
)
from ztoq_zephyr.payloads import (
    Context,
    case_key,
    case_version,
    folder_key,
    to_case,
    to_cycle,
    to_folder,
    to_log,
    to_plan,
    to_run,
)
from ztoq_zephyr.shapes import DEEPEST, too_deep
from ztoq_zephyr.values import id_of, mapped, project_of, text, whole, word

Records = tuple[Record, ...]


@attrs.frozen
class _Place:
    """The folders of an object; ``unlisted`` are those around it that no list has."""

    folder: Ref | None = None
    unlisted: tuple[Folder, ...] = ()
    notes: tuple[Note, ...] = ()


NOWHERE = _Place()


class RecordLists:
    """Lists one project; each method that takes a JSON value returns the records made of it."""

    def __init__(self, api: Api, lookups: Lookups, services: Services, project: str) -> None:
        self._api = api
        self._lookups = lookups
        self._services = services
        self._project = project
        self._places: dict[int, _Place] = {}

    async def fetch(self, kind: Kind, cursor: str | None, since: datetime | None = None) -> Page:
        """Return a page; it is empty for a kind that Zephyr does not list.

        ``since`` leaves out objects that were not updated after it. Only cursor lists can do that
        (``updatedAfter``, document of 2026-08); other lists, such as that of folders, are complete.
        """
        if kind is Kind.FOLDER:
            return await self._folders(cursor)
        lists: dict[Kind, tuple[str, Callable[[Mapping[str, Any]], Awaitable[Records]]]] = {
            Kind.TEST_CASE: ("testcases", self.case),
            Kind.TEST_PLAN: ("testplans", self.plan),
            Kind.TEST_CYCLE: ("testcycles", self.cycle),
            Kind.TEST_LOG: ("testexecutions", self.log),
        }
        if kind not in lists:
            return Page(records=(), cursor=None)
        path, make = lists[kind]
        params = {"projectKey": self._project}
        if kind is Kind.TEST_LOG:
            # the issues of step results then are among the execution's own; nothing else in the
            # API shows them
            params["includeStepLinks"] = "true"
        if since is not None:
            params[UPDATED_AFTER] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        page = await self._api.page(path, params, cursor)
        records: dict[Ref, Record] = {}
        rejects = []
        for value in page.values:
            problem = _problem(kind, value, self._project)
            if problem:
                rejects.append(_reject(kind, value, problem))
            else:
                records.update((record.ref, record) for record in await make(value))
        return Page(
            records=tuple(records.values()),
            cursor=page.cursor,
            rejects=(*rejects, *_lost(kind, path, page.lost)),
            total=page.total,
            stable=page.stable,
        )

    async def case(self, value: Mapping[str, Any]) -> Records:
        """Return the case after the folders around it that no list has.

        A case of another project has no folder here.
        """
        foreign = project_of(word(value.get("key"))) not in ("", self._project)
        place = NOWHERE if foreign else await self._place(value)
        context = attrs.evolve(
            await self._context(value, place),
            priority=await self._lookups.name("priorities", value.get("priority")),
        )
        return (*place.unlisted, to_case(value, context))

    async def plan(self, value: Mapping[str, Any]) -> Records:
        """Return the plan after the folders around it that no list has."""
        place = await self._place(value)
        dates = await self._lookups.dates_of_plan(value)
        return (*place.unlisted, to_plan(value, await self._context(value, place), dates))

    async def cycle(self, value: Mapping[str, Any]) -> Records:
        """Return the cycle after the folders around it and its plans that no list has."""
        place = await self._place(value)
        plans, unlisted, others = await self._lookups.plans_of_cycle(value)
        around = [record for plan in unlisted for record in await self.plan(plan)]
        context = await self._context(value, place)
        if others:
            note = PLAN_ELSEWHERE.note(
                f"it also belongs to test plans outside the project: {', '.join(others)}"
            )
            context = attrs.evolve(context, notes=(*context.notes, note))
        return (*place.unlisted, *around, to_cycle(value, context, plans))

    async def log(self, value: Mapping[str, Any]) -> Records:
        """Return the run of the execution, and the execution."""
        lookups = self._lookups
        case = case_key(value.get("testCase"), self._project)
        cycle, given = await lookups.cycle(value.get("testCycle"))
        context = Context(
            project=self._project,
            status=await lookups.name("statuses", value.get("testExecutionStatus")),
            environment=await lookups.name("environments", value.get("environment")),
        )
        if not given:
            note = CYCLE_GONE.note("Zephyr no longer shows the test cycle; a stub takes its place")
            context = attrs.evolve(context, notes=(note,))
        run = to_run(value, context, case, cycle.key if cycle else "")
        log = to_log(
            value,
            context,
            run,
            planned=(cycle.start, cycle.end) if cycle else (None, None),
        )
        if (case_version(value.get("testCase")) or 1) > 1:
            self._services.note(
                OLD_VERSIONS_NOT_SHOWN,
                "has older versions, whose steps Zephyr's API does not show",
                run.case,
            )
        return run, log

    async def _context(self, value: Mapping[str, Any], place: _Place) -> Context:
        return Context(
            project=self._project,
            status=await self._lookups.name("statuses", value.get("status")),
            folder=place.folder,
            notes=place.notes,
        )

    # ---------------------------------------------------------------------------------- folders

    async def folder(self, number: int) -> Folder | None:
        """Return one folder, also one that no list has."""
        way = await self._lookups.way_to(number)
        return self._folder_at(way, len(way) - 1) if way and way[-1][0] == number else None

    async def _folders(self, cursor: str | None) -> Page:
        """Return one whole tree; ``cursor`` is its type and whether earlier ones were stable.

        Pages of the service are not enough: only the whole tree shows which parents exist.
        """
        types = list(TREES)
        name, stable = json.loads(cursor) if cursor else (types[0], True)
        tree = await self._lookups.read_folders(name)
        stable = stable and tree.stable
        following = types[types.index(name) + 1 :]
        rejects = [
            _reject(Kind.FOLDER, value, _problem(Kind.FOLDER, value, self._project))
            for value in tree.unusable
        ]
        return Page(
            records=tuple(self._tree(tree.entries, _parents(tree.entries))),
            cursor=json.dumps([following[0], stable]) if following else None,
            rejects=(*rejects, *_lost(Kind.FOLDER, f"folders {name}", tree.lost)),
            stable=stable,
        )

    def _tree(
        self, entries: Mapping[int, FolderEntry], parents: Mapping[int, int | None]
    ) -> Iterable[Folder]:
        for number, entry in entries.items():
            notes: tuple[Note, ...] = ()
            if entry.parent is not None and parents[number] is None:
                notes = (
                    FOLDER_PARENT_UNKNOWN.note(
                        "Zephyr does not show its parent folder; it is at the top now"
                    ),
                )
            context = Context(project=self._project, notes=notes)
            yield to_folder(entry.raw, number, entry.tree, parents[number], context)

    def _folder_at(self, way: tuple[tuple[int, FolderEntry], ...], place: int) -> Folder:
        number, entry = way[place]
        context = Context(project=self._project)
        raw = entry.raw or {"id": number, "name": entry.name}
        return to_folder(raw, number, entry.tree, way[place - 1][0] if place else None, context)

    async def _place(self, value: Mapping[str, Any]) -> _Place:
        number = id_of(value.get("folder"))
        if number is None:
            return NOWHERE
        if number not in self._places:
            self._places[number] = await self._find_place(number)
        return self._places[number]

    async def _find_place(self, number: int) -> _Place:
        way = await self._lookups.way_to(number)
        if not way:
            note = FOLDER_GONE.note(
                f"Zephyr does not show its folder {number}; it is without a folder now"
            )
            return _Place(notes=(note,))
        listed = await self._lookups.folders()
        return _Place(
            folder=Ref(Kind.FOLDER, folder_key(self._project, number)),
            unlisted=tuple(
                self._folder_at(way, place)
                for place, (each, _) in enumerate(way)
                if each not in listed
            ),
        )


def _parents(entries: Mapping[int, FolderEntry]) -> dict[int, int | None]:
    """Return the parent of each folder; None if it does not exist or would close a circle."""
    parents = {n: e.parent if e.parent in entries else None for n, e in entries.items()}
    for number in sorted(entries):
        seen = {number}
        above = parents[number]
        while above is not None and above not in seen:
            seen.add(above)
            above = parents[above]
        if above == number:
            parents[number] = None
    return parents


def _problem(kind: Kind, value: Any, project: str) -> str:
    """Return the reason why a value of a list cannot become a record, ``""`` if it can."""
    if not isinstance(value, Mapping):
        return "it is not a JSON object"
    if too_deep(value):
        return f"it is nested more than {DEEPEST} deep"
    if kind is Kind.FOLDER:
        return "" if whole(value.get("id")) is not None else "it has no id"
    if kind is not Kind.TEST_LOG:
        return "" if text(value.get("key")) else "it has no key"
    if not text(value.get("key")) and whole(value.get("id")) is None:
        return "it has neither key nor id"
    return "" if case_key(value.get("testCase"), project) else "it has no test case"


def _reject(kind: Kind, value: Any, problem: str) -> Reject:
    # a value that is nested too deep cannot be stored either
    raw = None if too_deep(value) else value
    return Reject(kind=kind, key=word(mapped(raw).get("key")), reason=problem, raw=raw)


def _lost(kind: Kind, path: str, lost: Iterable[Lost]) -> Iterable[Reject]:
    """Yield a reject for each object that the service could not give."""
    for each in lost:
        yield Reject(kind=kind, key=f"{path} number {each.number}", reason=each.reason)

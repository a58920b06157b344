"""Looks up what Zephyr's objects refer to by number: names, folders, cycles and plans.

Each list is read once a run (``Services.once``); a number that none of them has is requested once,
alone. The indexes are compact: of a cycle they hold its key, planned dates and plans.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from ztoq_core.plugin import RejectedError, Services, Tree
from ztoq_zephyr.api import NOT_THERE, Api, Lost, path_of
from ztoq_zephyr.note_codes import NAME_UNKNOWN, REFERENCE_REFUSED
from ztoq_zephyr.shapes import too_deep
from ztoq_zephyr.values import (
    id_of,
    instant,
    listed,
    mapped,
    number_in,
    part_after,
    project_of,
    text,
    whole,
    word,
)

TREES = {"TEST_CASE": Tree.CASES, "TEST_CYCLE": Tree.CYCLES, "TEST_PLAN": Tree.PLANS}
"""Zephyr's folder types."""

STATUS_TYPES = ("TEST_CASE", "TEST_PLAN", "TEST_CYCLE", "TEST_EXECUTION")
OK = 200


@attrs.frozen
class FolderEntry:
    """A folder by number."""

    name: str
    parent: int | None
    tree: Tree
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class FolderTree:
    """The folders of one type by number; ``unusable`` are values without a number.

    ``stable`` as in ``Page``, ``lost`` as in ``Listed``.
    """

    entries: dict[int, FolderEntry]
    unusable: tuple[Any, ...]
    lost: tuple[Lost, ...]
    stable: bool


@attrs.frozen
class CycleEntry:
    """The facts of a cycle that other objects need."""

    key: str
    start: datetime | None
    end: datetime | None
    plans: tuple[int, ...]


@attrs.frozen
class Statuses:
    """Names of all statuses by number and by type, and the default ones of executions."""

    names: dict[int, str] = attrs.field(factory=dict)
    of_type: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    defaults: set[str] = attrs.field(factory=set)


@attrs.frozen
class Cycles:
    """The cycles by number, their numbers by key, and those of each plan by the plan's number."""

    entries: dict[int | None, CycleEntry] = attrs.field(factory=dict)
    numbers: dict[str, int] = attrs.field(factory=dict)
    of_plan: dict[int | None, list[int]] = attrs.field(factory=dict)

    def add(self, number: int, entry: CycleEntry) -> None:
        self.entries[number] = entry
        self.numbers[entry.key] = number
        for plan in entry.plans:
            self.of_plan.setdefault(plan, []).append(number)


@attrs.frozen
class Plans:
    """The keys of the plans by number, and the plans of each cycle by the cycle's number."""

    keys: dict[int, str] = attrs.field(factory=dict)
    of_cycle: dict[int | None, list[int]] = attrs.field(factory=dict)

    def add(self, value: Mapping[str, Any]) -> None:
        number, key = whole(value.get("id")), word(value.get("key"))
        if number is None or not key:
            return
        self.keys[number] = key
        for cycle in linked(value, "testCycles", "testCycleId"):
            self.of_cycle.setdefault(cycle, []).append(number)


class Lookups:
    """Looks up what objects refer to."""

    def __init__(self, api: Api, services: Services, project: str) -> None:
        self._api = api
        self._services = services
        self._project = project
        self._alone: dict[tuple[str, str], Any] = {}
        self._names: dict[str, dict[int, str]] = {}

    # ------------------------------------------------------------------------------------ names

    async def statuses(self) -> Statuses:
        """Return the statuses of all types."""
        return await self._services.once("zephyr statuses", self._read_statuses)

    async def names(self, of: str) -> dict[int, str]:
        """Return the names of the ``statuses``, ``priorities`` or ``environments`` by number."""
        if of not in self._names:
            if of == "statuses":
                self._names[of] = (await self.statuses()).names
            else:
                self._names[of] = await self._services.once(
                    f"zephyr {of}", lambda: self._read_names(of, {"projectKey": self._project})
                )
        return self._names[of]

    async def name(self, of: str, reference: Any) -> str:
        """Return the name of the object of a reference, ``""`` for no reference.

        The lists may lack one that is archived or of another project; if Zephyr does not show it
        at all, its number takes the place of the name.
        """
        number = id_of(reference)
        if number is None:
            return ""
        names = await self.names(of)
        if number not in names:
            name = word(mapped(await self._ask(of, number)).get("name"))
            if not name:
                self._services.note(
                    NAME_UNKNOWN,
                    f"Zephyr does not show the name of {of}/{number}; its number takes the place",
                )
            names[number] = name or str(number)
        return names[number]

    async def _read_names(self, of: str, params: Mapping[str, str]) -> dict[int, str]:
        return {
            number: word(value.get("name")) or str(number)
            async for number, value in self._numbered(of, params)
        }

    async def _read_statuses(self) -> Statuses:
        found = Statuses()
        for kind in STATUS_TYPES:
            params = {"projectKey": self._project, "statusType": kind}
            names = {}
            async for number, value in self._numbered("statuses", params):
                names[number] = word(value.get("name")) or str(number)
                if kind == "TEST_EXECUTION" and value.get("default") is True:
                    found.defaults.add(names[number])
            found.names.update(names)
            found.of_type[kind] = tuple(dict.fromkeys(names.values()))
        return found

    # ---------------------------------------------------------------------------------- folders

    async def folders(self) -> dict[int, FolderEntry]:
        """Return the folders of all trees by number, as they were at the first call."""

        async def read() -> dict[int, FolderEntry]:
            found: dict[int, FolderEntry] = {}
            for folder_type in TREES:
                tree = await self.read_folders(folder_type)
                found |= {n: attrs.evolve(entry, raw={}) for n, entry in tree.entries.items()}
            return found

        return await self._services.once("zephyr folders", read)

    async def read_folders(self, folder_type: str) -> FolderTree:
        """Return one tree, read now.

        Parents need not come before their children: the numbers are not in order.
        """
        params = {"projectKey": self._project, "folderType": folder_type}
        entries: dict[int, FolderEntry] = {}
        unusable: list[Any] = []
        lost: tuple[Lost, ...] = ()
        cursor: str | None = None
        while True:
            page = await self._api.offset_page("folders", params, cursor)
            lost += page.lost
            for value in page.values:
                number = whole(mapped(value).get("id"))
                kind = text(mapped(value).get("folderType"))
                if kind in TREES and kind != folder_type:
                    continue
                if number is None or too_deep(value):
                    unusable.append(value)
                else:
                    entries[number] = _folder(value, TREES[folder_type])
            cursor = page.cursor
            if cursor is None:
                return FolderTree(entries, tuple(unusable), lost, page.stable)

    async def folder(self, number: int) -> FolderEntry | None:
        """Return a folder, also one that was created since; None if it does not exist."""
        known = (await self.folders()).get(number)
        if known is not None:
            return known
        value = await self._ask("folders", number)
        if value is None:
            return None
        tree = TREES.get(text(value.get("folderType")), Tree.CASES)
        return _folder(value, tree)

    async def way_to(self, number: int) -> tuple[tuple[int, FolderEntry], ...]:
        """Return a folder and those around it, outermost first; nothing if it does not exist.

        A circle of parents is cut where it closes.
        """
        way: dict[int, FolderEntry] = {}
        at: int | None = number
        while at is not None and at not in way:
            entry = await self.folder(at)
            if entry is None:
                break
            way[at] = entry
            at = entry.parent
        return tuple(reversed(way.items()))

    # -------------------------------------------------------------------------- cycles and plans

    async def cycles(self) -> Cycles:
        """Return the cycles of the project by number."""

        async def read() -> Cycles:
            found = Cycles()
            async for value in self._api.every("testcycles", {"projectKey": self._project}):
                number = whole(mapped(value).get("id"))
                entry = _cycle(mapped(value))
                if number is not None and entry is not None:
                    found.add(number, entry)
            return found

        return await self._services.once("zephyr cycles", read)

    async def plans(self) -> Plans:
        """Return the plans of the project by number."""

        async def read() -> Plans:
            found = Plans()
            async for value in self._api.every("testplans", {"projectKey": self._project}):
                found.add(mapped(value))
            return found

        return await self._services.once("zephyr plans", read)

    async def cycle(self, reference: Any) -> tuple[CycleEntry | None, bool]:
        """Return the cycle of an execution, and whether Zephyr shows it.

        The reference has its id, or a URL in ``self`` with its key or number (both seen). A cycle
        that is gone gets the key in the URL, else a key made of its number, so that the engine can
        put a stub in its place. None: executed outside any cycle.
        """
        known = await self.cycles()
        segment = part_after(mapped(reference).get("self"), "testcycles")
        numbers = (whole(mapped(reference).get("id")), whole(segment), known.numbers.get(segment))
        for number in numbers:
            if number in known.entries:
                return known.entries[number], True
        asked = segment or next((str(number) for number in numbers if number is not None), "")
        if not asked:
            return None, True
        found = _cycle(mapped(await self._ask("testcycles", asked)))
        if found:
            return found, True
        key = f"{self._project}-RID{asked}" if whole(asked) is not None else asked
        return CycleEntry(key, None, None, ()), False

    async def dates_of_plan(self, plan: Mapping[str, Any]) -> tuple[datetime | None, ...]:
        """Return the planned dates of a plan's cycles, whether the link is on it or on them."""
        known = await self.cycles()
        own = (n for n in linked(plan, "testCycles", "testCycleId"))
        numbers = dict.fromkeys((*own, *known.of_plan.get(whole(plan.get("id")), ())))
        entries = [known.entries[number] for number in numbers if number in known.entries]
        return tuple(date for entry in entries for date in (entry.start, entry.end))

    async def plans_of_cycle(
        self, cycle: Mapping[str, Any]
    ) -> tuple[tuple[str, ...], tuple[Mapping[str, Any], ...], tuple[str, ...]]:
        """Return the plans of a cycle, its own order first.

        First the keys of the project's plans; then those of them that no list has, as JSON; then
        names of others: keys of other projects, numbers that Zephyr does not show.
        """
        known = await self.plans()
        own = linked(cycle, "testPlans", "testPlanId")
        keys: list[str] = []
        unlisted: list[Mapping[str, Any]] = []
        others: list[str] = []
        for number in dict.fromkeys((*own, *known.of_cycle.get(whole(cycle.get("id")), ()))):
            key = known.keys.get(number, "")
            if not key:
                value = mapped(await self._ask("testplans", number))
                key = word(value.get("key"))
                if project_of(key) != self._project:
                    others.append(key or str(number))
                    continue
                unlisted.append(value)
            keys.append(key)
        return tuple(keys), tuple(unlisted), tuple(others)

    # --------------------------------------------------------------------------------- one alone

    async def _ask(self, path: str, number: int | str) -> Any:
        """Return one object that no list has, None if Zephyr does not show it."""
        place = (path, str(number))
        if place not in self._alone:
            try:
                answer = await self._api.get(path_of(path, number), accept=NOT_THERE)
                self._alone[place] = answer.body if answer.status == OK else None
            except RejectedError as error:
                self._services.note(REFERENCE_REFUSED, str(error))
                self._alone[place] = None
        return self._alone[place]

    async def _numbered(
        self, path: str, params: Mapping[str, str]
    ) -> AsyncIterator[tuple[int, Mapping[str, Any]]]:
        for value in await self._api.all_of(path, params):
            number = whole(mapped(value).get("id"))
            if number is not None:
                yield number, value


def linked(value: Mapping[str, Any], name: str, id_name: str) -> tuple[int, ...]:
    """Return the numbers of linked plans or cycles.

    ``target`` also ends with the number (its host is wrong on the real service).
    """
    links = map(mapped, listed(mapped(value.get("links")).get(name)))
    numbers = (
        number_in(link.get("target")) if whole(link.get(id_name)) is None else whole(link[id_name])
        for link in links
    )
    return tuple(number for number in numbers if number is not None)


def _folder(value: Mapping[str, Any], tree: Tree) -> FolderEntry:
    name = word(value.get("name")) or f"Folder {word(value.get('id'))}"
    return FolderEntry(name, whole(value.get("parentId")), tree, value)


def _cycle(value: Mapping[str, Any]) -> CycleEntry | None:
    key = word(value.get("key"))
    if not key:
        return None
    return CycleEntry(
        key,
        instant(value.get("plannedStartDate")),
        instant(value.get("plannedEndDate")),
        linked(value, "testPlans", "testPlanId"),
    )

"""The state that the simulator serves: projects, and their objects by id and key."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from ztoq_demo.zephyr.jira import Issue
from ztoq_demo.zephyr.model import (
    Case,
    Cycle,
    Environment,
    Execution,
    Folder,
    Plan,
    Priority,
    Project,
    Status,
)


class _Numbered(Protocol):
    id: int


T = TypeVar("T", bound=_Numbered)


@attrs.frozen
class Row(Generic[T]):
    """An object and the project that it belongs to."""

    project: Project
    item: T


class Table(Generic[T]):
    """The objects of one kind, of all enabled projects, in the order of their ids."""

    def __init__(self, rows: Iterable[Row[T]]) -> None:
        self.rows = sorted(rows, key=lambda row: row.item.id)
        self._ids = [row.item.id for row in self.rows]
        self._by_name = {str(row.item.id): row for row in self.rows}
        self._by_name |= {key: row for row in self.rows if (key := getattr(row.item, "key", ""))}

    def find(self, id_or_key: object) -> Row[T] | None:
        """Return the object with this id or key."""
        return self._by_name.get(str(id_or_key))

    def since(self, id_: int) -> Iterator[Row[T]]:
        """Yield the objects whose id is at least ``id_``."""
        for index in range(bisect_left(self._ids, id_), len(self.rows)):
            yield self.rows[index]


class Tenant:
    """Projects as they are served; tests change the source through it while it is served.

    A changed attribute shows in the next answer. After adding to or removing from a project's lists
    call ``refresh``; ``remove`` and ``touch`` are for what tests need most.
    """

    def __init__(self, projects: Sequence[Project]) -> None:
        self.projects = list(projects)
        self.refresh()

    def refresh(self) -> None:
        """Find ids and keys again."""
        # archived cases can only be seen in the product's own pages
        self.cases: Table[Case] = Table(r for r in self._rows("cases") if not r.item.archived)
        self.cycles: Table[Cycle] = Table(self._rows("cycles"))
        self.plans: Table[Plan] = Table(self._rows("plans"))
        self.executions: Table[Execution] = Table(self._rows("executions"))
        self.folders: Table[Folder] = Table(self._rows("folders"))
        self.statuses: Table[Status] = Table(self._rows("statuses"))
        self.priorities: Table[Priority] = Table(self._rows("priorities"))
        self.environments: Table[Environment] = Table(self._rows("environments"))
        self.issues: Table[Issue] = Table(self._rows("issues"))
        # the list of projects shows disabled ones, too
        self.all_projects: Table[Project] = Table(Row(each, each) for each in self.projects)

    def project(self, key: str) -> Project:
        """Return a project by key; KeyError if there is none."""
        return _item(self.all_projects, key)

    def case(self, key: str) -> Case:
        """Return a case by key; KeyError if there is none."""
        return _item(self.cases, key)

    def cycle(self, key: str) -> Cycle:
        """Return a cycle by key; KeyError if there is none."""
        return _item(self.cycles, key)

    def execution(self, key: str) -> Execution:
        """Return an execution by key; KeyError if there is none."""
        return _item(self.executions, key)

    def remove(self, key: str) -> None:
        """Delete the case, cycle, plan or execution with this key; KeyError if there is none."""
        for project in self.projects:
            for name in ("cases", "cycles", "plans", "executions"):
                items = getattr(project, name)
                kept = [item for item in items if item.key != key]
                if len(kept) < len(items):
                    setattr(project, name, kept)
                    self.refresh()
                    return
        raise KeyError(key)

    def touch(self, item: Case | Cycle | Plan | Execution, moment: str) -> None:
        """Set when an object was last changed, for the filter ``updatedAfter``."""
        item.updated_on = moment

    def _rows(self, name: str) -> Iterator[Row[Any]]:
        for project in self.projects:
            if project.enabled:
                for item in getattr(project, name):
                    yield Row(project, item)


def _item(table: Table[T], key: str) -> T:
    row = table.find(key)
    if row is None:
        raise KeyError(key)
    return row.item

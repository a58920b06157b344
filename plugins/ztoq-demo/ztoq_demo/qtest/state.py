"""The index of the simulated site: finds objects by id, pid, parent and value."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

import attrs

from ztoq_demo.qtest.objects import (
    Attachment,
    Case,
    Comment,
    Job,
    Log,
    Place,
    Project,
    Status,
    Step,
    StepLog,
    Thing,
    User,
    Version,
)

T = TypeVar("T", bound=Thing)


@attrs.define(eq=False)
class State:
    """All objects by type and id. The indexes follow ``add``, ``move``, ``remove`` and ``touch``.

    ``children`` maps (parent's type, parent's id, child's type) to ids in order. Deleted cases
    stay in ``trash``, since runs show them. ``cascades`` names what went with its container.
    """

    objects: dict[str, dict[int, Thing]] = attrs.field(factory=dict)
    projects: dict[int, Project] = attrs.field(factory=dict)
    users: dict[int, User] = attrs.field(factory=dict)
    statuses: dict[int, Status] = attrs.field(factory=dict)
    children: dict[tuple[str, int, str], dict[int, None]] = attrs.field(factory=dict)
    everything: dict[tuple[int, str], dict[int, None]] = attrs.field(factory=dict)
    pids: dict[tuple[int, str], int] = attrs.field(factory=dict)
    versions: dict[int, tuple[Case, Version]] = attrs.field(factory=dict)
    steps: dict[int, tuple[Case, Step]] = attrs.field(factory=dict)
    step_logs: dict[int, tuple[Log, StepLog]] = attrs.field(factory=dict)
    step_defects: dict[int, list[str]] = attrs.field(factory=dict)
    attachments: dict[int, Attachment] = attrs.field(factory=dict)
    attached: dict[Place, dict[int, None]] = attrs.field(factory=dict)
    comments: dict[Place, dict[int, Comment]] = attrs.field(factory=dict)
    links: dict[Place, dict[Place, None]] = attrs.field(factory=dict)
    jobs: dict[int, Job] = attrs.field(factory=dict)
    trash: dict[int, Case] = attrs.field(factory=dict)
    cascades: list[str] = attrs.field(factory=list)
    values: dict[tuple[int, str, int | str], dict[str, dict[int, None]]] = attrs.field(factory=dict)
    _ids: Iterator[int] = attrs.field(factory=lambda: itertools.count(70_001, 3))
    _numbers: dict[tuple[int, str], int] = attrs.field(factory=dict)
    _indexed: dict[tuple[int, str, int | str], dict[int, str]] = attrs.field(factory=dict)

    def new_id(self) -> int:
        """Return an id that nothing on the site has, so that mixed-up ids are found out."""
        return next(self._ids)

    def add(self, thing: Thing) -> None:
        """Put a new object in, at the end of its parent's list, with the next number."""
        counter = (thing.project, thing.type)
        thing.number = self._numbers[counter] = self._numbers.get(counter, 0) + 1
        self.objects.setdefault(thing.type, {})[thing.id] = thing
        self.everything.setdefault(counter, {})[thing.id] = None
        if thing.pid:
            self.pids[thing.project, thing.pid] = thing.id
        self._hang(thing)
        self.touch(thing)

    def _hang(self, thing: Thing) -> None:
        siblings = self.children.setdefault((*thing.parent, thing.type), {})
        thing.order = len(siblings) + 1
        siblings[thing.id] = None

    def move(self, thing: Thing, parent: Place) -> None:
        """Hang an object under another parent."""
        del self.children[(*thing.parent, thing.type)][thing.id]
        thing.parent = parent
        self._hang(thing)

    def remove(self, thing: Thing) -> None:
        """Take one object out; its children stay (see ``hierarchy.delete``)."""
        del self.objects[thing.type][thing.id]
        del self.everything[thing.project, thing.type][thing.id]
        del self.children[(*thing.parent, thing.type)][thing.id]
        self.pids.pop((thing.project, thing.pid), None)
        for key, old in self._indexed.items():
            if key[:2] == (thing.project, thing.type) and thing.id in old:
                del self.values[key][old.pop(thing.id)][thing.id]
        for other in self.links.pop(thing.place, {}):
            self.links[other].pop(thing.place, None)
        for attachment in self.attached.pop(thing.place, {}):
            del self.attachments[attachment]
        if isinstance(thing, Case):
            self.trash[thing.id] = thing

    def get(self, kind: type[T], number: int) -> T | None:
        """Return the object of a type with an id."""
        thing = self.objects.get(kind.type, {}).get(number)
        return thing if isinstance(thing, kind) else None

    def under(self, parent: Place, kind: str) -> list[Thing]:
        """Return the direct children of one type, in order."""
        table = self.objects.get(kind, {})
        return [table[number] for number in self.children.get((*parent, kind), ())]

    def of_project(self, project: int, kind: str) -> list[Thing]:
        """Return all objects of a type, oldest first."""
        table = self.objects.get(kind, {})
        return [table[number] for number in self.everything.get((project, kind), ())]

    def case_of(self, number: int) -> Case | None:
        """Return a case, a deleted one too."""
        return self.get(Case, number) or self.trash.get(number)

    def touch(self, thing: Thing) -> None:
        """Say that an object was changed: value indexes of the search follow."""
        for key, old in self._indexed.items():
            if key[:2] == (thing.project, thing.type):
                self._note_value(key, thing, old)

    def having(self, project: int, kind: str, field: int | str, value: str) -> list[Thing]:
        """Return the objects whose field (``name`` or an id) has a value, ignoring case."""
        key = (project, kind, field)
        if key not in self._indexed:
            self.values[key], old = {}, self._indexed.setdefault(key, {})
            for thing in self.of_project(project, kind):
                self._note_value(key, thing, old)
        table = self.objects.get(kind, {})
        return [table[number] for number in self.values[key].get(value.casefold(), ())]

    def _note_value(
        self, key: tuple[int, str, int | str], thing: Thing, old: dict[int, str]
    ) -> None:
        field = key[2]
        value = thing.name if isinstance(field, str) else thing.properties.get(field, "")
        value, before = value.casefold(), old.get(thing.id)
        if before is not None and before != value:
            del self.values[key][before][thing.id]
        old[thing.id] = value
        self.values[key].setdefault(value, {})[thing.id] = None

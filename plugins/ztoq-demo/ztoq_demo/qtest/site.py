"""The simulated site as handlers see it: state, fields, files, and one call's reading aids."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs
from ztoq_testkit.simulate import Refusal, Reply, Request, whole_number

from ztoq_demo.qtest.fields import Fields, bad, system_fields
from ztoq_demo.qtest.objects import Defect, Place, Project, Status, Thing, User
from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.state import State
from ztoq_demo.qtest.store import Store

T = TypeVar("T", bound=Thing)
Item = TypeVar("Item")
API = "/api/v3/projects/{projectId}"
LONGEST_NAME = 500
JIRA_KEY = re.compile(r"[A-Z][A-Z0-9_]+-\d+", re.ASCII)


def missing(what: str) -> Refusal:
    """Return the refusal of an object that is not there (guess: the wording)."""
    return Refusal(404, {"message": f"Object not found: {what}"})


@attrs.define(eq=False)
class Site:
    """Everything that handlers share. ``user`` is the one whose token is used."""

    options: Options
    state: State = attrs.field(factory=State)
    fields: Fields = attrs.field(init=False)
    store: Store = attrs.field(init=False)
    user: User = attrs.field(init=False)
    external: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Make the users, the statuses and two projects, as a site comes from the shelf."""
        self.fields = Fields(self.state, self.options)
        self.store = Store(self.options)
        self.user = self.add_user("Quinn", "Administrator", "quinn@example.com")
        self.add_user("Alice", "Tester", "alice@example.com")
        self.add_user("Bob", "Builder", "bob@example.com")
        self.add_user("Carol", "Gone", "carol@example.com", active=False)
        names = ("Passed", "Failed", "Incomplete", "Blocked", "Unexecuted")
        for number, name in enumerate(names, 601):
            status = Status(id=number, name=name, is_default=name == "Unexecuted")
            self.state.statuses[number] = status
        self.add_project(self.options.project, "Demo", automation=self.options.automation)
        self.add_project(self.options.project + 7, "Somebody else's")

    def add_user(self, first: str, last: str, email: str, *, active: bool = True) -> User:
        """Add a user to the site and all its projects."""
        user = User(
            id=self.state.new_id(), email=email, first_name=first, last_name=last, active=active
        )
        self.state.users[user.id] = user
        return user

    def add_project(self, number: int, name: str, *, automation: bool = False) -> Project:
        """Add an empty project with the system fields."""
        project = Project(id=number, name=name, automation=automation)
        self.state.projects[number] = project
        for field in system_fields(self.state, number):
            self.fields.add(field)
        return project

    def defect_number(self, pid: str) -> int:
        """Return the id of a linked defect, the same one for each call with an external key."""
        if pid not in self.external:
            self.external[pid] = self.state.new_id()
        return self.external[pid]

    def known_defect(self, project: int, pid: str) -> bool:
        """Return whether a pid is an internal defect, or a key that the site knows."""
        number = self.state.pids.get((project, pid))
        if number is not None:
            return self.state.get(Defect, number) is not None
        keys = self.options.jira_keys
        return JIRA_KEY.fullmatch(pid) is not None if keys is None else pid in keys

    def changed(self, thing: Thing) -> None:
        """Say that an object was written."""
        thing.modified = int(time.time())
        self.state.touch(thing)


@attrs.define(eq=False)
class Call:
    """One request with the site: reads parameters, and refuses what the product refuses."""

    site: Site
    request: Request
    user: User

    @property
    def state(self) -> State:
        """The site's objects."""
        return self.site.state

    @property
    def origin(self) -> str:
        """Scheme, host and port, for links."""
        return self.request.origin

    def project(self) -> Project:
        """Return the project of the path."""
        project = self.state.projects.get(self.number("projectId"))
        if project is None:
            raise missing("project")
        return project

    def number(self, name: str) -> int:
        """Return a number of the path."""
        text = self.request.params[name]
        if not text.isascii() or not text.isdigit():
            raise missing(f"{name} {text[:40]}")
        return int(text)

    def thing(self, kind: type[T], name: str, *, pid: bool = False) -> T:
        """Return the object whose id (or, where allowed, pid) is a parameter of the path."""
        project, text = self.project().id, self.request.params[name]
        number = self.state.pids.get((project, text)) if pid else None
        return self.at(kind, self.number(name) if number is None else number)

    def at(self, kind: type[T], number: int) -> T:
        """Return an object of this project."""
        thing = self.state.get(kind, number)
        if thing is None or thing.project != self.project().id:
            raise missing(f"{kind.type} {number}")
        return thing

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the body."""
        body = self.anything()
        if not isinstance(body, dict):
            raise bad("the body must be an object")
        return body

    def anything(self) -> Any:
        """Return the JSON of the body."""
        try:
            return self.request.json()
        except ValueError:
            raise bad("Could not read JSON") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean of the query."""
        text = self.request.query.get(name)
        return default if text is None else text.lower() == "true"

    def asked(self, name: str) -> int | None:
        """Return a number of the query, None where it is missing."""
        text = self.request.query.get(name)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad(f"{name} must be a number") from None

    def listed(self, name: str) -> list[str]:
        """Return a list of the query: repeated, or separated by commas."""
        return [v for text in self.request.query.getall(name, []) for v in text.split(",") if v]

    def expands(self, what: str) -> bool:
        """Return whether ``expand`` names something."""
        return what in self.request.query.get("expand", "").split(",")

    def page(self, size_name: str, size: int, highest: int | None = None) -> tuple[int, int]:
        """Return start and end of the page that the query asks for; pages count from 1."""
        page = whole_number(self.request, "page", default=1, lowest=1, refuse=bad)
        size = whole_number(
            self.request, size_name, default=size, lowest=1, highest=highest, refuse=bad
        )
        return (page - 1) * size, page * size

    def paged(self, items: Sequence[Item], show: Callable[[Item], dict[str, Any]]) -> Reply:
        """Return a page object: page and pageSize, 100 and at most 999 (facts section 10)."""
        start, end = self.page("pageSize", 100, 999)
        body = {
            "links": [],
            "page": start // (end - start) + 1,
            "page_size": end - start,
            "total": len(items),
            "items": [show(item) for item in items[start:end]],
        }
        return Reply(200, body)

    def parent(self, kinds: dict[str, type[Thing]], body: dict[str, Any]) -> Place | None:
        """Return the place that ``parentId`` and ``parentType`` name, in query or body.

        0 with ``root`` is the root; None where neither is given.
        """
        kind = self.request.query.get("parentType") or body.get("parentType")
        number = self.asked("parentId")
        if number is None:
            number = body.get("parentId")
        if number is None and kind is None:
            return None
        if not isinstance(number, int | None) or isinstance(number, bool):
            raise bad("parentId must be a number")
        if kind == "root" or (not number and kind is None):
            return "root", self.project().id
        if kind not in kinds:
            raise bad(f"parentType {kind!r} is not allowed")
        return self.at(kinds[kind], number or 0).place

    def named(self, body: dict[str, Any]) -> str:
        """Return the name of a body: 1 to 500 characters (minLength, maxLength of the document)."""
        name = body.get("name")
        if not isinstance(name, str) or not len(name.strip()) >= 1 or len(name) > LONGEST_NAME:
            raise bad("Name must have 1 to 500 characters.")
        if self.site.options.strict and ("\n" in name or "\r" in name):
            raise bad("Name must be one line.")  # guess: no fact on several lines
        return name

    def text(self, body: dict[str, Any], key: str, default: str = "") -> str:
        """Return a text of a body."""
        value = body.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise bad(f"{key} must be a string")
        return value


Handler = Callable[[Call], Reply]
Line = tuple[str, str, Handler]

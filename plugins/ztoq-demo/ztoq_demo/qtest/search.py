"""POST search: finds objects by their fields, some time after they were written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest.execution_views import show
from ztoq_demo.qtest.fields import Field, Form, bad
from ztoq_demo.qtest.objects import Case, Log, Thing
from ztoq_demo.qtest.query import And, Comparison, Node, Or, parse
from ztoq_demo.qtest.site import API, Call, Line
from ztoq_demo.qtest.texts import parse_time, plain
from ztoq_demo.qtest.views import step

TYPES = (
    "releases",
    "requirements",
    "test-cases",
    "test-runs",
    "test-suites",
    "test-cycles",
    "test-logs",
    "builds",
    "defects",
)
"""Modules are not among them (qTest v3 document)."""

TIMES = {"created date": "created", "last modified date": "modified"}
LOG_TIMES = {"execution start date": "start", "execution end date": "end"}
EMPTY = ("empty", "not empty")

Test = Callable[[Thing], bool]


class _Compiler:
    """Turns a query into a test of objects of one type."""

    def __init__(self, call: Call, kind: str) -> None:
        self.call = call
        self.kind = kind
        self.project = call.project().id

    def test(self, node: Node) -> Test:
        match node:
            case And(nodes):
                every = [self.test(n) for n in nodes]
                return lambda thing: all(test(thing) for test in every)
            case Or(nodes):
                some = [self.test(n) for n in nodes]
                return lambda thing: any(test(thing) for test in some)
            case Comparison():
                return self.compared(node)

    def compared(self, node: Comparison) -> Test:
        name = node.field.casefold()
        if self.kind == Log.type and name not in LOG_TIMES:
            raise bad("test logs are found by Execution Start Date and Execution End Date only")
        if attribute := (LOG_TIMES if self.kind == Log.type else TIMES).get(name):
            return _by_time(attribute, node)
        if name == "id":
            return _by_id(node)
        if name in ("name", "summary"):
            return _by_text(lambda thing: thing.name, node)
        return self.by_field(self.field(node.field), node)

    def by_field(self, field: Field, node: Comparison) -> Test:
        if field.key and self.kind == Case.type:
            return _by_text(lambda thing: _text(thing, field.key), node)
        if field.form is Form.DATE:
            return _by_date(field.id, node)
        return _by_text(lambda thing: self.shown(field, thing), node)

    def field(self, name: str) -> Field:
        fields = self.call.site.fields.of(self.project, self.kind)
        for field in fields:
            if field.is_active(self.project) and name in (field.label, str(field.id)):
                return field
        raise bad(f"The field {name!r} does not exist.")

    def shown(self, field: Field, thing: Thing) -> str:
        value = thing.properties.get(field.id, "")
        name = self.call.site.fields.name_of(field, value)
        return plain(value) if name is None else name

    def by_index(self, node: Node | None) -> list[Thing] | None:
        """Return the few objects that can meet a query, where a value index tells; else None."""
        for part in node.nodes if isinstance(node, And) else (node,):
            if not isinstance(part, Comparison) or part.operator != "=":
                continue
            name, value = part.field.casefold(), part.values[0]
            if name == "id":
                number = self.call.state.pids.get((self.project, value))
                number = int(value) if number is None and value.isdigit() else number
                thing = self.call.state.objects.get(self.kind, {}).get(number or 0)
                return [thing] if thing is not None and thing.project == self.project else []
            if name == "name":
                return self.call.state.having(self.project, self.kind, "name", value)
            if name not in TIMES and name not in LOG_TIMES:
                field = self.field(part.field)
                if field.form is Form.TEXT and not field.key:
                    return self.call.state.having(self.project, self.kind, field.id, value)
        return None


def _text(thing: Thing, key: str) -> str:
    return plain(getattr(thing.latest, key)) if isinstance(thing, Case) else ""


def _by_id(node: Comparison) -> Test:
    """Compare by number or by pid: ``'id' = '123'``, ``Id = 'TC-12'``."""
    if node.operator in ("=", "in") and all(value.isdigit() for value in node.values):
        numbers = {int(value) for value in node.values}
        return lambda thing: thing.id in numbers
    return _by_text(lambda thing: thing.pid, node)


def _by_text(read: Callable[[Thing], str], node: Comparison) -> Test:
    wanted = [value.casefold() for value in node.values]
    first = wanted[0] if wanted else ""
    match node.operator:
        case "=":
            return lambda thing: read(thing).casefold() == first
        case "!=" | "<>":
            return lambda thing: read(thing).casefold() != first
        case "in":
            return lambda thing: read(thing).casefold() in wanted
        case "~":
            return lambda thing: first in read(thing).casefold()
        case "!~":
            return lambda thing: first not in read(thing).casefold()
        case "is" if first in EMPTY:
            return lambda thing: bool(read(thing).strip("[]")) is (first == "not empty")
        case _:
            raise bad(f"the operator {node.operator} does not fit {node.field!r}")


def _by_time(attribute: str, node: Comparison) -> Test:
    return _ordered(lambda thing: getattr(thing, attribute), node)


def _by_date(number: int, node: Comparison) -> Test:
    if node.operator == "is" and node.values[0] in EMPTY:
        filled = node.values[0] == "not empty"
        return lambda thing: bool(thing.properties.get(number)) is filled
    return _ordered(lambda thing: parse_time(thing.properties.get(number)), node)


def _ordered(read: Callable[[Thing], int | None], node: Comparison) -> Test:
    limit = parse_time(node.values[0]) if node.values else None
    if limit is None:
        raise bad("dates are written as 2021-05-07T03:15:37.652Z")
    tests: dict[str, Callable[[int], bool]] = {
        "=": lambda instant: instant == limit,
        "<": lambda instant: instant < limit,
        ">": lambda instant: instant > limit,
        "<=": lambda instant: instant <= limit,
        ">=": lambda instant: instant >= limit,
    }
    if node.operator not in tests:
        raise bad(f"the operator {node.operator} does not fit {node.field!r}")
    chosen = tests[node.operator]

    def test(thing: Thing) -> bool:
        instant = read(thing)
        return instant is not None and chosen(instant)

    return test


def _shown(call: Call, thing: Thing, wanted: list[str]) -> dict[str, Any]:
    shown = show(call, thing)
    if isinstance(thing, Log) and not call.flag("includeTestLogProperties"):
        shown.pop("properties")
        shown.pop("test_step_logs")
    if isinstance(thing, Case) and call.flag("appendTestSteps"):
        shown["test_steps"] = [step(call, thing, s) for s in thing.latest.steps]
    if "*" in wanted:
        return shown
    names = {name.casefold() for name in wanted}
    kept = {key: value for key, value in shown.items() if key in names or key in ("id", "links")}
    own = [p for p in shown.get("properties", ()) if p["field_name"].casefold() in names]
    return kept | ({"properties": own} if own and "properties" not in kept else {})


def search(call: Call) -> Reply:
    body = call.body()
    kind, fields, query = body.get("object_type"), body.get("fields", ["*"]), body.get("query", "")
    if kind not in TYPES:
        raise bad("object_type must be one of " + ", ".join(TYPES))
    if not isinstance(fields, list) or not isinstance(query, str):
        raise bad("fields must be an array, query a string")
    project, latest = call.project().id, time.monotonic() - call.site.options.search_lag
    compiler, node = _Compiler(call, kind), parse(query)
    test = compiler.test(node) if node is not None else None
    candidates = compiler.by_index(node) if node is not None else None
    if candidates is None:
        candidates = call.state.of_project(project, kind)
    found = [t for t in candidates if t.born <= latest and (test is None or test(t))]
    return call.paged(found, lambda thing: _shown(call, thing, fields))


LINES: tuple[Line, ...] = (("POST", API + "/search", search),)

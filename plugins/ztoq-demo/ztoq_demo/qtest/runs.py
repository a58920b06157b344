"""Test runs (facts sections 2, 5 and 10): each binds a version of a case."""

from __future__ import annotations

import uuid
from typing import Any

from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest import execution_views as views
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.objects import Case, Cycle, Place, Release, Run, Suite, Thing, Version
from ztoq_demo.qtest.placing import (
    HOLDERS,
    change,
    common,
    lines,
    moved,
    number_of,
    place_of,
    refuse_reversed,
    values_of,
)
from ztoq_demo.qtest.site import Call, Line


def add_run(call: Call, place: Place, case: Case, version: Version, **more: Any) -> Run:
    """Put a run in."""
    made = Run(**common(call, place), case=case, version=version, **more)
    call.state.add(made)
    return made


def create_run(call: Call) -> Reply:
    """Create a run; without a version it binds the newest approved one, else today's (guess)."""
    body = call.body()
    given = body.get("test_case")
    number = given.get("id") if isinstance(given, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise bad("a test run needs test_case with its id")
    case = call.state.get(Case, number)
    if case is None or case.project != call.project().id:
        raise bad(f"The test case {number} does not exist.")
    name = call.named(body) if body.get("name") is not None else case.name
    values = values_of(call, Run.type, body | {"name": name})
    refuse_reversed(call, Run.type, values)
    configuration = call.text(body, "configuration_id")
    if configuration:
        _refuse_configuration(configuration)
    made = add_run(
        call,
        place_of(call, HOLDERS, body),
        case,
        _bound(case, number_of(body, "test_case_version_id")),
        name=name,
        properties=values,
        configuration=configuration,
    )
    return Reply(201, views.run(call, made))


def _bound(case: Case, number: int | None) -> Version:
    if not number:
        return case.approved or case.latest
    found = next((v for v in case.versions if v.id == number), None)
    if found is None:
        raise bad("Unexpected error occurred")  # facts section 6: an opaque 400
    return found


def _refuse_configuration(text: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError:
        raise bad("configuration_id must be a UUID") from None


def _below(call: Call, place: Place) -> list[Thing]:
    found = call.state.under(place, Run.type)
    for kind in (Release.type, Cycle.type, Suite.type):
        if kind == Release.type and place[0] != "root":
            continue
        for child in call.state.under(place, kind):
            found = found + _below(call, child.place)
    return found


def runs(call: Call) -> Reply:
    """List runs as a page object; expand=descendants takes those of the whole subtree."""
    place = place_of(call, HOLDERS, {})
    if call.expands("descendants"):
        found = _below(call, place)
    else:
        found = call.state.under(place, Run.type)
    return call.paged(found, lambda thing: views.show(call, thing))


def one_run(call: Call) -> Reply:
    thing = call.thing(Run, "testRunId")
    steps = call.expands("testcase.teststep")
    expanded = steps or call.expands("testcase")
    return Reply(200, views.run(call, thing, case_expanded=expanded, steps=steps))


def update_run(call: Call) -> Reply:
    thing = call.thing(Run, "testRunId")
    if not moved(call, thing, HOLDERS):
        body = call.body()
        values = values_of(call, Run.type, body, new=False)
        refuse_reversed(call, Run.type, thing.properties | values)
        if number := number_of(body, "test_case_version_id"):
            thing.version = _bound(thing.case, number)
        change(call, thing, body, values)
    call.site.changed(thing)
    return Reply(200, views.run(call, thing))


LINES: tuple[Line, ...] = lines(
    Run, "testRunId", listed=runs, create=create_run, update=update_run, read=one_run
)

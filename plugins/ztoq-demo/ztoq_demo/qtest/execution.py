"""Releases, builds, cycles and suites (facts sections 2, 5 and 10)."""

from __future__ import annotations

from typing import Any

from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest import execution_views as views
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.objects import Build, Cycle, Release, Suite
from ztoq_demo.qtest.placing import (
    FOLDERS,
    change,
    common,
    instant_of,
    lines,
    moved,
    place_of,
    refuse_reversed,
    targets_of,
    values_of,
)
from ztoq_demo.qtest.site import Call, Line

PAGE = 100


# ------------------------------------------------------------------------------------- releases


def _release_texts(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    texts: dict[str, Any] = {
        key: call.text(body, key) for key in ("description", "note") if body.get(key) is not None
    }
    dates = {"start": instant_of(body, "start_date"), "end": instant_of(body, "end_date")}
    texts |= {key: value for key, value in dates.items() if value is not None}
    start, end = texts.get("start"), texts.get("end")
    if call.site.options.strict and start is not None and end is not None and end < start:
        raise bad("The end date must not be before the start date.")  # guess: as planned dates
    return texts


def create_release(call: Call) -> Reply:
    body = call.body()
    name, texts, values = (
        call.named(body),
        _release_texts(call, body),
        values_of(call, "releases", body),
    )
    made = Release(
        **common(call, ("root", call.project().id)), name=name, properties=values, **texts
    )
    call.state.add(made)
    return Reply(201, views.release(call, made))


def releases(call: Call) -> Reply:
    """List releases; closed ones only with includeClosed=true."""
    project, everything = call.project().id, call.flag("includeClosed")
    status = call.site.fields.named(project, Release.type, "Status")
    shown = []
    for thing in call.state.of_project(project, Release.type):
        value = thing.properties.get(status.id, "") if status else ""
        closed = status is not None and call.site.fields.name_of(status, value) == "Closed"
        if everything or not closed:
            shown.append(views.show(call, thing))
    return Reply(200, shown)


def update_release(call: Call) -> Reply:
    thing, body = call.thing(Release, "releaseId"), call.body()
    texts, values = _release_texts(call, body), values_of(call, "releases", body, new=False)
    change(call, thing, body, values, **texts)
    call.site.changed(thing)
    return Reply(200, views.release(call, thing))


# --------------------------------------------------------------------------------------- builds


def create_build(call: Call) -> Reply:
    body = call.body()
    release = body.get("release")
    number = release.get("id") if isinstance(release, dict) else None
    if not isinstance(number, int):
        raise bad("a build needs its release")
    name, values = call.named(body), values_of(call, "builds", body)
    made = Build(**common(call, call.at(Release, number).place), name=name, properties=values)
    call.state.add(made)
    return Reply(201, views.build(call, made))


def builds(call: Call) -> Reply:
    number = call.asked("releaseId")
    if number is None:
        raise bad("releaseId is required")
    place = call.at(Release, number).place
    return Reply(200, [views.show(call, b) for b in call.state.under(place, Build.type)])


def update_build(call: Call) -> Reply:
    thing, body = call.thing(Build, "buildId"), call.body()
    change(call, thing, body, values_of(call, "builds", body, new=False))
    call.site.changed(thing)
    return Reply(200, views.build(call, thing))


# ----------------------------------------------------------------------------- cycles and suites


def create_cycle(call: Call) -> Reply:
    body = call.body()
    name, text = call.named(body), call.text(body, "description")
    made = Cycle(
        **common(call, place_of(call, FOLDERS, body)),
        name=name,
        description=text,
        **targets_of(call, body),
    )
    call.state.add(made)
    return Reply(201, views.cycle(call, made))


def cycles(call: Call) -> Reply:
    """List cycles under a parent; a negative pageSize means all."""
    place, expand = place_of(call, FOLDERS, {}), call.expands("descendants")
    found = call.state.under(place, Cycle.type)
    if (call.asked("pageSize") or PAGE) > 0:
        start, end = call.page("pageSize", PAGE)
        found = found[start:end]
    return Reply(200, [views.cycle(call, c, expand=expand) for c in found if isinstance(c, Cycle)])


def one_cycle(call: Call) -> Reply:
    thing = call.thing(Cycle, "testCycleId")
    return Reply(200, views.cycle(call, thing, expand=call.expands("descendants")))


def update_cycle(call: Call) -> Reply:
    thing = call.thing(Cycle, "testCycleId")
    if not moved(call, thing, FOLDERS):
        body = call.body()
        text = call.text(body, "description", thing.description)
        change(call, thing, body, {}, description=text, **targets_of(call, body))
    call.site.changed(thing)
    return Reply(200, views.cycle(call, thing))


def create_suite(call: Call) -> Reply:
    body = call.body()
    name, values = call.named(body), values_of(call, Suite.type, body)
    refuse_reversed(call, Suite.type, values)
    place, targets = place_of(call, FOLDERS, body), targets_of(call, body)
    made = Suite(**common(call, place), name=name, properties=values, **targets)
    call.state.add(made)
    return Reply(200, views.suite(call, made))


def suites(call: Call) -> Reply:
    found = call.state.under(place_of(call, FOLDERS, {}), Suite.type)
    return Reply(200, [views.show(call, s) for s in found])


def update_suite(call: Call) -> Reply:
    thing = call.thing(Suite, "testSuiteId")
    if not moved(call, thing, FOLDERS):
        body = call.body()
        values, targets = values_of(call, Suite.type, body, new=False), targets_of(call, body)
        refuse_reversed(call, Suite.type, thing.properties | values)
        change(call, thing, body, values, **targets)
    call.site.changed(thing)
    return Reply(200, views.suite(call, thing))


LINES: tuple[Line, ...] = (
    *lines(Release, "releaseId", listed=releases, create=create_release, update=update_release),
    *lines(Build, "buildId", listed=builds, create=create_build, update=update_build),
    *lines(
        Cycle,
        "testCycleId",
        listed=cycles,
        create=create_cycle,
        update=update_cycle,
        read=one_cycle,
        guarded=True,
    ),
    *lines(Suite, "testSuiteId", listed=suites, create=create_suite, update=update_suite),
)

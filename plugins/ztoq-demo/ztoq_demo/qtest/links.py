"""Links between objects, and defects by key (facts section 9)."""

from __future__ import annotations

from typing import Any

from ztoq_testkit.simulate import Refusal, Reply

from ztoq_demo.qtest.execution_views import defect as defect_view
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.files import attach_all, inline
from ztoq_demo.qtest.objects import Defect, Place
from ztoq_demo.qtest.placing import common
from ztoq_demo.qtest.site import API, Call, Line, missing

SOURCES = ("releases", "builds", "requirements", "test-logs", "test-steps")
TARGETS = (*SOURCES, "test-cases", "test-runs", "defects")
# guess: which pairs can be linked; the document names the types, not the pairs
LINKABLE = {
    "requirements": {"test-cases", "releases", "builds", "defects"},
    "releases": {"requirements", "test-cases", "builds"},
    "builds": {"requirements", "releases"},
    "test-logs": {"defects"},
    "test-steps": {"defects"},
}
LINK_TYPES = {"requirements": "is covered by", "test-cases": "covers"}  # guess: the texts


def _exists(call: Call, kind: str, number: int) -> bool:
    if kind == "test-steps":
        return number in call.state.steps
    return number in call.state.objects.get(kind, {})


def _pid(call: Call, place: Place) -> str:
    thing = call.state.objects.get(place[0], {}).get(place[1])
    return thing.pid if thing else ""


def _linked(call: Call, source: Place, target: Place) -> dict[str, Any]:
    path = f"{call.origin}/api/v3/projects/{call.project().id}/{target[0]}/{target[1]}"
    shown = {"id": target[1], "link_type": LINK_TYPES.get(source[0], "is linked to"), "self": path}
    pid = _pid(call, target)
    return shown | ({"pid": pid} if pid else {})


def _container(call: Call, source: Place, targets: list[Place]) -> dict[str, Any]:
    shown = {"id": source[1], "objects": [_linked(call, source, target) for target in targets]}
    pid = _pid(call, source)
    return shown | ({"pid": pid} if pid else {})


def _source(call: Call) -> tuple[Place, str]:
    kind, number = call.request.params["objectType"], call.number("objectId")
    call.project()
    other = call.request.query.get("type")
    if kind not in SOURCES or other not in TARGETS:
        raise bad("objectType or type cannot be linked")
    if not _exists(call, kind, number):
        raise missing(f"{kind} {number}")
    return (kind, number), other


def _numbers(call: Call) -> list[int]:
    given = call.anything()
    if not isinstance(given, list) or not all(isinstance(n, int) for n in given):
        raise bad("the body must be an array of ids")
    return given


def link(call: Call) -> Reply:
    """Link objects; those that cannot be linked are ignored silently, as the document says."""
    (source, kind), state = _source(call), call.state
    made = []
    numbers = _numbers(call)
    if call.site.options.linked_once and any(
        (kind, number) in state.links.get(source, {}) for number in numbers
    ):
        raise bad("It is linked already.")
    for number in numbers:
        target = kind, number
        blocked = number in call.site.options.unlinkable or kind not in LINKABLE[source[0]]
        if blocked or not _exists(call, kind, number):
            continue
        state.links.setdefault(source, {})[target] = None
        state.links.setdefault(target, {})[source] = None
        made.append(target)
    return Reply(200, [_container(call, source, made)])


def unlink(call: Call) -> Reply:
    (source, kind), state = _source(call), call.state
    for number in _numbers(call):
        state.links.get(source, {}).pop((kind, number), None)
        state.links.get((kind, number), {}).pop(source, None)
    return Reply(200, {})


def _defects(call: Call) -> tuple[list[str], list[str]]:
    """Return the defects of the log or step of the path, and the keys of the body."""
    kind, number = call.request.params["objectType"], call.number("objectId")
    call.project()
    if call.request.params["linkType"] != "defects" or kind not in ("test-logs", "test-steps"):
        raise missing(call.request.path)
    given = call.anything()
    if not isinstance(given, list) or not all(isinstance(key, str) for key in given):
        raise bad("the body must be an array of pids")
    log = call.state.objects.get("test-logs", {}).get(number)
    held: list[str] | None = getattr(log, "defects", None)
    if kind == "test-steps" and number in call.state.steps:
        held = call.state.step_defects.setdefault(number, [])
    if held is None:
        raise missing(f"{kind} {number}")
    return held, given


def link_defects(call: Call) -> Reply:
    """Link defects by pid or Jira key; 404 where one is unknown."""
    held, keys = _defects(call)
    project = call.project().id
    if call.site.options.linked_once and set(keys) & set(held):
        raise bad("It is linked already.")
    if unknown := [key for key in keys if not call.site.known_defect(project, key)]:
        raise Refusal(404, {"message": f"Link defect unsuccessfully: {', '.join(unknown)}"})
    held.extend(key for key in keys if key not in held)
    objects = [{"id": call.site.defect_number(key), "pid": key} for key in keys]
    return Reply(201, [{"id": call.number("objectId"), "objects": objects}])


def unlink_defects(call: Call) -> Reply:
    held, keys = _defects(call)
    gone = [key for key in keys if key in held]
    for key in gone:
        held.remove(key)
    return Reply(200, gone)


def linked(call: Call) -> Reply:
    """Return what is linked to given objects; those without links are left out."""
    kind = call.request.query.get("type")
    call.project()
    if kind not in TARGETS:
        raise bad("type must be one of " + ", ".join(TARGETS))
    numbers = call.listed("ids")
    if not all(number.isdigit() for number in numbers):
        raise bad("ids must be numbers")
    shown = []
    for text in numbers:
        place = kind, int(text)
        if targets := list(call.state.links.get(place, {})):
            shown.append(_container(call, place, targets))
        elif keys := _log_defects(call, place):
            path = f"{call.origin}/api/v3/projects/{call.project().id}/defects"
            objects = [
                {"id": call.site.defect_number(k), "pid": k, "self": f"{path}/{k}"} for k in keys
            ]
            shown.append({"id": place[1], "objects": objects})
    return Reply(200, shown)


def _log_defects(call: Call, place: Place) -> list[str]:
    if place[0] == "test-logs":
        log = call.state.objects.get("test-logs", {}).get(place[1])
        return list(getattr(log, "defects", ()))
    return call.state.step_defects.get(place[1], []) if place[0] == "test-steps" else []


def create_defect(call: Call) -> Reply:
    body, fields, project = call.body(), call.site.fields, call.project().id
    values = fields.checked(project, Defect.type, body.get("properties"))
    values, files = fields.completed(project, Defect.type, values, body), inline(call, body)
    summary = fields.named(project, Defect.type, "Summary")
    name = values.get(summary.id, "") if summary else ""
    made = Defect(**common(call, ("root", project)), name=name, properties=values)
    call.state.add(made)
    attach_all(call, made.place, files)
    return Reply(201, defect_view(call, made))


def one_defect(call: Call) -> Reply:
    return Reply(200, defect_view(call, call.thing(Defect, "defectId", pid=True)))


_ONE = API + "/{objectType}/{objectId}"
LINES: tuple[Line, ...] = (
    ("GET", API + "/linked-artifacts", linked),
    ("POST", API + "/defects", create_defect),
    ("GET", API + "/defects/{defectId}", one_defect),
    ("POST", _ONE + "/link", link),
    ("DELETE", _ONE + "/link", unlink),
    ("POST", _ONE + "/{linkType}", link_defects),
    ("DELETE", _ONE + "/{linkType}", unlink_defects),
)

"""Moving and deleting: what lies under what, and what goes with it."""

from __future__ import annotations

from ztoq_testkit.simulate import Refusal

from ztoq_demo.qtest.objects import Case, Log, Module, Place, Thing
from ztoq_demo.qtest.site import Call
from ztoq_demo.qtest.state import State

CHILD_TYPES = {
    "modules": ("modules", "requirements", "test-cases"),
    "releases": ("builds", "test-cycles", "test-suites", "test-runs"),
    "test-cycles": ("test-cycles", "test-suites", "test-runs"),
    "test-suites": ("test-runs",),
    "test-runs": ("test-logs",),
}


def children(state: State, thing: Thing) -> list[Thing]:
    """Return what lies directly under an object."""
    kinds = CHILD_TYPES.get(thing.type, ())
    return [child for kind in kinds for child in state.under(thing.place, kind)]


def is_empty(state: State, thing: Thing) -> bool:
    """Return whether nothing lies under an object."""
    return not any(state.children.get((*thing.place, k)) for k in CHILD_TYPES.get(thing.type, ()))


def refuse_children(call: Call, thing: Thing) -> None:
    """Refuse to delete a container with children unless ``force=true`` (facts section 5).

    guess: the status 400.
    """
    if not call.flag("force") and not is_empty(call.state, thing):
        raise Refusal(400, {"message": f"{thing.pid} has children; use force=true"})


def delete(state: State, thing: Thing) -> None:
    """Delete an object with all that lies under it."""
    for child in children(state, thing):
        if not isinstance(child, Log):
            state.cascades.append(f"{child.pid} with {thing.pid}")
        delete(state, child)
    if isinstance(thing, Case):
        for line in {step.line for version in thing.versions for step in version.steps}:
            _drop_files(state, ("test-steps", line))
    if isinstance(thing, Log):
        for step_log in thing.steps:
            del state.step_logs[step_log.id]
            _drop_files(state, ("test-step-logs", step_log.id))
        if thing.run.last_log is thing:
            left = [child for child in state.under(thing.parent, Log.type) if child is not thing]
            last = left[-1] if left else None
            thing.run.last_log = last if isinstance(last, Log) else None
    state.comments.pop(thing.place, None)
    state.remove(thing)


def _drop_files(state: State, place: Place) -> None:
    for number in state.attached.pop(place, {}):
        del state.attachments[number]


def module_place(call: Call, number: int | None) -> Place:
    """Return the place of a module; None or 0 is the root."""
    if not number:
        return "root", call.project().id
    return call.at(Module, number).place

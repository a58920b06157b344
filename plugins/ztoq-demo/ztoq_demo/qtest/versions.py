"""Versions of cases and their steps (facts sections 5 and 6).

Each save makes a version with a new id and steps with new ids; approval makes N.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.files import Inline, attach_all, inline
from ztoq_demo.qtest.objects import Case, Step, Version
from ztoq_demo.qtest.site import Call
from ztoq_demo.qtest.texts import parameters

DEEPEST = 20


@attrs.frozen(kw_only=True)
class Draft:
    """A step that is to be saved; ``line`` is that of the step it continues, 0 for a new one."""

    description: str
    expected: str
    order: int
    called: int | None
    line: int = 0
    fields: dict[int, str] = attrs.field(factory=dict)
    files: list[Inline] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class Leaf:
    """A step that is executed: an own one, or one of a called case.

    ``parents`` are the ids by which a log may name the calling step: the one of the run's case,
    or the innermost one. ``called`` is the case that holds the step, None for an own one.
    """

    step: Step
    called: int | None
    parents: tuple[int, ...]


def draft(call: Call, case: Case | None, item: Any, position: int, line: int = 0) -> Draft:
    """Return a step of a body; ``line`` is that of the step it continues.

    Raises:
        Refusal: 400 for a missing text, an order below 1, a call that cannot be.
    """
    if not isinstance(item, dict):
        raise bad("test_steps must be objects")
    for key in ("description", "expected"):
        if not isinstance(item.get(key), str):
            raise bad(f"a test step needs {key}")
    order = item.get("order", position)
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise bad("the order of a test step starts at 1")
    called = item.get("called_test_case_id")
    if called is not None:
        _refuse_call(call, case, called)
    return Draft(
        description=item["description"],
        expected=item["expected"],
        order=order,
        called=called,
        line=line,
        fields=_fields(call, item.get("customFieldInfo")),
        files=inline(call, item),
    )


def _fields(call: Call, given: Any) -> dict[int, str]:
    """Return the values of a step's fields (CustomFieldInfo): the site's, active in the project."""
    if not given or call.site.options.step_fields == "ignored":
        return {}
    if call.site.options.step_fields == "refused":
        raise bad("Invalid customFieldInfo")
    known = {f.id: f for f in call.site.fields.of(call.project().id, "test-steps")}
    found = {}
    for item in given:
        field = known.get(item.get("id"))
        if field is None or not field.is_active(call.project().id):
            raise bad("The field of the test step does not exist.")
        found[field.id] = call.site.fields.fitting(field, item.get("value") or "")
    return found


def drafts(call: Call, case: Case | None, given: Any) -> list[Draft]:
    """Return the steps of a body in their order: new ones, whatever ids they bear (guess)."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise bad("test_steps must be an array")
    found = [draft(call, case, item, n) for n, item in enumerate(given, 1)]
    return sorted(found, key=lambda step: step.order)


def _refuse_call(call: Call, case: Case | None, number: Any) -> None:
    other = call.state.get(Case, number) if isinstance(number, int) else None
    if other is None or other.project != call.project().id:
        raise bad(f"The called test case {number} does not exist.")
    if case is not None and (other is case or _calls(call, other, case, 0)):
        raise bad("A test case cannot call itself.")  # guess: no fact on circles


def _calls(call: Call, case: Case, sought: Case, depth: int) -> bool:
    for number in {s.called for s in case.latest.steps if s.called is not None}:
        other = call.state.case_of(number)
        if other is sought or (
            other is not None and depth < DEEPEST and _calls(call, other, sought, depth + 1)
        ):
            return True
    return False


def kept(steps: Iterable[Step]) -> list[Draft]:
    """Return the steps of the version before as drafts."""
    return [
        Draft(
            description=s.description,
            expected=s.expected,
            order=s.order,
            called=s.called,
            line=s.line,
            fields=s.fields,
        )
        for s in steps
    ]


def save(call: Call, case: Case, steps: Sequence[Draft] | None = None, **texts: str) -> Version:
    """Save a version: the minor number rises. ``steps`` None leaves them as they are."""
    before = case.versions[-1] if case.versions else None
    chosen = kept(before.steps) if steps is None and before else list(steps or ())
    major, minor = (before.major, before.minor + 1) if before else (0, 1)
    return _append(call, case, chosen, (major, minor), texts)


def approve(call: Call, case: Case) -> Version:
    """Approve today's version: N.0. Approving an approved one changes nothing (guess)."""
    before = case.latest
    if before.approved:
        return before
    return _append(call, case, kept(before.steps), (before.major + 1, 0), {})


def _append(
    call: Call, case: Case, chosen: list[Draft], number: tuple[int, int], texts: dict[str, str]
) -> Version:
    before = case.versions[-1] if case.versions else None
    state, made, project = call.state, [], call.project()
    for order, item in enumerate(chosen, 1):
        step_id = state.new_id()
        step = Step(
            id=step_id,
            line=item.line or step_id,
            order=order,
            description=item.description,
            expected=item.expected,
            called=item.called,
            fields=item.fields,
        )
        made.append(step)
        state.steps[step_id] = case, step
        attach_all(call, ("test-steps", step.line), item.files)
        for text in (item.description, item.expected):
            for name in parameters(text):
                project.parameters.setdefault(name, step_id)
    version = Version(
        id=state.new_id(),
        major=number[0],
        minor=number[1],
        name=case.name,
        description=texts.get("description", before.description if before else ""),
        precondition=texts.get("precondition", before.precondition if before else ""),
        steps=tuple(made),
    )
    case.versions.append(version)
    state.versions[version.id] = case, version
    return version


def shown_versions(case: Case) -> list[Version]:
    """Return all approved versions, and the last one if it is not approved (the document)."""
    return [v for v in case.versions if v.approved or v is case.latest]


def expanded(call: Call, version: Version) -> list[Leaf]:
    """Return the steps that are executed, those of called cases in the place of the call.

    guess: the newest approved version of a called case counts, else today's.
    """
    return list(_leaves(call, version, None, ()))


def _leaves(
    call: Call, version: Version, called: int | None, parents: tuple[int, ...]
) -> Iterator[Leaf]:
    for step in version.steps:
        other = call.state.case_of(step.called) if step.called is not None else None
        if other is None or len(parents) >= DEEPEST:
            ends = (parents[0], parents[-1]) if parents else ()
            yield Leaf(step=step, called=called, parents=ends)
        else:
            inner = other.approved or other.latest
            yield from _leaves(call, inner, other.id, (*parents, step.id))

"""Links defects and cases. Existing links are read before a link is sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ztoq_core.plugin import DoubtError, Ref, RejectedError
from ztoq_qtest.api.object_types import ObjectRef
from ztoq_qtest.api.project import Project

ATTEMPTS = 6  # for a link whose answer is lost each time


async def link_defect(project: Project, log: ObjectRef, key: str, ref: Ref) -> str:
    """Link a defect to a log; return ``""``, or the reason why it is not linked."""
    return await _link(
        project,
        log,
        f"{log.path}/defects",
        [key],
        lambda each: key in {each.get("pid"), each.get("external_defect_id")},
        ref=ref,
    )


async def link_case(project: Project, requirement: ObjectRef, case: int, ref: Ref) -> str:
    """Link a case to a requirement; return ``""``, or the reason why it is not linked."""
    return await _link(
        project,
        requirement,
        f"{requirement.path}/link",
        [case],
        lambda each: each.get("id") == case,
        params={"type": "test-cases"},
        ref=ref,
    )


async def _link(  # noqa: PLR0913 - the two kinds of link differ in these
    project: Project,
    source: ObjectRef,
    path: str,
    body: Sequence[str | int],
    is_it: Callable[[Mapping[str, Any]], bool],
    *,
    params: Mapping[str, str | int] | None = None,
    ref: Ref,
) -> str:
    """Create one link; return ``""``, or the reason why it does not exist.

    The object is complete without the link, so a refusal (vendor's document: 400 for a locked run,
    404 for a key that Jira does not have) becomes a reason and not an error.

    The document does not say what a second link between the same two objects does, and qTest
    silently ignores what it cannot link (facts, section 9). So the existing links are read after a
    refusal, and before a request whose answer was lost is sent again.
    """
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            answer = await project.send("POST", path, body, params=params, ref=ref)
        except (DoubtError, RejectedError) as error:
            reason = str(error)
            lost = isinstance(error, DoubtError)
        else:
            lost = False
            if _shows_link(answer.body, source, is_it):
                return ""
            reason = "qTest accepted the request but its answer does not show the link"
        try:
            linked = await project.get("linked-artifacts", type=source.type, ids=source.id)
        except RejectedError:
            return reason
        if _shows_link(linked, source, is_it):
            return ""
        if not lost:
            break
    return reason


def _shows_link(body: Any, source: ObjectRef, is_it: Callable[[Mapping[str, Any]], bool]) -> bool:
    containers = body if isinstance(body, list) else ()
    return any(
        is_it(linked)
        for each in containers
        if each.get("id") in {None, source.id}
        for linked in each.get("objects") or ()
    )


# ------------------------------------------------------------------------- defects in log bodies


def issue_keys(links: Sequence[Any]) -> list[str]:
    """Return the keys of the issues that links name."""
    return [str(each.issue_key) for each in links if each.issue_key]


def defects_of(shown: Mapping[str, Any]) -> set[str]:
    """Return the keys and ids of the defects of a log or step log."""
    names = ("pid", "external_defect_id")
    defects = shown.get("defects") or ()
    return {str(each[name]) for each in defects for name in names if each.get(name)}


def held_and_new(
    shown: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the defects of a step log and the wanted ones that it lacks.

    The document does not say whether a PUT replaces the defects of steps or adds to them. Sending
    both gives the same result either way.
    """
    names = ("id", "pid", "external_defect_id", "connection_id", "external_project_id")
    held = [
        {name: each[name] for name in names if each.get(name) is not None}
        for each in shown.get("defects") or ()
    ]
    there = defects_of(shown)
    return [*held, *(dict(each) for each in wanted if each["pid"] not in there)]

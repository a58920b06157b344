"""Links defects and cases; what is linked already is read, and not sent again on a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ztoq_core.plugin import DoubtError, Ref, RejectedError
from ztoq_qtest.api.object_types import Place
from ztoq_qtest.api.project import Project

__all__ = ["defects_of", "held_and_new", "issue_keys", "link_case", "link_defect"]

TRIES = 6  # of a link whose answer is lost each time


async def link_defect(project: Project, log: Place, key: str, ref: Ref) -> str:
    """Link a defect to a log; return why it is not linked, ``""`` where it is."""
    return await _link(
        project,
        log,
        f"{log.path}/defects",
        [key],
        lambda each: key in {each.get("pid"), each.get("external_defect_id")},
        ref=ref,
    )


async def link_case(project: Project, requirement: Place, case: int, ref: Ref) -> str:
    """Link a case to a requirement; return why it is not linked, ``""`` where it is."""
    return await _link(
        project,
        requirement,
        f"{requirement.path}/link",
        [case],
        lambda each: each.get("id") == case,
        params={"type": "test-cases"},
        ref=ref,
    )


async def _link(  # noqa: PLR0913 - what the two kinds of link differ in
    project: Project,
    source: Place,
    path: str,
    body: Sequence[str | int],
    is_it: Callable[[Mapping[str, Any]], bool],
    *,
    params: Mapping[str, str | int] | None = None,
    ref: Ref,
) -> str:
    """Link once; return why the link does not exist, ``""`` where it does.

    A link embellishes an object, so what qTest answers (400 a locked run, 404 a key that Jira does
    not have, vendor's document) is a reason and fails nothing.

    The document does not say what a second link of the same two does, and what cannot be linked is
    ignored silently (facts, section 9). So after a refusal, and before a request whose answer was
    lost is sent again, what is linked is read.
    """
    reason = ""
    for _ in range(TRIES):
        try:
            answer = await project.send("POST", path, body, params=params, ref=ref)
        except (DoubtError, RejectedError) as error:
            reason = str(error)
            lost = isinstance(error, DoubtError)
        else:
            lost = False
            if _stands(answer.body, source, is_it):
                return ""
            reason = "qTest answered without the link"
        try:
            linked = await project.get("linked-artifacts", type=source.type, ids=source.id)
        except RejectedError:
            return reason
        if _stands(linked, source, is_it):
            return ""
        if not lost:
            break
    return reason


def _stands(body: Any, source: Place, is_it: Callable[[Mapping[str, Any]], bool]) -> bool:
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
    """Return what the defects of a log or step log are known by."""
    names = ("pid", "external_defect_id")
    defects = shown.get("defects") or ()
    return {str(each[name]) for each in defects for name in names if each.get(name)}


def held_and_new(
    shown: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the defects of a step log with those that it lacks.

    The document does not say whether a PUT replaces the defects of steps or adds to them; with
    both in it, either gives the same.
    """
    names = ("id", "pid", "external_defect_id", "connection_id", "external_project_id")
    held = [
        {name: each[name] for name in names if each.get(name) is not None}
        for each in shown.get("defects") or ()
    ]
    there = defects_of(shown)
    return [*held, *(dict(each) for each in wanted if each["pid"] not in there)]

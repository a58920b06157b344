"""Links defects and cases; what is linked already is read, and not sent again on a guess."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ztoq_core.plugin import DoubtError, Ref
from ztoq_qtest.kinds import Place
from ztoq_qtest.project import CONFLICT, FORBIDDEN, MISSING, REFUSED, Project

__all__ = ["defects_of", "held_and_new", "issue_keys", "link_case", "link_defect"]

TRIES = 6  # of a link whose answer is lost each time


async def link_defect(project: Project, log: Place, key: str, ref: Ref) -> bool:
    """Link a defect to a log; return whether it is linked."""
    return await _link(
        project,
        log,
        f"{log.path}/defects",
        [key],
        lambda each: key in {each.get("pid"), each.get("external_defect_id")},
        # 400 a locked run, 404 a key that Jira does not have (vendor's document)
        refusals={REFUSED, FORBIDDEN, MISSING, CONFLICT},
        ref=ref,
    )


async def link_case(project: Project, requirement: Place, case: int, ref: Ref) -> bool:
    """Link a case to a requirement; return whether it is linked."""
    return await _link(
        project,
        requirement,
        f"{requirement.path}/link",
        [case],
        lambda each: each.get("id") == case,
        params={"type": "test-cases"},
        refusals={REFUSED, CONFLICT},
        ref=ref,
    )


async def _link(  # noqa: PLR0913 - what the two kinds of link differ in
    project: Project,
    source: Place,
    path: str,
    body: Sequence[str | int],
    is_it: Callable[[Mapping[str, Any]], bool],
    *,
    refusals: Collection[int],
    params: Mapping[str, str | int] | None = None,
    ref: Ref,
) -> bool:
    """Link once; return whether the link stands.

    The document does not say what a second link of the same two does, and what cannot be linked is
    ignored silently (facts, section 9). So after a refusal, and before a request whose answer was
    lost is sent again, what is linked is read.
    """
    for _ in range(TRIES):
        try:
            answer = await project.send("POST", path, body, params=params, accept=refusals, ref=ref)
        except DoubtError:
            lost = True
        else:
            lost = False
            if answer.status not in refusals and _stands(answer.body, source, is_it):
                return True
        linked = await project.get("linked-artifacts", type=source.type, ids=source.id)
        if _stands(linked, source, is_it):
            return True
        if not lost:
            return False
    return False


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

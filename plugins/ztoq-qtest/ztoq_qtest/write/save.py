"""What all writers share: creating, changing and moving an object, and finding its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from ztoq_core.plugin import (
    Content,
    DoubtError,
    Links,
    Record,
    RecordError,
    Ref,
    RejectedError,
    ServiceError,
    Written,
)
from ztoq_qtest.api.object_types import ROOT, SHAPES, Place, place_of
from ztoq_qtest.api.project import MISSING, Project, parent_query
from ztoq_qtest.fields.settings import Settings

__all__ = ["Desk", "Job", "linked", "looking_at_new", "parent_place", "save"]


@attrs.frozen(kw_only=True)
class Desk:
    """What a writer works with."""

    project: Project
    settings: Settings


@attrs.frozen(kw_only=True)
class Job:
    """What the engine asks for: ``target_id`` None means create.

    Of a case that is finished: ``changed`` are the keys of the steps that are sent, each by itself;
    None sends all of them with the case. Of a log: ``parts`` are the logs of its steps, and
    ``bare`` leaves the defects of its steps as they are.
    """

    target_id: str | None
    links: Links
    content: Content | None = None
    changed: frozenset[str] | None = None
    parts: Mapping[str, str] = attrs.field(factory=dict)
    bare: bool = False


@contextmanager
def looking_at_new(ref: Ref, *, new: bool) -> Iterator[None]:
    """Surround a call after the creating one: if it fails, the object is there all the same.

    Raises:
        DoubtError: It failed and the object is ``new``: it has to be found by its mark, and would
            be made twice if it were sent again.
    """
    try:
        yield
    except ServiceError as error:
        if not new:
            raise
        raise DoubtError(f"qTest: {ref} was created, and then: {error}", status=200) from error


async def save(
    project: Project, place: Place | str, body: Mapping[str, Any], parent: Place, ref: Ref
) -> Any:
    """Create an object of a type, or change the one at a place and move it where it belongs.

    Returns the server's answer. A creating POST is sent once; all else may be repeated.

    Raises:
        DoubtError: A creating POST was not answered with the object.
    """
    type_ = place if isinstance(place, str) else place.type
    query = parent_query(type_, parent)
    if SHAPES[type_].parent == "body" and parent != ROOT:
        body = {**body, "parent_id": parent.id}
    if isinstance(place, str):
        try:
            return (await project.send("POST", type_, body, params=query or None, ref=ref)).body
        except RejectedError as error:
            if error.status == MISSING and parent != ROOT:
                lost = f"{error}; qTest no longer has {parent.path}, where it belongs"
                raise RejectedError(lost, status=MISSING) from error
            raise
    found = (await project.send("PUT", place.path, body, ref=ref)).body
    if query and await _elsewhere(project, place, found, parent):
        # a PUT with parentId moves and ignores the body, so it is a call of its own
        await project.send("PUT", place.path, body, params=query, ref=ref)
    return {**found, "id": place.id}


async def _elsewhere(project: Project, place: Place, found: Mapping[str, Any], to: Place) -> bool:
    key = SHAPES[place.type].parent_key
    if key and to != ROOT and found.get(key) is not None:
        return int(found[key]) != to.id
    return all([item["id"] != place.id async for item in project.children(place.type, to)])


def linked(links: Links, ref: Ref, by: Record) -> Written:
    """Return what ``ref`` became in the target.

    Raises:
        RecordError: It did not arrive, and ``by`` cannot stand without it.
    """
    found = links.get(ref)
    if found is None:
        raise RecordError(f"{by.ref} needs {ref}, which is not in qTest")
    return found


def parent_place(links: Links, ref: Ref | None, root: Ref | None, by: Record) -> Place:
    """Return where a record goes: into ``ref``, else into the configured root, else the root."""
    chosen = ref or root
    if chosen is None or chosen == by.ref:
        return ROOT
    return place_of(chosen.kind, linked(links, chosen, by).target_id)

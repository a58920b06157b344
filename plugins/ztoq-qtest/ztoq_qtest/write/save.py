"""Shared by all writers: creates, changes or moves an object, and finds its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from ztoq_core.plugin import (
    Content,
    DoubtError,
    Links,
    Note,
    Record,
    RecordError,
    Ref,
    RejectedError,
    ServiceError,
    Written,
)
from ztoq_qtest.api.object_types import OBJECT_TYPES, ROOT, ObjectRef, object_ref
from ztoq_qtest.api.project import MISSING, Project, parent_query
from ztoq_qtest.fields.settings import Settings
from ztoq_qtest.html import NAME_LENGTH, with_suffix
from ztoq_qtest.note_codes import NAME_CUT


@attrs.frozen(kw_only=True)
class Session:
    """What every operation on the project needs."""

    project: Project
    settings: Settings


@attrs.frozen(kw_only=True)
class WriteRequest:
    """One write of a record: ``target_id`` None creates the object.

    For a case that is finished, ``changed`` holds the keys of the steps to send, each by itself;
    None sends all steps with the case. For a log, ``parts`` are the ids of its step logs, and
    ``without_step_defects`` leaves the defects of its steps as they are.
    """

    target_id: str | None
    links: Links
    content: Content | None = None
    changed: frozenset[str] | None = None
    parts: Mapping[str, str] = attrs.field(factory=dict)
    without_step_defects: bool = False


@attrs.frozen(kw_only=True)
class Draft:
    """An object as it is to be sent, where it belongs, and the notes on what it loses.

    An object that is found again has lost the same, so ``find`` builds its draft, too.
    """

    type: str
    parent: ObjectRef
    body: Mapping[str, Any]
    notes: tuple[Note, ...] = ()


@contextmanager
def doubt_if_created(ref: Ref, *, new: bool) -> Iterator[None]:
    """Turn a failure after the creating call into doubt, if the object is ``new``.

    The object exists by then. Sent again, it would be created twice, so the engine has to find
    it by its mark.

    Raises:
        DoubtError: A call failed and the object is new.
    """
    try:
        yield
    except ServiceError as error:
        if not new:
            raise
        raise DoubtError(f"qTest: {ref} was created, but then: {error}", status=200) from error


def suffixed(name: str, *words: str) -> tuple[str, tuple[Note, ...]]:
    """Return the name with `` [word]`` for each word, and a loss where it was cut for that."""
    made = with_suffix(name, *words)
    if made.startswith(" ".join(name.splitlines())):
        return made, ()
    text = f"the name is longer than qTest's {NAME_LENGTH} characters with its key, so it was cut"
    return made, (NAME_CUT.note(text),)


async def save(
    project: Project, target: ObjectRef | str, body: Mapping[str, Any], parent: ObjectRef, ref: Ref
) -> Any:
    """Create an object of a type, or change an object and move it to its parent.

    Returns qTest's answer. A creating POST is sent once; a PUT may be repeated.

    Raises:
        DoubtError: A creating POST was not answered with the object.
    """
    type_ = target if isinstance(target, str) else target.type
    query = parent_query(type_, parent)
    if OBJECT_TYPES[type_].parent == "body" and parent != ROOT:
        body = {**body, "parent_id": parent.id}
    if isinstance(target, str):
        try:
            return (await project.send("POST", type_, body, params=query or None, ref=ref)).body
        except RejectedError as error:
            if error.status == MISSING and parent != ROOT:
                text = f"{error}; its parent {parent.path} no longer exists in qTest"
                raise RejectedError(text, status=MISSING) from error
            raise
    found = (await project.send("PUT", target.path, body, ref=ref)).body
    if query and await _is_elsewhere(project, target, found, parent):
        # A PUT with parentId moves the object and ignores the body, so it is a second call.
        await project.send("PUT", target.path, body, params=query, ref=ref)
    return {**found, "id": target.id}


async def save_draft(
    project: Project, draft: Draft, record: Record, request: WriteRequest
) -> tuple[ObjectRef, Mapping[str, Any]]:
    """Create an object or change ``request.target_id``; return it and qTest's answer."""
    at = object_ref(record.kind, request.target_id) if request.target_id else draft.type
    answer = await save(project, at, draft.body, draft.parent, record.ref)
    return ObjectRef(draft.type, int(answer["id"])), answer


async def _is_elsewhere(
    project: Project, target: ObjectRef, found: Mapping[str, Any], to: ObjectRef
) -> bool:
    key = OBJECT_TYPES[target.type].parent_key
    if key and to != ROOT and found.get(key) is not None:
        return int(found[key]) != to.id
    return all([item["id"] != target.id async for item in project.children(target.type, to)])


def required_link(links: Links, ref: Ref, by: Record) -> Written:
    """Return the object in qTest that ``ref`` became.

    Raises:
        RecordError: It is not in qTest, and ``by`` cannot be written without it.
    """
    found = links.get(ref)
    if found is None:
        raise RecordError(f"{by.ref} needs {ref}, which is not in qTest")
    return found


def find_parent(links: Links, ref: Ref | None, root: Ref | None, by: Record) -> ObjectRef:
    """Return the parent: the object of ``ref``, else the configured root, else the project root."""
    chosen = ref or root
    if chosen is None or chosen == by.ref:
        return ROOT
    return object_ref(chosen.kind, required_link(links, chosen, by).target_id)

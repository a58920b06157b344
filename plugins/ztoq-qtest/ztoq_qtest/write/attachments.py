"""Uploads files, finds uploaded files again, and lists the files of an object."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from ztoq_core.plugin import (
    Attachment,
    ContentHash,
    Found,
    Kind,
    Links,
    Note,
    RecordError,
    Ref,
    RejectedError,
    Written,
    read_whole,
)
from ztoq_qtest.api.object_types import ObjectRef, object_ref
from ztoq_qtest.api.project import MISSING, Project
from ztoq_qtest.note_codes import FILE_NAME_ENCODED, FILE_ON_WHOLE
from ztoq_qtest.write.save import Session, WriteRequest, doubt_if_created, required_link
from ztoq_qtest.write.steps import sort_steps

PARTS: Mapping[Kind, str] = {Kind.TEST_CASE: "test-steps", Kind.TEST_LOG: "test-step-logs"}
OWNERS = frozenset({"releases", "requirements", "test-cases", "test-logs"})  # facts, section 8
PRINTABLE = re.compile(r"[ -~]+")


async def write_file(session: Session, file: Attachment, request: WriteRequest) -> Written:
    """Upload a file as the raw body (facts, section 8); an uploaded file is never changed."""
    target, notes = _place(file, request.links)
    if request.target_id is not None:
        owner_path, _, number = request.target_id.rpartition("/")
        there = await list_attached(session.project, target)
        raw = next((each for each in there if str(each["id"]) == number), {"id": number})
        return _written(session.project, target, owner_path, raw, notes)
    if request.content is None:
        raise RecordError(f"{file.ref} has no content")
    name = header_name(file.name)
    notes += _encoded(file.name)
    answer = await session.project.send(
        "POST",
        f"{target.path}/blob-handles",
        content=request.content,
        headers={
            "File-Name": name,
            "Content-Type": request.content.media_type or "application/octet-stream",
        },
        ref=file.ref,
    )
    raw = answer.body
    if file.inline and not raw.get("web_url"):  # a text will show this address
        with doubt_if_created(file.ref, new=True):
            there = await list_attached(session.project, target)
        raw = next((each for each in there if each["id"] == raw["id"]), raw)
    return _written(session.project, target, _owner_path(file, request.links, target), raw, notes)


def header_name(name: str) -> str:
    """Return a file name that a header can carry: ASCII as it is, all else percent-encoded.

    aiohttp sends headers as UTF-8, and servers read them as latin-1. Blanks around a header's value
    do not belong to it (RFC 9110, section 5.5).
    """
    if PRINTABLE.fullmatch(name) and name == name.strip():
        return name
    inner = "" if name != name.strip() else " "
    return quote(name, safe=inner + "!#$&'()+,;=@[]^`{}~") or "file"


def _encoded(name: str) -> list[Note]:
    if header_name(name) == name:
        return []
    text = f"the file name {name!r} is percent-encoded: qTest takes it in an ASCII header"
    return [FILE_NAME_ENCODED.note(text)]


def _place(file: Attachment, links: Links) -> tuple[ObjectRef, list[Note]]:
    owner = required_link(links, file.owner, file)
    if not file.part:
        return object_ref(file.owner.kind, owner.target_id), []
    if (number := owner.parts.get(file.part)) and file.owner.kind in PARTS:
        return ObjectRef(PARTS[file.owner.kind], int(number)), []
    text = f"step {file.part} of {file.owner} is not in qTest; its file is attached to the whole"
    return object_ref(file.owner.kind, owner.target_id), [FILE_ON_WHOLE.note(text)]


def _owner_path(file: Attachment, links: Links, target: ObjectRef) -> str:
    """Return the path of the object that holds a file, in a form that new versions keep."""
    if target.type != PARTS[Kind.TEST_CASE]:
        return target.path
    owner = required_link(links, file.owner, file)
    return f"{object_ref(file.owner.kind, owner.target_id).path}/{file.part}"


def _written(
    project: Project,
    target: ObjectRef,
    owner_path: str,
    raw: Mapping[str, Any],
    notes: Sequence[Note] = (),
) -> Written:
    # A file cannot be edited, only deleted, so its id serves as its stamp.
    target_id = f"{owner_path}/{raw['id']}"
    url = str(raw.get("web_url") or _address(project, target, int(raw["id"])))
    return Written(target_id=target_id, url=url, stamp=target_id, notes=tuple(notes))


def _address(project: Project, target: ObjectRef, number: int) -> str:
    """Return the address of a file, for answers without ``web_url``.

    The vendor's document shows the address of a case's file (AttachmentResource). Guess for all
    others: in a session of the site the editor shows a picture from its address in the API.
    """
    if target.type == "test-cases":
        path = f"p/{project.config.project}/portal/attachment/testcase/attachmentId/{number}"
        return f"{project.config.base_url.rstrip('/')}/{path}"
    path = project.path(f"{target.path}/attachments/{number}")
    return f"{project.config.base_url.rstrip('/')}/{path}"


async def list_attached(project: Project, target: ObjectRef) -> Sequence[Mapping[str, Any]]:
    """Return the AttachmentResources of an object."""
    found: Sequence[Mapping[str, Any]] = await project.get(f"{target.path}/attachments")
    return found


async def hash_file(project: Project, target: ObjectRef, number: int) -> ContentHash:
    """Download a file to get its SHA-256 and size; raises as ``read_whole``."""
    # A file that was not scanned for viruses yet needs forceDownload (vendor's document).
    path = project.path(f"{target.path}/attachments/{number}")

    async def download() -> ContentHash:
        async with project.client.download(path, params={"forceDownload": "true"}) as body:
            return await ContentHash.of(body.chunks())

    return await read_whole(download)


async def find_files(project: Project, file: Attachment, links: Links) -> list[Found]:
    """Return the object's files with the same name and content."""
    target, notes = _place(file, links)
    notes += _encoded(file.name)
    names = {file.name, header_name(file.name)}
    found = []
    for each in await list_attached(project, target):
        name = str(each.get("name") or "")
        if {name, unquote(name)} & names:
            held = await hash_file(project, target, int(each["id"]))
            if held.sha256 == file.sha256:
                created = str(each.get("created_date") or "")
                path = _owner_path(file, links, target)
                earlier = _written(project, target, path, each, notes)
                found.append(Found(written=earlier, created=created))
    return found


async def locate_file(project: Project, target_id: str) -> tuple[ObjectRef, Mapping[str, Any]]:
    """Return the object that holds a file now, and the AttachmentResource.

    Raises:
        RejectedError: The file does not exist (status 404).
    """
    owner_path, _, number = target_id.rpartition("/")
    targets = [object_ref(Kind.ATTACHMENT, target_id)]
    if owner_path.count("/") > 1:
        # a step of a case: its id changes with each version, so its order is looked at first
        whole = await project.get(targets[0].path, expand="teststep")
        order = int(owner_path.rpartition("/")[2])
        steps = sort_steps(whole.get("test_steps") or ())
        first = steps[order - 1 : order]
        targets = [ObjectRef("test-steps", int(each["id"])) for each in [*first, *steps]]
    for target in dict.fromkeys(targets):
        for each in await list_attached(project, target):
            if str(each["id"]) == number:
                return target, each
    raise RejectedError(f"qTest has no file {target_id}", status=MISSING)


async def read_file(project: Project, target_id: str) -> Attachment:
    """Return a file with the digest of the content that qTest holds."""
    target, raw = await locate_file(project, target_id)
    return await file_record(project, target, target_id, raw)


async def file_record(
    project: Project, target: ObjectRef, target_id: str, raw: Mapping[str, Any]
) -> Attachment:
    """Download a listed file, and return it with its digest."""
    held = await hash_file(project, target, int(raw["id"]))
    return Attachment(
        key=target_id,
        name=str(raw.get("name") or ""),
        owner=Ref(Kind.ATTACHMENT, target.path),
        size=held.size,
        media_type=str(raw.get("content_type") or ""),
        sha256=held.sha256,
    )


async def delete_file(project: Project, target_id: str) -> None:
    """Delete a file."""
    target, raw = await locate_file(project, target_id)
    await project.send("DELETE", f"{target.path}/blob-handles/{raw['id']}")


async def list_files(
    project: Project, kind: Kind, owner: Written
) -> AsyncIterator[tuple[ObjectRef, str, Mapping[str, Any]]]:
    """Yield the files of an object and of its steps, after where they are and their target ids."""
    whole = object_ref(kind, owner.target_id)
    if whole.type not in OWNERS:
        return
    owner_paths = {whole: whole.path}
    if kind in PARTS:
        for part, number in owner.parts.items():
            target = ObjectRef(PARTS[kind], int(number))
            if kind is Kind.TEST_LOG:
                owner_paths[target] = target.path
            elif "/" not in part:  # files of called steps belong to the called case
                owner_paths[target] = f"{whole.path}/{part}"
    for target, owner_path in owner_paths.items():
        for each in await list_attached(project, target):
            yield target, f"{owner_path}/{each['id']}", each

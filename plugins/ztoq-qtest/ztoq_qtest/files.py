"""Uploads files, finds equal ones again, and tells what hangs on an object."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from ztoq_core.plugin import (
    Attachment,
    Found,
    Kind,
    Level,
    Links,
    Note,
    RecordError,
    Ref,
    RejectedError,
    Written,
)
from ztoq_qtest.kinds import Place, place_of
from ztoq_qtest.project import MISSING, Project
from ztoq_qtest.saving import Desk, Job, linked, with_id

__all__ = [
    "attachment_number",
    "delete_file",
    "file_places",
    "find_files",
    "read_file",
    "write_file",
]

PARTS: Mapping[Kind, str] = {Kind.TEST_CASE: "test-steps", Kind.TEST_LOG: "test-step-logs"}
PRINTABLE = re.compile(r"[ -~]+")


async def write_file(desk: Desk, file: Attachment, job: Job) -> Written:
    """Upload a file as the raw body (facts, section 8); one that is there stays as it is."""
    place, notes = _place(file, job.links)
    if job.target_id is not None:
        return Written(target_id=job.target_id, stamp=job.target_id, notes=tuple(notes))
    if job.content is None:
        raise RecordError(f"{file.ref} has no content")
    name = header_name(file.name)
    if name != file.name:
        text = f"the name {file.name!r} is percent-encoded: headers take no other characters"
        notes.append(Note(level=Level.CHANGE, code="file-name-encoded", text=text))
    answer = await desk.project.send(
        "POST",
        f"{place.path}/blob-handles",
        content=job.content,
        headers={
            "File-Name": name,
            "Content-Type": job.content.media_type or "application/octet-stream",
        },
        ref=file.ref,
    )
    return _written(place, with_id(answer, file.ref), notes)


def header_name(name: str) -> str:
    """Return a file name that a header can carry; ASCII names stay as they are.

    aiohttp sends headers as UTF-8 and servers read them as latin-1, so all else is percent-encoded.
    """
    if PRINTABLE.fullmatch(name):
        return name
    return quote(name, safe=" !#$&'()+,;=@[]^`{}~") or "file"


def _place(file: Attachment, links: Links) -> tuple[Place, list[Note]]:
    owner = linked(links, file.owner, file)
    if not file.part:
        return place_of(file.owner.kind, owner.target_id), []
    if (number := owner.parts.get(file.part)) and file.owner.kind in PARTS:
        return Place(PARTS[file.owner.kind], int(number)), []
    text = f"the step {file.part} of {file.owner} is not in qTest; its file hangs on the whole"
    return place_of(file.owner.kind, owner.target_id), [
        Note(level=Level.CHANGE, code="file-on-whole", text=text)
    ]


def _written(place: Place, raw: Mapping[str, Any], notes: Sequence[Note] = ()) -> Written:
    # a file cannot be edited, only removed
    target_id = f"{place.path}/{raw['id']}"
    url = str(raw.get("web_url") or "")
    return Written(target_id=target_id, url=url, stamp=target_id, notes=tuple(notes))


def attachment_number(target_id: str) -> int:
    """Return the attachment's id of a target id."""
    return int(target_id.rpartition("/")[2])


async def attached(project: Project, place: Place) -> Sequence[Mapping[str, Any]]:
    """Return the AttachmentResources of an object."""
    return await project.get(f"{place.path}/attachments") or ()


async def digest(project: Project, place: Place, number: int) -> tuple[str, int]:
    """Return the SHA-256 and size of a file as qTest holds it."""
    # a file that no scanner has passed yet is given only by force (vendor's document)
    path = project.path(f"{place.path}/attachments/{number}")
    found, size = hashlib.sha256(), 0
    async with project.client.download(path, params={"forceDownload": "true"}) as body:
        async for chunk in body.chunks():
            found.update(chunk)
            size += len(chunk)
    return found.hexdigest(), size


async def find_files(project: Project, file: Attachment, links: Links) -> list[Found]:
    """Return the object's files of the same name and content."""
    place, _ = _place(file, links)
    names = {file.name, header_name(file.name)}
    found = []
    for each in await attached(project, place):
        name = str(each.get("name") or "")
        if {name, unquote(name)} & names:
            sha256, _ = await digest(project, place, int(each["id"]))
            if sha256 == file.sha256:
                created = str(each.get("created_date") or "")
                found.append(Found(written=_written(place, each), created=created))
    return found


async def read_file(project: Project, target_id: str) -> Attachment:
    """Return a file as qTest holds it, with the digest of what it holds."""
    place, number = place_of(Kind.ATTACHMENT, target_id), attachment_number(target_id)
    raw = next((e for e in await attached(project, place) if int(e["id"]) == number), None)
    if raw is None:
        raise RejectedError(f"qTest: there is no file {target_id}", status=MISSING)
    sha256, size = await digest(project, place, number)
    return Attachment(
        key=target_id,
        name=str(raw.get("name") or ""),
        owner=Ref(Kind.ATTACHMENT, place.path),
        size=size,
        media_type=str(raw.get("content_type") or ""),
        sha256=sha256,
    )


async def delete_file(project: Project, target_id: str) -> None:
    """Remove a file from its object."""
    place = place_of(Kind.ATTACHMENT, target_id)
    await project.send("DELETE", f"{place.path}/blob-handles/{attachment_number(target_id)}")


async def file_places(
    project: Project, kind: Kind, owner: Written
) -> AsyncIterator[tuple[Place, Mapping[str, Any]]]:
    """Yield the files of an object and of its steps."""
    places = [place_of(kind, owner.target_id)]
    if kind in PARTS:
        places += [Place(PARTS[kind], int(n)) for n in dict.fromkeys(owner.parts.values())]
    for place in places:
        for each in await attached(project, place):
            yield place, each

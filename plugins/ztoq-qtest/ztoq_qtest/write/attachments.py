"""Uploads files, finds equal ones again, and tells what hangs on an object."""

from __future__ import annotations

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
    Tally,
    Written,
)
from ztoq_qtest.api.object_types import Place, place_of
from ztoq_qtest.api.project import MISSING, Project
from ztoq_qtest.write.save import Desk, Job, linked, looking_at_new
from ztoq_qtest.write.steps import in_order

__all__ = [
    "delete_file",
    "file_places",
    "find_files",
    "held_file",
    "read_file",
    "write_file",
]

PARTS: Mapping[Kind, str] = {Kind.TEST_CASE: "test-steps", Kind.TEST_LOG: "test-step-logs"}
OWNERS = frozenset({"releases", "requirements", "test-cases", "test-logs"})  # facts, section 8
PRINTABLE = re.compile(r"[ -~]+")


async def write_file(desk: Desk, file: Attachment, job: Job) -> Written:
    """Upload a file as the raw body (facts, section 8); one that is there stays as it is."""
    place, notes = _place(file, job.links)
    if job.target_id is not None:
        hold, _, number = job.target_id.rpartition("/")
        there = await attached(desk.project, place)
        raw = next((each for each in there if str(each["id"]) == number), {"id": number})
        return _written(desk.project, place, hold, raw, notes)
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
    raw = answer.body
    if file.inline and not raw.get("web_url"):  # texts are to show its address
        with looking_at_new(file.ref, new=True):
            there = await attached(desk.project, place)
        raw = next((each for each in there if each["id"] == raw["id"]), raw)
    return _written(desk.project, place, _hold(file, job.links, place), raw, notes)


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


def _hold(file: Attachment, links: Links, place: Place) -> str:
    """Return the path of what a file hangs on, in a form that outlives versions of a case."""
    if place.type != PARTS[Kind.TEST_CASE]:
        return place.path
    return (
        f"{place_of(file.owner.kind, linked(links, file.owner, file).target_id).path}/{file.part}"
    )


def _written(
    project: Project, place: Place, hold: str, raw: Mapping[str, Any], notes: Sequence[Note] = ()
) -> Written:
    # a file cannot be edited, only removed
    target_id = f"{hold}/{raw['id']}"
    url = str(raw.get("web_url") or _address(project, place, int(raw["id"])))
    return Written(target_id=target_id, url=url, stamp=target_id, notes=tuple(notes))


def _address(project: Project, place: Place, number: int) -> str:
    """Return where the API gives a file, for answers without ``web_url``.

    Of a case's file the vendor's document shows it (AttachmentResource). Guess for all others: an
    editor that is open in a session of the site shows a picture from the API.
    """
    if place.type == "test-cases":
        path = f"p/{project.config.project}/portal/attachment/testcase/attachmentId/{number}"
        return f"{project.config.base_url.rstrip('/')}/{path}"
    path = project.path(f"{place.path}/attachments/{number}")
    return f"{project.config.base_url.rstrip('/')}/{path}"


async def attached(project: Project, place: Place) -> Sequence[Mapping[str, Any]]:
    """Return the AttachmentResources of an object."""
    found: Sequence[Mapping[str, Any]] = await project.get(f"{place.path}/attachments")
    return found


async def tally(project: Project, place: Place, number: int) -> Tally:
    """Read a file as qTest holds it, for its SHA-256 and size."""
    # a file that no scanner has passed yet is given only by force (vendor's document)
    path = project.path(f"{place.path}/attachments/{number}")
    async with project.client.download(path, params={"forceDownload": "true"}) as body:
        return await Tally.of(body.chunks())


async def find_files(project: Project, file: Attachment, links: Links) -> list[Found]:
    """Return the object's files of the same name and content."""
    place, _ = _place(file, links)
    names = {file.name, header_name(file.name)}
    found = []
    for each in await attached(project, place):
        name = str(each.get("name") or "")
        if {name, unquote(name)} & names:
            held = await tally(project, place, int(each["id"]))
            if held.sha256 == file.sha256:
                created = str(each.get("created_date") or "")
                earlier = _written(project, place, _hold(file, links, place), each)
                found.append(Found(written=earlier, created=created))
    return found


async def held_file(project: Project, target_id: str) -> tuple[Place, Mapping[str, Any]]:
    """Return where a file hangs now, and its AttachmentResource.

    Raises:
        RejectedError: It is not there (status 404).
    """
    hold, _, number = target_id.rpartition("/")
    places = [place_of(Kind.ATTACHMENT, target_id)]
    if hold.count("/") > 1:  # a step of a case: the one of that order first
        whole = await project.get(places[0].path, expand="teststep")
        order = int(hold.rpartition("/")[2])
        steps = in_order(whole.get("test_steps") or ())
        first = steps[order - 1 : order]
        places = [Place("test-steps", int(each["id"])) for each in [*first, *steps]]
    for place in dict.fromkeys(places):
        for each in await attached(project, place):
            if str(each["id"]) == number:
                return place, each
    raise RejectedError(f"qTest: there is no file {target_id}", status=MISSING)


async def read_file(project: Project, target_id: str) -> Attachment:
    """Return a file as qTest holds it, with the digest of what it holds."""
    place, raw = await held_file(project, target_id)
    held = await tally(project, place, int(raw["id"]))
    return Attachment(
        key=target_id,
        name=str(raw.get("name") or ""),
        owner=Ref(Kind.ATTACHMENT, place.path),
        size=held.size,
        media_type=str(raw.get("content_type") or ""),
        sha256=held.sha256,
    )


async def delete_file(project: Project, target_id: str) -> None:
    """Remove a file from its object."""
    place, raw = await held_file(project, target_id)
    await project.send("DELETE", f"{place.path}/blob-handles/{raw['id']}")


async def file_places(
    project: Project, kind: Kind, owner: Written
) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """Yield the files of an object and of its steps; first the path as target ids have it."""
    whole = place_of(kind, owner.target_id)
    if whole.type not in OWNERS:
        return
    holds = {whole: whole.path}
    if kind in PARTS:
        for part, number in owner.parts.items():
            place = Place(PARTS[kind], int(number))
            if kind is Kind.TEST_LOG:
                holds[place] = place.path
            elif "/" not in part:  # of called steps the files are the called case's
                holds[place] = f"{whole.path}/{part}"
    for place, hold in holds.items():
        for each in await attached(project, place):
            yield hold, each

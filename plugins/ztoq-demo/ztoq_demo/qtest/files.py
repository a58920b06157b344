"""Attachments: raw uploads, base64 in bodies, lists and downloads (facts section 8)."""

from __future__ import annotations

import base64
import binascii
import operator
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
from ztoq_testkit.simulate import Refusal, Reply

from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.objects import Attachment, Place, Thing
from ztoq_demo.qtest.site import API, Call, Line, missing
from ztoq_demo.qtest.store import Received, pieces, too_large
from ztoq_demo.qtest.views import attachment, attachments

OWNERS = (
    "releases",
    "builds",
    "requirements",
    "test-cases",
    "test-logs",
    "test-steps",
    "test-step-logs",
    "defects",
)
SEARCHABLE = tuple(kind for kind in OWNERS if kind != "test-step-logs")
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "lt": operator.lt,
    "gt": operator.gt,
    "eq": operator.eq,
    "le": operator.le,
    "ge": operator.ge,
}


@attrs.frozen
class Inline:
    """A file that came in a body."""

    name: str
    content_type: str
    received: Received


def inline(call: Call, body: dict[str, Any]) -> list[Inline]:
    """Return the files of a body's ``attachments``, decoded, before anything is made.

    Raises:
        Refusal: 400 for what is no base64, 413 over the limit.
    """
    found = []
    for item in body.get("attachments") or ():
        if not isinstance(item, dict):
            raise bad("attachments must be objects")
        data = item.get("data")
        if data is None:  # an attachment that is there already, echoed
            continue
        name, media_type = item.get("name"), item.get("content_type")
        if not isinstance(name, str) or not name or not isinstance(media_type, str):
            raise bad("an attachment needs name and content_type")
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise bad("the data of an attachment must be base64") from None
        found.append(Inline(name, media_type, call.site.store.keep([content])))
    return found


def attach(call: Call, place: Place, file: Inline) -> Attachment:
    """Attach a file to an object."""
    value = Attachment(
        id=call.state.new_id(),
        project=call.project().id,
        owner=place,
        name=file.name,
        content_type=file.content_type,
        size=file.received.size,
        sha256=file.received.sha256,
        head=file.received.head,
        content=file.received.content,
        author=call.user.id,
        created=int(time.time()),
    )
    call.state.attachments[value.id] = value
    call.state.attached.setdefault(place, {})[value.id] = None
    return value


def attach_all(call: Call, place: Place, files: list[Inline]) -> None:
    """Attach files to an object."""
    for file in files:
        attach(call, place, file)


def owner(call: Call) -> Place:
    """Return the place that takes the files of the object in the path.

    Raises:
        Refusal: 400 for a type that takes none, 404 for an unknown object.
    """
    kind, number = call.request.params["objectType"], call.number("objectId")
    if kind not in OWNERS:
        raise bad(f"objectType {kind} takes no attachments")
    return place_of(call, kind, number)


def place_of(call: Call, kind: str, number: int) -> Place:
    """Return where the files of an object lie: those of a step stay with it through versions."""
    thing: Thing | None
    place = kind, number
    if kind == "test-steps":
        case, step = call.state.steps.get(number, (None, None))
        thing, place = case, (kind, step.line if step else number)
    elif kind == "test-step-logs":
        thing = call.state.step_logs.get(number, (None, None))[0]
    else:
        thing = call.state.objects.get(kind, {}).get(number)
    if thing is None or thing.project != call.project().id:
        raise missing(f"{kind} {number}")
    return place


async def upload(call: Call) -> Reply:
    """Take a raw body; its name and type are headers."""
    place, headers = owner(call), call.request.headers
    name, media_type = headers.get("File-Name"), headers.get("Content-Type")
    if not name or not media_type:
        raise bad("Bad Request - File-Name and Content-Type are required")
    if media_type.startswith("multipart/"):
        raise bad("Bad Request - the body must be the file itself")
    if int(headers.get("Content-Length", 0)) > call.site.options.file_limit:
        raise too_large()
    if call.request.chunks is None:
        raise bad("Bad Request - no body")
    received = await call.site.store.receive(call.request.chunks())
    owner(call)  # it may have been deleted meanwhile
    # headers are latin-1 (RFC 9110 section 5.5): a name sent in UTF-8 arrives garbled
    name = name.encode("utf-8", "surrogateescape").decode("latin-1")
    return Reply(201, attachment(call, attach(call, place, Inline(name, media_type, received))))


def listed(call: Call) -> Reply:
    return Reply(200, attachments(call, *owner(call)))


def _find(call: Call, name: str) -> Attachment:
    place = owner(call)
    value = call.state.attachments.get(call.number(name))
    if value is None or value.owner != place:
        raise missing("attachment")
    return value


def download(call: Call) -> Reply:
    value = _find(call, "attachmentId")
    kind = value.content_type
    if isinstance(value.content, bytes):
        return Reply(200, content=value.content, content_type=kind)
    if isinstance(value.content, Path):
        headers = {"Content-Length": str(value.size)}
        return Reply(200, content=pieces(value.content), content_type=kind, headers=headers)
    raise Refusal(404, {"message": "the simulator kept only the digest of this file"})


def delete(call: Call) -> Reply:
    value = _find(call, "blobHandleId")
    del call.state.attachments[value.id]
    del call.state.attached[value.owner][value.id]
    return Reply(200, {"message": "Deleted"})


def search(call: Call) -> Reply:
    """Find the attachments of one type of objects in the project."""
    kind = call.request.query.get("type")
    if kind not in SEARCHABLE:
        raise bad("type must be one of " + ", ".join(SEARCHABLE))
    project, numbers = call.project().id, call.listed("ids")
    author, created = call.asked("author"), _created(call.request.query.get("createdDate"))
    if numbers:
        if not all(number.isdigit() for number in numbers):
            raise bad("ids must be numbers")
        owners = [_site_place(call, kind, int(number)) for number in numbers]
        found = [
            call.state.attachments[n]
            for place in owners
            for n in call.state.attached.get(place, ())
        ]
    else:
        found = [a for a in call.state.attachments.values() if a.owner[0] == kind]
    chosen = [
        a
        for a in found
        if a.project == project and author in (None, a.author) and created(a.created)
    ]
    return call.paged(chosen, lambda value: attachment(call, value))


def _site_place(call: Call, kind: str, number: int) -> Place:
    try:
        return place_of(call, kind, number)
    except Refusal:
        return kind, number


def _created(text: str | None) -> Callable[[int], bool]:
    if text is None:
        return lambda _instant: True
    name, _, date = text.partition(" ")
    compare = COMPARISONS.get(name)
    try:
        limit = int(date) // 1000 if date.isdigit() else int(_instant_of(date))
    except ValueError:
        compare = None
    if compare is None:
        raise bad("createdDate must be an operator and a date")
    chosen = compare
    return lambda instant: chosen(instant, limit)


def _instant_of(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


_ONE = API + "/{objectType}/{objectId}"
LINES: tuple[Line, ...] = (
    ("GET", API + "/attachments", search),
    ("GET", _ONE + "/attachments", listed),
    ("GET", _ONE + "/attachments/{attachmentId}", download),
    ("DELETE", _ONE + "/blob-handles/{blobHandleId}", delete),
)
STREAMED = ("POST", _ONE + "/blob-handles", upload)

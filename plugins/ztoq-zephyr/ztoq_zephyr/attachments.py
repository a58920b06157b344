"""Lists and downloads the files of Zephyr's objects.

404 to a list means that the object has no files (schemas 2026-08). Any other refusal says nothing
about the tenant: a list that cannot be read stands as one file that cannot be read, so that its
owner arrives and the loss is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from ztoq_core.plugin import (
    HEAD,
    Attachment,
    Download,
    Level,
    Ref,
    RejectedError,
    Services,
    not_the_file,
)
from ztoq_zephyr.api import Api
from ztoq_zephyr.properties import lost_value
from ztoq_zephyr.values import mapped, text, whole, word

__all__ = ["Attachments", "Holder", "unlisted"]

OK = 200
NOT_FOUND = 404
UNLISTED = "#unlisted"
"""Ends the key of a file that stands for a list that could not be read."""
ENOUGH = 20
"""Refused lists of one kind of owner, with no other answer ever, after which none is asked for."""


@attrs.frozen(kw_only=True)
class Holder:
    """What may have files.

    ``owner`` is its name in the configuration, ``ref`` the record, ``path`` where the service
    keeps it. Of a step: ``step`` is Zephyr's id of it, ``part`` its place in the record.
    """

    owner: str
    ref: Ref
    path: str
    step: str = ""
    part: str = ""

    @property
    def key(self) -> str:
        """What the keys of its files begin with."""
        return f"{self.ref.key}/{self.step}" if self.step else self.ref.key


class Attachments:
    """Reads the files of one project. ``owners`` are the names of the configuration."""

    def __init__(self, api: Api, services: Services, owners: tuple[str, ...]) -> None:
        self._api = api
        self._services = services
        self._owners = frozenset(owners)
        self._working: set[str] = set()
        self._refused: Counter[str] = Counter()

    def wanted(self, owner: str) -> bool:
        """Return whether files of this owner are to be asked for."""
        return owner in self._owners

    async def of(self, holder: Holder) -> tuple[Attachment, ...]:
        """Return the files of a holder, each once."""
        owner = holder.owner
        if not self.wanted(owner):
            return ()
        path = f"{holder.path}/attachments"
        if owner not in self._working and self._refused[owner] >= ENOUGH:
            reason = f"GET {path} was not sent: {ENOUGH} lists of this kind were refused before it"
            return (_unlisted(holder, reason),)
        try:
            answer = await self._api.get(path, accept=(NOT_FOUND,))
        except RejectedError as error:
            self._refused[owner] += 1
            if owner not in self._working and self._refused[owner] == ENOUGH:
                self._advise(owner, str(error))
            return (_unlisted(holder, str(error)),)
        if answer.status == NOT_FOUND and not text(mapped(answer.body).get("message")):
            # Zephyr gives a reason; a page comes from something that stands before it
            return (_unlisted(holder, f"GET {path} answered 404, but not as Zephyr does"),)
        self._working.add(owner)
        return self._files(holder, answer.body["attachments"]) if answer.status == OK else ()

    def _files(self, holder: Holder, values: list[object]) -> tuple[Attachment, ...]:
        found = {}
        for value in values:
            number = whole(mapped(value).get("id"))
            if number is None:
                note = lost_value("a file", value)
                self._services.note(Level.LOSS, "file-without-id", note.text, holder.ref)
                continue
            found[number] = Attachment(
                key=f"{holder.key}#{number}",
                name=word(mapped(value).get("name")) or f"attachment-{number}",
                owner=holder.ref,
                part=holder.part,
                locator=f"{holder.path}/attachments/{number}",
                raw=mapped(value),
            )
        return tuple(found.values())

    def _advise(self, owner: str, reason: str) -> None:
        self._services.note(
            Level.LOSS,
            "files-not-offered",
            f"no list of the files of any {owner} could be read ({reason}); none is asked for any"
            f" more in this run. If this tenant does not offer them over its API, leave {owner!r}"
            " out of source.attachments",
        )

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content; raises as ``Source.download``."""
        async with self.open(attachment) as content:
            async for chunk in content.chunks():
                yield chunk

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[Download]:
        """Open the content; raises as ``Source.download``."""
        if unlisted(attachment):
            # a status, so that nobody asks for it again at once
            raise RejectedError(text(mapped(attachment.raw).get("reason")), status=NOT_FOUND)
        async with self._api.client.download(attachment.locator) as content:
            yield _Content(content, attachment)


def unlisted(file: Attachment) -> bool:
    """Return whether a file stands for a list that could not be read."""
    return file.key.endswith(UNLISTED)


def _unlisted(holder: Holder, reason: str) -> Attachment:
    """Return what stands for the files of a holder whose list cannot be read."""
    return Attachment(
        key=f"{holder.key}{UNLISTED}",
        name="files that could not be listed",
        owner=holder.ref,
        part=holder.part,
        locator=f"{holder.path}/attachments",
        raw={"reason": f"its files could not be listed: {reason}"},
    )


@attrs.frozen
class _Content:
    """The content of a file; what comes in its place is refused when its first bytes come."""

    _download: Download
    _file: Attachment

    @property
    def media_type(self) -> str:
        return self._download.media_type

    @property
    def size(self) -> int | None:
        return self._download.size

    async def chunks(self) -> AsyncIterator[bytes]:
        head, judged = b"", False
        async for chunk in self._download.chunks():
            if judged:
                yield chunk
                continue
            head += chunk
            if len(head) >= HEAD:
                judged = True
                yield self._judged(head)
        if not judged and head:
            yield self._judged(head)

    def _judged(self, head: bytes) -> bytes:
        if came := not_the_file(self._file.name, self.media_type, head):
            raise RejectedError(f"Zephyr: {self._file.key}: {came} came instead of the file")
        return head

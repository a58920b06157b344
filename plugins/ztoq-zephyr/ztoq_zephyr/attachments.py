"""Lists and downloads the files of Zephyr's objects.

404 to a list means that the object has no files (schemas 2026-08). Any other refusal may be about
this object alone: a list that cannot be read becomes one file that cannot be read, so that its
owner arrives and the loss counts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from ztoq_core.plugin import (
    HEAD,
    Attachment,
    Download,
    Ref,
    RejectedError,
    Services,
    not_the_file,
)
from ztoq_zephyr.api import Api
from ztoq_zephyr.config import ZephyrConfig
from ztoq_zephyr.note_codes import FILE_WITHOUT_ID, FILES_NOT_OFFERED
from ztoq_zephyr.properties import lost_value
from ztoq_zephyr.values import mapped, text, whole, word

OK = 200
NOT_FOUND = 404
UNLISTED = "#unlisted"
"""Suffix of the key of a file that replaces a list that could not be read."""
ENOUGH = 15
"""Refused lists of one kind of owner, without any good one, after which no more are requested. Each
five of them open the circuit breaker for 1.5 s, so that all is found out within 10 s."""
ATTEMPTS, AT_FIRST = 8, 4
"""Attempts for a list; and for the first one while none has been read, which take 4 s at most. The
lists after it get one attempt each until one is read: a tenant may answer 503 to all of them."""


@attrs.frozen(kw_only=True)
class FileOwner:
    """An object that may have files.

    ``kind`` is its name in the configuration, ``ref`` the record, ``path`` its path at the service.
    Of a step: ``step`` is Zephyr's id of it, ``part`` its position in the record.
    """

    kind: str
    ref: Ref
    path: str
    step: str = ""
    part: str = ""

    @property
    def key(self) -> str:
        """The prefix of the keys of its files."""
        return f"{self.ref.key}/{self.step}" if self.step else self.ref.key


class Attachments:
    """Reads the files of one project, as far as the configuration wants them.

    ``of_unexecuted_steps``: also those of steps that an execution lists without a result.
    """

    def __init__(self, api: Api, services: Services, config: ZephyrConfig) -> None:
        self._api = api
        self._services = services
        self._owners = frozenset(config.attachments)
        self.of_unexecuted_steps = config.unexecuted_step_files
        self._working: set[str] = set()
        self._refused: Counter[str] = Counter()
        self._finding_out = asyncio.Lock()

    def wanted(self, kind: str) -> bool:
        """Return whether files of this kind of owner are requested."""
        return kind in self._owners

    async def of(self, owner: FileOwner) -> tuple[Attachment, ...]:
        """Return the files of an owner, each once."""
        kind = owner.kind
        if not self.wanted(kind):
            return ()
        if kind not in self._working:
            # one at a time: side by side they would open the circuit breaker for everything else
            async with self._finding_out:
                if kind not in self._working:
                    return await self._at_first(owner)
        return await self._list(owner, ATTEMPTS)

    async def _at_first(self, owner: FileOwner) -> tuple[Attachment, ...]:
        """Return the files of an owner while no list of its kind has been read."""
        if self._refused[owner.kind] >= ENOUGH:
            path = f"{owner.path}/attachments"
            reason = f"GET {path} was not sent: {ENOUGH} lists of this kind were refused before it"
            return (_unlisted(owner, reason),)
        known = self._refused[owner.kind] or (self._refused and not self._working)
        return await self._list(owner, 1 if known else AT_FIRST)

    async def _list(self, owner: FileOwner, attempts: int) -> tuple[Attachment, ...]:
        kind, path = owner.kind, f"{owner.path}/attachments"
        try:
            answer = await self._api.get(path, accept=(NOT_FOUND,), attempts=attempts)
        except RejectedError as error:
            self._refused[kind] += 1
            if kind not in self._working and self._refused[kind] == ENOUGH:
                self._advise(kind, str(error))
            return (_unlisted(owner, str(error)),)
        if answer.status == NOT_FOUND and not text(mapped(answer.body).get("message")):
            # Zephyr gives a reason; an HTML page comes from a gateway in front of it
            return (_unlisted(owner, f"GET {path} answered 404, but not as Zephyr does"),)
        self._working.add(kind)
        return self._files(owner, answer.body["attachments"]) if answer.status == OK else ()

    def _files(self, owner: FileOwner, values: list[object]) -> tuple[Attachment, ...]:
        found = {}
        for value in values:
            number = whole(mapped(value).get("id"))
            if number is None:
                note = lost_value("a file", value)
                self._services.note(FILE_WITHOUT_ID, note.text, owner.ref)
                continue
            found[number] = Attachment(
                key=f"{owner.key}#{number}",
                name=word(mapped(value).get("name")) or f"attachment-{number}",
                owner=owner.ref,
                part=owner.part,
                locator=f"{owner.path}/attachments/{number}",
                raw=mapped(value),
            )
        return tuple(found.values())

    def _advise(self, kind: str, reason: str) -> None:
        self._services.note(
            FILES_NOT_OFFERED,
            f"no list of the files of any {kind} could be read ({reason}); no more are requested"
            f" in this run. If this tenant does not offer them over its API, remove {kind!r} from"
            " source.attachments",
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
            # with a status, so that it is not requested again at once
            raise RejectedError(text(mapped(attachment.raw).get("reason")), status=NOT_FOUND)
        async with self._api.client.download(attachment.locator) as content:
            yield _Content(content, attachment)


def unlisted(file: Attachment) -> bool:
    """Return whether a file replaces a list that could not be read."""
    return file.key.endswith(UNLISTED)


def _unlisted(owner: FileOwner, reason: str) -> Attachment:
    """Return a file that replaces the files of an owner whose list cannot be read."""
    return Attachment(
        key=f"{owner.key}{UNLISTED}",
        name="files that could not be listed",
        owner=owner.ref,
        part=owner.part,
        locator=f"{owner.path}/attachments",
        raw={"reason": f"its files could not be listed: {reason}"},
    )


@attrs.frozen
class _Content:
    """The content of a file; an error page instead of it is refused by its first bytes."""

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

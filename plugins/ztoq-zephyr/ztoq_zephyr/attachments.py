"""Lists and downloads the files of Zephyr's objects.

The endpoints are of mid-2026; tenants without them answer 403 or 503 (facts: a wrong path answers
403, a path that the gateway does not route 503). 404 means that the object has no files.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs

from ztoq_core.plugin import (
    AccessError,
    Attachment,
    Download,
    Level,
    Ref,
    RejectedError,
    Services,
)
from ztoq_zephyr.api import Api
from ztoq_zephyr.values import listed, mapped, text, whole

__all__ = ["Attachments", "Holder"]

OK = 200
NOT_FOUND = 404
UNROUTED = 503
NO_ENDPOINT = (403, UNROUTED)
LISTED = (NOT_FOUND, *NO_ENDPOINT)
IN_USE = ("test_case", "test_execution")
"""Owners whose paths are seen in use by others, so that 503 is no mistake of ours in the path."""
NO_PAGES = ("image/", "audio/", "video/", "application/pdf", "application/zip")
"""Types that are never a web page by another name, as office documents may well be."""
TEXTS = ("text/plain", "text/csv", "application/json")
"""Types of texts, which may hold a page; one that is also served as a page is none of them."""
PAGE_STARTS = (b"<!doctype html", b"<html")


@attrs.frozen(kw_only=True)
class Holder:
    """What may have files.

    ``owner`` is its name in the configuration, ``ref`` the record, ``path`` where the service
    keeps it. Of a step: ``step`` is Zephyr's id of it, ``part`` its place in the record. ``ours``
    False: it belongs to another project, so a refusal says nothing about the tenant.
    """

    owner: str
    ref: Ref
    path: str
    step: str = ""
    part: str = ""
    ours: bool = True


class Attachments:
    """Reads the files of one project. ``owners`` are the names of the configuration."""

    def __init__(self, api: Api, services: Services, owners: tuple[str, ...]) -> None:
        self._api = api
        self._services = services
        self._owners = frozenset(owners)
        self._working: set[str] = set()
        self._missing: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    def wanted(self, owner: str) -> bool:
        """Return whether files of this owner are to be asked for."""
        return owner in self._owners and owner not in self._missing

    async def of(self, holder: Holder) -> tuple[Attachment, ...]:
        """Return the files of a holder, each once."""
        if not self.wanted(holder.owner):
            return ()
        body = await self._list(holder)
        ref, path = holder.ref, holder.path
        found = {}
        for value in listed(body.get("attachments")):
            number = whole(mapped(value).get("id"))
            if number is None:
                self._services.note(
                    Level.LOSS, "file-without-id", "a file is listed without an id", ref
                )
                continue
            place = f"{ref.key}/{holder.step}" if holder.step else ref.key
            found[number] = Attachment(
                key=f"{place}#{number}",
                name=text(mapped(value).get("name")) or f"attachment-{number}",
                owner=ref,
                part=holder.part,
                locator=f"{path}/attachments/{number}",
                raw=mapped(value),
            )
        return tuple(found.values())

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content; raises as ``Source.download``."""
        async with self.open(attachment) as content:
            async for chunk in content.chunks():
                yield chunk

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[Download]:
        """Open the content; raises as ``Source.download``."""
        async with AsyncExitStack() as opened:
            try:
                content = await opened.enter_async_context(
                    self._api.client.download(attachment.locator)
                )
            except AccessError as error:
                # Essential lists files but refuses their content with 401 "Permission denied";
                # where the token is refused altogether, this call is too and its error goes on
                await self._api.show_that_all_is_well()
                raise RejectedError(
                    f"Zephyr: {attachment.key}: the content is refused ({error})",
                    status=error.status,
                ) from error
            yield _Content(content, attachment)

    async def _list(self, holder: Holder) -> Mapping[str, Any]:
        if holder.owner in self._working:
            return await self._ask(holder)
        # one at a time until it is known whether the tenant has this endpoint at all
        async with self._locks.setdefault(holder.owner, asyncio.Lock()):
            if holder.owner in self._missing:
                return {}
            if holder.owner not in self._working:
                return await self._ask(holder)
        return await self._ask(holder)

    async def _ask(self, holder: Holder) -> Mapping[str, Any]:
        path = f"{holder.path}/attachments"
        answer = await self._api.try_get(path, LISTED)
        if answer.status in NO_ENDPOINT:
            # much follows from this, so it is asked again once the service is seen to be well
            await self._api.show_that_all_is_well()
            answer = await self._api.try_get(path, LISTED)
        owner, status = holder.owner, answer.status
        if status in (OK, NOT_FOUND):
            self._working.add(owner)
            return mapped(answer.body) if status == OK else {}
        if owner in self._working or not holder.ours:
            # the endpoint is there, so this one object's files are refused
            self._services.note(
                Level.LOSS,
                "files-refused",
                f"the files of {owner} cannot be listed (status {status})",
                holder.ref,
            )
        else:
            self._lacks(owner, status)
        return {}

    def _lacks(self, owner: str, status: int) -> None:
        """Say once what this tenant does not offer: nothing at all, or files of some owners."""
        if self._working or not self._missing:
            what = f"the files of {owner}" if self._working else "files"
            self._services.note(
                Level.FALLBACK,
                "files-not-offered",
                f"this Zephyr tenant does not offer {what} over its API"
                f" (status {status} for those of {owner}); they are not migrated",
            )
        self._missing.add(owner)
        if status == UNROUTED and owner in IN_USE:
            # asking takes half a minute each time, and all these endpoints came together
            self._missing |= self._owners - self._working


@attrs.frozen
class _Content:
    """The content of a file; a web page in its place is refused when its first bytes come."""

    _download: Download
    _file: Attachment

    @property
    def media_type(self) -> str:
        return self._download.media_type

    @property
    def size(self) -> int | None:
        return self._download.size

    async def chunks(self) -> AsyncIterator[bytes]:
        first = True
        async for chunk in self._download.chunks():
            if first and _is_page(self._file.name, self.media_type, chunk):
                raise RejectedError(
                    f"Zephyr: {self._file.key}: a web page came instead of the file"
                )
            first = False
            yield chunk


def _is_page(name: str, media_type: str, chunk: bytes) -> bool:
    """Return whether a web page came where the name promises something else."""
    promised, _ = mimetypes.guess_type(name)
    if promised is None:  # what a machine knows of .log differs
        promised = "text/plain" if name.lower().endswith(".log") else ""
    told = media_type.partition(";")[0].strip().casefold() == "text/html"
    begun = chunk[:200].lstrip().lower().startswith(PAGE_STARTS)
    if promised.startswith(NO_PAGES):
        return told or begun
    return promised in TEXTS and told and begun

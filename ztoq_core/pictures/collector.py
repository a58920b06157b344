"""Finds the pictures in texts, makes attachments of them and fetches them.

A picture is taken from the first of these that has it: the text itself (a data URI), the source
with its own credentials, the folder of the configuration, its address. One that none of them has is
lost with a reason; a later extraction tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, unquote_plus, unquote_to_bytes, urlsplit

import attrs
from loguru import logger

from ztoq_core.contracts import Pictures, Source
from ztoq_core.convert import dumps
from ztoq_core.errors import RejectedError
from ztoq_core.media import CAME, HEAD, SVG, image_type, text_form
from ztoq_core.note_codes import PICTURE_BY_NAME
from ztoq_core.pictures.addresses import image_src, images_in, texts_of
from ztoq_core.pictures.settings import CutShortError, Images
from ztoq_core.records import Attachment, Image, Kind, Record, Ref, TestCycle
from ztoq_core.store import Store, StoredFile

INLINE = "#img-"
"""What separates the owner's part of a picture's key from its own part."""

LOST = "could not be fetched: "
_CHUNK = 256 * 1024
_LONGEST_NAME = 200
_LONGEST_BYTE = 3
"""Characters that a byte takes in a data URI: ``%00``."""

_ATTEMPTS = 2
_ANY = re.compile(
    r"(?:image|img|screen ?shot|picture|photo|clipboard|paste\w*|untitled|unnamed)?[\W\d_]*\.\w+",
    re.IGNORECASE,
)
"""Names that do not tell pictures apart: any picture that was pasted may have them."""
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[^;,]*)*),", re.IGNORECASE)
_ENDINGS = {"image/jpeg": ".jpg", SVG: ".svg"}


@attrs.frozen
class PictureSources:
    """Where an extraction gets pictures from; ``fetch`` yields the content of an address.

    ``fetch`` raises RejectedError, CutShortError if trying again may help, and RetryableError if
    the run has to end: a later one then fetches the picture.
    """

    images: Images
    fetch: Callable[[str], AsyncIterator[bytes]] | None = None


class PictureCollector:
    """Collects the pictures of one extraction."""

    def __init__(
        self,
        store: Store,
        source: Source,
        pictures: PictureSources,
        picture_name: Callable[[str], str],
    ) -> None:
        """Get pictures from ``pictures`` and ``source``; ``picture_name`` as in ``SourceRules``."""
        self._store = store
        self._original_name = picture_name
        self._source = source
        self._fetch = pictures.fetch
        self._images = pictures.images
        self.left = False
        """Whether pictures were found and left alone, since none are to be fetched."""

    @property
    def fetches(self) -> bool:
        """Whether pictures are fetched at all."""
        return self._images.fetch

    # ------------------------------------------------------------------------------- finding

    def with_pictures(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """Return the records with the pictures that their texts show, and those as files."""
        files = [each for each in records if isinstance(each, Attachment)]
        found: list[Record] = []
        for record in records:
            # most records show none; their JSON was written when they were checked
            if isinstance(record, Attachment) or b"<img" not in dumps(record).lower():
                found.append(record)
                continue
            shown = _shown(record)
            if not shown:
                found.append(record)
            elif not self._images.fetch:
                self.left = True
                found.append(record)
            else:
                own = [file for file in files if file.owner == record.ref]
                names = {src: self._name(src, whole) for src, whole in shown.items()}
                found += _as_attachments(record, names, own)
        return tuple(found)

    def _name(self, src: str, whole: str) -> tuple[str, bool]:
        """Return the name of a picture, and whether it is known to be the one it had originally."""
        if src.startswith("data:"):
            match = _DATA.match(whole)
            type_ = (match[1] or "").lower() if match else ""
            ending = _ENDINGS.get(type_, f".{type_.rpartition('/')[2]}" if type_ else "")
            return f"picture{ending}", False
        last = unquote_plus(_last(src))
        original = self._original_name(last)
        name = "".join(char if char.isprintable() else " " for char in original or last)
        stem, dot, ending = name.rpartition(".")
        if len(name) > _LONGEST_NAME:
            name = f"{stem[: _LONGEST_NAME - 10]}{dot}{ending[:9]}"
        return name.strip() or "picture", bool(original)

    # ------------------------------------------------------------------------------ fetching

    async def keep(self, file: Attachment) -> StoredFile:
        """Fetch a picture into the store.

        Raises:
            RejectedError: It cannot be fetched, or what came is not a picture.
        """
        if not self._images.fetch:
            raise RejectedError("pictures are not to be fetched (images.fetch = false)")
        refused: RejectedError | None = None
        for way in self._ways(file):
            try:
                return await self._kept(file, way)
            except RejectedError as error:
                refused = refused or error
        if refused is None and self._fetch is not None and _has_host(file.locator):
            return await self._fetched(file, self._fetch)
        raise refused or RejectedError("its address names no host")

    async def _kept(self, file: Attachment, chunks: AsyncIterator[bytes]) -> StoredFile:
        types: list[str] = []
        kept = await self._store.files.keep(file.name, self._checked(chunks, types))
        # recognised by the content: a name like page.html would have it shown as a page
        return attrs.evolve(kept, media_type=types[0])

    def _ways(self, file: Attachment) -> Iterator[AsyncIterator[bytes]]:
        """Yield the contents from all sources but the address, the best first."""
        if file.locator.startswith("data:"):
            yield self._from_text(file)
            return
        # without credentials, the source's own host answers with a page to log in
        source = self._source
        if isinstance(source, Pictures) and (chunks := source.picture(file)) is not None:
            yield chunks
        if path := self._in_folder(file.locator):
            yield _read(path)

    async def _fetched(
        self, file: Attachment, fetch: Callable[[str], AsyncIterator[bytes]]
    ) -> StoredFile:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._kept(file, fetch(file.locator))
            except CutShortError as error:
                logger.debug("once more: {}", error)
        return await self._kept(file, fetch(file.locator))

    async def _from_text(self, file: Attachment) -> AsyncIterator[bytes]:
        record = await self._store.transformation.record(file.owner)
        uri = _shown(record).get(file.locator) if record else None
        match = _DATA.match(uri or "")
        if uri is None or match is None:
            raise RejectedError("its data URI cannot be read")
        body = uri[match.end() :]
        if len(body) > _LONGEST_BYTE * self._images.max_size:
            raise RejectedError("its data URI holds more than images.max_size allows")
        try:
            data = unquote_to_bytes(body)
            if match[2].lower().endswith(";base64"):
                # padding may be left out; any other character is an error
                bare = b"".join(data.split()).rstrip(b"=")
                data = b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
        except ValueError as error:
            raise RejectedError("its data URI cannot be decoded") from error
        yield data

    def _in_folder(self, src: str) -> Path | None:
        if self._images.folder is None:
            return None
        last = _last(src)
        stored = dict.fromkeys((last, unquote(last), unquote_plus(last)))
        own = [original for name in stored if (original := self._original_name(name))]
        for name in (*stored, *own):
            # a bare name: no text may lead out of the folder
            if name not in {"", ".", ".."} and not set("/\\\0") & set(name):
                path = self._images.folder / name
                if _is_file(path):
                    return path
        return None

    async def _checked(
        self, chunks: AsyncIterator[bytes], types: list[str]
    ) -> AsyncIterator[bytes]:
        """Yield a picture of an allowed type and size, and nothing else; add its type to types."""
        head, size, known = b"", 0, False
        try:
            async for chunk in _in_time(chunks, self._images.timeout):
                size += len(chunk)
                if size > self._images.max_size:
                    raise RejectedError(
                        f"it has more than {self._images.max_size:,} bytes (images.max_size)"
                    )
                head += b"" if known else chunk
                if known:
                    yield chunk
                elif len(head) >= HEAD:
                    types.append(self._picture_type(head))
                    known = True
                    yield head
        finally:
            # frees the connection now, not when the generator is garbage-collected
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        if not known:
            types.append(self._picture_type(head))
            yield head

    def _picture_type(self, head: bytes) -> str:
        found = image_type(head[:HEAD])
        if not found:
            came = CAME[text_form(head)] or ("something else" if head else "nothing")
            raise RejectedError(f"{came} came instead of a picture")
        if found not in self._images.types:
            raise RejectedError(f"pictures of the type {found} are not accepted (images.types)")
        return found


def loss_reason(src: str) -> str:
    """Return the beginning of the reason for a lost picture; without query and credentials."""
    bare = "in the text itself" if src.startswith("data:") else src.partition("?")[0]
    where = bare.rpartition("@")[2] if "@" in bare.partition("//")[2].partition("/")[0] else bare
    return f"The picture {where.partition('#')[0][:200]} {LOST}"


async def _in_time(chunks: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Yield the chunks; all must arrive within a time that begins with the first one.

    Before that, the source may be waiting for its permit.
    """
    loop = asyncio.get_running_loop()
    end: float | None = None
    while True:
        try:
            async with asyncio.timeout_at(end):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise RejectedError(f"it took more than {seconds:g} s (images.timeout)") from error
        if chunk is None:
            return
        end = end or loop.time() + seconds
        yield chunk


async def _read(path: Path) -> AsyncIterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk
    except OSError as error:
        raise RejectedError(f"{path.name!r} in images.folder: {error.strerror}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that this file system cannot have
        return False


def _last(src: str) -> str:
    """Return the last part of an address's path, which need not be a URL."""
    return src.partition("?")[0].partition("#")[0].rpartition("/")[2]


def _has_host(src: str) -> bool:
    try:
        return bool(urlsplit(src).netloc)
    except ValueError:
        return True  # the fetcher reports what is wrong with it


def _shown(record: Record) -> Mapping[str, str]:
    """Return the addresses of a record's pictures as the texts have them, by ``Image.src``."""
    return {image_src(src): src for text in texts_of(record) for src in images_in(text) if src}


def _as_attachments(
    record: Record, names: Mapping[str, tuple[str, bool]], own: Sequence[Attachment]
) -> Iterator[Record]:
    """Yield the record and the files of its pictures; ``names`` are by address, as of ``_name``."""
    often = Counter(name for name, _ in names.values())
    often.update(f"file {file.name}" for file in own)
    images, notes, files = [], list(record.notes), []
    for src, (name, is_original) in names.items():
        file = _by_address(src, own)
        distinct = is_original and not _ANY.fullmatch(name)
        if not file and distinct and often[name] == often[f"file {name}"] == 1:
            file = next(each for each in own if each.name == name)
            text = f"the picture {name!r} in a text is taken to be the attachment of that name"
            notes.append(PICTURE_BY_NAME.note(text))
        if not file:
            number = hashlib.sha1(src.encode("utf-8", "surrogatepass"), usedforsecurity=False)
            file = Attachment(
                key=f"{record.key}{INLINE}{number.hexdigest()[:12]}",
                name=name,
                owner=record.ref,
                plan=next(iter(record.plans), None) if isinstance(record, TestCycle) else None,
                locator=src,
                inline=True,
            )
            files.append(file)
        images.append(Image(src=src, file=Ref(Kind.ATTACHMENT, file.key)))
    yield attrs.evolve(record, images=tuple(images), notes=tuple(notes))
    yield from files


def _by_address(src: str, own: Sequence[Attachment]) -> Attachment | None:
    """Return the attachment whose address in the source's API this is, if any."""
    if src.startswith("data:") or not own:
        return None
    path = f"/{src.partition('?')[0].partition('#')[0].lstrip('/')}"
    ends = (file for file in own if "/" in file.locator and path.endswith(f"/{file.locator}"))
    return next(ends, None)

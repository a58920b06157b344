"""The attachments of a simulated tenant."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import shake_128
from pathlib import Path, PurePath

import attrs

_CHUNK = 65_536
_MAGIC = {
    ".gif": b"GIF89a",
    ".jpeg": b"\xff\xd8\xff\xe0",
    ".jpg": b"\xff\xd8\xff\xe0",
    ".pdf": b"%PDF-1.7\n",
    ".png": b"\x89PNG\r\n\x1a\n",
    ".zip": b"PK\x03\x04",
}


@attrs.define(kw_only=True)
class File:
    """An attachment: its bytes are given (``base64``, or a ``path``) or made (``size``, ``seed``).

    Made bytes are the same for the same seed and begin as the name's ending demands (a PNG's
    signature …), so that a corpus with gigabytes of files stays small. A relative ``path`` counts
    from the corpus file.
    """

    id: int
    name: str
    base64: str | None = None
    path: str | None = None
    size: int = 0
    seed: int = 0

    @classmethod
    def of(cls, id: int, name: str, content: bytes) -> File:  # noqa: A002 - Zephyr's word
        """Return a file that holds ``content``."""
        return cls(id=id, name=name, base64=base64.b64encode(content).decode())

    def chunks(self, folder: Path | None = None) -> Iterator[bytes]:
        """Yield the content; ``folder`` is where a relative ``path`` counts from."""
        if self.base64 is not None:
            yield base64.b64decode(self.base64)
        elif self.path is not None:
            with ((folder or Path()) / self.path).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        else:
            start = _MAGIC.get(PurePath(self.name).suffix.lower(), b"")
            for number, begin in enumerate(range(0, self.size, _CHUNK)):
                length = min(_CHUNK, self.size - begin)
                made = shake_128(f"{self.seed}/{number}".encode()).digest(length)
                yield (start + made)[:length] if number == 0 else made

    def content(self, folder: Path | None = None) -> bytes:
        """Return the whole content."""
        return b"".join(self.chunks(folder))

    def length(self, folder: Path | None = None) -> int:
        """Return the size of the content in bytes."""
        if self.base64 is not None:
            return len(base64.b64decode(self.base64))
        return self.size if self.path is None else ((folder or Path()) / self.path).stat().st_size

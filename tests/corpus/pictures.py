"""The pictures that the corpus' texts show: invented contents under the real ones' stored names.

The real ones lie on hosts that are long gone; whoever kept copies has them in a folder by these
names.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from tests.corpus.real import Json
from tests.corpus.texts import pictures

FOLDER = "pictures"


def write(folder: Path, texts: Iterable[str | None]) -> None:
    """Write each picture that the texts show into ``folder``."""
    folder.mkdir(exist_ok=True)
    for src in {src for text in texts for src in pictures(text)}:
        (folder / _stored(src)).write_bytes(_content(src))


def digest(src: str) -> str:
    """Return the digest of the picture at an address."""
    return sha256(_content(src)).hexdigest()


def files_of(texts: Iterable[str | None]) -> list[tuple[str, str]]:
    """Return original name and digest of each picture in the texts, once."""
    found = dict.fromkeys(src for text in texts for src in pictures(text))
    return [(_original(src), digest(src)) for src in found]


def case_texts(case: Json) -> list[str | None]:
    """Return the texts of a case that may show pictures."""
    return [
        case["objective"],
        case.get("precondition"),
        *_fields(case.get("customFields")),
        *(text for step in case["steps"] for text in step_texts(step)),
    ]


def step_texts(step: Json) -> list[str | None]:
    """Return the texts of a step that may show pictures, in the order in which they stand."""
    inline = step["inline"]
    if not inline:
        return []
    return [
        inline["description"],
        inline["testData"],
        *_fields(inline["customFields"]),
        inline["expectedResult"],
    ]


def log_texts(execution: Json, *, joined: bool = False) -> list[str | None]:
    """Return the texts of an execution that may show pictures; joined ones leave some to steps."""
    names = ("testData", "actualResult", *(() if joined else ("description", "expectedResult")))
    return [
        execution["comment"],
        *_fields(execution["customFields"]),
        *(result.get(name) for result in execution["results"] for name in names),
    ]


def _fields(values: dict[str, Any] | None) -> list[str]:
    return [value for value in (values or {}).values() if isinstance(value, str)]


def _stored(src: str) -> str:
    return src.rpartition("/")[2]


def _original(src: str) -> str:
    # embedded-<64 digits>-<time>-<name>
    return unquote_plus(_stored(src).split("-", 3)[3])


def _content(src: str) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + sha256(_stored(src).encode()).digest() * 8

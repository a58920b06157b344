"""Replaces the addresses of pictures in texts by references to their files."""

from __future__ import annotations

from html import escape
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import attrs

from ztoq_core.plugin import Image, Record, Ref, change_images, image_src, with_texts
from ztoq_mappings.note_codes import IMAGE_LOST
from ztoq_mappings.note_collector import NoteCollector

R = TypeVar("R", bound=Record)


def with_pictures(record: R) -> R:
    """Return the record with texts that show the target's copies of its pictures.

    A picture's address becomes that of its file (``Ref.address``, which ``finish`` resolves);
    one that is lost becomes words that name it, its address and the reason. Pictures that the
    record does not list stay as they are.
    """
    if not record.images:
        return record
    images = {image.src: image for image in record.images}
    refers: dict[Ref, None] = dict.fromkeys(record.text_refs)
    lost: set[str] = set()

    def change(address: str) -> str | None:
        image = images.get(image_src(address))
        if image is None:
            return None
        if image.lost:
            lost.add(image.src)
            return _placeholder(image)
        refers[image.file] = None
        return image.file.address

    changed = with_texts(record, lambda text: change_images(text, change))
    notes = NoteCollector(record.notes)
    if lost:
        # its own record counts as the loss; here words replace it
        notes.add(IMAGE_LOST, "a picture could not be fetched; words replace it in the text")
    return attrs.evolve(changed, text_refs=tuple(refers), notes=notes.notes())


def _placeholder(image: Image) -> str:
    # not the reason, which differs from run to run; the report has it
    words = f"Picture not migrated: {_name(image.src)}"
    if not image.src.startswith("data:"):
        words += f" {image.src}"
    # a span is allowed wherever a picture is
    return f"<span>[{escape(words)}]</span>"


def _name(src: str) -> str:
    if src.startswith("data:"):
        return "in the text itself"
    try:
        path = urlsplit(src).path
    except ValueError:  # no URL at all
        path = src
    return unquote(path.rstrip("/").rpartition("/")[2]) or "without a name"

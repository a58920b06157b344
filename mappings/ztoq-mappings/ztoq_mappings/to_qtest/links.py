"""Writes links to issues and pages as text, if the target cannot link them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.plugin import Link
from ztoq_mappings import markup
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import address, plain, rich


def listed(title: str, links: Iterable[Link], notes: NoteCollector) -> str:
    """Return a heading with a list of links as HTML, ``""`` for no links."""
    items = [rich(markup.link(link), notes) for link in links]
    return markup.heading(title) + markup.bullets(items) if items else ""


def checked(links: Iterable[Link], notes: NoteCollector) -> tuple[Link, ...]:
    """Return the links with texts that the target accepts."""
    return tuple(
        attrs.evolve(link, url=address(link.url, notes), text=plain(link.text, notes))
        for link in links
    )

"""Which written records to ask for what lies under them: only those that should have something."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.contracts import Owner
from ztoq_core.records import Attachment, Record, Ref
from ztoq_core.store import Stored

__all__ = ["owners_of"]


def owners_of(children: Iterable[Record], among: Iterable[Stored]) -> list[Owner]:
    """Return those ``among`` the stored that any of the children belongs to.

    Where files hang on parts of the owner, only these parts are named: each is a call.
    """
    parts: dict[Ref, set[str]] = {}
    for child in children:
        part = child.part if isinstance(child, Attachment) else ""
        for ref in child.parents():
            parts.setdefault(ref, set()).add(part)
    return [
        (
            each.record,
            attrs.evolve(
                each.written,
                parts={
                    part: number
                    for part, number in each.written.parts.items()
                    if part in parts[each.ref]
                },
            ),
        )
        for each in among
        if each.ref in parts
    ]

"""Compares the contents of objects chosen at random, where comparing all would cost too much."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from heapq import nsmallest

import attrs

from ztoq_core.engine.validate.contents import ContentCheck
from ztoq_core.records import Kind
from ztoq_core.store import Sample

_PAGE = 1_000
_AT_ONCE = 100


async def compare_sample(
    contents: ContentCheck, sample: Sample, missing: Mapping[Kind, Collection[str]]
) -> Sample:
    """Read the objects of a sample one by one and compare them; return it with its numbers.

    What is ``missing``, by kind and key, is no part of the whole: that was found already.
    """
    store, waits = contents.run.store, contents.run.waits
    drawn: list[tuple[bytes, Kind, str]] = []
    total = after = 0
    while rows := await store.validation.comparable(after, _PAGE):
        after = rows[-1][0]
        there = [row for row in rows if row[2] not in missing.get(row[1], ())]
        total += len(there)
        numbered = [(_number(sample.seed, kind, key), kind, id_) for _, kind, key, id_ in there]
        drawn = nsmallest(sample.size, [*drawn, *numbered])
    by_kind: dict[Kind, list[str]] = {}
    for _, kind, target_id in drawn:
        by_kind.setdefault(kind, []).append(target_id)
    for kind, ids in by_kind.items():
        for start in range(0, len(ids), _AT_ONCE):
            if not waits.stopping:
                await contents.compare(kind, dict.fromkeys(ids[start : start + _AT_ONCE]))
    unread = len({ref for ref, _ in await store.validation.unchecked(sample.size)})
    found = sum(each.records for each in await store.validation.contents())
    return attrs.evolve(sample, compared=found - unread, total=total)


def _number(seed: int, kind: Kind, key: str) -> bytes:
    """Return a number that depends on the seed and the record alone, as good as a random one."""
    return hashlib.sha256(f"{seed} {kind} {key}".encode("utf-8", "surrogatepass")).digest()
